"""Losses for boxes given as distances from a point to the left, top, right and bottom edge ``(..., 4)``."""

from __future__ import annotations

from keras import ops

from common.losses.classification import _binary_cross_entropy

__all__ = ["box_map", "ciou", "distribution_focal", "edges_at", "giou", "overlaps"]

TINY = 1e-9


def giou(target, distances):
    """Generalised IoU: ``1 - IoU + |C \\ (A ∪ B)| / |C|``, C the smallest box around both (2019, algorithm 1)."""
    shared, union, around = _areas(target, distances)
    return 1 - shared / union + 1 - union / around


def ciou(target, distances):
    """Complete IoU: ``1 - IoU + d² / c² + α v``; d between middles, c the diagonal around both, v of the aspects."""
    shared, union, _ = _areas(target, distances)
    overlap = shared / union
    apart = ops.sum((_middle(target) - _middle(distances)) ** 2, axis=-1)
    diagonal = ops.sum(_around(target, distances) ** 2, axis=-1)
    aspect = 4 / 9.8696044 * (_angle(target) - _angle(distances)) ** 2
    share = ops.stop_gradient(aspect / (1 - overlap + aspect + 1e-7))
    return 1 - overlap + apart / (diagonal + 1e-7) + share * aspect


def box_map(target, output, *, beta: float = 2.0, box_weight: float = 2.0):
    """Score and box at each place of a map.

    At a place of the object the score shall be the IoU of the box given there with the true one (quality focal loss,
    Li et al. 2020, eq. 3), at a place beside it 0; boxes by generalised IoU at the object's places only.  The
    sums are divided by the number of the object's places.

    Args:
        target: ``(batch, height, width, 5)``: 1 at the object's places, 0 beside, -1 where it does not matter; and
            the true distances to left, top, right and bottom edge.
        output: ``(batch, height, width, 5)``: raw score and distances (positive).
        beta: the larger, the less places count that are nearly right.
        box_weight: of the boxes beside the scores.
    """
    place, true_box = target[..., 0], target[..., 1:]
    score, box = output[..., 0], output[..., 1:]
    inside = ops.cast(place > 0.5, "float32")
    counted = ops.cast(place > -0.5, "float32")
    # Beside the object there is no true box; a box of ones keeps the arithmetic finite.
    true_box = ops.where(inside[..., None] > 0, true_box, ops.ones_like(true_box))
    shared, union, around = _areas(true_box, box)
    overlap = shared / union
    quality = ops.stop_gradient(overlap) * inside
    scores = ops.abs(quality - ops.sigmoid(score)) ** beta * _binary_cross_entropy(quality, score)
    boxes = (1 - overlap + 1 - union / around) * inside
    places = ops.maximum(ops.sum(inside, axis=(1, 2)), 1.0)
    return (ops.sum(scores * counted, axis=(1, 2)) + box_weight * ops.sum(boxes, axis=(1, 2))) / places


def distribution_focal(target, logits):
    """Cross-entropy of a distribution over 0, 1, 2 … with the two whole numbers next to the true one.

    They count the more the nearer they are, so that the mean of the distribution is drawn to the target.

    Args:
        target: real numbers ``(...)``; what is beyond the last counts as it.
        logits: of 0 to n ``(..., n + 1)``.

    Reference:
        Li et al., "Generalized Focal Loss", NeurIPS 2020, eq. 6.
    """
    count = logits.shape[-1]
    target = ops.clip(target, 0.0, count - 1.0)
    lower = ops.minimum(ops.floor(target), count - 2.0)
    upper = ops.expand_dims(target - lower, -1)
    number = ops.cast(lower, "int32")
    wanted = (1 - upper) * ops.one_hot(number, count) + upper * ops.one_hot(number + 1, count)
    return -ops.sum(wanted * ops.log_softmax(logits), axis=-1)


def edges_at(middles, distances):
    """Return left, top, right and bottom edge ``(..., 4)`` of boxes by their distances from points ``(..., 2)``."""
    return ops.concatenate([middles - distances[..., :2], middles + distances[..., 2:]], axis=-1)


def overlaps(first, second):
    """Return the IoU ``(batch, n, m)`` of boxes ``(batch, n, 4)`` and ``(batch, m, 4)`` given by their edges."""
    a, b = ops.expand_dims(first, 2), ops.expand_dims(second, 1)
    wide = ops.minimum(a[..., 2], b[..., 2]) - ops.maximum(a[..., 0], b[..., 0])
    high = ops.minimum(a[..., 3], b[..., 3]) - ops.maximum(a[..., 1], b[..., 1])
    shared = ops.relu(wide) * ops.relu(high)
    sizes = [(box[..., 2] - box[..., 0]) * (box[..., 3] - box[..., 1]) for box in (a, b)]
    return shared / (sizes[0] + sizes[1] - shared + TINY)


def _areas(target, distances):
    """Return the areas of intersection, union and the smallest box around both."""
    shared = _area(ops.maximum(ops.minimum(target, distances), 0))
    union = _area(target) + _area(distances) - shared + 1e-7
    around = ops.prod(_around(target, distances), axis=-1) + 1e-7
    return shared, union, around


def _area(distances):
    return (distances[..., 0] + distances[..., 2]) * (distances[..., 1] + distances[..., 3])


def _around(target, distances):
    """Return width and height ``(..., 2)`` of the smallest box around both."""
    largest = ops.maximum(target, distances)
    return largest[..., :2] + largest[..., 2:]


def _middle(distances):
    return (distances[..., 2:] - distances[..., :2]) / 2


def _angle(distances):
    return ops.arctan(
        (distances[..., 0] + distances[..., 2]) / (distances[..., 1] + distances[..., 3] + 1e-7)
    )
