"""What can be asked of a training of texts: the options, their checks, and how a run remembers them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from common.errors import UsageError
from common.losses import check_pairing
from common.registry import Registry
from common.runs import check_arguments

__all__ = [
    "BLEND",
    "ENCODER",
    "NEIGHBOURS",
    "NETWORK_OPTIONS",
    "EncoderOptions",
    "PretrainOptions",
    "TrainOptions",
    "recipe_changes",
]

BLEND = "blend"  # n-grams and ``kim`` together
ENCODER = "encoder"  # gives vectors, not classes
NEIGHBOURS = "neighbours"  # learns word vectors

# Names that the networks have too, so that a slip of the pen costs no import of a framework.
NETWORK_OPTIONS = Registry[tuple[str, ...]]("network")
_CONVOLUTIONS = ("dim", "filters", "word_dropout", "dropout", "vectors")
NETWORK_OPTIONS.register(BLEND, (*_CONVOLUTIONS, "widths"))
NETWORK_OPTIONS.register("kim", (*_CONVOLUTIONS, "widths"))
NETWORK_OPTIONS.register("dpcnn", (*_CONVOLUTIONS, "heights"))
NETWORK_OPTIONS.register("char", ("dim", "filters", "dropout"))
NETWORK_OPTIONS.register("ngram", ())


@dataclass(frozen=True)
class TrainOptions:
    """What was asked for; written into the run as ``options.json``.

    Args:
        data: a file or folder of labelled texts, or a TFDS name.
        held: a file of labelled texts to choose on; "" to hold some out.
        test: a file of labelled texts to test on; "" for a test split of the data.
        text, label: names or numbers of the columns; "" to guess them.
        several: what stands between the labels of one text.
        network: ``blend``, ``kim``, ``dpcnn``, ``char`` or ``ngram``.
        arguments: of the network's function.
        embeddings: file of word vectors to start from; "" for those that ship, "none" for random ones.
        weights: a model whose convolutional part to start from, instead of word vectors.
        unlabelled: file of further texts without labels to learn from; "" for none.
        train_size: number of training texts, stratified; None for all.
        epochs, batch, rate: instead of the recipe's.
        seed: of everything.
        device: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
    """

    data: str
    held: str = ""
    test: str = ""
    text: str = ""
    label: str = ""
    several: str = ""
    network: str = BLEND
    arguments: dict[str, Any] | None = None
    embeddings: str = ""
    weights: str = ""
    unlabelled: str = ""
    train_size: int | None = None
    epochs: int | None = None
    batch: int | None = None
    rate: float | None = None
    seed: int = 0
    device: str = "auto"

    @property
    def uses_vectors(self) -> bool:
        """Whether the network can start from word vectors."""
        return "vectors" in NETWORK_OPTIONS.get(self.network)

    def checked_arguments(self) -> dict[str, Any]:
        """Check what can be checked without a framework, and return the options of the network's function.

        Raises:
            UsageError: an unknown network or argument.
        """
        check_arguments(self.network, self.arguments or {}, NETWORK_OPTIONS)
        if self.embeddings not in ("", "none") and not self.uses_vectors:
            raise UsageError(f"network {self.network!r} has no word vectors", "leave out --embeddings")
        if self.weights and (self.network not in (BLEND, "kim") or self.embeddings or self.arguments):
            raise UsageError(
                "--weights gives a blend or a kim its vectors and its shape",
                "leave out --embeddings and --vectors, and other networks",
            )
        if self.network == "ngram" and (self.epochs or self.batch or self.rate):
            raise UsageError(
                "network 'ngram' is solved exactly, without steps", "leave out --epochs, --batch and --rate"
            )
        if self.unlabelled and self.network == "ngram":
            # Measured: its answers on unlabelled texts teach it nothing that it does not know.
            raise UsageError("network 'ngram' learns nothing from unlabelled texts", "leave out --unlabelled")
        return dict(self.arguments or {})


@dataclass(frozen=True)
class EncoderOptions:
    """What was asked of an encoder's training; written into the run as ``options.json``.

    Args:
        data: a file or folder of texts, with labels or without.
        text, label: names or numbers of the columns; "" to guess them.
        several: what stands between the labels of one text.
        neighbours: learn from neighbouring passages even where there are labels.
        loss: ``contrastive`` or ``triplet``.
        size: length of the vector of a text.
        embeddings: word vectors to start from; "" for those that ship, "none" for random ones.
        epochs, batch, rate: instead of the recipe's.
        seed: of everything.
        device: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
    """

    data: str
    text: str = ""
    label: str = ""
    several: str = ""
    neighbours: bool = False
    loss: str = "contrastive"
    size: int = 128
    embeddings: str = ""
    epochs: int | None = None
    batch: int | None = None
    rate: float | None = None
    seed: int = 0
    device: str = "auto"

    def check(self) -> None:
        """Check what can be checked without a framework.

        Raises:
            UsageError: a loss that does not compare vectors.
        """
        check_pairing(self.loss, "groups")


@dataclass(frozen=True)
class PretrainOptions:
    """What was asked of learning word vectors; written into the run as ``options.json``.

    Args:
        data: files or folders of texts.
        words: the most frequent ones get a vector.
        size: length of a word's vector.
        regions: features of a region.
        width: words of a region.
        passes: over the texts.
        seed: of everything.
        device: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
    """

    data: tuple[str, ...]
    words: int = 30_000
    size: int = 128
    regions: int = 256
    width: int = 5
    passes: float = 5.0
    seed: int = 0
    device: str = "auto"


def recipe_changes(options: TrainOptions | EncoderOptions) -> dict[str, Any]:
    """Return what the options ask for instead of the recipe's."""
    asked = {"epochs": options.epochs, "batch": options.batch, "rate": options.rate}
    return {name: value for name, value in asked.items() if value}
