"""MNIST's frame: how every picture of a digit is brought to the size the networks know.

The same code frames the embedded digits, the user's folders and what is found on a photo, so that training
and prediction cannot differ.

Reference:
    LeCun et al. 1998, section III.A: "size normalized to fit in a 20x20 pixel box while preserving their
    aspect ratio … centered in a 28x28 image by computing the center of mass of the pixels".
"""

from __future__ import annotations

import cv2
import numpy as np

__all__ = ["BOX_SHARE", "frame", "mass_centred"]

BOX_SHARE = 20 / 28


def frame(ink: np.ndarray, side: int = 28, *, threshold: float = 0.1) -> np.ndarray:
    """Cut out the ink, fit it into the 20×20 box and centre it by mass.

    Args:
        ink: ``(height, width)`` float, 0 for paper to 1 for ink.
        side: of the result.
        threshold: share of the darkest ink that still counts as ink for the cut.

    Returns:
        ``(side, side)`` float32 in [0, 1]; all zero where there is no ink.
    """
    ink = np.asarray(ink, np.float32)
    peak = float(ink.max(initial=0.0))
    if peak <= 0:
        return np.zeros((side, side), np.float32)
    rows, columns = np.where(ink > threshold * peak)
    cut = ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    scale = BOX_SHARE * side / max(cut.shape)
    size = [max(1, round(length * scale)) for length in cut.shape]
    shrinks = scale < 1
    small = cv2.resize(cut, (size[1], size[0]), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return mass_centred(np.clip(small / max(float(small.max()), 1e-6), 0, 1), side)


def mass_centred(picture: np.ndarray, side: int) -> np.ndarray:
    """Place ``picture`` on a black square so that its centre of mass falls on pixel (side / 2, side / 2).

    That is (14, 14), where the centres of mass of MNIST's pictures lie within half a pixel.
    """
    picture = np.asarray(picture, np.float32)
    mass = float(np.maximum(picture, 0).sum())
    height, width = picture.shape
    centre_y, centre_x = (height - 1) / 2, (width - 1) / 2
    if mass > 0:
        positive = np.maximum(picture, 0)
        centre_y = float((positive.sum(axis=1) * np.arange(height)).sum() / mass)
        centre_x = float((positive.sum(axis=0) * np.arange(width)).sum() / mass)
    # MNIST rounds to whole pixels: nothing is blurred by the move.
    top = int(np.clip(round(side / 2 - centre_y), 0, max(side - height, 0)))
    left = int(np.clip(round(side / 2 - centre_x), 0, max(side - width, 0)))
    canvas = np.zeros((side, side), np.float32)
    canvas[top : top + height, left : left + width] = picture[: side - top, : side - left]
    return canvas
