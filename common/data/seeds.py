"""Seeds of two integers, for randomness in TensorFlow graph code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import tensorflow as tf

__all__ = ["Seed", "fold_seed"]

Seed: TypeAlias = "Sequence[int] | tf.Tensor"  # two integers


def fold_seed(seed: Seed, stream: int) -> tf.Tensor:
    """Derive an independent seed for one use of randomness."""
    seed = tf.cast(tf.convert_to_tensor(seed), tf.int64)
    return tf.stack([seed[0] * 1009 + stream, seed[1]])
