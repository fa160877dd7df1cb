"""Pictures with their objects moved together: an affine map of both, and the square that a network takes.

An object is the polygon of its outline, or of its box's four corners.  The polygon is moved and cut at the picture's
edges, and its upright hull is the new box; what keeps less than ``VISIBLE`` of its area is dropped.

Reference:
    Sutherland and Hodgman, "Reentrant Polygon Clipping", CACM 1974.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

from common.boxes import corners, from_corners

__all__ = ["FILL", "VISIBLE", "Example", "Letterbox", "affine", "letterbox"]

FILL = 114  # grey of what no picture covers, as Darknet and its descendants have it
VISIBLE = 0.2

Outlines = tuple[tuple[np.ndarray, ...], ...]


@dataclass(frozen=True)
class Example:
    """A picture with its objects.

    Args:
        pixels: ``(height, width, 3)`` uint8 RGB.
        boxes: x, y, width, height ``(n, 4)`` in pixels.
        labels: ``(n,)`` numbers of classes.
        outlines: of each object its polygons ``(points, 2)``, or () where only the box is known; () as a whole where
            there is none.
    """

    pixels: np.ndarray
    boxes: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    labels: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    outlines: Outlines = ()

    @property
    def polygons(self) -> Outlines:
        """Of each object its outline, or the four corners of its box where that encloses nothing."""
        outlines = self.outlines or ((),) * len(self.boxes)
        frames = corners(self.boxes)[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
        return tuple(
            outline if sum(map(_area, outline)) > 0 else (frame,)
            for outline, frame in zip(outlines, frames, strict=True)
        )


def affine(
    example: Example, matrix: np.ndarray, size: tuple[int, int], *, fill: int = FILL, visible: float = VISIBLE
) -> Example:
    """Move a picture and its objects by an affine map.

    Args:
        example: what is moved.
        matrix: ``(2, 3)``, from positions in the picture to positions in the result; a pixel's left upper corner is
            a whole number, as for boxes.
        size: width and height of the result.
        fill: grey of what the picture does not cover.
        visible: share of its area that must be inside the result, else an object is dropped.
    """
    matrix = np.asarray(matrix, np.float64)
    boxes, outlines, kept = _moved(example, matrix, size, visible)
    return Example(_warped(example.pixels, matrix, size, fill), boxes, example.labels[kept], outlines)


@dataclass(frozen=True)
class Letterbox:
    """Where a picture lies in a square.

    Args:
        scale: of x and y; they differ by the rounding to whole pixels.
        offset: of the picture's left upper corner in the square, in pixels.
        size: width and height of the picture.
    """

    scale: tuple[float, float]
    offset: tuple[int, int]
    size: tuple[int, int]

    def into(self, boxes: np.ndarray) -> np.ndarray:
        """Return boxes ``(..., 4)`` of the picture in the square."""
        return np.asarray(boxes, np.float64) * (self.scale * 2) + [*self.offset, 0, 0]

    def back(self, boxes: np.ndarray) -> np.ndarray:
        """Return boxes ``(..., 4)`` of the square in the picture; they may reach over its edges."""
        return (np.asarray(boxes, np.float64) - [*self.offset, 0, 0]) / (self.scale * 2)


def letterbox(example: Example, side: int, *, fill: int = FILL) -> tuple[Example, Letterbox]:
    """Fit a picture into the middle of a square, whole and in its shape.

    Args:
        example: a picture, with objects or without.
        side: of the square.
        fill: grey of the bars.

    Returns:
        The square, and where the picture lies in it.
    """
    height, width = example.pixels.shape[:2]
    factor = side / max(height, width)
    inner = (max(1, round(width * factor)), max(1, round(height * factor)))
    left, top = (side - inner[0]) // 2, (side - inner[1]) // 2
    frame = Letterbox((inner[0] / width, inner[1] / height), (left, top), (width, height))
    square = np.full((side, side, 3), fill, np.uint8)
    square[top : top + inner[1], left : left + inner[0]] = _resized(example.pixels, inner)
    outlines = tuple(
        tuple((points * frame.scale + frame.offset).astype(np.float32) for points in outline)
        for outline in example.outlines
    )
    return Example(square, frame.into(example.boxes).astype(np.float32), example.labels, outlines), frame


def _moved(
    example: Example, matrix: np.ndarray, size: tuple[int, int], visible: float
) -> tuple[np.ndarray, Outlines, np.ndarray]:
    """Return boxes, outlines and numbers of the objects of which enough remains."""
    boxes, outlines, kept = [], [], []
    for number, polygons in enumerate(example.polygons):
        moved = [np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2] for points in polygons]
        inside = [_cut(points, size) for points in moved]
        whole, left = sum(map(_area, moved)), sum(map(_area, inside))
        if left <= 0 or left < visible * whole:
            continue
        points = np.concatenate(inside)
        boxes.append(from_corners(np.concatenate([points.min(axis=0), points.max(axis=0)])))
        known = bool(example.outlines and example.outlines[number])
        outlines.append(tuple(part.astype(np.float32) for part in inside if len(part)) if known else ())
        kept.append(number)
    return (
        np.array(boxes, np.float32).reshape(-1, 4),
        tuple(outlines) if example.outlines else (),
        np.array(kept, np.int64),
    )


def _cut(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the part of a polygon ``(points, 2)`` inside a picture, an edge at a time (Sutherland and Hodgman)."""
    if (points >= 0).all() and (points <= size).all():
        return points
    if (points < 0).all(axis=0).any() or (points > size).all(axis=0).any():  # beyond one edge as a whole
        return points[:0]
    for axis in (0, 1):
        for sign, limit in ((1, 0), (-1, -size[axis])):
            if not len(points):
                return points
            depth = sign * points[:, axis] - limit  # how far inside this edge
            after, depth_after = np.roll(points, -1, axis=0), np.roll(depth, -1)
            found = []
            for here, there, a, b in zip(points, after, depth, depth_after, strict=True):
                if a >= 0:
                    found.append(here)
                if (a > 0 > b) or (a < 0 < b):
                    found.append(here + (there - here) * (a / (a - b)))
            points = np.array(found).reshape(-1, 2)
    return points


def _area(points: np.ndarray) -> float:
    """Return the area of a polygon ``(points, 2)``, by the shoelace formula."""
    if len(points) < 3:
        return 0.0
    x, y = points.T
    return abs(float(x[:-1] @ y[1:] - y[:-1] @ x[1:] + x[-1] * y[0] - y[-1] * x[0])) / 2


def _warped(pixels: np.ndarray, matrix: np.ndarray, size: tuple[int, int], fill: int) -> np.ndarray:
    """Read pixels at the places that an affine map brings to the result's."""
    factor = math.sqrt(abs(np.linalg.det(matrix[:, :2])))
    if 0 < factor < 0.5:  # between four pixels more would be passed over: shrink by areas first
        height, width = pixels.shape[:2]
        inner = (max(1, round(width * factor)), max(1, round(height * factor)))
        pixels = _resized(pixels, inner)
        matrix = matrix * [width / inner[0], height / inner[1], 1]
    # OpenCV counts from the middle of the first pixel, boxes from its corner.
    offset = matrix[:, :2] @ [0.5, 0.5] + matrix[:, 2] - 0.5
    centred = np.column_stack([matrix[:, :2], offset])
    return cv2.warpAffine(
        pixels, centred, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(fill,) * 3
    )


def _resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    shrinks = size[0] < pixels.shape[1]
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
