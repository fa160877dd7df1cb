"""Layers that measure the statistics of feature maps, and that give maps the statistics of others.

Statistics are sums over thousands of places: they are taken in float32 whatever the policy.
"""

from __future__ import annotations

import keras
from keras import layers, ops

from common.losses.perceptual import normalized_content, relative_gram, total_variation

__all__ = ["AdaptiveInstanceNormalization", "ChannelMoments", "MapDistance", "modulated"]

FLAT = 0.02  # deviation of maps in which next to nothing is seen: it is not blown up (usual maps: about 1)


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
class AdaptiveInstanceNormalization(keras.layers.Layer):
    """Feature maps ``(batch, h, w, c)``, each moved from its own mean and standard deviation to those of a style.

    Called with the maps, their own moments and those of the style, both ``(batch, n)`` as ``ChannelMoments`` gives them
    for one layer after another.  They are given, not measured: a tile is normalised by the moments of the whole.

    Args:
        first: where the moments of these maps begin.

    Reference:
        Huang and Belongie, "Arbitrary style transfer in real-time with adaptive instance normalization", ICCV 2017,
        equation 8; Chen et al., "Towards ultra-resolution neural style transfer via thumbnail instance normalization",
        AAAI 2022, section 3.2.
    """

    def __init__(self, first: int = 0, dtype="float32", **kwargs) -> None:
        super().__init__(dtype=dtype, **kwargs)
        self.first = first

    def call(self, features, own, style):
        channels = features.shape[-1]

        def moments(of):
            middle = self.first + channels
            mean, deviation = of[:, self.first : middle], of[:, middle : middle + channels]
            return mean[:, None, None], deviation[:, None, None]

        (own_mean, own_deviation), (mean, deviation) = moments(own), moments(style)
        return (features - own_mean) * (deviation / (own_deviation + FLAT)) + mean

    def compute_output_shape(self, features_shape, own_shape, style_shape):
        return features_shape

    def get_config(self) -> dict:
        return super().get_config() | {"first": self.first}


@keras.saving.register_keras_serializable(package="cnnapps")
class MapDistance(keras.layers.Layer):
    """How far feature maps are from others: two of ``(batch, h, w, c)`` to ``(batch, 1)``.

    A network that ends in such distances learns by bringing them to zero.

    Args:
        kind: ``content``, what is where; ``style``, which features go together and how strong each is; ``texture``, the
            same of all pictures of the batch together, each of which then has that distance; ``roughness`` of a
            picture, whatever the other.
        weight: of the distance.
    """

    KINDS = ("content", "style", "texture", "roughness")

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
        elif self.kind == "texture":
            together = ops.reshape(features, (1, -1, *features.shape[2:]))
            distance = ops.repeat(_style_distance(target, together), ops.shape(features)[0])
        else:
            distance = _style_distance(target, features)
        return self.weight * ops.expand_dims(distance, -1)

    def compute_output_shape(self, target_shape, features_shape):
        return (features_shape[0], 1)

    def get_config(self) -> dict:
        return super().get_config() | {"kind": self.kind, "weight": self.weight}


def _style_distance(target, features):
    moments = ChannelMoments()
    wanted = moments(target)
    gap = ops.mean((moments(features) - wanted) ** 2, axis=-1)
    return relative_gram(target, features) + gap / (ops.mean(wanted**2, axis=-1) + 1e-8)


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
