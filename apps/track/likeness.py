"""How well detections fit tracks, by place and by looks, and the cheapest assignment between them.

Reference:
    Yang et al., "Hybrid-SORT: Weak Cues Matter for Online Multi-Object Tracking", AAAI 2024, section 3.2 (heights);
    Kuhn, "The Hungarian method for the assignment problem", 1955.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from common.boxes import iou_matrix

__all__ = ["Appearance", "assign", "believed", "fit_matrix", "normalised"]

MOST_SURE = 0.95  # what looks may say at most, either way
ENOUGH = 6  # pairs seen before looks may say anything
LEAST_SPREAD = 0.01  # standard deviation of a cosine
SPAN = 500  # pairs over which their distribution is averaged


class Appearance:
    """What each track looks like, and how likely a detection shows the same object.

    The likelihood is learned from the matches that were made: the cosines of matched pairs, and those of the same
    tracks with the other detections of the frame, are taken for two normal distributions.  Nothing has to be set
    for another network, and one that cannot tell these objects apart is not listened to.

    Args:
        memory: weight of a track's past in its averaged embedding.

    Attributes:
        tracks: averaged embeddings ``(T, D)`` of length 1, or of zeros where nothing is known.
        count, mean, square: pairs seen, their mean cosine and mean squared cosine ``(2,)``: of one object, of two.
    """

    def __init__(self, memory: float = 0.9) -> None:
        self.memory = memory
        self.tracks = np.zeros((0, 0))
        self.count, self.mean, self.square = np.zeros(2), np.zeros(2), np.zeros(2)

    def append(self, count: int, looks: np.ndarray | None) -> None:
        """Begin ``count`` tracks that look like ``looks`` ``(count, D)``; None where that is not known."""
        if looks is None:
            looks = np.zeros((count, self.tracks.shape[1]))
        elif self.tracks.shape[1] != looks.shape[1]:
            self.tracks = np.zeros((len(self.tracks), looks.shape[1]))
        self.tracks = np.concatenate([self.tracks, looks])

    def keep(self, rows: np.ndarray) -> None:
        """Go on with these tracks alone."""
        self.tracks = self.tracks[rows]

    def learn(self, rows: np.ndarray, looks: np.ndarray) -> None:
        """Take in what tracks ``(M,)`` were matched with ``(M, D)``; nothing of a row of zeros."""
        if self.tracks.shape[1] != looks.shape[1]:
            return
        known = looks.any(axis=1)
        rows, looks = rows[known], looks[known]
        own = self.tracks[rows]
        cosines = own @ looks.T
        before = np.broadcast_to(own.any(axis=1)[:, None], cosines.shape)
        pairs = np.eye(len(cosines), dtype=bool)
        for kind, values in enumerate((cosines[pairs & before], cosines[~pairs & before])):
            if len(values):
                self.count[kind] = min(self.count[kind] + len(values), SPAN)
                weight = min(1.0, len(values) / self.count[kind])
                self.mean[kind] += weight * (values.mean() - self.mean[kind])
                self.square[kind] += weight * ((values**2).mean() - self.square[kind])
        self.tracks[rows] = normalised(self.memory * own + (1 - self.memory) * looks)

    def same(self, looks: np.ndarray) -> np.ndarray:
        """Return the probability ``(T, N)`` that a detection ``(N, D)`` is a track's object.

        It is a half, which changes nothing, where too little is known, and stays within [0.05, 0.95]: no likeness
        makes up for a place that is out of the question.
        """
        if self.count.min() < ENOUGH or self.tracks.shape[1] != looks.shape[1]:
            return np.full((len(self.tracks), len(looks)), 0.5)
        cosines = self.tracks @ looks.T
        spread = np.sqrt(np.maximum(self.square - self.mean**2, LEAST_SPREAD**2))
        # Beyond a distribution's middle, on the side away from the other one, a pair is no less likely to be of it.
        own = np.minimum((cosines - self.mean[0]) / spread[0], 0)
        other = np.maximum((cosines - self.mean[1]) / spread[1], 0)
        odds = np.exp(np.clip((other**2 - own**2) / 2, -9, 9)) * spread[1] / spread[0]
        known = np.logical_and.outer(self.tracks.any(axis=1), looks.any(axis=1))
        return np.where(known, np.clip(odds / (1 + odds), 1 - MOST_SURE, MOST_SURE), 0.5)


def believed(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the probability after two independent witnesses, by Bayes' rule from even odds."""
    both = first * second
    return both / np.maximum(both + (1 - first) * (1 - second), 1e-12)


def fit_matrix(tracks: np.ndarray, detections: np.ndarray) -> np.ndarray:
    """Return how well boxes ``(T, 4)`` and ``(N, 4)`` fit, in [0, 1] ``(T, N)``.

    Intersection over union times the square root of that of the heights alone: who walks behind another person
    seldom has the same height.
    """
    tracks, detections = np.asarray(tracks), np.asarray(detections)
    tops, others = tracks[:, None, 1], detections[None, :, 1]
    ends, other_ends = tops + tracks[:, None, 3], others + detections[None, :, 3]
    shared = np.minimum(ends, other_ends) - np.maximum(tops, others)
    whole = np.maximum(ends, other_ends) - np.minimum(tops, others)
    return iou_matrix(tracks, detections) * np.sqrt(np.maximum(shared, 0) / np.maximum(whole, 1e-9))


def assign(cost: np.ndarray, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns of the cheapest assignment in which every pair costs less than ``limit``.

    A pair that costs the limit stands for two that stay alone.  Capped so, the Hungarian method weighs leaving a
    pair alone against all else, instead of first making as many pairs as it can.

    Args:
        cost: ``(N, M)``.
    """
    rows, columns = linear_sum_assignment(np.minimum(cost, limit))
    good = cost[rows, columns] < limit
    return rows[good], columns[good]


def normalised(embeddings: np.ndarray) -> np.ndarray:
    """Return embeddings ``(N, D)`` at length 1; one of zeros stays."""
    embeddings = np.asarray(embeddings, np.float64)
    lengths = np.sqrt(np.einsum("nd,nd->n", embeddings, embeddings))[:, None]
    return embeddings / np.where(lengths > 0, lengths, 1)
