"""The network that makes one texture of noise, in any size."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

from common.data.colours import principal_colours
from common.layers import Doubled, LayerScale, conv_block, pool

__all__ = ["begin_with_colours", "generator"]


def generator(*, filters: Sequence[int] = (16, 24, 32, 48, 64)) -> keras.Model:
    """Return the network that turns noise into a texture, from coarse to fine.

    At every scale it is given noise of that scale and what the coarser ones have made.  What is coarse is most of what
    makes a texture and costs least, so there it has most features.  Nothing in it depends on the whole picture, so
    that a texture may be made in tiles, of any size, and of noise that goes on at its opposite edge becomes a texture
    that does.

    Args:
        filters: feature maps of each scale, from the finest; each is half the size of the last.

    Returns:
        From noise ``(batch, h, w, 3)``, uniform in [0, 1], sides multiples of ``2 ** (scales - 1)``, to a picture of
        the same size in [0, 1].

    References:
        Ulyanov et al., "Texture networks: feed-forward synthesis of textures and stylized images", ICML 2016, figure 2;
        He et al., "Deep residual learning for image recognition", CVPR 2016.
    """
    noise = keras.Input((None, None, 3), name="noise")
    fields = [layers.Rescaling(12**0.5, offset=-(3**0.5), name="standard")(noise)]  # mean 0, variance 1
    for _ in filters[1:]:
        # The mean of four varies half as much as each.
        fields.append(layers.Rescaling(2.0)(pool(fields[-1], "average")))
    x = None
    for scale in reversed(range(len(filters))):
        name, own = f"scale{scale}", fields[scale]
        if x is not None:
            own = layers.Concatenate(name=f"{name}_joined")([Doubled(name=f"{name}_larger")(x), own])
        x = conv_block(own, filters[scale], name=f"{name}_seen")
        branch = conv_block(x, filters[scale], name=f"{name}_block_a")
        branch = conv_block(branch, filters[scale], activation=None, name=f"{name}_block_b")
        x = layers.Add(name=f"{name}_block")([x, LayerScale(0.3, name=f"{name}_block_scale")(branch)])
    components = layers.Conv2D(
        3,
        1,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.3 / filters[0] ** 0.5),
        name="components",
    )(x)
    picture = layers.Conv2D(3, 1, activation="sigmoid", name="picture")(components)
    return keras.Model(noise, picture, name="generator")


def begin_with_colours(network: keras.Model, exemplar: np.ndarray) -> None:
    """Give a generator the mean colour of an exemplar ``(h, w, 3)``, and the directions in which its colours vary.

    Learned along with all else they would take most of the steps.
    """
    mean = exemplar.mean(axis=(0, 1)).clip(0.01, 0.99)
    slope = mean * (1 - mean)  # of the sigmoid where it gives the mean
    directions = principal_colours([exemplar]) / slope
    network.get_layer("picture").set_weights([directions[None, None], np.log(mean / (1 - mean))])
