"""What a synthesis covers: a canvas somewhat larger than the result, made whole or part by part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from apps.texture.exemplars import read_guide
from apps.texture.options import SynthesisOptions
from common.data.masks import read_mask

__all__ = ["MARGIN", "Canvas", "Part"]

MARGIN = 16  # pixels seen beyond the edges and cut off: what lies at an edge is seen from one side only
WHOLE = 1_200_000  # pixels that are made at once, in about 3 GB of memory; a larger canvas is made in parts
PART = 640  # pixels of a side of a part
OVERLAP = 64  # pixels around a part that are seen: what is there stays, and what is made goes on from it


@dataclass(frozen=True)
class Part:
    """A piece of a canvas.

    Args:
        rows, columns: of the canvas that are seen, ``(h,)`` and ``(w,)``.
        core: the pixels ``(h, w)`` bool of these that are the part.
    """

    rows: np.ndarray
    columns: np.ndarray
    core: np.ndarray

    def of(self, picture: np.ndarray) -> np.ndarray:
        """Return what a picture of the whole canvas has there."""
        return picture[self.rows[:, None], self.columns]

    def put(self, picture: np.ndarray, values: np.ndarray) -> None:
        """Write what is seen into a picture of the whole canvas."""
        picture[self.rows[:, None], self.columns] = values

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of what is seen."""
        return len(self.rows), len(self.columns)


@dataclass(frozen=True)
class Canvas:
    """What is made before it is cut.

    Args:
        shape: (height, width).
        margins: pixels to cut off at every edge.
        torus: it goes on at its opposite edges.
        count: regions that are matched.
        regions: number of the region at each pixel; None for one.
        free: pixels to make anew; None for all.
    """

    shape: tuple[int, int]
    margins: int = 0
    torus: bool = False
    count: int = 1
    regions: np.ndarray | None = None
    free: np.ndarray | None = None

    @classmethod
    def of(cls, exemplars: list[np.ndarray], options: SynthesisOptions) -> Canvas:
        """Return the canvas for what is asked.

        Raises:
            InputError: a mask or a guide that cannot be read or used.
        """
        if options.inpaint:
            shape = (exemplars[0].shape[0], exemplars[0].shape[1])
            return cls(shape, free=read_mask(options.inpaint, shape))
        if options.guide:
            wide = np.pad(read_guide(options.guide, len(exemplars)), MARGIN, mode="edge")
            return cls((wide.shape[0], wide.shape[1]), MARGIN, count=len(exemplars), regions=wide)
        width, height = options.size or exemplars[0].shape[1::-1]
        margin = 0 if options.tile else MARGIN
        return cls((height + 2 * margin, width + 2 * margin), margin, options.tile)

    def parts(self) -> list[Part]:
        """Return the parts in the order in which they are made; one if the canvas is small."""
        height, width = self.shape
        if height * width <= WHOLE:
            return [Part(np.arange(height), np.arange(width), np.ones(self.shape, bool))]
        return [
            Part(rows, columns, in_rows[:, None] & in_columns)
            for rows, in_rows in self._strips(height)
            for columns, in_columns in self._strips(width)
        ]

    def _strips(self, side: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the places of a side that are seen from each strip, and which of them it is."""
        # On a torus a single strip would see its own places again beyond its ends.
        count = max(2 if self.torus else 1, -(-side // PART))
        for number in range(count):
            start, end = (side * edge // count for edge in (number, number + 1))
            places = np.arange(start - OVERLAP, end + OVERLAP)
            within = (places >= start) & (places < end)
            if not self.torus:
                there = (places >= 0) & (places < side)
                places, within = places[there], within[there]
            yield places % side, within

    def cut(self, picture: np.ndarray) -> np.ndarray:
        """Return the result: the canvas without its margins."""
        height, width = self.shape
        return picture[self.margins : height - self.margins, self.margins : width - self.margins]
