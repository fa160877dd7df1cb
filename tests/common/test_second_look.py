"""A second look at what is unsure."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from scipy import ndimage, special

from common import activations, artifact
from common.predictor import Predictor, load
from common.second_look import SecondLook, View, best_look


def test_activations_are_scipys():
    logits = np.random.default_rng(0).normal(0, 30, (50, 7))
    np.testing.assert_allclose(activations.softmax(logits), special.softmax(logits, axis=1), atol=1e-12)
    np.testing.assert_allclose(
        activations.log_softmax(logits), special.log_softmax(logits, axis=1), atol=1e-10
    )
    np.testing.assert_allclose(activations.sigmoid(logits), special.expit(logits), atol=1e-12)


def test_a_shift_moves_right_and_down_and_brings_in_black():
    images = np.random.default_rng(0).random((3, 9, 11, 2)).astype(np.float32)
    seen = View(shift=(2, 1)).of(images)
    np.testing.assert_allclose(seen[:, 1:, 2:], images[:, :-1, :-2], atol=1e-6)
    assert not seen[:, 0].any() and not seen[:, :, :2].any()


@pytest.mark.parametrize("view", [View(rotate=90), View(scale=2.0)])
def test_rotation_and_scale_are_about_the_middle(view):
    image = ndimage.gaussian_filter(np.random.default_rng(1).random((21, 21)), 2).astype(np.float32)
    seen = view.of(image[None, ..., None])[0, ..., 0]
    expected = np.rot90(image) if view.rotate else ndimage.zoom(image, (41 / 21), order=1, grid_mode=False)
    if view.rotate:
        np.testing.assert_allclose(seen, expected, atol=1e-5)
    else:  # Twice the size: the middle half of the picture, seen from its middle.
        np.testing.assert_allclose(seen, expected[10:31, 10:31], atol=1e-5)


def test_only_unsure_answers_are_looked_at_again_and_become_the_mean_of_the_views():
    images = np.zeros((4, 5, 5, 1), np.float32)
    images[:, 2, 2, 0] = [1, 2, 3, 4]
    first = np.array([[9, 0], [0.1, 0], [0, 9], [0, 0.2]], np.float32)
    asked = []

    def run(pictures):
        asked.append(pictures.max(axis=(1, 2, 3)))
        return np.tile(np.float32([0, 3]), (len(pictures), 1))

    look = SecondLook(0.9, (View(shift=(1, 0)), View(shift=(0, 1))))
    improved = look.improve(first, images, run)
    np.testing.assert_array_equal(improved[[0, 2]], first[[0, 2]])
    np.testing.assert_array_equal(asked, [[2, 4], [2, 4]])
    views = np.stack([first[1], [0, 3], [0, 3]])
    np.testing.assert_allclose(improved[1], special.log_softmax(views, axis=1).mean(axis=0), rtol=1e-5)
    assert improved[1].argmax() == 1


def test_the_predictor_looks_again_where_the_card_says_so():
    plain = load("digits/cnn")
    images = np.random.default_rng(0).random((5, 28, 28, 1)).astype(np.float32)
    never = Predictor(replace(plain.card, second_look=None), plain.runner)
    always = Predictor(replace(plain.card, second_look=SecondLook(1.1, (View(),))), plain.runner)
    once = never.logits(images)
    # The same view twice: the same probabilities.
    np.testing.assert_allclose(
        activations.softmax(always.logits(images)), activations.softmax(once), atol=1e-5
    )
    shifted = Predictor(replace(plain.card, second_look=SecondLook(1.1, (View(shift=(3, 0)),))), plain.runner)
    assert np.abs(shifted.logits(images) - always.logits(images)).max() > 1e-3


def test_the_card_keeps_it(tmp_path):
    look = SecondLook(0.97, (View(shift=(1.0, -1.0)), View(rotate=8.0), View(scale=1.1, reflect=True)))
    card = artifact.read_card(artifact.resolve("digits/cnn"))
    (tmp_path / "card.json").write_text(json.dumps(asdict(replace(card, second_look=look))))
    assert artifact.read_card(tmp_path).second_look == look


def test_a_mirrored_view_is_the_picture_from_the_other_side():
    images = np.random.default_rng(0).random((3, 4, 6, 3)).astype(np.float32)
    np.testing.assert_array_equal(View(mirror=True).of(images), images[:, :, ::-1])
    both = View(shift=(1, 0), mirror=True).of(images)
    np.testing.assert_allclose(both[:, :, 1:], images[:, :, :0:-1], atol=1e-6)


def test_looking_again_gains_where_the_views_are_right_and_not_where_they_are_wrong():
    images = np.zeros((40, 4, 4, 1), np.float32)
    targets = np.arange(40) % 2
    images[:, 0, 0, 0] = targets
    look = SecondLook(1.1, (View(mirror=True),))

    def run(pictures, sign):
        # The side the mark is on tells the looks apart: the first is unsure, the second sure.
        seen = np.where(pictures[:, 0, -1, 0] > 0, 1.0, 0.0) if pictures[:, 0, -1].any() else np.full(40, 0.5)
        return np.stack([-(seen - 0.5), seen - 0.5], axis=1) * sign

    assert best_look((look,), images, targets, lambda pictures: run(pictures, 6.0)) is look
    assert best_look((look,), images, targets, lambda pictures: run(pictures, -6.0)) is None


def test_a_shift_may_bring_in_the_picture_as_a_mirror_shows_it():
    images = np.random.default_rng(0).random((3, 5, 6, 3)).astype(np.float32)
    seen = View(shift=(1, -1), reflect=True).of(images)
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    np.testing.assert_allclose(seen, padded[:, 2:, :-2], atol=1e-6)
