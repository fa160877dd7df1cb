"""How well scores fit held-out texts, and the shares with which several networks' scores fit them best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from common.activations import log_softmax, sigmoid
from common.data.tables import Kind

__all__ = ["best_shares", "blended", "mean_loss"]


def mean_loss(scores: np.ndarray, targets: np.ndarray, kind: Kind) -> float:
    """Return the loss that fits the kind of targets: cross-entropy, or the squared distance of real values."""
    if kind == "real values":
        return float(np.mean((scores - targets) ** 2))
    if kind == "one of K":
        return -float(np.mean((targets * log_softmax(scores)).sum(axis=1)))
    chances = np.clip(sigmoid(scores), 1e-7, 1 - 1e-7)
    return -float(np.mean(targets * np.log(chances) + (1 - targets) * np.log(1 - chances)))


def best_shares(scores: Sequence[np.ndarray], targets: np.ndarray, kind: Kind) -> tuple[float, ...]:
    """Return the weight of each of several scores ``(n, K)``, all above 0, whose sum fits targets best."""
    from scipy.optimize import minimize

    def loss(logs: np.ndarray) -> float:
        return mean_loss(blended(scores, np.exp(logs)), targets, kind)

    begin = np.full(len(scores), np.log(1 / len(scores)))
    best = minimize(loss, begin, method="Nelder-Mead", bounds=[(-5, 3)] * len(scores))
    return tuple(float(share) for share in np.exp(best.x))


def blended(scores: Sequence[np.ndarray], shares: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the weighted sum of scores."""
    return sum(share * score for share, score in zip(shares, scores, strict=True))
