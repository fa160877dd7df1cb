"""Digits that touch: where a piece of ink may be cut in two, and how the parts of several cuts are formed.

A cut is a seam, a path from the top of the piece to its bottom that crosses as little ink as it can.  It may
slant and step sideways through the gaps between strokes, so that it follows the space between two digits whose
columns overlap, and cuts them where they meet.  Which of the seams are true is not settled here.

Reference:
    Congedo, Dimauro, Impedovo and Pirlo 1995, "Segmentation of numeric strings" (drop-fall paths).
    Avidan and Shamir 2007, "Seam carving" (the path by dynamic programming).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from apps.digits.glyphs import Piece, cropped

__all__ = ["Seam", "between", "seams"]

SIDE = 48  # pixels of height at which seams are looked for
ASIDE, DOWN = 0.06, 0.02  # cost of a step across paper, in steps through ink
MOST_INK = 3.0  # pens of ink a seam may cross: two strokes met at a slant
DIFFERENT = 0.05  # share of the ink that two seams must part differently
TRIES = 60
LEAST_PART = 0.08  # share of the ink that the smaller side of a seam has at least


@dataclass(frozen=True)
class Seam:
    """A path from top to bottom.

    Args:
        columns: for each row of the piece the column at which the part to the right begins.
        ink: how much ink it crosses, in widths of the pen.
    """

    columns: np.ndarray
    ink: float


def seams(piece: Piece, pen: float, limit: int = 14) -> list[Seam]:
    """Return the seams of a piece that cross the least ink, from left to right.

    Args:
        piece: what may be several digits that touch.
        pen: width of its strokes in pixels.
        limit: of their number.
    """
    shrink = min(1.0, SIDE / piece.height)
    size = (max(round(piece.width * shrink), 3), max(round(piece.height * shrink), 3))
    ink = cv2.resize(piece.mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    stroke = max(pen * shrink, 1.0)
    down, up = _cheapest(ink), _cheapest(ink[::-1])[::-1]
    through = down + up - _cost(ink)
    # A seam is led through each place in the middle of a stroke, the cheapest first.
    depth = cv2.distanceTransform(np.pad(ink > 0.5, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    open_to = (depth > 0) & (depth >= 0.8 * cv2.dilate(depth, np.ones((3, 3), np.uint8)))
    rows, columns = np.mgrid[: size[1], : size[0]]
    found: list[Seam] = []
    sides: list[np.ndarray] = []
    for _ in range(TRIES):
        if not open_to.any() or len(found) == limit:
            break
        row, column = divmod(int(np.where(open_to, through, np.inf).argmin()), size[0])
        open_to &= np.hypot(rows - row, columns - column) > 0.6 * stroke
        upper = _traced(down[: row + 1], ink[: row + 1], column)
        lower = _traced(up[row:][::-1], ink[row:][::-1], column)[::-1]
        spans = np.array([*upper[:-1], (min(*upper[-1], *lower[0]), max(*upper[-1], *lower[0])), *lower[1:]])
        visited = (columns >= spans[:, :1]) & (columns <= spans[:, 1:])
        crossed = float(ink[visited].sum() / stroke)
        edges = spans.mean(axis=1)
        right = ink * (columns >= edges[:, None])
        share = float(right.sum() / ink.sum())
        known = any(np.abs(right - other).sum() < DIFFERENT * ink.sum() for other in sides)
        if crossed > MOST_INK or known or not LEAST_PART < share < 1 - LEAST_PART:
            continue
        sides.append(right)
        full = cv2.resize(
            edges[:, None].astype(np.float32), (1, piece.height), interpolation=cv2.INTER_LINEAR
        )
        found.append(Seam(np.rint(full[:, 0] / shrink).astype(int), crossed))
    return sorted(found, key=lambda seam: float(seam.columns.mean()))


def between(piece: Piece, left: Seam | None, right: Seam | None) -> Piece | None:
    """Return the ink between two seams (None: the piece's own side), or None where they cross or leave little."""
    columns = np.arange(piece.width)
    mask = piece.mask
    if left and right:
        crossing = (columns >= right.columns[:, None]) & (columns < left.columns[:, None])
        if (mask & crossing).sum() > 0.01 * mask.sum():
            return None
    if left:
        mask = mask & (columns >= left.columns[:, None])
    if right:
        mask = mask & (columns < right.columns[:, None])
    mask = _without_crumbs(mask)
    if mask.sum() < LEAST_PART * piece.mask.sum():
        return None
    return cropped(mask, piece.x, piece.y)


def _cost(ink: np.ndarray) -> np.ndarray:
    return ink + DOWN


def _cheapest(ink: np.ndarray) -> np.ndarray:
    """Return the cost of the cheapest way from above the first row to each pixel: down and sideways, never up."""
    aside = np.cumsum(ink + ASIDE, axis=1)
    cost = _cost(ink)
    total = np.zeros(ink.shape, np.float32)
    above = np.zeros(ink.shape[1], np.float32)
    for row in range(ink.shape[0]):
        entered = above + cost[row]
        along = aside[row]
        before = along - ink[row] - ASIDE
        rightward = np.minimum.accumulate(entered - along) + along
        leftward = np.minimum.accumulate((entered + before)[::-1])[::-1] - before
        above = np.minimum(rightward, leftward)
        total[row] = above
    return total


def _traced(total: np.ndarray, ink: np.ndarray, column: int) -> list[tuple[int, int]]:
    """Follow the cheapest way back from ``column`` of the last row; (from, to) columns of each row, in its course."""
    spans = []
    cost = _cost(ink)
    for row in range(total.shape[0] - 1, -1, -1):
        above = total[row - 1] if row else np.zeros(total.shape[1], np.float32)
        aside = np.cumsum(ink[row] + ASIDE)
        before = aside - ink[row] - ASIDE
        entered = above + cost[row]
        way = np.concatenate(
            [
                entered[: column + 1] + aside[column] - aside[: column + 1],
                entered[column + 1 :] + before[column + 1 :] - before[column],
            ]
        )
        start = int(way.argmin())
        spans.append((min(start, column), max(start, column)))
        column = start
    return spans[::-1]


def _without_crumbs(mask: np.ndarray) -> np.ndarray:
    """Drop what a cut left hanging: components much smaller than the part itself."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count <= 2:
        return mask
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    return (areas > 0.1 * areas.max())[labels] & mask
