"""Every network of the digits app: shapes, gradients, and the sizes the lecture gives."""

from inspect import signature

import keras
import numpy as np
import pytest

from apps.digits.models import NETWORKS, lenet, mlp
from apps.digits.options import NETWORK_OPTIONS
from common.layers import dense_as_conv


@pytest.mark.parametrize("name", NETWORKS.names())
@pytest.mark.parametrize("shape,classes", [((28, 28, 1), 10), ((28, 28, 1), 26)])
def test_every_network_maps_pictures_to_scores(name, shape, classes):
    network = NETWORKS.get(name)(shape, classes)
    scores = network(np.random.default_rng(0).random((3, *shape)).astype("float32"))
    assert scores.shape == (3, classes) and np.isfinite(scores).all()
    again = keras.Model.from_config(network.get_config())
    again.set_weights(network.get_weights())
    np.testing.assert_allclose(again(np.ones((1, *shape))), network(np.ones((1, *shape))), atol=1e-5)


@pytest.mark.parametrize("name", ["mlp", "lenet", "cnn"])
def test_every_weight_gets_a_gradient(name):
    import tensorflow as tf

    network = NETWORKS.get(name)((28, 28, 1), 10)
    x = np.random.default_rng(1).random((4, 28, 28, 1)).astype("float32")
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(network(x, training=True) ** 2)
    for weight, gradient in zip(
        network.trainable_weights, tape.gradient(value, network.trainable_weights), strict=True
    ):
        assert gradient is not None and float(tf.reduce_max(tf.abs(gradient))) > 0, weight.path


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("pooling", ["max", "average"])
def test_lenet_has_the_sizes_of_the_lecture(activation, pooling):
    network = lenet((28, 28, 1), 10, activation=activation, pooling=pooling)
    shapes = [layer.output.shape[1:3] for layer in network.layers if len(layer.output.shape) == 4]
    assert list(dict.fromkeys(shapes)) == [(28, 28), (24, 24), (12, 12), (8, 8), (4, 4)]
    kernel = network.get_layer("maps1").kernel
    assert kernel.shape == (5, 5, 1, 20)


def test_lenet_with_dense_and_with_convolution_give_the_same_numbers():
    dense, conv = (lenet((28, 28, 1), 10, fully_connected=kind) for kind in ("dense", "convolution"))
    for name in ("maps1", "maps2"):
        conv.get_layer(name).set_weights(dense.get_layer(name).get_weights())
    full, scores = dense.get_layer("full"), dense.get_layer("scores")
    conv.get_layer("full").set_weights(dense_as_conv(full, (4, 4, 50)).get_weights())
    conv.get_layer("scores_conv").set_weights(dense_as_conv(scores, (1, 1, 500)).get_weights())
    x = np.random.default_rng(2).random((5, 28, 28, 1)).astype("float32")
    np.testing.assert_allclose(conv(x), dense(x), atol=1e-5)


def test_the_light_table_of_options_agrees_with_the_functions():
    assert NETWORK_OPTIONS.names() == NETWORKS.names()
    for name in NETWORKS.names():
        assert NETWORK_OPTIONS.get(name) == tuple(signature(NETWORKS.get(name)).parameters)[2:]


def test_mlp_has_one_to_three_hidden_layers():
    assert [w.shape for w in mlp((28, 28, 1), 10, hidden=(5, 6, 7)).weights[::2]] == [
        (784, 5),
        (5, 6),
        (6, 7),
        (7, 10),
    ]
    for hidden in ((), (1, 2, 3, 4)):
        with pytest.raises(ValueError, match="1 to 3"):
            mlp((28, 28, 1), 10, hidden=hidden)
