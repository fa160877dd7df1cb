"""Plots in one style: light ground, three colours, labels where they are needed and no frame around.

Every function returns a matplotlib ``Figure``; none touches pyplot, so that a server may call them from
any thread.  With ``into`` a plot is drawn into a figure, or a part of one, that is there.
matplotlib is imported at the first plot and not before.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from common.metrics import expected_calibration_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure, SubFigure

    from common.explain import ReceptiveField

__all__ = [
    "confusion",
    "curves",
    "gallery",
    "kernels_grid",
    "maps_grid",
    "overlay",
    "receptive_field_drawing",
    "reliability",
    "score_bars",
    "to_png_bytes",
]

INK, MUTED, LINE = "#1f2933", "#616e7c", "#d3dae2"
BLUE, ORANGE = "#1f5fa8", "#d9480f"
SMALL, NORMAL = 9, 10.5


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
    canvas = _canvas(0.55 * columns + 0.4, 0.55 * rows + 0.5, into)
    limit = float(np.abs(kernels).max()) or 1.0
    axes = canvas.subplots()
    foot = math.ceil(kernels.shape[0] / 5) if captions else 0
    corners = _mosaic(axes, kernels, columns, _shades(BLUE, "white", ORANGE), (-limit, limit), foot)
    for (y, x), caption in zip(corners, captions or (), strict=False):
        place = x + kernels.shape[1] / 2 + 0.5, y + kernels.shape[0] + 1.5
        axes.text(*place, caption, ha="center", va="top", fontsize=SMALL, color=INK)
    _title(axes, title)
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
    canvas = _canvas(3.2, 3.2, into)
    axes = canvas.subplots()
    # A single very active unit must not make all the others look silent.
    limits = min(0.0, float(maps.min())), max(float(np.percentile(maps, 99.5)), 1e-9)
    _mosaic(axes, maps, columns, _shades("white", "#8fb4dc", BLUE, "#0b2440"), limits)
    _title(axes, title)
    return canvas.figure


def overlay(
    picture: np.ndarray, heat: np.ndarray, *, title: str = "", into: Figure | SubFigure | None = None
) -> Figure:
    """Draw a heat map over a picture: orange speaks for, blue (negative heat) against.

    Args:
        picture: ``(height, width)`` in [0, 1]; bright strokes are drawn dark, to save ink.
        heat: ``(height, width)``; the largest absolute value is drawn opaque.
        title: over the picture.
        into: a figure, or a part of one, to draw on.
    """
    canvas = _canvas(2.4, 2.6, into)
    axes = canvas.subplots()
    _picture(axes, picture, 1.8)
    share = heat / (np.abs(heat).max() or 1.0)
    colours = np.empty((*heat.shape, 4))
    colours[..., :3] = np.where(share[..., None] > 0, _rgb(ORANGE), _rgb(BLUE))
    colours[..., 3] = 0.88 * np.abs(share)
    axes.imshow(colours, interpolation="nearest")
    _title(axes, title)
    return canvas.figure


def receptive_field_drawing(
    picture: np.ndarray,
    units: Sequence[tuple[ReceptiveField, int, int]],
    *,
    into: Figure | SubFigure | None = None,
) -> Figure:
    """Draw what single units see of a picture, one drawing a unit.

    Args:
        picture: ``(height, width)`` in [0, 1].
        units: (receptive field of the layer, row, column of the unit).
        into: a figure, or a part of one, to draw on.
    """
    from matplotlib.patches import Rectangle

    canvas = _canvas(2.1 * len(units), 2.6, into)
    height, width = picture.shape
    for axes, (field, row, column) in zip(
        canvas.subplots(1, len(units), squeeze=False)[0], units, strict=True
    ):
        top, left, bottom, right = field.window(row, column)
        top, left, bottom, right = max(top, 0), max(left, 0), min(bottom, height), min(right, width)
        seen = np.zeros(picture.shape, bool)
        seen[top:bottom, left:right] = True
        _picture(axes, picture, 1)
        axes.imshow(np.dstack([np.ones((height, width, 3)), np.where(seen, 0.0, 0.72)]))
        frame = Rectangle(
            (left - 0.5, top - 0.5), right - left, bottom - top, fill=False, ec=ORANGE, lw=2, clip_on=False
        )
        axes.add_patch(frame)
        whole = (bottom - top, right - left) == (height, width)
        sees = "sees the whole picture" if whole else f"sees {field.size[0]}×{field.size[1]} pixels"
        _title(
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
    canvas = _canvas(3.6, 0.24 * len(classes) + 0.6, into)
    axes = canvas.subplots()
    best = int(np.argmax(probabilities))
    places = np.arange(len(classes))
    axes.barh(places, np.ones(len(classes)), color="#eef1f5", height=0.72)
    colours = [ORANGE if place == best else BLUE for place in places]
    axes.barh(places, probabilities, color=colours, height=0.72)
    for place, share in enumerate(probabilities):
        weight = "bold" if place == best else "normal"
        axes.text(1.02, place, _percent(share), va="center", fontsize=SMALL, color=INK, weight=weight)
    axes.set_yticks(places, classes, fontsize=NORMAL, color=INK)
    axes.set(xlim=(0, 1), ylim=(len(classes) - 0.4, -0.6), xticks=[])
    _bare(axes)
    _title(axes, title)
    return canvas.figure


def curves(history: Sequence[dict[str, float]], *, into: Figure | SubFigure | None = None) -> Figure:
    """Draw the loss and the validation figures of a run by epoch.

    Args:
        history: a row an epoch (at least one), as ``common.training.fit`` keeps it: ``epoch``, ``loss``,
            ``seconds``, and whatever the validation reported.
        into: a figure, or a part of one, to draw on.
    """
    from matplotlib.ticker import MaxNLocator

    epochs = [row["epoch"] for row in history]
    names = ["loss", *(name for name in history[-1] if name not in ("epoch", "loss", "seconds"))]
    canvas = _canvas(3.4 * len(names), 2.8, into)
    for axes, name in zip(canvas.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        values = [row[name] for row in history]
        colour = ORANGE if name == "loss" else BLUE
        axes.plot(epochs, values, color=colour, lw=2, marker="o", ms=4 if len(values) < 30 else 0)
        axes.annotate(
            f"{values[-1]:.4g}",
            (epochs[-1], values[-1]),
            xytext=(0, 6),
            textcoords="offset points",
            ha="right",
            fontsize=SMALL,
            color=INK,
        )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.margins(y=0.15)
        _scaled(axes, "epoch", "")
        _title(axes, "training loss" if name == "loss" else name)
    return canvas.figure


def confusion(
    matrix: np.ndarray, classes: Sequence[str], *, into: Figure | SubFigure | None = None
) -> Figure:
    """Draw a confusion matrix: what it was by row, what was answered by column, counts in the cells.

    Right answers are blue, mistakes orange, each on its own scale: a few mistakes among thousands show.

    Args:
        matrix: ``(K, K)`` counts; row i, column j: class i answered as j.
        classes: K names.
        into: a figure, or a part of one, to draw on.
    """
    count = len(classes)
    side = max(3.6, 0.42 * count + 1)
    canvas = _canvas(side, side, into)
    axes = canvas.subplots()
    right = np.eye(count, dtype=bool)
    wrong = np.where(right, 0, matrix)
    share = np.where(right, matrix / max(matrix.max(), 1), wrong / max(wrong.max(), 1))
    colour = np.where(right[..., None], _rgb(BLUE), _rgb(ORANGE))
    depth = 0.85 * np.sqrt(share)[..., None]
    axes.imshow(1 - depth * (1 - colour), interpolation="nearest")
    if count <= 26:
        for row, column in np.argwhere(matrix):
            axes.text(
                column,
                row,
                f"{matrix[row, column]:,}",
                ha="center",
                va="center",
                fontsize=SMALL if count <= 12 else 6,
                color="white" if depth[row, column, 0] > 0.6 else INK,
            )
    places = np.arange(count)
    turn = 90 if max(map(len, classes)) > 2 else 0
    axes.set_xticks(places, classes, fontsize=SMALL, color=INK, rotation=turn)
    axes.set_yticks(places, classes, fontsize=SMALL, color=INK)
    axes.set_xticks(places[:-1] + 0.5, minor=True)
    axes.set_yticks(places[:-1] + 0.5, minor=True)
    axes.grid(which="minor", color=LINE, lw=0.6)
    axes.set_xlabel("answered", fontsize=NORMAL, color=MUTED)
    axes.set_ylabel("was", fontsize=NORMAL, color=MUTED)
    _bare(axes)
    axes.tick_params(which="minor", length=0)
    return canvas.figure


def gallery(
    images: np.ndarray | Sequence[np.ndarray],
    captions: Sequence[str],
    *,
    columns: int = 6,
    width: float = 1.5,
    into: Figure | SubFigure | None = None,
) -> Figure:
    """Draw pictures with a caption each, such as the worst mistakes, first one first.

    Args:
        images: n of ``(height, width)`` or ``(height, width, 1 or 3)``, in [0, 1] or uint8; grey pictures are
            drawn with their bright strokes dark.
        captions: n texts of one or two lines.
        columns: of the grid.
        width: of a picture in inches.
        into: a figure, or a part of one, to draw on.
    """
    columns = max(1, min(columns, len(images)))
    rows = max(1, math.ceil(len(images) / columns))
    canvas = _canvas(width * columns, (width + 0.4) * rows, into)
    grid = canvas.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[len(images) :]:
        axes.set_axis_off()
    for axes, image, caption in zip(grid, images, captions, strict=False):
        _picture(axes, np.squeeze(image), 255 if image.dtype == np.uint8 else 1)
        _title(axes, caption)
    return canvas.figure


def reliability(
    confidence: np.ndarray, right: np.ndarray, *, bins: int = 15, into: Figure | SubFigure | None = None
) -> Figure:
    """Draw how often answers of a given confidence are right; a calibrated network lies on the diagonal.

    The title gives the expected calibration error (``common.metrics``) over the same bins.

    Args:
        confidence: ``(n,)`` probability of the answer given, in [0, 1].
        right: ``(n,)`` whether it was right.
        bins: intervals of equal width.
        into: a figure, or a part of one, to draw on.

    Reference:
        Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 2.
    """
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    counts = np.bincount(place, minlength=bins)
    accuracy = np.bincount(place, right, minlength=bins) / np.maximum(counts, 1)
    error = expected_calibration_error(confidence, right, bins)
    left = np.arange(bins) / bins
    canvas = _canvas(3.8, 4.0, into)
    upper, lower = canvas.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.bar(left, accuracy, 1 / bins, align="edge", color=BLUE, ec="white", lw=1)
    upper.plot([0, 1], [0, 1], color=ORANGE, lw=1.5)
    upper.text(0.44, 0.56, "calibrated", rotation=38, color=ORANGE, fontsize=SMALL, ha="center", va="center")
    upper.set(xlim=(0, 1), ylim=(0, 1))
    _scaled(upper, "", "share right")
    _title(upper, f"expected calibration error {_percent(error)}")
    lower.bar(left, counts, 1 / bins, align="edge", color=LINE, ec="white", lw=1)
    _scaled(lower, "confidence", "answers")
    return canvas.figure


def to_png_bytes(figure: Figure, dpi: int = 150) -> bytes:
    """Return a figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, facecolor="white")
    return buffer.getvalue()


