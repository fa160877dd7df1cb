"""Batches of sequences by step number, those of like length together.

As in ``common.data.stream``, the batch of step ``s`` is a function of (data, seed, s) alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import tensorflow as tf

__all__ = ["SequenceStream", "Sequences"]

POOL = 32  # batches sorted by length together: little padding, and still a shuffle


class Sequences(Protocol):
    """Sequences of different lengths, such as ``apps.text.vocabulary.Encoded``."""

    @property
    def lengths(self) -> np.ndarray:
        """Positions of each sequence ``(n,)``."""

    def padded(self, indices: np.ndarray) -> np.ndarray:
        """Return the sequences at ``indices`` as one array ``(len(indices), T, C)`` int32."""


@dataclass(frozen=True)
class SequenceStream:
    """Shuffled batches without end.

    Args:
        sequences: the examples.
        targets: ``(n, K)`` float32.
        batch: examples a step.
        seed: of the order.
    """

    sequences: Sequences
    targets: np.ndarray
    batch: int
    seed: int

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in one pass over the data (at least 1)."""
        return max(1, len(self.targets) // self.batch)

    def steps(self, start: int, stop: int) -> tf.data.Dataset:
        """Return the batches of steps ``start`` to ``stop - 1``.

        Each is (sequences ``(batch, T, C)`` int32, targets ``(batch, K)`` float32).
        """

        def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            epoch, order = -1, np.zeros((0, 0), np.int64)
            for step in range(start, stop):
                if step // self.steps_per_epoch != epoch:
                    epoch = step // self.steps_per_epoch
                    order = self._order(epoch)
                chosen = order[step % self.steps_per_epoch]
                yield self.sequences.padded(chosen), self.targets[chosen]

        columns = self.sequences.padded(np.zeros(1, np.int64)).shape[-1]
        signature = (
            tf.TensorSpec((None, None, columns), tf.int32),
            tf.TensorSpec((None, self.targets.shape[1]), tf.float32),
        )
        return tf.data.Dataset.from_generator(batches, output_signature=signature).prefetch(4)

    def _order(self, epoch: int) -> np.ndarray:
        """Return the examples of each batch of an epoch ``(steps, batch)``."""
        draw = np.random.default_rng((self.seed, epoch))
        count = len(self.targets)
        shuffled = draw.permutation(count)
        steps = self.steps_per_epoch
        shuffled = np.resize(shuffled, steps * self.batch)  # fewer examples than a batch come again
        lengths = self.sequences.lengths
        batches: list[np.ndarray] = []
        for first in range(0, len(shuffled), POOL * self.batch):
            pool = shuffled[first : first + POOL * self.batch]
            pool = pool[np.argsort(lengths[pool], kind="stable")]
            batches += list(pool.reshape(-1, self.batch))
        return np.stack(batches)[draw.permutation(steps)]
