"""From what a detector says at every place to one box an object, inside the graph."""

from __future__ import annotations

import keras
from keras import ops

from common.boxes import AGREEMENT
from common.grids import places
from common.losses.boxes import edges_at, overlaps

__all__ = ["SuppressedBoxes"]


@keras.saving.register_keras_serializable(package="cnnapps")
class SuppressedBoxes(keras.layers.Layer):
    """Decoding and non-maximum suppression, class by class, of a whole batch at once.

    The ``limit`` likeliest boxes of a picture are compared with each other.  From the surest on, a box takes away those
    of its class whose IoU with it is above ``overlap``; what remains is averaged with the boxes that nearly agree with
    it, as in ``common.detector.voted``.  Taking away is a chain of decisions, each waiting for the one before;
    here all are made at once, again and again until none changes, which gives the same after as many rounds as the
    longest chain of overlapping boxes has links, a few.

    Args:
        side: of the square picture in pixels.
        overlap: IoU in [0, 1].
        threshold: score below which a box is taken away, above 0.
        limit: boxes a picture.

    Input shape: ``(batch, places, K + 4)``: raw scores; distances to left, top, right and bottom edge in pixels.
    Output shape: ``(batch, limit, 6)``: left, top, right, bottom in pixels, score, class; the surest first.  Where a
        box was taken away there are zeros.

    Reference:
        Zheng et al., "Enhancing Geometric Factors in Model Learning and Inference for Object Detection and Instance
        Segmentation", IEEE Transactions on Cybernetics 2021, algorithm 2 (Cluster-NMS) and proposition 1.
    """

    def __init__(
        self, side: int, *, overlap: float = 0.6, threshold: float = 0.05, limit: int = 300, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        self.side = side
        self.overlap = overlap
        self.threshold = threshold
        self.limit = limit

    def call(self, inputs):
        inputs = ops.cast(inputs, "float32")
        points, classes = len(places(self.side, self.side)), inputs.shape[-1] - 4
        middles, distances = ops.convert_to_tensor(places(self.side, self.side)), inputs[..., -4:]
        edges = ops.clip(edges_at(middles, distances), 0.0, float(self.side))
        every = ops.reshape(ops.sigmoid(inputs[..., :-4]), (-1, points * classes))
        scores, numbers = ops.top_k(every, min(self.limit, points * classes))
        place, kind = numbers // classes, numbers % classes
        boxes = ops.take_along_axis(edges, ops.expand_dims(place, -1), axis=1)

        shared, alike = overlaps(boxes, boxes), ops.expand_dims(kind, 2) == ops.expand_dims(kind, 1)
        rivals = ops.logical_and(shared > self.overlap, alike)
        agree = ops.cast(ops.logical_and(shared >= AGREEMENT, alike), "float32")
        count = scores.shape[1]
        surer = ops.arange(count)[:, None] < ops.arange(count)[None, :]
        takes = ops.cast(ops.logical_and(rivals, surer), "float32")
        enough = ops.cast(scores >= self.threshold, "float32")

        def decide(kept, before):
            taken = ops.squeeze(ops.matmul(ops.expand_dims(kept, 1), takes), 1)
            return enough * ops.cast(taken < 0.5, "float32"), kept

        kept, _ = ops.while_loop(
            lambda kept, before: ops.any(kept != before), decide, (enough, ops.zeros_like(enough))
        )
        # A box without area overlaps nothing, not even itself, but has its own vote.
        votes = ops.maximum(agree, ops.eye(count)) * ops.expand_dims((enough * scores) ** 2, 1)
        total = ops.maximum(ops.sum(votes, axis=-1, keepdims=True), 1e-12)
        rest = ops.stack([scores, ops.cast(kind, "float32")], axis=-1)
        return ops.concatenate([ops.matmul(votes, boxes) / total, rest], axis=-1) * ops.expand_dims(kept, -1)

    def compute_output_shape(self, input_shape):
        candidates = len(places(self.side, self.side)) * (input_shape[-1] - 4)
        return (input_shape[0], min(self.limit, candidates), 6)

    def get_config(self) -> dict:
        return super().get_config() | {
            "side": self.side,
            "overlap": self.overlap,
            "threshold": self.threshold,
            "limit": self.limit,
        }
