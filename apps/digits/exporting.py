"""A digit model in other formats, checked on the test pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from common.export import FORMATS, Parity, export
from common.predictor import load_network

__all__ = ["export_model"]

EXAMPLE = "inputs = np.zeros((1, 28, 28, 1), np.float32)  # bright strokes on black, 0 to 1"


def export_model(model: str, format: str, data: str, out: Path | None) -> list[Parity]:
    """Write ``model`` in one format, or in ``all``, and compare each on the test split.

    Args:
        model: a shipped name or a run folder.
        format: a name of ``common.export.FORMATS``, or ``all``.
        data: source of the pictures; "" for the best at hand.
        out: stem of the files; by default ``exports/NAME``.

    Raises:
        UsageError: an unknown format.
        UserError: a file that exists.
    """
    names = FORMATS.names() if format == "all" else [format]
    for name in names:
        FORMATS.get(name)
    from apps.digits.data import best_at_hand, open_data

    network = load_network(model)
    pictures = open_data(data or best_at_hand()[0]).test.images.astype(np.float32) / 255
    stem = out or Path("exports") / Path(model).name
    return [export(network, name, stem, pictures, EXAMPLE) for name in names]
