"""Batches of sequences by step number, those of like length together.

As in ``common.data.stream``, the batch of step ``s`` is a function of (data, seed, s) alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import tensorflow as tf

__all__ = ["NeighbourStream", "PairStream", "SequenceStream", "Sequences"]

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


@dataclass(frozen=True)
class PairStream:
    """Shuffled batches of pairs that belong together, without end.

    Args:
        sequences: the examples.
        pairs: numbers of two examples each ``(n, 2)``.
        batch: examples a step, an even number: half as many pairs.
        seed: of the order.
    """

    sequences: Sequences
    pairs: np.ndarray
    batch: int
    seed: int

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in one pass over the pairs (at least 1)."""
        return max(1, 2 * len(self.pairs) // self.batch)

    def steps(self, start: int, stop: int) -> tf.data.Dataset:
        """Return the batches of steps ``start`` to ``stop - 1``.

        Each is (sequences ``(batch, T, C)`` int32, number of the pair ``(batch, 1)`` float32), the first of all
        pairs before the second of all.
        """
        half = self.batch // 2
        groups = np.tile(np.arange(half, dtype=np.float32), 2)[:, None]

        def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            epoch, order = -1, np.zeros((0, 0), np.int64)
            for step in range(start, stop):
                if step // self.steps_per_epoch != epoch:
                    epoch = step // self.steps_per_epoch
                    order = np.random.default_rng((self.seed, epoch)).permutation(len(self.pairs))
                    order = np.resize(order, (self.steps_per_epoch, half))
                chosen = self.pairs[order[step % self.steps_per_epoch]]
                yield self.sequences.padded(chosen.T.reshape(-1)), groups

        columns = self.sequences.padded(np.zeros(1, np.int64)).shape[-1]
        signature = (tf.TensorSpec((None, None, columns), tf.int32), tf.TensorSpec((None, 1), tf.float32))
        return tf.data.Dataset.from_generator(batches, output_signature=signature).prefetch(4)


@dataclass(frozen=True)
class NeighbourStream:
    """Stretches of a corpus, and for each of their words some of its neighbours.

    Args:
        words: of all texts by row of the table ``(n,)`` int32, 0 between texts.
        keep: chance that a word is foretold, by row.
        region: words a region sees.
        reach: words on either side of a region that are its neighbours.
        targets: how many of them a step.
        batch: stretches a step.
        length: words of a stretch.
        seed: of the order.
        passes: over the corpus; they are one epoch.
    """

    words: np.ndarray
    keep: np.ndarray
    region: int
    reach: int
    targets: int
    batch: int
    length: int
    seed: int
    passes: float

    @property
    def steps_per_epoch(self) -> int:
        """Batches of all passes (at least 1)."""
        return max(1, int(self.passes * len(self.words) / (self.batch * self.length)))

    def steps(self, start: int, stop: int) -> tf.data.Dataset:
        """Return the batches of steps ``start`` to ``stop - 1``.

        Each is (words and their neighbours ``(batch, length, 1 + targets)`` int32, 1 and 0 for each neighbour
        that is to be foretold ``(batch, length * targets, 2)`` float32).
        """
        half = self.region // 2
        offsets = np.array([o for o in range(-half - self.reach, half + self.reach + 1) if abs(o) > half])

        def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for step in range(start, stop):
                draw = np.random.default_rng((self.seed, step))
                begin = draw.integers(0, max(1, len(self.words) - self.length), self.batch)
                place = begin[:, None] + np.arange(self.length)
                around = place[..., None] + draw.choice(offsets, self.targets, replace=False)
                near = self.words[around.clip(0, len(self.words) - 1)]
                own = self.words[place.clip(max=len(self.words) - 1)]
                told = (draw.random(near.shape) < self.keep[near]) & (own[..., None] > 0)
                target = np.zeros((self.batch, self.length * self.targets, 2), np.float32)
                target[..., 0] = told.reshape(self.batch, -1)
                yield np.concatenate([own[..., None], near], axis=-1).astype(np.int32), target

        signature = (
            tf.TensorSpec((None, None, 1 + self.targets), tf.int32),
            tf.TensorSpec((None, None, 2), tf.float32),
        )
        return tf.data.Dataset.from_generator(batches, output_signature=signature).prefetch(4)
