"""Stacks of small convolutions with average pooling between: feature maps that describe what pictures are made of."""

from __future__ import annotations

from keras import layers

from common.layers.blocks import conv_block
from common.layers.pooling import pool

__all__ = ["vgg_stages"]


def vgg_stages(picture, *, filters: int = 24, stages: int = 4, norm: bool = True) -> dict:
    """Return the feature maps of all convolutions, two a stage, each stage at half the size with twice the maps.

    No step is larger than a pixel and pooling averages, so that a picture can be changed by their gradients without
    checkerboards.

    Args:
        picture: ``(batch, height, width, 3)`` in [0, 1]; sides are multiples of ``2 ** (stages - 1)``.
        filters: feature maps of the first stage.
        stages: how many.
        norm: whether to normalise, as in training; without, each convolution has a bias (``folded``).

    Returns:
        By name, ``conv1_1``, ``conv1_2``, ``conv2_1`` …: ``(batch, height / 2ˢ, width / 2ˢ, filters 2ˢ)``, after ReLU.

    Reference:
        Simonyan and Zisserman, "Very deep convolutional networks", ICLR 2015, table 1; Gatys et al., NeurIPS 2015,
        section 2 (average pooling).
    """
    x = layers.Rescaling(4.0, offset=-2.0)(picture)
    maps = {}
    for stage in range(1, stages + 1):
        for number in (1, 2):
            name = f"conv{stage}_{number}"
            x = conv_block(x, filters * 2 ** (stage - 1), norm=norm, name=name)
            maps[name] = x
        if stage < stages:
            x = pool(x, "average")
    return maps