def _canvas(width: float, height: float, into: Figure | SubFigure | None) -> Figure | SubFigure:
    """Return what to draw on: ``into``, or a new figure of that size in inches."""
    from matplotlib.figure import Figure

    return into or Figure((width, height), layout="constrained", facecolor="white")


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
        sheet[y : y + height + 2, x : x + width + 2] = _rgb(LINE)
        shade = np.clip((tiles[..., number] - low) / (high - low), 0, 1)
        sheet[y + 1 : y + height + 1, x + 1 : x + width + 1] = shades(shade)[..., :3]
    axes.imshow(sheet, interpolation="nearest")
    axes.set_axis_off()
    return corners


def _picture(axes: Axes, image: np.ndarray, high: float) -> None:
    """Draw a picture in [0, ``high``]; a grey one with its bright strokes dark."""
    axes.imshow(image, cmap="Greys", vmin=0, vmax=high, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_color(LINE)


def _shades(*colours: str) -> Colormap:
    """Return the scale from 0 to 1 through evenly spaced colours."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("shades", colours)


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])


def _title(axes: Axes, text: str) -> None:
    if text:
        axes.set_title(text, fontsize=SMALL, color=INK, linespacing=1.25)


def _bare(axes: Axes) -> None:
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _scaled(axes: Axes, across: str, up: str) -> None:
    """Give axes of numbers their labels, a light horizontal grid, and no box."""
    axes.set_xlabel(across, fontsize=NORMAL, color=MUTED)
    axes.set_ylabel(up, fontsize=NORMAL, color=MUTED)
    axes.tick_params(length=0, labelsize=SMALL, labelcolor=MUTED)
    axes.grid(axis="y", color=LINE, lw=0.6)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(LINE)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
