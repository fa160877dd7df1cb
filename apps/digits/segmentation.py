"""From a photograph to ink: even lighting, a mask of the pen's strokes without rule lines, and the pen's width.

All lengths are measured in widths of the pen, which is found first, so that nothing depends on how many
pixels the camera has.  The picture is worked on at the scale where the pen is about ``PEN`` pixels wide.

The threshold is two fifths of the ink's own depth nearby, where a blurred edge has its true place, rather
than Otsu's (1979) or Sauvola's (2000): theirs depend on how much of the picture is ink.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from apps.digits.rules import without_rules

__all__ = ["Ink", "find_ink", "pen_width"]

PEN = 6.0  # pixels the pen is brought to
HEIGHT = 64.0  # least height of a stroke's component at the working scale: three times MNIST's box
FIRST_SIDE, MAX_SIDE = 1000, 3000  # longest side of the first look and of the working picture
BRUSH, ROUNDS = 5.0, 4  # width of the brush that paints the strokes over, in pens; tries to find it
DARK = 64.0  # paper this dark (of 255) is not brightened any further
FAINTEST = 0.07  # least darkening that counts as ink: a third of a hard pencil's


@dataclass(frozen=True)
class Ink:
    """What a pen left on a page, at the working scale.

    Args:
        flat: ``(height, width)`` float32, share of the paper's light that the ink takes, 0 to 1.
        mask: ``(height, width)`` bool, strokes without rule lines.
        pen: typical width of a stroke in working pixels; 0 where there is no ink.
        scale: working pixels for one pixel of the photograph.
        light_on_dark: whether the picture had to be inverted.
    """

    flat: np.ndarray
    mask: np.ndarray
    pen: float
    scale: float
    light_on_dark: bool


def find_ink(pixels: np.ndarray) -> Ink:
    """Find the strokes on a photograph.

    Args:
        pixels: ``(height, width)`` or ``(height, width, 3)`` uint8.
    """
    inverted = is_light_on_dark(pixels)
    paper_is_white = 255 - pixels if inverted else pixels
    side = max(pixels.shape[:2])
    scale = min(1.0, FIRST_SIDE / side) * max(1.0, 3 * HEIGHT / side)
    flat, mask, pen, height = _strokes(paper_is_white, scale)
    if pen:
        # Second look, at the scale where the pen has its nominal width.
        wanted = scale * max(PEN / pen, HEIGHT / height)
        wanted = float(np.clip(wanted, 0.0, max(scale, min(1.5, MAX_SIDE / side))))
        if not 0.75 < wanted / scale < 1.33:
            scale = wanted
            flat, mask, pen, height = _strokes(paper_is_white, scale)
    return Ink(flat, mask, pen, scale, inverted)


def is_light_on_dark(pixels: np.ndarray) -> bool:
    """Tell chalk from pencil: which way do the details stand out of what surrounds them?

    The paper is the median of a wide neighbourhood; a detail's departure from it is weighted by its
    sharpness, so that shadows, which are soft, have no vote.
    """
    grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = _resized(grey, min(1.0, 400 / max(grey.shape)))
    window = min(max(small.shape) // 2, 200) | 1
    edge = window // 2
    padded = cv2.copyMakeBorder(small, edge, edge, edge, edge, cv2.BORDER_REFLECT)
    inner = slice(edge, -edge or None)
    departure = small.astype(np.float32) - cv2.medianBlur(padded, window)[inner, inner]
    detail = small - cv2.GaussianBlur(small.astype(np.float32), (0, 0), max(small.shape) / 16)
    return float((departure * detail**2).sum()) > 0


def pen_width(mask: np.ndarray) -> float:
    """Return the mean width of the strokes of ``mask`` in pixels: four times the mean depth inside a bar."""
    if not mask.any():
        return 0.0
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)
    return 4 * max(float(depth[depth > 0].mean()) - 0.5, 0.25)


def _resized(pixels: np.ndarray, scale: float) -> np.ndarray:
    if scale == 1:
        return pixels
    size = [max(1, round(length * scale)) for length in pixels.shape[1::-1]]
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def _strokes(pixels: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Return (flat, mask, pen width, typical height of a component) at ``scale``."""
    work = _resized(pixels, scale).astype(np.float32)
    # The paper is guessed with a wide brush first, then with ever finer ones as the pen becomes known: a shadow
    # that merged with the writing makes the pen seem wide, until the brush is too fine to take it for ink.
    brush = 0.35 * min(work.shape[:2])
    flat, mask, pen, height = _seen_with(work, brush, scale)
    for _ in range(ROUNDS):
        finer = BRUSH * pen
        if not pen or finer > 0.75 * brush:
            break
        deepest = mask & (flat >= np.quantile(flat[mask], 0.9))
        again = _seen_with(work, finer, scale)
        if again[1][deepest].mean() < 0.7:
            break  # thin rules passed for the pen: the brush has hollowed out the real strokes
        brush = finer
        flat, mask, pen, height = again
    return flat, mask, pen, height


