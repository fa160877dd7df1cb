"""Running a classifier: pictures in, classes with probabilities out."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from apps.objects.options import GENERAL
from common import artifact
from common.data.images import find_pictures
from common.data.squares import ahead, decode_square
from common.errors import ArtifactError, InputError
from common.predictor import Predictor, load

__all__ = ["Answer", "classify", "load_classifier"]

BATCH = 32  # pictures answered together, while the next are decoded


@dataclass(frozen=True)
class Answer:
    """What is in one picture.

    Args:
        source: the path, or ``-``.
        first: the likeliest classes with their calibrated probabilities, best first.
        labels: the class; of independent labels those that are likelier than not.
        notes: what was done while decoding.
        error: why the file could not be read, one line.
    """

    source: str
    first: tuple[tuple[str, float], ...] = ()
    labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: str | None = None

    @property
    def line(self) -> str:
        """The answer for people."""
        if self.error:
            return f"{self.source}: error: {self.error}"
        return f"{self.source}: " + ", ".join(f"{name} {chance:.1%}" for name, chance in self.first)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        if self.error:
            return {"source": self.source, "error": self.error}
        return {
            "source": self.source,
            "labels": list(self.labels),
            "first": [{"class": name, "probability": round(chance, 6)} for name, chance in self.first],
        }


def load_classifier(reference: str | Path, *, engine: str = "litert") -> Predictor:
    """Load a classifier of this app.

    Raises:
        UsageError: an unknown engine.
        ArtifactError: no such model, one of another kind, or a file of it is missing or damaged.
    """
    card = artifact.read_card(artifact.resolve(reference))
    if card.app != "objects" or "temperature" not in card.calibration:
        what = f"a model of {card.app}" if card.app != "objects" else "a detector: cnnapps objects detect"
        raise ArtifactError(
            f"{reference} is no classifier of pictures but {what}", "see cnnapps objects models"
        )
    return load(reference, engine=engine, batch=BATCH)


def classify(
    paths: str | Path | Sequence[str | Path], *, model: str | Path = GENERAL, first: int = 5
) -> Iterator[Answer]:
    """Say what is in pictures, one by one, in order.

    They are decoded in as many threads as there are cores while others are answered.

    Args:
        paths: a file, folder, quoted glob or several; ``-`` is a picture on standard input.
        model: a shipped name or a run folder.
        first: classes to name.

    Yields:
        One answer a file; a file that cannot be read, or a path that does not exist, yields its error and the others go
        on.

    Raises:
        ArtifactError: no such model.
    """
    predictor = load_classifier(model)
    side = int(predictor.card.input_shape[0] or 0)
    waiting: list[_Decoded] = []
    for decoded in ahead(_try_square, ((*source, side) for source in _sources(paths)), 4 * BATCH):
        waiting.append(decoded)
        if len(waiting) == BATCH:
            yield from _answered(waiting, predictor, first)
            waiting.clear()
    yield from _answered(waiting, predictor, first)


@dataclass(frozen=True)
class _Decoded:
    """A picture ready to be answered, or why there is none."""

    source: str
    square: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None

    @classmethod
    def failed(cls, source: str, error: InputError) -> _Decoded:
        hint = f" ({error.hint})" if error.hint else ""
        return cls(source, error=error.message.removeprefix(f"{source}: ") + hint)


def _sources(paths: str | Path | Sequence[str | Path]) -> Iterator[tuple[str, Path | InputError | None]]:
    """Return a name and what it stands for: a file, standard input (None), or why it names no file."""
    for path in [paths] if isinstance(paths, str | Path) else paths:
        if str(path) == "-":
            yield "-", None
            continue
        try:
            yield from ((str(file), file) for file in find_pictures([path]))
        except InputError as error:
            yield str(path), error


def _try_square(name: str, source: Path | InputError | None, side: int) -> _Decoded:
    if isinstance(source, InputError):
        return _Decoded.failed(name, source)
    try:
        square, notes = decode_square(source or sys.stdin.buffer.read(), side)
    except InputError as error:
        return _Decoded.failed(name, error)
    return _Decoded(name, square, notes)


def _answered(waiting: Sequence[_Decoded], predictor: Predictor, first: int) -> Iterator[Answer]:
    squares = [decoded.square for decoded in waiting if decoded.square is not None]
    rows = iter(predictor.probabilities(np.stack(squares))) if squares else iter(())
    for decoded in waiting:
        if decoded.error:
            yield Answer(decoded.source, error=decoded.error)
        else:
            yield _answer(decoded.source, next(rows), predictor.card, first, decoded.notes)


def _answer(source: str, row: np.ndarray, card: artifact.Card, first: int, notes: tuple[str, ...]) -> Answer:
    order = np.argsort(-row, kind="stable")
    best = tuple((card.classes[place], float(row[place])) for place in order[:first])
    if card.activation == "softmax":
        labels = (card.classes[order[0]],)
    else:
        labels = tuple(card.classes[place] for place in order if row[place] >= 0.5)
    return Answer(source, best, labels, notes)
