"""The networks for digits, from Rosenblatt's unit to the one that ships.

Every function returns a ``keras.Model`` from images ``(batch, height, width, 1)`` in [0, 1], bright
strokes on black, to one raw score (logit) a class ``(batch, classes)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import keras
from keras import layers

from common.layers import Perceptron, conv_block, global_pool, pool, residual_block
from common.registry import Registry

__all__ = ["NETWORKS", "cnn", "lenet", "mlp", "perceptron"]

NETWORKS = Registry[Callable[..., keras.Model]]("network")


@NETWORKS.named("perceptron")
def perceptron(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """One step unit a class, each asking "is it mine or not?" of all the pixels.

    Trained by ``common.layers.perceptron.train_perceptron``, not by gradients.

    Reference:
        Rosenblatt, "The perceptron", Psychological Review 65(6), 1958.
    """
    inputs = layers.Input(input_shape)
    outputs = Perceptron(classes, name="units")(layers.Flatten()(inputs))
    return keras.Model(inputs, outputs, name="perceptron")


@NETWORKS.named("mlp")
def mlp(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    hidden: Sequence[int] = (300, 100),
    activation: str = "relu",
) -> keras.Model:
    """Fully connected layers only; 300-100 as in LeCun et al. 1998, section III.C.4.

    Raises:
        ValueError: not 1 to 3 hidden layers.
    """
    if not 1 <= len(hidden) <= 3:
        raise ValueError(f"hidden must name 1 to 3 layers, received hidden={tuple(hidden)}")
    inputs = layers.Input(input_shape)
    x = layers.Flatten()(inputs)
    for number, units in enumerate(hidden, start=1):
        x = layers.Dense(units, activation=activation, name=f"hidden{number}")(x)
    return keras.Model(inputs, _scores(x, classes), name="mlp")


@NETWORKS.named("lenet")
def lenet(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    activation: Literal["sigmoid", "tanh", "relu"] = "relu",
    pooling: Literal["max", "average"] = "max",
    fully_connected: Literal["dense", "convolution"] = "dense",
    filters: tuple[int, int] = (20, 50),
    units: int = 500,
) -> keras.Model:
    """28×28 → 20 maps of 24×24 → 12×12 → 50 maps of 8×8 → 4×4 → 500 units → classes.

    5×5 local receptive fields with shared weights, each layer followed by pooling; then a fully
    connected layer, as ``Dense`` or as the convolution that is the same thing: a kernel as large as
    the map it looks at (``common.layers.dense_as_conv``).

    Reference:
        LeCun et al., "Gradient-based learning applied to document recognition", 1998, section II.B.
    """
    inputs = x = layers.Input(input_shape)
    for number, count in enumerate(filters, start=1):
        kernel = min(5, x.shape[1] - 1)
        x = conv_block(
            x, count, kernel, padding="valid", norm=False, activation=activation, name=f"maps{number}"
        )
        x = pool(x, pooling)
    if fully_connected == "convolution":
        x = conv_block(x, units, x.shape[1], padding="valid", norm=False, activation=activation, name="full")
        x = conv_block(x, classes, 1, norm=False, activation=None, name="scores_conv")
        outputs = layers.Activation("linear", dtype="float32", name="scores")(layers.Flatten()(x))
    else:
        x = layers.Dense(units, activation=activation, name="full")(layers.Flatten()(x))
        outputs = _scores(x, classes)
    return keras.Model(inputs, outputs, name="lenet")


@NETWORKS.named("cnn")
def cnn(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    width: int = 32,
    drop_rate: float = 0.0,
) -> keras.Model:
    """The default: a 5×5 stem and three residual blocks at half and quarter size, max-pooled.

    Most of the arithmetic is spent at 14×14 and 7×7 on many channels, where a CPU reaches its peak
    rate; the full-size layer has one input channel and costs next to nothing.  Width 32: 0.37 million
    weights, 27 million multiply-adds a picture.
    """
    inputs = layers.Input(input_shape)
    x = conv_block(inputs, width, 5, name="stem")
    x = pool(x, "max", padding="same")
    x = residual_block(x, 2 * width, drop_rate=drop_rate, name="half")
    x = pool(x, "max", padding="same")
    x = residual_block(x, 3 * width, drop_rate=drop_rate, name="quarter1")
    x = residual_block(x, 3 * width, drop_rate=drop_rate, name="quarter2")
    x = global_pool(x, "max")
    return keras.Model(inputs, _scores(layers.Dropout(0.25)(x), classes), name="cnn")


def _scores(x, classes: int):
    """Return the last layer: raw scores, float32 whatever the policy."""
    return layers.Dense(classes, dtype="float32", name="scores")(x)
