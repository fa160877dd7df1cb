"""What can be asked of a detector and of its training."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from apps.objects.options import GENERAL
from common import artifact
from common.errors import UsageError
from common.grids import COARSEST
from common.registry import Registry
from common.runs import check_arguments

__all__ = ["DETECTOR_OPTIONS", "LEAST_SIDE", "DetectOptions", "DetectorOptions", "check_side"]

LEAST_SIDE = 64
# Networks that hold a pyramid, with its size where their card says nothing.
PYRAMIDS = {
    "pyramid": {"filters": 32, "depth": 1},
    "siamese": {"filters": 32, "depth": 1},
    "detector-nano": {"filters": 32, "depth": 1},
    "detector-small": {"filters": 48, "depth": 2},
}
# Names that the networks have too, so that a slip of the pen costs no import of a framework.
DETECTOR_OPTIONS = Registry[tuple[str, ...]]("detector")
DETECTOR_OPTIONS.register("nano", ("filters", "neck", "depth", "head"))
DETECTOR_OPTIONS.register("small", ("filters", "neck", "depth", "head"))


@dataclass(frozen=True)
class DetectOptions:
    """How pictures and videos are looked at, and what is written.

    Args:
        threshold: score from which an object counts; None for the model's own.
        out: the folder to write into; "" for beside each source.
        write: whether to draw pictures and videos.
        show: videos on the display.
        max_frames: of a video; 0 for all.
    """

    threshold: float | None = None
    out: str = ""
    write: bool = True
    show: bool = False
    max_frames: int = 0


@dataclass(frozen=True)
class DetectorOptions:
    """What was asked for; written into the run as ``options.json``.

    Args:
        data: a Pascal VOC or YOLO folder, or a COCO file with its pictures.
        form: ``voc``, ``coco`` or ``yolo``; "" to guess.
        network: ``nano`` or ``small``.
        arguments: of the network's function, such as ``{"neck": 96}``.
        backbone: a model whose backbone to start from, with its filters and depth: a shipped name or a run folder; ""
            for the one that ships, if it has the filters and depth asked for; ``none`` for random weights.
        side: of the square that pictures are fitted into, in pixels.
        turns: whether pictures have no up, such as those of microscopes and satellites.
        trainval: learn from the part ``val`` too, but for a tenth of both that is held out.
        epochs, batch, rate: instead of the recipe's.
        seed: of everything.
        device: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
    """

    data: str
    form: str = ""
    network: str = "nano"
    arguments: dict[str, Any] = field(default_factory=dict)
    backbone: str = ""
    side: int = 416
    turns: bool = False
    trainval: bool = False
    epochs: int | None = None
    batch: int | None = None
    rate: float | None = None
    seed: int = 0
    device: str = "auto"

    def completed(self) -> DetectorOptions:
        """Check what can be checked without a framework; return the options with nothing left open.

        Raises:
            UsageError: an unknown network or argument, a side that the network cannot take, a backbone of another size.
            ArtifactError: no such model to start from.
        """
        check_arguments(self.network, self.arguments, DETECTOR_OPTIONS)
        check_side(self.side)
        wanted = self.backbone or GENERAL
        if wanted == "none":
            return replace(self, backbone="none")
        size = _size_of(wanted)
        if all(self.arguments.get(name, value) == value for name, value in size.items()):
            return replace(self, backbone=wanted, arguments=self.arguments | size)
        if not self.backbone:
            return replace(self, backbone="none")
        raise UsageError(
            f"the backbone of {wanted} has another size",
            f"{' '.join(f'--{name} {value}' for name, value in size.items())}, or neither",
        )


def _size_of(model: str) -> dict[str, Any]:
    """Return filters and depth of a model's backbone.

    Raises:
        ArtifactError: no such model.
        UsageError: it has no such backbone.
    """
    card = artifact.read_card(artifact.resolve(model))
    if card.network not in PYRAMIDS:
        raise UsageError(f"{model} has no backbone for detectors", "name a model with the network pyramid")
    return {name: card.arguments.get(name, usual) for name, usual in PYRAMIDS[card.network].items()}


def check_side(side: int) -> None:
    """Refuse a side that is no whole number of the coarsest cells.

    Raises:
        UsageError: such a side; the hint names the nearest right one.
    """
    if side < LEAST_SIDE or side % COARSEST:
        best = max(LEAST_SIDE, round(side / COARSEST) * COARSEST)
        raise UsageError(f"--size {side} is no multiple of {COARSEST} from {LEAST_SIDE} on", f"--size {best}")
