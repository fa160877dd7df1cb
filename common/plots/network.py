"""What is inside a network: kernels, feature maps, receptive fields, heat maps, scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from common.plots.style import (
    BLUE,
    INK,
    LINE,
    NORMAL,
    ORANGE,
    SMALL,
    canvas_of,
    draw_picture,
    percent,
    rgb,
    set_title,
    shades_of,
    strip_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure, SubFigure

    from common.receptive_fields import ReceptiveField

__all__ = ["kernels_grid", "maps_grid", "overlay", "receptive_field_drawing", "score_bars"]


def kernels_grid(
    kernels: np.ndarray,
    *,
    captions: Sequence[str] | None = None,
    columns: int | None = None,
    title: str = "",
    into: Figure | SubFigure | None = None,
) -> Figure:
    """Draw weights as pictures: orange above zero, blue below, white at zero, one scale for all.

    Args:
        kernels: ``(height, width, count)``.
        captions: one line under each kernel.
        columns: of the grid; by default about as many as rows.
        title: over the grid.
        into: a figure, or a part of one, to draw on.
    """
    columns = columns or math.ceil(math.sqrt(kernels.shape[-1]))
    rows = math.ceil(kernels.shape[-1] / columns)
    canvas = canvas_of(0.55 * columns + 0.4, 0.55 * rows + 0.5, into)
    limit = float(np.abs(kernels).max()) or 1.0
    axes = canvas.subplots()
    foot = math.ceil(kernels.shape[0] / 5) if captions else 0
    corners = _mosaic(axes, kernels, columns, shades_of(BLUE, "white", ORANGE), (-limit, limit), foot)
    for (y, x), caption in zip(corners, captions or (), strict=False):
        place = x + kernels.shape[1] / 2 + 0.5, y + kernels.shape[0] + 1.5
        axes.text(*place, caption, ha="center", va="top", fontsize=SMALL, color=INK)
    set_title(axes, title)
    return canvas.figure


def maps_grid(
    maps: np.ndarray, *, columns: int | None = None, title: str = "", into: Figure | SubFigure | None = None
) -> Figure:
    """Draw feature maps side by side: white where a unit is silent, dark where it is active.

    Map k stands where ``kernels_grid`` puts kernel k.  One scale for all maps of the layer.

    Args:
        maps: ``(height, width, count)``.
        columns: of the grid; by default about as many as rows.
        title: over the grid.
        into: a figure, or a part of one, to draw on.
    """
    columns = columns or math.ceil(math.sqrt(maps.shape[-1]))
    canvas = canvas_of(3.2, 3.2, into)
    axes = canvas.subplots()
    # A single very active unit must not make all the others look silent.
    limits = min(0.0, float(maps.min())), max(float(np.percentile(maps, 99.5)), 1e-9)
    _mosaic(axes, maps, columns, shades_of("white", "#8fb4dc", BLUE, "#0b2440"), limits)
    set_title(axes, title)
    return canvas.figure


def overlay(
    picture: np.ndarray, heat: np.ndarray, *, title: str = "", into: Figure | SubFigure | None = None
) -> Figure:
    """Draw a heat map over a picture: orange speaks for, blue (negative heat) against.

    Args:
        picture: ``(height, width)`` or ``(height, width, 3)`` in [0, 1]; of a grey one the bright strokes are drawn
            dark, to save ink.
        heat: ``(height, width)``; the largest absolute value is drawn opaque.
        title: over the picture.
        into: a figure, or a part of one, to draw on.
    """
    canvas = canvas_of(2.4, 2.6, into)
    axes = canvas.subplots()
    draw_picture(axes, picture, 1.8)
    share = heat / (np.abs(heat).max() or 1.0)
    colours = np.empty((*heat.shape, 4))
    colours[..., :3] = np.where(share[..., None] > 0, rgb(ORANGE), rgb(BLUE))
    colours[..., 3] = 0.88 * np.abs(share)
    axes.imshow(colours, interpolation="nearest")
    set_title(axes, title)
    return canvas.figure


def receptive_field_drawing(
    picture: np.ndarray,
    units: Sequence[tuple[ReceptiveField, int, int]],
    *,
    into: Figure | SubFigure | None = None,
) -> Figure:
    """Draw what single units see of a picture, one drawing a unit.

    Args:
        picture: ``(height, width)`` or ``(height, width, 3)`` in [0, 1].
        units: (receptive field of the layer, row, column of the unit).
        into: a figure, or a part of one, to draw on.
    """
    from matplotlib.patches import Rectangle

    canvas = canvas_of(2.1 * len(units), 2.6, into)
    height, width = picture.shape[:2]
    for axes, (field, row, column) in zip(
        canvas.subplots(1, len(units), squeeze=False)[0], units, strict=True
    ):
        top, left, bottom, right = field.window(row, column)
        top, left, bottom, right = max(top, 0), max(left, 0), min(bottom, height), min(right, width)
        seen = np.zeros((height, width), bool)
        seen[top:bottom, left:right] = True
        draw_picture(axes, picture, 1)
        axes.imshow(np.dstack([np.ones((height, width, 3)), np.where(seen, 0.0, 0.72)]))
        frame = Rectangle(
            (left - 0.5, top - 0.5), right - left, bottom - top, fill=False, ec=ORANGE, lw=2, clip_on=False
        )
        axes.add_patch(frame)
        whole = (bottom - top, right - left) == (height, width)
        sees = "sees the whole picture" if whole else f"sees {field.size[0]}×{field.size[1]} pixels"
        set_title(
            axes,
            f"{field.layer}\nunit ({row}, {column}) of {field.map_shape[0]}×{field.map_shape[1]}\n{sees}",
        )
    return canvas.figure


def score_bars(
    probabilities: np.ndarray,
    classes: Sequence[str],
    *,
    title: str = "",
    into: Figure | SubFigure | None = None,
) -> Figure:
    """Draw the probability of every class as a bar; the largest is coloured.

    Args:
        probabilities: ``(K,)`` in [0, 1].
        classes: K names.
        title: over the bars.
        into: a figure, or a part of one, to draw on.
    """
    canvas = canvas_of(3.6, 0.24 * len(classes) + 0.6, into)
    axes = canvas.subplots()
    best = int(np.argmax(probabilities))
    places = np.arange(len(classes))
    axes.barh(places, np.ones(len(classes)), color="#eef1f5", height=0.72)
    colours = [ORANGE if place == best else BLUE for place in places]
    axes.barh(places, probabilities, color=colours, height=0.72)
    for place, share in enumerate(probabilities):
        weight = "bold" if place == best else "normal"
        axes.text(1.02, place, percent(share), va="center", fontsize=SMALL, color=INK, weight=weight)
    axes.set_yticks(places, classes, fontsize=NORMAL, color=INK)
    axes.set(xlim=(0, 1), ylim=(len(classes) - 0.4, -0.6), xticks=[])
    strip_axes(axes)
    set_title(axes, title)
    return canvas.figure


def _mosaic(
    axes: Axes,
    tiles: np.ndarray,
    columns: int,
    shades: Colormap,
    limits: tuple[float, float],
    foot: int = 0,
) -> list[tuple[int, int]]:
    """Draw ``(height, width, count)`` tiles row by row, a grey line of one pixel around each.

    Args:
        axes: where to.
        tiles: the pictures.
        columns: of the grid.
        shades: colours from the lower to the upper of the ``limits``.
        limits: values of the first and the last colour.
        foot: pixels left free under each row of tiles.

    Returns:
        The (y, x) place of each tile's frame in the drawing, in pixels.
    """
    height, width, count = tiles.shape
    rows = math.ceil(count / columns)
    low, high = limits
    down, across = height + 1 + foot, width + 1
    sheet = np.ones((rows * down + 1, columns * across + 1, 3))
    corners = [(number // columns * down, number % columns * across) for number in range(count)]
    for number, (y, x) in enumerate(corners):
        sheet[y : y + height + 2, x : x + width + 2] = rgb(LINE)
        shade = np.clip((tiles[..., number] - low) / (high - low), 0, 1)
        sheet[y + 1 : y + height + 1, x + 1 : x + width + 1] = shades(shade)[..., :3]
    axes.imshow(sheet, interpolation="nearest")
    axes.set_axis_off()
    return corners
