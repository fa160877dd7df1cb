"""Boxes and their names, drawn on pictures and frames."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np

__all__ = ["colour_of", "draw_box", "draw_text", "pen"]

_INK = (20, 20, 20)
_GOLDEN = 0.618034  # hues this far apart on the circle stay apart, however many there are


def colour_of(number: int) -> tuple[int, int, int]:
    """Return the RGB colour of a numbered thing, far from those of its neighbours in number."""
    hue = int(180 * ((0.58 + number * _GOLDEN) % 1))
    pixel = cv2.cvtColor(np.array([[[hue, 190, 255]]], np.uint8), cv2.COLOR_HSV2RGB)[0, 0]
    return int(pixel[0]), int(pixel[1]), int(pixel[2])


def pen(pixels: np.ndarray) -> tuple[float, int]:
    """Return the scale of letters and the thickness of lines that suit a picture ``(height, width, ...)``."""
    scale = max(0.6, min(pixels.shape[:2]) / 800)
    return scale, max(1, round(2.2 * scale))


def draw_box(
    canvas: np.ndarray, box: np.ndarray, colour: Sequence[int], thick: int, *, dashed: bool = False
) -> None:
    """Draw the edges of a box into a picture.

    Args:
        canvas: ``(height, width, 3)`` uint8, contiguous; is changed.
        box: x, y, width, height.
        colour: of the picture's channels.
        thick: of the lines in pixels.
        dashed: instead of full.
    """
    left, top, width, height = box
    corners = np.round([[left, top], [left + width, top], [left + width, top + height], [left, top + height]])
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        parts = max(1, int(np.linalg.norm(end - start) // (8 * thick))) if dashed else 1
        for part in range(0, parts, 2):
            a, b = start + (end - start) * part / parts, start + (end - start) * (part + 1) / parts
            cv2.line(canvas, [int(v) for v in a], [int(v) for v in b], colour, thick, cv2.LINE_AA)


def draw_text(
    canvas: np.ndarray, text: str, place: np.ndarray | Sequence[float], colour: Sequence[int], scale: float
) -> None:
    """Write dark letters, of any script, on a field of a colour, above ``place`` where there is room.

    Args:
        canvas: ``(height, width, 3)`` uint8, contiguous; is changed.
        text: one line.
        place: x, y of the field's left lower corner.
        colour: of the field.
        scale: of the letters; 1 is 17 pixels high.
    """
    font, size = _font(), max(9, round(17 * scale))
    _, rise, width, _ = cv2.getTextSize((canvas.shape[1], canvas.shape[0]), text, (0, 0), font, size)
    height, below = -rise, round(0.3 * size)
    field = height + below + 4
    x = int(np.clip(place[0], 0, max(0, canvas.shape[1] - width - 6)))
    y = int(place[1]) if place[1] >= field else int(place[1]) + field
    y = int(np.clip(y, field, max(field, canvas.shape[0])))
    cv2.rectangle(canvas, (x, y - field), (x + width + 6, y), colour, cv2.FILLED)
    cv2.putText(canvas, text, (x + 3, y - below - 1), _INK, font, size)


@cache
def _font() -> cv2.FontFace:
    return cv2.FontFace("sans")
