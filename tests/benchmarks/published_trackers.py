"""SORT and ByteTrack as they were published, for comparison: plain, one track after the other.

Written after the papers and checked against the authors' code, whose output they repeat box by box on TUD-Campus and
PETS-S3-MF1.

Reference:
    Bewley et al., "Simple Online and Realtime Tracking", ICIP 2016; github.com/abewley/sort;
    Zhang et al., "ByteTrack", ECCV 2022; github.com/ifzhang/ByteTrack.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from common.boxes import iou_matrix

__all__ = ["ByteTrack", "Sort"]


class _Filter:
    """A Kalman filter with constant velocity: the first half of the state, or a little more, is seen."""

    def __init__(self, seen: np.ndarray, speeds: int, covariance: np.ndarray) -> None:
        size = len(seen) + speeds
        self.mean, self.covariance = np.zeros(size), covariance
        self.mean[: len(seen)] = seen
        self.step = np.eye(size)
        self.step[np.arange(speeds), len(seen) + np.arange(speeds)] = 1
        self.look = np.eye(len(seen), size)

    def predict(self, noise: np.ndarray) -> None:
        self.mean = self.step @ self.mean
        self.covariance = self.step @ self.covariance @ self.step.T + noise

    def update(self, seen: np.ndarray, noise: np.ndarray) -> None:
        gain = (
            self.covariance @ self.look.T @ np.linalg.inv(self.look @ self.covariance @ self.look.T + noise)
        )
        self.mean = self.mean + gain @ (seen - self.look @ self.mean)
        self.covariance = self.covariance - gain @ self.look @ self.covariance


class _SortTrack:
    def __init__(self, box: np.ndarray, number: int) -> None:
        self.filter = _Filter(self.seen(box), 3, np.diag([10.0] * 4 + [1e4] * 3))
        self.id, self.unseen, self.streak = number, 0, 0

    @staticmethod
    def seen(box: np.ndarray) -> np.ndarray:
        x, y, width, height = box
        return np.array([x + width / 2, y + height / 2, width * height, width / height])

    @property
    def box(self) -> np.ndarray:
        x, y, area, shape = self.filter.mean[:4]
        width = np.sqrt(area * shape)
        return np.array([x - width / 2, y - area / width / 2, width, area / width])

    def predict(self) -> None:
        if self.filter.mean[6] + self.filter.mean[2] <= 0:
            self.filter.mean[6] = 0
        self.filter.predict(np.diag([1, 1, 1, 1, 0.01, 0.01, 1e-4]))
        self.streak = 0 if self.unseen else self.streak
        self.unseen += 1

    def update(self, box: np.ndarray) -> None:
        self.filter.update(self.seen(box), np.diag([1.0, 1, 10, 10]))
        self.unseen, self.streak = 0, self.streak + 1


class Sort:
    """Call with boxes ``(n, 4)`` and confidences ``(n,)``, which do not matter; returns (id, box) of each object."""

    def __init__(self, max_age: int = 1, min_hits: int = 3, overlap: float = 0.3) -> None:
        self.max_age, self.min_hits, self.overlap = max_age, min_hits, overlap
        self.tracks: list[_SortTrack] = []
        self.frame = self.count = 0

    def __call__(self, boxes: np.ndarray, confidences: np.ndarray) -> list[tuple[int, np.ndarray]]:
        self.frame += 1
        for track in self.tracks:
            track.predict()
        overlaps = iou_matrix(boxes, np.reshape([track.box for track in self.tracks], (-1, 4)))
        rows, columns = linear_sum_assignment(-overlaps)
        good = overlaps[rows, columns] >= self.overlap
        for row, column in zip(rows[good], columns[good], strict=True):
            self.tracks[column].update(boxes[row])
        for row in sorted(set(range(len(boxes))) - set(rows[good].tolist())):
            self.count += 1
            self.tracks.append(_SortTrack(boxes[row], self.count))
        early = self.frame <= self.min_hits
        seen = [
            track for track in self.tracks if not track.unseen and (track.streak >= self.min_hits or early)
        ]
        self.tracks = [track for track in self.tracks if track.unseen <= self.max_age]
        return [(track.id, track.box) for track in seen]


class _ByteTrack:
    def __init__(self, box: np.ndarray, number: int, frame: int, confirmed: bool) -> None:
        x, y, shape, height = self.seen(box)
        spread = np.array([0.1 * height, 0.1 * height, 1e-2, 0.1 * height])
        speeds = np.array([height / 16, height / 16, 1e-5, height / 16])
        self.filter = _Filter(
            np.array([x, y, shape, height]), 4, np.diag(np.concatenate([spread, speeds]) ** 2)
        )
        self.id, self.first, self.last, self.confirmed, self.lost = number, frame, frame, confirmed, False

    seen = staticmethod(
        lambda box: np.array([box[0] + box[2] / 2, box[1] + box[3] / 2, box[2] / box[3], box[3]])
    )

    @property
    def box(self) -> np.ndarray:
        x, y, shape, height = self.filter.mean[:4]
        return np.array([x - shape * height / 2, y - height / 2, shape * height, height])

    def predict(self) -> None:
        if self.lost:
            self.filter.mean[7] = 0
        size = self.filter.mean[3]
        place, speed = size / 20, size / 160
        self.filter.predict(np.diag([place, place, 1e-2, place, speed, speed, 1e-5, speed]) ** 2)

    def update(self, box: np.ndarray, frame: int) -> None:
        place = self.filter.mean[3] / 20
        self.filter.update(self.seen(box), np.diag([place, place, 1e-1, place]) ** 2)
        self.last, self.confirmed, self.lost = frame, True, False


def _pixel_overlap(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> np.ndarray:
    """Return the overlap as ``cython_bbox`` counts it, with the right and lower edge as pixels of their own."""
    first, second = (np.reshape(boxes, (-1, 4)) + [0, 0, 1, 1] for boxes in (first, second))
    return iou_matrix(first, second)


class ByteTrack:
    """Call with boxes ``(n, 4)`` and confidences ``(n,)``; returns (id, box) of each object."""

    def __init__(self, high: float = 0.6, match: float = 0.9, buffer: int = 30) -> None:
        self.high, self.match, self.buffer = high, match, buffer
        self.tracks: list[_ByteTrack] = []
        self.frame = self.count = 0

    def __call__(self, boxes: np.ndarray, confidences: np.ndarray) -> list[tuple[int, np.ndarray]]:
        self.frame += 1
        sure = np.flatnonzero(confidences > self.high).tolist()
        unsure = np.flatnonzero((confidences > 0.1) & (confidences < self.high)).tolist()
        confirmed = [track for track in self.tracks if track.confirmed]
        tentative = [track for track in self.tracks if not track.confirmed]
        for track in confirmed:
            track.predict()
        left, sure = self._assign(confirmed, sure, boxes, confidences, self.match)
        left, _ = self._assign([track for track in left if not track.lost], unsure, boxes, None, 0.5)
        for track in left:
            track.lost = True
        dropped, sure = self._assign(tentative, sure, boxes, confidences, 0.7)
        self.tracks = [track for track in self.tracks if track not in dropped]
        for row in sure:
            if confidences[row] >= self.high + 0.1:
                self.count += 1
                self.tracks.append(_ByteTrack(boxes[row], self.count, self.frame, self.frame == 1))
        self.tracks = [track for track in self.tracks if self.frame - track.last <= self.buffer]
        self._drop_doubles()
        return [(track.id, track.box) for track in self.tracks if track.confirmed and not track.lost]

    def _assign(
        self, tracks: list, rows: list, boxes: np.ndarray, confidences: np.ndarray | None, limit: float
    ) -> tuple[list, list]:
        """Match and update; return the tracks and the rows that are left."""
        fit = _pixel_overlap([track.box for track in tracks], boxes[rows])
        cost = 1 - (fit if confidences is None else fit * confidences[rows])
        first, second = linear_sum_assignment(np.minimum(cost, limit))
        pairs = [(a, b) for a, b in zip(first.tolist(), second.tolist(), strict=True) if cost[a, b] < limit]
        for a, b in pairs:
            tracks[a].update(boxes[rows[b]], self.frame)
        matched, taken = {a for a, _ in pairs}, {b for _, b in pairs}
        return (
            [track for a, track in enumerate(tracks) if a not in matched],
            [row for b, row in enumerate(rows) if b not in taken],
        )

    def _drop_doubles(self) -> None:
        """Of a live and a lost track in one place keep the older."""
        live = [track for track in self.tracks if not track.lost]
        lost = [track for track in self.tracks if track.lost]
        if live and lost:
            for a, b in np.argwhere(
                _pixel_overlap([one.box for one in live], [one.box for one in lost]) > 0.85
            ):
                older = live[a].last - live[a].first > lost[b].last - lost[b].first
                self.tracks = [track for track in self.tracks if track is not (lost[b] if older else live[a])]
