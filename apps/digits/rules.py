"""Rule lines, squared paper and the borders of tables and forms: found by length, erased where they are thin.

A rule is straight, many times longer than it is wide, and longer than anything written.  Where a stroke
crosses it, the ink is thicker than the rule, and there it is left standing: strokes stay whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

__all__ = ["without_rules"]

SLENDER = 30  # least length of a rule in its own widths; a 1 written with a fine pen has 10 to 20
TALLER = 2.5  # least length of a rule in heights of the writing, unless it crosses the whole picture
FAMILY = 4  # so many slender lines of one direction are rules whatever their length
UNBROKEN = 0.8  # least share of a rule that lies on ink
LOOK_SIDE = 1000  # longest side of the picture the lines are looked for in


@dataclass(frozen=True)
class _Rule:
    """A straight line from one point (x, y) to another, in pixels of the mask."""

    start: tuple[int, int]
    stop: tuple[int, int]
    width: float

    @property
    def length(self) -> float:
        return float(np.hypot(self.stop[0] - self.start[0], self.stop[1] - self.start[1]))


def without_rules(mask: np.ndarray, pen: float) -> np.ndarray:
    """Return the mask without rules.

    Args:
        mask: ``(height, width)`` bool.
        pen: typical width of a stroke in pixels; a rule is at most half again as wide.
    """
    if not pen:
        return mask
    level, thin_level = _rules(mask, pen)
    upright_turned, thin_turned = _rules(mask.T, pen)
    upright = [_Rule(rule.start[::-1], rule.stop[::-1], rule.width) for rule in upright_turned]
    if not level and not upright:
        return mask
    left = mask & ~_traced(level, thin_level) & ~_traced(upright, thin_turned.T)
    written = _typical_height(left, pen)
    if len(level) < FAMILY:
        level = [rule for rule in level if _is_rule(rule, mask.shape[1], written)]
    if len(upright) < FAMILY:
        upright = [rule for rule in upright if _is_rule(rule, mask.shape[0], written)]
    erased = _traced(level, thin_level) | _traced(upright, thin_turned.T)
    return _without_scraps(mask & ~erased, erased, pen)


def _is_rule(rule: _Rule, side: int, written: float) -> bool:
    return rule.length > 0.9 * side or (written > 0 and rule.length > TALLER * written)


def _rules(mask: np.ndarray, pen: float) -> tuple[list[_Rule], np.ndarray]:
    """Return the nearly level lines, and the mask's pixels that are thin from top to bottom."""
    thin = np.logical_and(mask, _vertical_runs(mask) <= 1.5 * pen)
    shrink = max(1, round(max(mask.shape) / LOOK_SIDE))
    small: np.ndarray = thin
    if shrink > 1:
        size = [length // shrink * shrink for length in mask.shape]
        blocks = thin[: size[0], : size[1]].reshape(size[0] // shrink, shrink, size[1] // shrink, shrink)
        small = np.asarray(blocks.any(axis=(1, 3)))
    shortest = 0.2 * small.shape[1]
    found = cv2.HoughLinesP(
        small.astype(np.uint8) * 255,
        rho=1,
        theta=np.pi / 360,
        threshold=max(20, int(0.5 * shortest)),
        minLineLength=shortest,
        maxLineGap=max(3, 4 * pen / shrink, 0.02 * small.shape[1]),
    )
    rules = []
    for x0, y0, x1, y1 in [] if found is None else found.reshape(-1, 4) * shrink:
        if abs(y1 - y0) > 0.6 * abs(x1 - x0):
            continue
        width = _width_along(mask, (x0, y0), (x1, y1), pen)
        rule = _Rule((int(x0), int(y0)), (int(x1), int(y1)), width)
        if rule.length > SLENDER * width and _unbroken(mask, rule, pen) > UNBROKEN:
            rules.append(rule)
    return rules, thin


def _vertical_runs(mask: np.ndarray) -> np.ndarray:
    """Return for each pixel of ink the length of the column of ink that it stands in."""
    above = np.zeros(mask.shape, np.int32)
    below = np.zeros(mask.shape, np.int32)
    for row in range(mask.shape[0]):
        above[row] = (above[row - 1] + 1) * mask[row] if row else mask[row]
    for row in range(mask.shape[0] - 1, -1, -1):
        below[row] = (below[row + 1] + 1) * mask[row] if row < mask.shape[0] - 1 else mask[row]
    return above + below - mask


def _width_along(mask: np.ndarray, start: tuple[int, int], stop: tuple[int, int], pen: float) -> float:
    """Return the median height of the ink that meets the line within two pen widths."""
    columns = np.linspace(start[0], stop[0], 200).astype(int).clip(0, mask.shape[1] - 1)
    rows = np.linspace(start[1], stop[1], 200)
    around = np.arange(-int(2 * pen) - 1, int(2 * pen) + 2)
    lookup = (rows[:, None] + around).astype(int).clip(0, mask.shape[0] - 1)
    heights = mask[lookup, columns[:, None]].sum(axis=1)
    return float(np.median(heights[heights > 0])) if heights.any() else 0.0


def _unbroken(mask: np.ndarray, rule: _Rule, pen: float) -> float:
    """Return the share of the line that lies on ink: printed digits of one height have their tops in a row."""
    columns = np.linspace(rule.start[0], rule.stop[0], 200).astype(int).clip(0, mask.shape[1] - 1)
    rows = np.linspace(rule.start[1], rule.stop[1], 200)
    reach = max(1, int(pen / 3))
    lookup = (rows[:, None] + np.arange(-reach, reach + 1)).astype(int).clip(0, mask.shape[0] - 1)
    return float(mask[lookup, columns[:, None]].any(axis=1).mean())


def _traced(rules: list[_Rule], thin: np.ndarray) -> np.ndarray:
    """Return the thin ink on the rules and, where a page is bent, the thin ink that carries them on."""
    path = np.zeros(thin.shape, np.uint8)
    for rule in rules:
        ends = np.array([rule.start, rule.stop], float)
        # Printed rules go on to the edge of the sheet; the lines of a form end.
        beyond = (ends[1] - ends[0]) * (5 if len(rules) >= FAMILY else 0.05)
        first, last = np.rint(ends[0] - beyond).astype(int), np.rint(ends[1] + beyond).astype(int)
        cv2.line(path, first.tolist(), last.tolist(), 1, 2 * int(rule.width) + 3)
    near = path.astype(bool) & thin
    if not near.any():
        return near
    count, labels = cv2.connectedComponents(thin.astype(np.uint8), connectivity=8)
    covered = np.bincount(labels[near], minlength=count)
    whole = covered > 0.6 * np.bincount(labels.ravel(), minlength=count)
    whole[0] = False
    return near | whole[labels]


def _typical_height(mask: np.ndarray, pen: float) -> float:
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    heights = np.sort(stats[1:, cv2.CC_STAT_HEIGHT])
    heights = heights[heights > 3 * pen]
    return float(np.median(heights)) if heights.size else 0.0


def _without_scraps(mask: np.ndarray, erased: np.ndarray, pen: float) -> np.ndarray:
    """Erase thin straight bars that run from rule to rule (a form's boxes), or lie flat, or run off the picture."""
    if not erased.any():
        return mask
    reach = 2 * int(pen) + 1
    near = cv2.dilate(erased.astype(np.uint8), np.ones((reach, reach), np.uint8)).astype(bool)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    for label in range(1, count):
        x, y, width, height, area = stats[label]
        own = labels[y : y + height, x : x + width] == label
        touches = near[y : y + height, x : x + width] & own
        flat = width > height
        length, end = max(width, height), max(max(width, height) // 4, 1)
        along = touches.T if flat else touches
        ends = int(along[:end].any()) + int(along[-end:].any())
        at_border = x == 0 or y == 0 or x + width == mask.shape[1] or y + height == mask.shape[0]
        if area < 1.5 * pen * length and length > 4 * min(width, height) and (flat or ends == 2 or at_border):
            mask[y : y + height, x : x + width] &= ~own
    return mask
