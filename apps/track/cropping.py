"""Square windows around objects: where the networks look, and the way back into the frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from common.boxes import centers

__all__ = [
    "OBJECT_SIDE",
    "SEARCH_SIDE",
    "STRIDE",
    "TEMPLATE_SIDE",
    "Window",
    "boxes_of",
    "context_side",
    "cut",
    "window_around",
]

TEMPLATE_SIDE = 96  # pixels of a template crop; a square object has half of that
SEARCH_SIDE = 192  # pixels of a search crop, at the scale of the template
OBJECT_SIDE = 48  # pixels that a square object has in either
STRIDE = 8  # pixels between cells of a feature map


@dataclass(frozen=True)
class Window:
    """A square of a frame that is shown to a network.

    Args:
        x, y: its middle in the frame.
        side: in pixels of the frame.
        size: in pixels of the crop.
    """

    x: float
    y: float
    side: float
    size: int

    @cached_property
    def scale(self) -> float:
        """Pixels of the crop a pixel of the frame."""
        return self.size / self.side

    def inside(self, boxes: np.ndarray) -> np.ndarray:
        """Return boxes ``(..., 4)`` of the frame in pixels of the crop."""
        corner = np.array([self.x - self.side / 2, self.y - self.side / 2, 0, 0])
        return (np.asarray(boxes, np.float64) - corner) * self.scale

    def outside(self, boxes: np.ndarray) -> np.ndarray:
        """Return boxes ``(..., 4)`` of the crop in pixels of the frame."""
        corner = np.array([self.x - self.side / 2, self.y - self.side / 2, 0, 0])
        return np.asarray(boxes, np.float64) / self.scale + corner


def context_side(boxes: np.ndarray) -> np.ndarray:
    """Return the side of the square that shows each box ``(..., 4)`` with its surroundings: a square box's twice.

    Reference:
        Bertinetto et al., "Fully-Convolutional Siamese Networks for Object Tracking", 2016, section 2.4.
    """
    sides = np.asarray(boxes)[..., 2:]
    return np.sqrt((sides + sides.mean(axis=-1, keepdims=True)).prod(axis=-1))


def window_around(box: np.ndarray, size: int) -> Window:
    """Return the window of ``size`` pixels in which the context of ``box`` has ``TEMPLATE_SIDE`` pixels."""
    x, y = centers(box)
    return Window(float(x), float(y), max(float(context_side(box)) * size / TEMPLATE_SIDE, 2.0), size)


def boxes_of(distances: np.ndarray) -> np.ndarray:
    """Return the boxes ``(24, 24, 4)`` in pixels of the crop of distances in cells ``(24, 24, 4)``."""
    side = distances.shape[0]
    middle = (np.arange(side) + 0.5) * STRIDE
    left, top, right, bottom = np.moveaxis(distances * STRIDE, -1, 0)
    return np.stack([middle[None, :] - left, middle[:, None] - top, left + right, top + bottom], axis=-1)


def cut(pixels: np.ndarray, window: Window) -> np.ndarray:
    """Return what a window shows, ``(size, size, 3)`` uint8; beyond the frame its mean colour.

    A window much larger than the crop is averaged, not sampled, so that nothing flickers.
    """
    left, top = window.x - window.side / 2, window.y - window.side / 2
    factor = int(1 / window.scale) if window.scale < 0.5 else 1
    if factor > 1:
        return _shrunk(pixels, window, factor)
    matrix = np.array([[window.scale, 0, -left * window.scale], [0, window.scale, -top * window.scale]])
    # cv2 takes the middle of a pixel as its place; here a place is a distance from the corner of the picture.
    matrix[:, 2] += (window.scale - 1) / 2
    return cv2.warpAffine(
        pixels, matrix, (window.size, window.size), flags=cv2.INTER_LINEAR, borderValue=_mean_colour(pixels)
    )


def _shrunk(pixels: np.ndarray, window: Window, factor: int) -> np.ndarray:
    """Return the crop of a frame that is first made smaller by a whole number."""
    height, width = pixels.shape[:2]
    reach = window.side / 2 + factor
    x0, x1 = (int(np.clip(v, 0, width)) for v in (window.x - reach, window.x + reach))
    y0, y1 = (int(np.clip(v, 0, height)) for v in (window.y - reach, window.y + reach))
    columns, rows = (x1 - x0) // factor, (y1 - y0) // factor
    if columns < 1 or rows < 1:
        return np.full((window.size, window.size, 3), _mean_colour(pixels), np.uint8)
    part = pixels[y0 : y0 + rows * factor, x0 : x0 + columns * factor]
    small = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
    inner = Window((window.x - x0) / factor, (window.y - y0) / factor, window.side / factor, window.size)
    return cut(small, inner)


def _mean_colour(pixels: np.ndarray) -> tuple[float, ...]:
    # A sixty-fourth of the pixels says it as well as all of them.
    return tuple(float(value) for value in pixels[::8, ::8].reshape(-1, pixels.shape[-1]).mean(axis=0))
