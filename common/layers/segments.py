"""Parts of one long array: molecules or proteins laid one behind the other, without padding; pooled, and in pairs."""

from __future__ import annotations

import keras
from keras import ops

__all__ = [
    "CoarserParts",
    "Flat",
    "OfPair",
    "OneSequence",
    "RealPlaces",
    "SegmentAttention",
    "SegmentMax",
    "SegmentMean",
]


class _SegmentPool(keras.layers.Layer):
    """Base of the poolings: features ``(n, F)``, the part of each row ``(n,)``, one row a part ``(parts, …)``.

    Rows whose part is negative belong to none (gaps).
    """

    @staticmethod
    def pooled(operation, values, part, like):
        """Return ``operation`` over the rows of each part; gaps are a part of their own, which is left out."""
        parts = ops.shape(like)[0]
        return operation(values, ops.where(part < 0, parts, part), num_segments=parts + 1)[:-1]

    def compute_output_shape(self, features_shape, part_shape, like_shape):
        return (like_shape[0], features_shape[-1])


@keras.saving.register_keras_serializable(package="cnnapps")
class SegmentMean(_SegmentPool):
    """The mean of each feature over the rows of each part; zeros of a part without rows."""

    def call(self, features, part, like):
        total = self.pooled(ops.segment_sum, features, part, like)
        count = self.pooled(ops.segment_sum, ops.ones_like(features[:, :1]), part, like)
        return total / ops.maximum(count, 1)


@keras.saving.register_keras_serializable(package="cnnapps")
class SegmentMax(_SegmentPool):
    """The largest value of each feature in each part; features must not be negative (after a ReLU)."""

    def call(self, features, part, like):
        return ops.maximum(self.pooled(ops.segment_max, features, part, like), 0)


@keras.saving.register_keras_serializable(package="cnnapps")
class SegmentAttention(_SegmentPool):
    """The mean of each part, each row weighed by how much it is attended to.

    The weights are a softmax over the rows of a part, one for each of ``heads`` groups of features, of a score that a
    small layer gives every row.

    Args:
        heads: groups of features with weights of their own; divides the number of features.

    Reference:
        Ilse, Tomczak and Welling, "Attention-based deep multiple instance learning", ICML 2018, eq. 8.
    """

    LIMIT = 15.0  # a score beyond it could overflow once raised to a power

    def __init__(self, heads: int = 4, **kwargs) -> None:
        super().__init__(**kwargs)
        self.heads = heads

    def build(self, features_shape, part_shape, like_shape) -> None:
        width = features_shape[-1]
        self.inner = self.add_weight(shape=(width, width // 2), name="inner")
        self.outer = self.add_weight(shape=(width // 2, self.heads), initializer="zeros", name="outer")

    def call(self, features, part, like):
        score = ops.tanh(features @ self.inner) @ self.outer
        weight = ops.exp(ops.clip(score, -self.LIMIT, self.LIMIT))
        each = features.shape[-1] // self.heads
        spread = ops.repeat(weight, each, axis=-1)
        total = self.pooled(ops.segment_sum, features * spread, part, like)
        norm = self.pooled(ops.segment_sum, spread, part, like)
        return total / ops.maximum(norm, 1e-6)

    def get_config(self):
        return super().get_config() | {"heads": self.heads}


@keras.saving.register_keras_serializable(package="cnnapps")
class OfPair(keras.layers.Layer):
    """The encoding of one side of each pair.

    Input shapes: encodings ``(n, F)``, pairs ``(N, 2)`` int32.  Output shape: ``(N, F)``.

    Args:
        side: 0 for the molecule, 1 for the protein.
    """

    def __init__(self, side: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.side = side

    def call(self, encodings, pairs):
        return ops.take(encodings, pairs[:, self.side], axis=0)

    def compute_output_shape(self, encodings_shape, pairs_shape):
        return (pairs_shape[0], encodings_shape[-1])

    def get_config(self):
        return super().get_config() | {"side": self.side}


@keras.saving.register_keras_serializable(package="cnnapps")
class RealPlaces(keras.layers.Layer):
    """1 where a part is, 0 in the gaps between parts: ``(n,)`` to ``(1, n, 1)``."""

    def call(self, part):
        return ops.cast(part >= 0, self.compute_dtype)[None, :, None]

    def compute_output_shape(self, part_shape):
        return (1, part_shape[0], 1)


@keras.saving.register_keras_serializable(package="cnnapps")
class CoarserParts(keras.layers.Layer):
    """The part of each stretch of rows that a strided convolution takes together: ``(n,)`` to ``(n / stride,)``.

    A stretch belongs to the part that its first row is of.

    Args:
        stride: rows of a stretch; each part begins at a multiple of it.
    """

    def __init__(self, stride: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.stride = stride

    def call(self, part):
        return part[:: self.stride]

    def compute_output_shape(self, part_shape):
        return (part_shape[0] and -(-part_shape[0] // self.stride),)

    def get_config(self):
        return super().get_config() | {"stride": self.stride}


@keras.saving.register_keras_serializable(package="cnnapps")
class OneSequence(keras.layers.Layer):
    """Numbers as one sequence for a convolution: ``(n,)`` to ``(1, n)``."""

    def call(self, inputs):
        return inputs[None]

    def compute_output_shape(self, input_shape):
        return (1, *input_shape)


@keras.saving.register_keras_serializable(package="cnnapps")
class Flat(keras.layers.Layer):
    """One sequence as rows: ``(1, n, F)`` to ``(n, F)``."""

    def call(self, inputs):
        return inputs[0]

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[1:])
