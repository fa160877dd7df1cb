"""Pictures worked on in tiles."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from common.tiles import Tiling

DRAW = np.random.default_rng(0)
TILING = Tiling(cell=4, reach=8, tile=16, edge=8)


def blurred(tile):
    """Work in which places up to six pixels away have a say."""
    assert tile.shape[1] % 4 == 0 and tile.shape[2] % 4 == 0
    return cv2.blur(tile[0], (13, 13), borderType=cv2.BORDER_REFLECT_101)[None]


@pytest.mark.parametrize("shape", [(16, 16), (37, 50), (5, 90), (1, 1)])
def test_tiles_give_what_the_whole_gives(shape):
    picture = DRAW.random((*shape, 3), np.float32)
    shares = []
    made = TILING.run(picture, blurred, progress=shares.append)
    np.testing.assert_allclose(
        made, cv2.blur(picture, (13, 13), borderType=cv2.BORDER_REFLECT_101), atol=1e-5
    )
    assert shares[-1] == 1 and len(shares) == -(-shape[0] // 16) * -(-shape[1] // 16)


def test_only_so_much_of_the_mirrored_picture_is_worked_on():
    sizes = []

    def work(tile):
        sizes.append(tile.shape[1:3])
        return tile

    picture = DRAW.random((30, 40, 3), np.float32)
    tiling = Tiling(cell=4, reach=8, tile=32, edge=4)
    np.testing.assert_array_equal(tiling.run(picture, work), picture)
    assert sizes == [(40, 44), (40, 20)]
    in_one, in_tiles = (Tiling(4, 8, side, 4).run(picture, blurred) for side in (64, 12))
    np.testing.assert_allclose(in_one, in_tiles, atol=1e-5)


def test_a_wrapped_picture_goes_on_at_its_edges():
    picture = DRAW.random((32, 48, 3), np.float32)
    made = TILING.run(picture, blurred, beyond="wrapped")
    moved = TILING.run(np.roll(picture, (12, 20), (0, 1)), blurred, beyond="wrapped")
    np.testing.assert_allclose(np.roll(made, (12, 20), (0, 1)), moved, atol=1e-5)
