"""Receptive fields against the support of a gradient."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from apps.digits.models import cnn, lenet
from common.layers import residual_block
from common.receptive_fields import receptive_fields, stages


def strided():
    x = inputs = layers.Input((23, 20, 2))
    x = layers.Conv2D(3, (5, 3), strides=(2, 1), padding="same", name="first")(x)
    x = layers.Conv2D(3, 3, dilation_rate=2, padding="valid", name="dilated")(x)
    x = layers.AveragePooling2D(3, strides=2, padding="same", name="pooled")(x)
    return keras.Model(inputs, layers.Conv2D(2, 2, padding="same", name="last")(x))


def shifted():
    x = inputs = layers.Input((16, 16, 1))
    x = layers.ZeroPadding2D(((3, 0), (1, 2)), name="padded")(x)
    x = layers.Conv2D(2, 4, strides=3, name="conv")(x)
    return keras.Model(inputs, layers.Cropping2D(1, name="cropped")(x))


def residual():
    x = inputs = layers.Input((18, 18, 1))
    x = layers.Conv2D(4, 3, padding="same", name="stem")(x)
    x = residual_block(x, 4, name="plain")
    return keras.Model(inputs, residual_block(x, 6, stride=2, name="down"))


def gated():
    x = inputs = layers.Input((16, 16, 1))
    x = layers.MaxPooling2D(2)(x)
    return keras.Model(inputs, residual_block(x, 4, squeeze=0.5, name="block"))


def separable():
    x = inputs = layers.Input((14, 14, 2))
    x = layers.DepthwiseConv2D(3, strides=2, padding="same", name="depthwise")(x)
    return keras.Model(inputs, layers.SeparableConv2D(3, 5, name="separable")(x))


def gradient_support(model, layer: str, row: int, column: int) -> np.ndarray:
    """Return which pixels move unit (row, column) of a layer, over random pictures and positive weights."""
    probe = keras.Model(model.inputs, model.get_layer(layer).output)
    for weight in probe.weights:  # Small enough to saturate no sigmoid.
        weight.assign(np.abs(weight.numpy()) * 0.2 + 0.01)
    shape = (192, *model.inputs[0].shape[1:])
    images = tf.constant(np.random.default_rng(0).uniform(0.1, 1, shape), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(images)
        maps = probe(images, training=False)
        unit = maps[:, row, column] if len(maps.shape) == 4 else maps
        score = tf.reduce_sum(unit)
    return np.abs(tape.gradient(score, images).numpy()).max(axis=(0, 3)) > 0


def extent(support: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(support.any(axis=1)), np.flatnonzero(support.any(axis=0))
    return rows[0], columns[0], rows[-1] + 1, columns[-1] + 1


@pytest.mark.parametrize(
    "build",
    [
        strided,
        shifted,
        residual,
        gated,
        separable,
        lambda: lenet((28, 28, 1), 10, filters=(4, 5), units=6),
        lambda: lenet((28, 28, 1), 10, filters=(4, 5), units=6, fully_connected="convolution"),
        lambda: cnn((28, 28, 1), 10, width=4),
    ],
    ids=["strided", "shifted", "residual", "gated", "separable", "lenet", "lenet_convolution", "cnn"],
)
def test_receptive_field_is_the_support_of_the_gradient(build):
    model = build()
    height, width = model.inputs[0].shape[1:3]
    fields = receptive_fields(model)
    assert [field.layer for field in fields] == [layer.name for layer in model.layers[1:]]
    for field in fields:
        if field.layer.endswith(("_norm", "_relu", "padded")):  # Units in a frame of zeros see nothing.
            continue
        rows, columns, _ = field.map_shape
        for row, column in {(0, 0), (rows // 2, columns // 2), (rows - 1, columns - 1)}:
            top, left, bottom, right = field.window(row, column)
            expected = max(top, 0), max(left, 0), min(bottom, height), min(right, width)
            assert extent(gradient_support(model, field.layer, row, column)) == expected, (field, row, column)


def test_receptive_fields_of_lenet_are_the_textbook_ones():
    fields = {f.layer: f for f in receptive_fields(lenet((28, 28, 1), 10))}
    assert fields["maps1"].map_shape == (24, 24, 20)
    assert (fields["maps1"].size, fields["maps1"].stride) == ((5, 5), (1, 1))
    assert (fields["maps2"].size, fields["maps2"].stride) == ((14, 14), (2, 2))
    assert fields["full"].size == (28, 28) and fields["full"].map_shape == (1, 1, 500)
    assert fields["maps1"].window(3, 7) == (3, 7, 8, 12)


def test_receptive_fields_refuse_what_they_have_no_rule_for():
    x = inputs = layers.Input((8, 8, 1))
    with pytest.raises(ValueError, match="'enlarged'"):
        receptive_fields(keras.Model(inputs, layers.UpSampling2D(name="enlarged")(x)))
    with pytest.raises(ValueError, match="'transposed'"):
        transposed = layers.Conv2DTranspose(2, 3, strides=2, name="transposed")(x)
        receptive_fields(keras.Model(inputs, transposed))
    with pytest.raises(ValueError, match="fixed input size"):
        free = layers.Input((None, None, 1))
        receptive_fields(keras.Model(free, layers.Conv2D(2, 3)(free)))
    with pytest.raises(ValueError, match=r"strides \[1, 2\]"):
        uneven = layers.Add()([layers.Conv2D(1, 1, strides=2)(x), layers.Conv2D(1, 5)(x)])
        receptive_fields(keras.Model(inputs, uneven))


def test_stages_are_the_last_layers_of_each_size():
    found = stages(receptive_fields(cnn((28, 28, 1), 10, width=4)))
    assert [field.map_shape[0] for field in found] == [28, 14, 14, 7, 7]
    assert all(field.map_shape[:2] != (1, 1) for field in found)
