"""Running a trained text model: lines in, labels and probabilities out."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from apps.text.options import ENCODER, NEIGHBOURS
from apps.text.vocabulary import Encoded, TextEncoder
from common import artifact
from common.activations import sigmoid, softmax
from common.errors import ArtifactError
from common.litert import Runner, litert_runner
from common.predictor import ENGINES

__all__ = ["CHUNK", "Answer", "TextClassifier", "classify", "load", "open_text_model", "scores_of"]

CHUNK = 2_048  # texts encoded together
TOKENS = 16_384  # in one batch, padding included


@dataclass(frozen=True)
class Answer:
    """What a model says of one text.

    Args:
        text: as given.
        labels: the class, or each class that is likelier than not where several may hold; none of a blank text.
        probabilities: class name to calibrated probability; the value itself for real values.
    """

    text: str
    labels: tuple[str, ...]
    probabilities: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"text": self.text, "labels": list(self.labels), "probabilities": self.probabilities}


class TextClassifier:
    """A model ready to answer.

    Args:
        card: what the model says of itself.
        encoder: its vocabulary.
        run: from encoded texts ``(n, T, 6)`` int32 to raw scores ``(n, K)``.
    """

    def __init__(self, card: artifact.Card, encoder: TextEncoder, run: Runner) -> None:
        self.card, self.encoder, self.run = card, encoder, run

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """Return raw scores ``(n, K)``."""
        parts = [
            scores_of(self.encoder.encode(texts[start : start + CHUNK]), self.run, len(self.card.classes))
            for start in range(0, len(texts), CHUNK)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.card.classes)), np.float32)

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Return calibrated probabilities ``(n, K)``; values where the model answers with values."""
        scores = self.scores(texts)
        if self.card.activation == "none":
            return scores
        activate = softmax if self.card.activation == "softmax" else sigmoid
        return activate(scores / self.card.calibration["temperature"])

    def answers(self, texts: Iterable[str]) -> Iterator[Answer]:
        """Answer texts one after the other, as many at a time as are there."""
        iterator = iter(texts)
        while chunk := list(itertools.islice(iterator, CHUNK)):
            for text, row in zip(chunk, self.probabilities(chunk), strict=True):
                if not text.strip():
                    yield Answer(text, (), {})
                    continue
                yield Answer(text, self._labels(row), dict(zip(self.card.classes, row.tolist(), strict=True)))

    def _labels(self, row: np.ndarray) -> tuple[str, ...]:
        if self.card.activation == "softmax":
            return (self.card.classes[int(row.argmax())],)
        if self.card.activation == "none":
            return (f"{row[0]:.3g}",)
        return tuple(name for name, chance in zip(self.card.classes, row, strict=True) if chance >= 0.5)


def load(reference: str | Path) -> TextClassifier:
    """Load a shipped classifier or that of a run folder.

    Raises:
        ArtifactError: no such model, one that does not classify texts, or a file of it is missing or damaged.
    """
    card, encoder, run = open_text_model(reference)
    if card.network == ENCODER:
        raise ArtifactError(
            f"{reference} is an encoder, it has no classes", "cnnapps text embed, text search"
        )
    return TextClassifier(card, encoder, run)


def open_text_model(reference: str | Path) -> tuple[artifact.Card, TextEncoder, Runner]:
    """Return what a model of this app says of itself, its vocabulary, and what runs it.

    Raises:
        ArtifactError: no such model, one of another app, or a file of it is missing or damaged.
    """
    folder = artifact.resolve(reference)
    card = artifact.read_card(folder)
    if card.app != "text":
        raise ArtifactError(f"{reference} is a model of {card.app}", f"cnnapps {card.app} --help")
    if card.network == NEIGHBOURS:
        raise ArtifactError(f"{reference} holds word vectors, it has no answers", "text train … --embeddings")
    encoder = TextEncoder.from_file(artifact.require(folder, "vocabulary.npz"))
    path = artifact.require(folder, ENGINES.get("litert"))
    try:
        return card, encoder, litert_runner(path.read_bytes())
    except (ValueError, RuntimeError) as error:
        raise ArtifactError(f"{path} is damaged", "copy the folder again") from error


def classify(texts: Iterable[str], *, model: str | Path) -> Iterator[Answer]:
    """Say the class of each text, with calibrated probabilities."""
    return load(model).answers(texts)


def scores_of(encoded: Encoded, run: Runner, classes: int) -> np.ndarray:
    """Return the raw scores of encoded texts, run in batches of like length."""
    scores = np.zeros((len(encoded), classes), np.float32)
    order = np.argsort(-encoded.lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = max(8, int(encoded.lengths[order[start]]))
        batch = order[start : start + max(1, TOKENS // longest)]
        scores[batch] = run(encoded.padded(batch))
        start += len(batch)
    return scores
