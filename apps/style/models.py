"""The networks that paint in one pass.

decoder      feature maps, their moments and those of a style -> picture; any style
painter      picture -> picture, in the one style that it was trained on
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from common.layers import (
    AdaptiveInstanceNormalization,
    ChannelMoments,
    Doubled,
    LayerScale,
    conv_block,
    modulated,
    residual_block,
)

__all__ = ["DEEPEST", "decoder", "moments", "painter", "restyled"]

DEEPEST = "conv4_1"  # the last layer whose maps are given a style
STROKES = 3  # the stage at which a decoder has its residual blocks
CODE = 64  # numbers that stand for a style


def decoder(channels: Sequence[int], *, blocks: int = 2) -> keras.Model:
    """Return the network that paints a picture, which has the style's colours already, in the style that moments say.

    Maps of three stages are given the style's moments and joined from the deepest to the finest; what comes of them is
    added to the picture, so that before any learning it is left as it is.  Maps grow by repetition, not by strided
    transposed convolutions, so that no checkerboard can come of it, and nothing in it depends on the whole picture: a
    picture may be made in tiles.

    Args:
        channels: maps of each stage of the encoder, from the finest to that of ``DEEPEST``.
        blocks: residual, at a quarter of the size, where strokes are made.

    Returns:
        From ``picture`` ``(batch, h, w, 3)`` in [0, 1], its maps by layer (all but the finest), and ``own`` and
        ``style`` ``(batch, 2 Σ channels)``, its moments and those of the style stage by stage, to the picture painted.

    References:
        Huang and Belongie, ICCV 2017, figure 2; Ghiasi et al., "Exploring the structure of a real-time, arbitrary
        neural artistic stylization network", BMVC 2017, section 2.2 (what a style does to every layer); Ronneberger,
        Fischer and Brox, "U-Net", MICCAI 2015; Odena et al., "Deconvolution and checkerboard artifacts", Distill 2016.
    """
    picture = keras.Input((None, None, 3), name="picture")
    own, style = (keras.Input((2 * sum(channels),), name=name) for name in ("own", "style"))
    maps = {
        stage: keras.Input((None, None, channels[stage - 1]), name=f"conv{stage}_1")
        for stage in range(2, len(channels) + 1)
    }

    # A code of few numbers: moments by the hundred, told to every layer, would make each step of learning too large.
    code = layers.LayerNormalization(name="style_normed")(style)
    code = layers.Dense(CODE, activation="relu", name="style_code")(code)

    def styled(x, stage: int, part: str = "", activation: str | None = "relu"):
        name = f"stage{stage}{part}"
        x = conv_block(x, channels[stage - 1], norm=False, activation=None, name=name)
        x = modulated(x, code, name)
        return layers.Activation(activation, name=f"{name}_{activation}")(x) if activation else x

    x = None
    for stage in range(len(channels), 0, -1):
        if stage in maps:
            first = 2 * sum(channels[: stage - 1])
            seen = AdaptiveInstanceNormalization(first, name=f"stage{stage}_seen")(maps[stage], own, style)
        else:
            seen = picture
        x = seen if x is None else layers.Concatenate(name=f"stage{stage}_joined")([x, seen])
        x = styled(x, stage)
        if stage == STROKES:
            for block in range(1, blocks + 1):
                branch = styled(styled(x, stage, f"_block{block}a"), stage, f"_block{block}b", None)
                branch = LayerScale(0.1, name=f"stage{stage}_block{block}_scale")(branch)
                x = layers.Add(name=f"stage{stage}_block{block}")([x, branch])
        if stage > 1:
            x = conv_block(x, channels[stage - 2], norm=False, name=f"stage{stage}_narrow")
            x = Doubled(name=f"stage{stage}_up")(x)
    strokes = layers.Conv2D(3, 3, padding="same", kernel_initializer="zeros", name="strokes")(x)
    painted = layers.ReLU(1.0, name="painted")(layers.Add(name="over")([picture, strokes]))
    inputs = {f"conv{stage}_1": maps[stage] for stage in maps} | {
        "picture": picture,
        "own": own,
        "style": style,
    }
    return keras.Model(inputs, painted, name="decoder")


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


def restyled(picture, maps: dict, own, style, decode: keras.Model):
    """Return a picture painted: its maps and own moments given, in the style that has these moments."""
    seen = {name: maps[name] for name in maps if name in decode.input}
    return decode(seen | {"picture": picture, "own": own, "style": style})


def moments(maps: dict, stages: Sequence[str]):
    """Return the moments ``(batch, 2 Σ channels)`` of the maps of these layers, one after another."""
    return layers.Concatenate()([ChannelMoments()(maps[stage]) for stage in stages])
