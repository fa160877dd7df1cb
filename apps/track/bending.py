"""What bodies that move do to their pictures, for training: an outlined object, bent."""

from __future__ import annotations

import cv2
import numpy as np

from apps.track.material import View

__all__ = ["bent"]

CELLS = 4  # of the coarse grid of displacements to each side
MARGIN = 0.25  # of the object's sides, around it


def bent(view: View, draw: np.random.Generator, amount: float = 0.06) -> View:
    """Return an object with its near surroundings, smoothly bent, and its new box.

    Args:
        view: with an outline.
        draw: random numbers.
        amount: standard deviation of the displacements as a share of the object's mean side.

    Reference:
        Simard, Steinkraus and Platt, ICDAR 2003, section 3 (smooth random displacements).
    """
    assert view.mask is not None
    x, y, wide, high = view.box
    height, width = view.mask.shape
    left, right = (int(np.clip(v, 0, width)) for v in (x - MARGIN * wide, x + (1 + MARGIN) * wide + 1))
    top, bottom = (int(np.clip(v, 0, height)) for v in (y - MARGIN * high, y + (1 + MARGIN) * high + 1))
    columns, rows = right - left, bottom - top
    coarse = draw.normal(0, amount * np.sqrt(wide * high), (CELLS, CELLS, 2)).astype(np.float32)
    field = cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC)
    across = field[..., 0] + np.arange(columns, dtype=np.float32)
    down = field[..., 1] + np.arange(rows, dtype=np.float32)[:, None]
    pixels, mask = (
        cv2.remap(array[top:bottom, left:right], across, down, cv2.INTER_LINEAR, borderMode=border)
        for array, border in ((view.pixels, cv2.BORDER_REPLICATE), (view.mask, cv2.BORDER_CONSTANT))
    )
    found = cv2.boundingRect((mask > 127).astype(np.uint8))
    return View(pixels, np.array(found, np.float64), mask) if min(found[2:]) >= 4 else view
