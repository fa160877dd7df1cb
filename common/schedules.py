"""Learning-rate schedules as functions of the progress of a run, 0 at the start and 1 at the end."""

from __future__ import annotations

import math
from collections.abc import Callable

import keras
from keras import ops

from common.registry import Registry

__all__ = ["SCHEDULES", "RateSchedule"]

SCHEDULES = Registry[Callable]("schedule")


@SCHEDULES.named("constant")
def constant(progress):
    """Return 1 throughout."""
    return ops.ones_like(progress)


@SCHEDULES.named("cosine")
def cosine(progress):
    """Fall from 1 to 0 as half a cosine (Loshchilov and Hutter, ICLR 2017, eq. 5)."""
    return 0.5 * (1 + ops.cos(math.pi * progress))


@SCHEDULES.named("linear")
def linear(progress):
    """Fall from 1 to 0 in a straight line."""
    return 1 - progress


@keras.saving.register_keras_serializable(package="cnnapps")
class RateSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up to the peak, then a shape of ``SCHEDULES``.

    With the shape ``linear`` it is the triangle of Smith and Topin, "Super-Convergence", arXiv 1708.07120, section 3.

    Args:
        peak: the largest learning rate.
        steps: of the whole run.
        warmup: share of the steps spent rising to the peak.
        shape: a name of ``SCHEDULES``.
        start: the rate that the warm-up rises from, as a share of the peak.
        floor: the last rate as a share of the peak.
    """

    def __init__(
        self,
        peak: float,
        steps: int,
        *,
        warmup: float = 0.1,
        shape: str = "cosine",
        start: float = 0.0,
        floor: float = 0.002,
    ) -> None:
        self.peak, self.steps, self.warmup, self.shape = peak, steps, warmup, shape
        self.start, self.floor = start, floor
        self.curve = SCHEDULES.get(shape)

    def __call__(self, step):
        progress = ops.cast(step, "float32") / max(self.steps, 1)
        risen = ops.minimum((progress + 1 / max(self.steps, 1)) / max(self.warmup, 1e-9), 1.0)
        rise = self.start + (1 - self.start) * risen
        after = ops.clip((progress - self.warmup) / max(1 - self.warmup, 1e-9), 0.0, 1.0)
        fall = self.floor + (1 - self.floor) * self.curve(after)
        return self.peak * ops.where(progress < self.warmup, rise, fall)

    def get_config(self) -> dict:
        return {
            "peak": self.peak,
            "steps": self.steps,
            "warmup": self.warmup,
            "shape": self.shape,
            "start": self.start,
            "floor": self.floor,
        }
