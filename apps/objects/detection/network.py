"""The network that says what is where in a picture: one stage, no anchors.

A backbone makes feature maps at strides 8, 16 and 32, a neck lets each see what the others saw, and one head, the same
for all three, answers at every place: a score for each class, and how likely each distance to the edges of the object
there is, of which the answer is the mean.

References:
    Tian et al., "FCOS", ICCV 2019, section 3 (places in place of anchors; a head shared by all levels).
    Liu et al., "Path Aggregation Network", CVPR 2018, section 3.1 (the neck).
    Ge et al., "YOLOX", arXiv 2107.08430, section 2.1 (classes and boxes apart).
    Lyu et al., "RTMDet", arXiv 2212.07784, section 3.3 (shared convolutions, normalisation of each level's own).
    Li et al., "Generalized Focal Loss", NeurIPS 2020, section 3 (distributions of distances).
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from keras import layers

from common.grids import STRIDES
from common.layers import ExpectedDistances, FusedBatchNormalization, conv_block, pyramid, residual_block
from common.registry import Registry

__all__ = ["BINS", "DETECTORS", "detector", "nano", "small", "taught"]

DETECTORS = Registry[Callable[..., keras.Model]]("detector")

RARE = -4.6  # raw score of 0.01: nearly all places show no object (Lin et al., ICCV 2017, section 4.1)
BINS = 17  # distances that an edge may have: 0 to 16 cells
USUAL = 2  # the likeliest of them before anything is learned


@DETECTORS.named("nano")
def nano(classes: int, *, filters: int = 32, neck: int = 64, depth: int = 1, head: int = 1) -> keras.Model:
    """Return the detector for a CPU."""
    return detector(classes, filters=filters, neck=neck, depth=depth, head=head, name="detector-nano")


@DETECTORS.named("small")
def small(classes: int, *, filters: int = 48, neck: int = 96, depth: int = 2, head: int = 2) -> keras.Model:
    """Return the detector that takes three times as long and sees more."""
    return detector(classes, filters=filters, neck=neck, depth=depth, head=head, name="detector-small")


def detector(
    classes: int, *, filters: int, neck: int, depth: int, head: int, name: str = "detector"
) -> keras.Model:
    """Return the network from pictures ``(batch, height, width, 3)`` in [0, 1] to ``(batch, places, classes + 4)``.

    Sides are multiples of 32.  The places are those of ``common.grids``; at each stand the raw scores of the classes,
    then the distances to left, top, right and bottom edge in pixels.

    Args:
        classes: K.
        filters, depth: of ``common.layers.pyramid``; the stage at stride 32 has eight times as many feature maps.
        neck: feature maps of neck and head.
        head: convolutions before scores and before distances.
        name: of the network.
    """
    picture = keras.Input((None, None, 3), name="picture")
    maps = pyramid(picture, filters=filters, depth=depth)
    # Named apart from the stages: a backbone to start from may have none this deep.
    x = conv_block(maps[16], 8 * filters, stride=2, name="deepest")
    for block in range(1, depth + 1):
        x = residual_block(x, 8 * filters, name=f"deepest_block{block}")
    features = _neck({8: maps[8], 16: maps[16], 32: x}, neck)
    answers = _head(features, classes, neck, head)
    return keras.Model(picture, layers.Concatenate(axis=1, name="places")(answers), name=name)


def taught(network: keras.Model) -> keras.Model:
    """Return a detector with what its loss reads: ``(batch, places, classes + 4 + 4 BINS)``.

    Behind each answer stand the raw scores of the distances that it is the mean of.  Weights are shared.
    """
    likely = [network.get_layer(f"likely{stride}").output for stride in STRIDES]
    every = layers.Reshape((-1, 4 * BINS))(layers.Concatenate(axis=1)(likely))
    return keras.Model(network.input, layers.Concatenate()([network.output, every]), name=network.name)


def _neck(maps: dict[int, object], channels: int) -> dict[int, object]:
    """Return maps of as many channels at each stride, which have seen those above and those below."""
    seen = {stride: conv_block(maps[stride], channels, 1, name=f"lateral{stride}") for stride in STRIDES}
    for stride in (16, 8):
        larger = layers.Conv2DTranspose(channels, 2, strides=2, name=f"larger{stride}")(seen[2 * stride])
        both = layers.Add(name=f"down_sum{stride}")([seen[stride], larger])
        seen[stride] = conv_block(both, channels, name=f"down{stride}")
    for stride in (16, 32):
        smaller = conv_block(seen[stride // 2], channels, stride=2, activation=None, name=f"smaller{stride}")
        both = layers.Add(name=f"up_sum{stride}")([seen[stride], smaller])
        seen[stride] = conv_block(both, channels, name=f"up{stride}")
    return seen


def _head(features: dict[int, object], classes: int, channels: int, depth: int) -> list[object]:
    """Return the answers at the places of each stride ``(batch, places, classes + 4)``."""
    branches = {
        branch: [
            layers.Conv2D(
                channels,
                3,
                padding="same",
                use_bias=False,
                kernel_initializer="he_normal",
                name=f"{branch}{n}",
            )
            for n in range(1, depth + 1)
        ]
        for branch in ("classes", "edges")
    }
    # The last steps in full precision: an edge is known to a fraction of a pixel.
    score = layers.Conv2D(
        classes,
        1,
        bias_initializer=keras.initializers.Constant(RARE),
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        dtype="float32",
        name="scores",
    )
    near = -0.5 * np.abs(np.arange(BINS) - USUAL)
    edge = layers.Conv2D(
        4 * BINS,
        1,
        bias_initializer=keras.initializers.Constant(np.tile(near, 4)),
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        dtype="float32",
        name="edges",
    )
    answers = []
    for stride, x in features.items():
        seen = {}
        for branch, convolutions in branches.items():
            y = x
            for convolution in convolutions:
                y = FusedBatchNormalization(name=f"{convolution.name}_norm{stride}")(convolution(y))
                y = layers.Activation("relu", name=f"{convolution.name}_relu{stride}")(y)
            seen[branch] = y
        scores = layers.Reshape((-1, classes), dtype="float32", name=f"scores{stride}")(
            score(seen["classes"])
        )
        likely = layers.Reshape((-1, 4, BINS), dtype="float32", name=f"likely{stride}")(edge(seen["edges"]))
        distances = ExpectedDistances(stride, dtype="float32", name=f"distances{stride}")(likely)
        answers.append(layers.Concatenate(dtype="float32", name=f"answer{stride}")([scores, distances]))
    return answers
