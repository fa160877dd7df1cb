"""How a network comes to its answer on one digit, as a picture to teach with.

The page follows the computation: the input; the learned kernels of the first convolution; the feature
maps they make, layer by layer; how much of the picture single units see; the scores; and which pixels the
answer rests on.  Beside it, for comparison, the ten weight images of a perceptron, which has one weight a
pixel and class and nothing else.  A network without convolutions gets the parts that it has.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from common import plots, report
from common.predictor import softmax

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

    from common.explain import ReceptiveField

__all__ = ["Explanation", "explain"]

# Inches.  The page has the shape of A4 on its side and is printed there at 0.73 of this size.
_PAGE_WIDTH, _HEADING, _TITLE, _CAPTION, _MARGIN = 16.0, 0.6, 0.42, 0.48, 0.25
_DPI = 140


@dataclass(frozen=True)
class Explanation:
    """An explained answer.

    Args:
        figure: the page as a PNG file.
        html: the same parts one below the other, as a self-contained page.
        facts: ``predicted``, ``probability``, ``probabilities`` by class, ``parameters``, ``layers`` (name,
            map shape, receptive field, stride), ``strongest_pixel`` (row, column) by method.
    """

    figure: bytes
    html: str
    facts: dict[str, Any]

    @property
    def answer(self) -> str:
        """The class with the highest score."""
        return self.facts["predicted"]

    def to_json(self) -> dict[str, Any]:
        """Return the facts as plain values, without the pictures."""
        return self.facts


@dataclass(frozen=True)
class _Panel:
    """A part of the page; ``draw`` draws it into a figure.  Sizes are in inches, widths relative in a row."""

    title: str
    caption: str
    draw: Callable[[Figure], object]
    width: float
    height: float = 2.5


@dataclass(frozen=True)
class _Print:
    """A drawn panel: a PNG file of ``size`` inches."""

    panel: _Panel
    png: bytes
    size: tuple[float, float]

    @classmethod
    def of(cls, panel: _Panel, row: Sequence[_Panel]) -> _Print:
        """Draw ``panel`` at the size that it has on the page, beside the others of its row."""
        from matplotlib.figure import Figure

        free = _PAGE_WIDTH - _MARGIN * (len(row) + 1)
        size = free * panel.width / sum(other.width for other in row), panel.height
        figure = Figure(size, layout="constrained")
        panel.draw(figure)
        return cls(panel, plots.to_png_bytes(figure, _DPI), size)


def explain(
    pixels: np.ndarray,
    model: keras.Model,
    *,
    classes: Sequence[str],
    perceptron: np.ndarray | None = None,
    command: str = "",
    next_command: str = "",
) -> Explanation:
    """Explain the answer of a network on one digit.

    Args:
        pixels: ``(height, width)`` float32 in [0, 1], bright strokes on black, as the network expects it.
        model: a network of ``apps.digits.models`` with raw scores.
        classes: K names.
        perceptron: weights ``(height * width, K)`` of a perceptron to compare with.
        command: what was typed, for the page.
        next_command: what to type next, for the page.

    Raises:
        ValueError: pixels, classes or weights that do not fit the network.
    """
    from common import explain as methods

    expected = tuple(model.inputs[0].shape[1:3]), model.outputs[0].shape[-1]
    if (pixels.shape, len(classes)) != expected:
        raise ValueError(f"expected (pixels, classes) {expected}, received {(pixels.shape, len(classes))}")
    if perceptron is not None and perceptron.shape != (pixels.size, len(classes)):
        raise ValueError(f"expected weights {(pixels.size, len(classes))}, received {perceptron.shape}")
    image = pixels[..., None].astype(np.float32)

    def predict(images: np.ndarray) -> np.ndarray:
        return np.asarray(model(images, training=False))

    probabilities = softmax(predict(image[None])[0])
    best = int(probabilities.argmax())
    maps, fields = methods.feature_maps(model, image), methods.receptive_fields(model)
    stages = _stages([field for field in fields if field.layer in maps])
    heats = {"saliency": methods.saliency(model, image, best)}
    if stages:
        heats["Grad-CAM"] = methods.grad_cam(model, image, best)
    heats["occlusion"] = methods.occlusion(predict, image, best)

    seen = [
        _input_panel(pixels),
        *_kernel_panels(methods.kernels(model)),
        *_unit_panels(pixels, stages, maps),
    ]
    answered = [
        _score_panel(probabilities, classes),
        _heat_panel(pixels, heats, classes[best]),
        *_perceptron_panels(perceptron, pixels, classes),
    ]
    panels = [seen, [_map_panel(pixels, stages, maps, fields)], answered] if stages else [seen + answered]
    rows = [[_Print.of(panel, row) for panel in row] for row in panels]
    heading = (
        f"How the network “{model.name}” reads this as {classes[best]} ({100 * probabilities[best]:.1f} %)"
    )
    note = "" if perceptron is not None else "The perceptron's weight images are left out: no weights given."
    facts = {
        "predicted": classes[best],
        "probability": float(probabilities[best]),
        "probabilities": {name: float(share) for name, share in zip(classes, probabilities, strict=True)},
        "parameters": model.count_params(),
        "layers": [
            {
                "layer": field.layer,
                "shape": list(field.map_shape),
                "receptive_field": list(field.size),
                "stride": list(field.stride),
            }
            for field in fields
        ],
        "strongest_pixel": {
            name: [int(place) for place in np.unravel_index(heat.argmax(), heat.shape)]
            for name, heat in heats.items()
        },
    }
    html = _html([part for row in rows for part in row], heading, note, facts, command, next_command)
    return Explanation(_page(rows, heading, note), html, facts)


def _stages(fields: Sequence[ReceptiveField]) -> list[ReceptiveField]:
    """Return the last layer of each run of layers whose maps have one shape, maps of 1×1 left out."""
    wide = [field for field in fields if field.map_shape[:2] != (1, 1)]
    return [
        field
        for field, after in zip(wide, [*wide, None][1:], strict=True)
        if after is None or after.map_shape != field.map_shape
    ]


def _label(layer: str) -> str:
    """Return a layer's name for people: ``max_pooling2d_1`` is what Keras calls "max pooling"."""
    return re.sub(r"^(max|average)_pooling2d(_\d+)?$", r"\1 pooling", layer)


