"""What can be asked of a training: the options, their checks, and how a run remembers them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common import artifact, losses
from common.errors import UsageError, UserError
from common.registry import Registry
from common.runs import check_arguments

if TYPE_CHECKING:
    import numpy as np

    from common.data.datasets import DatasetSpec

__all__ = [
    "NETWORK_OPTIONS",
    "RECIPE_NAMES",
    "TrainOptions",
    "stored_weights",
    "wants_outliers",
]

# Names that the recipes and networks have too, so that a slip of the pen costs no import of a framework.
RECIPE_NAMES = ("default", "patient")
NETWORK_OPTIONS = Registry[tuple[str, ...]]("network")
NETWORK_OPTIONS.register("perceptron", ())
NETWORK_OPTIONS.register("mlp", ("hidden", "activation"))
NETWORK_OPTIONS.register("lenet", ("activation", "pooling", "fully_connected", "filters", "units"))
NETWORK_OPTIONS.register("cnn", ("width", "drop_rate"))


@dataclass(frozen=True)
class TrainOptions:
    """What was asked for; written into the run as ``options.json``.

    Args:
        network: ``perceptron``, ``mlp``, ``lenet`` or ``cnn``.
        arguments: of the network's function, such as ``{"pooling": "average"}``.
        data: a TFDS name, ``digits8x8``, a folder ``class/*.png``, or "" for the best at hand.
        train_size: number of training pictures, stratified; None for all.
        loss: a name of the loss registry; "" for the recipe's.
        recipe: ``default``, or for the network ``cnn`` the long one that made the shipped weights: ``patient``.
        weights: a shipped name or a run folder with the same network to start from; "" for random ones.
        epochs, batch, rate: instead of the recipe's.
        outliers: ``auto`` (drawn ones, for networks of digits), ``none``, or a folder of pictures.
        seed: of everything.
        device: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
    """

    network: str = "cnn"
    arguments: dict[str, Any] | None = None
    data: str = ""
    train_size: int | None = None
    loss: str = ""
    recipe: str = "default"
    weights: str = ""
    epochs: int | None = None
    batch: int | None = None
    rate: float | None = None
    outliers: str = "auto"
    seed: int = 0
    device: str = "auto"

    def checked_arguments(self) -> dict[str, Any]:
        """Check what can be checked without a framework, and return the options of the network's function.

        Raises:
            UsageError: an unknown network, argument, loss or recipe, or a pairing that cannot be right.
        """
        check_arguments(self.network, self.arguments or {}, NETWORK_OPTIONS)
        if self.loss:
            losses.check_pairing(self.loss, "one of K")
            if self.network == "perceptron" and self.loss != "perceptron":
                raise UsageError("the perceptron learns by its own rule, not by a loss", "leave out --loss")
        if self.recipe not in RECIPE_NAMES:
            raise UsageError(f"unknown recipe {self.recipe!r}", f"known: {', '.join(RECIPE_NAMES)}")
        if self.recipe != "default" and self.network != "cnn":
            raise UsageError(
                f"the recipe {self.recipe} is for the network cnn", f"{self.network} has its default"
            )
        return self._arguments_of_weights() if self.weights else dict(self.arguments or {})

    def _arguments_of_weights(self) -> dict[str, Any]:
        """Return the network's options as stored with the weights to start from."""
        card = artifact.read_card(artifact.resolve(self.weights))
        if (card.app, card.network) != ("digits", self.network):
            raise UsageError(
                f"{self.weights} holds a network {card.app}/{card.network}, not digits/{self.network}",
                f"give --network {card.network}" if card.app == "digits" else "name a model of digits",
            )
        if self.arguments and self.arguments != card.arguments:
            raise UsageError(f"{self.weights} was built with {card.arguments}", "leave out other options")
        return card.arguments


def stored_weights(options: TrainOptions, spec: DatasetSpec) -> list[np.ndarray]:
    """Return the weights to start from.

    Raises:
        UserError: they know other classes than the data have.
        UsageError: another seed, so that they have seen what is held out.
    """
    from common.predictor import load_network

    card = artifact.read_card(artifact.resolve(options.weights))
    if card.classes != spec.classes:
        raise UserError(
            f"{options.weights} knows {', '.join(card.classes)}; the data have {', '.join(spec.classes)}",
            "leave out --weights",
        )
    if card.data["name"] == spec.name and card.seed != options.seed:
        raise UsageError(
            f"{options.weights} has seen digits that seed {options.seed} holds out",
            f"give --seed {card.seed}, which holds out the same as then",
        )
    return load_network(options.weights).get_weights()


def wants_outliers(options: TrainOptions, spec: DatasetSpec) -> bool:
    """Return whether pictures of no class are to be joined."""
    from apps.digits.data import is_digits

    if options.outliers == "none":
        return False
    if options.outliers != "auto":
        return True
    return options.network == "cnn" and is_digits(spec)
