"""Sequences in which the object is taken away for a while: is "lost" said, and is it found when it comes back?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from apps.track.sequences import Sequence
from common.boxes import clipped, iou
from common.registry import Registry

__all__ = ["ABSENT_FRAMES", "HIDINGS", "Absence", "HiddenSequence", "absence_of", "hidden"]

ABSENT_FRAMES = 60
RETURN_FRAMES = 10  # within which the object should be found again
FOUND = 0.3  # IoU from which it is


@dataclass(frozen=True)
class HiddenSequence:
    """A sequence whose object is not to be seen in some frames.

    Args:
        source: the sequence.
        other: another one, from which pictures are taken.
        how: a name of ``HIDINGS``.
        first, last: frames without the object, last not included.
    """

    source: Sequence
    other: Sequence
    how: str
    first: int
    last: int

    @property
    def name(self) -> str:
        """Of the sequence, and how its object is hidden."""
        return f"{self.source.name}, {self.how}"

    @property
    def boxes(self) -> np.ndarray:
        """True boxes ``(frames, 4)``; NaN where the object is hidden."""
        boxes = self.source.boxes.copy()
        boxes[self.first : self.last] = np.nan
        return boxes

    def __len__(self) -> int:
        return len(self.source)

    def frames(self) -> Iterator[np.ndarray]:
        """Yield the frames in order, ``(height, width, 3)`` uint8 RGB."""
        hide = HIDINGS.get(self.how)
        last_seen = self.source.boxes[max(self.first - 1, 0)]
        for number, pixels in enumerate(self.source.frames()):
            if not self.first <= number < self.last:
                yield pixels
                continue
            box = self.source.boxes[number]
            last_seen = last_seen if np.isnan(box).any() else box
            yield hide(pixels, last_seen, self.other, number - self.first)


Hide = Callable[[np.ndarray, np.ndarray, Sequence, int], np.ndarray]
HIDINGS = Registry[Hide]("hiding")


def hidden(sequence: Sequence, other: Sequence, how: str) -> HiddenSequence | None:
    """Return a sequence with its object hidden from a third of its visible part on; None where it is too short.

    The object is away for ``ABSENT_FRAMES``, or a third of the sequence where that is less.
    """
    seen = np.flatnonzero(sequence.visible)
    length = min(ABSENT_FRAMES, len(seen) // 3)
    if length < RETURN_FRAMES:
        return None
    first = int(seen[len(seen) // 3])
    return HiddenSequence(sequence, other, how, first, first + length)


@HIDINGS.named("vanished")
def _vanished(pixels: np.ndarray, box: np.ndarray, other: Sequence, age: int) -> np.ndarray:
    """The object is painted over with what surrounds it, as if it had left.

    Reference:
        Telea, "An image inpainting technique based on the fast marching method", 2004.
    """
    left, top, right, bottom = _area(pixels, box, 1.3)
    margin = 12
    x0, y0, x1, y1 = max(left - margin, 0), max(top - margin, 0), right + margin, bottom + margin
    part = np.ascontiguousarray(pixels[y0:y1, x0:x1])
    mask = np.zeros(part.shape[:2], np.uint8)
    mask[top - y0 : bottom - y0, left - x0 : right - x0] = 255
    result = pixels.copy()
    result[y0:y1, x0:x1] = cv2.inpaint(part, mask, 3, cv2.INPAINT_TELEA)
    return result


@HIDINGS.named("occluded")
def _occluded(pixels: np.ndarray, box: np.ndarray, other: Sequence, age: int) -> np.ndarray:
    """A piece of another scene lies over the object and goes with it."""
    left, top, right, bottom = _area(pixels, box, 1.4)
    scene = other.frame(0)
    rows, columns = min(scene.shape[0], 120), min(scene.shape[1], 120)
    result = pixels.copy()
    result[top:bottom, left:right] = cv2.resize(scene[:rows, :columns], (right - left, bottom - top))
    return result


@HIDINGS.named("cut")
def _cut(pixels: np.ndarray, box: np.ndarray, other: Sequence, age: int) -> np.ndarray:
    """Another scene is shown, and then this one again."""
    return cv2.resize(other.frame(age % len(other)), pixels.shape[1::-1])


def _area(pixels: np.ndarray, box: np.ndarray, growth: float) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of a box made larger, inside the frame and not empty."""
    height, width = pixels.shape[:2]
    grown = np.concatenate([box[:2] - box[2:] * (growth - 1) / 2, box[2:] * growth])
    x, y, w, h = clipped(grown, width, height)
    left, top = int(min(x, width - 2)), int(min(y, height - 2))
    return left, top, max(left + 1, int(np.ceil(x + w))), max(top + 1, int(np.ceil(y + h)))


@dataclass(frozen=True)
class Absence:
    """What a tracker did while an object was away, and after.

    Args:
        name: of the sequence.
        followed: share of the frames without the object for which a box was given.
        found_after: frames from its return to the first box on it; None where there was none in time.
        kept: whether it was followed up to the frame before it went; what comes after a loss says nothing.
    """

    name: str
    followed: float
    found_after: int | None
    kept: bool


def absence_of(sequence: HiddenSequence, boxes: np.ndarray) -> Absence:
    """Count what a tracker did.

    Args:
        sequence: with the true boxes.
        boxes: found ``(frames, 4)``; NaN for "lost".
    """
    away = boxes[sequence.first : sequence.last]
    after = slice(sequence.last, sequence.last + RETURN_FRAMES)
    overlaps = iou(np.nan_to_num(boxes[after]), np.nan_to_num(sequence.boxes[after]))
    found = np.flatnonzero(overlaps >= FOUND)
    before = sequence.first - 1
    return Absence(
        sequence.name,
        float((~np.isnan(away).any(axis=1)).mean()),
        int(found[0]) + 1 if len(found) else None,
        bool(iou(np.nan_to_num(boxes[before]), np.nan_to_num(sequence.boxes[before])) >= FOUND),
    )
