"""Reading what a synthesis starts from: exemplars, guides and masks."""

from __future__ import annotations

import cv2
import numpy as np

from common.data.images import decode
from common.errors import InputError

__all__ = ["read_exemplar", "read_mask", "read_regions"]

LONGEST = 1024  # pixels of a side: of a larger exemplar a smaller copy is taken
SHORTEST = 32


def read_exemplar(path: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return a texture ``(h, w, 3)`` float32 in [0, 1], and what was done to it.

    Raises:
        InputError: no picture, or one too small to show a texture.
    """
    picture = decode(path, max_side=LONGEST)
    height, width = picture.pixels.shape[:2]
    if min(height, width) < SHORTEST:
        raise InputError(
            f"{path}: {width}x{height} is too small for a texture", f"give {SHORTEST} pixels a side or more"
        )
    return picture.pixels.astype(np.float32) / 255, picture.notes


def read_regions(path: str, count: int) -> np.ndarray:
    """Return the number of the region at each pixel of a guide ``(h, w)`` int64, from 0, darkest colour first.

    Raises:
        InputError: no picture; another number of colours than ``count``.
    """
    grey = decode(path, grey=True, max_side=LONGEST).pixels
    # A guide that went through JPEG has soft edges: only levels that fill an area of their own are regions.
    levels, sizes = np.unique(grey, return_counts=True)
    wide = [int(level) for level, size in zip(levels, sizes, strict=True) if size >= 0.005 * grey.size]
    kept: list[int] = []
    for level in sorted(wide, key=lambda level: -sizes[levels == level][0]):
        if all(abs(level - other) > 12 for other in kept):
            kept.append(level)
    if len(kept) != count:
        raise InputError(
            f"{path} has {len(kept)} flat colours for {count} exemplars", "paint one colour an exemplar"
        )
    return np.abs(grey[..., None].astype(int) - np.sort(kept)).argmin(axis=-1)


def read_mask(path: str, shape: tuple[int, int]) -> np.ndarray:
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
