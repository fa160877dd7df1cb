"""A detector in other formats: pictures in, one box an object out, nothing of ours needed to run it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from common import artifact
from common.data.boxed.geometry import Example, letterbox
from common.data.images import decode, find_pictures
from common.errors import ArtifactError
from common.export import FORMATS, Parity, export
from common.predictor import load_network

if TYPE_CHECKING:
    import keras

__all__ = ["DETECTOR_FORMATS", "answering_network", "export_detector"]

DETECTOR_FORMATS = ("savedmodel", "onnx", "litert", "litert-float16")
EXAMPLE = (
    "inputs = np.zeros((1, {side}, {side}, 3), np.float32)  # RGB, 0 to 1\n"
    "# out: left, top, right, bottom, score, class ({classes}); zeros are no object"
)
_COMPARED = 8  # pictures


def export_detector(
    model: str | Path, format: str, pictures: list[str], out: Path | None = None
) -> list[Parity]:
    """Write a detector in one format, or in ``all``, and compare each on pictures.

    Decoding and class-wise suppression are in the exported graph; its size of picture and its threshold are fixed.
    ``detect`` itself runs the plain network and does both outside, for there pictures come in any shape, and an
    evaluation asks for other thresholds than a person.

    Args:
        model: a shipped name or a run folder.
        format: one of ``DETECTOR_FORMATS``, or ``all``.
        pictures: files, folders or patterns to compare on; () for noise.
        out: stem of the files; by default ``exports/NAME``.

    Raises:
        ArtifactError: no such model, or one that detects nothing.
        InputError: a picture that cannot be read.
        UsageError: an unknown format.
        UserError: a file that exists.
    """
    names = DETECTOR_FORMATS if format == "all" else (format,)
    for name in names:
        FORMATS.get(name)
    card = artifact.read_card(artifact.resolve(model))
    if "overlap" not in card.calibration:
        raise ArtifactError(f"{model} is a model of {card.app} ({card.network}), not a detector")
    side = card.input_shape[0] or 0
    files = find_pictures(pictures)[:_COMPARED] if pictures else []
    inputs = np.stack([_square(file, side) for file in files]) if files else _noise(side)
    network = answering_network(load_network(model), card)
    stem = out or Path("exports") / Path(model).name
    example = EXAMPLE.format(side=side, classes=", ".join(card.classes))
    return [export(network, name, stem, inputs, example) for name in names]


def answering_network(network: keras.Model, card: artifact.Card) -> keras.Model:
    """Return the network from square pictures ``(batch, side, side, 3)`` to boxes ``(batch, 300, 6)``.

    Args:
        network: from pictures to raw outputs.
        card: of the model: the side, the threshold and the overlap.
    """
    import keras

    from common.layers import SuppressedBoxes

    side = card.input_shape[0] or 0
    picture = keras.Input((side, side, 3), name="picture")
    answer = SuppressedBoxes(
        side, overlap=card.calibration["overlap"], threshold=card.calibration["threshold"], name="objects"
    )
    return keras.Model(picture, answer(network(picture)), name=network.name)


def _square(file: Path, side: int) -> np.ndarray:
    pixels = decode(file, max_side=4 * side).pixels
    return letterbox(Example(pixels), side)[0].pixels.astype(np.float32) / 255


def _noise(side: int) -> np.ndarray:
    return np.random.default_rng(0).random((2, side, side, 3), np.float32)
