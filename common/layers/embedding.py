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

__all__ = ["EightBitEmbedding", "SampledScores", "SummedEmbedding", "in_eight_bits", "in_floats"]


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


@keras.saving.register_keras_serializable(package="cnnapps")
class SampledScores(keras.layers.Layer):
    """How much features foretell a given row of a table, against rows drawn at random.

    Two scores: of the row, and the logarithm of the sum of the exponentials of all drawn ones.  Their softmax
    cross-entropy is InfoNCE: at its minimum the score of a row is the logarithm of how much likelier it is here than
    among the drawn.  (The sampled softmax over rows, which weighs each drawn row by the inverse of its chance, was
    tried: the weights of rare rows are so large that the vectors stayed far worse.)

    Args:
        rows: of the table.
        chances: of drawing each row ``(rows,)``, up to a factor.
        drawn: rows drawn a batch, the same for all its positions.
        seed: of the draws.

    Input shapes: features ``(batch, T, D)`` and rows ``(batch, T, P)`` int32.  Output shape: ``(batch, T * P, 2)``.

    Reference:
        Van den Oord, Li and Vinyals, "Representation learning with contrastive predictive coding", 2018, eq. 4.
    """

    def __init__(
        self, rows: int, chances: np.ndarray, drawn: int = 512, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.rows, self.drawn, self.seed = rows, drawn, seed
        self.chances = np.asarray(chances, np.float64) / np.sum(chances)
        self.draws = keras.random.SeedGenerator(seed)

    def build(self, features_shape, rows_shape) -> None:
        self.table = self.add_weight(shape=(self.rows, features_shape[-1]), initializer="zeros", name="table")
        self.bias = self.add_weight(shape=(self.rows,), initializer="zeros", name="bias")

    def call(self, features, rows):
        steps = ops.convert_to_tensor(np.cumsum(self.chances), "float32")
        negative = ops.searchsorted(
            steps, keras.random.uniform((self.drawn,), maxval=0.99999, seed=self.draws)
        )
        others = features @ ops.transpose(ops.take(self.table, negative, axis=0))
        others = others + ops.take(self.bias, negative)
        against = ops.logsumexp(others, axis=-1)
        scores = []
        for place in range(rows.shape[-1]):
            row = rows[..., place]
            own = ops.sum(features * ops.take(self.table, row, axis=0), axis=-1) + ops.take(self.bias, row)
            scores.append(ops.stack([own, against], axis=-1))
        return ops.reshape(ops.stack(scores, axis=2), (ops.shape(rows)[0], -1, 2))

    def compute_output_shape(self, features_shape, rows_shape):
        return (features_shape[0], None, 2)


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
