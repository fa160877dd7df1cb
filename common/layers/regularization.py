"""Layers that act only while training."""

from __future__ import annotations

import keras
from keras import ops

__all__ = ["StochasticDepth"]


@keras.saving.register_keras_serializable(package="cnnapps")
class StochasticDepth(keras.layers.Layer):
    """Drop a whole residual branch, sample by sample, while training.

    The kept branches are divided by the survival probability, so nothing changes at inference.

    Args:
        rate: probability in [0, 1) that the branch of a sample is dropped.
        seed: of the random generator.

    Input shape: any ``(batch, ...)``.  Output shape: the same.

    Raises:
        ValueError: ``rate`` outside [0, 1).

    Reference:
        Huang et al., "Deep Networks with Stochastic Depth", ECCV 2016, section 3.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"rate must be in [0, 1), received rate={rate}")
        self.rate = rate
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training: bool | None = None):
        if not training or self.rate == 0:
            return inputs
        keep = 1 - self.rate
        shape = (ops.shape(inputs)[0],) + (1,) * (len(inputs.shape) - 1)
        alive = ops.floor(keras.random.uniform(shape, seed=self.generator) + keep)
        return inputs * ops.cast(alive / keep, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self) -> dict:
        return super().get_config() | {"rate": self.rate, "seed": self.seed}
