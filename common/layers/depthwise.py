"""Blocks whose spatial convolution looks at each feature map by itself: a fraction of the arithmetic."""

from __future__ import annotations

import keras
from keras import layers

from common.layers.blocks import conv_block, squeeze_excite
from common.layers.gelu import GELU
from common.layers.normalization import FusedBatchNormalization
from common.layers.regularization import StochasticDepth

__all__ = ["LayerScale", "convnext_block", "depthwise_separable", "inverted_residual"]


@keras.saving.register_keras_serializable(package="cnnapps")
class LayerScale(keras.layers.Layer):
    """Multiply each channel by a learned number that starts near 0, so that a deep network starts as the identity.

    Args:
        initial: value that all the numbers start at.

    Input shape: ``(batch, ..., channels)``.  Output shape: the same.

    Reference:
        Touvron et al., "Going deeper with Image Transformers", ICCV 2021, section 2.
    """

    def __init__(self, initial: float = 1e-6, **kwargs) -> None:
        super().__init__(**kwargs)
        self.initial = initial

    def build(self, input_shape) -> None:
        self.gamma = self.add_weight(
            name="gamma", shape=(input_shape[-1],), initializer=keras.initializers.Constant(self.initial)
        )
        self.built = True

    def call(self, inputs):
        return inputs * self.gamma

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self) -> dict:
        return super().get_config() | {"initial": self.initial}


def depthwise_separable(
    x, filters: int, kernel: int = 3, *, stride: int = 1, activation: str = "relu", name: str | None = None
):
    """Convolve each map by itself, then mix the maps with a 1×1 convolution; both normalised and activated.

    Args:
        x: feature maps ``(batch, height, width, channels)``.
        filters: number of feature maps to make.
        kernel: side of the local receptive field in pixels.
        stride: step between receptive fields.
        activation: after each of the two.
        name: stem of the names of the layers.

    Returns:
        Feature maps ``(batch, ceil(height / stride), ceil(width / stride), filters)``.

    Reference:
        Howard et al., "MobileNets", arXiv 1704.04861, section 3.1.
    """
    x = _depthwise(x, kernel, stride, activation, name and f"{name}_depth")
    return conv_block(x, filters, 1, activation=activation, name=name and f"{name}_mix")


def inverted_residual(
    x,
    filters: int,
    kernel: int = 3,
    *,
    stride: int = 1,
    expand: float = 4.0,
    squeeze: float = 0.25,
    drop_rate: float = 0.0,
    activation: str = "relu6",
    name: str | None = None,
):
    """Widen with a 1×1 convolution, convolve each map by itself, gate, and narrow without an activation.

    A shortcut joins the narrow ends where their shapes agree.

    Args:
        x: feature maps ``(batch, height, width, channels)``.
        filters: number of feature maps to make.
        kernel: side of the local receptive field in pixels.
        stride: of the depth-wise convolution.
        expand: width of the middle as a multiple of the channels.
        squeeze: ratio of the squeeze-and-excitation gate in the middle; 0 for none.
        drop_rate: stochastic depth on the branch.
        activation: in the middle.
        name: stem of the names of the layers.

    Returns:
        Feature maps ``(batch, ceil(height / stride), ceil(width / stride), filters)``.

    Reference:
        Sandler et al., "MobileNetV2", CVPR 2018, section 3.3; the gate: Tan and Le, "EfficientNet", ICML 2019.
    """
    channels = x.shape[-1]
    branch = conv_block(x, round(channels * expand), 1, activation=activation, name=name and f"{name}_expand")
    branch = _depthwise(branch, kernel, stride, activation, name and f"{name}_depth")
    if squeeze:
        # As a share of the narrow end: the gate of a wide middle would outweigh the block.
        branch = squeeze_excite(branch, squeeze / expand, name=name and f"{name}_gate")
    branch = conv_block(branch, filters, 1, activation=None, name=name and f"{name}_project")
    if stride != 1 or channels != filters:
        return branch
    if drop_rate:
        branch = StochasticDepth(drop_rate)(branch)
    return layers.Add(name=name and f"{name}_out")([x, branch])


def convnext_block(
    x,
    kernel: int = 7,
    *,
    expand: int = 4,
    layer_scale: float = 1e-6,
    drop_rate: float = 0.0,
    name: str | None = None,
):
    """A wide depth-wise convolution, layer normalisation, and two 1×1 convolutions around a GELU, as a residual.

    Args:
        x: feature maps ``(batch, height, width, channels)``.
        kernel: side of the local receptive field in pixels.
        expand: width of the middle as a multiple of the channels.
        layer_scale: what the branch is multiplied by at first; 0 for no scale.
        drop_rate: stochastic depth on the branch.
        name: stem of the names of the layers.

    Returns:
        Feature maps of the same shape.

    Reference:
        Liu et al., "A ConvNet for the 2020s", CVPR 2022, section 2 and figure 4.
    """
    channels = x.shape[-1]

    def part(suffix: str) -> str | None:
        return name and f"{name}_{suffix}"

    branch = layers.DepthwiseConv2D(kernel, padding="same", name=part("depth"))(x)
    branch = layers.LayerNormalization(epsilon=1e-6, name=part("norm"))(branch)
    branch = layers.Conv2D(expand * channels, 1, name=part("expand"))(branch)
    branch = GELU(name=part("gelu"))(branch)
    branch = layers.Conv2D(channels, 1, name=part("project"))(branch)
    if layer_scale:
        branch = LayerScale(layer_scale, name=part("scale"))(branch)
    if drop_rate:
        branch = StochasticDepth(drop_rate)(branch)
    return layers.Add(name=part("out"))([x, branch])


def _depthwise(x, kernel: int, stride: int, activation: str, name: str | None):
    """Convolve each map by itself, normalise, activate."""
    x = layers.DepthwiseConv2D(
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        depthwise_initializer="he_normal",
        name=name,
    )(x)
    x = FusedBatchNormalization(name=name and f"{name}_norm")(x)
    return layers.Activation(activation, name=name and f"{name}_{activation}")(x)
