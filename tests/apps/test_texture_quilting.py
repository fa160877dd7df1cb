"""Pieces of textures put together."""

from __future__ import annotations

import numpy as np
import pytest

from apps.texture.quilting import patchwork, quilted, scattered


def numbered(height, width, third=0.0):
    """An exemplar whose pixels tell where they are."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([y, x, np.full_like(y, third)], axis=-1)


def goes_on(picture, axis):
    """Return which neighbours along an axis, around the edges too, are neighbours in the exemplar."""
    steps = np.roll(picture, -1, axis=axis) - picture
    return (steps[..., axis] == 1) & (steps[..., 1 - axis] == 0)


@pytest.mark.parametrize("shape", [(64, 48), (50, 33), (7, 9)])
def test_it_is_made_of_pieces(shape):
    picture = quilted([numbered(90, 70)], shape, 16, np.random.default_rng(0))
    assert picture.shape == (*shape, 3)
    for axis in (0, 1):
        assert goes_on(picture, axis).mean() > 0.7, "most neighbours are the exemplar's"


def test_blocks_fit_together():
    y, x = np.mgrid[:96, :96]
    stripes = np.repeat(((x // 6) % 2).astype(np.float32)[..., None], 3, axis=-1)
    picture = quilted([stripes], (60, 80), 18, np.random.default_rng(1))
    # Whole stripes from top to bottom: a block that begins at any place but a period's would break them.
    assert np.abs(np.diff(picture[..., 0], axis=0)).mean() < 0.01
    assert picture[..., 0].mean() == pytest.approx(0.5, abs=0.1)


def test_no_piece_is_larger_than_a_block_unless_copies_are_allowed():
    """The best fit is what lies beside: taken every time, the whole is one copy."""
    exemplar, block, shape = numbered(150, 150), 20, (80, 80)
    shares = {}
    for copies in (True, False):
        picture = quilted([exemplar], shape, block, np.random.default_rng(3), copies=copies)
        moved = picture[..., :2] - np.stack(np.mgrid[: shape[0], : shape[1]], axis=-1)
        counts = np.unique(moved.reshape(-1, 2), axis=0, return_counts=True)[1]
        shares[copies] = counts.max() / (shape[0] * shape[1])
    assert shares[True] > 0.3 and shares[False] <= 1.5 * block**2 / (shape[0] * shape[1])


def test_blocks_that_were_used_are_spared():
    """Half of the exemplar is rough, and fits less well than the smooth half: it is taken all the same."""
    draw = np.random.default_rng(0)
    exemplar = 0.5 + draw.normal(0, 0.05, (60, 120, 3)).astype(np.float32)
    exemplar[:, :60] = 0.5 + draw.normal(0, 0.02, (60, 60, 3))
    picture = quilted([exemplar], (120, 120), 12, np.random.default_rng(0), copies=False)
    deviations = picture[..., 0].reshape(20, 6, 20, 6).std(axis=(1, 3))
    assert (deviations > 0.035).mean() > 0.2  # 0.01 where use makes no difference


@pytest.mark.parametrize("shape", [(64, 48), (50, 33), (9, 14)])
def test_one_on_a_torus_goes_on_at_its_edges(shape):
    y, x = np.mgrid[:96, :96]
    waves = np.stack([np.sin(x / 5), np.sin(y / 7), np.cos((x + y) / 6)], axis=-1).astype(np.float32)
    steps = {}
    for torus in (False, True):
        picture = patchwork([waves], None, shape, 14, np.random.default_rng(0), torus=torus)
        assert picture.shape == (*shape, 3)
        steps[torus] = [
            np.abs(np.take(picture, 0, axis) - np.take(picture, -1, axis)).mean()
            / np.abs(np.diff(picture, axis=axis)).mean()
            for axis in (0, 1)
        ]
    assert max(steps[True]) < 2.5 and np.mean(steps[True]) < 0.7 * np.mean(steps[False])


def test_what_is_made_fits_to_what_is_kept():
    y, x = np.mgrid[:96, :96]
    stripes = np.repeat(((x // 6) % 2).astype(np.float32)[..., None], 3, axis=-1)
    free = np.zeros((60, 70), bool)
    free[20:, 15:] = True
    kept = stripes[:60, 2:72]
    picture = quilted([stripes], (60, 70), 18, np.random.default_rng(1), copies=False, kept=kept, free=free)
    np.testing.assert_array_equal(picture[:10], kept[:10])
    # Whole stripes from what is kept above down to the lower edge.
    assert np.abs(np.diff(picture[..., 0], axis=0)).mean() < 0.03


def test_each_region_is_of_its_exemplar():
    regions = np.repeat([[0] * 10 + [1] * 14], 30, axis=0)
    exemplars = [numbered(16, 40, 1.0), numbered(9, 12, 2.0)]
    picture = patchwork(exemplars, regions, regions.shape, 8, np.random.default_rng(0))
    np.testing.assert_array_equal(picture[..., 2], regions + 1)


def test_a_mixture_has_pieces_of_every_exemplar():
    exemplars = [numbered(30, 30, 1.0), numbered(20, 25, 2.0)]
    picture = patchwork(exemplars, None, (80, 80), 10, np.random.default_rng(0))
    assert 0.2 < (picture[..., 2] == 1).mean() < 0.8


def test_noise_has_the_colours():
    exemplar = numbered(20, 20)
    picture = scattered([exemplar], (40, 40), np.random.default_rng(0))
    assert set(map(tuple, picture.reshape(-1, 3))) <= set(map(tuple, exemplar.reshape(-1, 3)))
    assert goes_on(picture, 1).mean() < 0.2
