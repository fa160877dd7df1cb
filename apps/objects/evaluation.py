"""How good a classifier is on pictures with known labels."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from apps.objects.options import GENERAL, TrainOptions
from common import artifact
from common.artifact import Card, Measure
from common.console import Console
from common.data.datasets import Split
from common.data.tables import Kind
from common.errors import UserError
from common.metrics import class_scores, confusion_matrix, expected_calibration_error, proportion
from common.predictor import Predictor
from common.runs import options_of_run

__all__ = [
    "Evaluation",
    "ModelEvaluation",
    "evaluate",
    "evaluate_model",
    "headline",
    "kind_of",
    "shipped_for",
]

_FIRST = 5


@dataclass(frozen=True)
class Evaluation:
    """What a classifier reaches on pictures.

    Args:
        kind: of the targets.
        classes: names of the classes.
        measures: shares with their 95 % intervals by name: ``accuracy`` (of independent labels: all of a picture's
            right) and, of more than five classes, ``top-5 accuracy``.
        figures: further ones by name.
        per_class: accuracy of each class; of independent labels average precision.
        confusion: counts, row the truth, column the answer; None of independent labels.
        images_per_second: of the whole run, this machine.
        mistakes: positions of the wrong answers, most confident first.
        answers: class number of each picture, or yes and no ``(n, K)``.
        confidence: of each answer.
    """

    kind: Kind
    classes: tuple[str, ...]
    measures: dict[str, Measure]
    figures: dict[str, float]
    per_class: dict[str, float]
    confusion: np.ndarray | None
    images_per_second: float
    mistakes: np.ndarray
    answers: np.ndarray
    confidence: np.ndarray

    def to_json(self) -> dict[str, Any]:
        """Return plain values; ``accuracy`` is the number, its interval stands beside it."""
        shares: dict[str, Any] = {}
        for name, measure in self.measures.items():
            key = name.replace("-", "").replace(" ", "_")
            shares |= {key: measure.value, f"{key}_interval_95": [measure.low, measure.high]}
        return {
            **shares,
            "count": self.measures["accuracy"].count,
            "errors": len(self.mistakes),
            **self.figures,
            "images_per_second": self.images_per_second,
            "per_class": self.per_class,
            "mistakes": self.mistakes.tolist(),
        } | ({} if self.confusion is None else {"confusion": self.confusion.tolist()})

    def lines(self) -> list[str]:
        """Return the figures for people, a line each."""
        rows = [
            f"{name} {measure.value:.2%} (95 % interval {measure.low:.2%} to {measure.high:.2%})"
            for name, measure in self.measures.items()
        ]
        rows[0] += f", {len(self.mistakes):,} of {self.measures['accuracy'].count:,} wrong"
        return rows + [f"{name.replace('_', ' ')} {value:.4f}" for name, value in self.figures.items()]


def kind_of(card: Card) -> Kind:
    """Return the kind of answers that a model gives."""
    return "one of K" if card.activation == "softmax" else "independent yes/no"


def headline(kind: Kind) -> tuple[str, Callable[[np.ndarray, np.ndarray], float]]:
    """Return the name of the figure to watch while training, and the function of scores and targets that gives it."""
    if kind == "one of K":
        return "accuracy", lambda scores, targets: float((scores.argmax(axis=1) == targets).mean())
    return "mean average precision", lambda scores, targets: float(
        np.nanmean(average_precisions(scores, targets))
    )


def average_precisions(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the average precision of each label ``(K,)``; NaN for one that no picture has."""
    from sklearn.metrics import average_precision_score

    return np.array(
        [
            average_precision_score(truth, column) if truth.any() else np.nan
            for truth, column in zip(targets.T > 0.5, scores.T, strict=True)
        ]
    )


def evaluate(predictor: Predictor, split: Split) -> Evaluation:
    """Answer every picture of ``split`` once and count."""
    started = time.perf_counter()
    logits = predictor.logits(split.images)
    rate = len(split) / max(time.perf_counter() - started, 1e-9)
    probabilities = predictor.activate(logits / predictor.card.calibration.get("temperature", 1.0))
    judge = _one_of_k if split.targets.ndim == 1 else _yes_or_no
    return judge(probabilities, split.targets, predictor.card.classes, rate)


def _one_of_k(
    probabilities: np.ndarray, targets: np.ndarray, classes: tuple[str, ...], rate: float
) -> Evaluation:
    answers, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right = answers == targets
    wrong = np.flatnonzero(~right)
    measures = {"accuracy": proportion(int(right.sum()), len(targets))}
    if len(classes) > _FIRST:
        first = np.argpartition(-probabilities, _FIRST - 1, axis=1)[:, :_FIRST]
        within = (first == targets[:, None]).any(axis=1)
        measures["top-5 accuracy"] = proportion(int(within.sum()), len(targets))
    confusion = confusion_matrix(targets, answers, len(classes))
    of_class = np.diag(confusion) / np.maximum(confusion.sum(axis=1), 1)
    there = confusion.sum(axis=1) > 0
    figures = {
        "balanced_accuracy": float(of_class[there].mean()),
        "calibration_error": expected_calibration_error(confidence, right),
    }
    per_class = {
        name: float(share) for name, share, seen in zip(classes, of_class, there, strict=True) if seen
    }
    order = np.argsort(-confidence[wrong], kind="stable")
    return Evaluation(
        "one of K", classes, measures, figures, per_class, confusion, rate, wrong[order], answers, confidence
    )


