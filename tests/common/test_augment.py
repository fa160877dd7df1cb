"""Augmentation: same seed same pictures, the identity, and boxes that stay on their objects."""

import cv2
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from common.data.augment import Augmentation, Geometry, blur, cutmix, cutout, mixup, resample, transform_boxes

IMAGES = tf.constant(np.random.default_rng(0).random((8, 28, 24, 1)).astype("float32"))
TARGETS = tf.one_hot(tf.range(8), 8)
ALL = Augmentation(
    Geometry(0.1, 15, 0.2, 0.2, 1.0), cutout=0.3, mixup=0.4, cutmix=0.5, stroke=0.3, blur=1.0, noise=0.1
)


def test_nothing_asked_for_nothing_done():
    images, targets = Augmentation()(IMAGES, TARGETS, (0, 0))
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(targets, TARGETS)


def test_same_seed_same_pictures_other_seed_others():
    first, again, other = (ALL(IMAGES, TARGETS, seed)[0] for seed in ((3, 5), (3, 5), (3, 6)))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


def test_identity_grid_returns_the_picture():
    still = Geometry().grid(8, 28, 24, (0, 0))
    np.testing.assert_allclose(resample(IMAGES, still), IMAGES, atol=1e-5)


def test_resampling_agrees_with_opencv():
    positions = Geometry(0.1, 20, 0.3, 0.2, 1.0).grid(8, 28, 24, (1, 2)).numpy()
    ours = resample(IMAGES, positions).numpy()
    for index in range(8):
        theirs = cv2.remap(
            IMAGES[index, ..., 0].numpy(), positions[index, ..., 0], positions[index, ..., 1],
            cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT,
        )  # fmt: skip
        np.testing.assert_allclose(ours[index, ..., 0], theirs, atol=0.04)  # OpenCV rounds to 1/32 pixel


@settings(max_examples=25, deadline=None)
@given(
    st.floats(0, 0.15), st.floats(0, 30), st.floats(0, 0.3), st.floats(0, 0.3), st.integers(0, 10_000),
    st.floats(0.3, 0.7), st.floats(0.3, 0.7),
)  # fmt: skip
def test_a_box_stays_on_its_object(shift, rotate, scale, shear, seed, x, y):
    geometry = Geometry(shift, rotate, scale, shear)
    images = np.zeros((1, 96, 96, 1), "float32")
    left, top = int((x - 0.08) * 96), int((y - 0.08) * 96)
    images[0, top : top + 16, left : left + 16] = 1
    box = np.array([[[left, top, left + 16, top + 16]]], "float32") / 96
    moved = resample(tf.constant(images), geometry.grid(1, 96, 96, (seed, 1)))[0, ..., 0].numpy()
    found = transform_boxes(tf.constant(box), geometry.matrices(1, (seed, 1)))[0, 0].numpy() * 96
    rows, columns = np.where(moved > 0.5)
    if len(rows) == 0:
        return
    inside = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    np.testing.assert_allclose(found, inside, atol=1.6)


def test_each_picture_is_blurred_by_its_own_gaussian():
    deviations = np.array([0, 0.3, 0.5, 0.8, 1.0, 1.1, 1.2, 0.0], "float32")
    ours = blur(IMAGES, tf.constant(deviations)).numpy()
    np.testing.assert_allclose(ours[[0, 7]], IMAGES.numpy()[[0, 7]], atol=1e-6)
    for index in range(1, 7):
        theirs = cv2.GaussianBlur(
            IMAGES[index, ..., 0].numpy(), (7, 7), float(deviations[index]), borderType=cv2.BORDER_CONSTANT
        )
        np.testing.assert_allclose(ours[index, ..., 0], theirs, atol=1e-5)


def test_cutout_erases_a_square_of_that_size_at_most():
    out = cutout(tf.ones((50, 20, 20, 1)), 0.5, (0, 1)).numpy()
    erased = (out == 0).sum(axis=(1, 2, 3))
    assert erased.max() == 100 and 0 < erased.min() <= 100


@pytest.mark.parametrize("mix", [mixup, cutmix])
def test_mixed_targets_are_the_shares_of_the_pictures(mix):
    images = tf.reshape(tf.cast(tf.range(8), tf.float32), (8, 1, 1, 1)) * tf.ones((8, 32, 32, 1))
    mixed, targets = mix(images, TARGETS, 1.0, (4, 2))
    np.testing.assert_allclose(tf.reduce_sum(targets, 1), np.ones(8), atol=1e-5)
    expected = (targets.numpy() * np.arange(8)).sum(axis=1)
    np.testing.assert_allclose(tf.reduce_mean(mixed, (1, 2, 3)), expected, atol=1e-3)
