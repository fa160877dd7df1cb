"""Comparing two pictures' feature maps."""

from __future__ import annotations

import keras
from keras import ops

__all__ = ["Correlation"]


@keras.saving.register_keras_serializable(package="cnnapps")
class Correlation(keras.layers.Layer):
    """Cross-correlation of every pixel of a template with every pixel of a search map.

    Each pixel of the template is a 1×1 kernel: output channel k at a place is the inner product of the features
    there with those of the template's pixel k, divided by the root of their number.

    Args:
        margin: pixels at each edge of the template that are left out, its background.

    Input: template ``(batch, h, w, channels)`` and search ``(batch, H, W, channels)``.
    Output shape: ``(batch, H, W, (h - 2 margin)(w - 2 margin))``.

    Reference:
        Yan et al., "Alpha-Refine", CVPR 2021, section 3.2; depth-wise before that in Li et al., "SiamRPN++", CVPR 2019.
    """

    def __init__(self, margin: int = 0, **kwargs) -> None:
        super().__init__(**kwargs)
        self.margin = margin

    def call(self, inputs):
        template, search = inputs
        inner = slice(self.margin, -self.margin or None)
        kernels = template[:, inner, inner]
        _, high, wide, channels = kernels.shape
        _, rows, columns, _ = search.shape
        kernels = ops.reshape(kernels, (-1, high * wide, channels))
        places = ops.reshape(search, (-1, rows * columns, channels))
        products = ops.matmul(places, ops.transpose(kernels, (0, 2, 1))) / channels**0.5
        return ops.reshape(products, (-1, rows, columns, high * wide))

    def compute_output_shape(self, input_shape):
        template, search = input_shape
        kernels = (template[1] - 2 * self.margin) * (template[2] - 2 * self.margin)
        return (*search[:3], kernels)

    def get_config(self) -> dict:
        return super().get_config() | {"margin": self.margin}
