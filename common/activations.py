"""Output activations in numpy, for predicting without a framework."""

from __future__ import annotations

import numpy as np

__all__ = ["log_softmax", "sigmoid", "softmax"]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return softmax over the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return the logarithm of softmax over the last axis, without overflow."""
    lowered = logits - logits.max(axis=-1, keepdims=True)
    return lowered - np.log(np.exp(lowered).sum(axis=-1, keepdims=True))


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Return the logistic function of each element."""
    return 1 / (1 + np.exp(-np.clip(logits, -60, 60)))
