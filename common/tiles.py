"""Pictures worked on tile by tile, without a seam and within a bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

__all__ = ["Tiling"]

Beyond = Literal["mirrored", "wrapped"]
_MODES = {"mirrored": cv2.BORDER_REFLECT_101, "wrapped": cv2.BORDER_WRAP}


@dataclass(frozen=True)
class Tiling:
    """How a picture is cut.

    Args:
        cell: pixels of a side of which tiles are multiples, as the network needs.
        reach: pixels around a place that have a say in it, a multiple of ``cell``: tiles overlap by them.
        tile: pixels of a side that are worked on at once, a multiple of ``cell``.
        edge: pixels of the mirrored picture around it that are worked on and cut off, a multiple of ``cell``, at most
            ``reach``: what a network makes of nothing lies there.
    """

    cell: int = 8
    reach: int = 64
    tile: int = 640
    edge: int = 16

    def run(
        self,
        picture: np.ndarray,
        work: Callable[[np.ndarray], np.ndarray],
        *,
        beyond: Beyond = "mirrored",
        progress: Callable[[float], None] = lambda share: None,
    ) -> np.ndarray:
        """Return the result ``(h, w, 3)`` of work on a picture ``(h, w, c)`` float32, of any size.

        Args:
            picture: to work on.
            work: from a tile ``(1, rows, columns, c)`` to ``(1, rows, columns, 3)``.
            beyond: what lies around the picture: itself mirrored, or itself again, so that edges go on at each other.
            progress: called with the share that is done.
        """
        height, width = picture.shape[:2]
        result = np.empty((height, width, 3), np.float32)
        windows = list(self._windows(height, width))
        pad = self.reach if beyond == "wrapped" else self.edge
        below, right_of = (pad + -side % self.cell for side in (height, width))
        wide = cv2.copyMakeBorder(picture, pad, below, pad, right_of, _MODES[beyond])
        for number, (top, bottom, left, right) in enumerate(windows, start=1):
            (first, row), (begin, column) = (self._reached(start, pad) for start in (top, left))
            last, end = (-(-(stop + pad + self.reach) // self.cell) * self.cell for stop in (bottom, right))
            made = work(np.ascontiguousarray(wide[None, first:last, begin:end]))[0]
            result[top:bottom, left:right] = made[row : row + bottom - top, column : column + right - left]
            progress(number / len(windows))
        return result

    def _reached(self, start: int, pad: int) -> tuple[int, int]:
        """Return where in the padded picture the pixels begin that have a say in a tile, and where in them it does."""
        first = max(0, start + pad - self.reach)
        return first, start + pad - first

    def _windows(self, height: int, width: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield (top, bottom, left, right) of tiles that cover a picture."""
        for top in range(0, height, self.tile):
            for left in range(0, width, self.tile):
                yield top, min(top + self.tile, height), left, min(left + self.tile, width)
