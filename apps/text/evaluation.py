"""How good a text model is on labelled texts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from apps.text.data import Examples, corpus_of, open_examples
from apps.text.options import TrainOptions
from apps.text.prediction import TextClassifier, load
from common.activations import sigmoid, softmax
from common.artifact import Card, Measure
from common.console import Console
from common.data.tables import Kind
from common.errors import UserError
from common.metrics import (
    ClassScores,
    class_scores,
    confusion_matrix,
    expected_calibration_error,
    proportion,
)
from common.runs import options_of_run

__all__ = ["KINDS", "Evaluation", "ModelEvaluation", "evaluate", "evaluate_model"]

KINDS: dict[str, Kind] = {"softmax": "one of K", "sigmoid": "independent yes/no", "none": "real values"}


@dataclass(frozen=True)
class Evaluation:
    """What a model reaches on texts.

    Args:
        kind: of the labels.
        classes: names of the columns.
        score: accuracy with its 95 % interval (one of K, or all yes/no answers of a text right); for real
            values Pearson's correlation.
        figures: further ones by name.
        by_class: precision, recall and F1; None for real values.
        confusion: counts, row the truth, column the answer; None unless one of K.
        texts_per_second: of the whole run, this machine.
        mistakes: positions of the wrong answers, most confident first; of real values the worst.
        answers: class number of each text, or (n, K) yes and no, or values.
        confidence: of each answer.
    """

    kind: Kind
    classes: tuple[str, ...]
    score: Measure
    figures: dict[str, float]
    by_class: ClassScores | None
    confusion: np.ndarray | None
    texts_per_second: float
    mistakes: np.ndarray
    answers: np.ndarray
    confidence: np.ndarray

    @property
    def name(self) -> str:
        """Name of the score."""
        return "correlation" if self.kind == "real values" else "accuracy"

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        further: dict[str, Any] = {}
        if self.by_class is not None:
            further["by_class"] = self.by_class.to_json(self.classes)
        if self.confusion is not None:
            further["confusion"] = self.confusion.tolist()
        return {
            self.name: self.score.value,
            f"{self.name}_interval_95": [self.score.low, self.score.high],
            "count": self.score.count,
            "errors": len(self.mistakes),
            "classes": list(self.classes),
            "texts_per_second": self.texts_per_second,
            **self.figures,
            **further,
        }


def evaluate(
    scores: np.ndarray,
    examples: Examples,
    kind: Kind,
    classes: Sequence[str],
    temperature: float,
    seconds: float,
) -> Evaluation:
    """Count.

    Args:
        scores: raw scores of the examples ``(n, K)``.
        examples: texts and targets.
        kind: of the targets.
        classes: names of the columns.
        temperature: of the calibration.
        seconds: that the answers took.
    """
    judge = {"one of K": _one_of_k, "independent yes/no": _yes_or_no, "real values": _values}[kind]
    return judge(scores, examples.targets, tuple(classes), temperature, len(examples) / max(seconds, 1e-9))


def _one_of_k(
    scores: np.ndarray, targets: np.ndarray, classes: tuple[str, ...], temperature: float, rate: float
) -> Evaluation:
    truth, answers = targets.argmax(axis=1), scores.argmax(axis=1)
    confidence = softmax(scores / temperature).max(axis=1)
    right = truth == answers
    wrong = np.flatnonzero(~right)
    counts = confusion_matrix(truth, answers, len(classes))
    by_class = class_scores(np.diag(counts), counts.sum(axis=0), counts.sum(axis=1))
    figures = {
        "macro_f1": by_class.macro_f1,
        "calibration_error": expected_calibration_error(confidence, right),
    }
    return Evaluation(
        "one of K", classes, proportion(int(right.sum()), len(truth)), figures, by_class,
        counts, rate,
        wrong[np.argsort(-confidence[wrong], kind="stable")], answers, confidence,
    )  # fmt: skip


def _yes_or_no(
    scores: np.ndarray, targets: np.ndarray, classes: tuple[str, ...], temperature: float, rate: float
) -> Evaluation:
    chances = sigmoid(scores / temperature)
    answers = chances >= 0.5
    right = (answers == (targets > 0.5)).all(axis=1)
    both = (answers & (targets > 0.5)).sum(axis=0)
    by_class = class_scores(both, answers.sum(axis=0), (targets > 0.5).sum(axis=0))
    confidence = np.maximum(chances, 1 - chances).min(axis=1)
    wrong = np.flatnonzero(~right)
    micro = 2 * both.sum() / max(int(answers.sum() + (targets > 0.5).sum()), 1)
    figures = {"macro_f1": by_class.macro_f1, "micro_f1": float(micro)}
    return Evaluation(
        "independent yes/no", classes, proportion(int(right.sum()), len(targets)), figures, by_class, None, rate,
        wrong[np.argsort(-confidence[wrong], kind="stable")], answers, confidence,
    )  # fmt: skip


def _values(
    scores: np.ndarray, targets: np.ndarray, classes: tuple[str, ...], temperature: float, rate: float
) -> Evaluation:
    values, truth = scores[:, 0], targets[:, 0]
    error = np.abs(values - truth)
    correlation = float(np.corrcoef(values, truth)[0, 1]) if len(truth) > 2 else float("nan")
    # Fisher's transformation of the correlation is normal with this deviation.
    half = 1.96 / np.sqrt(max(len(truth) - 3, 1))
    low, high = np.tanh(np.arctanh(np.clip(correlation, -0.999999, 0.999999)) + np.array([-half, half]))
    figures = {
        "mean_absolute_error": float(error.mean()),
        "root_mean_squared_error": float(np.sqrt((error**2).mean())),
    }
    return Evaluation(
        "real values", classes, Measure(correlation, float(low), float(high), len(truth)), figures, None, None, rate,
        np.argsort(-error), values, -error,
    )  # fmt: skip


@dataclass(frozen=True)
class ModelEvaluation:
    """A model, what it reaches, and on which texts.

    Args:
        model: as named.
        card: of the model.
        evaluation: the figures.
        examples: the texts.
        source: of the texts.
        command: as typed.
    """

    model: str
    card: Card
    evaluation: Evaluation
    examples: Examples
    source: str
    command: str

    def print(self) -> None:
        """Print the figures for people."""
        result = self.evaluation
        percent = result.kind != "real values"
        value, low, high = (
            f"{v:.2%}" if percent else f"{v:.3f}"
            for v in (result.score.value, result.score.low, result.score.high)
        )
        print(
            f"{result.name} {value} (95 % interval {low} to {high}) on {result.score.count:,} texts, "
            f"{result.texts_per_second:,.0f} texts/s"
        )
        for name, figure in result.figures.items():
            print(f"{name.replace('_', ' ')} {figure:.4f}")
        if result.by_class is not None and len(result.classes) > 1:
            plain = result.by_class.to_json(result.classes)
            figures = [
                (name, f"{one['count']:,}", *(f"{one[key]:.3f}" for key in ("precision", "recall", "f1")))
                for name, one in plain.items()
            ]
            Console.table(("class", "texts", "precision", "recall", "F1"), figures)
        if result.confusion is not None and len(result.classes) <= 20:
            rows = [
                (name, *counts)
                for name, counts in zip(result.classes, result.confusion.tolist(), strict=True)
            ]
            Console.table(("truth", *result.classes), rows, "Rows: the truth; columns: the answer")


def evaluate_model(
    model: str, source: str, *, text: str = "", label: str = "", several: str = "", command: str = ""
) -> ModelEvaluation:
    """Evaluate a shipped model or a run on labelled texts ("" for the test split of the run).

    Raises:
        InputError: no such texts, or no labels.
        UserError: a label that the model does not know; no texts were named, and those of the run are not here.
    """
    classifier = load(model)
    card = classifier.card
    options = options_of_run(model, TrainOptions)
    if not source and not options:
        raise UserError(
            f"the texts that {model} was tested on are not here", "name labelled texts, or --dataset NAME"
        )
    if not source and options:
        for named in (options.data, options.test):
            if "." in Path(named).name and not Path(named).exists():
                raise UserError(f"{named}, which {model} was made with, is not here", "name labelled texts")
        examples, source = corpus_of(options).test, options.data
    else:
        examples = open_examples(
            source, card.classes, KINDS[card.activation], text=text, label=label, several=several
        )
    return ModelEvaluation(model, card, timed(classifier, examples), examples, source, command)


def timed(classifier: TextClassifier, examples: Examples) -> Evaluation:
    """Answer every text once and count."""
    started = time.perf_counter()
    scores = classifier.scores(examples.texts)
    seconds = time.perf_counter() - started
    card = classifier.card
    return evaluate(
        scores, examples, KINDS[card.activation], card.classes, card.calibration["temperature"], seconds
    )
