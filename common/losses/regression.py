"""Losses for real values.

Each function takes targets and raw outputs ``(batch, K)`` and returns one value a sample ``(batch,)``.
"""

from __future__ import annotations

import math

from keras import ops

__all__ = ["concordance", "euclidean", "huber", "log_cosh", "mean_absolute", "quantile"]


def euclidean(target, output):
    """Half the squared Euclidean distance, ``½ Σ (z - t)²``."""
    return ops.sum((output - target) ** 2, axis=-1) / 2


def mean_absolute(target, output):
    """The city-block distance, ``Σ |z - t|``."""
    return ops.sum(ops.abs(output - target), axis=-1)


def huber(target, output, *, delta: float = 1.0):
    """Quadratic up to ``delta``, linear beyond (Huber 1964, eq. 2)."""
    distance = ops.abs(output - target)
    near = ops.minimum(distance, delta)
    return ops.sum(0.5 * near**2 + delta * (distance - near), axis=-1)


def log_cosh(target, output):
    """``Σ log cosh(z - t)``, written so that it cannot overflow."""
    distance = ops.abs(output - target)
    return ops.sum(distance + ops.log1p(ops.exp(-2 * distance)) - math.log(2), axis=-1)


def quantile(target, output, *, q: float = 0.5):
    """The pinball loss, whose minimum is the q-th quantile (Koenker and Bassett 1978)."""
    difference = target - output
    return ops.sum(ops.maximum(q * difference, (q - 1) * difference), axis=-1)


def concordance(target, output, *, scale: float = 1.0):
    """A smooth bound of 1 minus the concordance index, over the ordered pairs of the batch.

    Sample i gets the mean of ``log(1 + exp(-(z_i - z_j) / scale))`` over the j with ``t_j < t_i``; 0 if
    there is none (Steck et al. 2007).
    """
    z, t = ops.reshape(output, (-1,)), ops.reshape(target, (-1,))
    ordered = ops.cast(t[:, None] > t[None, :], z.dtype)
    penalty = ops.softplus(-(z[:, None] - z[None, :]) / scale)
    return ops.sum(ordered * penalty, axis=1) / ops.maximum(ops.sum(ordered, axis=1), 1)
