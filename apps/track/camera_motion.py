"""How the camera moved between two frames, and whether there was a cut between them.

Corners of the last frame are followed into this one by sparse optical flow, and the similarity (shift, rotation,
zoom) that most of them agree on is the camera's.  What moves by itself is outvoted, or left out where its boxes are
known.  Where corners tell nothing and the pictures differ, it was a cut, unless the whole picture has shifted: a pan
too fast for the corners.  Everything happens on a small grey picture.

Reference:
    Shi and Tomasi, "Good Features to Track", CVPR 1994; Bouguet, "Pyramidal Implementation of the Affine Lucas Kanade
    Feature Tracker", 2001; Fischler and Bolles, "Random Sample Consensus", 1981;
    Kuglin and Hines, "The Phase Correlation Image Alignment Method", 1975;
    Aharon, Orfaig, Bobrovsky, "BoT-SORT", 2022, section 3.2 (its use for tracking).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from common import boxes as box_tools

__all__ = ["STILL", "CameraMotion", "Motion"]

WIDTH = 320  # pixels of the working picture; all lengths below are in its pixels
# Corners followed at most, and the distance between any two: captions must not outvote the scene.
CORNERS, APART = 160, 12
FAINTEST = 0.003  # quality of a corner, of the best one's
LEAST_CORNERS, LEAST_AGREED = 12, 0.4  # number and share of the corners without which nothing is known
PRECISION = 1.0  # by how much a corner may miss the camera's motion
UNMOVED = 0.15  # in every corner of the picture, what counts as no motion
# A motion of more than FAR is a large object's, not the camera's, where STAYING times as many corners as follow it
# are within STAYED of their place: under a camera that moves none is.
FAR, STAYED, STAYING = 1.0, 0.3, 0.4
DETAIL = 13  # width of the neighbourhood whose light is taken out: a change of exposure is no motion
SHIFTED = 0.2  # response of the phase correlation that a shift has: 0.5 and more, two shots 0.1 at most
THUMBNAIL = (80, 60)
# Correlation of thumbnails below which, and grey levels beyond which, two frames are two shots.
CUT_LIKENESS, CUT_CHANGE = 0.5, 5.0


@dataclass(frozen=True)
class Motion:
    """What the camera did since the last frame.

    Args:
        affine: ``(2, 3)`` float64, maps pixels of the last frame to those of this one.
        cut: whether this frame begins another shot; ``affine`` is then the identity.
    """

    affine: np.ndarray
    cut: bool = False

    @property
    def still(self) -> bool:
        """Whether the camera stood still."""
        return bool((self.affine == _IDENTITY).all())


_IDENTITY = np.eye(2, 3)
STILL = Motion(_IDENTITY)


class CameraMotion:
    """Follows the camera through a video; one object for each.

    Example:
        >>> camera = CameraMotion()
        >>> motions = [camera.update(pixels) for pixels in video]  # doctest: +SKIP
    """

    def __init__(self) -> None:
        self._grey: np.ndarray | None = None

    def update(self, pixels: np.ndarray, moving: np.ndarray | None = None) -> Motion:
        """Take in a frame and say how the camera moved since the last one; not at all in the first.

        Args:
            pixels: ``(height, width, 3)`` uint8, RGB.
            moving: boxes ``(N, 4)`` of objects in the last frame, whose corners do not count.
        """
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        shrunk = math.ceil(grey.shape[1] / WIDTH)  # a whole number: any other takes OpenCV ten times as long
        if shrunk > 1:
            height, width = (length // shrunk for length in grey.shape)
            grey = grey[: height * shrunk, : width * shrunk]
            grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
        last, self._grey = self._grey, grey
        if last is None:
            return STILL
        if last.shape != grey.shape:
            return Motion(_IDENTITY, cut=True)
        affine = _similarity(last, grey, _elsewhere(grey.shape, moving, shrunk))
        if affine is None and not _differ(last, grey):
            return STILL
        if affine is None:
            affine = _shift(last, grey)
        if affine is None:
            return Motion(_IDENTITY, cut=True)
        height, width = grey.shape
        rim = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float)
        if np.abs(rim @ affine.T - rim[:, :2]).max() < UNMOVED:
            return STILL
        affine[:, 2] *= shrunk
        return Motion(affine)


def _elsewhere(shape: tuple[int, int], moving: np.ndarray | None, shrunk: int) -> np.ndarray | None:
    """Return a mask of where corners count; None for everywhere, also where boxes cover most of the picture."""
    if moving is None or not len(moving):
        return None
    mask = np.full(shape, 255, np.uint8)
    for left, top, right, bottom in np.rint(box_tools.corners(moving) / shrunk).astype(int):
        mask[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = 0
    return mask if mask.mean() > 255 * 0.3 else None


def _similarity(last: np.ndarray, grey: np.ndarray, mask: np.ndarray | None) -> np.ndarray | None:
    """Return the similarity ``(2, 3)`` that most corners agree on, or None."""
    last, grey = (cv2.addWeighted(one, 1, cv2.blur(one, (DETAIL, DETAIL)), -1, 128) for one in (last, grey))
    corners = cv2.goodFeaturesToTrack(last, CORNERS, FAINTEST, APART, mask=mask)
    if corners is None or len(corners) < LEAST_CORNERS:
        return None
    moved, found, _ = cv2.calcOpticalFlowPyrLK(last, grey, corners, None, winSize=(15, 15), maxLevel=3)
    found = found.ravel().astype(bool)
    if found.sum() < LEAST_CORNERS:
        return None
    affine, agreed = cv2.estimateAffinePartial2D(
        corners[found], moved[found], method=cv2.RANSAC, ransacReprojThreshold=PRECISION, maxIters=500
    )
    stayed = (np.abs(moved - corners)[found].max(axis=(1, 2)) < STAYED).sum()
    if affine is None or max(agreed.sum(), stayed) < max(LEAST_CORNERS, LEAST_AGREED * len(corners)):
        return None
    distance = np.abs(corners[found][:, 0] @ (affine[:, :2] - np.eye(2)).T + affine[:, 2]).max()
    return _IDENTITY if distance > FAR and stayed > STAYING * agreed.sum() else affine


def _shift(last: np.ndarray, grey: np.ndarray) -> np.ndarray | None:
    """Return a shift ``(2, 3)`` too large for the flow of corners, found by phase correlation, or None."""
    window = cv2.createHanningWindow(grey.shape[::-1], cv2.CV_32F)
    shift, response = cv2.phaseCorrelate(last.astype(np.float32), grey.astype(np.float32), window)
    return np.concatenate([np.eye(2), np.reshape(shift, (2, 1))], axis=1) if response > SHIFTED else None


def _differ(last: np.ndarray, grey: np.ndarray) -> bool:
    """Tell two shots from one in which too little agrees: are the pictures unlike as a whole?"""
    thumbnails = [
        cv2.resize(one, THUMBNAIL, interpolation=cv2.INTER_AREA).astype(float).ravel() for one in (last, grey)
    ]
    change = np.abs(thumbnails[0] - thumbnails[1]).mean()
    if change < CUT_CHANGE:
        return False
    if min(one.std() for one in thumbnails) < 1:
        return True  # to or from a blank picture
    return float(np.corrcoef(*thumbnails)[0, 1]) < CUT_LIKENESS
