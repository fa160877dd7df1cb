"""What of the last painted frame of a video still holds in the next one."""

from __future__ import annotations

import cv2
import numpy as np

__all__ = ["Steadiness", "grey", "warped"]

CHANGE = 0.06  # of brightness, by which a point that moved may look different and be the same
SOFT = 1.5  # pixels over which what holds is blended with what does not
CUT = 0.25  # share of the picture that holds, below which another shot has begun


class Steadiness:
    """Carries a painted frame along with the motion of the video.

    Reference:
        Ruder, Dosovitskiy and Brox, "Artistic style transfer for videos", GCPR 2016, section 3 and equation 5 (points
        whose motion there and back does not end where it began were hidden).
    """

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._content: np.ndarray | None = None
        self._painted: np.ndarray | None = None

    def carried(self, content: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the last painted frame moved to where things are now, and how much of it holds at each pixel.

        Args:
            content: the frame that follows ``(h, w, 3)`` float32 in [0, 1].

        Returns:
            ``(h, w, 3)`` and ``(h, w)`` in [0, 1]; None for the first frame of a shot.
        """
        if self._content is None or self._painted is None:
            return None
        now, before = grey(content), grey(self._content)
        back = self._flow.calc(now, before, None)
        there = self._flow.calc(before, now, None)
        moved = warped(there, back)
        gap = ((back + moved) ** 2).sum(axis=-1)
        size = (back**2).sum(axis=-1) + (moved**2).sum(axis=-1)
        same = np.abs(content - warped(self._content, back)).mean(axis=-1) < CHANGE
        holds = ((gap < 0.01 * size + 0.5) & same).astype(np.float32)
        if holds.mean() < CUT:
            return None
        holds = cv2.GaussianBlur(cv2.erode(holds, np.ones((3, 3), np.uint8)), (0, 0), SOFT)
        return warped(self._painted, back), holds

    def keep(self, content: np.ndarray, painted: np.ndarray) -> None:
        """Remember a frame and how it was painted."""
        self._content, self._painted = content, painted


def grey(picture: np.ndarray) -> np.ndarray:
    """Return a picture ``(h, w, 3)`` float32 in [0, 1] as the grey ``(h, w)`` uint8 that optical flow is found in."""
    return cv2.cvtColor(np.rint(picture * 255).astype(np.uint8), cv2.COLOR_RGB2GRAY)


def warped(values: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Return values ``(h, w, c)`` read at each pixel moved by ``flow`` ``(h, w, 2)``, across and down."""
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return cv2.remap(
        values, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
