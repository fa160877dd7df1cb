"""Colours of one picture on another."""

from __future__ import annotations

import numpy as np

from common.data.colours import Colours, moved, recoloured, with_brightness_of

DRAW = np.random.default_rng(5)
DARK = DRAW.random((12, 14, 3), np.float32) * 0.4 + 0.3
BRIGHT = DRAW.beta(3, 5, (20, 9, 3)).astype(np.float32) * 0.5 + 0.2


def test_mean_and_covariance_become_those_of_the_other():
    changed, wanted = recoloured(BRIGHT, DARK).reshape(-1, 3), DARK.reshape(-1, 3)
    np.testing.assert_allclose(changed.mean(axis=0), wanted.mean(axis=0), atol=0.01)
    np.testing.assert_allclose(np.cov(changed.T), np.cov(wanted.T), atol=0.002)


def test_a_picture_keeps_its_own_colours_and_a_flat_one_stays_nearly_flat():
    np.testing.assert_allclose(recoloured(DARK, DARK), DARK, atol=1e-6)
    noisy = 0.5 + 0.002 * DRAW.normal(size=(16, 16, 3)).astype(np.float32)
    bright = recoloured(noisy, BRIGHT)
    np.testing.assert_allclose(bright.mean(axis=(0, 1)), BRIGHT.mean(axis=(0, 1)), atol=1e-3)
    assert bright.std(axis=(0, 1)).max() < 10 * 0.002


def test_the_change_is_the_one_that_moves_least():
    """The matrix of optimal transport between normal distributions is symmetric, and positive."""
    matrix, _ = Colours.of(DARK).change(Colours.of(BRIGHT))
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-9)
    assert (np.linalg.eigvalsh(matrix) > 0).all()


def test_a_share_of_the_change_lies_on_the_way():
    half = moved(DARK, *Colours.of(DARK).change(Colours.of(BRIGHT), 0.5))
    np.testing.assert_allclose(half, (DARK + recoloured(DARK, BRIGHT)) / 2, atol=1e-5)


def test_a_mixture_lies_between():
    both = Colours.mixed([Colours.of(DARK), Colours.of(BRIGHT)], (1, 3))
    np.testing.assert_allclose(
        both.mean, (DARK.mean(axis=(0, 1)) + 3 * BRIGHT.mean(axis=(0, 1))) / 4, rtol=1e-5
    )


def test_colours_of_one_picture_with_the_brightness_of_another():
    luma = np.array([0.299, 0.587, 0.114])
    colours, brightness = (DARK - 0.3) / 2 + 0.4, (DARK[::-1] - 0.3) / 2 + 0.4
    mixed = with_brightness_of(colours, brightness)
    np.testing.assert_allclose(mixed @ luma, brightness @ luma, atol=0.02)
    np.testing.assert_allclose(mixed[..., 0] - mixed[..., 2], colours[..., 0] - colours[..., 2], atol=0.02)
