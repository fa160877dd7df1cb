"""Convolutions over sequences of word vectors, and pooling over time."""

from __future__ import annotations

import keras
from keras import layers, ops

__all__ = [
    "BiasedSum",
    "ConvMaxOverTime",
    "MaxOverTime",
    "MeanOverTime",
    "RealPositions",
    "conv1d_block",
    "pyramid_block",
]


@keras.saving.register_keras_serializable(package="cnnapps")
class RealPositions(keras.layers.Layer):
    """1 where a text is, 0 where it is padded.

    Input shape: ``(batch, T, columns)`` int32, the first column 0 at padding.  Output shape:
    ``(batch, T, 1)`` float.
    """

    def call(self, inputs):
        return ops.cast(inputs[..., :1] > 0, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 1)


@keras.saving.register_keras_serializable(package="cnnapps")
class MaxOverTime(keras.layers.Layer):
    """The largest value of each feature at any real position.

    Features must not be negative (after a ReLU), so that padding, at zero, never wins.

    Input shape: features ``(batch, T, F)`` and real positions ``(batch, T, 1)``.  Output shape: ``(batch, F)``.

    Reference:
        Collobert et al., "Natural language processing (almost) from scratch", JMLR 2011, section 3.3.2.
    """

    def call(self, features, real):
        return ops.max(features * real, axis=1)

    def compute_output_shape(self, features_shape, real_shape):
        return (features_shape[0], features_shape[-1])


@keras.saving.register_keras_serializable(package="cnnapps")
class ConvMaxOverTime(keras.layers.Layer):
    """A convolution, ReLU and the maximum over time, whose gradient costs next to nothing.

    Only the window that wins moves its filter, so only the winning windows are taken back: of a text of 300 words one
    of 300.  Values and gradients are those of ``conv1d_block`` and ``MaxOverTime``, and so are the weights.  Worth it
    for long texts: below 70 words the windows that are gathered outnumber those that there are.

    Args:
        filters: number of features.
        width: positions a filter sees.

    Input shape: ``(batch, T, channels)`` and real positions ``(batch, T, 1)``.  Output shape: ``(batch, filters)``.
    """

    PADDED = 1e6  # taken from what stands at padding, so that it never wins

    def __init__(self, filters: int, width: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.filters, self.width = filters, width

    def build(self, inputs_shape, real_shape) -> None:
        self.kernel = self.add_weight(
            shape=(self.width, inputs_shape[-1], self.filters), initializer="glorot_uniform", name="kernel"
        )
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def call(self, inputs, real):
        answers = ops.conv(ops.stop_gradient(inputs), ops.stop_gradient(self.kernel), padding="same")
        winner = ops.argmax(answers - (1 - real) * self.PADDED, axis=1)
        before = (self.width - 1) // 2  # as "same" pads
        padded = ops.pad(inputs, [[0, 0], [before, self.width - 1 - before], [0, 0]])
        batch, length = ops.shape(padded)[0], ops.shape(padded)[1]
        first = ops.cast(winner, "int32") + ops.arange(batch, dtype="int32")[:, None] * length
        rows = first[..., None] + ops.arange(self.width, dtype="int32")
        windows = ops.take(ops.reshape(padded, (-1, inputs.shape[-1])), rows, axis=0)
        return ops.relu(ops.einsum("bfwc,wcf->bf", windows, self.kernel) + self.bias)

    def compute_output_shape(self, inputs_shape, real_shape):
        return (inputs_shape[0], self.filters)

    def get_config(self):
        return super().get_config() | {"filters": self.filters, "width": self.width}


@keras.saving.register_keras_serializable(package="cnnapps")
class MeanOverTime(keras.layers.Layer):
    """The mean of each feature over the real positions; zeros of a text without any.

    Input and output shapes as of ``MaxOverTime``.
    """

    def call(self, features, real):
        return ops.sum(features * real, axis=1) / ops.maximum(ops.sum(real, axis=1), 1)

    def compute_output_shape(self, features_shape, real_shape):
        return (features_shape[0], features_shape[-1])


@keras.saving.register_keras_serializable(package="cnnapps")
class BiasedSum(keras.layers.Layer):
    """The sum of each feature over all positions, and a bias.

    Input shape: ``(batch, T, F)``, zeros at padding.  Output shape: ``(batch, F)``.
    """

    def build(self, input_shape) -> None:
        self.bias = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="bias")

    def call(self, inputs):
        return ops.sum(inputs, axis=1) + ops.cast(self.bias, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])


def conv1d_block(
    x,
    filters: int,
    width: int,
    *,
    activation: str | None = "relu",
    trainable: bool = True,
    name: str | None = None,
):
    """Convolution over time and its activation: each filter detects one feature in windows of ``width``.

    Args:
        x: ``(batch, T, channels)``.
        filters: number of features.
        width: positions a filter sees.
        activation: any of Keras, or None.
        trainable: False to leave the filters as they are set.
        name: of the layer.

    Returns:
        ``(batch, T, filters)``.
    """
    return layers.Conv1D(
        filters, width, padding="same", activation=activation, trainable=trainable, name=name
    )(x)


def pyramid_block(x, filters: int, *, name: str):
    """Halve the length, then two pre-activated convolutions of width 3 added to a shortcut.

    Args:
        x: ``(batch, T, filters)``.
        filters: number of features, the same at every height, so that each block costs half the one below.
        name: stem of the names of the layers.

    Returns:
        ``(batch, ceil(T / 2), filters)``.

    Reference:
        Johnson and Zhang, "Deep pyramid convolutional neural networks for text categorization", ACL 2017,
        figure 1a.
    """
    x = layers.MaxPooling1D(3, strides=2, padding="same", name=f"{name}_pool")(x)
    branch = x
    for number in (1, 2):
        branch = layers.Activation("relu", name=f"{name}_relu{number}")(branch)
        branch = conv1d_block(branch, filters, 3, activation=None, name=f"{name}_conv{number}")
    return layers.Add(name=f"{name}_sum")([x, branch])
