"""Looking at a picture from several sides: mirrored and turned by quarters, and what is found there led back.

A detector errs a little differently on a picture and on its mirror image, though the same is in both; the mean of the
two errs less.  Where pictures have no up, such as a microscope's, the four quarter turns say more than the mirror.

Reference:
    Ciresan, Meier and Schmidhuber, "Multi-column Deep Neural Networks for Image Classification", CVPR 2012 (the mean of
    answers to several versions of an input).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from common.grids import STRIDES

__all__ = ["AS_IT_IS", "MIRRORED", "TURNED", "Symmetry"]


@dataclass(frozen=True)
class Symmetry:
    """One side to look from.

    Args:
        mirror: left and right exchanged, before anything else.
        quarters: turns by 90 degrees, counter-clockwise.
    """

    mirror: bool = False
    quarters: int = 0

    def of(self, pictures: np.ndarray) -> np.ndarray:
        """Return pictures ``(n, height, width, c)`` as they look from there; an odd turn exchanges height and width."""
        if self.mirror:
            pictures = pictures[:, :, ::-1]
        return np.ascontiguousarray(np.rot90(pictures, self.quarters, axes=(1, 2)))

    def back(self, raw: np.ndarray, height: int, width: int) -> np.ndarray:
        """Return the raw output of a detector as if it had looked at the pictures themselves.

        Args:
            raw: ``(n, places, K + 4)`` of what ``of`` returned; the last four are distances to left, top, right and
                bottom edge.
            height, width: of the pictures.
        """
        seen_height, seen_width = (width, height) if self.quarters % 2 else (height, width)
        grids, start = [], 0
        for stride in STRIDES:
            rows, columns = seen_height // stride, seen_width // stride
            grid = raw[:, start : start + rows * columns].reshape(len(raw), rows, columns, -1)
            start += rows * columns
            grid = np.rot90(grid, -self.quarters, axes=(1, 2))
            if self.mirror:
                grid = grid[:, :, ::-1]
            grids.append(grid.reshape(len(raw), rows * columns, -1))
        there = np.concatenate(grids, axis=1)
        there[..., -4:] = there[..., -4:][..., self._edges()]
        return there

    def _edges(self) -> list[int]:
        """Return which of the distances seen from there is that to the left, top, right and bottom edge."""
        turned = np.roll(np.arange(4), self.quarters)  # a turn to the left brings the top edge to the left
        return turned[[2, 1, 0, 3]].tolist() if self.mirror else turned.tolist()


AS_IT_IS = (Symmetry(),)
MIRRORED = (*AS_IT_IS, Symmetry(mirror=True))
TURNED = tuple(Symmetry(quarters=quarters) for quarters in range(4))
