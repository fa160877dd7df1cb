"""Figures for classifiers, with their uncertainty."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from common.artifact import Measure

__all__ = [
    "ClassScores",
    "class_scores",
    "confusion_matrix",
    "expected_calibration_error",
    "first_hits",
    "fit_temperature",
    "mean_reciprocal_rank",
    "proportion",
    "recall_at",
]


def proportion(right: int, count: int, z: float = 1.959964) -> Measure:
    """Return ``right / count`` with its Wilson 95 % score interval.

    Reference:
        Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927.
    """
    if count == 0:
        return Measure(float("nan"), 0.0, 1.0, 0)
    share = right / count
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return Measure(share, centre - half, centre + half, count)


def confusion_matrix(targets: np.ndarray, answers: np.ndarray, classes: int) -> np.ndarray:
    """Return counts ``(classes, classes)``: row the truth, column the answer."""
    return np.bincount(targets * classes + answers, minlength=classes * classes).reshape(classes, classes)


@dataclass(frozen=True)
class ClassScores:
    """How well each class is found; arrays ``(K,)``.

    Args:
        precision: share of the answers with the class that are right; 0 of a class that is never answered.
        recall: share of the examples with the class that are found; 0 of a class that no example has.
        f1: harmonic mean of the two.
        count: examples with the class.
        answered: answers with the class.
    """

    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    count: np.ndarray
    answered: np.ndarray

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the classes that some example or some answer has; 0 where there are none."""
        found = self.f1[(self.count > 0) | (self.answered > 0)]
        return float(found.mean()) if len(found) else 0.0

    def to_json(self, classes: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return plain values by the name of the class."""
        return {
            name: {
                "precision": float(self.precision[row]),
                "recall": float(self.recall[row]),
                "f1": float(self.f1[row]),
                "count": int(self.count[row]),
            }
            for row, name in enumerate(classes)
        }


def class_scores(right: np.ndarray, answered: np.ndarray, there: np.ndarray) -> ClassScores:
    """Return precision, recall and F1 of each class.

    Args:
        right: answers with the class that are right ``(K,)``.
        answered: answers with the class.
        there: examples with the class.

    Reference:
        van Rijsbergen, "Information Retrieval", 2nd ed. 1979, chapter 7.
    """
    return ClassScores(
        right / np.maximum(answered, 1),
        right / np.maximum(there, 1),
        2 * right / np.maximum(answered + there, 1),
        np.asarray(there),
        np.asarray(answered),
    )


def expected_calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """Return the mean gap between confidence and accuracy over equal-width bins.

    Reference:
        Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, eq. 3.
    """
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = np.bincount(index, weights=confidence - right, minlength=bins)
    return float(np.abs(gap).sum() / max(len(confidence), 1))


def fit_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the temperature that minimises the negative log-likelihood on held-out examples.

    Targets are softened to (n + 1) / (n + 2), as Platt does: a network that makes no mistake on n examples
    is not thereby sure of everything.

    Args:
        logits: ``(n, K)``.
        targets: class numbers ``(n,)``; or 0 and 1 by label ``(n, K)``, for independent yes/no answers.

    Reference:
        Guo et al. 2017, section 4.2; Platt, "Probabilistic outputs for support vector machines", 1999, eq. 11.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    count, classes = logits.shape
    sure = (count + 1) / (count + 2)

    def yes_no_loss(log_temperature: float) -> float:
        margins = np.where(targets > 0, logits, -logits) / math.exp(log_temperature)
        right, wrong = -np.logaddexp(0, -margins), -np.logaddexp(0, margins)
        return -float((sure * right + (1 - sure) * wrong).mean())

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(logits / math.exp(log_temperature), axis=1)
        right = scaled[np.arange(count), targets]
        wrong = (scaled.sum(axis=1) - right) / (classes - 1)
        return -float((sure * right + (1 - sure) * wrong).mean())

    chosen = loss if targets.ndim == 1 else yes_no_loss
    best = minimize_scalar(chosen, bounds=(math.log(0.02), math.log(10)), method="bounded")
    return math.exp(best.x)


def first_hits(scores: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """Return the rank, from 1, of the first relevant item of each query ``(queries,)``; inf where there is none.

    Of items that score alike, those that are not relevant come first, so that a constant score earns nothing.

    Args:
        scores: of each item for each query ``(queries, items)``; -inf takes an item out, such as the query itself.
        relevant: true where an item answers a query ``(queries, items)``.
    """
    best = np.where(relevant, scores, -np.inf).max(axis=1, keepdims=True)
    rank = 1 + ((scores >= best) & ~relevant).sum(axis=1)
    return np.where(np.isfinite(best[:, 0]), rank, np.inf)


def recall_at(ranks: np.ndarray, k: int) -> Measure:
    """Return the share of queries with a relevant item among the first k, with its interval."""
    return proportion(int((ranks <= k).sum()), len(ranks))


def mean_reciprocal_rank(ranks: np.ndarray) -> float:
    """Return the mean of 1 / rank of the first relevant item (Voorhees, TREC-8 1999)."""
    return float((1 / ranks).mean())
