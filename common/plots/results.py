"""What training and evaluation gave: curves, confusion, calibration, pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from common.metrics import expected_calibration_error
from common.plots.style import (
    BLUE,
    INK,
    LINE,
    MUTED,
    NORMAL,
    ORANGE,
    SMALL,
    canvas_of,
    draw_picture,
    percent,
    rgb,
    scale_axes,
    set_title,
    strip_axes,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

__all__ = ["against", "by_threshold", "confusion", "curves", "gallery", "reliability"]


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
    canvas = canvas_of(3.4 * len(names), 2.8, into)
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
        scale_axes(axes, "epoch", "")
        set_title(axes, "training loss" if name == "loss" else name)
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
    canvas = canvas_of(side, side, into)
    axes = canvas.subplots()
    right = np.eye(count, dtype=bool)
    wrong = np.where(right, 0, matrix)
    share = np.where(right, matrix / max(matrix.max(), 1), wrong / max(wrong.max(), 1))
    colour = np.where(right[..., None], rgb(BLUE), rgb(ORANGE))
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
    strip_axes(axes)
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
    canvas = canvas_of(width * columns, (width + 0.4) * rows, into)
    grid = canvas.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[len(images) :]:
        axes.set_axis_off()
    for axes, image, caption in zip(grid, images, captions, strict=False):
        draw_picture(axes, np.squeeze(image), 255 if image.dtype == np.uint8 else 1)
        set_title(axes, caption)
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
    canvas = canvas_of(3.8, 4.0, into)
    upper, lower = canvas.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.bar(left, accuracy, 1 / bins, align="edge", color=BLUE, ec="white", lw=1)
    upper.plot([0, 1], [0, 1], color=ORANGE, lw=1.5)
    upper.text(0.44, 0.56, "calibrated", rotation=38, color=ORANGE, fontsize=SMALL, ha="center", va="center")
    upper.set(xlim=(0, 1), ylim=(0, 1))
    scale_axes(upper, "", "share right")
    set_title(upper, f"expected calibration error {percent(error)}")
    lower.bar(left, counts, 1 / bins, align="edge", color=LINE, ec="white", lw=1)
    scale_axes(lower, "confidence", "answers")
    return canvas.figure


def by_threshold(
    thresholds: np.ndarray,
    shares: dict[str, np.ndarray],
    across: str,
    up: str,
    *,
    into: Figure | SubFigure | None = None,
) -> Figure:
    """Draw one curve a case and, thick, their mean; each is named where it ends.

    Args:
        thresholds: ``(n,)``.
        shares: by name of the case its share at each threshold ``(n,)``.
        across, up: names of the axes.
        into: a figure, or a part of one, to draw on.
    """
    canvas = canvas_of(5.6, 4.0, into)
    axes = canvas.subplots()
    for name, values in shares.items():
        axes.plot(thresholds, values, color=BLUE, lw=1, alpha=0.35)
        middle = len(thresholds) // 2
        axes.annotate(name, (thresholds[middle], values[middle]), fontsize=SMALL - 2, color=MUTED, alpha=0.8)
    axes.plot(thresholds, np.mean(list(shares.values()), axis=0), color=ORANGE, lw=2.5, label="mean")
    axes.legend(frameon=False, fontsize=SMALL, loc="lower right" if across == "pixels" else "lower left")
    axes.set(ylim=(0, 1.02), xlim=(thresholds[0], thresholds[-1]))
    scale_axes(axes, across, up)
    return canvas.figure


def against(
    observed: np.ndarray, predicted: np.ndarray, unit: str, *, into: Figure | SubFigure | None = None
) -> Figure:
    """Draw predicted values against observed ones; a perfect network lies on the diagonal.

    Args:
        observed, predicted: ``(n,)``.
        unit: of both.
        into: a figure, or a part of one, to draw on.
    """
    canvas = canvas_of(4.4, 4.2, into)
    axes = canvas.subplots()
    low, high = min(observed.min(), predicted.min()), max(observed.max(), predicted.max())
    margin = 0.03 * (high - low) + 1e-6
    axes.plot([low, high], [low, high], color=ORANGE, lw=1.5)
    # Of many dots each is fainter, so that where they lie densest stays visible.
    axes.scatter(
        observed, predicted, s=8, color=BLUE, lw=0, alpha=float(np.clip(300 / len(observed), 0.05, 0.8))
    )
    axes.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin))
    scale_axes(axes, f"measured {unit}", f"predicted {unit}")
    return canvas.figure
