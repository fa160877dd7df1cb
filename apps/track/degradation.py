"""What cameras, light and codecs do to pictures, for training."""

from __future__ import annotations

import cv2
import numpy as np

__all__ = ["degraded", "motion_blurred", "recoloured"]


def recoloured(draw: np.random.Generator, *crops: np.ndarray) -> list[np.ndarray]:
    """Return crops of one scene in another light, which also changes a little from one to the next.

    Args:
        draw: random numbers.
        crops: ``(side, side, 3)`` uint8 RGB each.
    """
    grey = draw.random() < 0.15
    common = draw.normal(0, 1, 3)
    results = []
    for crop in crops:
        own = draw.normal(0, 0.4, 3)
        brightness, contrast, gamma = common + own
        x = np.arange(256, dtype=np.float32) / 255
        curve = np.clip(x ** np.exp(0.25 * gamma) * np.exp(0.2 * contrast) + 0.06 * brightness, 0, 1)
        tint = np.exp(draw.normal(0, 0.05, 3))[None] * curve[:, None]
        table = (np.clip(tint, 0, 1) * 255).astype(np.uint8)
        changed = cv2.merge([cv2.LUT(channel, table[:, i]) for i, channel in enumerate(cv2.split(crop))])
        if grey:
            changed = cv2.cvtColor(cv2.cvtColor(changed, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        results.append(changed)
    return results


def degraded(crop: np.ndarray, draw: np.random.Generator, amount: float = 1.0) -> np.ndarray:
    """Return a crop that may be coarse, blurred by motion, noisy or compressed.

    Args:
        crop: ``(side, side, 3)`` uint8.
        draw: random numbers.
        amount: how likely each of them is, relative to the usual.
    """
    side = len(crop)
    if draw.random() < 0.25 * amount:  # a small object, enlarged
        coarse = max(24, int(side / draw.uniform(1.5, 5)))
        small = cv2.resize(crop, (coarse, coarse), interpolation=cv2.INTER_AREA)
        crop = cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR)
    if draw.random() < 0.25 * amount:
        crop = motion_blurred(crop, draw.uniform(3, 15), draw.uniform(0, np.pi))
    if draw.random() < 0.2 * amount:
        noise = draw.normal(0, draw.uniform(2, 10), crop.shape[:2] + (1,)).astype(np.float32)
        crop = np.clip(crop + noise, 0, 255).astype(np.uint8)
    if draw.random() < 0.3 * amount:
        packed = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, int(draw.uniform(15, 80))])[1]
        crop = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR))
    return crop


def motion_blurred(crop: np.ndarray, length: float, angle: float) -> np.ndarray:
    """Return a crop averaged along a line.

    Args:
        crop: uint8.
        length: of the line in pixels.
        angle: of the line in radians.
    """
    half = int(np.ceil(length / 2))
    kernel = np.zeros((2 * half + 1,) * 2, np.float32)
    step = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    first, last = ([int(v) for v in np.round(half + sign * step)] for sign in (-1, 1))
    cv2.line(kernel, first, last, 1.0, 1)
    return cv2.filter2D(crop, -1, kernel / kernel.sum())
