"""Losses for real values.

Each function takes targets and raw outputs ``(batch, K)`` and returns one value a sample ``(batch,)``.
"""

from __future__ import annotations

import math

from keras import ops

__all__ = ["concordance", "euclidean", "huber", "log_cosh", "mean_absolute", "quantile", "tobit"]


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


def tobit(target, output, *, floor: float = 0.0):
    """Minus the log-likelihood of values that cannot be measured below ``floor`` (Tobin 1958, eq. 5).

    What lies behind a value is normal with a mean ``μ`` of its own; a target at the floor says only that it is not
    above.  ``σ`` stays between e⁻⁷ and e⁷.

    Args:
        target: ``(batch, 1)``, none below ``floor``.
        output: ``(batch, 2)``: ``μ`` and ``log σ``.
        floor: lowest value that can be measured.
    """
    mean, log_spread = output[:, :1], ops.clip(output[:, 1:], -7.0, 7.0)
    beyond = (target - mean) * ops.exp(-log_spread)
    measured = beyond**2 / 2 + log_spread + math.log(2 * math.pi) / 2
    return ops.sum(ops.where(target > floor, measured, -_log_normal_cdf(beyond)), axis=-1)


def _log_normal_cdf(z):
    """``log Φ(z)``; far below zero by its expansion, where ``Φ`` itself is no number any more."""
    near = ops.log((1 + ops.erf(ops.maximum(z, -5.0) / math.sqrt(2))) / 2)
    low = ops.minimum(z, -5.0)
    far = -(low**2) / 2 - ops.log(-low * math.sqrt(2 * math.pi)) + ops.log1p(-1 / low**2)
    return ops.where(z > -5.0, near, far)
