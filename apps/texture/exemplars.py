"""Reading what a synthesis starts from: exemplars and guides."""

from __future__ import annotations

import numpy as np

from common.data.images import decode
from common.data.masks import read_regions
from common.errors import InputError

__all__ = ["LONGEST", "read_exemplar", "read_guide"]

LONGEST = 1024  # pixels of a side: of a larger exemplar a smaller copy is taken
SHORTEST = 32


def read_exemplar(path: str, longest: int = LONGEST) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return a texture ``(h, w, 3)`` float32 in [0, 1], and what was done to it.

    Args:
        path: of a picture.
        longest: pixels of a side; a larger picture is made smaller.

    Raises:
        InputError: no picture, or one too small to show a texture.
    """
    picture = decode(path, max_side=longest)
    height, width = picture.pixels.shape[:2]
    if min(height, width) < SHORTEST:
        raise InputError(
            f"{path}: {width}x{height} is too small for a texture", f"give {SHORTEST} pixels a side or more"
        )
    return picture.pixels.astype(np.float32) / 255, picture.notes


def read_guide(path: str, count: int) -> np.ndarray:
    """Return which exemplar goes where in a guide ``(h, w)`` int64, from 0, darkest colour first.

    Raises:
        InputError: no picture; another number of colours than ``count``.
    """
    regions, levels = read_regions(path)
    if len(levels) != count:
        raise InputError(
            f"{path} has {len(levels)} flat colours for {count} exemplars", "paint one colour an exemplar"
        )
    return regions
