"""The networks for pictures.

Every function returns a ``keras.Model`` from pictures ``(batch, side, side, 3)`` in [0, 1] to one raw score (logit) a
class ``(batch, classes)``.  The last layer is called ``scores``; all before it is the backbone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import keras
from keras import layers

from common.layers import (
    GELU,
    FusedBatchNormalization,
    PartialIdentity,
    PatchWhitening,
    conv_block,
    convnext_block,
    global_pool,
    inverted_residual,
    pool,
    residual_block,
    vgg_stages,
)
from common.layers import pyramid as pyramid_maps
from common.registry import Registry

__all__ = ["HEAD", "NETWORKS", "airbench", "convnext", "mobile", "pyramid", "resnet", "vgg"]

HEAD = "scores"
NETWORKS = Registry[Callable[..., keras.Model]]("network")


@NETWORKS.named("pyramid")
def pyramid(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    filters: int = 32,
    depth: int = 1,
    drop_rate: float = 0.2,
) -> keras.Model:
    """The backbone that trackers and detectors share (``common.layers.pyramid``), pooled over the whole picture.

    Args:
        input_shape: sides are multiples of 16.
        classes: K.
        filters: feature maps at stride 4; four times as many at stride 16.
        depth: residual blocks at strides 8 and 16.
        drop_rate: of the features, while training.
    """
    inputs = layers.Input(input_shape)
    x = pyramid_maps(inputs, filters=filters, depth=depth)[16]
    return _classifier(inputs, x, classes, drop_rate, "pyramid")


@NETWORKS.named("resnet")
def resnet(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    depth: int = 2,
    width: int = 32,
    stem: Literal["cifar", "imagenet"] = "cifar",
) -> keras.Model:
    """Residual blocks at growing width: three stages of 1, 2, 4 times the width, or four with the large stem.

    Args:
        input_shape: of a picture.
        classes: K.
        depth: blocks a stage; 3, 5, 9 are ResNet-20, -32 and -56 of section 4.2, 2 with the stem ``imagenet`` is
            ResNet-18 at width 64.
        width: feature maps of the first stage.
        stem: ``cifar``, a 3×3 convolution that keeps the size, for small pictures; ``imagenet``, 7×7 with stride 2 and
            max-pooling.

    Raises:
        ValueError: another stem.

    Reference:
        He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, sections 3.3 and 4.2.
    """
    if stem not in ("cifar", "imagenet"):
        raise ValueError(f"stem must be 'cifar' or 'imagenet', received stem={stem!r}")
    inputs = layers.Input(input_shape)
    x = _centred(inputs)
    if stem == "cifar":
        x = conv_block(x, width, name="stem")
    else:
        x = conv_block(x, width, 7, stride=2, name="stem")
        x = pool(x, "max", padding="same")
    for stage in range(3 if stem == "cifar" else 4):
        for block in range(depth):
            stride = 2 if stage and not block else 1
            x = residual_block(x, width * 2**stage, stride=stride, name=f"stage{stage + 1}_block{block + 1}")
    return _classifier(inputs, x, classes, 0.0, "resnet")


@NETWORKS.named("convnext")
def convnext(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    depth: int = 2,
    width: int = 32,
    drop_rate: float = 0.1,
) -> keras.Model:
    """A small ConvNeXt: layer normalisation, depth-wise 7×7 convolutions, four stages at strides 4 to 32.

    Pictures of up to 64 pixels begin at stride 2, so that the last maps keep some positions.

    Args:
        input_shape: of a picture.
        classes: K.
        depth: blocks of a stage; the third has twice as many.
        width: feature maps of the first stage (Tiny: 96); each further stage has twice as many.
        drop_rate: stochastic depth of the last block; it rises linearly to it.

    Reference:
        Liu et al., "A ConvNet for the 2020s", CVPR 2022, section 2.
    """
    inputs = layers.Input(input_shape)
    patch = 4 if input_shape[0] > 64 else 2
    x = layers.Conv2D(width, patch, strides=patch, name="stem")(_centred(inputs))
    x = layers.LayerNormalization(epsilon=1e-6, name="stem_norm")(x)
    rates = [drop_rate * place / (5 * depth - 1) for place in range(5 * depth)]
    for stage, blocks in enumerate((depth, depth, 2 * depth, depth), start=1):
        if stage > 1:
            x = layers.LayerNormalization(epsilon=1e-6, name=f"stage{stage}_norm")(x)
            x = layers.Conv2D(
                width * 2 ** (stage - 1), 2, strides=2, padding="same", name=f"stage{stage}_down"
            )(x)
        for block in range(1, blocks + 1):
            x = convnext_block(x, drop_rate=rates.pop(0), name=f"stage{stage}_block{block}")
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.LayerNormalization(epsilon=1e-6, name="features_norm")(x)
    return keras.Model(inputs, _scores(x, classes), name="convnext")


@NETWORKS.named("mobile")
def mobile(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    depth: int = 2,
    width: int = 16,
    drop_rate: float = 0.1,
) -> keras.Model:
    """Inverted residuals with squeeze-and-excitation: few multiplications, for a CPU.

    Args:
        input_shape: of a picture.
        classes: K.
        depth: blocks at each of the strides 4, 8 and 16.
        width: feature maps of the stem; 1.5, 2.5 and 5 times as many at strides 4, 8 and 16.
        drop_rate: stochastic depth of each block.

    Reference:
        Sandler et al., "MobileNetV2", CVPR 2018; Howard et al., "Searching for MobileNetV3", ICCV 2019, section 5.
    """
    inputs = layers.Input(input_shape)
    x = conv_block(_centred(inputs), width, stride=2, activation="relu6", name="stem")
    for stage, (multiple, kernel) in enumerate(((1.5, 3), (2.5, 5), (5, 3)), start=1):
        for block in range(1, depth + 1):
            x = inverted_residual(
                x,
                round(width * multiple),
                kernel,
                stride=2 if block == 1 else 1,
                drop_rate=drop_rate,
                name=f"stage{stage}_block{block}",
            )
    x = conv_block(x, 16 * width, 1, activation="relu6", name="features")
    return _classifier(inputs, x, classes, 0.2, "mobile")


@NETWORKS.named("vgg")
def vgg(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    filters: int = 24,
    stages: int = 4,
    drop_rate: float = 0.2,
) -> keras.Model:
    """Small convolutions and average pooling, no stride: what textures and styles are compared by is made of it.

    Args:
        input_shape: sides are multiples of ``2 ** (stages - 1)``.
        classes: K.
        filters, stages: of ``common.layers.vgg_stages``.
        drop_rate: of the features, while training.
    """
    inputs = layers.Input(input_shape)
    maps = vgg_stages(inputs, filters=filters, stages=stages)
    return _classifier(inputs, maps[f"conv{stages}_2"], classes, drop_rate, "vgg")


@NETWORKS.named("airbench")
def airbench(input_shape: tuple[int, int, int], classes: int, *, width: float = 1.0) -> keras.Model:
    """The network that learns CIFAR-10 fastest: whitened patches, then three groups of two convolutions.

    Kernels start as a partial identity, normalisation has no scale and forgets fast, and scores are divided by 9.
    ``common.layers.fit_whitening`` gives the first layer its kernel before training.

    Args:
        input_shape: of a picture, 32×32 for CIFAR.
        classes: K.
        width: factor of the widths 64, 256 and 256.

    Reference:
        Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", arXiv 2404.00498, section 3 and appendix A.
    """
    inputs = layers.Input(input_shape)
    x = PatchWhitening(2, name="whitening")(_centred(inputs))
    x = GELU()(x)
    for group, count in enumerate((64, 256, 256), start=1):
        for half in (1, 2):
            x = layers.Conv2D(
                round(count * width),
                3,
                padding="same",
                use_bias=False,
                kernel_initializer=PartialIdentity(),
                name=f"group{group}_conv{half}",
            )(x)
            if half == 1:
                x = pool(x, "max")
            x = FusedBatchNormalization(0.6, 1e-5, scale=False, name=f"group{group}_norm{half}")(x)
            x = GELU()(x)
    x = global_pool(x, "max")
    x = layers.Rescaling(1 / 9)(x)
    return keras.Model(inputs, _scores(x, classes, use_bias=False), name="airbench")


def _centred(inputs):
    """Bring pixels from [0, 1] to [-2, 2], as the pyramid does."""
    return layers.Rescaling(4.0, offset=-2.0)(inputs)


def _classifier(inputs, maps, classes: int, drop_rate: float, name: str) -> keras.Model:
    """Pool the last maps, drop some of the features while training, and score the classes."""
    x = global_pool(maps, "average")
    if drop_rate:
        x = layers.Dropout(drop_rate)(x)
    return keras.Model(inputs, _scores(x, classes), name=name)


def _scores(x, classes: int, *, use_bias: bool = True):
    """Return the last layer: raw scores, float32 whatever the policy."""
    return layers.Dense(classes, use_bias=use_bias, dtype="float32", name=HEAD)(x)
