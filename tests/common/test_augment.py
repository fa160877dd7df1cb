"""Augmentation: same seed same pictures, the identity, and boxes that stay on their objects."""

import cv2
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from common.data.augment import Augmentation, Colour, blur
from common.data.distortion import Geometry, random_window, resample, transform_boxes, translate
from common.data.mixing import cutmix, cutout, mixup

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


PHOTOS = tf.constant(np.random.default_rng(1).random((8, 12, 14, 3)).astype("float32"))


def test_a_crop_shows_a_window_of_the_asked_size_and_nothing_from_outside():
    bright = tf.ones((500, 16, 16, 1))
    geometry = Geometry(crop=0.25)
    matrices = geometry.matrices(500, (0, 1)).numpy()
    width, height = matrices[:, 0, 0], matrices[:, 1, 1]
    area, ratio = width * height, width / height
    assert area.min() > 0.249 and area.max() <= 1 and area.min() < 0.3 and area.max() > 0.95
    narrow = (width < 0.999) & (height < 0.999)
    assert ratio[narrow].min() >= 0.749 and ratio[narrow].max() <= 1.334
    for axis, side in ((0, width), (1, height)):  # the window lies inside the picture
        assert (np.abs(matrices[:, axis, 2]) + side / 2 <= 0.5 + 1e-5).all()
    inner = resample(bright, geometry.grid(500, 16, 16, (0, 1))).numpy()[:, 1:-1, 1:-1]
    np.testing.assert_allclose(inner, 1, atol=1e-5)


def test_crop_and_rotation_are_one_resampling():
    """The window of what the rotation shows: both matrices multiplied."""
    both = Geometry(rotate=20, crop=0.5).matrices(8, (3, 4)).numpy()
    turn = Geometry(rotate=20).matrices(8, (3, 4)).numpy()
    window = Geometry(crop=0.5).matrices(8, (3, 4)).numpy()
    for found, inner, outer in zip(both, turn, window, strict=True):
        expected = np.vstack([outer, [0, 0, 1]]) @ np.vstack([inner, [0, 0, 1]])
        np.testing.assert_allclose(found, expected[:2], atol=1e-6)


def test_chance_leaves_the_others_alone():
    geometry = Geometry(rotate=30, scale=0.3, shift=0.2, shear=0.2, chance=0.25)
    matrices = geometry.matrices(4000, (0, 0)).numpy()
    still = (matrices[:, :, 2] == 0).all(axis=1).mean()
    untouched = (np.abs(matrices - np.eye(2, 3)).max(axis=(1, 2)) < 1e-6).mean()
    assert still == pytest.approx(0.75, abs=0.03) and untouched == pytest.approx(0.75**4, abs=0.03)


def test_translation_mirrors_the_border_as_numpy_pads():
    shifts = np.array([[0, 2, -2, 1, 0, -1, 2, -2], [0, -2, 2, 0, 1, 1, -1, -2]], "int32")
    moved = translate(PHOTOS, tf.constant(shifts), 2).numpy()
    for image, (down, right), found in zip(PHOTOS.numpy(), shifts.T, moved, strict=True):
        padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), "reflect")
        np.testing.assert_array_equal(found, padded[2 - down : 14 - down, 2 - right : 16 - right])


def test_colours_change_as_pillow_changes_them():
    """One part at a time, with the factor read off the result, against Pillow's enhancers."""
    from PIL import Image, ImageEnhance

    pixels = np.random.default_rng(2).integers(90, 160, (1, 12, 14, 3)).astype("uint8")
    image = Image.fromarray(pixels[0])
    for part, enhancer in (
        ("brightness", ImageEnhance.Brightness),
        ("contrast", ImageEnhance.Contrast),
        ("saturation", ImageEnhance.Color),
    ):
        colour = Colour(**{part: 0.3})
        ours = colour(tf.constant(pixels / np.float32(255)), (0, 3)).numpy()[0] * 255
        errors = [
            np.abs(ours - np.asarray(enhancer(image).enhance(factor), "float32")).max()
            for factor in np.linspace(0.7, 1.3, 121)
        ]
        assert min(errors) < 1.6, part
        assert np.abs(ours - pixels).max() > 1.6, part


def test_a_turn_of_hue_keeps_greys_and_a_third_of_the_circle_swaps_channels():
    greys = tf.constant(np.linspace(0, 1, 24).reshape(1, 4, 6, 1).repeat(3, -1).astype("float32"))
    np.testing.assert_allclose(Colour(hue=0.5)(greys, (0, 1)), greys, atol=1e-5)
    turned = Colour(hue=0.5)(tf.repeat(PHOTOS[:1] * 0.2 + 0.4, 512, axis=0), (0, 2)).numpy()
    swapped = np.roll(PHOTOS[:1].numpy() * 0.2 + 0.4, 1, axis=-1)
    assert np.abs(turned - swapped).max(axis=(1, 2, 3)).min() < 0.01


def test_a_random_flip_mirrors_about_half():
    flipped = Augmentation(flip="random")(tf.repeat(PHOTOS[:1], 400, axis=0), tf.zeros((400, 2)), (0, 1))[0]
    mirrored = (flipped.numpy() == PHOTOS[:1].numpy()[:, :, ::-1]).all(axis=(1, 2, 3))
    still = (flipped.numpy() == PHOTOS[:1].numpy()).all(axis=(1, 2, 3))
    assert (mirrored ^ still).all() and 160 < mirrored.sum() < 240


@pytest.mark.parametrize("mix", [mixup, cutmix])
def test_only_the_chosen_share_is_mixed_and_targets_say_how_much(mix):
    images = tf.reshape(tf.range(1000, dtype=tf.float32), (1000, 1, 1, 1)) * tf.ones((1, 10, 10, 1))
    targets = tf.eye(1000)
    mixed, shares = (np.array(x) for x in mix(images, targets, 1.0, (0, 1), 0.3))
    untouched = (mixed == images.numpy()).all(axis=(1, 2, 3))
    assert 0.62 < untouched.mean() < 0.8
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    own = np.diag(shares)
    assert (own[untouched] > 0.999).all() and own[~untouched].mean() < 0.75
    inner = mixed[1:].mean(axis=(1, 2, 3))  # the next of the batch is the one before: one less
    np.testing.assert_allclose(inner, np.arange(1, 1000) - (1 - own[1:]), atol=1e-2)


def test_a_window_is_a_piece_of_the_picture_from_anywhere_in_it():
    images = tf.constant(np.arange(2 * 9 * 8 * 3, dtype=np.float32).reshape(2, 9, 8, 3))
    places = set()
    for step in range(60):
        for picture, piece in zip(images.numpy(), random_window(images, 4, (0, step)).numpy(), strict=True):
            found = [
                (y, x) for y in range(6) for x in range(5) if (picture[y : y + 4, x : x + 4] == piece).all()
            ]
            assert len(found) == 1
            places.update(found)
    assert len(places) == 30
    made, _ = Augmentation(window=4, flip="random")(images / 500, tf.zeros((2, 1)), (0, 0))
    assert made.shape == (2, 4, 4, 3)
