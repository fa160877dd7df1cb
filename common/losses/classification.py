"""Losses for classes and for independent yes/no answers, on raw outputs.

Each function takes targets and raw outputs ``(batch, K)`` and returns one value a sample ``(batch,)``.
"""

from __future__ import annotations

from collections.abc import Sequence

from keras import ops

__all__ = [
    "focal",
    "hinge",
    "multiclass_hinge",
    "perceptron",
    "quality_focal",
    "sigmoid_cross_entropy",
    "sigmoid_focal",
    "softmax_cross_entropy",
]


def softmax_cross_entropy(
    target, logits, *, label_smoothing: float = 0.0, class_weights: Sequence[float] = ()
):
    """Pick one of K: ``-Σ t_k log softmax(z)_k``; smoothing moves that share of t to all classes.

    A sample counts as much as the weight of its class, one blended of several as much as their blend.
    """
    classes = logits.shape[-1]
    smooth = target * (1 - label_smoothing) + label_smoothing / classes
    loss = -ops.sum(smooth * ops.log_softmax(logits), axis=-1)
    return loss * ops.sum(target * ops.array(class_weights), axis=-1) if class_weights else loss


def focal(target, logits, *, gamma: float = 2.0):
    """Softmax focal loss: easy samples count less by ``(1 - p)^γ`` (Lin et al. 2017, eq. 4)."""
    log_p = ops.log_softmax(logits)
    return -ops.sum(target * (1 - ops.exp(log_p)) ** gamma * log_p, axis=-1)


def multiclass_hinge(target, logits):
    """Crammer–Singer hinge: the right score must lead every other by 1."""
    right = ops.sum(target * logits, axis=-1)
    wrong = ops.max(logits - 1e9 * target, axis=-1)
    return ops.relu(1 + wrong - right)


def sigmoid_cross_entropy(
    target, logits, *, label_smoothing: float = 0.0, class_weights: Sequence[float] = ()
):
    """Independent yes/no: ``Σ max(z, 0) - z t + log(1 + e^-|z|)``, stable for any z.

    Weights count the yes of a class so many times; its no counts once.
    """
    smooth = target * (1 - label_smoothing) + label_smoothing / 2
    loss = _binary_cross_entropy(smooth, logits)
    if class_weights:
        loss *= 1 + target * (ops.array(class_weights) - 1)
    return ops.sum(loss, axis=-1)


def sigmoid_focal(target, logits, *, gamma: float = 2.0, alpha: float = 0.25):
    """Focal loss on independent units (Lin et al. 2017, eq. 5)."""
    distance = ops.abs(target - ops.sigmoid(logits))
    balance = alpha * target + (1 - alpha) * (1 - target)
    return ops.sum(balance * distance**gamma * _binary_cross_entropy(target, logits), axis=-1)


def quality_focal(target, logits, *, beta: float = 2.0):
    """Focal loss for soft targets in [0, 1] (Li et al. 2020, eq. 3)."""
    distance = ops.abs(target - ops.sigmoid(logits))
    return ops.sum(distance**beta * _binary_cross_entropy(target, logits), axis=-1)


def hinge(target, logits):
    """One-vs-rest hinge: ``Σ max(0, 1 - s z)`` with s = ±1."""
    return ops.sum(ops.relu(1 - (2 * target - 1) * logits), axis=-1)


def perceptron(target, logits):
    """The perceptron criterion: ``Σ max(0, -s z)``; its subgradient is the learning rule."""
    return ops.sum(ops.relu(-(2 * target - 1) * logits), axis=-1)


def _binary_cross_entropy(target, logits):
    return ops.relu(logits) - logits * target + ops.log1p(ops.exp(-ops.abs(logits)))
