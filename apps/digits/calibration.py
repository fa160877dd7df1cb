"""When to believe an answer and when to look again, all chosen on held-out training data."""

from __future__ import annotations

import numpy as np

from common.activations import softmax
from common.metrics import fit_temperature
from common.second_look import SecondLook, View

__all__ = ["SECOND_LOOK", "calibrate"]

# Chosen on held-out MNIST among shifts, rotations, scales, shears and their unions.  Two digits in a hundred of MNIST
# are looked at again.
SECOND_LOOK = SecondLook(
    below=0.995,
    views=(
        *(View(shift=shift) for shift in ((1, 0), (-1, 0), (0, 1), (0, -1))),
        View(rotate=8),
        View(rotate=-8),
        View(scale=1.1),
        View(scale=0.9),
    ),
)


def calibrate(logits: np.ndarray, targets: np.ndarray, outlier_logits: np.ndarray | None) -> dict[str, float]:
    """Choose temperature and thresholds.

    ``reject_below``: confidence below which a picture is called no digit: the threshold with the best
    balanced accuracy between held-out digits and held-out outliers, but never one that refuses more than
    0.2 % of the digits.  ``unsure_below``: the smallest confidence from which on the answers to held-out
    digits are at least 99.9 % right.

    Args:
        logits: of held-out digits ``(n, K)``.
        targets: their class numbers ``(n,)``.
        outlier_logits: of held-out outliers ``(m, K)``, or None where the network was not shown any;
            then nothing is refused.

    Returns:
        ``temperature``, ``reject_below``, ``unsure_below``.
    """
    temperature = fit_temperature(logits, targets)
    probabilities = softmax(logits / temperature)
    confidence = probabilities.max(axis=1)
    reject = 0.0
    if outlier_logits is not None and len(outlier_logits):
        outlier_confidence = softmax(outlier_logits / temperature).max(axis=1)
        grid = np.linspace(0.2, 0.95, 151)
        kept = (confidence[None] >= grid[:, None]).mean(axis=1)
        refused = (outlier_confidence[None] < grid[:, None]).mean(axis=1)
        reject = float(grid[np.argmax(np.where(kept >= 0.998, kept + refused, 0))])
    order = np.argsort(-confidence)
    wrong = np.cumsum(probabilities.argmax(axis=1)[order] != targets[order])
    good = np.flatnonzero(wrong / np.arange(1, len(order) + 1) <= 1e-3)
    unsure = float(confidence[order[good[-1]]]) if len(good) else 1.0
    return {
        "temperature": temperature,
        "reject_below": reject,
        "unsure_below": min(max(unsure, reject, 0.5), 0.99),
    }
