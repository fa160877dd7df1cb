"""How a network comes to its answer on one digit, as a picture to teach with.

The page follows the computation: the input; the learned kernels of the first convolution; the feature
maps they make, layer by layer; how much of the picture single units see; the scores; and which pixels the
answer rests on.  Beside it, for comparison, the ten weight images of a perceptron, which has one weight a
pixel and class and nothing else.  A network without convolutions gets the parts that it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.digits.explanation_page import (
    heat_panel,
    input_panel,
    kernel_panels,
    map_panel,
    perceptron_panels,
    score_panel,
    unit_panels,
)
from common import artifact, report
from common.activations import softmax
from common.errors import InputError
from common.files import replacing, write_text
from common.plots.sheet import Print, sheet
from common.predictor import load_network

if TYPE_CHECKING:
    import keras

__all__ = ["Explanation", "explain", "explain_file"]


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


def explain(
    pixels: np.ndarray,
    model: keras.Model,
    *,
    classes: Sequence[str],
    perceptron: np.ndarray | None = None,
    temperature: float = 1.0,
    command: str = "",
    next_command: str = "",
) -> Explanation:
    """Explain the answer of a network on one digit.

    Args:
        pixels: ``(height, width)`` float32 in [0, 1], bright strokes on black, as the network expects it.
        model: a network of ``apps.digits.models`` with raw scores.
        classes: K names.
        perceptron: weights ``(height * width, K)`` of a perceptron to compare with.
        temperature: of the network's calibration; scores are divided by it.
        command: what was typed, for the page.
        next_command: what to type next, for the page.

    Raises:
        ValueError: pixels, classes or weights that do not fit the network.
    """
    from common import explain as methods
    from common.receptive_fields import receptive_fields, stages

    expected = tuple(model.inputs[0].shape[1:3]), model.outputs[0].shape[-1]
    if (pixels.shape, len(classes)) != expected:
        raise ValueError(f"expected (pixels, classes) {expected}, received {(pixels.shape, len(classes))}")
    if perceptron is not None and perceptron.shape != (pixels.size, len(classes)):
        raise ValueError(f"expected weights {(pixels.size, len(classes))}, received {perceptron.shape}")
    image = pixels[..., None].astype(np.float32)

    def predict(images: np.ndarray) -> np.ndarray:
        return np.asarray(model(images, training=False))

    probabilities = softmax(predict(image[None])[0] / temperature)
    best = int(probabilities.argmax())
    maps, fields = methods.feature_maps(model, image), receptive_fields(model)
    shown = stages([field for field in fields if field.layer in maps])
    heats = {"saliency": methods.saliency(model, image, best)}
    if shown:
        heats["Grad-CAM"] = methods.grad_cam(model, image, best)
    heats["occlusion"] = methods.occlusion(predict, image, best)

    seen = [
        input_panel(pixels),
        *kernel_panels(methods.kernels(model)),
        *unit_panels(pixels, shown, maps),
    ]
    answered = [
        score_panel(probabilities, classes),
        heat_panel(pixels, heats, classes[best]),
        *perceptron_panels(perceptron, pixels, classes),
    ]
    panels = [seen, [map_panel(pixels, shown, maps, fields)], answered] if shown else [seen + answered]
    rows = [[Print.of(panel, row) for panel in row] for row in panels]
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
    return Explanation(sheet(rows, heading, note), html, facts)


def explain_file(
    path: str | Path, *, model: str | Path = "digits/cnn", out: Path | None = None, command: str = ""
) -> tuple[Explanation, Path, Path]:
    """Explain the first digit found on a picture.

    Args:
        path: the picture.
        model: a shipped name or a run folder.
        out: the PNG file to write; by default ``NAME.explained.png`` in the working directory.
        command: as typed, for the page.

    Returns:
        The explanation, the PNG file and the HTML file beside it.

    Raises:
        InputError: no such picture, or nothing written on it.
    """
    from apps.digits.page import find_digits
    from common.data.images import decode

    glyphs = find_digits(decode(path).pixels)
    if not glyphs:
        raise InputError(f"{path}: no digit found", "cnnapps digits predict --show-steps DIR shows why")
    card = artifact.read_card(artifact.resolve(model))
    explanation = explain(
        glyphs[0].picture,
        load_network(model),
        classes=card.classes,
        perceptron=_perceptron_weights(card.classes),
        temperature=card.calibration["temperature"],
        command=command,
        next_command="cnnapps digits train --network lenet",
    )
    explanation.facts["digits_found"] = len(glyphs)
    picture = out or Path(f"{Path(path).stem}.explained.png")
    with replacing(picture) as temporary:
        temporary.write_bytes(explanation.figure)
    write_text(picture.with_suffix(".html"), explanation.html)
    return explanation, picture, picture.with_suffix(".html")


def _perceptron_weights(classes: Sequence[str]) -> np.ndarray | None:
    """Return the weights ``(784, K)`` of the shipped perceptron, where it knows the same classes."""
    folder = artifact.resolve("digits/perceptron")
    if artifact.read_card(folder).classes != tuple(classes):
        return None
    return load_network(folder).get_layer("units").get_weights()[0]


def _html(
    parts: Sequence[Print], heading: str, note: str, facts: dict[str, Any], command: str, next_command: str
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
