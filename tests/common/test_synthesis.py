"""Statistics and the optimisation that makes pictures share them."""

from __future__ import annotations

from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

from common.features import FeatureExtractor, folded
from common.layers import vgg_stages
from common.synthesis import (
    Matching,
    Place,
    Scales,
    Stage,
    Statistics,
    coarse_to_fine,
    colour_directions,
    optimize,
    resized,
    scales_of,
)
from tests.common.test_features import write_features

DRAW = np.random.default_rng(3)
STRIPES = np.tile(np.array([[0.9, 0.2, 0.1], [0.1, 0.3, 0.8]], np.float32), (40, 20, 1))
DRAWN = DRAW.random((16, 20, 3), np.float32)
NOISE = DRAW.random((36, 44, 3), np.float32)


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    keras.utils.set_random_seed(0)
    picture = keras.Input((None, None, 3))
    network = keras.Model(picture, list(vgg_stages(picture, filters=4, stages=2).values()))
    folder = write_features(
        tmp_path_factory.mktemp("f") / "f", folded(network, DRAW.random((4, 32, 32, 3), np.float32))
    )
    return FeatureExtractor(folder)


def loss_of(statistics, picture, regions=None, seed=0):
    masks = statistics.masks(picture.shape, regions)
    return float(statistics.loss(tf.constant(picture[None]), tf.constant([seed, 1]), masks=masks))


@pytest.mark.parametrize("method", ["wasserstein", "gram"])
def test_a_picture_is_like_itself_and_unlike_others(features, method):
    statistics = Statistics(features, [STRIPES], Matching(method))
    assert loss_of(statistics, STRIPES) == pytest.approx(0, abs=1e-6)
    assert loss_of(statistics, NOISE) > 0.05
    # Places do not count, what stands there does: the same stripes moved by a whole period.
    assert loss_of(statistics, np.roll(STRIPES, 2, axis=1)) < 0.1 * loss_of(statistics, NOISE)


def test_sliced_distance_of_shifted_normals_is_the_squared_shift(features):
    """Along a direction two distributions that differ by a shift differ by its part there, a fifth of five features."""
    statistics = Statistics(features, [NOISE], Matching(directions=256, places=10_000))
    wanted = tf.constant(DRAW.normal(size=(3_000, 5)).astype(np.float32))
    shift = np.array([1.0, -2.0, 0.5, 0.0, 0.0], np.float32)
    found = float(statistics._sliced(wanted + shift, tf.range(3_000), wanted, tf.constant([1, 2])))
    assert found == pytest.approx(float((shift**2).sum()) / 5, rel=0.25)


def test_a_mixture_is_like_both(features):
    both = Statistics(features, [STRIPES, NOISE], Matching())
    half = np.concatenate([STRIPES[:36, :22], NOISE[:, :22]], axis=1)
    assert loss_of(both, half) < 0.3 * min(loss_of(both, STRIPES), loss_of(both, NOISE))


def test_regions_are_compared_each_with_its_own(features):
    labels = [np.zeros(STRIPES.shape[:2], int), np.ones(NOISE.shape[:2], int)]
    guided = Statistics(features, [STRIPES, NOISE], Matching(), labels, 2)
    picture = np.concatenate([STRIPES[:36], NOISE[:, :40]], axis=1)
    regions = np.repeat([[0, 1]], 36, axis=0).repeat(40, axis=1)
    assert loss_of(guided, picture, regions) < 0.3 * loss_of(guided, picture, 1 - regions)


def test_gradients_reach_every_pixel(features):
    statistics = Statistics(features, [STRIPES], Matching())
    picture = tf.constant(NOISE[None])
    with tf.GradientTape() as tape:
        tape.watch(picture)
        value = statistics.loss(picture, tf.constant([0, 0]), masks=statistics.masks(NOISE.shape, None))
    assert (np.abs(tape.gradient(value, picture)).max(axis=-1) > 0).mean() > 0.95


