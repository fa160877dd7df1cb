"""What runs a detector: the artifact of a trained one on pictures of any size, without TensorFlow.

The network says at each place of three grids, of cells of 8, 16 and 32 pixels, how likely an object of each class
has its middle about there, and how far the object's edges are from the cell's middle.  Here that becomes boxes in
the picture, one an object: the surest, its edges averaged with those of boxes that nearly agree with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from common import artifact
from common.activations import sigmoid
from common.boxes import AGREEMENT, clipped, from_corners, iou_matrix
from common.data.boxed.geometry import Example, Letterbox, letterbox
from common.errors import ArtifactError, UsageError
from common.grids import COARSEST, places
from common.litert import Runner, litert_runner
from common.symmetries import AS_IT_IS, MIRRORED, TURNED, Symmetry

__all__ = [
    "CANDIDATES",
    "HUB",
    "LIMIT",
    "Detector",
    "Found",
    "decoded",
    "open_detector",
    "suppressed",
    "voted",
]

HUB = "hub:"  # what names of KerasHub's models begin with
CANDIDATES = 1000  # likeliest boxes of a picture that are compared with each other
LIMIT = 300  # objects of a picture at most


@dataclass(frozen=True)
class Found:
    """Objects found in a picture, the surest first.

    Args:
        boxes: x, y, width, height ``(n, 4)`` float32, in pixels of the picture.
        scores: ``(n,)`` float32 in [0, 1].
        classes: ``(n,)`` numbers of classes.
    """

    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray

    def __len__(self) -> int:
        return len(self.boxes)

    def above(self, threshold: float) -> Found:
        """Return the objects that are at least this sure."""
        sure = self.scores >= threshold
        return Found(self.boxes[sure], self.scores[sure], self.classes[sure])


class Detector:
    """A trained detector, ready to be asked.

    Args:
        card: what the model says of itself.
        runner: from pictures ``(n, height, width, 3)`` in [0, 1], sides multiples of 32, to the raw output
            ``(n, places, K + 4)``.
        side: of the square that a picture is fitted into, in pixels; None for that of the training.
        views: from which each picture is looked at; their answers are averaged place by place.
    """

    def __init__(
        self,
        card: artifact.Card,
        runner: Runner,
        side: int | None = None,
        views: Sequence[Symmetry] = AS_IT_IS,
    ) -> None:
        self.card = card
        self.classes = card.classes
        self.side = side or card.input_shape[0] or 0
        self.threshold = card.calibration["threshold"]
        self.views = views
        self._runner = runner

    def __call__(self, pixels: np.ndarray, *, threshold: float | None = None) -> Found:
        """Find the objects in a picture.

        Args:
            pixels: ``(height, width, 3)`` RGB or ``(height, width)`` grey, uint8.
            threshold: score from which an object counts; None for the one that was best on held-out pictures.
        """
        window = _window(pixels, self.side)
        return self._found(window, self._raw(window.pixels[None])[0], threshold)

    def together(self, pictures: Sequence[np.ndarray], *, threshold: float | None = None) -> list[Found]:
        """Find the objects in several pictures at once, each in a whole square: for engines that like batches.

        Args:
            pictures, threshold: as for one.
        """
        windows = [_window(pixels, self.side, whole=True) for pixels in pictures]
        raws = self._raw(np.stack([window.pixels for window in windows]))
        return [self._found(window, raw, threshold) for window, raw in zip(windows, raws, strict=True)]

    def _raw(self, pictures: np.ndarray) -> np.ndarray:
        """Return the raw output for pictures ``(n, height, width, 3)``: the mean over the views."""
        height, width = pictures.shape[1:3]
        looks = [view.back(self._runner(view.of(pictures)), height, width) for view in self.views]
        return np.mean(looks, axis=0)

    def _found(self, window: _Window, raw: np.ndarray, threshold: float | None) -> Found:
        height, width = window.pixels.shape[:2]
        least = self.threshold if threshold is None else threshold
        boxes, scores, classes = decoded(raw, height, width, least)
        kept = suppressed(boxes, scores, classes, self.card.calibration["overlap"])
        boxes = voted(boxes, scores, classes, kept)
        there = clipped(window.frame.back(boxes + [*window.corner, 0, 0]), *window.frame.size)
        some = (there[:, 2:] > 0).all(axis=1)
        return Found(there[some].astype(np.float32), scores[kept][some], classes[kept][some])


def open_detector(
    reference: str | Path, *, side: int | None = None, again: bool = False, threads: int | None = None
) -> Detector:
    """Load a detector.

    Args:
        reference: a shipped name, a run folder, or ``hub:NAME`` of KerasHub.
        side: of the square that pictures are fitted into, a multiple of 32; None for that of the training.
        again: look at each picture from other sides too: mirrored, or turned by quarters where the training did so.
            Boxes are surer, and it takes two or four times as long.
        threads: of the engine; None for all cores.

    Raises:
        ArtifactError: no such model, one that detects nothing, or a file of it is missing or damaged.
        UsageError: a side or another look for a model of KerasHub, or no such model there.
        UserError: KerasHub is not installed, or there is no way to its model.
    """
    if str(reference).startswith(HUB):
        from common.hub_detector import open_hub_detector

        if side:
            raise UsageError(f"{reference} brings its own size along", "leave --size out")
        if again:
            raise UsageError(f"{reference} looks at a picture once", "leave --again out")
        return open_hub_detector(str(reference))
    folder = artifact.resolve(reference)
    card = artifact.read_card(folder)
    if not {"threshold", "overlap"} <= card.calibration.keys():
        raise ArtifactError(
            f"{reference} is a model of {card.app} ({card.network}), not a detector",
            "train one: cnnapps objects train-detector DATA",
        )
    path = artifact.require(folder, "model.tflite")
    turned = card.recipe.get("boxes", {}).get("turns", False)
    views = AS_IT_IS if not again else TURNED if turned else MIRRORED
    try:
        return Detector(card, litert_runner(path.read_bytes(), threads), side, views)
    except (ValueError, RuntimeError) as error:
        raise ArtifactError(f"{path} is damaged", "copy the folder again") from error


def decoded(
    raw: np.ndarray, height: int, width: int, threshold: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the likeliest boxes of one picture, cut at its edges, not yet compared with each other, surest first.

    A place may be sure enough of several classes; then its box is there once for each.

    Args:
        raw: ``(places, K + 4)``: raw scores, and distances to left, top, right and bottom edge in pixels.
        height, width: of what the network saw.
        threshold: score from which a box counts.

    Returns:
        Boxes x, y, width, height ``(n, 4)``, scores ``(n,)`` and classes ``(n,)``.
    """
    scores = sigmoid(raw[:, :-4])
    place, kind = np.nonzero(scores >= threshold)
    surest = np.argsort(-scores[place, kind], kind="stable")[:CANDIDATES]
    place, kind = place[surest], kind[surest]
    middles, distances = places(height, width)[place], raw[place, -4:]
    edges = np.concatenate([middles - distances[:, :2], middles + distances[:, 2:]], axis=1)
    return clipped(from_corners(edges), width, height), scores[place, kind], kind


