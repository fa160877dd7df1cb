"""A folder of pictures, one sub-folder a class."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from common.data.images import decode
from common.errors import InputError

__all__ = ["SUFFIXES", "read_image_folder", "read_pictures"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")


def read_image_folder(
    folder: Path, *, side: int, channels: int
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Read ``folder/CLASS/*.png`` and the like.

    Grey pictures become bright strokes on black, framed as MNIST is; colour pictures are resized.

    Args:
        folder: with one sub-folder a class.
        side: of the result.
        channels: 1 or 3.

    Returns:
        Images ``(n, side, side, channels)`` uint8, class numbers ``(n,)`` int64, and the class names.

    Raises:
        InputError: fewer than two classes, an empty class, or a file that is no picture.
    """
    classes = sorted(
        path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    )
    if len(classes) < 2:
        raise InputError(
            f"{folder} holds {len(classes)} sub-folders of pictures", "one sub-folder a class, at least two"
        )
    images, targets = [], []
    for number, name in enumerate(classes):
        files = sorted(path for path in (folder / name).iterdir() if path.suffix.lower() in SUFFIXES)
        if len(files) < 5:
            raise InputError(
                f"class {name!r} of {folder} has {len(files)} pictures",
                "each class needs 5 or more to be split",
            )
        for file in files:
            pixels = decode(file, grey=channels == 1).pixels
            images.append(_strokes(pixels, side) if channels == 1 else _fitted(pixels, side))
            targets.append(number)
    stacked = np.stack(images).reshape(len(images), side, side, channels)
    return stacked, np.asarray(targets, np.int64), tuple(classes)


def read_pictures(folder: Path, *, side: int = 28) -> np.ndarray:
    """Read all grey pictures of a folder without classes, framed: ``(n, side, side, 1)`` uint8.

    Raises:
        InputError: no such folder, or no pictures in it.
    """
    files = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise InputError(f"no pictures in {folder}", f"a folder of {', '.join(SUFFIXES)} files")
    return np.stack([_strokes(decode(file, grey=True).pixels, side) for file in files])[..., None]


def _strokes(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return bright strokes on black, framed; a picture already in that form is kept as it is."""
    from common.data.framing import frame

    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    if pixels.shape == (side, side) and np.median(border) == 0:
        return pixels
    paper = float(np.median(border))
    ink = np.abs(pixels.astype(np.float32) - paper)
    ink[ink < 0.25 * ink.max(initial=1)] = 0
    return (frame(ink / max(float(ink.max()), 1), side) * 255).astype(np.uint8)


def _fitted(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return the central square of a colour picture at ``side`` × ``side``."""
    height, width = pixels.shape[:2]
    square = min(height, width)
    top, left = (height - square) // 2, (width - square) // 2
    cut = pixels[top : top + square, left : left + square]
    return cv2.resize(cut, (side, side), interpolation=cv2.INTER_AREA)
