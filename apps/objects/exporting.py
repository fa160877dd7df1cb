"""A classifier of pictures in other formats, checked on real pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from apps.objects.evaluation import kind_of
from apps.objects.options import TrainOptions
from common import artifact
from common.data.squares import square
from common.export import FORMATS, Parity, export
from common.predictor import load_network
from common.runs import options_of_run

__all__ = ["export_model"]

_EMBEDDED = ("astronaut", "cat", "coffee", "rocket")  # of scikit-image, inside its package


def export_model(model: str, format: str, data: str, out: Path | None) -> list[Parity]:
    """Write ``model`` in one format, or in ``all``, and compare each on pictures.

    Args:
        model: a shipped name or a run folder.
        format: a name of ``common.export.FORMATS``, or ``all``.
        data: source of the pictures; "" for the test part of the run's own data, else parts of scikit-image's.
        out: stem of the files; by default ``exports/NAME``.

    Raises:
        UsageError: an unknown format.
        UserError: a file that exists, or pictures that cannot be had.
    """
    names = FORMATS.names() if format == "all" else [format]
    for name in names:
        FORMATS.get(name)
    card = artifact.read_card(artifact.resolve(model))
    side = int(card.input_shape[0] or 0)
    pictures = _pictures(model, data, card, side).astype(np.float32) / 255
    network = load_network(model)
    stem = out or Path("exports") / Path(model).name
    example = (
        f"inputs = np.zeros((1, {side}, {side}, 3), np.float32)  # the whole picture as a square, RGB, 0 to 1"
    )
    return [export(network, name, stem, pictures, example) for name in names]


def _pictures(model: str, data: str, card: artifact.Card, side: int) -> np.ndarray:
    from apps.objects.data import Source, pictures_to_test

    options = options_of_run(model, TrainOptions)
    if data:
        source = Source(data, side)
    elif options:
        source = Source(options.data, side, options.column, options.label, options.several)
    else:
        return _embedded(side)
    split, _, _ = pictures_to_test(source, card.classes, kind_of(card), card.data["fingerprint"], card.seed)
    return split.images[:1_000]


def _embedded(side: int) -> np.ndarray:
    """Return squares of photographs, each picture whole and in 16 parts."""
    from skimage import data

    squares = []
    for name in _EMBEDDED:
        pixels = getattr(data, name)()
        squares.append(square(pixels, side))
        for strip in np.array_split(pixels, 4):
            squares += [square(np.ascontiguousarray(part), side) for part in np.array_split(strip, 4, axis=1)]
    return np.stack(squares)
