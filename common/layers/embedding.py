"""Rows of a table, looked up and added: word vectors, and weights of n-grams.

A row looked up is the product of the table with a one-hot vector, so an embedding is a convolution of width
one over one-hot words (Johnson and Zhang, NAACL 2015, section 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

__all__ = ["SummedEmbedding"]


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