def _yes_or_no(
    probabilities: np.ndarray, targets: np.ndarray, classes: tuple[str, ...], rate: float
) -> Evaluation:
    answers, truth = probabilities >= 0.5, targets > 0.5
    right = (answers == truth).all(axis=1)
    wrong = np.flatnonzero(~right)
    both = (answers & truth).sum(axis=0)
    precisions = average_precisions(probabilities, targets)
    sure = np.maximum(probabilities, 1 - probabilities)
    figures = {
        "mean_average_precision": float(np.nanmean(precisions)),
        "macro_f1": class_scores(both, answers.sum(axis=0), truth.sum(axis=0)).macro_f1,
        "micro_f1": float(2 * both.sum() / max(int(answers.sum() + truth.sum()), 1)),
        "calibration_error": expected_calibration_error(sure.ravel(), (answers == truth).ravel()),
    }
    per_class = {
        name: float(value) for name, value in zip(classes, precisions, strict=True) if not np.isnan(value)
    }
    # How sure a picture's least sure label is.
    confidence = sure.min(axis=1)
    measures = {"accuracy": proportion(int(right.sum()), len(targets))}
    order = np.argsort(-confidence[wrong], kind="stable")
    return Evaluation(
        "independent yes/no",
        classes,
        measures,
        figures,
        per_class,
        None,
        rate,
        wrong[order],
        answers,
        confidence,
    )


@dataclass(frozen=True)
class ModelEvaluation:
    """A model, what it reaches, and on which pictures.

    Args:
        model: as named.
        card: of the model.
        evaluation: the figures.
        split: the pictures.
        names: what each is called.
        note: which data were taken.
        command: as typed.
    """

    model: str
    card: Card
    evaluation: Evaluation
    split: Split
    names: Sequence[str]
    note: str
    command: str

    def print(self) -> None:
        """Print the figures for people."""
        result = self.evaluation
        print("\n".join([*result.lines(), f"{result.images_per_second:,.0f} images/s"]))
        if result.confusion is not None and len(result.classes) <= 20:
            rows = [
                (name, f"{result.per_class.get(name, float('nan')):.2%}", *counts)
                for name, counts in zip(result.classes, result.confusion.tolist(), strict=True)
            ]
            Console.table(("truth", "right", *result.classes), rows, "Rows: the truth; columns: the answer")
        else:
            worst = sorted(result.per_class.items(), key=lambda item: item[1])[:10]
            Console.table(
                ("class", "reaches"), [(name, f"{value:.2%}") for name, value in worst], "The weakest"
            )


def shipped_for(source: str) -> str:
    """Return the name of the shipped classifier that has learned from data of this name, else of the general one."""
    for name in artifact.shipped():
        card = artifact.read_card(artifact.resolve(name))
        if card.app == "objects" and card.data["name"] == source:
            return name
    return GENERAL


def evaluate_model(
    model: str = "",
    source: str = "",
    *,
    column: str = "",
    label: str = "",
    several: str = "",
    engine: str = "litert",
    command: str = "",
) -> ModelEvaluation:
    """Evaluate a shipped model or a run on labelled pictures.

    Args:
        model: a shipped name or a run folder; "" for what ships for these data, or the general model.
        source: a folder, a table or a TFDS name; "" for the test part of the run's own data.
        column, label, several: of a table.
        engine: a name of ``common.predictor.ENGINES``.
        command: as typed.

    Raises:
        UsageError: an unknown engine.
        UserError: no data named, or classes that the model does not know.
    """
    from apps.objects.data import Source, pictures_to_test
    from apps.objects.prediction import load_classifier

    model = model or shipped_for(source)
    predictor = load_classifier(model, engine=engine)
    card = predictor.card
    options = options_of_run(model, TrainOptions)
    if not source and options:
        source = options.data
        column, label, several = options.column, options.label, options.several
    if not source:
        raise UserError(f"name the pictures to judge {model} on", "--data FOLDER, or --dataset cifar10")
    wanted = Source(source, int(card.input_shape[0] or 0), column, label, several)
    split, names, note = pictures_to_test(
        wanted, card.classes, kind_of(card), card.data["fingerprint"], card.seed
    )
    return ModelEvaluation(model, card, evaluate(predictor, split), split, names, note, command)
