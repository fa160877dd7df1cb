"""Which places of a detector's map learn which object: task-aligned assignment, by what the network says now.

Reference:
    Feng et al., "TOOD: Task-aligned One-stage Object Detection", ICCV 2021, section 3.2.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from keras import ops

from common.losses.boxes import TINY, overlaps

__all__ = ["Assigned", "assign"]

FAR = -1e9
NARROW = 8.0  # pixels, the cells of the finest grid: an object of this side has the middle of one cell in it


class Assigned(NamedTuple):
    """What each place shall say.

    Args:
        classes: ``(batch, places, K)``: at the object's class how well the place fits it, else 0.
        edges: left, top, right, bottom of its object in pixels ``(batch, places, 4)``; 0 where there is none.
        quality: how well the place fits its object ``(batch, places)``, 0 where there is none.
    """

    classes: Any
    edges: Any
    quality: Any


def assign(
    target, scores, edges, middles, *, most: int = 13, score_power: float = 1.0, overlap_power: float = 6.0
) -> Assigned:
    """Give each object the places that fit it best.

    How well a place fits is ``t = s^α u^β`` of its score ``s`` for the object's class and the IoU ``u`` of its box with
    the object's.  The ``most`` best of the places in an object learn it; a place that several objects want goes to the
    one with the largest IoU.  What a place shall say is ``t``, scaled so that the best place of an object says the
    largest IoU reached there.

    An object between the places counts as if it were as large as a cell of the finest grid, so that each has one.

    Args:
        target: ``(batch, objects, 5)``: class, left, top, right, bottom in pixels; class -1 is no object.
        scores: ``(batch, places, K)`` in [0, 1].
        edges: of the boxes that the places say, ``(batch, places, 4)`` in pixels.
        middles: x, y of the places ``(places, 2)``.
        most: places an object.
        score_power, overlap_power: α and β.
    """
    boxes = target[..., 1:]
    kinds = ops.one_hot(ops.cast(target[..., 0], "int32"), scores.shape[-1])  # of class -1: all zeros
    likely = ops.matmul(kinds, ops.transpose(scores, (0, 2, 1)))
    overlap = overlaps(boxes, edges)
    fit = score_power * ops.log(likely + TINY) + overlap_power * ops.log(overlap + TINY)
    inside = ops.logical_and(_inside(boxes, middles), target[..., :1] >= 0)
    fit = ops.where(inside, fit, FAR)
    least = ops.top_k(fit, most)[0][..., -1:]
    wanted = ops.logical_and(inside, fit >= least)

    claims = ops.where(wanted, overlap, -1.0)
    numbers = ops.expand_dims(ops.arange(ops.shape(target)[1]), 1)
    owner = ops.expand_dims(ops.cast(ops.argmax(claims, axis=1), numbers.dtype), 1)
    own = ops.logical_and(wanted, owner == numbers)

    share = ops.cast(own, "float32")
    fit = ops.where(own, fit, FAR)
    best = ops.max(fit, axis=-1, keepdims=True)
    reached = ops.max(share * overlap, axis=-1, keepdims=True)
    quality = share * ops.exp(ops.minimum(fit - best, 0.0)) * reached
    by_place = (0, 2, 1)
    return Assigned(
        ops.matmul(ops.transpose(quality, by_place), kinds),
        ops.matmul(ops.transpose(share, by_place), boxes),
        ops.sum(quality, axis=1),
    )


def _inside(boxes, middles):
    """Return ``(batch, objects, places)``: whether a place is in an object, narrow ones being widened."""
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2
    half = ops.maximum(boxes[..., 2:] - boxes[..., :2], NARROW) / 2
    away = ops.abs(ops.expand_dims(centre, 2) - middles)
    return ops.all(away <= ops.expand_dims(half, 2), axis=-1)
