"""Telling the true row of a table from rows drawn at random: what is learned from without labels."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

__all__ = ["SampledScores"]


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
