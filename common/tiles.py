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
    """

    cell: int = 8
    reach: int = 64
    tile: int = 640

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
        pad = self.reach, self.reach + self.cell
        wide = cv2.copyMakeBorder(picture, *pad, *pad, _MODES[beyond])
        for number, (top, bottom, left, right) in enumerate(windows, start=1):
            rows, columns = (
                -(-(end - begin) // self.cell) * self.cell for begin, end in ((top, bottom), (left, right))
            )
            tile = wide[top : top + rows + 2 * self.reach, left : left + columns + 2 * self.reach]
            made = work(np.ascontiguousarray(tile[None]))[0]
            result[top:bottom, left:right] = made[
                self.reach : self.reach + bottom - top, self.reach : self.reach + right - left
            ]
            progress(number / len(windows))
        return result

    def _windows(self, height: int, width: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield (top, bottom, left, right) of tiles that cover a picture."""
        for top in range(0, height, self.tile):
            for left in range(0, width, self.tile):
                yield top, min(top + self.tile, height), left, min(left + self.tile, width)
