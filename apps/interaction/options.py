"""What can be asked of a training: the options, their checks, and how a run remembers them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from common.errors import UsageError
from common.losses import check_pairing
from common.registry import Registry
from common.runs import check_arguments

__all__ = ["NETWORK_OPTIONS", "SPLIT_NAMES", "TrainOptions", "recipe_changes"]

# Names that the networks and the splits have too, so that a slip of the pen costs no import of a framework.
NETWORK_OPTIONS = Registry[tuple[str, ...]]("network")
NETWORK_OPTIONS.register(
    "cnn",
    (
        "width",
        "atoms",
        "graph_steps",
        "channels",
        "dilations",
        "heads",
        "sizes",
        "hidden",
        "dropout",
        "floor",
    ),
)
NETWORK_OPTIONS.register("fingerprint", ("width", "sizes", "hidden", "dropout", "floor"))
NETWORK_OPTIONS.register("deepdta", ("filters", "drug_width", "protein_width", "dropout", "floor"))
SPLIT_NAMES = ("published", "random", "cold-drug", "cold-target", "cold-both", "scaffold")


@dataclass(frozen=True)
class TrainOptions:
    """What was asked for; written into the run as ``options.json``.

    Args:
        data: a table of pairs, or the folder of a grid.
        columns: names of the columns ``smiles``, ``protein`` and ``value`` where they cannot be guessed.
        units: of the values: ``nM``, ``uM``, ``M``, ``pKd`` or ``raw``; "" to go by their range.
        split: a name of ``SPLIT_NAMES``; ``published`` for the one that comes with the data.
        network: ``cnn``, ``fingerprint`` or ``deepdta``.
        arguments: of the network's function.
        members: networks trained from different seeds, whose mean is the answer and whose spread its doubt.
        loss: a name of ``common.losses``; "" for the one that fits the values.
        epochs, batch, rate: instead of the recipe's.
        cold: also measure networks trained without the molecules, proteins or both of a test part.
        strict: stop at the first row that cannot be read.
        seed: of everything.
        device: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
    """

    data: str
    columns: dict[str, str] = field(default_factory=dict)
    units: str = ""
    split: str = "random"
    network: str = "cnn"
    arguments: dict[str, Any] | None = None
    members: int = 3
    loss: str = ""
    epochs: int | None = None
    batch: int | None = None
    rate: float | None = None
    cold: bool = True
    strict: bool = False
    seed: int = 0
    device: str = "auto"

    def checked_arguments(self) -> dict[str, Any]:
        """Check what can be checked without a framework, and return the options of the network's function.

        Raises:
            UsageError: an unknown network, argument, split or loss.
        """
        check_arguments(self.network, self.arguments or {}, NETWORK_OPTIONS)
        if self.split not in SPLIT_NAMES:
            raise UsageError(f"unknown split {self.split!r}", f"choose {', '.join(SPLIT_NAMES)}")
        if self.loss:
            check_pairing(self.loss, "real")
        return dict(self.arguments or {})


def recipe_changes(options: TrainOptions) -> dict[str, Any]:
    """Return what the options ask for instead of the recipe's."""
    asked = {"epochs": options.epochs, "batch": options.batch, "rate": options.rate, "loss": options.loss}
    return {name: value for name, value in asked.items() if value}
