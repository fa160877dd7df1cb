"""Receptive fields against the support of a gradient; heat maps against cases with a known answer."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from apps.digits.models import NETWORKS, cnn, lenet
from common import explain
from common.layers import conv_block, residual_block


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
    fields = explain.receptive_fields(model)
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
    fields = {f.layer: f for f in explain.receptive_fields(lenet((28, 28, 1), 10))}
    assert fields["maps1"].map_shape == (24, 24, 20)
    assert (fields["maps1"].size, fields["maps1"].stride) == ((5, 5), (1, 1))
    assert (fields["maps2"].size, fields["maps2"].stride) == ((14, 14), (2, 2))
    assert fields["full"].size == (28, 28) and fields["full"].map_shape == (1, 1, 500)
    assert fields["maps1"].window(3, 7) == (3, 7, 8, 12)


def test_receptive_fields_refuse_what_they_have_no_rule_for():
    x = inputs = layers.Input((8, 8, 1))
    with pytest.raises(ValueError, match="'enlarged'"):
        explain.receptive_fields(keras.Model(inputs, layers.UpSampling2D(name="enlarged")(x)))
    with pytest.raises(ValueError, match="'transposed'"):
        transposed = layers.Conv2DTranspose(2, 3, strides=2, name="transposed")(x)
        explain.receptive_fields(keras.Model(inputs, transposed))
    with pytest.raises(ValueError, match="fixed input size"):
        free = layers.Input((None, None, 1))
        explain.receptive_fields(keras.Model(free, layers.Conv2D(2, 3)(free)))
    with pytest.raises(ValueError, match=r"strides \[1, 2\]"):
        uneven = layers.Add()([layers.Conv2D(1, 1, strides=2)(x), layers.Conv2D(1, 5)(x)])
        explain.receptive_fields(keras.Model(inputs, uneven))


def test_saliency_of_a_linear_network_is_its_weights():
    inputs = layers.Input((4, 5, 3))
    model = keras.Model(inputs, layers.Dense(2, use_bias=False)(layers.Flatten()(inputs)))
    weights = model.get_weights()[0].reshape(4, 5, 3, 2)
    heat = explain.saliency(model, np.zeros((4, 5, 3), np.float32), 1)
    np.testing.assert_allclose(heat, np.abs(weights[..., 1]).max(axis=-1), rtol=1e-6)


def test_saliency_is_the_finite_difference():
    keras.utils.set_random_seed(1)
    x = inputs = layers.Input((6, 6, 1))
    x = conv_block(x, 3, activation="tanh", name="conv")
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))
    image = np.random.default_rng(2).random((6, 6, 1), np.float32)
    heat = explain.saliency(model, image, 0)
    step = 1e-2
    for row, column in [(0, 0), (2, 3), (5, 5)]:
        ahead, behind = image.copy(), image.copy()
        ahead[row, column] += step
        behind[row, column] -= step
        scores = model(np.stack([ahead, behind]), training=False).numpy()[:, 0]
        assert heat[row, column] == pytest.approx(abs(scores[0] - scores[1]) / (2 * step), rel=1e-2)


def test_grad_cam_equals_the_class_activation_map_of_a_globally_averaged_network():
    # Selvaraju et al. 2017, section 3.1: on such networks Grad-CAM generalises CAM (Zhou et al. 2016).
    keras.utils.set_random_seed(3)
    x = inputs = layers.Input((12, 12, 1))
    x = layers.Conv2D(5, 3, activation="relu", padding="same", name="maps")(x)
    model = keras.Model(inputs, layers.Dense(3, name="scores")(layers.GlobalAveragePooling2D()(x)))
    image = np.random.default_rng(4).random((12, 12, 1), np.float32)
    maps = explain.feature_maps(model, image)["maps"]
    weights = model.get_layer("scores").get_weights()[0]
    for target in range(3):
        cam = np.maximum(maps @ weights[:, target], 0)
        cam = cam / cam.max() if cam.max() > 0 else cam
        np.testing.assert_allclose(explain.grad_cam(model, image, target), cam, atol=1e-5)


def test_grad_cam_weights_are_the_mean_gradients_of_the_maps():
    keras.utils.set_random_seed(8)
    x = inputs = layers.Input((10, 10, 1))
    x = layers.Conv2D(4, 3, activation="relu", padding="same", name="maps")(x)
    model = keras.Model(inputs, layers.Dense(2, name="scores")(layers.Flatten()(x)))
    image = np.random.default_rng(9).random((10, 10, 1), np.float32)
    drawn = 0
    # The score is linear in the maps, so its gradient is the dense kernel itself.
    gradient = model.get_layer("scores").get_weights()[0].reshape(10, 10, 4, 2)
    maps = explain.feature_maps(model, image)["maps"]
    for target in range(2):
        heat = np.maximum(maps @ gradient[..., target].mean(axis=(0, 1)), 0)
        drawn += heat.any()
        np.testing.assert_allclose(
            explain.grad_cam(model, image, target), heat / (heat.max() or 1.0), atol=1e-5
        )
    assert drawn


def test_grad_cam_of_small_maps_is_enlarged_and_stays_in_0_to_1():
    model = lenet((28, 28, 1), 10, filters=(4, 5), units=6, fully_connected="convolution")
    image = np.random.default_rng(5).random((28, 28, 1), np.float32)
    for target in range(10):
        heat = explain.grad_cam(model, image, target)
        assert heat.shape == (28, 28) and heat.min() >= 0 and heat.max() <= 1
    np.testing.assert_array_equal(
        explain.grad_cam(model, image, 2), explain.grad_cam(model, image, 2, model.layers[6].name)
    )
    assert explain.feature_maps(model, image)[model.layers[6].name].shape == (4, 4, 5)


def test_grad_cam_names_the_layers_it_could_use():
    model = lenet((28, 28, 1), 10, filters=(4, 5), units=6)
    with pytest.raises(ValueError, match="maps1.*received 'full'"):
        explain.grad_cam(model, np.zeros((28, 28, 1), np.float32), 0, "full")
    with pytest.raises(ValueError, match="mlp has no feature maps"):
        explain.grad_cam(NETWORKS.get("mlp")((28, 28, 1), 10), np.zeros((28, 28, 1), np.float32), 0)


@pytest.mark.parametrize(("patch", "stride", "batch"), [(3, 2, 4), (4, 4, 256), (1, 1, 7)])
def test_occlusion_of_a_linear_score_is_the_mean_of_the_covered_sums(patch, stride, batch):
    rng = np.random.default_rng(6)
    image, weights = rng.random((9, 8, 1), np.float32), rng.normal(size=(9, 8, 1))
    sizes = []

    def predict(images):
        sizes.append(len(images))
        return np.stack([np.zeros(len(images)), (images * weights).sum(axis=(1, 2, 3))], axis=1)

    heat = explain.occlusion(predict, image, 1, patch, stride, batch=batch)
    sums = np.full((9, 8, 400), np.nan)
    for index, (y, x) in enumerate(
        (y, x)
        for y in range(10 - patch)
        for x in range(9 - patch)
        if (y % stride == 0 or y == 9 - patch) and (x % stride == 0 or x == 8 - patch)
    ):
        square = np.s_[y : y + patch, x : x + patch]
        sums[(*square, index)] = (image * weights)[square].sum()
    np.testing.assert_allclose(heat, np.nanmean(sums, axis=-1), atol=1e-5)
    assert max(sizes) <= batch and not explain.occlusion(predict, image, 0, patch, stride).any()


def test_occlusion_refuses_squares_that_do_not_cover_the_picture():
    for patch, stride in [(9, 1), (2, 3), (2, 0)]:
        with pytest.raises(ValueError, match="expected 1 <= stride <= patch <= 8"):
            explain.occlusion(lambda images: images, np.zeros((8, 8, 1)), 0, patch, stride)


def test_feature_maps_and_kernels_have_the_shapes_and_numbers_of_the_layers():
    model = lenet((28, 28, 1), 10, filters=(4, 5), units=6)
    image = np.random.default_rng(7).random((28, 28, 1), np.float32)
    maps, weights = explain.feature_maps(model, image), explain.kernels(model)
    assert {name: kernel.shape for name, kernel in weights.items()} == {
        "maps1": (5, 5, 1, 4),
        "maps2": (5, 5, 4, 5),
    }
    window = image[2:7, 3:8, 0]
    expected = (window[..., None] * weights["maps1"][:, :, 0]).sum(axis=(0, 1))
    np.testing.assert_allclose(maps["maps1"][2, 3], expected, rtol=1e-4, atol=1e-5)
    assert [m.shape[:2] for m in maps.values()] == [(24, 24), (24, 24), (12, 12), (8, 8), (8, 8), (4, 4)]
    assert explain.feature_maps(NETWORKS.get("mlp")((28, 28, 1), 10), image) == {}
