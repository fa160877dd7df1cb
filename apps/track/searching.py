"""Looking for an object that is lost: near where it was and, bit by bit, all over the frame.

The best place of a frame is looked at once more in the next one, in a crop around it: what was only like the object by
chance, or cut off at the margin of a crop, is told so.  How much the rest of the scene is like the object is learned on
the way: where much is, more is asked of what shall be the object again.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from apps.track.cropping import SEARCH_SIDE, Window, window_around
from apps.track.settings import FollowSettings
from common.boxes import centers

__all__ = ["Search"]

RECENT = 10  # last looks that do not count yet for what is not the object: it may be back in them
AT_ONCE = 2.0  # sizes that it may have moved while it was not seen
SPEED = 0.5  # sizes a frame that it may move farther
LOOKS = 2  # in a row that must show it, where the evidence is not of the highest


class Search:
    """The search for one lost object.

    Args:
        anywhere: it may be anywhere from the first frame on, as after a cut.

    Attributes:
        frames: that the search has taken.
        candidate: box ``(4,)`` of the last frame's best place, or None.
    """

    def __init__(self, *, anywhere: bool = False) -> None:
        self.anywhere = anywhere
        self.frames = 0
        self.candidate: np.ndarray | None = None
        self._next = 0
        self._looks = 0
        self._without: deque[float] = deque()
        self._rival = 0.0

    def windows(
        self, box: np.ndarray, shape: tuple[int, ...], count: int, settings: FollowSettings
    ) -> list[Window]:
        """Return where to look: around the last place, around the candidate if there is one, and parts of a grid.

        Args:
            box: last known.
            shape: of the frame.
            count: parts of the grid.
            settings: of the tracker.
        """
        here = window_around(box, SEARCH_SIDE)
        grid = _grid(here, shape, settings.grid_step)
        count = min(count, len(grid))
        places = list(np.take(grid, np.arange(self._next, self._next + count), axis=0, mode="wrap"))
        self._next = (self._next + count) % len(grid)
        if self.candidate is not None:
            places.insert(0, centers(self.candidate))
        return [here, *(Window(float(x), float(y), here.side, SEARCH_SIDE) for x, y in places)]

    def in_reach(self, sizes: float) -> bool:
        """Return whether it can have come so far, in its sizes, since it was lost."""
        return self.anywhere or sizes <= AT_ONCE + SPEED * self.frames

    def found(self, evidence: float, settings: FollowSettings) -> bool:
        """Return whether a second look shows the object; else remember it as what does not."""
        enough = settings.found_most
        if self.frames > RECENT:
            enough = min(max(self._rival + settings.found_margin, settings.found_least), enough)
        self._looks = self._looks + 1 if evidence >= enough else 0
        if self._looks and (self._looks >= LOOKS or evidence >= settings.found_most):
            return True
        self.missed(evidence)
        return False

    def missed(self, evidence: float = 0.0) -> None:
        """Remember the evidence of a look that did not show it."""
        self.frames += 1
        self._without.append(evidence)
        if len(self._without) > RECENT:
            self._rival = max(self._rival, self._without.popleft())


def _grid(here: Window, shape: tuple[int, ...], step: float) -> np.ndarray:
    """Return the middles ``(n, 2)`` of windows that cover the frame, near ones first."""
    height, width = shape[:2]
    step = step * here.side
    columns, rows = (np.arange(step / 2, limit + step / 2, step) for limit in (width, height))
    grid = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    return grid[np.argsort(np.linalg.norm(grid - [here.x, here.y], axis=1), kind="stable")]
