"""What can be asked of tracking and of a training."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from common.errors import UsageError
from common.registry import Registry
from common.runs import check_arguments

__all__ = ["NETWORK_OPTIONS", "RunOptions", "SHIPPED", "TrainOptions", "parsed_box"]

SHIPPED = "track/siamese"

# Names that the networks have too, so that a slip of the pen costs no import of a framework.
NETWORK_OPTIONS = Registry[tuple[str, ...]]("network")
NETWORK_OPTIONS.register("siamese", ("filters", "channels", "depth", "width", "layers_deep"))


@dataclass(frozen=True)
class RunOptions:
    """What to track, and where to write.

    Args:
        video: a file, a folder of frames, the number of a camera, or an address.
        boxes: x, y, width, height of objects to follow; none to find and follow all.
        at: seconds at which to start; the boxes are those of the first frame from there on.
        detector: what finds objects where none is given: ``motion``, a shipped detector, or the run folder of one.
        classify: a classifier that names what is tracked, a shipped name or a run folder; "" for none.
        model: a shipped name or a run folder; "" for the one that ships where boxes are given, and for none where
            all objects are found: they keep their numbers by place alone.
        format: of the table: ``mot``, ``otb`` or ``coco-video``.
        out: the video to write; "" for one beside the source.
        no_video: write the table alone.
        max_frames: stop after so many; 0 for all.
        states: keep what is seen in every frame in the result.
    """

    video: str
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    at: float = 0.0
    detector: str = "motion"
    classify: str = ""
    model: str = ""
    format: str = "mot"
    out: str = ""
    no_video: bool = False
    max_frames: int = 0
    states: bool = False


@dataclass(frozen=True)
class TrainOptions:
    """What was asked of a training; written into the run as ``options.json``.

    Args:
        pictures: folders of pictures; COCO files in them give objects with outlines.
        sequences: a folder of sequences in the layout of OTB; "" for none.
        leave_out: sequences that are not learned from, but checked on.
        weights: a model to go on from; "" for random weights.
        backbone: a model of ``objects`` whose backbone to start from; "" for none.
        network: ``siamese``.
        arguments: of the network's function.
        steps, batch, rate: instead of the recipe's.
        seed: of everything.
        device: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
    """

    pictures: tuple[str, ...]
    sequences: str = ""
    leave_out: tuple[str, ...] = ()
    weights: str = ""
    backbone: str = ""
    network: str = "siamese"
    arguments: dict[str, Any] = field(default_factory=dict)
    steps: int | None = None
    batch: int | None = None
    rate: float | None = None
    seed: int = 0
    device: str = "auto"

    def checked_arguments(self) -> dict[str, Any]:
        """Check what can be checked without a framework, and return the options of the network's function.

        Raises:
            UsageError: an unknown network or argument; two starts; sequences to leave out of none.
        """
        check_arguments(self.network, self.arguments, NETWORK_OPTIONS)
        if self.weights and self.backbone:
            raise UsageError("--weights hold a backbone already", "leave out --backbone")
        if self.leave_out and not self.sequences:
            raise UsageError("--leave-out names sequences, but there are none", "--sequences FOLDER")
        if not self.pictures and not self.sequences:
            raise UsageError("nothing to learn from", "name folders of pictures, or --sequences FOLDER")
        return dict(self.arguments)


def parsed_box(text: str) -> tuple[float, float, float, float]:
    """Return the box that ``x,y,width,height`` names.

    Raises:
        UsageError: it names none.
    """
    try:
        x, y, width, height = (float(word) for word in text.split(","))
    except ValueError:
        raise UsageError(
            f"{text!r} is no box", "--box x,y,width,height, such as --box 120,80,40,60"
        ) from None
    if not (width > 0 and height > 0):
        raise UsageError(f"box {text} has no area", "width and height are above 0")
    return x, y, width, height