def test_optimisation_finds_a_minimum_keeps_what_is_kept_and_repeats():
    goal = np.full((8, 9, 3), 0.25, np.float32)
    free = np.zeros((8, 9), bool)
    free[2:5] = True
    start = DRAW.random((8, 9, 3), np.float32)

    def loss(picture, seed, *, goal):
        return tf.reduce_sum((picture - goal) ** 2)

    seen = []
    run = partial(
        optimize, start, partial(loss, goal=goal), 200, progress=lambda step, value: seen.append(value)
    )
    assert run().picture == pytest.approx(goal, abs=0.01) and seen[-1] < 1e-2 < seen[0]
    part = run(free=free).picture
    np.testing.assert_array_equal(part[~free], start[~free])
    assert part[free] == pytest.approx(goal[free], abs=0.01)
    np.testing.assert_array_equal(run().picture, run().picture)


def test_a_stop_gives_the_picture_so_far_and_can_be_gone_on_from():
    goal = np.full((16, 12, 3), 0.25, np.float32)
    scales, sizes, shares = Scales((0.5, 1.0), (4, 6)), [], []

    def stage(factor, shape, picture):
        sizes.append(shape)
        start = np.ones((*shape, 3), np.float32) if picture is None else picture

        # As long as it is steep in one direction and flat in another, it takes many steps.
        steep = tf.constant(np.logspace(0, 4, start.size).reshape(1, *start.shape), tf.float32)
        return Stage(start, lambda picture, seed: tf.reduce_sum(steep * (picture - 0.25) ** 2))

    def stop(share, loss):
        shares.append(share)
        if len(shares) == 7:
            raise KeyboardInterrupt

    stopped = coarse_to_fine(scales, (16, 12), stage, progress=stop)
    assert stopped.stopped == Place(1, 3) and stopped.picture.shape == goal.shape
    assert shares == pytest.approx([1 / 28, 2 / 28, 3 / 28, 4 / 28, 8 / 28, 12 / 28, 16 / 28])
    sizes.clear()
    later = []
    rest = coarse_to_fine(
        scales, (16, 12), stage, begin=stopped.stopped, start=stopped.picture,
        progress=lambda share, loss: later.append(share),
    )  # fmt: skip
    assert sizes == [(16, 12)] and len(later) == 3 and later[-1] == 1 and rest.stopped is None
    early = coarse_to_fine(
        scales, (16, 12), stage, progress=lambda share, loss: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    assert early.stopped == Place(0, 1) and early.picture.shape == goal.shape


def test_on_a_torus_a_picture_grows_around_its_edges():
    """A picture that is only made larger is the same moved, where it goes on at its edges; else the edge is seen."""
    scales = Scales((0.5, 1.0), (0, 0))
    grown = {}
    for torus in (False, True):
        for moved in (0, 4):
            start = np.roll(DRAWN, moved, axis=(0, 1))

            def stage(factor, shape, picture, start=start):
                small = start if picture is None else picture
                return Stage(small, lambda picture, seed: tf.reduce_sum(picture))

            grown[torus, moved] = coarse_to_fine(scales, (32, 40), stage, torus=torus).picture
    gap = {
        torus: np.abs(np.roll(grown[torus, 0], 8, axis=(0, 1)) - grown[torus, 4]).max()
        for torus in (False, True)
    }
    assert gap[True] < 0.01 < 0.05 < gap[False]


def test_colours_change_as_those_of_the_examples_do():
    grey = DRAW.random((12, 12, 1), np.float32).repeat(3, axis=2)
    assert colour_directions([grey]).shape == (3, 3)

    def redder(picture, seed):
        return tf.reduce_mean((picture - tf.constant([0.9, 0.4, 0.2])) ** 2)

    made = optimize(grey, redder, 30, colours=colour_directions([grey])).picture
    np.testing.assert_allclose(made, made[..., :1].repeat(3, axis=2), atol=1e-5)
    assert made.mean() == pytest.approx(0.5, abs=0.01)  # the nearest grey
    both = colour_directions([grey, STRIPES])
    across = both @ both.T
    np.testing.assert_allclose(across - np.diag(np.diag(across)), 0, atol=1e-6)
    assert np.diag(across).max() == pytest.approx(1)
    assert optimize(grey, redder, 60, colours=both).loss < 0.01


def test_scales_and_sizes():
    scales = scales_of(256, coarsest=64, steps=10)
    assert list(scales) == [(0.25, 10), (0.5, 10), (1.0, 10)]
    assert list(scales_of(40)) == [(1.0, 200)]
    assert resized(NOISE, 0.5).shape == (18, 22, 3) and resized(NOISE, 1.0) is NOISE
