"""From what a network says at a place to the distances of an object's edges from there."""

from __future__ import annotations

import keras
from keras import ops

__all__ = ["ExpectedDistances", "PositiveDistances"]


@keras.saving.register_keras_serializable(package="cnnapps")
class PositiveDistances(keras.layers.Layer):
    """Raw numbers to distances: ``usual · exp(x)``, so that 0 is the usual one and none is negative.

    Args:
        usual: the distance of a raw 0.

    Reference:
        Tian et al., "FCOS", ICCV 2019, section 3.1.
    """

    def __init__(self, usual: float = 1.0, **kwargs) -> None:
        super().__init__(**kwargs)
        self.usual = usual

    def call(self, inputs):
        return self.usual * ops.exp(ops.clip(inputs, -5.0, 5.0))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self) -> dict:
        return super().get_config() | {"usual": self.usual}


@keras.saving.register_keras_serializable(package="cnnapps")
class ExpectedDistances(keras.layers.Layer):
    """Raw scores of distances to their mean: where an edge is hidden or blurred, several are likely.

    Args:
        step: from one distance to the next, in pixels; the first is 0.

    Input shape: ``(..., distances)``.  Output shape: ``(...)``.

    Reference:
        Li et al., "Generalized Focal Loss", NeurIPS 2020, eq. 5.
    """

    def __init__(self, step: float = 1.0, **kwargs) -> None:
        super().__init__(**kwargs)
        self.step = step

    def call(self, inputs):
        distances = self.step * ops.arange(inputs.shape[-1], dtype=inputs.dtype)
        return ops.sum(ops.softmax(inputs) * distances, axis=-1)

    def compute_output_shape(self, input_shape):
        return input_shape[:-1]

    def get_config(self) -> dict:
        return super().get_config() | {"step": self.step}
