"""What every plot has in common: colours, letters, axes."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure, SubFigure

__all__ = [
    "BLUE",
    "INK",
    "LINE",
    "MUTED",
    "NORMAL",
    "ORANGE",
    "SMALL",
    "canvas_of",
    "draw_picture",
    "percent",
    "rgb",
    "scale_axes",
    "set_title",
    "shades_of",
    "strip_axes",
    "to_png_bytes",
]

INK, MUTED, LINE = "#1f2933", "#616e7c", "#d3dae2"
BLUE, ORANGE = "#1f5fa8", "#d9480f"
SMALL, NORMAL = 9, 10.5


def to_png_bytes(figure: Figure, dpi: int = 150) -> bytes:
    """Return a figure as the bytes of a PNG file; letters that its font has not become boxes."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(buffer, format="png", dpi=dpi, facecolor="white")
    return buffer.getvalue()


def canvas_of(width: float, height: float, into: Figure | SubFigure | None) -> Figure | SubFigure:
    """Return what to draw on: ``into``, or a new figure of that size in inches."""
    from matplotlib.figure import Figure

    return into or Figure((width, height), layout="constrained", facecolor="white")


def draw_picture(axes: Axes, image: np.ndarray, high: float) -> None:
    """Draw a picture in [0, ``high``]; a grey one with its bright strokes dark."""
    axes.imshow(image, cmap="Greys", vmin=0, vmax=high, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_color(LINE)


def shades_of(*colours: str) -> Colormap:
    """Return the scale from 0 to 1 through evenly spaced colours."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("shades", colours)


def rgb(colour: str) -> np.ndarray:
    """Return a colour ``#rrggbb`` as three numbers in [0, 1]."""
    return np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])


def set_title(axes: Axes, text: str) -> None:
    """Write a small title, if there is one."""
    if text:
        axes.set_title(text, fontsize=SMALL, color=INK, linespacing=1.25)


def strip_axes(axes: Axes) -> None:
    """Take away frame and ticks."""
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def scale_axes(axes: Axes, across: str, up: str) -> None:
    """Give axes of numbers their labels, a light horizontal grid, and no box."""
    axes.set_xlabel(across, fontsize=NORMAL, color=MUTED)
    axes.set_ylabel(up, fontsize=NORMAL, color=MUTED)
    axes.tick_params(length=0, labelsize=SMALL, labelcolor=MUTED)
    axes.grid(axis="y", color=LINE, lw=0.6)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(LINE)


def percent(share: float) -> str:
    """Return a share as a percentage with one decimal."""
    return f"{100 * share:.1f} %"
