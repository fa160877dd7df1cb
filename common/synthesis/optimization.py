"""A picture changed step by step until a loss is small, from coarse to fine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import tensorflow as tf

__all__ = ["Loss", "Scales", "optimize", "resized", "scales_of"]

Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]  # picture (1, h, w, 3), seed of two integers -> scalar


@dataclass(frozen=True)
class Scales:
    """Sizes from coarse to fine.

    Args:
        factors: of the full size, the last one 1.
        steps: at each.
    """

    factors: tuple[float, ...]
    steps: tuple[int, ...]

    def __iter__(self) -> Iterator[tuple[float, int]]:
        return iter(zip(self.factors, self.steps, strict=True))


def scales_of(side: int, *, coarsest: int = 64, ratio: float = 0.5, steps: int = 200) -> Scales:
    """Return scales from about ``coarsest`` pixels up to ``side``.

    Args:
        side: the shorter one of the smallest picture involved, in pixels.
        coarsest: pixels of it at the first scale, at least half of them.
        ratio: between two scales.
        steps: at every scale.
    """
    count = max(0, round(np.log(max(side, 1) / coarsest) / -np.log(ratio)))
    factors = tuple(ratio ** (count - number) for number in range(count + 1))
    return Scales(factors, (steps,) * len(factors))


def optimize(
    start: np.ndarray,
    loss: Loss,
    steps: int,
    *,
    rate: float = 0.02,
    seed: int = 0,
    free: np.ndarray | None = None,
    torus: bool = False,
    progress: Callable[[int, float], None] = lambda step, loss: None,
) -> np.ndarray:
    """Change a picture by Adam, at a rate that falls to a tenth, and return it clipped to [0, 1].

    Args:
        start: ``(h, w, 3)`` float32.
        loss: to make small.
        steps: how many.
        rate: of the first step, in units of brightness.
        seed: of what is random in the loss.
        free: ``(h, w)`` bool, pixels that may change; None for all.
        torus: the picture goes on at its opposite edge: it is moved round by a random way before each step, so that
            every place is in the middle at times.
        progress: called with (steps done, loss).

    Reference:
        Kingma and Ba, "Adam", ICLR 2015, algorithm 1.
    """
    picture = tf.constant(start[None], tf.float32)
    first, second = tf.zeros_like(picture), tf.zeros_like(picture)
    may_change = tf.constant(1.0) if free is None else tf.constant(free[None, ..., None].astype(np.float32))
    draw = np.random.default_rng(seed)

    @tf.function(reduce_retracing=True)
    def gradient(picture: tf.Tensor, seed: tf.Tensor, shift: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(picture)
            value = loss(tf.roll(picture, shift, (1, 2)) if torus else picture, seed)
        return value, tape.gradient(value, picture)

    @tf.function(reduce_retracing=True)
    def moved(
        picture: tf.Tensor,
        slope: tf.Tensor,
        first: tf.Tensor,
        second: tf.Tensor,
        step: tf.Tensor,
        rate: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        first, second = 0.9 * first + 0.1 * slope, 0.99 * second + 0.01 * slope**2
        direction = first / (1 - 0.9**step) / (tf.sqrt(second / (1 - 0.99**step)) + 1e-8)
        return tf.clip_by_value(picture - rate * may_change * direction, 0.0, 1.0), first, second

    for step in range(1, steps + 1):
        shift = draw.integers(0, start.shape[:2]) if torus else np.zeros(2, int)
        value, slope = gradient(picture, tf.constant([step, seed]), tf.constant(shift, tf.int32))
        now = rate * (0.1 + 0.9 * (1 - (step - 1) / steps))
        picture, first, second = moved(
            picture, slope, first, second, tf.constant(float(step)), tf.constant(now, tf.float32)
        )
        progress(step, float(value))
    return np.clip(picture[0].numpy(), 0, 1)


def resized(picture: np.ndarray, factor: float) -> np.ndarray:
    """Return a picture ``(h, w, 3)`` float32 at ``factor`` times its size."""
    height, width = picture.shape[:2]
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    if size == (width, height):
        return picture
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
