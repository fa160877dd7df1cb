"""What of the last painted frame of a video still holds in the next one."""

from __future__ import annotations

import cv2
import numpy as np

__all__ = ["Steadiness", "grey", "warped"]

CHANGE = 0.06  # of brightness, by which a point that moved may look different and be the same
CLOSES = 0.5  # squared pixels by which the way there and back may miss where it began, besides a share of its length
AROUND = 5  # pixels of a side over which grain is averaged where flat ground is compared
STEP = 8  # pixels between the points that show how the camera moved
FEWEST = 20  # of these points, below which it is taken to have stood still
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
        closes = _squared(back + moved) < 0.01 * (_squared(back) + _squared(moved)) + CLOSES
        holds = closes & (_change(content, self._content, back) < CHANGE)
        # On flat ground there is nothing that optical flow could follow: it moves as the camera does.
        ground = _camera_motion(back, closes)
        flat = ~holds & (cv2.blur(_change(content, self._content, ground), (AROUND, AROUND)) < CHANGE)
        motion = np.where(flat[..., None], ground, back)
        kept = (holds | flat).astype(np.float32)
        if kept.mean() < CUT:
            return None
        kept = cv2.GaussianBlur(cv2.erode(kept, np.ones((3, 3), np.uint8)), (0, 0), SOFT)
        return warped(self._painted, motion), kept

    def keep(self, content: np.ndarray, painted: np.ndarray) -> None:
        """Remember a frame and how it was painted."""
        self._content, self._painted = content, painted


def _change(now: np.ndarray, before: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """Return how different each point looks ``(h, w)`` from where ``motion`` says that it was before."""
    return cv2.transform(cv2.absdiff(now, warped(before, motion)), np.full((1, 3), 1 / 3))


def _squared(motion: np.ndarray) -> np.ndarray:
    """Return the squared length ``(h, w)`` of motion ``(h, w, 2)``."""
    return np.einsum("hwc,hwc->hw", motion, motion)


def _camera_motion(flow: np.ndarray, closes: np.ndarray) -> np.ndarray:
    """Return the motion ``(h, w, 2)`` that most of the picture shares: it moves, turns and scales as one.

    Args:
        flow: of each pixel ``(h, w, 2)``, across and down.
        closes: where it can be trusted ``(h, w)``.
    """
    height, width = closes.shape
    grid = np.mgrid[STEP // 2 : height : STEP, STEP // 2 : width : STEP].reshape(2, -1)
    down, across = grid[:, closes[tuple(grid)]]
    now = np.stack((across, down), axis=-1).astype(np.float32)
    found = None
    if len(now) >= FEWEST:
        found, _ = cv2.estimateAffinePartial2D(now, now + flow[down, across], ransacReprojThreshold=1)
    if found is None:
        return np.zeros_like(flow)
    turned = (found - np.eye(2, 3)).astype(np.float32)
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    return np.stack([x * by_x + y * by_y + shift for by_x, by_y, shift in turned], axis=-1)


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
