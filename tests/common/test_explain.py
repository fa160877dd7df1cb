"""Heat maps against cases with a known answer."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from apps.digits.models import NETWORKS, lenet
from common import explain
from common.layers import conv_block


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


def test_grad_cam_plus_plus_is_the_formula_with_derivatives_of_the_exponential_score():
    """Equation 10 with the second and third derivative of exp(score), which TensorFlow takes here itself."""
    keras.utils.set_random_seed(8)
    x = inputs = layers.Input((6, 6, 1))
    x = layers.Conv2D(3, 3, activation="relu", padding="same", name="maps")(x)
    model = keras.Model(inputs, layers.Dense(2, name="scores")(layers.Flatten()(x)))
    image = np.random.default_rng(9).random((6, 6, 1), np.float32)
    maps = explain.feature_maps(model, image)["maps"].astype("float64")
    kernel = tf.constant(model.get_layer("scores").get_weights()[0], tf.float64)
    for target in range(2):
        flat = tf.Variable(maps.reshape(-1))
        alpha, first = np.zeros(maps.size), np.zeros(maps.size)
        sums = np.broadcast_to(maps.sum(axis=(0, 1)), maps.shape).reshape(-1)
        for place in range(maps.size):
            derivatives = []
            with tf.GradientTape() as three:
                with tf.GradientTape() as two:
                    with tf.GradientTape() as one:
                        value = tf.exp(tf.reduce_sum(flat * kernel[:, target]))
                    g = one.gradient(value, flat)[place]
                h = two.gradient(g, flat)[place]
            derivatives = g.numpy(), h.numpy(), three.gradient(h, flat)[place].numpy()
            alpha[place] = derivatives[1] / (2 * derivatives[1] + sums[place] * derivatives[2])
            first[place] = derivatives[0]
        weights = (alpha * np.maximum(first, 0)).reshape(maps.shape).sum(axis=(0, 1))
        heat = np.maximum((weights * maps).sum(axis=-1), 0)
        found = explain.grad_cam_plus_plus(model, image, target)
        np.testing.assert_allclose(found, heat / heat.max(), atol=1e-4)


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
