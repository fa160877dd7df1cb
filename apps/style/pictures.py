"""What a style transfer starts from, contents, styles and masks; and what is done last."""

from __future__ import annotations

import cv2
import numpy as np

from common.data.colours import with_brightness_of
from common.data.images import decode
from common.data.masks import read_mask, read_regions
from common.errors import InputError

__all__ = ["SHORTEST", "brought_to", "finished", "read_picture", "regions_of"]

SHORTEST = 16  # pixels of a side that can be painted
EDGE = 3.0  # pixels over which a mask's edge is blended


def read_picture(path: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return a picture ``(h, w, 3)`` float32 in [0, 1], and what was done to it.

    Raises:
        InputError: no picture, or one too small.
    """
    picture = decode(path)
    height, width = picture.pixels.shape[:2]
    if min(height, width) < SHORTEST:
        raise InputError(
            f"{path}: {width}x{height} is too small to be painted or painted like",
            f"give {SHORTEST} pixels a side or more",
        )
    return picture.pixels.astype(np.float32) / 255, picture.notes


def brought_to(picture: np.ndarray, longer: int) -> np.ndarray:
    """Return a picture with a longer side of so many pixels, the shorter one not below ``SHORTEST``."""
    height, width = picture.shape[:2]
    factor = longer / max(height, width)
    size = (max(SHORTEST, round(width * factor)), max(SHORTEST, round(height * factor)))
    if size == (width, height):
        return picture
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.clip(cv2.resize(picture, size, interpolation=how), 0, 1)


def regions_of(mask: str, styles: int, shape: tuple[int, int]) -> np.ndarray | None:
    """Return the number of the style at each pixel ``(h, w)``, -1 for none; None for all styles everywhere.

    Args:
        mask: a picture, white where the one style goes; of several styles flat colours, one a style, darkest first,
            after black where there is one more; "" for none.
        styles: how many.
        shape: (height, width) of the picture.

    Raises:
        InputError: no picture, or one with another number of colours.
    """
    if not mask:
        return None
    if styles == 1:
        return np.where(read_mask(mask, shape), 0, -1)
    found, levels = read_regions(mask)
    if len(levels) not in (styles, styles + 1):
        raise InputError(
            f"{mask} has {len(levels)} flat colours for {styles} styles",
            "paint one colour a style, and black for what is left as it is",
        )
    numbers = found - (len(levels) - styles)
    return cv2.resize(numbers.astype(np.int16), shape[::-1], interpolation=cv2.INTER_NEAREST).astype(int)


def finished(
    painted: np.ndarray, content: np.ndarray, regions: np.ndarray | None, preserve_color: str
) -> np.ndarray:
    """Return a painted picture with the colours that are to be kept, and the content where no style goes."""
    if preserve_color == "luminance":
        painted = with_brightness_of(content, painted)
    if regions is None:
        return painted
    inside = cv2.GaussianBlur((regions >= 0).astype(np.float32), (0, 0), EDGE)[..., None]
    return inside * painted + (1 - inside) * content
