"""Windows of pictures, two by two: what networks that make pictures learn from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf

from common.console import Advance
from common.data.colours import recoloured
from common.data.images import decode, find_pictures
from common.data.squares import ahead
from common.errors import InputError

__all__ = ["WindowPairs", "read_all"]

SHORTER = 384  # pixels of the shorter side that pictures are kept at
MOST = 2000  # pictures of a list, which hold about a gigabyte


@dataclass(frozen=True)
class WindowPairs:
    """Windows of contents beside windows of styles, without end.

    Args:
        contents, styles: pictures ``(h, w, 3)`` uint8; no contents for noise.
        side: of the windows in pixels, a multiple of 8.
        batch: pairs a step.
        steps_per_epoch: steps between two checks.
        seed: of the windows.
        terms: distances that the network ends in, all to become 0.
        smallest: share of the shorter side of a picture that a window takes at least; 1 for all of it.
        mirrored: whether windows are mirrored at times.
        zoomed: whether windows of any size are taken, from ``smallest`` on, and brought to ``side``; else all of one.
        recoloured: whether contents get the colours of their styles; and of styles red, green and blue change places,
            so that more are seen than there are.
    """

    contents: Sequence[np.ndarray]
    styles: Sequence[np.ndarray]
    side: int
    batch: int
    steps_per_epoch: int
    seed: int
    terms: int
    smallest: float = 1 / 3
    mirrored: bool = True
    zoomed: bool = True
    recoloured: bool = False

    def steps(self, start: int, stop: int) -> tf.data.Dataset:
        """Return the batches of steps ``start`` to ``stop - 1``: ``(batch, side, side, 6)`` in [0, 1], zeros."""

        def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for step in range(start, stop):
                draw = np.random.default_rng((self.seed, step))
                pairs = np.stack([self._pair(draw) for _ in range(self.batch)])
                yield pairs.astype(np.float32) / 255, np.zeros((self.batch, self.terms), np.float32)

        signature = (
            tf.TensorSpec((None, self.side, self.side, 6), tf.float32),
            tf.TensorSpec((None, self.terms), tf.float32),
        )
        return tf.data.Dataset.from_generator(batches, output_signature=signature).prefetch(4)

    def _pair(self, draw: np.random.Generator) -> np.ndarray:
        shown, like = (self._window(pictures, draw) for pictures in (self.contents, self.styles))
        if self.recoloured:
            like = like[..., draw.permutation(3)]
            shown = np.rint(255 * recoloured(*(one.astype(np.float32) / 255 for one in (shown, like))))
        return np.concatenate([shown, like], axis=-1)

    def _window(self, pictures: Sequence[np.ndarray], draw: np.random.Generator) -> np.ndarray:
        """Return a square of a picture, of a random size and place, mirrored at times."""
        if not pictures:
            return draw.integers(0, 256, (self.side, self.side, 3), np.uint8)
        picture = pictures[int(draw.integers(len(pictures)))]
        height, width = picture.shape[:2]
        side = int(min(height, width) * (draw.uniform(self.smallest, 1.0) if self.zoomed else self.smallest))
        side = max(side, min(self.side, height, width))
        top, left = draw.integers(height - side + 1), draw.integers(width - side + 1)
        window = picture[top : top + side, left : left + side]
        if self.mirrored and draw.random() < 0.5:
            window = window[:, ::-1]
        return cv2.resize(window, (self.side, self.side), interpolation=cv2.INTER_AREA)


def read_all(
    sources: Sequence[str | Path], progress: Advance = lambda done, total, remark: None
) -> list[np.ndarray]:
    """Return the pictures of files and folders ``(h, w, 3)`` uint8, their shorter side brought to ``SHORTER``.

    Of more than ``MOST`` an even choice is taken; those that cannot be read are left out.

    Raises:
        InputError: none can be read.
    """
    files = find_pictures(sources)
    files = [files[number] for number in np.unique(np.linspace(0, len(files) - 1, MOST).astype(int))]
    found = []
    for number, picture in enumerate(ahead(_small, ((file,) for file in files)), start=1):
        if picture is not None:
            found.append(picture)
        progress(number, len(files), "reading pictures")
    if not found:
        raise InputError(f"{sources[0]}: none of the {len(files)} pictures can be read")
    return found


def _small(file: Path) -> np.ndarray | None:
    try:
        pixels = decode(file, max_side=4 * SHORTER).pixels
    except InputError:
        return None
    factor = SHORTER / min(pixels.shape[:2])
    size = tuple(max(SHORTER, round(side * factor)) for side in pixels.shape[1::-1])
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
