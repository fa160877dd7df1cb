"""Which detection is which object: detections of a frame are assigned to tracks in two stages of confidence.

Sure detections are assigned first.  The tracks that are left look among the unsure ones, which often are the same
objects half hidden; those seen only once so far come last.  A sure detection that fits nothing begins a track, which
is shown once the object was seen again.

Two witnesses say whether a detection is an object: its overlap with where the object should be by now and, where
embeddings are given, its looks.  They are combined by Bayes' rule (`apps.track.likeness`).  What is known of each
track is in `apps.track.track_table`.

Differences from ByteTrack: an object out of sight may come back as an unsure detection too; the fit looks at the
heights; the first frames of an object are told in hindsight.

Reference:
    Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", ECCV 2022, algorithm 1 and
    section 4.1 (thresholds); Aharon, Orfaig, Bobrovsky, "BoT-SORT", 2022, section 3.3 (averaged embeddings).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from apps.track.likeness import assign, believed, fit_matrix, normalised
from apps.track.track_table import Track, TrackTable
from common.boxes import iou_matrix

if TYPE_CHECKING:
    from apps.track.camera_motion import Motion
    from apps.track.detection import Detections

__all__ = ["AssociationOptions", "MultiObjectTracker", "Track"]

GATE = 9.4877  # 95 % of chi-squared with 4 degrees of freedom: where a track may be (DeepSORT, equation 2)
NEAR = 0.1  # fit granted to an object that was out of sight wherever it may be, for its looks to build on
HIDDEN = 0.3  # overlap of two detections from which their embeddings may show either object


@dataclass(frozen=True)
class AssociationOptions:
    """Thresholds of the association; the defaults are those that ByteTrack was published with.

    Args:
        high: confidence from which a detection is sure and takes part in the first stage.
        low: confidence up to which a detection is ignored.
        new: confidence that a detection needs to begin a track.
        first_cost, second_cost, tentative_cost: below which a match is made in each stage; the cost is 1 - fit, in
            the first and last stage 1 - fit times confidence.
        max_age: frames that an object may be out of sight before its track ends.
        confirm_after: frames in a row in which an object must be seen before it is reported.
        label_cost: added where a detection's label is not the track's.
        memory: weight of a track's past in its averaged embedding.
    """

    high: float = 0.6
    low: float = 0.1
    new: float = 0.7
    first_cost: float = 0.9
    second_cost: float = 0.5
    tentative_cost: float = 0.7
    max_age: float = 30.0
    confirm_after: int = 2
    label_cost: float = 0.2
    memory: float = 0.9


@dataclass(frozen=True)
class _Frame:
    """A frame's detections, the number of each one's label, their embeddings of length 1, and its time and the last."""

    found: Detections
    kinds: np.ndarray
    looks: np.ndarray | None
    time: float
    past: float | None

    @property
    def solid(self) -> np.ndarray:
        """Which boxes have an area ``(N,)``."""
        return np.asarray((self.found.boxes[:, 2:] > 0).all(axis=1))


class MultiObjectTracker:
    """Follows every object of a video, frame by frame.

    Attributes:
        ended: ids of the reported tracks that the last update ended.

    Example:
        >>> tracker = MultiObjectTracker()
        >>> for number, pixels in enumerate(video):  # doctest: +SKIP
        ...     motion = camera.update(pixels)
        ...     tracks = tracker.update(detector(pixels, motion), motion, frame=number)
    """

    def __init__(self, options: AssociationOptions | None = None) -> None:
        self.options = options or AssociationOptions()
        self.ended: list[int] = []
        self._table = TrackTable(self.options.memory)
        self._time: float | None = None
        self._opening = True  # nothing was seen of this shot before

    def update(
        self,
        detections: Detections,
        motion: Motion | None = None,
        *,
        frame: float | None = None,
        embeddings: np.ndarray | None = None,
    ) -> list[Track]:
        """Take in a frame.

        Args:
            detections: boxes ``(N, 4)``, confidences ``(N,)`` and labels.
            motion: of the camera since the last frame; at a cut every track ends.
            frame: time in units of frames, the next whole one by default.  Frames may be missing.
            embeddings: what each detection looks like ``(N, D)``, of any length; a row of zeros says nothing.

        Returns:
            The objects reported so far that have not ended, by id.

        Raises:
            ValueError: ``frame`` does not come after the last one.
        """
        past, time = self._time, self._next(frame)
        self._time, self.ended = time, []
        table = self._table
        if motion is not None and motion.cut:
            self.ended = table.keep(np.zeros(len(table), bool))
            self._opening = True
        elif past is not None:
            if motion is not None and not motion.still:
                table.warp(motion.affine)
            table.filter.predict(time - past, table.rows["seen"] < past)
        looks = normalised(embeddings) if embeddings is not None and len(embeddings) else None
        now = _Frame(detections, table.kinds(detections.labels), looks, time, past)
        matches, sure = self._matches(now)
        self._learn(now, matches, sure)
        begun = self._begin(now, matches)
        matches, sure = np.concatenate([matches, begun]), np.concatenate([sure, np.ones(len(begun), bool)])
        tracks = table.views(matches, sure, time)
        self._end(time)
        ended = set(self.ended)
        return [track for track in tracks if track.id not in ended] if ended else tracks

    def _next(self, frame: float | None) -> float:
        if self._time is None:
            return 0.0 if frame is None else frame
        if frame is not None and frame <= self._time:
            raise ValueError(f"frame {frame:g} comes after frame {self._time:g}")
        return self._time + 1 if frame is None else frame

    def _matches(self, now: _Frame) -> tuple[np.ndarray, np.ndarray]:
        """Return the detection of each track ``(T,)``, or -1, and whether it was a sure one ``(T,)``."""
        options, table, found = self.options, self._table, now.found
        matches, sure = np.full(len(table), -1), np.zeros(len(table), bool)
        free = (found.confidences > options.low) & now.solid
        high = found.confidences >= options.high
        if not len(table) or not free.any():
            return matches, sure
        fit = fit_matrix(table.filter.boxes, found.boxes)
        by_looks = fit if now.looks is None else self._with_looks(fit, now.looks, now)
        penalty = 0.0
        if len(table.labels) > 1:
            penalty = options.label_cost * (table.votes.argmax(axis=1)[:, None] != now.kinds)
        confirmed = table.rows["confirmed"]
        for tracks, wanted, score, limit in (
            (confirmed, high, by_looks * found.confidences, options.first_cost),
            (confirmed, ~high, fit, options.second_cost),
            (~confirmed, high, fit * found.confidences, options.tentative_cost),
        ):
            rows = np.flatnonzero(tracks & (matches < 0))
            columns = np.flatnonzero(wanted & free)
            if len(rows) and len(columns):
                matched, taken = assign((1 - score + penalty)[rows[:, None], columns], limit)
                matches[rows[matched]] = columns[taken]
                free[columns[taken]] = False
        sure[matches >= 0] = high[matches[matches >= 0]]
        return matches, sure

    def _with_looks(self, fit: np.ndarray, looks: np.ndarray, now: _Frame) -> np.ndarray:
        """Return the fit ``(T, N)`` after the looks were heard.

        An object that was out of sight may have gone on or have stopped behind something: anywhere near either
        place, looks may decide.
        """
        table, boxes = self._table, now.found.boxes
        lost = table.rows["seen"] < now.past
        if lost.any():
            near = (table.filter.distances(boxes) < GATE) | (fit_matrix(table.rows["box"], boxes) > NEAR)
            fit = np.where(near & lost[:, None], np.maximum(fit, NEAR), fit)
        return believed(fit, table.looks.same(looks))

    def _learn(self, now: _Frame, matches: np.ndarray, sure: np.ndarray) -> None:
        """Take what was seen of each object into its track."""
        table, found = self._table, now.found
        rows = np.flatnonzero(matches >= 0)
        columns = matches[rows]
        table.learn(rows, found.boxes[columns], found.confidences[columns], now.kinds[columns], now.time)
        table.rows["confirmed"] |= table.rows["hits"] >= self.options.confirm_after
        if now.looks is not None:
            overlaps = iou_matrix(found.boxes, found.boxes)
            np.fill_diagonal(overlaps, 0)
            clear = sure[rows] & (overlaps.max(axis=1)[columns] < HIDDEN)
            table.looks.learn(rows[clear], now.looks[columns[clear]])

    def _begin(self, now: _Frame, matches: np.ndarray) -> np.ndarray:
        """Begin a track for each sure detection that fits nothing; return their detections ``(M,)``.

        What stands in the first frame, or in the first one after a cut, is confirmed there (as ByteTrack does).
        """
        found = now.found
        free = (found.confidences >= max(self.options.new, self.options.high)) & now.solid
        free[matches[matches >= 0]] = False
        columns = np.flatnonzero(free)
        if len(columns):
            boxes = np.asarray(found.boxes[columns], np.float64)
            looks = None if now.looks is None else now.looks[columns]
            self._table.begin(boxes, found.confidences[columns], now.kinds[columns], looks, now.time)
            if self._opening or self.options.confirm_after <= 1:
                self._table.rows["confirmed"][-len(columns) :] = True
        self._opening = False
        return columns

    def _end(self, time: float) -> None:
        """Drop what has been out of sight too long, and at once what was never confirmed."""
        rows = self._table.rows
        unseen = time - rows["seen"]
        alive = np.where(rows["confirmed"], unseen <= self.options.max_age, unseen <= 0)
        if not alive.all():
            self.ended += self._table.keep(alive)
