"""Why a classifier says what it says of one picture, as a picture.

The sheet shows the picture, the likeliest classes, where the last feature maps hold evidence for the first of them
(Grad-CAM++), what lowers its score when it is covered (occlusion), and how much of the picture single units see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from apps.objects.options import GENERAL
from apps.objects.prediction import load_classifier
from common import plots
from common.data.images import decode
from common.data.squares import decode_square, square
from common.errors import UserError, nearest
from common.files import replacing
from common.plots.sheet import Panel, Print, layer_label, sheet
from common.predictor import Predictor, load_network

if TYPE_CHECKING:
    from common.receptive_fields import ReceptiveField

__all__ = ["Explanation", "explain", "explain_file"]

_SHOWN = 480  # pixels of the longer side of the picture on the sheet
_UNITS = 4


@dataclass(frozen=True)
class Explanation:
    """An explained answer.

    Args:
        figure: the sheet as a PNG file.
        facts: ``class``, ``probability``, ``first`` (the likeliest classes), ``evidence`` (the point, as shares of
            width and height, where Grad-CAM++ is largest), ``occlusion`` (the same), ``layers`` (name, map shape,
            receptive field).
    """

    figure: bytes
    facts: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return the facts as plain values, without the picture."""
        return self.facts


def explain(
    pixels: np.ndarray,
    model: str | Path = GENERAL,
    *,
    target: str = "",
    predictor: Predictor | None = None,
    seen: np.ndarray | None = None,
) -> Explanation:
    """Explain what a classifier says of a picture.

    Args:
        pixels: ``(height, width, 3)`` uint8.
        model: a shipped name or a run folder.
        target: the class to explain; "" for the likeliest.
        predictor: the model, where it is loaded already.
        seen: what the network is given ``(side, side, 3)`` uint8, where that is at hand.

    Raises:
        UserError: the model does not know the class.
    """
    predictor = predictor or load_classifier(model)
    card = predictor.card
    if target and target not in card.classes:
        raise UserError(
            f"{model} knows no class {target!r}{nearest(target, card.classes)}", "leave out --class"
        )
    side = int(card.input_shape[0] or 0)
    image = (square(pixels, side) if seen is None else seen).astype(np.float32) / 255
    probabilities = predictor.probabilities(image[None])[0]
    chosen = card.classes.index(target) if target else int(probabilities.argmax())
    network = load_network(
        model
    )  # before anything else of Keras: it holds back what TensorFlow says at first
    from common import explain as methods

    evidence = methods.grad_cam_plus_plus(network, image, chosen)
    patch = max(4, side // 6)
    covered = methods.occlusion(
        lambda batch: predictor.runner(batch), image, chosen, patch, max(2, patch // 3),
        fill=float(image.mean()), batch=predictor.batch,
    )  # fmt: skip
    fields = _fields(network)
    units = _most_active(fields, methods.feature_maps(network, image))

    name, chance = card.classes[chosen], float(probabilities[chosen])
    photo = _shown(pixels)
    panels = [
        [_photo_panel(photo, side), _heat_panel(photo, evidence, covered, name)],
        [_score_panel(probabilities, card.classes), *_unit_panels(image, units)],
    ]
    rows = [[Print.of(panel, row) for panel in row] for row in panels]
    heading = f"Why the network “{network.name}” says {name} ({100 * chance:.1f} %)"
    facts = {
        "class": name,
        "probability": chance,
        "first": _first(probabilities, card.classes),
        "evidence": _peak(evidence),
        "occlusion": _peak(covered),
        "layers": [
            {"layer": field.layer, "shape": list(field.map_shape), "receptive_field": list(field.size)}
            for field in fields
        ],
    }
    return Explanation(sheet(rows, heading, f"model: {model}"), facts)


def explain_file(
    path: str | Path, *, model: str | Path = GENERAL, target: str = "", out: Path | None = None
) -> tuple[Explanation, Path]:
    """Explain a picture and write the sheet.

    Args:
        path: the picture.
        model: a shipped name or a run folder.
        target: the class to explain; "" for the likeliest.
        out: the PNG file to write; by default ``NAME.explained.png`` in the working directory.

    Returns:
        The explanation and the file written.

    Raises:
        InputError: no such picture.
        UserError: the model does not know the class.
    """
    predictor = load_classifier(model)
    seen, _ = decode_square(path, int(predictor.card.input_shape[0] or 0))  # as where it is classified
    explanation = explain(decode(path).pixels, model, target=target, predictor=predictor, seen=seen)
    picture = out or Path(f"{Path(path).stem}.explained.png")
    with replacing(picture) as temporary:
        temporary.write_bytes(explanation.figure)
    return explanation, picture


def _fields(network) -> list[ReceptiveField]:  # noqa: ANN001
    """Return the receptive fields of the stages of a network; none where a layer has no rule for them."""
    from common.receptive_fields import receptive_fields, stages

    try:
        return stages(receptive_fields(network))
    except ValueError:
        return []


def _most_active(
    fields: Sequence[ReceptiveField], maps: dict[str, np.ndarray]
) -> list[tuple[ReceptiveField, int, int]]:
    """Return the most active unit of the last stages, the finest first."""
    units = []
    for field in [field for field in fields if field.layer in maps][-_UNITS:]:
        active = maps[field.layer]
        row, column, _ = np.unravel_index(active.argmax(), active.shape)
        units.append((replace(field, layer=layer_label(field.layer)), int(row), int(column)))
    return units


def _shown(pixels: np.ndarray) -> np.ndarray:
    """Return the picture as it is drawn: its own aspect, no larger than needed, float in [0, 1]."""
    factor = min(1.0, _SHOWN / max(pixels.shape[:2]))
    size = [max(1, round(length * factor)) for length in pixels.shape[1::-1]]
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def _over(heat: np.ndarray, photo: np.ndarray) -> np.ndarray:
    """Bring a heat map of the square back to the aspect of the picture."""
    return cv2.resize(heat, photo.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def _peak(heat: np.ndarray) -> list[float]:
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    return [round((float(column) + 0.5) / heat.shape[1], 4), round((float(row) + 0.5) / heat.shape[0], 4)]


def _first(probabilities: np.ndarray, classes: Sequence[str], count: int = 5) -> list[dict[str, Any]]:
    order = np.argsort(-probabilities, kind="stable")[:count]
    return [{"class": classes[place], "probability": float(probabilities[place])} for place in order]


def _photo_panel(photo: np.ndarray, side: int) -> Panel:
    return Panel(
        "The picture",
        f"The network sees it as a square of {side}×{side} pixels.",
        lambda into: plots.gallery([photo], ["as it was taken"], into=into),
        5.0,
        4.4,
    )


def _score_panel(probabilities: np.ndarray, classes: Sequence[str]) -> Panel:
    order = np.argsort(-probabilities, kind="stable")[:8]
    names = [classes[place] for place in order]
    return Panel(
        "The likeliest classes",
        "Calibrated on pictures it was not trained on.",
        lambda into: plots.score_bars(probabilities[order], names, into=into),
        5.0,
        2.8,
    )


def _heat_panel(photo: np.ndarray, evidence: np.ndarray, covered: np.ndarray, name: str) -> Panel:
    def draw(into) -> None:  # noqa: ANN001
        left, right = into.subfigures(1, 2)
        title = f"Grad-CAM++: where the last maps\nhold evidence for {name}"
        plots.overlay(photo, _over(evidence, photo), title=title, into=left)
        title = "occlusion: covering it lowers (orange)\nor raises (blue) the score"
        plots.overlay(photo, _over(covered, photo), title=title, into=right)

    return Panel(
        f"What the answer {name} rests on",
        "Two methods, two questions; trust what they agree on.",
        draw,
        10.0,
        4.4,
    )


def _unit_panels(image: np.ndarray, units: Sequence[tuple[ReceptiveField, int, int]]) -> list[Panel]:
    if not units:
        return []
    return [
        Panel(
            "Receptive fields",
            "What the most active unit of a layer sees of the square.",
            lambda into: plots.receptive_field_drawing(image, units, into=into),
            10.0,
            2.8,
        )
    ]
