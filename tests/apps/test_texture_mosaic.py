"""The mosaic that a synthesis starts from."""

from __future__ import annotations

import numpy as np
import pytest

from apps.texture.mosaic import mosaic


def numbered(height, width, third=0.0):
    """An exemplar whose pixels tell where they are."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([y, x, np.full_like(y, third)], axis=-1)


def steps(values, axis):
    """How far the exemplar's places of neighbours are apart, around the edges too; 1 within a piece."""
    return np.roll(values, -1, axis=axis) - values


@pytest.mark.parametrize(("shape", "piece"), [((64, 48), 16), ((50, 33), 12), ((7, 9), 20)])
def test_pieces_are_whole_and_lie_across_the_edges(shape, piece):
    picture = mosaic([numbered(90, 70)], None, shape, piece, np.random.default_rng(0))
    for axis, side in enumerate(shape):
        within = (steps(picture[..., axis], axis) == 1) & (steps(picture[..., 1 - axis], axis) == 0)
        breaks = np.flatnonzero(~within.all(axis=1 - axis))
        assert len(breaks) <= -(-side // piece), "places at which another piece begins"
        if len(breaks) > 1:
            assert side - 1 not in breaks, "the edge is within a piece"
    assert len(np.unique(picture[..., 0])) > min(shape[0], piece) or shape[0] <= piece, (
        "pieces of many places"
    )


def test_single_pixels_are_noise_in_its_colours():
    exemplar = numbered(20, 20)
    picture = mosaic([exemplar], None, (40, 40), 1, np.random.default_rng(0))
    assert set(map(tuple, picture.reshape(-1, 3))) <= set(map(tuple, exemplar.reshape(-1, 3)))
    assert (steps(picture[..., 1], 1) == 1).mean() < 0.2


def test_each_region_is_of_its_exemplar():
    regions = np.repeat([[0] * 10 + [1] * 14], 30, axis=0)
    regions[:5] = -1
    exemplars = [numbered(16, 40, 1.0), numbered(9, 12, 2.0)]
    picture = mosaic(exemplars, regions, regions.shape, 8, np.random.default_rng(0))
    np.testing.assert_array_equal(picture[..., 2], regions + 1)


def test_a_mixture_has_pieces_of_every_exemplar():
    picture = mosaic(
        [numbered(30, 30, 1.0), numbered(20, 25, 2.0)], None, (80, 80), 10, np.random.default_rng(0)
    )
    assert 0.2 < (picture[..., 2] == 1).mean() < 0.8
