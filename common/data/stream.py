"""Batches of a split by step number.

The batch of step ``s`` is a function of (data, seed, s) alone: the order of an epoch comes from a stateless
shuffle and each augmentation from a stateless draw.  So a run that was killed goes on at any step with the
very batches it would have had.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import tensorflow as tf

from common.data.augment import Augmentation
from common.data.datasets import Split

__all__ = ["BatchStream", "TrainingStream"]


class BatchStream(Protocol):
    """What ``common.training.fit`` trains on."""

    @property
    def steps_per_epoch(self) -> int:
        """Batches in one pass over the data."""

    def steps(self, start: int, stop: int) -> tf.data.Dataset:
        """Return the batches (inputs, targets) of steps ``start`` to ``stop - 1``."""


@dataclass(frozen=True)
class TrainingStream:
    """Shuffled, augmented batches without end.

    Args:
        split: the examples.
        classes: number of classes K.
        batch: examples a step.
        seed: of order and augmentation.
        augmentation: what is done to each batch.
    """

    split: Split
    classes: int
    batch: int
    seed: int
    augmentation: Augmentation = Augmentation()

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in one pass over the data (at least 1)."""
        return max(1, len(self.split) // self.batch)

    def steps(self, start: int, stop: int) -> tf.data.Dataset:
        """Return the batches of steps ``start`` to ``stop - 1``.

        Each is (images ``(batch, h, w, c)`` float32 in [0, 1], targets ``(batch, K)`` float32).
        """
        images = tf.constant(self.split.images)
        targets = tf.constant(self.split.one_hot(self.classes))
        count, per_epoch = len(self.split), self.steps_per_epoch

        def make(step):
            epoch, position = step // per_epoch, step % per_epoch
            slots = (position * self.batch + tf.range(self.batch, dtype=tf.int64)) % count
            seed = tf.stack([tf.constant(self.seed, tf.int64), epoch])
            order = tf.random.experimental.index_shuffle(slots, tf.cast(seed, tf.int32), count - 1)
            pictures = tf.cast(tf.gather(images, order), tf.float32) / 255
            pictures = tf.ensure_shape(pictures, (None, *self.split.images.shape[1:]))
            turns = None
            if self.augmentation.flip == "alternating":
                # Which half is mirrored first does not depend on the order of a pass.
                turns = tf.random.experimental.index_shuffle(order, (self.seed, 1), count - 1) + epoch
            return self.augmentation(pictures, tf.gather(targets, order), (self.seed, step), turns)

        dataset = tf.data.Dataset.range(start, stop)
        return dataset.map(make, num_parallel_calls=2, deterministic=True).prefetch(4)
