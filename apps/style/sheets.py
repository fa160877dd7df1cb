"""Looking at how a picture was painted: beside what it was made of, and step by step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from common.data.images import write_picture
from common.files import replacing

__all__ = ["Film", "write_comparison"]

GAP = 8  # pixels between pictures
FRAMES = 48  # of a film, at most
SIDE = 320  # pixels of the longer side of a film


def write_comparison(
    path: Path, content: np.ndarray, styles: Sequence[np.ndarray], result: np.ndarray
) -> Path:
    """Write content, styles and result beside each other, all as high as the result; return the path.

    Args:
        path: of the result.
        content, result: ``(h, w, 3)`` float32 in [0, 1].
        styles: the same, of any sizes; several stand above each other.
    """
    height = result.shape[0]
    gap = np.ones((height, GAP, 3), np.float32)
    tiles = [_as_high(content, height), gap]
    if styles:
        each = (height - GAP * (len(styles) - 1)) // len(styles)
        column = [_as_high(style, max(16, each)) for style in styles]
        tower = np.ones((height, max(style.shape[1] for style in column), 3), np.float32)
        top = 0
        for style in column:
            part = tower[top : top + style.shape[0], : style.shape[1]]
            part[:] = style[: part.shape[0]]
            top += style.shape[0] + GAP
        tiles += [tower, gap]
    sheet = np.concatenate([*tiles, result], axis=1)
    return write_picture(path.with_name(f"{path.stem}.compare.jpg"), np.rint(sheet * 255).astype(np.uint8))


def _as_high(picture: np.ndarray, height: int) -> np.ndarray:
    width = max(1, round(picture.shape[1] * height / picture.shape[0]))
    return np.clip(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), 0, 1)


class Film:
    """A film of a picture that is being painted.

    Args:
        path: of the picture.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(f"{path.stem}.progress.gif")
        self.frames: list[np.ndarray] = []
        self.every, self.seen = 1, 0

    def add(self, picture: np.ndarray) -> None:
        """Take the picture ``(h, w, 3)`` float32 in [0, 1] after a step; of too many every other one is dropped."""
        self.seen += 1
        if self.seen % self.every:
            return
        factor = SIDE / max(picture.shape[:2])
        size = (max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        self.frames.append(np.rint(np.clip(small, 0, 1) * 255).astype(np.uint8))
        if len(self.frames) > FRAMES:
            self.frames, self.every = self.frames[1::2], self.every * 2

    def write(self) -> Path:
        """Write the film, its last picture longer, and return its path."""
        size = self.frames[-1].shape[1::-1]
        pictures = [Image.fromarray(cv2.resize(frame, size)) for frame in self.frames]
        lengths = [80] * (len(pictures) - 1) + [2000]  # milliseconds
        with replacing(self.path) as temporary:
            pictures[0].save(
                temporary, "GIF", save_all=True, append_images=pictures[1:], duration=lengths, loop=0
            )
        return self.path