def _seen_with(work: np.ndarray, brush: float, scale: float) -> tuple[np.ndarray, np.ndarray, float, float]:
    flat = _flattened(work, brush)
    mask = _threshold(flat, max(0.2 * brush, 2), scale)
    mask = without_rules(mask, _typical_pen(mask, flat)[0])
    return flat, mask, *_typical_pen(mask, flat)


def _flattened(work: np.ndarray, brush: float) -> np.ndarray:
    """Return the share of the light that ink takes: 0 on paper, whatever its lighting, to 1.

    The blank page is guessed by grey closing, which fills whatever is darker and narrower than the brush and
    leaves the edges of shadows where they are (the black-hat transform, as a ratio).  Of the three primaries
    the one counts that the pen takes most of: blue ink takes red.

    Args:
        work: ``(height, width)`` or ``(height, width, 3)`` float32, 0 to 255.
        brush: width in pixels; wider than the strokes.
    """
    shrink = min(1.0, 24 / brush)
    small = cv2.GaussianBlur(_resized(work, shrink), (0, 0), 0.7)
    size = 2 * max(1, round(brush * shrink / 2)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, kernel, borderType=cv2.BORDER_REFLECT)
    paper = cv2.resize(closed, work.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    # In the dark a grey level is worth less: there the camera's noise would pass for ink.
    share = (paper - work) / np.maximum(paper, DARK)
    if share.ndim == 3:
        share = share.max(axis=-1)
    # Closing follows the brightest grains of the paper; the median puts the paper itself at 0.
    return np.clip(share - np.median(share), 0, 1).astype(np.float32)


def _threshold(flat: np.ndarray, radius: float, scale: float) -> np.ndarray:
    """Keep what is deeper than two fifths of the deepest ink nearby, and clearly deeper than the paper's grain."""
    grain = _grain(flat, scale)
    floor = max(FAINTEST, 5 * grain)
    sure = flat[flat > floor]
    if not sure.size:
        return np.zeros(flat.shape, bool)
    floor = max(floor, 0.35 * float(np.quantile(sure, 0.97)))
    size = [2 * max(1, round(radius)) + 1] * 2
    deepest = cv2.dilate(flat, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, size))
    return flat > np.maximum(0.4 * cv2.GaussianBlur(deepest, (0, 0), max(radius, 1)), floor)


def _grain(flat: np.ndarray, scale: float) -> float:
    """Return the standard deviation of the paper's grain: the median of fine detail, which strokes cannot move.

    Args:
        flat: share of light taken.
        scale: of ``flat``; noise of an enlarged picture is that much coarser.
    """
    detail = flat - cv2.GaussianBlur(flat, (0, 0), 2 * max(1.0, scale))
    return 1.6 * float(np.median(np.abs(detail)))


def _typical_pen(mask: np.ndarray, flat: np.ndarray) -> tuple[float, float]:
    """Return the pen's width and the height of a component: medians over components.

    A component counts by its length in pen widths, so that strokes count much, specks and blots next to
    nothing; and by its depth, so that the writing outweighs rule lines, which are printed to be fainter.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return 0.0, 0.0
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    area = stats[:, cv2.CC_STAT_AREA].astype(float)
    total = np.bincount(labels.ravel(), depth.ravel(), count)
    width = 4 * np.maximum(total / area - 0.5, 0.25)
    height = stats[:, [cv2.CC_STAT_HEIGHT, cv2.CC_STAT_WIDTH]].max(axis=1)
    darkness = np.bincount(labels.ravel(), flat.ravel(), count) / area
    weight = (np.maximum(area / width**2 - 1.5, 1e-3) * darkness**3)[1:]
    return _weighted_median(width[1:], weight), _weighted_median(height[1:], weight)


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(total, total[-1] / 2)]])
