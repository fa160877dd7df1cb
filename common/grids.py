"""The places at which a detector answers: the middles of the cells of three grids over the picture."""

from __future__ import annotations

import numpy as np

__all__ = ["COARSEST", "STRIDES", "cells", "places"]

STRIDES = (8, 16, 32)  # sides of the cells in pixels
COARSEST = STRIDES[-1]  # sides of what a detector sees are multiples of it


def places(height: int, width: int) -> np.ndarray:
    """Return the middles ``(places, 2)`` of all cells as x, y in pixels, row by row, finest grid first.

    Args:
        height, width: of what the detector sees, multiples of 32.
    """
    grids = []
    for stride in STRIDES:
        y, x = np.meshgrid(np.arange(height // stride), np.arange(width // stride), indexing="ij")
        grids.append((np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) * stride)
    return np.concatenate(grids).astype(np.float32)


def cells(height: int, width: int) -> np.ndarray:
    """Return the side in pixels ``(places,)`` of the cell that each of ``places`` is the middle of."""
    counts = [(height // stride) * (width // stride) for stride in STRIDES]
    return np.repeat(np.array(STRIDES, np.float32), counts)
