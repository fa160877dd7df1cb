"""A picture changed step by step until a loss is small, from coarse to fine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import tensorflow as tf

__all__ = [
    "BEGINNING",
    "Loss",
    "Outcome",
    "Place",
    "Scales",
    "Stage",
    "coarse_to_fine",
    "optimize",
    "resized",
    "scales_of",
]

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


@dataclass(frozen=True)
class Place:
    """Where an optimisation stands: the number of the scale, and the steps that are done there."""

    scale: int = 0
    step: int = 0


BEGINNING = Place()


@dataclass(frozen=True)
class Stage:
    """What is done at one scale.

    Args:
        start: ``(h, w, 3)`` float32.
        loss: to make small.
        free: ``(h, w)`` bool, pixels that may change; None for all.
    """

    start: np.ndarray
    loss: Loss
    free: np.ndarray | None = None


@dataclass(frozen=True)
class Outcome:
    """What an optimisation gave.

    Args:
        picture: ``(h, w, 3)`` float32 in [0, 1].
        loss: of the last step.
        stopped: where, if it was stopped by hand.
    """

    picture: np.ndarray
    loss: float
    stopped: Place | None = None


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


def coarse_to_fine(
    scales: Scales,
    shape: tuple[int, int],
    stage: Callable[[float, tuple[int, int], np.ndarray | None], Stage],
    *,
    begin: Place = BEGINNING,
    start: np.ndarray | None = None,
    rate: float = 0.02,
    seed: int = 0,
    torus: bool = False,
    progress: Callable[[float, float], None] = lambda share, loss: None,
    watch: Callable[[np.ndarray], None] = lambda picture: None,
) -> Outcome:
    """Optimise a picture at one scale after the other; each starts from the one before.

    Args:
        scales: sizes and steps.
        shape: (height, width) of the full size.
        stage: from the factor of a scale, its (height, width) and the picture so far, None at first, brought to that
            size, to what is done there.
        begin: where to begin, for going on after a stop.
        start: picture so far, of any size.
        rate, seed, torus: as of ``optimize``.
        progress: called with (share of the work done, loss).
        watch: called with the picture ``(1, h, w, 3)`` after each step.

    Returns:
        The picture, of full size even where it was stopped before, by Ctrl-C.

    Reference:
        Gonthier, Gousseau and Ladjal, "High-resolution neural texture synthesis with long-range constraints", JMIV
        2022, section 3.
    """
    work = [factor**2 * steps for factor, steps in scales]
    picture, loss = start, float("nan")
    for number, (factor, steps) in enumerate(scales):
        if number < begin.scale:
            continue
        height, width = (max(1, round(side * factor)) for side in shape)
        if picture is not None:
            picture = _at(picture, height, width)
        first = begin.step if number == begin.scale else 0
        now = stage(factor, (height, width), picture)

        def tell(step: int, value: float, number: int = number, factor: float = factor) -> None:
            progress((sum(work[:number]) + factor**2 * step) / sum(work), value)

        outcome = optimize(
            now.start,
            now.loss,
            steps,
            first=first,
            rate=rate,
            seed=seed,
            free=now.free,
            torus=torus,
            progress=tell,
            watch=watch,
        )
        picture, loss = outcome.picture, outcome.loss
        if outcome.stopped:
            return Outcome(_at(picture, *shape), loss, Place(number, outcome.stopped.step))
    assert picture is not None
    return Outcome(picture, loss)


def optimize(
    start: np.ndarray,
    loss: Loss,
    steps: int,
    *,
    first: int = 0,
    rate: float = 0.02,
    seed: int = 0,
    free: np.ndarray | None = None,
    torus: bool = False,
    progress: Callable[[int, float], None] = lambda step, loss: None,
    watch: Callable[[np.ndarray], None] = lambda picture: None,
) -> Outcome:
    """Change a picture by Adam, at a rate that falls to a tenth, clipped to [0, 1].

    Args:
        start: ``(h, w, 3)`` float32.
        loss: to make small.
        steps: how many.
        first: steps that were done before.
        rate: of the first step, in units of brightness.
        seed: of what is random in the loss.
        free: ``(h, w)`` bool, pixels that may change; None for all.
        torus: the picture goes on at its opposite edge: it is moved round by a random way before each step, so that
            every place is in the middle at times.
        progress: called with (steps done, loss).
        watch: called with the picture ``(1, h, w, 3)`` after each step.

    Returns:
        The picture, and where it was stopped if Ctrl-C came before the last step.

    Reference:
        Kingma and Ba, "Adam", ICLR 2015, algorithm 1.
    """
    # The falling rate steadies what new directions shake; a moving average of the pictures on top of it was measured
    # to change nothing.
    picture = tf.constant(start[None], tf.float32)
    moment, square = tf.zeros_like(picture), tf.zeros_like(picture)
    may_change = tf.constant(1.0) if free is None else tf.constant(free[None, ..., None].astype(np.float32))
    draw = np.random.default_rng((seed, first))

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
        moment: tf.Tensor,
        square: tf.Tensor,
        step: tf.Tensor,
        rate: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        moment, square = 0.9 * moment + 0.1 * slope, 0.99 * square + 0.01 * slope**2
        direction = moment / (1 - 0.9**step) / (tf.sqrt(square / (1 - 0.99**step)) + 1e-8)
        return tf.clip_by_value(picture - rate * may_change * direction, 0.0, 1.0), moment, square

    value, done, stopped = tf.constant(float("nan")), first, False
    try:
        for step in range(first + 1, steps + 1):
            shift = draw.integers(0, start.shape[:2]) if torus else np.zeros(2, int)
            value, slope = gradient(picture, tf.constant([step, seed]), tf.constant(shift, tf.int32))
            now = rate * (0.1 + 0.9 * (1 - (step - 1) / steps))
            picture, moment, square = moved(
                picture, slope, moment, square, tf.constant(float(step - first)), tf.constant(now, tf.float32)
            )
            done = step
            watch(picture)
            progress(step, float(value))
    except KeyboardInterrupt:
        stopped = True
    return Outcome(np.clip(picture[0].numpy(), 0, 1), float(value), Place(step=done) if stopped else None)


def resized(picture: np.ndarray, factor: float) -> np.ndarray:
    """Return a picture ``(h, w, 3)`` float32 at ``factor`` times its size."""
    height, width = picture.shape[:2]
    return _at(picture, max(1, round(height * factor)), max(1, round(width * factor)))


def _at(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return a picture at a size: averaged where it gets smaller, smooth where larger."""
    if picture.shape[:2] == (height, width):
        return picture
    smaller = height * width < picture.shape[0] * picture.shape[1]
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
