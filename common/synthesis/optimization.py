"""A picture changed step by step until a loss is small, from coarse to fine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import cv2
import numpy as np
import tensorflow as tf
from scipy.optimize import minimize

from common.data.colours import principal_colours

__all__ = [
    "BEGINNING",
    "Loss",
    "Outcome",
    "Place",
    "Scales",
    "Stage",
    "coarse_to_fine",
    "colour_directions",
    "optimize",
    "resized",
    "scales_of",
]

MEMORY = 10  # gradients that L-BFGS remembers
UNIT = 1e3  # of losses: changes of a millionth still count

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
        colours: ``(3, 3)``, the directions in which colours change, each as long as they vary; None for red, green and
            blue alike.
    """

    start: np.ndarray
    loss: Loss
    free: np.ndarray | None = None
    colours: np.ndarray | None = None


@dataclass(frozen=True)
class Outcome:
    """What an optimisation gave.

    Args:
        picture: ``(h, w, 3)`` float32 in [0, 1].
        loss: of the picture; not a number if no step was done.
        stopped: where, if it was stopped by hand.
    """

    picture: np.ndarray
    loss: float
    stopped: Place | None = None


def scales_of(
    side: int, *, coarsest: int = 64, ratio: float = 0.5, steps: int = 200, growth: float = 1.0
) -> Scales:
    """Return scales from about ``coarsest`` pixels up to ``side``.

    Args:
        side: the shorter one of the smallest picture involved, in pixels.
        coarsest: pixels of it at the first scale, at least half of them.
        ratio: between two scales.
        steps: at the finest scale.
        growth: of the steps from a scale to the next coarser one, where they cost less.
    """
    count = max(0, round(np.log(max(side, 1) / coarsest) / -np.log(ratio)))
    factors = tuple(ratio ** (count - number) for number in range(count + 1))
    return Scales(factors, tuple(round(steps * growth ** (count - number)) for number in range(count + 1)))