def _input_panel(pixels: np.ndarray) -> _Panel:
    height, width = pixels.shape
    return _Panel(
        "Input",
        f"{height}×{width} pixels, strokes drawn dark.",
        lambda into: plots.gallery(pixels[None], [f"{height}×{width}×1"], width=2.4, into=into),
        2.7,
    )


def _kernel_panels(kernels: dict[str, np.ndarray]) -> list[_Panel]:
    if not kernels:
        return []
    layer, kernel = next(iter(kernels.items()))
    height, width, _, count = kernel.shape
    title = f"{layer}: {count} kernels of {height}×{width}"
    return [
        _Panel(
            "Learned kernels",
            "Shared weights: each slides over all pixels.\nOrange adds, blue takes away.",
            lambda into: plots.kernels_grid(kernel[:, :, 0], title=title, into=into),
            3.4,
        )
    ]


def _unit_panels(
    pixels: np.ndarray, stages: Sequence[ReceptiveField], maps: dict[str, np.ndarray]
) -> list[_Panel]:
    """Show what the most active unit of each stage sees."""
    if not stages:
        return []
    units = []
    for field in stages[:5]:
        active = maps[field.layer]
        row, column, _ = np.unravel_index(active.argmax(), active.shape)
        units.append((replace(field, layer=_label(field.layer)), int(row), int(column)))
    return [
        _Panel(
            "Local receptive fields",
            "What the most active unit of a layer sees of the picture. Every layer up sees more.",
            lambda into: plots.receptive_field_drawing(pixels, units, into=into),
            9.9,
        )
    ]


def _map_panel(
    pixels: np.ndarray,
    stages: Sequence[ReceptiveField],
    maps: dict[str, np.ndarray],
    fields: Sequence[ReceptiveField],
) -> _Panel:
    def draw(into: Figure) -> None:
        parts = into.subfigures(1, len(stages), squeeze=False)[0]
        for part, field in zip(parts, stages, strict=True):
            height, width, count = field.map_shape
            plots.maps_grid(
                maps[field.layer], title=f"{_label(field.layer)}: {count} maps of {height}×{width}", into=part
            )

    vectors = dict.fromkeys(field.map_shape[2:] for field in fields if field.map_shape[:2] == (1, 1))
    shapes = [(*pixels.shape, 1), *(field.map_shape for field in stages), *vectors]
    return _Panel(
        "Feature maps, layer by layer",
        "Dark is active; map k stands where kernel k stands. Pooling condenses the maps and keeps what was "
        f"found: {' → '.join('×'.join(map(str, shape)) for shape in shapes)}.",
        draw,
        width=16.0,
        height=3.1,
    )


