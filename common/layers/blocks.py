"""Blocks of convolutions, as functions from feature maps to feature maps.

Words used here as in the field.  A unit of a *feature map* looks at its *local receptive field*, a
small window of the layer below.  All units of one map use the same *shared weights and bias* (the
kernel), so a map detects one feature anywhere in the picture.
"""

from __future__ import annotations

from keras import layers

from common.layers.normalization import FusedBatchNormalization
from common.layers.regularization import StochasticDepth

__all__ = ["conv_block", "residual_block", "squeeze_excite"]


def conv_block(
    x,
    filters: int,
    kernel: int = 3,
    *,
    stride: int = 1,
    padding: str = "same",
    norm: bool = True,
    activation: str | None = "relu",
    name: str | None = None,
):
    """Convolution, then (by default) batch normalisation, then the activation.

    Args:
        x: feature maps ``(batch, height, width, channels)``.
        filters: number of feature maps to make, that is, of kernels.
        kernel: side of the local receptive field in pixels.
        stride: step between receptive fields; 2 halves the size.
        padding: ``"same"`` keeps the size, ``"valid"`` shrinks it by ``kernel - 1``.
        norm: whether to normalise; the bias then lies in the normalisation.
        activation: ``"relu"``, ``"sigmoid"``, ``"tanh"``, any of Keras, or None.
        name: stem of the names of the layers.

    Returns:
        Feature maps ``(batch, height', width', filters)``.
    """
    stem = name or ""
    x = layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding=padding,
        use_bias=not norm,
        kernel_initializer="glorot_uniform" if activation in ("sigmoid", "tanh") else "he_normal",
        name=name,
    )(x)
    if norm:
        x = FusedBatchNormalization(name=stem and f"{stem}_norm" or None)(x)
    if activation:
        x = layers.Activation(activation, name=stem and f"{stem}_{activation}" or None)(x)
    return x


def squeeze_excite(x, ratio: float = 0.25, *, name: str | None = None):
    """Reweight the feature maps by a gate computed from their averages.

    Args:
        x: feature maps ``(batch, height, width, channels)``.
        ratio: size of the bottleneck as a share of the channels (at least 4).
        name: stem of the names of the layers.

    Returns:
        Feature maps of the same shape.

    Reference:
        Hu et al., "Squeeze-and-Excitation Networks", CVPR 2018, equations 2 to 4.
    """
    channels = x.shape[-1]
    stem = name or ""
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(
        max(4, round(channels * ratio)), 1, activation="relu", name=stem and f"{stem}_squeeze" or None
    )(gate)
    gate = layers.Conv2D(channels, 1, activation="sigmoid", name=stem and f"{stem}_excite" or None)(gate)
    return layers.Multiply()([x, gate])


def residual_block(
    x,
    filters: int,
    *,
    stride: int = 1,
    squeeze: float = 0.0,
    drop_rate: float = 0.0,
    activation: str = "relu",
    name: str | None = None,
):
    """Two 3×3 convolutions added to a shortcut.

    The shortcut is the identity, or a 1×1 convolution where shape changes.

    Args:
        x: feature maps ``(batch, height, width, channels)``.
        filters: number of feature maps to make.
        stride: of the first convolution.
        squeeze: ratio of the squeeze-and-excitation gate on the branch; 0 for none.
        drop_rate: stochastic depth on the branch.
        activation: after the first convolution and after the sum.
        name: stem of the names of the layers.

    Returns:
        Feature maps ``(batch, ceil(height / stride), ceil(width / stride), filters)``.

    Reference:
        He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, figure 2.
    """
    stem = name or ""

    def part(suffix: str) -> str | None:
        return f"{stem}_{suffix}" if stem else None

    branch = conv_block(x, filters, stride=stride, activation=activation, name=part("conv1"))
    branch = conv_block(branch, filters, activation=None, name=part("conv2"))
    if squeeze:
        branch = squeeze_excite(branch, squeeze, name=part("gate"))
    if drop_rate:
        branch = StochasticDepth(drop_rate)(branch)
    if stride != 1 or x.shape[-1] != filters:
        x = conv_block(x, filters, 1, stride=stride, activation=None, name=part("shortcut"))
    return layers.Activation(activation, name=part("out"))(layers.Add()([x, branch]))
