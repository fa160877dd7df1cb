"""Batches of pairs from a grid of two kinds of things, chosen so that each thing is in many pairs of its batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

__all__ = ["GridStream"]


@dataclass(frozen=True)
class GridStream:
    """Shuffled batches of pairs, without end.

    The grid is cut into blocks, anew each epoch; the pairs of a batch come from one or a few blocks, so that few rows
    and columns have to be encoded for many pairs.  Where most cells are empty, blocks are large and a batch is
    nearly random.

    Args:
        rows, columns: of each pair ``(n,)`` int.
        targets: ``(n, K)`` float32.
        inputs: gives the inputs by name for the row and the column of each pair of a batch.
        batch: pairs a step.
        seed: of the order.
        column_cost: how much dearer a column is to encode than a row.
    """

    rows: np.ndarray
    columns: np.ndarray
    targets: np.ndarray
    inputs: Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]
    batch: int
    seed: int
    column_cost: float = 4.0

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in one pass (at least 1)."""
        return max(1, len(self.targets) // self.batch)

    def steps(self, start: int, stop: int) -> tf.data.Dataset:
        """Return the batches of steps ``start`` to ``stop - 1``: (inputs by name, targets ``(batch, K)``)."""

        def batches() -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
            epoch, order = -1, np.zeros(0, np.int64)
            for step in range(start, stop):
                if step // self.steps_per_epoch != epoch:
                    epoch = step // self.steps_per_epoch
                    order = self._order(epoch)
                place = step % self.steps_per_epoch * self.batch
                chosen = order[place : place + self.batch]
                yield self.inputs(self.rows[chosen], self.columns[chosen]), self.targets[chosen]

        inputs = {
            name: tf.TensorSpec((None, *array.shape[1:]), array.dtype)
            for name, array in self.inputs(self.rows[:1], self.columns[:1]).items()
        }
        signature = (inputs, tf.TensorSpec((None, self.targets.shape[1]), tf.float32))
        return tf.data.Dataset.from_generator(batches, output_signature=signature).prefetch(4)

    def _order(self, epoch: int) -> np.ndarray:
        """Return all pairs, block by block, the blocks and the pairs within in random order."""
        draw = np.random.default_rng((self.seed, epoch))
        count_rows, count_columns = int(self.rows.max()) + 1, int(self.columns.max()) + 1
        filled = len(self.targets) / (len(np.unique(self.rows)) * len(np.unique(self.columns)))
        wide = math.sqrt(
            self.batch / filled / self.column_cost
        )  # columns of a block; rows the rest of the batch
        wide = min(max(wide, 1.0), count_columns)
        high = max(self.batch / filled / wide, 1.0)
        row_block = (draw.permutation(count_rows) // high).astype(np.int64)[self.rows]
        column_block = (draw.permutation(count_columns) // wide).astype(np.int64)[self.columns]
        block = draw.permutation(int((row_block.max() + 1) * (column_block.max() + 1)))
        number = block[row_block * (column_block.max() + 1) + column_block]
        order = np.lexsort([draw.random(len(number)), number])
        return np.resize(order, self.steps_per_epoch * self.batch) if len(order) < self.batch else order
