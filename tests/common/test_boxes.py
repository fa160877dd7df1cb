"""Boxes against pixels: areas and overlaps are those of the pixels that two boxes cover."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import boxes as box_tools

whole = st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(1, 8), st.integers(1, 8))
real = st.tuples(*[st.floats(-50, 50)] * 2, *[st.floats(0, 50)] * 2)


def covered(box) -> np.ndarray:
    """The pixels of a box on a canvas of 20 by 20."""
    canvas = np.zeros((20, 20), bool)
    x, y, width, height = box
    canvas[y : y + height, x : x + width] = True
    return canvas


@given(whole, whole)
def test_overlap_is_that_of_the_pixels(first, second):
    a, b = covered(first), covered(second)
    assert box_tools.shared_areas(first, second) == (a & b).sum()
    assert box_tools.iou(first, second) == pytest.approx((a & b).sum() / (a | b).sum())


@given(st.lists(whole, max_size=4), st.lists(whole, max_size=4))
def test_a_matrix_holds_every_pair(first, second):
    first, second = np.reshape(first, (-1, 4)), np.reshape(second, (-1, 4))
    matrix = box_tools.iou_matrix(first, second)
    assert matrix.shape == (len(first), len(second))
    for row, a in enumerate(first):
        for column, b in enumerate(second):
            assert matrix[row, column] == box_tools.iou(a, b)


@given(real)
def test_corners_and_back(box):
    edges = box_tools.corners(np.array(box))
    assert (edges[2:] >= edges[:2]).all()
    np.testing.assert_allclose(box_tools.from_corners(edges), box, atol=1e-9)


@given(real)
def test_the_middle_is_as_far_from_either_side(box):
    edges, middle = box_tools.corners(np.array(box)), box_tools.centers(np.array(box))
    np.testing.assert_allclose(middle - edges[:2], edges[2:] - middle, atol=1e-9)


@given(real, st.integers(1, 40), st.integers(1, 30))
def test_clipping_leaves_what_lies_in_the_picture(box, width, height):
    picture = np.array([0, 0, width, height], float)
    clipped = box_tools.clipped(np.array(box), width, height)
    assert (clipped[2:] >= 0).all()
    edges = box_tools.corners(clipped)
    assert (edges >= 0).all() and (edges <= [width, height, width, height]).all()
    assert clipped[2:].prod() == pytest.approx(box_tools.shared_areas(np.array(box), picture), abs=1e-6)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1),
        ((0, 0, 10, 10), (10, 0, 10, 10), 0),  # side by side: no pixel in common
        ((0, 0, 10, 10), (9, 9, 10, 10), 1 / 199),
        ((0, 0, 10, 10), (0, 0, 5, 10), 0.5),
        ((3, 3, 0, 0), (3, 3, 0, 0), 0),  # nothing has no overlap with itself
        ((3, 3, 0, 5), (0, 0, 9, 9), 0),
    ],
)
def test_hand_computed(first, second, expected):
    assert box_tools.iou(first, second) == pytest.approx(expected)
    assert box_tools.iou(second, first) == pytest.approx(expected)


def test_leading_axes_are_kept():
    boxes = np.arange(24, dtype=float).reshape(2, 3, 4)
    assert box_tools.corners(boxes).shape == (2, 3, 4)
    assert box_tools.centers(boxes).shape == (2, 3, 2)
    assert box_tools.iou(boxes, boxes).shape == (2, 3)
    np.testing.assert_allclose(box_tools.iou(boxes, boxes), 1)


def test_integers_are_not_rounded():
    np.testing.assert_array_equal(box_tools.centers(np.array([0, 0, 1, 3])), [0.5, 1.5])
    assert box_tools.iou(np.array([0, 0, 2, 2], np.uint8), np.array([1, 0, 2, 2], np.uint8)) == pytest.approx(
        1 / 3
    )
