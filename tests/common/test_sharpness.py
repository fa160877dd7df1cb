"""Sharpness-aware steps against the algorithm written out."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from common.data.datasets import Split
from common.data.stream import TrainingStream
from common.sharpness import SharpnessAware
from common.training import Recipe, fit


def linear():
    inputs = keras.Input((3,))
    return keras.Model(inputs, keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")(inputs))


def test_a_step_descends_along_the_gradient_found_at_the_top_of_the_climb():
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(8, 3)).astype(np.float32), draw.normal(size=(8, 1)).astype(np.float32)
    network = linear()
    learner = SharpnessAware(network, radius=0.5)
    learner.compile(keras.optimizers.SGD(0.1), "mse")
    history = learner.fit(x, y, batch_size=8, epochs=1, verbose=0)

    def gradient(w):
        return 2 * x.T @ (x @ w - y) / len(x)

    w = np.ones((3, 1), np.float32)
    g = gradient(w)
    expected = w - 0.1 * gradient(w + 0.5 * g / np.linalg.norm(g))
    np.testing.assert_allclose(network.get_weights()[0], expected, rtol=1e-4)
    np.testing.assert_allclose(history.history["loss"][0], np.mean((x @ w - y) ** 2), rtol=1e-5)


def test_fit_trains_the_network_itself_and_reports_each_steps_own_loss(tmp_path):
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (64, 6, 6, 1), dtype=np.uint8)
    targets = (images.mean(axis=(1, 2, 3)) > 127).astype(np.int64)
    inputs = keras.Input((6, 6, 1))
    network = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))
    before = network.get_weights()
    recipe = Recipe(epochs=6, batch=16, rate=0.02, sharpness=0.05, average=0.0)
    seen = []
    state = fit(
        network, TrainingStream(Split(images, targets), 2, 16, 0), recipe, tmp_path,
        progress=lambda state: seen.append(state.loss),
    )  # fmt: skip
    assert np.abs(network.get_weights()[0] - before[0]).max() > 1e-3
    assert len(seen) == 24 and np.isfinite(seen).all() and min(seen) > 0
    np.testing.assert_allclose(np.mean(seen[-4:]), state.history[-1]["loss"], rtol=1e-5)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    whole = loss(tf.one_hot(targets, 2), network(images / np.float32(255)))
    assert float(whole) < seen[0]
