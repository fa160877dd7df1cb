"""The networks that paint in one pass.

decoder      feature maps that were given a style, and the style's statistics -> picture; any style
painter      picture -> picture, in the one style that it was trained on
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from common.layers import (
    ChannelMoments,
    Doubled,
    WhitenColour,
    conv_block,
    modulated,
    residual_block,
)

__all__ = ["DEEPEST", "decoder", "painter", "restyled"]

DEEPEST = "conv4_1"  # the layer whose maps are given a style


def decoder(channels: Sequence[int]) -> keras.Model:
    """Return the network that makes pictures of feature maps.

    Maps grow by repetition, not by strided transposed convolutions, so that no checkerboard can come of it, and
    nothing in it depends on the whole picture: a picture may be made in tiles.

    Args:
        channels: maps of each stage of the encoder, from the finest to that of ``DEEPEST``.

    Returns:
        From ``features`` ``(batch, h, w, channels[-1])`` and ``style`` ``(batch, 2 Σ channels)``, the moments of the
        style's maps stage by stage, to a picture ``(batch, h 2ˢ, w 2ˢ, 3)`` in [0, 1].

    References:
        Huang and Belongie, ICCV 2017, figure 2; Odena et al., "Deconvolution and checkerboard artifacts", Distill 2016.
    """
    features = keras.Input((None, None, channels[-1]), name="features")
    style = keras.Input((2 * sum(channels),), name="style")
    x = features
    for stage in range(len(channels), 0, -1):
        x = conv_block(x, channels[stage - 1], norm=False, activation=None, name=f"stage{stage}")
        x = layers.Activation("relu", name=f"stage{stage}_relu")(modulated(x, style, f"stage{stage}"))
        if stage > 1:
            x = conv_block(x, channels[stage - 2], norm=False, name=f"stage{stage}_narrow")
            x = Doubled(name=f"stage{stage}_up")(x)
    picture = conv_block(x, 3, norm=False, activation="sigmoid", name="picture")
    return keras.Model({"features": features, "style": style}, picture, name="decoder")


def painter(*, filters: int = 16, blocks: int = 4) -> keras.Model:
    """Return the network of one style: down to a quarter of the size, residual blocks, and up again.

    Args:
        filters: of the first layer; twice and four times as many in the next.
        blocks: residual.

    Returns:
        From ``(batch, h, w, 3)`` in [0, 1], sides multiples of 4, to the same.

    References:
        Johnson, Alahi and Fei-Fei, "Perceptual losses for real-time style transfer", ECCV 2016, supplement; resized
        instead of strided on the way up (Odena et al. 2016).
    """
    picture = keras.Input((None, None, 3), name="picture")
    x = layers.Rescaling(4.0, offset=-2.0)(picture)
    x = conv_block(x, filters, 9, name="stroke")
    x = conv_block(x, 2 * filters, stride=2, name="down1")
    x = conv_block(x, 4 * filters, stride=2, name="down2")
    for number in range(1, blocks + 1):
        x = residual_block(x, 4 * filters, name=f"block{number}")
    for number in (2, 1):
        x = conv_block(x, number * filters, name=f"up{number}")
        x = Doubled(name=f"up{number}_larger")(x)
    x = conv_block(x, filters, name="finish")
    return keras.Model(
        picture, conv_block(x, 3, 5, norm=False, activation="sigmoid", name="painted"), name="painter"
    )


def restyled(content_maps: dict, style_maps: dict, decode: keras.Model, stages: Sequence[str]):
    """Return a picture with what the content's maps show, in the style that the style's maps have."""
    moved = WhitenColour(name="whiten_colour")(content_maps[DEEPEST], style_maps[DEEPEST])
    moments = [ChannelMoments(name=f"{stage}_moments")(style_maps[stage]) for stage in stages]
    return decode({"features": moved, "style": layers.Concatenate(name="style_moments")(moments)})
