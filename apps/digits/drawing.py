"""What the page reader saw, as pictures: the steps from photograph to digits, and the readings on top of it."""

from __future__ import annotations

import cv2
import numpy as np

from apps.digits.glyphs import text_lines
from apps.digits.page import Page, find_digits
from apps.digits.segmentation import find_ink

__all__ = ["COLOURS", "annotate", "steps"]

# Okabe and Ito's palette, told apart by colour-blind eyes too; dark enough for white paper.
COLOURS = {"ok": (0, 158, 115), "unsure": (230, 159, 0), "not a digit": (213, 30, 0)}
TILE, COLUMNS = 56, 12  # pixels a framed digit is shown at, and how many stand side by side


def steps(pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Return the pictures between a photograph and its framed digits, by name, in order.

    Args:
        pixels: ``(height, width)`` grey or ``(height, width, 3)`` RGB, uint8.

    Returns:
        ``grey``, ``even lighting``, ``ink``, ``components`` (RGB, one colour each) and ``digits``, uint8.
    """
    grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    ink = find_ink(pixels)
    return {
        "grey": grey,
        "even lighting": np.rint(255 * (1 - ink.flat)).astype(np.uint8),
        "ink": np.where(ink.mask, 0, 255).astype(np.uint8),
        "components": _components(
            ink.mask.shape, [piece for line in text_lines(ink) for piece in line.pieces]
        ),
        "digits": _sheet([glyph.picture for glyph in find_digits(pixels)]),
    }


def annotate(pixels: np.ndarray, page: Page) -> np.ndarray:
    """Draw boxes and digits on a photograph: green is sure, amber unsure, red no digit.

    Small pictures are enlarged to 480 pixels first, so that the writing can be read.

    Returns:
        ``(height, width, 3)`` uint8 RGB.
    """
    canvas = pixels if pixels.ndim == 3 else cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)
    zoom = max(1, round(480 / max(canvas.shape[:2])))
    canvas = cv2.resize(canvas, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_NEAREST)
    readings = [reading for line in page.lines for reading in line]
    thickness = max(1, round(max(canvas.shape[:2]) / 500))
    for reading in readings:
        x, y, width, height = (zoom * value for value in reading.box)
        colour = COLOURS[reading.status]
        gap = 2 * thickness
        cv2.rectangle(canvas, (x - gap, y - gap), (x + width + gap, y + height + gap), colour, thickness)
        sign = "?" if reading.status == "not a digit" else reading.name
        # A third of the digit's height, but never too small to read on the whole picture.
        size = max(0.35 * height, max(canvas.shape[:2]) / 45)
        _write(canvas, sign, (x - gap, y - gap), size, colour)
    return canvas


def _write(
    canvas: np.ndarray, sign: str, corner: tuple[int, int], size: float, colour: tuple[int, ...]
) -> None:
    """Write ``sign``, ``size`` pixels high, white on a coloured label above ``corner``, or inside at the top edge."""
    font = cv2.FONT_HERSHEY_SIMPLEX
    (_, unit), _ = cv2.getTextSize(sign, font, 1.0, 1)
    scale = size / unit
    stroke = max(1, round(size / 9))
    (width, height), _ = cv2.getTextSize(sign, font, scale, stroke)
    pad = max(2, round(size / 5))
    left = int(np.clip(corner[0], 0, max(canvas.shape[1] - width - 2 * pad, 0)))
    top = max(corner[1] - height - 2 * pad, 0)
    cv2.rectangle(canvas, (left, top), (left + width + 2 * pad, top + height + 2 * pad), colour, -1)
    foot = (left + pad, top + height + pad)
    cv2.putText(canvas, sign, foot, font, scale, (255, 255, 255), stroke, cv2.LINE_AA)


def _components(shape: tuple[int, ...], pieces: list) -> np.ndarray:
    canvas = np.full((*shape[:2], 3), 255, np.uint8)
    for number, piece in enumerate(pieces):
        # Steps of the golden angle keep neighbours' hues far apart.
        hue = np.array([[[int(number * 68.75) % 180, 200, 200]]], np.uint8)
        colour = cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)[0, 0]
        canvas[piece.y : piece.bottom, piece.x : piece.right][piece.mask] = colour
    return canvas


def _sheet(pictures: list[np.ndarray]) -> np.ndarray:
    if not pictures:
        return np.zeros((TILE, TILE), np.uint8)
    columns = min(COLUMNS, len(pictures))
    blank = np.zeros((28, 28), np.float32)
    pictures = pictures + [blank] * (-len(pictures) % columns)
    rows = [np.hstack(pictures[start : start + columns]) for start in range(0, len(pictures), columns)]
    sheet = (np.vstack(rows) * 255).astype(np.uint8)
    return cv2.resize(sheet, None, fx=TILE / 28, fy=TILE / 28, interpolation=cv2.INTER_NEAREST)
