"""What can be asked of a training: the options, their checks, and how a run remembers them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from common import artifact
from common.errors import UsageError, nearest
from common.registry import Registry
from common.runs import check_arguments

__all__ = [
    "AUGMENTATIONS",
    "BALANCES",
    "GENERAL",
    "KERAS",
    "KERAS_APPLICATIONS",
    "NETWORK_OPTIONS",
    "TrainOptions",
]

GENERAL = "objects/general"  # what classifies, and what a training starts from, where nothing is named
DEFAULT = "pyramid"
KERAS = "keras:"  # what the names of the backbones of keras.applications begin with
ANY_SIZE = ("pyramid", "vgg")  # networks that take pictures of any size
BALANCES = ("", "none", "weights", "focal")
AUGMENTATIONS = ("", "none", "mild", "strong")

# Names that the networks have too, so that a slip of the pen costs no import of a framework.
NETWORK_OPTIONS = Registry[tuple[str, ...]]("network")
NETWORK_OPTIONS.register("pyramid", ("filters", "depth", "drop_rate"))
NETWORK_OPTIONS.register("resnet", ("depth", "width", "stem"))
NETWORK_OPTIONS.register("convnext", ("depth", "width", "drop_rate"))
NETWORK_OPTIONS.register("mobile", ("depth", "width", "drop_rate"))
NETWORK_OPTIONS.register("vgg", ("filters", "stages", "drop_rate"))
NETWORK_OPTIONS.register("airbench", ("width",))
KERAS_APPLICATIONS = (
    *(f"ConvNeXt{size}" for size in ("Tiny", "Small", "Base", "Large", "XLarge")),
    *(f"DenseNet{layers}" for layers in (121, 169, 201)),
    *(f"EfficientNetB{number}" for number in range(8)),
    *(f"EfficientNetV2{size}" for size in ("B0", "B1", "B2", "B3", "S", "M", "L")),
    *("InceptionResNetV2", "InceptionV3", "MobileNet", "MobileNetV2", "MobileNetV3Large", "MobileNetV3Small"),
    *("NASNetLarge", "NASNetMobile"),
    *(f"ResNet{layers}{version}" for version in ("", "V2") for layers in (50, 101, 152)),
    *("VGG16", "VGG19", "Xception"),
)


@dataclass(frozen=True)
class TrainOptions:
    """What was asked for; written into the run as ``options.json``.

    Args:
        data: a folder ``class/*.jpg``, a table of paths and labels, or a TFDS name.
        network: ``pyramid``, ``resnet``, ``convnext``, ``mobile``, ``vgg``, ``airbench`` or ``keras:NAME``; "" for that
            of the weights, or ``pyramid``.
        arguments: of the network's function, such as ``{"width": 32}``.
        side: of the square that pictures are brought to; None for what suits them.
        window: side of random windows that are learned on instead of whole pictures; None for these.
        column, label, several: of a table, as of ``common.data.labelled.list_table``.
        weights: a model whose backbone to start from; "" for the one that ships, or what Keras has learned from
            ImageNet; ``none`` for random ones.
        balance: ``none``, ``weights`` or ``focal``; "" for weights where the largest class has more than three times
            as many pictures as the smallest.
        augmentation: ``none``, ``mild`` or ``strong``; "" for what suits the number of pictures.
        train_size: number of training pictures, stratified; None for all.
        epochs, batch, rate: instead of the recipe's.
        seed: of everything.
        device: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
    """

    data: str
    network: str = ""
    arguments: dict[str, Any] | None = None
    side: int | None = None
    window: int | None = None
    column: str = ""
    label: str = ""
    several: str = ""
    weights: str = ""
    balance: str = ""
    augmentation: str = ""
    train_size: int | None = None
    epochs: int | None = None
    batch: int | None = None
    rate: float | None = None
    seed: int = 0
    device: str = "auto"

    @property
    def is_keras(self) -> bool:
        """Whether the backbone is one of keras.applications."""
        return self.network.startswith(KERAS)

    @property
    def starts_from_model(self) -> bool:
        """Whether the backbone starts from another model of ours."""
        return self.weights not in ("", "none")

    def completed(self) -> TrainOptions:
        """Check what can be checked without a framework; return the options with nothing left open.

        The weights to start from are named, with the network and the arguments that they were built with.

        Raises:
            UsageError: an unknown network, argument, balance or augmentation; a side that does not fit; weights of
                another network.
            ArtifactError: no such model to start from.
        """
        if self.network and not self.is_keras:
            check_arguments(self.network, self.arguments or {}, NETWORK_OPTIONS)
        if self.is_keras:
            name = self.network.removeprefix(KERAS)
            if name not in KERAS_APPLICATIONS:
                hint = nearest(name, KERAS_APPLICATIONS) or "; such as keras:EfficientNetV2B0"
                raise UsageError(
                    f"unknown backbone {self.network!r}{hint}", "keras.io/api/applications lists them"
                )
            if self.arguments:
                raise UsageError(
                    f"{self.network} takes no options", f"leave out --{next(iter(self.arguments))}"
                )
        for value, known, option in (
            (self.balance, BALANCES, "--balance"),
            (self.augmentation, AUGMENTATIONS, "--augment"),
        ):
            if value not in known:
                raise UsageError(
                    f"unknown {option} {value!r}{nearest(value, known)}", f"known: {', '.join(known[1:])}"
                )
        if self.side is not None and (self.side % 16 or self.side < 32):
            raise UsageError(
                f"--side {self.side} does not fit", "a multiple of 16 from 32 on, such as 64 or 128"
            )
        if self.window is not None and (self.window % 16 or self.window < 16):
            raise UsageError(f"--window {self.window} does not fit", "a multiple of 16, such as 32")
        options = self._with_default_weights()
        if options.starts_from_model:
            options = options._with_network_of_weights()
        options = replace(
            options, network=options.network or DEFAULT, arguments=dict(options.arguments or {})
        )
        if options.window and options.network not in ANY_SIZE:
            raise UsageError(
                f"network {options.network!r} learns on whole pictures",
                f"--window goes with {', '.join(ANY_SIZE)}",
            )
        return options

    def _with_default_weights(self) -> TrainOptions:
        if self.weights or self.is_keras:
            return self
        card = artifact.read_card(artifact.resolve(GENERAL))
        fits = self.network in ("", card.network) and (not self.arguments or self.arguments == card.arguments)
        return replace(self, weights=GENERAL if fits else "none")

    def _with_network_of_weights(self) -> TrainOptions:
        card = artifact.read_card(artifact.resolve(self.weights))
        if card.app != "objects" or card.network not in NETWORK_OPTIONS:
            raise UsageError(
                f"{self.weights} holds a network {card.app}/{card.network}", "name a classifier of objects"
            )
        if self.network not in ("", card.network):
            raise UsageError(
                f"{self.weights} holds a network {card.network}, not {self.network}",
                f"give --network {card.network}",
            )
        if self.arguments and self.arguments != card.arguments:
            raise UsageError(f"{self.weights} was built with {card.arguments}", "leave out other options")
        return replace(self, network=card.network, arguments=card.arguments)
