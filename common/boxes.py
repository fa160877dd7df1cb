"""Upright boxes as arrays ``(..., 4)`` of x, y, width, height in pixels; x and y of the left upper corner, zero-based.

A box covers the pixels from x to x + width: the first pixel of a picture is the box (0, 0, 1, 1).
"""

from __future__ import annotations

import numpy as np

__all__ = ["AGREEMENT", "centers", "clipped", "corners", "from_corners", "iou", "iou_matrix", "shared_areas"]

AGREEMENT = 0.8  # IoU from which two boxes say where the same object is: they are averaged


def corners(boxes: np.ndarray) -> np.ndarray:
    """Return left, top, right, bottom ``(..., 4)``."""
    boxes = np.asarray(boxes)
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)


def from_corners(edges: np.ndarray) -> np.ndarray:
    """Return the boxes ``(..., 4)`` of left, top, right, bottom."""
    edges = np.asarray(edges)
    return np.concatenate([edges[..., :2], edges[..., 2:] - edges[..., :2]], axis=-1)


def centers(boxes: np.ndarray) -> np.ndarray:
    """Return the middles ``(..., 2)``."""
    boxes = np.asarray(boxes)
    return boxes[..., :2] + boxes[..., 2:] / 2


def clipped(boxes: np.ndarray, width: float, height: float) -> np.ndarray:
    """Return the parts inside a picture; of a box outside, an empty one at its edge."""
    edges = corners(boxes)
    return from_corners(np.clip(edges, 0, [width, height, width, height]))


def shared_areas(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the area that the boxes ``(..., 4)`` have in common, of each pair."""
    a, b = corners(first), corners(second)
    sides = np.maximum(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0)
    return sides[..., 0] * sides[..., 1]


def iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the intersection over union in [0, 1] of each pair ``(..., 4)``; 0 for two empty boxes."""
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    shared = shared_areas(first, second)
    union = first[..., 2] * first[..., 3] + second[..., 2] * second[..., 3] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def iou_matrix(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the intersection over union ``(N, M)`` of every box ``(N, 4)`` with every other ``(M, 4)``."""
    return iou(np.asarray(first)[:, None], np.asarray(second)[None])
