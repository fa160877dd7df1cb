"""Boxes and names on pictures: where they are, and what is left alone."""

import numpy as np
import pytest

from common.drawing import colour_of, draw_box, draw_text, pen

COLOUR = (10, 200, 30)


def canvas(height=80, width=120):
    return np.full((height, width, 3), 255, np.uint8)


def drawn_hull(pixels):
    rows, columns = np.nonzero((pixels != 255).any(axis=-1))
    return columns.min(), rows.min(), columns.max(), rows.max()


def test_a_box_lies_on_its_edges():
    pixels = canvas()
    draw_box(pixels, np.array([20, 10, 60, 40]), COLOUR, 1)
    assert np.abs(np.array(drawn_hull(pixels)) - [20, 10, 80, 50]).max() <= 1
    assert (pixels[14:46, 24:76] == 255).all()
    full = (pixels != 255).any(axis=-1).sum()
    dashed = canvas()
    draw_box(dashed, np.array([20, 10, 60, 40]), COLOUR, 1, dashed=True)
    assert 0.3 * full < (dashed != 255).any(axis=-1).sum() < 0.8 * full


@pytest.mark.parametrize("place", [(30, 60), (-50, -50), (119, 2), (500, 79)])
@pytest.mark.parametrize("text", ["cat 87%", "größe 猫", "a name that is longer than the picture is wide"])
def test_a_name_stays_in_the_picture(place, text):
    pixels = canvas()
    draw_text(pixels, text, place, COLOUR, 0.7)
    assert (pixels == COLOUR).all(axis=-1).any()
    assert (pixels.astype(int).sum(axis=-1) < 150).any()  # dark letters


def test_colours_of_neighbours_are_apart():
    colours = np.array([colour_of(number) for number in range(12)], int)
    apart = np.abs(colours[:, None] - colours[None]).sum(axis=-1) + 999 * np.eye(12, dtype=int)
    assert apart.min() > 40 and colour_of(3) == colour_of(3)


def test_the_pen_grows_with_the_picture():
    assert pen(canvas(50, 50)) == (0.6, 1)
    assert pen(canvas(1600, 2400))[1] == 4