def _score_panel(probabilities: np.ndarray, classes: Sequence[str]) -> _Panel:
    return _Panel(
        "Scores after softmax",
        "One score a class; softmax turns\nthe scores into shares of 100 %.",
        lambda into: plots.score_bars(probabilities, classes, into=into),
        3.3,
    )


def _heat_panel(pixels: np.ndarray, heats: dict[str, np.ndarray], answer: str) -> _Panel:
    titles = {
        "saliency": f"saliency\npixels that would move\nthe score of {answer} most",
        "Grad-CAM": f"Grad-CAM\nwhere the last maps\nhold evidence for {answer}",
        "occlusion": "occlusion\ncovering it lowers (orange)\nor raises (blue) the score",
    }

    def draw(into: Figure) -> None:
        parts = into.subfigures(1, len(heats), squeeze=False)[0]
        for part, (name, heat) in zip(parts, heats.items(), strict=True):
            plots.overlay(pixels, heat, title=titles[name], into=part)

    return _Panel(
        f"What the answer {answer} rests on",
        "Each method asks another question; trust what they agree on.",
        draw,
        7.5,
    )


def _perceptron_panels(
    perceptron: np.ndarray | None, pixels: np.ndarray, classes: Sequence[str]
) -> list[_Panel]:
    if perceptron is None:
        return []
    images = perceptron.reshape(*pixels.shape, len(classes))
    captions = [
        f"{name}: {total:+.1f}" for name, total in zip(classes, pixels.ravel() @ perceptron, strict=True)
    ]
    return [
        _Panel(
            "For comparison: the perceptron",
            "One weight a pixel and class, nothing else. The number is\n"
            "the weighted sum of this picture, without the bias.",
            lambda into: plots.kernels_grid(images, captions=captions, columns=5, into=into),
            5.2,
        )
    ]


def _page(rows: Sequence[Sequence[_Print]], heading: str, note: str) -> bytes:
    """Lay the panels out on one sheet, numbered in the order of the computation."""
    from matplotlib.figure import Figure
    from matplotlib.image import imread

    height = _HEADING + sum(_TITLE + row[0].size[1] + _CAPTION for row in rows)
    figure = Figure((_PAGE_WIDTH, height), dpi=_DPI)

    def write(text: str, x: float, y: float, **style: Any) -> None:
        figure.text(x / _PAGE_WIDTH, y / height, text, **({"color": plots.INK, "va": "center"} | style))

    y = height - _HEADING
    write(heading, _MARGIN, y + _HEADING / 2, fontsize=20, weight="bold")
    write(note, _PAGE_WIDTH - _MARGIN, y + _HEADING / 2, fontsize=plots.NORMAL, color=plots.MUTED, ha="right")
    number = 0
    for row in rows:
        x, y = _MARGIN, y - _TITLE - row[0].size[1]
        for part in row:
            number += 1
            title, above = f"{number}  {part.panel.title}", y + part.size[1] + _TITLE / 2
            write(title, x, above, fontsize=13, weight="bold")
            figure.figimage(imread(io.BytesIO(part.png)), round(x * _DPI), round(y * _DPI))
            write(part.panel.caption, x, y - 0.05, fontsize=plots.NORMAL, color=plots.MUTED, va="top")
            x += part.size[0] + _MARGIN
        y -= _CAPTION
    return plots.to_png_bytes(figure, _DPI)


def _html(
    parts: Sequence[_Print], heading: str, note: str, facts: dict[str, Any], command: str, next_command: str
) -> str:
    table = [("layer", "maps", "sees (pixels)", "stride")]
    for layer in facts["layers"]:
        sizes = ("×".join(map(str, layer[key])) for key in ("shape", "receptive_field", "stride"))
        table.append((layer["layer"], *sizes))
    sections = [report.Section(part.panel.title, part.panel.caption, part.png) for part in parts]
    sections.append(report.Section("Every layer", note, table=table))
    summary = [
        ("Answer", f"{facts['predicted']} ({100 * facts['probability']:.1f} %)"),
        ("Weights", f"{facts['parameters']:,}"),
    ]
    return report.render(heading, summary, sections, command, next_command)
