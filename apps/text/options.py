"""What can be asked of a training of texts: the options, their checks, and how a run remembers them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from common.errors import UsageError
from common.registry import Registry
from common.runs import check_arguments

__all__ = ["BLEND", "NETWORK_OPTIONS", "TrainOptions"]

BLEND = "blend"  # n-grams and ``kim`` together

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
        embeddings: file of word vectors to start from; "" for random ones.
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
    train_size: int | None = None
    epochs: int | None = None
    batch: int | None = None
    rate: float | None = None
    seed: int = 0
    device: str = "auto"

    def checked_arguments(self) -> dict[str, Any]:
        """Check what can be checked without a framework, and return the options of the network's function.

        Raises:
            UsageError: an unknown network or argument.
        """
        check_arguments(self.network, self.arguments or {}, NETWORK_OPTIONS)
        if self.embeddings and "vectors" not in NETWORK_OPTIONS.get(self.network):
            raise UsageError(f"network {self.network!r} has no word vectors", "leave out --embeddings")
        return dict(self.arguments or {})
