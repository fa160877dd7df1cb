"""The parts of the explained page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from common import plots
from common.plots.sheet import Panel, layer_label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from common.receptive_fields import ReceptiveField

__all__ = [
    "heat_panel",
    "input_panel",
    "kernel_panels",
    "map_panel",
    "perceptron_panels",
    "score_panel",
    "unit_panels",
]


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
        units.append((replace(field, layer=layer_label(field.layer)), int(row), int(column)))
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
                maps[field.layer],
                title=f"{layer_label(field.layer)}: {count} maps of {height}×{width}",
                into=part,
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