def suppressed(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, overlap: float) -> np.ndarray:
    """Return the numbers of the boxes that remain when less sure ones of the same object are taken away.

    From the surest on, a box takes away those of its class whose IoU with it is above ``overlap``.

    Args:
        boxes: x, y, width, height ``(n, 4)``, with x and y of 0 and above.
        scores, classes: ``(n,)``.
        overlap: in [0, 1].
    """
    if not len(boxes):
        return np.zeros(0, np.int64)
    kept = cv2.dnn.NMSBoxesBatched(boxes.tolist(), scores.tolist(), classes.tolist(), 0.0, overlap)
    return np.asarray(kept, np.int64).reshape(-1)[:LIMIT]


def voted(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return the boxes that remain ``(len(kept), 4)``, each averaged with what says nearly the same.

    Neighbouring places see one object, and each errs a little: the mean of those boxes of the class whose IoU with the
    one that remains is 0.8 and more errs less.  They count by the square of their scores.

    Args:
        boxes: x, y, width, height ``(n, 4)``.
        scores, classes: ``(n,)``.
        kept: numbers of the boxes that remain.

    Reference:
        Gidaris and Komodakis, "Object Detection via a Multi-region & Semantic Segmentation-aware CNN Model", ICCV 2015,
        section 5 (bounding box voting).
    """
    agree = (classes[kept, None] == classes) & (iou_matrix(boxes[kept], boxes) >= AGREEMENT)
    agree[np.arange(len(kept)), kept] = True  # an empty box overlaps nothing, not even itself
    votes = agree * np.square(scores, dtype=np.float64)
    return votes @ boxes / votes.sum(axis=1, keepdims=True)


class _Window(NamedTuple):
    """What the network sees of a picture ``(height, width, 3)`` in [0, 1].

    Args:
        pixels: a part of the square that the picture is fitted into.
        corner: of the part in the square.
        frame: where the picture lies in the square.
    """

    pixels: np.ndarray
    corner: tuple[int, int]
    frame: Letterbox


def _window(pixels: np.ndarray, side: int, *, whole: bool = False) -> _Window:
    """Fit a picture into a square; of its bars what fills whole cells of the coarsest grid is left out.

    They tell nothing and cost time.

    Args:
        pixels: of the picture.
        side: of the square.
        whole: keep them.
    """
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    square, frame = letterbox(Example(pixels), side)
    inner = np.round(np.array(frame.size) * frame.scale).astype(int)
    columns, rows = (
        slice(0, side) if whole else _whole_cells(start, int(length))
        for start, length in zip(frame.offset, inner, strict=True)
    )
    seen = square.pixels[rows, columns].astype(np.float32) / 255
    return _Window(seen, (columns.start, rows.start), frame)


def _whole_cells(start: int, length: int) -> slice:
    """Return the pixels from ``start`` on, with as many around them as make whole cells of the coarsest grid."""
    return slice(start // COARSEST * COARSEST, -(-(start + length) // COARSEST) * COARSEST)
