"""Figures: what is drawn, read back from the artists; and that no global state of matplotlib moves."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from common import plots
from common.receptive_fields import ReceptiveField

RNG = np.random.default_rng(0)


def texts(figure: Figure) -> str:
    figure.draw_without_rendering()
    found = [text.get_text() for axes in figure.axes for text in [*axes.texts, axes.title]]
    found += [
        label.get_text()
        for axes in figure.axes
        for label in [*axes.get_xticklabels(), *axes.get_yticklabels()]
    ]
    return "\n".join(found)


def every_figure() -> dict[str, Figure]:
    field = ReceptiveField("conv", (24, 24, 8), (5, 5), (1, 1), (2.0, 2.0))
    history = [{"epoch": e, "loss": 1 / e, "seconds": 2.0, "val": 1 - 0.1 / e} for e in range(1, 4)]
    return {
        "kernels_grid": plots.kernels_grid(
            RNG.normal(size=(5, 5, 7)), captions=list("abcdefg"), title="seven"
        ),
        "maps_grid": plots.maps_grid(RNG.random((6, 6, 9)), title="nine"),
        "overlay": plots.overlay(RNG.random((8, 8)), RNG.normal(size=(8, 8))),
        "receptive_field_drawing": plots.receptive_field_drawing(RNG.random((28, 28)), [(field, 3, 7)]),
        "score_bars": plots.score_bars(np.array([0.1, 0.7, 0.2]), ["a", "b", "c"]),
        "curves": plots.curves(history),
        "confusion": plots.confusion(np.array([[9, 1], [2, 8]]), ["yes", "no"]),
        "gallery": plots.gallery(RNG.random((5, 8, 8, 1)), list("abcde"), columns=3),
        "by_threshold": plots.by_threshold(
            np.linspace(0, 1, 5), {"a": np.linspace(1, 0, 5), "b": np.full(5, 0.5)}, "overlap", "share"
        ),
        "against": plots.against(RNG.normal(size=50), RNG.normal(size=50), "pKd"),
        "reliability": plots.reliability(RNG.random(50), RNG.random(50) < 0.5),
    }


def test_every_plot_is_a_figure_that_becomes_a_png():
    figures = every_figure()
    assert set(figures) | {"to_png_bytes"} == set(plots.__all__)
    for name, figure in figures.items():
        assert isinstance(figure, Figure), name
        picture = np.asarray(Image.open(io.BytesIO(plots.to_png_bytes(figure, dpi=50))).convert("RGB"))
        # Two drawn colours at least, on a ground that is white at the corner.
        assert (picture[0, 0] == 255).all() and len(np.unique(picture.reshape(-1, 3), axis=0)) > 2, name


def test_plots_import_matplotlib_late_and_pyplot_never():
    code = (
        "import sys, numpy as np\n"
        "from common import plots\n"
        "assert 'matplotlib' not in sys.modules\n"
        "plots.to_png_bytes(plots.maps_grid(np.ones((4, 4, 2))))\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    path = [*filter(None, sys.path)]
    subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}\n{code}"], check=True, timeout=60
    )


def test_a_plot_drawn_into_a_part_leaves_the_rest_alone():
    whole = Figure(layout="constrained")
    left, right = whole.subfigures(1, 2)
    assert plots.maps_grid(np.ones((4, 4, 2)), into=left) is whole
    assert len(left.axes) == 1 and not right.axes


def test_grids_put_tile_k_in_row_k_over_columns():
    maps = np.zeros((4, 3, 5))
    maps[1, 2, 3] = 1.0
    sheet = plots.maps_grid(maps, columns=3).axes[0].images[0].get_array()
    assert sheet.shape == (2 * 5 + 1, 3 * 4 + 1, 3)
    darkest = np.unravel_index(sheet.sum(axis=-1).argmin(), sheet.shape[:2])
    assert darkest == (5 + 1 + 1, 0 + 1 + 2)
    assert (sheet[6:10, 9:12] == 1).all()  # No sixth map: paper.


def test_kernels_are_orange_above_zero_blue_below_and_white_at_zero():
    kernels = np.array([2.0, -2.0, 0.0]).reshape(1, 1, 3)
    sheet = plots.kernels_grid(kernels, columns=3).axes[0].images[0].get_array()
    orange, blue, white = sheet[1, 1], sheet[1, 3], sheet[1, 5]
    assert orange[0] > orange[2] and blue[2] > blue[0] and white.min() > 0.99


def test_captions_of_kernels_stand_below_their_tiles():
    axes = plots.kernels_grid(np.ones((10, 10, 4)), captions=list("abcd"), columns=2).axes[0]
    places = {text.get_text(): text.get_position() for text in axes.texts}
    assert (
        places["a"][1] == places["b"][1] < places["c"][1]
        and places["a"][0] == places["c"][0] < places["b"][0]
    )
    assert 10 < places["a"][1] < 14  # Between the first row of tiles, 11 pixels, and the second.


def test_overlay_colours_by_sign_and_fades_by_size():
    heat = np.array([[1.0, -0.5], [0.0, 0.25]])
    colours = plots.overlay(np.zeros((2, 2)), heat).axes[0].images[1].get_array()
    assert colours[0, 0, 0] > colours[0, 0, 2] and colours[0, 1, 2] > colours[0, 1, 0]
    np.testing.assert_allclose(colours[..., 3] / colours[0, 0, 3], np.abs(heat))
    assert not plots.overlay(np.zeros((2, 2)), np.zeros((2, 2))).axes[0].images[1].get_array()[..., 3].any()


def test_receptive_field_is_framed_where_the_unit_looks():
    field = ReceptiveField("conv", (14, 14, 8), (6, 6), (2, 2), (0.5, 0.5))
    figure = plots.receptive_field_drawing(np.ones((28, 28)), [(field, 5, 6), (field, 0, 0)])
    inside, corner = (axes.patches[0] for axes in figure.axes)
    assert (
        inside.get_xy() == (2 * 6 - 2 - 0.5, 2 * 5 - 2 - 0.5)
        and inside.get_width() == inside.get_height() == 6
    )
    assert corner.get_xy() == (-0.5, -0.5) and corner.get_width() == 4  # The part on the picture.
    shade = figure.axes[0].images[1].get_array()[..., 3]
    assert (shade[8:14, 10:16] == 0).all() and (shade == 0).sum() == 36
    assert "unit (5, 6) of 14×14\nsees 6×6 pixels" in texts(figure)


def test_score_bars_are_as_long_as_the_probabilities():
    axes = plots.score_bars(np.array([0.125, 0.875]), ["cat", "dog"]).axes[0]
    assert [bar.get_width() for bar in axes.patches[2:]] == [0.125, 0.875]
    assert axes.patches[2].get_facecolor() != axes.patches[3].get_facecolor()
    assert {"12.5 %", "87.5 %", "cat", "dog"} <= set(texts(axes.figure).split("\n"))


def test_curves_draw_the_loss_and_every_validation_figure():
    history = [
        {"epoch": 1, "loss": 2.0, "seconds": 9.0, "accuracy": 0.5},
        {"epoch": 2, "loss": 1.0, "seconds": 9.0, "accuracy": 0.75},
    ]
    loss, accuracy = plots.curves(history).axes
    np.testing.assert_array_equal(loss.lines[0].get_xydata(), [[1, 2], [2, 1]])
    np.testing.assert_array_equal(accuracy.lines[0].get_xydata(), [[1, 0.5], [2, 0.75]])
    assert (loss.get_title(), accuracy.get_title()) == ("training loss", "accuracy")


def test_confusion_counts_every_cell_and_colours_mistakes_apart():
    matrix = np.array([[90, 3, 0], [0, 80, 1], [0, 0, 1200]])
    axes = plots.confusion(matrix, ["a", "b", "c"]).axes[0]
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert cells == {(0, 0): "90", (1, 0): "3", (1, 1): "80", (2, 1): "1", (2, 2): "1,200"}
    colours = axes.images[0].get_array()
    assert colours[0, 1, 0] > colours[0, 1, 2] and colours[2, 2, 2] > colours[2, 2, 0]
    assert (colours[0, 2] == 1).all()


def test_gallery_takes_bytes_floats_and_colour():
    figure = plots.gallery(
        [np.zeros((4, 4), np.uint8), np.ones((4, 4, 1)), np.ones((4, 4, 3))], ["x", "y", "z"], columns=2
    )
    drawn = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in drawn] == ["x", "y", "z"] and len(figure.axes) == 4
    assert drawn[0].images[0].get_clim() == (0, 255) and drawn[1].images[0].get_clim() == (0, 1)
    assert drawn[2].images[0].get_array().shape == (4, 4, 3)


def test_reliability_bars_are_the_accuracy_of_each_bin():
    confidence = np.array([0.05, 0.35, 0.39, 0.95, 0.99, 1.0, 1.0])
    right = np.array([0, 1, 0, 1, 1, 1, 0])
    upper, lower = plots.reliability(confidence, right, bins=10).axes
    expected = np.zeros(10)
    expected[3], expected[9] = 1 / 2, 3 / 4
    np.testing.assert_allclose([bar.get_height() for bar in upper.patches], expected)
    assert [bar.get_height() for bar in lower.patches] == [1, 0, 0, 2, 0, 0, 0, 0, 0, 4]
    error = (1 * 0.05 + 2 * abs(0.5 - 0.37) + 4 * abs(0.75 - 0.985)) / 7
    assert f"{100 * error:.1f} %" in upper.get_title()
