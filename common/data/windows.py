"""Windows of pictures, two by two: what networks that make pictures learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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

__all__ = ["Noise", "WindowPairs", "read_all"]

SHORTER = 384  # pixels of the shorter side that pictures are kept at
SMALLEST = 1 / 3  # share of the shorter side of a picture that a window takes at least
MOST = 2000  # pictures of a list, which hold about a gigabyte


@dataclass(frozen=True)
class WindowPairs:
    """Windows of contents beside windows of styles, without end.

    Args:
        contents, styles: pictures ``(h, w, 3)`` uint8; windows of any size from a third on are taken of them.
        side: of the windows in pixels, a multiple of 8.
        batch: pairs a step.
        steps_per_epoch: steps between two checks.
        seed: of the windows.
        terms: distances that the network ends in, all to become 0.
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
    recoloured: bool = False

    def steps(self, start: int, stop: int) -> tf.data.Dataset:
        """Return the batches of steps ``start`` to ``stop - 1``: ``(batch, side, side, 6)`` in [0, 1], zeros."""

        def pairs(draw: np.random.Generator) -> np.ndarray:
            several = np.stack([self._pair(draw) for _ in range(self.batch)])
            return several.astype(np.float32) / 255

        return _beside_zeros(
            pairs, self.seed, range(start, stop), (self.batch, self.side, self.side, 6), self.terms
        )

    def _pair(self, draw: np.random.Generator) -> np.ndarray:
        shown, like = (self._window(pictures, draw) for pictures in (self.contents, self.styles))
        if self.recoloured:
            like = like[..., draw.permutation(3)]
            shown = np.rint(255 * recoloured(*(one.astype(np.float32) / 255 for one in (shown, like))))
        return np.concatenate([shown, like], axis=-1)

    def _window(self, pictures: Sequence[np.ndarray], draw: np.random.Generator) -> np.ndarray:
        """Return a square of a picture, of a random size and place, mirrored at times."""
        picture = pictures[int(draw.integers(len(pictures)))]
        height, width = picture.shape[:2]
        side = int(min(height, width) * draw.uniform(SMALLEST, 1.0))
        side = max(side, min(self.side, height, width))
        top, left = draw.integers(height - side + 1), draw.integers(width - side + 1)
        window = picture[top : top + side, left : left + side]
        if draw.random() < 0.5:
            window = window[:, ::-1]
        return cv2.resize(window, (self.side, self.side), interpolation=cv2.INTER_AREA)


@dataclass(frozen=True)
class Noise:
    """Noise, uniform in [0, 1], without end.

    Args:
        side, batch, steps_per_epoch, seed, terms: as of ``WindowPairs``.
    """

    side: int
    batch: int
    steps_per_epoch: int
    seed: int
    terms: int

    def steps(self, start: int, stop: int) -> tf.data.Dataset:
        """Return the batches of steps ``start`` to ``stop - 1``: ``(batch, side, side, 3)``, zeros."""
        shape = (self.batch, self.side, self.side, 3)
        return _beside_zeros(
            lambda draw: draw.random(shape, np.float32), self.seed, range(start, stop), shape, self.terms
        )


def _beside_zeros(
    drawn: Callable[[np.random.Generator], np.ndarray],
    seed: int,
    steps: range,
    shape: tuple[int, ...],
    terms: int,
) -> tf.data.Dataset:
    """Return what is drawn at each step, of this shape, beside the distances that it is to come to."""

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for step in steps:
            yield drawn(np.random.default_rng((seed, step))), np.zeros((shape[0], terms), np.float32)

    signature = (tf.TensorSpec(shape, tf.float32), tf.TensorSpec((shape[0], terms), tf.float32))
    return tf.data.Dataset.from_generator(batches, output_signature=signature).prefetch(4)


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
