"""Losses for vectors of which some belong together: near to their own group, far from the others.

Each function takes groups and vectors ``(batch, D)`` and returns one value a sample ``(batch,)``.  Samples belong
to one group if their rows of ``target`` are equal, be it a one-hot class ``(batch, K)`` or a number ``(batch, 1)``.
Vectors are compared by their cosine, so their length does not matter.
"""

from __future__ import annotations

from keras import ops

__all__ = ["contrastive", "triplet"]

FAR = 1e9


def contrastive(target, vectors, *, temperature: float = 0.1):
    """The share of its own group in a softmax over all others of the batch (Khosla et al. 2020, eq. 2).

    ``-1/|P| Σ_{p in P} log(exp(s_p / τ) / Σ_{a ≠ i} exp(s_a / τ))`` with P the others of the group; 0 if
    there is none.  With two samples a group it is NT-Xent (Chen et al. ICML 2020, eq. 1).
    """
    alike, others = _alike(target), 1 - ops.eye(ops.shape(target)[0])
    scores = _cosines(vectors) / temperature - FAR * (1 - others)
    log_shares = scores - ops.logsumexp(scores, axis=1, keepdims=True)
    positives = alike * others
    return -ops.sum(positives * log_shares, axis=1) / ops.maximum(ops.sum(positives, axis=1), 1)


def triplet(target, vectors, *, margin: float = 0.2):
    """The farthest of its group must be nearer than the nearest of another, by a margin.

    ``max(0, margin + max_p d_p - min_n d_n)`` with the squared distance d of unit vectors; 0 if it is alone in
    its group (Schroff et al. CVPR 2015, eq. 1; hardest of the batch as in Hermans et al. 2017, eq. 5).
    """
    alike, others = _alike(target), 1 - ops.eye(ops.shape(target)[0])
    distances = 2 - 2 * _cosines(vectors)
    positives = alike * others
    farthest = ops.max(distances * positives, axis=1)
    nearest = ops.min(distances + FAR * alike, axis=1)
    return ops.relu(margin + farthest - nearest) * ops.cast(ops.any(positives > 0, axis=1), distances.dtype)


def _alike(target):
    return ops.cast(ops.all(target[:, None] == target[None], axis=-1), "float32")


def _cosines(vectors):
    unit = ops.normalize(vectors, axis=-1)
    return unit @ ops.transpose(unit)
