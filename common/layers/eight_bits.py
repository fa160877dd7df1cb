"""Networks as they ship: tables and filters in 8-bit whole numbers, a quarter of the size.

Each row of a table, and each filter, has a scale of its own; the largest error is 1/254 of its largest value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from common.layers.embedding import SummedEmbedding

__all__ = [
    "EightBitConv1D",
    "EightBitDense",
    "EightBitEmbedding",
    "in_eight_bits",
    "in_floats",
    "is_in_eight_bits",
]


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
        stride: positions between two outputs.
        dilation: positions between two that a filter sees.

    Input shape: ``(batch, T, channels)``.  Output shape: ``(batch, T / stride, filters)``.
    """

    def __init__(
        self,
        filters: int,
        width: int,
        activation: str | None = None,
        stride: int = 1,
        dilation: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters, self.width, self.stride, self.dilation = filters, width, stride, dilation
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
        found = ops.conv(inputs, kernel, self.stride, "same", dilation_rate=self.dilation)
        return self.activation(found + ops.cast(self.bias, self.compute_dtype))

    def compute_output_shape(self, input_shape):
        length = input_shape[1] and -(-input_shape[1] // self.stride)
        return (input_shape[0], length, self.filters)

    def get_config(self) -> dict[str, Any]:
        activation = keras.activations.serialize(self.activation)
        own = {"filters": self.filters, "width": self.width, "activation": activation}
        return super().get_config() | own | {"stride": self.stride, "dilation": self.dilation}


@keras.saving.register_keras_serializable(package="cnnapps")
class EightBitDense(keras.layers.Layer):
    """``Dense`` as it ships: a scale for the weights of each output.

    Args:
        units: number of outputs.
        activation: any of Keras, or None.

    Input shape: ``(batch, F)``.  Output shape: ``(batch, units)``.
    """

    def __init__(self, units: int, activation: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)

    def build(self, input_shape) -> None:
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units),
            initializer="zeros",
            dtype="int8",
            trainable=False,
            name="kernel",
        )
        self.scale = self.add_weight(shape=(self.units,), initializer="zeros", trainable=False, name="scale")
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", trainable=False, name="bias")

    def call(self, inputs):
        weights, scale = (ops.cast(w, self.compute_dtype) for w in (self.kernel, self.scale))
        return self.activation((inputs @ weights) * scale + ops.cast(self.bias, self.compute_dtype))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        activation = keras.activations.serialize(self.activation)
        return super().get_config() | {"units": self.units, "activation": activation}


def in_eight_bits(network: keras.Model, *, dense: bool = False) -> keras.Model:
    """Return a copy of the network with its tables and its convolutions along sequences in 8 bits.

    Args:
        network: to copy, with the networks in it.
        dense: fully connected layers too.
    """

    def clone(layer: keras.Layer) -> keras.Layer:
        if isinstance(layer, SummedEmbedding):
            return EightBitEmbedding(layer.rows, layer.dim, layer.columns, name=layer.name)
        if isinstance(layer, keras.layers.Conv1D):
            activation = keras.activations.serialize(layer.activation)
            width, stride, dilation = (
                size[0] for size in (layer.kernel_size, layer.strides, layer.dilation_rate)
            )
            return EightBitConv1D(layer.filters, width, activation, stride, dilation, name=layer.name)
        if dense and isinstance(layer, keras.layers.Dense):
            return EightBitDense(layer.units, keras.activations.serialize(layer.activation), name=layer.name)
        return type(layer).from_config(layer.get_config())

    def values(layer: keras.Layer) -> list[np.ndarray]:
        if isinstance(layer, SummedEmbedding):
            table = np.array(layer.table, np.float32)
            table[0] = 0
            return _whole_numbers(table, axis=1)
        if isinstance(layer, keras.layers.Conv1D) or (dense and isinstance(layer, keras.layers.Dense)):
            kernel, bias = layer.get_weights()
            whole, scale = _whole_numbers(kernel, axis=tuple(range(kernel.ndim - 1)))
            return [whole, scale.reshape(-1), bias]
        return layer.get_weights()

    return _converted(network, clone, values)


def in_floats(network: keras.Model, *, tables: bool = True) -> keras.Model:
    """Return a copy of the network with its filters and fully connected layers in floats, to be trained on.

    Args:
        network: from ``in_eight_bits``.
        tables: False leaves these in 8 bits: a runtime looks few rows up, but would convert filters on every call.
    """

    def clone(layer: keras.Layer) -> keras.Layer:
        if tables and isinstance(layer, EightBitEmbedding):
            return SummedEmbedding(layer.rows, layer.dim, layer.columns, name=layer.name)
        if isinstance(layer, EightBitConv1D):
            activation = keras.activations.serialize(layer.activation)
            return keras.layers.Conv1D(
                layer.filters, layer.width, layer.stride, "same",
                dilation_rate=layer.dilation, activation=activation, name=layer.name,
            )  # fmt: skip
        if isinstance(layer, EightBitDense):
            activation = keras.activations.serialize(layer.activation)
            return keras.layers.Dense(layer.units, activation, name=layer.name)
        return type(layer).from_config(layer.get_config())

    def values(layer: keras.Layer) -> list[np.ndarray]:
        if tables and isinstance(layer, EightBitEmbedding):
            return [layer.floats()]
        if isinstance(layer, EightBitConv1D | EightBitDense):
            whole, scale, bias = layer.get_weights()
            return [whole * scale, bias]
        return layer.get_weights()

    return _converted(network, clone, values)


def is_in_eight_bits(network: keras.Model) -> bool:
    """Return whether filters or fully connected layers of the network are in 8 bits."""
    return any(isinstance(layer, EightBitConv1D | EightBitDense) for layer in _layers(network))


def _whole_numbers(values: np.ndarray, axis: int | tuple[int, ...]) -> list[np.ndarray]:
    """Return int8 numbers and the scale that each slice along ``axis`` is to be multiplied with."""
    scale = np.abs(values).max(axis=axis, keepdims=True) / 127
    return [np.rint(values / np.maximum(scale, 1e-12)).astype(np.int8), scale]


def _converted(
    network: keras.Model,
    clone: Callable[[keras.Layer], keras.Layer],
    values: Callable[[keras.Layer], list[np.ndarray]],
) -> keras.Model:
    copy = keras.models.clone_model(network, clone_function=clone, recursive=True)
    for old, new in zip(_layers(network), _layers(copy), strict=True):
        new.set_weights(values(old))
    return copy


def _layers(network: keras.Model) -> Iterator[keras.Layer]:
    """Yield the layers of the network and of the networks in it."""
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer
