"""How good a model is: on a test split, and under disturbances."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np

from common.artifact import Card, Measure
from common.console import Console
from common.data.datasets import Split
from common.errors import UserError
from common.metrics import confusion_matrix, expected_calibration_error, proportion
from common.predictor import Predictor, load

__all__ = ["DISTURBANCES", "Evaluation", "ModelEvaluation", "evaluate", "evaluate_model", "robustness"]


@dataclass(frozen=True)
class Evaluation:
    """What a model reaches on a split.

    Args:
        accuracy: with its 95 % interval.
        per_class: class name to accuracy.
        confusion: counts, row the truth, column the answer.
        calibration_error: expected calibration error of the calibrated confidence.
        images_per_second: of the whole run, this machine.
        mistakes: positions in the split of the wrong answers, most confident first.
        answers: class number for each picture.
        confidence: of each answer.
        robust: disturbance to accuracy, where asked for.
    """

    accuracy: Measure
    per_class: dict[str, Measure]
    confusion: np.ndarray
    calibration_error: float
    images_per_second: float
    mistakes: np.ndarray
    answers: np.ndarray
    confidence: np.ndarray
    robust: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain values; ``accuracy`` is the number, its interval stands beside it."""
        return {
            "accuracy": self.accuracy.value,
            "accuracy_interval_95": [self.accuracy.low, self.accuracy.high],
            "count": self.accuracy.count,
            "errors": len(self.mistakes),
            "per_class": {name: measure.value for name, measure in self.per_class.items()},
            "confusion": self.confusion.tolist(),
            "calibration_error": self.calibration_error,
            "images_per_second": self.images_per_second,
            "mistakes": self.mistakes.tolist(),
        } | ({"robust": self.robust} if self.robust else {})


def evaluate(predictor: Predictor, split: Split) -> Evaluation:
    """Answer every picture of ``split`` once and count."""
    classes = predictor.card.classes
    started = time.perf_counter()
    logits = predictor.logits(split.images)
    seconds = time.perf_counter() - started
    probabilities = predictor.activate(logits / predictor.card.calibration.get("temperature", 1.0))
    answers, confidence = logits.argmax(axis=1), probabilities.max(axis=1)
    right = answers == split.targets
    wrong = np.flatnonzero(~right)
    return Evaluation(
        accuracy=proportion(int(right.sum()), len(split)),
        per_class={
            name: proportion(int(right[split.targets == number].sum()), int((split.targets == number).sum()))
            for number, name in enumerate(classes)
        },
        confusion=confusion_matrix(split.targets, answers, len(classes)),
        calibration_error=expected_calibration_error(confidence, right),
        images_per_second=len(split) / max(seconds, 1e-9),
        mistakes=wrong[np.argsort(-confidence[wrong], kind="stable")],
        answers=answers,
        confidence=confidence,
    )


def _warped(images: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    side = images.shape[1]
    warped = [
        cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR) for picture in images[..., 0]
    ]
    return np.stack(warped)[..., None]


def _rotated(images: np.ndarray, degrees: float) -> np.ndarray:
    middle = (images.shape[1] - 1) / 2
    return _warped(images, cv2.getRotationMatrix2D((middle, middle), degrees, 1.0))


def _noisy(images: np.ndarray, deviation: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 255 * deviation, images.shape)
    return np.clip(images + noise, 0, 255).astype(np.uint8)


def _blurred(images: np.ndarray, deviation: float) -> np.ndarray:
    return np.stack([cv2.GaussianBlur(picture, (0, 0), deviation) for picture in images[..., 0]])[..., None]


DISTURBANCES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "none": lambda images: images,
    "rotated 15°": lambda images: _rotated(images, 15),
    "rotated -15°": lambda images: _rotated(images, -15),
    "rotated 30°": lambda images: _rotated(images, 30),
    "shifted 2 px": lambda images: _warped(images, np.array([[1, 0, 2], [0, 1, 2]], np.float32)),
    "shifted 4 px": lambda images: _warped(images, np.array([[1, 0, 4], [0, 1, -4]], np.float32)),
    "noise 0.1": lambda images: _noisy(images, 0.1),
    "noise 0.3": lambda images: _noisy(images, 0.3),
    "blur 1 px": lambda images: _blurred(images, 1.0),
    "blur 2 px": lambda images: _blurred(images, 2.0),
    "inverted": lambda images: 255 - images,
}


def robustness(predictor: Predictor, split: Split) -> dict[str, float]:
    """Return the accuracy of the network alone under each of ``DISTURBANCES``.

    ``predict`` finds polarity and frame before the network sees a picture; here nothing is mended.
    """
    return {
        name: float((predictor.logits(disturb(split.images)).argmax(axis=1) == split.targets).mean())
        for name, disturb in DISTURBANCES.items()
    }


@dataclass(frozen=True)
class ModelEvaluation:
    """A model, what it reaches, and on which pictures.

    Args:
        model: as named.
        card: of the model.
        evaluation: the figures.
        test: the pictures.
        note: which data were taken.
        command: as typed.
    """

    model: str
    card: Card
    evaluation: Evaluation
    test: Split
    note: str
    command: str

    def print(self) -> None:
        """Print the figures for people."""
        accuracy = self.evaluation.accuracy
        print(
            f"accuracy {accuracy.value:.2%} (95 % interval {accuracy.low:.2%} to {accuracy.high:.2%}), "
            f"{len(self.evaluation.mistakes)} of {accuracy.count} wrong\n"
            f"calibration error {self.evaluation.calibration_error:.4f}, "
            f"{self.evaluation.images_per_second:,.0f} images/s"
        )
        names = self.card.classes
        rows = [
            (name, f"{self.evaluation.per_class[name].value:.2%}", *counts)
            for name, counts in zip(names, self.evaluation.confusion.tolist(), strict=True)
        ]
        Console.table(("truth", "right", *names), rows, "Rows: the truth; columns: the answer")
        if self.evaluation.robust:
            robust = [(name, f"{value:.2%}") for name, value in self.evaluation.robust.items()]
            Console.table(("disturbance", "accuracy"), robust, "Polarity and frame are not mended")


def evaluate_model(
    model: str, source: str, *, engine: str = "litert", robust: bool = False, command: str = ""
) -> ModelEvaluation:
    """Evaluate a shipped model or a run on the test split of ``source`` ("" for the run's own, else the best at hand).

    Raises:
        UsageError: an unknown engine.
        UserError: the data have other classes than the model.
    """
    from apps.digits.data import best_at_hand, open_data
    from apps.digits.options import TrainOptions
    from common.runs import options_of_run

    predictor = load(model, engine=engine)
    options = options_of_run(model, TrainOptions)
    source = source or (options.data if options else "")
    chosen, note = (source, f"data: {source}") if source else best_at_hand()
    if chosen != predictor.card.data["name"]:
        note += f"; the model was trained on {predictor.card.data['name']}"
    dataset = open_data(chosen)
    if dataset.spec.classes != predictor.card.classes:
        raise UserError(
            f"{model} knows {len(predictor.card.classes)} classes, {chosen} has {len(dataset.spec.classes)} others",
            "evaluate it on data with its own classes",
        )
    evaluation = evaluate(predictor, dataset.test)
    if robust:
        evaluation = replace(evaluation, robust=robustness(predictor, dataset.test))
    return ModelEvaluation(model, predictor.card, evaluation, dataset.test, note, command)
