"""Augmentation of pictures with boxed objects, for the training of detectors: numpy and OpenCV, one picture at a time.

What moves the pixels moves the objects: ``common.data.boxed.geometry.affine``.  Each function is pure, and the same
numbers from ``draw`` give the same pictures.

References:
    Bochkovskiy, Wang and Liao, "YOLOv4", arXiv 2004.10934, section 3.3 (mosaic).
    Zhang et al., "Bag of Freebies for Training Object Detection Neural Networks", arXiv 1902.04103, 3.1 (mixup).
    Redmon et al., "You Only Look Once", CVPR 2016, section 2.2 (scale, translation, exposure, saturation).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from common.data.boxed.geometry import FILL, VISIBLE, Example, affine

__all__ = ["flip", "hsv_jitter", "jitter", "mixup", "mosaic", "quarter_turns"]


def jitter(
    example: Example,
    draw: np.random.Generator,
    size: tuple[int, int],
    *,
    scale: tuple[float, float] = (0.5, 1.5),
    translate: float = 0.1,
    rotate: float = 0.0,
    shear: float = 0.0,
    fill: int = FILL,
    visible: float = VISIBLE,
) -> Example:
    """Cut a window of ``size`` out of a picture scaled, moved, turned and sheared at random about its middle.

    Args:
        example: a picture; for a ``mosaic`` of twice the size, factors below 1 show more of it than the middle.
        draw: where the random numbers come from.
        size: width and height of the window.
        scale: smallest and largest factor.
        translate: largest shift as a share of the window's sides.
        rotate: largest angle in degrees.
        shear: largest angle in degrees, of each axis.
        fill: grey of what the picture does not cover.
        visible: as for ``affine``.
    """
    factor = draw.uniform(*scale)
    angle = math.radians(draw.uniform(-rotate, rotate))
    slant_x, slant_y = np.tan(np.radians(draw.uniform(-shear, shear, 2)))
    shift = draw.uniform(-translate, translate, 2) * size
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    linear = factor * np.array([[1, slant_x], [slant_y, 1]]) @ turn
    middle = np.array(example.pixels.shape[1::-1]) / 2
    offset = np.array(size) / 2 + shift - linear @ middle
    return affine(example, np.column_stack([linear, offset]), size, fill=fill, visible=visible)


def flip(example: Example, draw: np.random.Generator, *, chance: float = 0.5) -> Example:
    """Mirror left and right, or not.

    Args:
        example: a picture.
        draw: where the random number comes from.
        chance: of mirroring.
    """
    if draw.random() >= chance:
        return example
    width = example.pixels.shape[1]
    boxes = example.boxes.copy()
    boxes[:, 0] = width - boxes[:, 0] - boxes[:, 2]
    sign, shift = np.array([-1, 1], np.float32), np.array([width, 0], np.float32)
    outlines = tuple(tuple(points * sign + shift for points in outline) for outline in example.outlines)
    mirrored = np.ascontiguousarray(example.pixels[:, ::-1])
    return replace(example, pixels=mirrored, boxes=boxes, outlines=outlines)


def quarter_turns(example: Example, draw: np.random.Generator) -> Example:
    """Turn a picture by 0, 90, 180 or 270 degrees, each as likely; for pictures that have no up.

    Args:
        example: a picture.
        draw: where the random number comes from.
    """
    quarters = int(draw.integers(4))
    cos, sin = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarters]
    height, width = example.pixels.shape[:2]
    size = (height, width) if quarters % 2 else (width, height)
    linear = np.array([[cos, sin], [-sin, cos]])
    offset = (np.array(size) - linear @ (width, height)) / 2
    return affine(example, np.column_stack([linear, offset]), size)


def hsv_jitter(
    example: Example,
    draw: np.random.Generator,
    *,
    hue: float = 0.015,
    saturation: float = 0.7,
    value: float = 0.4,
) -> Example:
    """Change the colours: hue shifted round its circle, saturation and value multiplied.

    Args:
        example: a picture.
        draw: where the random numbers come from.
        hue: largest shift as a share of the circle.
        saturation: largest relative change.
        value: largest relative change.
    """
    gains = draw.uniform(-1, 1, 3) * [hue, saturation, value]
    levels = np.arange(256)
    tables = [
        (levels + round(180 * gains[0])) % 180,  # OpenCV counts hues of 8 bits in steps of 2 degrees
        np.clip(np.round(levels * (1 + gains[1])), 0, 255),
        np.clip(np.round(levels * (1 + gains[2])), 0, 255),
    ]
    channels = cv2.split(cv2.cvtColor(example.pixels, cv2.COLOR_RGB2HSV))
    changed = [
        cv2.LUT(channel, table.astype(np.uint8)) for channel, table in zip(channels, tables, strict=True)
    ]
    return replace(example, pixels=cv2.cvtColor(cv2.merge(changed), cv2.COLOR_HSV2RGB))


def mosaic(
    examples: Sequence[Example],
    draw: np.random.Generator,
    side: int,
    *,
    fill: int = FILL,
    visible: float = VISIBLE,
) -> Example:
    """Lay four pictures round a random point of a square of twice the side; ``jitter`` cuts a window out of it.

    Each picture is scaled so that its longer side is ``side``.

    Args:
        examples: four pictures: left and right above, left and right below.
        draw: where the random numbers come from.
        side: of the window in pixels.
        fill: grey between the pictures.
        visible: as for ``affine``.

    Raises:
        ValueError: not four pictures.
    """
    if len(examples) != 4:
        raise ValueError(f"a mosaic takes four pictures, not {len(examples)}")
    x, y = (int(value) for value in draw.integers(side // 2, side + side // 2 + 1, 2))
    canvas = np.full((2 * side, 2 * side, 3), fill, np.uint8)
    moved = []
    for place, example in enumerate(examples):
        height, width = example.pixels.shape[:2]
        factor = side / max(height, width)
        right, below = place % 2, place // 2
        left, top = x * right, y * below
        corner = np.array([left, top], np.float32)
        room = (2 * side - x if right else x, 2 * side - y if below else y)
        # The corner of the picture that touches the point.
        offset = (0 if right else room[0] - factor * width, 0 if below else room[1] - factor * height)
        matrix = np.array([[factor, 0, offset[0]], [0, factor, offset[1]]])
        part = affine(example, matrix, room, fill=fill, visible=visible)
        canvas[top : top + room[1], left : left + room[0]] = part.pixels
        boxes = part.boxes + np.concatenate([corner, corner * 0])
        outlines = tuple(tuple(points + corner for points in outline) for outline in part.outlines)
        moved.append(replace(part, boxes=boxes, outlines=outlines))
    return _joined(canvas, moved)


def mixup(
    first: Example, second: Example, draw: np.random.Generator, *, alpha: float = 8.0, fill: int = FILL
) -> Example:
    """Blend two pictures, each in its own shape at the left upper corner, and keep the objects of both.

    Args:
        first: a picture.
        second: another.
        draw: where the random number comes from.
        alpha: of the beta distribution of the shares; large: near one half each.
        fill: grey where one of them does not reach.
    """
    share = draw.beta(alpha, alpha)
    height, width = np.maximum(first.pixels.shape[:2], second.pixels.shape[:2])
    blend = np.zeros((height, width, 3), np.float32)
    for example, weight in ((first, share), (second, 1 - share)):
        layer = np.full((height, width, 3), fill, np.float32)
        layer[: example.pixels.shape[0], : example.pixels.shape[1]] = example.pixels
        blend += np.float32(weight) * layer
    return _joined(np.round(blend).astype(np.uint8), [first, second])


def _joined(pixels: np.ndarray, examples: Sequence[Example]) -> Example:
    """Return a picture with the objects of several."""
    outlined = any(example.outlines for example in examples)
    outlines = (outline for example in examples for outline in example.outlines or ((),) * len(example.boxes))
    return Example(
        pixels,
        np.concatenate([example.boxes for example in examples]).astype(np.float32),
        np.concatenate([example.labels for example in examples]),
        tuple(outlines) if outlined else (),
    )
