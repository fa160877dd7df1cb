"""The parts of the explained page, and the sheet they are laid out on."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from common import plots
from common.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from common.explain import ReceptiveField

# Inches.  The page has the shape of A4 on its side and is printed there at 0.73 of this size.
_PAGE_WIDTH, _HEADING, _TITLE, _CAPTION, _MARGIN = 16.0, 0.6, 0.42, 0.48, 0.25
_DPI = 140

__all__ = [
    "Panel",
    "Print",
    "heat_panel",
    "input_panel",
    "kernel_panels",
    "map_panel",
    "perceptron_panels",
    "score_panel",
    "sheet",
    "unit_panels",
]


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
        return cls(panel, plots.to_png_bytes(figure, _DPI), size)


def _label(layer: str) -> str:
    """Return a layer's name for people: ``max_pooling2d_1`` is what Keras calls "max pooling"."""
    return re.sub(r"^(max|average)_pooling2d(_\d+)?$", r"\1 pooling", layer)


def input_panel(pixels: np.ndarray) -> Panel:
    """Return the picture as the network sees it."""
    height, width = pixels.shape
    return Panel(
        "Input",
        f"{height}×{width} pixels, strokes drawn dark.",
        lambda into: plots.gallery(pixels[None], [f"{height}×{width}×1"], width=2.4, into=into),
        2.7,
    )


def kernel_panels(kernels: dict[str, np.ndarray]) -> list[Panel]:
    """Return the learned kernels of the first convolution, or nothing for a network without one."""
    if not kernels:
        return []
    layer, kernel = next(iter(kernels.items()))
    height, width, _, count = kernel.shape
    title = f"{layer}: {count} kernels of {height}×{width}"
    return [
        Panel(
            "Learned kernels",
            "Shared weights: each slides over all pixels.\nOrange adds, blue takes away.",
            lambda into: plots.kernels_grid(kernel[:, :, 0], title=title, into=into),
            3.4,
        )
    ]


def unit_panels(
    pixels: np.ndarray, stages: Sequence[ReceptiveField], maps: dict[str, np.ndarray]
) -> list[Panel]:
    """Show what the most active unit of each stage sees."""
    if not stages:
        return []
    units = []
    for field in stages[:5]:
        active = maps[field.layer]
        row, column, _ = np.unravel_index(active.argmax(), active.shape)
        units.append((replace(field, layer=_label(field.layer)), int(row), int(column)))
    return [
        Panel(
            "Local receptive fields",
            "What the most active unit of a layer sees of the picture. Every layer up sees more.",
            lambda into: plots.receptive_field_drawing(pixels, units, into=into),
            9.9,
        )
    ]


def map_panel(
    pixels: np.ndarray,
    stages: Sequence[ReceptiveField],
    maps: dict[str, np.ndarray],
    fields: Sequence[ReceptiveField],
) -> Panel:
    """Return the feature maps, layer by layer, with their sizes."""

    def draw(into: Figure) -> None:
        parts = into.subfigures(1, len(stages), squeeze=False)[0]
        for part, field in zip(parts, stages, strict=True):
            height, width, count = field.map_shape
            plots.maps_grid(
                maps[field.layer], title=f"{_label(field.layer)}: {count} maps of {height}×{width}", into=part
            )

    vectors = dict.fromkeys(field.map_shape[2:] for field in fields if field.map_shape[:2] == (1, 1))
    shapes = [(*pixels.shape, 1), *(field.map_shape for field in stages), *vectors]
    return Panel(
        "Feature maps, layer by layer",
        "Dark is active; map k stands where kernel k stands. Pooling condenses the maps and keeps what was "
        f"found: {' → '.join('×'.join(map(str, shape)) for shape in shapes)}.",
        draw,
        width=16.0,
        height=3.1,
    )


def score_panel(probabilities: np.ndarray, classes: Sequence[str]) -> Panel:
    """Return the probabilities as bars."""
    return Panel(
        "Scores after softmax",
        "One score a class; softmax turns\nthe scores into shares of 100 %.",
        lambda into: plots.score_bars(probabilities, classes, into=into),
        3.3,
    )


def heat_panel(pixels: np.ndarray, heats: dict[str, np.ndarray], answer: str) -> Panel:
    """Return which pixels the answer rests on, by method."""
    titles = {
        "saliency": f"saliency\npixels that would move\nthe score of {answer} most",
        "Grad-CAM": f"Grad-CAM\nwhere the last maps\nhold evidence for {answer}",
        "occlusion": "occlusion\ncovering it lowers (orange)\nor raises (blue) the score",
    }

    def draw(into: Figure) -> None:
        parts = into.subfigures(1, len(heats), squeeze=False)[0]
        for part, (name, heat) in zip(parts, heats.items(), strict=True):
            plots.overlay(pixels, heat, title=titles[name], into=part)

    return Panel(
        f"What the answer {answer} rests on",
        "Each method asks another question; trust what they agree on.",
        draw,
        7.5,
    )


def perceptron_panels(
    perceptron: np.ndarray | None, pixels: np.ndarray, classes: Sequence[str]
) -> list[Panel]:
    """Return the weight images of a perceptron, or nothing without weights."""
    if perceptron is None:
        return []
    images = perceptron.reshape(*pixels.shape, len(classes))
    captions = [
        f"{name}: {total:+.1f}" for name, total in zip(classes, pixels.ravel() @ perceptron, strict=True)
    ]
    return [
        Panel(
            "For comparison: the perceptron",
            "One weight a pixel and class, nothing else. The number is\n"
            "the weighted sum of this picture, without the bias.",
            lambda into: plots.kernels_grid(images, captions=captions, columns=5, into=into),
            5.2,
        )
    ]


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
    return plots.to_png_bytes(figure, _DPI)
