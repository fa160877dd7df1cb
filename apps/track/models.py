"""The network that finds in a search crop what a template crop shows.

Both crops are ``(batch, side, side, 3)`` RGB in [0, 1] at one scale (``apps.track.cropping``).  The backbone makes
feature maps of both with shared weights; the head compares them and says at each place of the search map how well
a box put there would fit, and which box.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import layers

from apps.track.cropping import OBJECT_SIDE, SEARCH_SIDE, STRIDE, TEMPLATE_SIDE
from common.layers import Correlation, PositiveDistances, conv_block, pyramid
from common.registry import Registry

__all__ = ["NETWORKS", "backbone", "head", "siamese"]

NETWORKS = Registry[Callable[..., keras.Model]]("network")


def backbone(*, filters: int = 32, channels: int = 64, depth: int = 1) -> keras.Model:
    """Return the network from a crop ``(batch, side, side, 3)`` to features ``(batch, side / 8, side / 8, channels)``.

    What is seen at stride 16, most of an object, is added to what is seen at stride 8, where it is to the pixel.

    Args:
        filters, depth: of ``common.backbones.pyramid``.
        channels: of the feature maps.

    Reference:
        Lin et al., "Feature Pyramid Networks for Object Detection", CVPR 2017, section 3.
    """
    picture = keras.Input((None, None, 3), name="picture")
    maps = pyramid(picture, filters=filters, depth=depth)
    coarse = layers.Conv2DTranspose(channels, 2, strides=2, name="coarse_lateral")(maps[16])
    fine = layers.Conv2D(channels, 1, name="fine_lateral")(maps[8])
    return keras.Model(picture, layers.Add(name="features")([fine, coarse]), name="backbone")


def head(*, channels: int = 64, width: int = 64, layers_deep: int = 3) -> keras.Model:
    """Return the network from two feature maps to one map of scores and boxes.

    Inputs: template ``(batch, 12, 12, channels)`` and search ``(batch, 24, 24, channels)``.
    Output: ``(batch, 24, 24, 5)``: raw score, and distances to the left, top, right and bottom edge in cells.

    Reference:
        Yan et al., "LightTrack", CVPR 2021, section 3.3 (correlation pixel by pixel), Zhang et al., "Ocean", ECCV 2020,
        section 3.1 (boxes without anchors).
    """
    template = keras.Input((TEMPLATE_SIDE // STRIDE,) * 2 + (channels,), name="template")
    search = keras.Input((SEARCH_SIDE // STRIDE,) * 2 + (channels,), name="search")
    alike = Correlation(margin=2, name="correlation")([template, search])
    alike = conv_block(alike, width, 1, name="likeness")
    x = layers.Concatenate(name="both")([alike, conv_block(search, width // 2, 1, name="content")])
    for number in range(layers_deep):
        x = conv_block(x, width, name=f"head{number + 1}")
    score = layers.Conv2D(
        1, 3, padding="same", bias_initializer=keras.initializers.Constant(-3.0), name="score"
    )(x)
    edges = layers.Conv2D(4, 3, padding="same", name="edges")(x)
    distances = PositiveDistances(OBJECT_SIDE / STRIDE / 2, name="distances")(edges)
    return keras.Model([template, search], layers.Concatenate(name="map")([score, distances]), name="head")


@NETWORKS.named("siamese")
def siamese(
    *, filters: int = 32, channels: int = 64, depth: int = 1, width: int = 64, layers_deep: int = 3
) -> keras.Model:
    """Return the whole network: template and search crop to the map of ``head``."""
    template = keras.Input((TEMPLATE_SIDE, TEMPLATE_SIDE, 3), name="template")
    search = keras.Input((SEARCH_SIDE, SEARCH_SIDE, 3), name="search")
    features = backbone(filters=filters, channels=channels, depth=depth)
    compare = head(channels=channels, width=width, layers_deep=layers_deep)
    return keras.Model([template, search], compare([features(template), features(search)]), name="siamese")
