"""The network that makes one texture of noise, in any size."""

from __future__ import annotations

import keras
from keras import layers

from common.layers import Doubled, conv_block, pool

__all__ = ["generator"]


def generator(*, filters: int = 8, scales: int = 5) -> keras.Model:
    """Return the network that turns noise into a texture, from coarse to fine.

    At every scale it is given noise of that scale and what the coarser ones have made.  Nothing in it depends on the
    whole picture, so that a texture may be made in tiles, of any size, and of noise that goes on at its opposite edge
    becomes a texture that does.

    Args:
        filters: feature maps that each scale adds.
        scales: each half the size of the last.

    Returns:
        From noise ``(batch, h, w, 3)``, uniform in [0, 1], sides multiples of ``2 ** (scales - 1)``, to a picture of
        the same size in [0, 1].

    Reference:
        Ulyanov et al., "Texture networks: feed-forward synthesis of textures and stylized images", ICML 2016, figure 2.
    """
    noise = keras.Input((None, None, 3), name="noise")
    finest = layers.Rescaling(12**0.5, offset=-(3**0.5), name="standard")(noise)  # mean 0, variance 1
    fields = [finest]
    for _ in range(1, scales):
        # The mean of four varies half as much as each.
        fields.append(layers.Rescaling(2.0)(pool(fields[-1], "average")))
    x = None
    for scale in range(scales - 1, -1, -1):
        own = conv_block(fields[scale], filters, name=f"noise{scale}")
        if x is None:
            x = own
        else:
            grown = Doubled(name=f"larger{scale}")(x)
            x = layers.Concatenate(name=f"joined{scale}")([grown, own])
        for number in (1, 2):
            x = conv_block(x, filters * (scales - scale), name=f"scale{scale}_{number}")
    picture = conv_block(x, 3, 1, norm=False, activation="sigmoid", name="picture")
    return keras.Model(noise, picture, name="generator")