def coarse_to_fine(
    scales: Scales,
    shape: tuple[int, int],
    stage: Callable[[float, tuple[int, int], np.ndarray | None], Stage],
    *,
    begin: Place = BEGINNING,
    start: np.ndarray | None = None,
    redraw: int = 0,
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
        redraw, seed: as of ``optimize``.
        torus: the picture goes on at its opposite edge, also where it is made larger.
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
            picture = _at(picture, height, width, torus=torus)
        first = begin.step if number == begin.scale else 0
        now = stage(factor, (height, width), picture)

        def tell(step: int, value: float, number: int = number, factor: float = factor) -> None:
            progress((sum(work[:number]) + factor**2 * step) / sum(work), value)

        outcome = optimize(
            now.start,
            now.loss,
            steps,
            first=first,
            redraw=redraw,
            seed=seed,
            free=now.free,
            colours=now.colours,
            progress=tell,
            watch=watch,
        )
        picture, loss = outcome.picture, outcome.loss
        if outcome.stopped:
            return Outcome(_at(picture, *shape, torus=torus), loss, Place(number, outcome.stopped.step))
    assert picture is not None
    return Outcome(picture, loss)


def optimize(
    start: np.ndarray,
    loss: Loss,
    steps: int,
    *,
    first: int = 0,
    redraw: int = 0,
    seed: int = 0,
    free: np.ndarray | None = None,
    colours: np.ndarray | None = None,
    progress: Callable[[int, float], None] = lambda step, loss: None,
    watch: Callable[[np.ndarray], None] = lambda picture: None,
) -> Outcome:
    """Change a picture by L-BFGS, and clip it to [0, 1] at the end.

    Args:
        start: ``(h, w, 3)`` float32.
        loss: to make small.
        steps: evaluations of the loss and its gradient.
        first: steps that were done before.
        redraw: steps after which the seed that the loss is given changes, and the curvature is learned anew; 0 for a
            loss in which nothing is random.
        seed: of what is random in the loss.
        free, colours: as of ``Stage``.
        progress: called with (steps done, loss).
        watch: called with the picture ``(1, h, w, 3)`` after each step.

    Returns:
        The best picture of the last draw, and where it was stopped if Ctrl-C came before the last step.

    References:
        Gatys, Ecker and Bethge, NeurIPS 2015, section 3.1 (L-BFGS for textures).  Liu and Nocedal, "On the limited
        memory BFGS method for large scale optimization", Mathematical Programming 1989.  Olah et al., "Feature
        visualization", Distill 2017, section on preconditioning (colours that vary apart).
    """
    shape = start.shape
    directions = np.eye(3) if colours is None else colours

    @tf.function(reduce_retracing=True)
    def evaluated(picture: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(picture)
            value = loss(picture, seed)
        return value, tape.gradient(value, picture)

    walk = _Walk(first, start, start)

    def step(flat: np.ndarray, drawn: tf.Tensor, end: int) -> tuple[float, np.ndarray]:
        if walk.done >= end:
            raise _Enough
        picture = (walk.begun + flat.reshape(shape) @ directions).astype(np.float32)[None]
        value, slope = evaluated(tf.constant(picture), drawn)
        walk.take(float(value), picture[0])
        watch(picture)
        progress(walk.done, float(value))
        gradient = slope.numpy()[0].astype(np.float64) @ directions.T * UNIT
        if free is not None:
            gradient *= free[..., None]
        return float(value) * UNIT, gradient.ravel()

    try:
        while walk.done < steps:
            end = min(steps, walk.done + redraw) if redraw else steps
            drawn = tf.constant([walk.done, seed])
            walk.begun, walk.least = walk.picture, float("inf")
            with suppress(_Enough):
                minimize(
                    step,
                    np.zeros(start.size),
                    args=(drawn, end),
                    jac=True,
                    method="L-BFGS-B",
                    options={"maxfun": end, "maxiter": end, "maxcor": MEMORY, "ftol": 0, "gtol": 0},
                )
                if not redraw:
                    break  # no way down is left
    except KeyboardInterrupt:
        return Outcome(np.clip(walk.picture, 0, 1), walk.loss, Place(step=walk.done))
    return Outcome(np.clip(walk.picture, 0, 1), walk.loss)


class _Enough(Exception):
    """The steps are done."""


@dataclass
class _Walk:
    """How far an optimisation came: steps done, and the best picture and its loss.

    ``begun`` is the picture that this draw began with, ``least`` the least loss since.
    """

    done: int
    picture: np.ndarray
    begun: np.ndarray
    loss: float = float("nan")
    least: float = float("inf")

    def take(self, loss: float, picture: np.ndarray) -> None:
        self.done += 1
        if loss < self.least:
            self.least = self.loss = loss
            self.picture = picture


def colour_directions(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Return the principal components of the colours of pictures ``(h, w, 3)``, ``(3, 3)``: rows, the largest 1 long.

    A picture that changes in these alone gets no colour that none of the pictures has; of grey ones it stays grey.
    """
    directions = principal_colours(pictures)
    return directions / max(np.linalg.norm(directions, axis=1).max(), 1e-6)


def resized(picture: np.ndarray, factor: float) -> np.ndarray:
    """Return a picture ``(h, w, 3)`` float32 at ``factor`` times its size."""
    height, width = picture.shape[:2]
    return _at(picture, max(1, round(height * factor)), max(1, round(width * factor)))


def _at(picture: np.ndarray, height: int, width: int, *, torus: bool = False) -> np.ndarray:
    """Return a picture at a size: averaged where it gets smaller, smooth where larger."""
    if picture.shape[:2] == (height, width):
        return picture
    if height * width < picture.shape[0] * picture.shape[1]:
        return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    if not torus:
        return cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC)
    down, across = picture.shape[0] / height, picture.shape[1] / width
    back = np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2]])
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(picture, back, (width, height), flags=how, borderMode=cv2.BORDER_WRAP)
