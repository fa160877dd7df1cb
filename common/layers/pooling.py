"""Pooling: condensing feature maps, and the way back."""

from __future__ import annotations

from typing import Literal

import keras
from keras import layers, ops

__all__ = ["Doubled", "Pooling", "global_pool", "pool"]

Pooling = Literal["max", "average"]


def pool(x, kind: Pooling = "max", size: int = 2, *, padding: str = "valid"):
    """Halve (``size=2``) the height and width of each feature map.

    ``max`` asks "was the feature found anywhere in this region?"; ``average`` asks "how much of it?".

    Args:
        x: feature maps ``(batch, height, width, channels)``.
        kind: ``"max"`` or ``"average"``.
        size: side of the pooled region, and the stride.
        padding: ``"valid"`` drops an odd last row, ``"same"`` keeps it.

    Returns:
        Feature maps ``(batch, height // size, width // size, channels)``.

    Raises:
        ValueError: ``kind`` is neither.

    Reference:
        LeCun et al., "Gradient-based learning applied to document recognition", 1998, section II.A.
    """
    if kind == "max":
        return layers.MaxPooling2D(size, padding=padding)(x)
    if kind == "average":
        return layers.AveragePooling2D(size, padding=padding)(x)
    raise ValueError(f"kind must be 'max' or 'average', received kind={kind!r}")


def global_pool(x, kind: Pooling = "average"):
    """Pool each feature map to one number: ``(batch, h, w, c)`` to ``(batch, c)``.

    Raises:
        ValueError: ``kind`` is neither ``"max"`` nor ``"average"``.

    Reference:
        Lin et al., "Network in Network", ICLR 2014, section 3.2.
    """
    if kind == "max":
        return layers.GlobalMaxPooling2D()(x)
    if kind == "average":
        return layers.GlobalAveragePooling2D()(x)
    raise ValueError(f"kind must be 'max' or 'average', received kind={kind!r}")


@keras.saving.register_keras_serializable(package="cnnapps")
class Doubled(keras.layers.Layer):
    """Every place of the feature maps four times: ``(batch, h, w, c)`` to ``(batch, 2 h, 2 w, c)``.

    ``keras.layers.UpSampling2D`` for maps whose size is known only when they come, which LiteRT cannot run otherwise.
    """

    def call(self, x):
        channels = x.shape[-1]
        batch, height, width = (ops.shape(x)[axis] for axis in range(3))
        wide = ops.reshape(ops.concatenate([x, x], axis=-1), (batch, height, 1, 2 * width * channels))
        return ops.reshape(ops.concatenate([wide, wide], axis=2), (batch, 2 * height, 2 * width, channels))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, height and 2 * height, width and 2 * width, channels)
