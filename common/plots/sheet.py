"""Several plots on one sheet, numbered, with a heading: a page to print."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Inches.  The page has the shape of A4 on its side and is printed there at 0.73 of this size.
_PAGE_WIDTH, _HEADING, _TITLE, _CAPTION, _MARGIN = 16.0, 0.6, 0.42, 0.48, 0.25
_DPI = 140

__all__ = ["Panel", "Print", "layer_label", "sheet"]


@dataclass(frozen=True)
class Panel:
    """A part of the page; ``draw`` draws it into a figure.  Sizes are in inches, widths relative in a row."""

    title: str
    caption: str
    draw: Callable[[Figure], object]
    width: float
    height: float = 2.5


@dataclass(frozen=True)
class Print:
    """A drawn panel: a PNG file of ``size`` inches."""

    panel: Panel
    png: bytes
    size: tuple[float, float]

    @classmethod
    def of(cls, panel: Panel, row: Sequence[Panel]) -> Print:
        """Draw ``panel`` at the size that it has on the page, beside the others of its row."""
        from matplotlib.figure import Figure

        free = _PAGE_WIDTH - _MARGIN * (len(row) + 1)
        size = free * panel.width / sum(other.width for other in row), panel.height
        figure = Figure(size, layout="constrained")
        panel.draw(figure)
        return cls(panel, style.to_png_bytes(figure, _DPI), size)


def sheet(rows: Sequence[Sequence[Print]], heading: str, note: str) -> bytes:
    """Lay the panels out on one sheet, numbered in the order of the computation."""
    from matplotlib.figure import Figure
    from matplotlib.image import imread

    height = _HEADING + sum(_TITLE + row[0].size[1] + _CAPTION for row in rows)
    figure = Figure((_PAGE_WIDTH, height), dpi=_DPI)

    def write(text: str, x: float, y: float, **look: Any) -> None:
        figure.text(x / _PAGE_WIDTH, y / height, text, **({"color": style.INK, "va": "center"} | look))

    y = height - _HEADING
    write(heading, _MARGIN, y + _HEADING / 2, fontsize=20, weight="bold")
    write(note, _PAGE_WIDTH - _MARGIN, y + _HEADING / 2, fontsize=style.NORMAL, color=style.MUTED, ha="right")
    number = 0
    for row in rows:
        x, y = _MARGIN, y - _TITLE - row[0].size[1]
        for part in row:
            number += 1
            title, above = f"{number}  {part.panel.title}", y + part.size[1] + _TITLE / 2
            write(title, x, above, fontsize=13, weight="bold")
            figure.figimage(imread(io.BytesIO(part.png)), round(x * _DPI), round(y * _DPI))
            write(part.panel.caption, x, y - 0.05, fontsize=style.NORMAL, color=style.MUTED, va="top")
            x += part.size[0] + _MARGIN
        y -= _CAPTION
    return style.to_png_bytes(figure, _DPI)


def layer_label(layer: str) -> str:
    """Return a layer's name for people: ``max_pooling2d_1`` is what Keras calls "max pooling"."""
    return re.sub(r"^(max|average)_pooling2d(_\d+)?$", r"\1 pooling", layer)
