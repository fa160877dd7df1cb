"""Rows of a table, looked up and added: word vectors, and weights of n-grams.

A row looked up is the product of the table with a one-hot vector, so an embedding is a convolution of width
one over one-hot words (Johnson and Zhang, NAACL 2015, section 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

__all__ = ["EightBitEmbedding", "SummedEmbedding", "in_eight_bits", "in_floats"]


@keras.saving.register_keras_serializable(package="cnnapps")
class SummedEmbedding(keras.layers.Layer):
    """Sum of the rows that a position names.

    Args:
        rows: of the table; row 0 is padding and counts as zeros.
        dim: length D of a row.
        columns: which numbers of a position to look up, all in the one table.
        initial: ``"uniform"`` or ``"zeros"``.

    Input shape: ``(batch, T, columns of the input)`` int32.  Output shape: ``(batch, T, dim)``.
    """

    def __init__(
        self, rows: int, dim: int, columns: Sequence[int] = (0,), initial: str = "uniform", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.rows, self.dim, self.columns, self.initial = rows, dim, tuple(columns), initial

    def build(self, input_shape) -> None:
        start = keras.initializers.RandomUniform(-0.1, 0.1) if self.initial == "uniform" else "zeros"
        self.table = self.add_weight(shape=(self.rows, self.dim), initializer=start, name="table")

    def call(self, inputs):
        return sum(self._looked_up(inputs[..., column]) for column in self.columns)

    def _looked_up(self, rows):
        real = ops.cast(ops.expand_dims(rows > 0, -1), self.compute_dtype)
        return ops.take(ops.cast(self.table, self.compute_dtype), rows, axis=0) * real

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.dim)

    def get_config(self) -> dict[str, Any]:
        own = {"rows": self.rows, "dim": self.dim, "columns": self.columns, "initial": self.initial}
        return super().get_config() | own


@keras.saving.register_keras_serializable(package="cnnapps")
class EightBitEmbedding(keras.layers.Layer):
    """``SummedEmbedding`` as it ships: each row in 8-bit whole numbers times a scale of its own.

    A quarter of the size; the largest error is 1/254 of a row's largest value.
    """

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


def in_eight_bits(network: keras.Model) -> keras.Model:
    """Return a copy of the network with its tables in 8 bits."""

    def clone(layer: keras.Layer) -> keras.Layer:
        if not isinstance(layer, SummedEmbedding):
            return type(layer).from_config(layer.get_config())
        return EightBitEmbedding(layer.rows, layer.dim, layer.columns, name=layer.name)

    def values(layer: keras.Layer) -> list[np.ndarray]:
        if not isinstance(layer, SummedEmbedding):
            return layer.get_weights()
        table = np.array(layer.table, np.float32)
        table[0] = 0
        scale = np.abs(table).max(axis=1, keepdims=True) / 127
        return [np.rint(table / np.maximum(scale, 1e-12)).astype(np.int8), scale]

    return _converted(network, clone, values)


def in_floats(network: keras.Model) -> keras.Model:
    """Return a copy of the network with its tables in floats, to be trained on."""

    def clone(layer: keras.Layer) -> keras.Layer:
        if not isinstance(layer, EightBitEmbedding):
            return type(layer).from_config(layer.get_config())
        return SummedEmbedding(layer.rows, layer.dim, layer.columns, name=layer.name)

    def values(layer: keras.Layer) -> list[np.ndarray]:
        return [layer.floats()] if isinstance(layer, EightBitEmbedding) else layer.get_weights()

    return _converted(network, clone, values)


def _converted(network: keras.Model, clone, values) -> keras.Model:
    copy = keras.models.clone_model(network, clone_function=clone)
    for old, new in zip(network.layers, copy.layers, strict=True):
        new.set_weights(values(old))
    return copy
