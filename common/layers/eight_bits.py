"""Networks as they ship: tables and filters in 8-bit whole numbers, a quarter of the size.

Each row of a table, and each filter, has a scale of its own; the largest error is 1/254 of its largest value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from common.layers.embedding import SummedEmbedding

__all__ = ["EightBitConv1D", "EightBitEmbedding", "in_eight_bits", "in_floats"]


@keras.saving.register_keras_serializable(package="cnnapps")
class EightBitEmbedding(keras.layers.Layer):
    """``SummedEmbedding`` as it ships."""

    def __init__(self, rows: int, dim: int, columns: Sequence[int] = (0,), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rows, self.dim, self.columns = rows, dim, tuple(columns)

    def build(self, input_shape) -> None:
        self.table = self.add_weight(
            shape=(self.rows, self.dim), initializer="zeros", dtype="int8", trainable=False, name="table"
        )
        self.scale = self.add_weight(shape=(self.rows, 1), initializer="zeros", trainable=False, name="scale")

    def call(self, inputs):
        return sum(self._looked_up(inputs[..., column]) for column in self.columns)

    def _looked_up(self, rows):
        # The scale of row 0, padding, is zero.
        scale = ops.take(ops.cast(self.scale, self.compute_dtype), rows, axis=0)
        return ops.cast(ops.take(self.table, rows, axis=0), self.compute_dtype) * scale

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.dim)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rows": self.rows, "dim": self.dim, "columns": self.columns}

    def floats(self) -> np.ndarray:
        """Return the table ``(rows, dim)`` float32."""
        return np.asarray(self.table, np.float32) * np.asarray(self.scale)


@keras.saving.register_keras_serializable(package="cnnapps")
class EightBitConv1D(keras.layers.Layer):
    """``Conv1D`` over whole texts (``padding="same"``) as it ships.

    Args:
        filters: number of features.
        width: positions a filter sees.
        activation: any of Keras, or None.

    Input shape: ``(batch, T, channels)``.  Output shape: ``(batch, T, filters)``.
    """

    def __init__(self, filters: int, width: int, activation: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters, self.width = filters, width
        self.activation = keras.activations.get(activation)

    def build(self, input_shape) -> None:
        shape = (self.width, input_shape[-1], self.filters)
        self.kernel = self.add_weight(
            shape=shape, initializer="zeros", dtype="int8", trainable=False, name="kernel"
        )
        self.scale = self.add_weight(
            shape=(self.filters,), initializer="zeros", trainable=False, name="scale"
        )
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", trainable=False, name="bias")

    def call(self, inputs):
        kernel = ops.cast(self.kernel, self.compute_dtype) * ops.cast(self.scale, self.compute_dtype)
        found = ops.conv(inputs, kernel, padding="same") + ops.cast(self.bias, self.compute_dtype)
        return self.activation(found)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, Any]:
        activation = keras.activations.serialize(self.activation)
        own = {"filters": self.filters, "width": self.width, "activation": activation}
        return super().get_config() | own


def in_eight_bits(network: keras.Model) -> keras.Model:
    """Return a copy of the network with its tables and its convolutions over texts in 8 bits."""

    def clone(layer: keras.Layer) -> keras.Layer:
        if isinstance(layer, SummedEmbedding):
            return EightBitEmbedding(layer.rows, layer.dim, layer.columns, name=layer.name)
        if isinstance(layer, keras.layers.Conv1D):
            activation = keras.activations.serialize(layer.activation)
            return EightBitConv1D(layer.filters, layer.kernel_size[0], activation, name=layer.name)
        return type(layer).from_config(layer.get_config())

    def values(layer: keras.Layer) -> list[np.ndarray]:
        if isinstance(layer, SummedEmbedding):
            table = np.array(layer.table, np.float32)
            table[0] = 0
            return _whole_numbers(table, axis=1)
        if isinstance(layer, keras.layers.Conv1D):
            kernel, bias = layer.get_weights()
            whole, scale = _whole_numbers(kernel, axis=(0, 1))
            return [whole, scale.reshape(-1), bias]
        return layer.get_weights()

    return _converted(network, clone, values)


def in_floats(network: keras.Model, *, tables: bool = True) -> keras.Model:
    """Return a copy of the network with its convolutions in floats, and its tables too, to be trained on.

    Args:
        network: from ``in_eight_bits``.
        tables: False leaves them in 8 bits: a runtime looks few rows up, but would convert filters on every call.
    """

    def clone(layer: keras.Layer) -> keras.Layer:
        if tables and isinstance(layer, EightBitEmbedding):
            return SummedEmbedding(layer.rows, layer.dim, layer.columns, name=layer.name)
        if isinstance(layer, EightBitConv1D):
            activation = keras.activations.serialize(layer.activation)
            return keras.layers.Conv1D(
                layer.filters, layer.width, padding="same", activation=activation, name=layer.name
            )
        return type(layer).from_config(layer.get_config())

    def values(layer: keras.Layer) -> list[np.ndarray]:
        if tables and isinstance(layer, EightBitEmbedding):
            return [layer.floats()]
        if isinstance(layer, EightBitConv1D):
            whole, scale, bias = layer.get_weights()
            return [whole * scale, bias]
        return layer.get_weights()

    return _converted(network, clone, values)


def _whole_numbers(values: np.ndarray, axis: int | tuple[int, ...]) -> list[np.ndarray]:
    """Return int8 numbers and the scale that each slice along ``axis`` is to be multiplied with."""
    scale = np.abs(values).max(axis=axis, keepdims=True) / 127
    return [np.rint(values / np.maximum(scale, 1e-12)).astype(np.int8), scale]


def _converted(
    network: keras.Model,
    clone: Callable[[keras.Layer], keras.Layer],
    values: Callable[[keras.Layer], list[np.ndarray]],
) -> keras.Model:
    copy = keras.models.clone_model(network, clone_function=clone)
    for old, new in zip(network.layers, copy.layers, strict=True):
        new.set_weights(values(old))
    return copy
