"""A text model in other formats, checked on real texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from apps.text.prediction import open_text_model
from common import artifact
from common.data.encoding import stream_lines
from common.errors import UsageError
from common.export import Parity, export
from common.predictor import load_network

__all__ = ["FORMATS", "export_model"]

FORMATS = ("savedmodel", "onnx", "litert")  # the tables are in 8 bits already
# Texts of many lengths, for a comparison without a file.
SENTENCES = (
    "a gorgeous, witty, seductive movie", "dull and far too long", "what is the capital of France ?", "not bad at all",
    "the plot makes no sense, but the actors save it", "arrived broken; the shop sent a new one the same day",
    "好看", "I do n't know what to say :-)", "it", "two hours of my life that I will never get back",
)  # fmt: skip


def export_model(model: str, format: str, data: str, out: Path | None) -> list[Parity]:
    """Write ``model`` in one format, or in ``all``, and compare each on texts.

    Args:
        model: a shipped name or a run folder.
        format: one of ``FORMATS``, or ``all``.
        data: a file with a text a line; "" for ten sentences.
        out: stem of the files; by default ``exports/NAME``.

    Raises:
        UsageError: an unknown format.
        UserError: a file that exists.
        MissingExtra: ONNX without its packages.
    """
    if format not in ("all", *FORMATS):
        raise UsageError(f"unknown format {format!r}", f"choose {', '.join(FORMATS)} or all")
    _, reader, _ = open_text_model(model)
    texts = [line for line in stream_lines(data) if line.strip()][:1_000] if data else list(SENTENCES)
    encoded = reader.encode(texts)
    inputs = encoded.padded(np.arange(len(encoded)))
    network = load_network(model)
    stem = out or Path("exports") / Path(model).name
    example = (
        "# Encoding a text needs the model's vocabulary, and cnnapps to read it:\n"
        "from pathlib import Path\nfrom apps.text.vocabulary import TextEncoder\n"
        f'vocabulary = Path("{artifact.resolve(model) / "vocabulary.npz"}")\n'
        'inputs = TextEncoder.from_file(vocabulary).encode(["a text"]).padded(np.arange(1))  # (1, T, 6) int32'
    )
    return [
        export(network, name, stem, inputs, example) for name in (FORMATS if format == "all" else [format])
    ]
