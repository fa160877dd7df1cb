"""Values behind a floor, against scipy and drawn samples."""

import keras
import numpy as np
from scipy.stats import norm

from common.layers import ExpectedAboveFloor, LearnedSpread


def test_the_mean_above_a_floor_is_that_of_drawn_values():
    draw = np.random.default_rng(0)
    means, spread = np.array([-40.0, 3.0, 4.9, 5.0, 5.4, 9.0, 60.0]), 0.7
    given = np.stack([means, np.full(7, np.log(spread))], axis=1).astype(np.float32)
    found = np.asarray(ExpectedAboveFloor(5.0)(given))[:, 0]
    samples = np.maximum(5.0, means[:, None] + spread * draw.normal(size=(7, 400_000)))
    np.testing.assert_allclose(found, samples.mean(axis=1), atol=4e-3)
    z = (means - 5) / spread
    np.testing.assert_allclose(found, 5 + spread * (z * norm.cdf(z) + norm.pdf(z)), atol=2e-6, rtol=1e-6)


def test_one_spread_stands_beside_every_mean_and_is_trained():
    means = np.random.default_rng(1).normal(size=(5, 1)).astype(np.float32)
    layer = LearnedSpread(0.25)
    both = np.asarray(layer(means))
    np.testing.assert_array_equal(both[:, :1], means)
    np.testing.assert_allclose(both[:, 1], np.log(0.25), rtol=1e-6)
    assert len(layer.trainable_weights) == 1
    again = LearnedSpread.from_config(layer.get_config())
    assert again.first == 0.25 and keras.saving.get_registered_name(LearnedSpread) == "cnnapps>LearnedSpread"
