"""Masks and guides: pictures that say where something shall happen."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from common.data.images import decode
from common.errors import InputError

__all__ = ["read_mask", "read_regions"]

LONGEST = 1024  # pixels of a side: of a larger guide a smaller copy is taken
FLAT = 0.005  # share of a guide that a colour of its own fills at least
APART = 12  # levels of brightness between two colours


def read_regions(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of the region at each pixel of a guide in flat colours, and the brightness of each region.

    Args:
        path: of a picture; soft edges, as of a JPEG, are no colours of their own.

    Returns:
        ``(h, w)`` int64 from 0, darkest first; ``(regions,)`` brightness from 0 to 255.

    Raises:
        InputError: no picture.
    """
    grey = decode(path, grey=True, max_side=LONGEST).pixels
    levels, sizes = np.unique(grey, return_counts=True)
    wide = np.flatnonzero(sizes >= FLAT * grey.size)
    kept: list[int] = []
    for level in levels[wide[np.argsort(-sizes[wide], kind="stable")]].astype(int):
        if all(abs(level - other) > APART for other in kept):
            kept.append(level)
    found = np.sort(np.array(kept, int))
    return np.abs(grey[..., None].astype(int) - found).argmin(axis=-1), found


def read_mask(path: str | Path, shape: tuple[int, int]) -> np.ndarray:
    """Return where a mask is white ``(h, w)`` bool, at the size of a picture.

    Raises:
        InputError: no picture; a mask that is white everywhere or nowhere.
    """
    grey = decode(path, grey=True).pixels
    white = cv2.resize(grey, shape[::-1], interpolation=cv2.INTER_NEAREST) > 127
    if white.all() or not white.any():
        raise InputError(
            f"{path} is {'white everywhere' if white.all() else 'nowhere white'}",
            "paint white what is to be made anew",
        )
    return white
