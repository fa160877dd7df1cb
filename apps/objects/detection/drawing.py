"""Pictures with what was found in them, and with what should have been."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from apps.objects.detection.average_precision import Seen, right_ones
from common.data.images import decode
from common.detector import Found
from common.drawing import colour_of, draw_box, draw_text, pen

__all__ = ["draw_found", "draw_mistakes"]

RIGHT, MISSED, WRONG = (47, 158, 68), (217, 72, 15), (31, 95, 168)  # green, orange, blue


def draw_found(pixels: np.ndarray, found: Found, classes: Sequence[str]) -> np.ndarray:
    """Return a copy of a picture with a box, name and score of each object.

    Args:
        pixels: ``(height, width, 3)`` or ``(height, width)`` uint8.
        found: the objects.
        classes: their names by number.
    """
    canvas = _canvas(pixels)
    scale, thick = pen(canvas)
    for box, kind in zip(found.boxes, found.classes, strict=True):
        draw_box(canvas, box, colour_of(int(kind)), thick)
    # Names last, the surest on top: no box crosses one out.
    for index in reversed(range(len(found))):
        name, colour = classes[found.classes[index]], colour_of(int(found.classes[index]))
        draw_text(canvas, f"{name}  {found.scores[index]:.0%}", found.boxes[index, :2], colour, scale)
    return canvas


def draw_mistakes(seen: Seen, classes: Sequence[str], threshold: float, *, longest: int = 640) -> np.ndarray:
    """Return a picture with what was found right (green), missed (orange) and found wrongly (blue, dashed).

    Args:
        seen: the picture and what was found.
        classes: names by number.
        threshold: score from which an object counts.
        longest: side of the result in pixels at most.

    Raises:
        InputError: the picture is no longer there.
    """
    found = seen.found.above(threshold)
    right, spared, taken = right_ones(seen.entry, found, classes)
    canvas = _canvas(decode(seen.entry.file, max_side=2 * longest).pixels)
    factor = min(1.0, longest / max(canvas.shape[:2]))
    canvas = cv2.resize(canvas, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    scale = np.tile(np.array(canvas.shape[1::-1]) / seen.entry.size, 2)
    letters, thick = pen(canvas)
    for box in found.boxes[right]:
        draw_box(canvas, box * scale, RIGHT, thick)
    for index in np.flatnonzero(~right & ~spared):
        draw_box(canvas, found.boxes[index] * scale, WRONG, thick, dashed=True)
        name = f"{classes[found.classes[index]]}  {found.scores[index]:.0%}"
        draw_text(canvas, name, found.boxes[index, :2] * scale[:2], _pale(WRONG), letters)
    for index in np.flatnonzero(~taken & ~seen.entry.difficult):
        if seen.entry.labels[index] in classes:
            place = seen.entry.boxes[index] * scale
            draw_box(canvas, place, MISSED, thick)
            draw_text(canvas, seen.entry.labels[index], place[:2], _pale(MISSED), letters)
    return canvas


def _canvas(pixels: np.ndarray) -> np.ndarray:
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=2)
    return np.ascontiguousarray(pixels).copy()


def _pale(colour: tuple[int, int, int]) -> tuple[int, ...]:
    """Return a field for dark letters."""
    return tuple((value + 255) // 2 for value in colour)
