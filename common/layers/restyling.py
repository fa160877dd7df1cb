"""Layers that measure the statistics of feature maps, and that give maps the statistics of others.

Statistics are sums over thousands of places: they are taken in float32 whatever the policy.
"""

from __future__ import annotations

import keras
from keras import layers, ops

from common.losses.perceptual import normalized_content, relative_gram, total_variation

__all__ = ["ChannelMoments", "MapDistance", "WhitenColour", "modulated"]

EPSILON = 1e-3  # of the mean variance: what hardly varies in the content is not blown up


@keras.saving.register_keras_serializable(package="cnnapps")
class ChannelMoments(keras.layers.Layer):
    """Mean and standard deviation of each feature map: ``(batch, h, w, c)`` to ``(batch, 2 c)``.

    Reference:
        Huang and Belongie, "Arbitrary style transfer in real-time with adaptive instance normalization", ICCV 2017,
        equations 5 and 6.
    """

    def __init__(self, dtype="float32", **kwargs) -> None:
        super().__init__(dtype=dtype, **kwargs)

    def call(self, features):
        mean, variance = ops.moments(features, axes=(1, 2))
        return ops.concatenate([mean, ops.sqrt(variance + 1e-6)], axis=-1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 2 * input_shape[-1])


@keras.saving.register_keras_serializable(package="cnnapps")
class WhitenColour(keras.layers.Layer):
    """The maps of a content with mean and covariance of those of a style: ``(batch, h, w, c)``, of both any size.

    Reference:
        Li et al., "Universal style transfer via feature transforms", NeurIPS 2017, equations 2 and 3.
    """

    def __init__(self, dtype="float32", **kwargs) -> None:
        super().__init__(dtype=dtype, **kwargs)

    def call(self, content, style):
        own_mean, own = self._moments(content)
        style_mean, theirs = self._moments(style)
        change = ops.matmul(self._root(own, inverse=True), self._root(theirs))
        batch, height, width, channels = ops.shape(content)
        flat = ops.reshape(content, (batch, height * width, channels)) - own_mean
        return ops.reshape(ops.matmul(flat, change) + style_mean, (batch, height, width, channels))

    @staticmethod
    def _moments(maps):
        """Return mean ``(batch, 1, c)`` and covariance ``(batch, c, c)`` of maps over places."""
        batch, height, width, channels = ops.shape(maps)
        flat = ops.reshape(maps, (batch, height * width, channels))
        mean = ops.mean(flat, axis=1, keepdims=True)
        flat = flat - mean
        covariance = ops.matmul(ops.transpose(flat, (0, 2, 1)), flat)
        return mean, covariance / ops.cast(height * width, covariance.dtype)

    @staticmethod
    def _root(covariance, *, inverse: bool = False):
        """Return the symmetric square root of covariances, or its inverse."""
        values, vectors = ops.eigh(covariance)
        floor = EPSILON * ops.mean(values, axis=-1, keepdims=True) + 1e-7
        roots = ops.sqrt(ops.maximum(values, 0.0) + floor)
        scaled = vectors / roots[:, None] if inverse else vectors * roots[:, None]
        return ops.matmul(scaled, ops.transpose(vectors, (0, 2, 1)))

    def compute_output_shape(self, content_shape, style_shape):
        return content_shape


@keras.saving.register_keras_serializable(package="cnnapps")
class MapDistance(keras.layers.Layer):
    """How far feature maps are from others: two of ``(batch, h, w, c)`` to ``(batch, 1)``.

    A network that ends in such distances learns by bringing them to zero.

    Args:
        kind: ``content``, what is where; ``style``, which features go together and how strong each is;
            ``roughness`` of a picture, whatever the other.
        weight: of the distance.
    """

    KINDS = ("content", "style", "roughness")

    def __init__(self, kind: str, weight: float = 1.0, dtype="float32", **kwargs) -> None:
        if kind not in self.KINDS:
            raise ValueError(f"kind must be one of {self.KINDS}, received kind={kind!r}")
        super().__init__(dtype=dtype, **kwargs)
        self.kind, self.weight = kind, weight

    def call(self, target, features):
        if self.kind == "content":
            distance = normalized_content(target, features)
        elif self.kind == "roughness":
            distance = total_variation(target, features)
        else:
            moments = ChannelMoments()
            wanted = moments(target)
            gap = ops.mean((moments(features) - wanted) ** 2, axis=-1)
            distance = relative_gram(target, features) + gap / (ops.mean(wanted**2, axis=-1) + 1e-8)
        return self.weight * ops.expand_dims(distance, -1)

    def compute_output_shape(self, target_shape, features_shape):
        return (features_shape[0], 1)

    def get_config(self) -> dict:
        return super().get_config() | {"kind": self.kind, "weight": self.weight}


def modulated(x, says, name: str):
    """Scale and shift feature maps as a vector says.

    Args:
        x: ``(batch, h, w, c)``.
        says: ``(batch, n)``.
        name: stem of the names of the layers.

    Returns:
        ``(batch, h, w, c)``: ``x (1 + γ) + β``, γ and β linear in the vector, at first 0.

    Reference:
        Perez et al., "FiLM: visual reasoning with a general conditioning layer", AAAI 2018, equation 2.
    """
    channels = x.shape[-1]
    scale, shift = (
        layers.Reshape((1, 1, channels), name=f"{name}_{what}_map")(
            layers.Dense(channels, kernel_initializer="zeros", name=f"{name}_{what}")(says)
        )
        for what in ("scale", "shift")
    )
    return layers.Add(name=f"{name}_shifted")([x, layers.Multiply(name=f"{name}_scaled")([x, scale]), shift])
