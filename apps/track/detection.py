"""What is there in a frame: the interface of detectors, and one that finds whatever moves.

A detector is called with each frame of a video in order.  ``DETECTORS`` names those that need no model;
``open_detection`` takes a trained one, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from apps.track.background import BackgroundModel, Difference
from apps.track.camera_motion import Motion
from common import boxes as box_tools
from common.registry import Registry

__all__ = ["DETECTORS", "Detections", "Detector", "MotionDetector"]

WIDTH = 480  # pixels of the working picture at most
WARM_UP = 10  # frames of a shot in which nothing is reported
LEAST_AREA = 0.0006  # of the picture; what is smaller is no object
LEAST_CONFIDENCE = 0.1  # of what is reported
CLOSING = 1 / 45  # of the picture's width: gaps of this size are closed
PART = 0.3  # share of a large object's area up to which a piece beside it is its part
NEAR = 0.02  # of the picture's width, how far from it such a piece may be
CLEAR = 0.15  # share of an object's pixels that must stand out clearly
WHOLE = 0.45  # share of the picture that no object covers: the light was switched on, the camera knocked over
GHOST = 0.4  # share of the steepness along an outline below which it is the background's, and the object gone
OUTLINED = 0.25, 0.45  # the same share, where confidence is none and where it is whole
RESTING = 0.3  # factor of the confidence of what does not move and was never seen moving
MOVING = 0.03  # share of an object's pixels that must have changed for it to be moving
VOUCHED = 0.3  # overlap with a live track by which something resting is known to be an object
PATIENCE, EARLY_PATIENCE, HELD_PATIENCE = 40, 8, 250  # frames after which what rests becomes background


@dataclass(frozen=True)
class Detections:
    """Objects found in one frame.

    Args:
        boxes: ``(N, 4)`` float32, see `common.boxes`, in pixels of the frame.
        confidences: ``(N,)`` float32 in [0, 1].
        labels: what each is.
    """

    boxes: np.ndarray
    confidences: np.ndarray
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.boxes)


NOTHING = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), ())


class Detector(Protocol):
    """Finds the objects in the frames of a video, given one after the other.

    Attributes:
        rehearses: whether it knows more when it has seen the first frames before the video begins.
    """

    rehearses: bool

    def __call__(self, pixels: np.ndarray, motion: Motion, held: np.ndarray | None = None) -> Detections:
        """Return what is in a frame.

        Args:
            pixels: ``(height, width, 3)`` uint8, RGB.
            motion: of the camera since the last frame.
            held: boxes ``(N, 4)`` of objects that are being tracked and have been seen to move.
        """
        ...


DETECTORS: Registry[Callable[[], Detector]] = Registry("detector")


@DETECTORS.named("motion")
class MotionDetector:
    """Finds what moves before a fixed or slowly moving camera, by subtracting the background.

    What has stopped goes on being found while a track vouches for it (``held``), up to ``HELD_PATIENCE`` frames.
    Confidence is high for what differs much from the background, has an outline of its own, and moves.

    One object for one video.
    """

    rehearses = True

    def __init__(self) -> None:
        self._model: BackgroundModel | None = None

    def __call__(self, pixels: np.ndarray, motion: Motion, held: np.ndarray | None = None) -> Detections:
        """Return what moves in a frame, without a name; nothing in the first ``WARM_UP`` of a shot.

        Args:
            pixels: ``(height, width, 3)`` uint8, RGB.
            motion: of the camera since the last frame.
            held: boxes ``(N, 4)`` of live tracks that have moved.
        """
        small, shrunk = _shrunk(pixels)
        model = self._model
        if model is None or motion.cut or model.mean.shape != small.shape:
            self._model = BackgroundModel(small)
            return NOTHING
        affine = None
        if not motion.still:
            affine = np.concatenate([motion.affine[:, :2], motion.affine[:, 2:] / shrunk], axis=1)
        laid = model.lay(small, affine)
        difference = model.compare(laid)
        mask = _closed(difference.weak)
        if mask.mean() > WHOLE or model.stale(difference):
            self._model = BackgroundModel(small)
            return NOTHING
        vouched = np.zeros((0, 4))
        if held is not None and len(held):
            vouched = _moved(np.asarray(held, np.float64) / shrunk, model.to_anchor)
        boxes, confidences, foreground, ghosts = _objects(mask, difference, vouched)
        model.learn(laid, foreground, ghosts, _patience(mask.shape, vouched, model.frames))
        if not len(boxes) or model.frames <= WARM_UP:
            return NOTHING
        boxes, confidences = _with_parts(boxes, confidences, NEAR * mask.shape[1])
        boxes = _moved(boxes, cv2.invertAffineTransform(model.to_anchor)) * shrunk
        height, width = pixels.shape[:2]
        boxes = box_tools.clipped(boxes, width, height)
        some = (boxes[:, 2:] > 0).all(axis=1) & (confidences > LEAST_CONFIDENCE)
        boxes, confidences = boxes[some].astype(np.float32), confidences[some].astype(np.float32)
        return Detections(boxes, confidences, ("",) * len(boxes))


def _shrunk(pixels: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the working picture and by what whole number it was shrunk (others take OpenCV ten times as long)."""
    shrunk = math.ceil(pixels.shape[1] / WIDTH)
    if shrunk > 1:
        height, width = (length // shrunk for length in pixels.shape[:2])
        pixels = pixels[: height * shrunk, : width * shrunk]
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(pixels, (3, 3), 0), shrunk


def _closed(weak: np.ndarray) -> np.ndarray:
    """Return the foreground ``(height, width)`` uint8 without specks and with its gaps closed."""
    mask = cv2.morphologyEx(weak.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    size = 2 * round(CLOSING * weak.shape[1] / 2) + 1
    return cv2.morphologyEx(mask, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))


def _objects(
    mask: np.ndarray, difference: Difference, vouched: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return boxes ``(N, 4)``, confidences ``(N,)``, and the masks of all objects and of ghosts.

    A ghost is the place that an object has left: the background still shows it, and its outline, while the frame has
    none there.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    area = stats[:, cv2.CC_STAT_AREA].astype(float)

    places = np.flatnonzero(labels)
    numbers = labels.ravel()[places]

    def shares(values: np.ndarray) -> np.ndarray:
        return np.bincount(numbers, values.ravel()[places], count) / area

    grown = cv2.dilate(labels.astype(np.uint16), np.ones((3, 3), np.uint8))
    outline = (grown > 0) & (cv2.erode(mask, np.ones((5, 5), np.uint8)) == 0)
    own, background = (
        np.bincount(grown[outline], edges[outline], count)
        for edges in (difference.edges, difference.background_edges)
    )
    outlined = own / np.maximum(own + background, 1e-6)
    moving = shares(difference.moving) > MOVING
    some = (area >= LEAST_AREA * mask.size) & (shares(difference.strong) >= CLEAR)
    some[0] = False
    gone = some & ~moving & (outlined < GHOST)
    boxes = stats[:, :4].astype(float)
    known = moving
    if len(vouched):
        known = moving | (box_tools.iou_matrix(boxes, vouched).max(axis=1) > VOUCHED)
    confidences = 1 - np.exp(-shares(difference.deviation) / 4)
    confidences *= np.interp(outlined, OUTLINED, (0, 1)) * np.where(known, 1, RESTING)
    found = some & ~gone
    return boxes[found], confidences[found], some[labels], gone[labels]


def _with_parts(boxes: np.ndarray, confidences: np.ndarray, near: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the objects together with their parts: small pieces within or right beside a large one."""
    order = np.argsort(-boxes[:, 2:].prod(axis=1))
    whole: list[np.ndarray] = []
    sure: list[float] = []
    for box, confidence in zip(boxes[order], confidences[order], strict=True):
        area = box[2:].prod()
        for number, large in enumerate(whole):
            around = large + [-near, -near, 2 * near, 2 * near]
            inside = box_tools.shared_areas(box, around) / area
            if inside > 0.5 and area < PART * large[2:].prod():
                edges = box_tools.corners(np.stack([box, large]))
                union = np.concatenate([edges[:, :2].min(axis=0), edges[:, 2:].max(axis=0)])
                whole[number] = box_tools.from_corners(union)
                sure[number] = max(sure[number], float(confidence))
                break
        else:
            whole.append(box)
            sure.append(float(confidence))
    return np.array(whole).reshape(-1, 4), np.array(sure)


def _patience(shape: tuple[int, ...], vouched: np.ndarray, frames: int) -> np.ndarray:
    """Return for how many frames each pixel waits before what rests on it becomes background ``(height, width)``.

    In the beginning not long: what seems to rest may well be what an object of the first frame has uncovered.
    """
    patience = np.full(shape, min(PATIENCE, max(EARLY_PATIENCE, frames / 3)), np.float32)
    for left, top, right, bottom in np.rint(box_tools.corners(vouched)).astype(int):
        patience[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = HELD_PATIENCE
    return patience


def _moved(boxes: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Return boxes ``(N, 4)`` under a similarity ``(2, 3)``; they stay upright."""
    scale = np.sqrt(abs(np.linalg.det(affine[:, :2])))
    middles = box_tools.centers(boxes) @ affine[:, :2].T + affine[:, 2]
    return np.concatenate([middles - boxes[:, 2:] * scale / 2, boxes[:, 2:] * scale], axis=1)
