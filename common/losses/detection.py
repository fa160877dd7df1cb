"""The loss of a detector, whose picture holds any number of objects.

It takes objects ``(batch, objects, 5)`` and the raw output ``(batch, places, K + 4 + 4 bins)`` and returns one value a
picture ``(batch,)``.
"""

from __future__ import annotations

from keras import ops

from common.grids import cells, places
from common.losses.assignment import assign
from common.losses.boxes import distribution_focal, edges_at, giou
from common.losses.classification import quality_focal

__all__ = ["task_aligned"]

NEAREST = 0.05  # pixels from a place to an edge of its object


def task_aligned(
    target,
    output,
    *,
    side: int = 416,
    bins: int = 0,
    box_weight: float = 2.0,
    bin_weight: float = 0.25,
    most: int = 13,
    score_power: float = 1.0,
    overlap_power: float = 6.0,
):
    """Task-aligned one-stage detection (Feng et al. 2021, section 3.2).

    The places that fit an object best now (``common.losses.assignment``) shall say its class as surely as they fit
    (quality focal loss) and its box (generalised IoU, weighted by the fit); all others, that there is nothing.  Where
    edges are given as distributions too, these are drawn to the true edges (distribution focal loss).  Sums are divided
    by the fit summed over the batch, so that a picture without objects counts as much as its places do.

    Args:
        target: class, left, top, right, bottom in pixels ``(batch, objects, 5)``; rows of class -1 fill up.
        output: ``(batch, places, K + 4 + 4 bins)``: raw scores; distances to left, top, right, bottom in pixels; the
            raw scores of each being 0, 1, 2 … cells.  The places are those of ``common.grids``.
        side: of the square picture in pixels.
        bins: of each distance; 0 for none.
        box_weight, bin_weight: of the boxes and of the distributions beside the scores.
        most, score_power, overlap_power: of the assignment.
    """
    end = output.shape[-1] - 4 * bins
    logits, distances = output[..., : end - 4], output[..., end - 4 : end]
    middles = ops.convert_to_tensor(places(side, side))
    edges = edges_at(middles, distances)
    assigned = assign(
        target, ops.stop_gradient(ops.sigmoid(logits)), ops.stop_gradient(edges), middles,
        most=most, score_power=score_power, overlap_power=overlap_power,
    )  # fmt: skip
    quality = assigned.quality
    true = ops.concatenate([middles - assigned.edges[..., :2], assigned.edges[..., 2:] - middles], axis=-1)
    # A narrow object may lie beside its place, and where there is no object there is no true box.
    true = ops.maximum(true, NEAREST)
    boxes = ops.sum(quality * giou(true, distances), axis=-1)
    scores = ops.sum(quality_focal(assigned.classes, logits), axis=-1)
    total = scores + box_weight * boxes
    if bins:
        likely = ops.reshape(output[..., end:], (-1, middles.shape[0], 4, bins))
        in_cells = true / ops.convert_to_tensor(cells(side, side)[:, None])
        total += bin_weight * ops.sum(
            quality * ops.mean(distribution_focal(in_cells, likely), axis=-1), axis=-1
        )
    return total / ops.maximum(ops.mean(ops.sum(quality, axis=-1)), 1.0)
