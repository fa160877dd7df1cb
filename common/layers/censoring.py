"""Values that cannot be measured below a floor: what lies behind them, and what is read of it."""

from __future__ import annotations

import math

import keras
from keras import ops

__all__ = ["ExpectedAboveFloor", "LearnedSpread"]


@keras.saving.register_keras_serializable(package="cnnapps")
class LearnedSpread(keras.layers.Layer):
    """Put beside each mean the logarithm of one spread for all, which is trained: what the loss ``tobit`` reads.

    Args:
        first: spread to begin with.

    Input shape: ``(batch, 1)``.  Output shape: ``(batch, 2)``.
    """

    def __init__(self, first: float = 0.5, **kwargs) -> None:
        super().__init__(**kwargs)
        self.first = first

    def build(self, input_shape) -> None:
        start = keras.initializers.Constant(math.log(self.first))
        self.log_spread = self.add_weight(shape=(1,), initializer=start, name="log_spread")

    def call(self, inputs):
        spread = ops.broadcast_to(ops.cast(self.log_spread, inputs.dtype), ops.shape(inputs))
        return ops.concatenate([inputs, spread], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 2)

    def get_config(self) -> dict:
        return super().get_config() | {"first": self.first}


def _tail(z, density):
    """Return ``1 - Φ(z)`` of ``z`` not below zero, to 8e-8; runtimes such as LiteRT have no ``erf``.

    Reference:
        Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, 26.2.17.
    """
    t = 1 / (1 + 0.2316419 * z)
    terms = 0.319381530, -0.356563782, 1.781477937, -1.821255978, 1.330274429
    total = ops.zeros_like(t)
    for factor in reversed(terms):
        total = t * (factor + total)
    return density * total


@keras.saving.register_keras_serializable(package="cnnapps")
class ExpectedAboveFloor(keras.layers.Layer):
    """The mean of what is measured, where what lies behind is normal and all below the floor reads as the floor.

    ``floor + σ (z Φ(z) + φ(z))`` with ``z = (μ - floor) / σ``.

    Args:
        floor: lowest value that can be measured.

    Input shape: ``(batch, 2)``: ``μ`` and ``log σ``.  Output shape: ``(batch, 1)``.

    Reference:
        Tobin, "Estimation of relationships for limited dependent variables", Econometrica 1958, eq. 7.
    """

    def __init__(self, floor: float, **kwargs) -> None:
        super().__init__(**kwargs)
        self.floor = floor

    def call(self, inputs):
        spread = ops.exp(inputs[..., 1:])
        z = (inputs[..., :1] - self.floor) / spread
        density = ops.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
        above = _tail(ops.abs(z), density)
        return self.floor + spread * (z * ops.where(z > 0, 1 - above, above) + density)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 1)

    def get_config(self) -> dict:
        return super().get_config() | {"floor": self.floor}
