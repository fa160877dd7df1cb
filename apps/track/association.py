"""Which detection is which object: detections of a frame are assigned to tracks in two stages of confidence.

Sure detections are assigned first.  The tracks that are left look among the unsure ones, which often are the same
objects half hidden; those seen only once so far come last.  A sure detection that fits nothing begins a track, which
is shown once the object was seen again.

Two witnesses say whether a detection is an object: its overlap with where the object should be by now and, where
embeddings are given, its looks.  They are combined by Bayes' rule (`apps.track.likeness`).

Differences from ByteTrack: an object out of sight may come back as an unsure detection too; the fit looks at the
heights; the first frames of an object are told in hindsight.

Reference:
    Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", ECCV 2022, algorithm 1 and
    section 4.1 (thresholds); Aharon, Orfaig, Bobrovsky, "BoT-SORT", 2022, section 3.3 (averaged embeddings).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from apps.track.kalman import BoxFilter
from apps.track.likeness import Appearance, assign, believed, fit_matrix, normalised
from common.boxes import centers, iou_matrix

if TYPE_CHECKING:
    from apps.track.camera_motion import Motion
    from apps.track.detection import Detections

__all__ = ["AssociationOptions", "MultiObjectTracker", "State", "Track"]

State = Literal["tracked", "uncertain", "lost"]

GATE = 9.4877  # 95 % of chi-squared with 4 degrees of freedom: where a track may be (DeepSORT, equation 2)
NEAR = (
    0.1  # fit granted anywhere within the gate to an object that was out of sight, for its looks to build on
)
HIDDEN = 0.3  # overlap of two detections from which their embeddings may show either object

_BOOK = [
    ("id", "i8"),
    ("confirmed", "?"),
    ("hits", "i8"),
    ("seen", "f8"),
    ("confidence", "f8"),
    ("box", "f8", 4),
    ("origin", "f8", 2),
]


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
class Track:
    """One object as it stands in a frame.

    Args:
        id: from 1, never given to another object.
        box: ``(4,)`` float64, estimated; for a lost object predicted.
        confidence: of the last detection.
        state: ``"tracked"``, ``"uncertain"`` where only an unsure detection was found, ``"lost"`` where none was.
        label: the one that its detections had, weighted by their confidence.
        detection: row of its detection in this frame, or -1.
        unseen: frames since it was last seen.
        travelled: how far from where it was first seen, in its own sizes; what the camera moved does not count.
        earlier: (frame, box, confidence) of the frames in which it was not reported yet; given once.
    """

    id: int
    box: np.ndarray
    confidence: float
    state: State
    label: str
    detection: int
    unseen: float
    travelled: float
    earlier: tuple[tuple[float, np.ndarray, float], ...] = ()


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
        self._next_id = 1
        self._frame: float | None = None
        self._appearance = Appearance(self.options.memory)
        self._names: list[str] = []  # labels, in the order of their first appearance
        self._clear()

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
        past, self._frame = self._frame, self._time(frame)
        self.ended = []
        if motion is not None and motion.cut:
            self.ended = self._book["id"][self._book["confirmed"]].tolist()
            self._clear()
        elif past is not None:
            if motion is not None:
                self._filter.warp(motion.affine)
                self._book["origin"] = self._book["origin"] @ motion.affine[:, :2].T + motion.affine[:, 2]
            self._filter.predict(self._frame - past, self._book["seen"] < past)
        kinds = self._kinds(detections.labels)
        looks = normalised(embeddings) if embeddings is not None and len(embeddings) else None
        matches, sure = self._matches(detections, kinds, looks, past)
        self._learn(detections, kinds, looks, matches, sure)
        tracks = self._seen(matches, sure)
        self._end()
        tracks += self._begin(detections, kinds, looks, matches)
        return tracks

    def _time(self, frame: float | None) -> float:
        if self._frame is None:
            return 0.0 if frame is None else frame
        if frame is not None and frame <= self._frame:
            raise ValueError(f"frame {frame:g} comes after frame {self._frame:g}")
        return self._frame + 1 if frame is None else frame

    def _clear(self) -> None:
        self._filter = BoxFilter()
        self._book = np.zeros(0, _BOOK)
        self._votes = np.zeros((0, len(self._names)))  # confidence given to each label
        self._appearance.keep(np.zeros(0, int))
        self._earlier: list[list[tuple[float, np.ndarray, float]]] = []
        self._opening = True

    def _kinds(self, labels: tuple[str, ...]) -> np.ndarray:
        """Return the number of each label ``(N,)``; a new one gets the next."""
        new = [label for label in dict.fromkeys(labels) if label not in self._names]
        if new:
            self._names += new
            self._votes = np.pad(self._votes, ((0, 0), (0, len(new))))
        return np.array([self._names.index(label) for label in labels], int)

    def _matches(
        self, found: Detections, kinds: np.ndarray, looks: np.ndarray | None, past: float | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the detection of each track ``(T,)``, or -1, and whether it was a sure one ``(T,)``."""
        options, book = self.options, self._book
        matches, sure = np.full(len(book), -1), np.zeros(len(book), bool)
        free = (found.confidences > options.low) & (found.boxes[:, 2:] > 0).all(axis=1)
        high = found.confidences >= options.high
        if not len(book) or not free.any():
            return matches, sure
        fit = fit_matrix(self._filter.boxes, found.boxes)
        by_looks = fit if looks is None else self._with_looks(fit, found.boxes, looks, book["seen"] < past)
        penalty = 0.0
        if len(self._names) > 1:
            penalty = options.label_cost * (self._votes.argmax(axis=1)[:, None] != kinds)
        confirmed = book["confirmed"]
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

    def _with_looks(
        self, fit: np.ndarray, boxes: np.ndarray, looks: np.ndarray, lost: np.ndarray
    ) -> np.ndarray:
        """Return the fit ``(T, N)`` after the looks were heard.

        An object that was out of sight may have gone on or have stopped behind something: anywhere near either
        place, looks may decide.
        """
        if lost.any():
            near = (self._filter.distances(boxes) < GATE) | (fit_matrix(self._book["box"], boxes) > NEAR)
            fit = np.where(near & lost[:, None], np.maximum(fit, NEAR), fit)
        return believed(fit, self._appearance.same(looks))

    def _learn(
        self,
        found: Detections,
        kinds: np.ndarray,
        looks: np.ndarray | None,
        matches: np.ndarray,
        sure: np.ndarray,
    ) -> None:
        """Take what was seen of each object into its track."""
        rows = np.flatnonzero(matches >= 0)
        columns = matches[rows]
        confidences = found.confidences[columns]
        self._filter.update(rows, found.boxes[columns])
        book = self._book
        book["hits"][rows] += 1
        book["seen"][rows] = self._frame
        book["confidence"][rows] = confidences
        book["box"][rows] = found.boxes[columns]
        book["confirmed"] |= book["hits"] >= self.options.confirm_after
        self._votes[rows, kinds[columns]] += confidences
        if looks is not None:
            overlaps = iou_matrix(found.boxes, found.boxes)
            np.fill_diagonal(overlaps, 0)
            clear = sure[rows] & (overlaps.max(axis=1)[columns] < HIDDEN)
            self._appearance.learn(rows[clear], looks[columns[clear]])

    def _seen(self, matches: np.ndarray, sure: np.ndarray) -> list[Track]:
        """Return the confirmed tracks; note of the others where they were seen."""
        boxes, now = self._filter.boxes, self._frame or 0.0
        ways = np.linalg.norm(centers(boxes) - self._book["origin"], axis=1) / np.sqrt(boxes[:, 2:].prod(axis=1))
        best = self._votes.argmax(axis=1).tolist() if len(self._book) else []
        tracks = []
        for row, (number, confirmed, _, seen, confidence, _, _) in enumerate(self._book.tolist()):
            if not confirmed:
                self._earlier[row].append((now, boxes[row], confidence))
                continue
            state: State = "tracked" if sure[row] else "lost" if matches[row] < 0 else "uncertain"
            earlier, self._earlier[row] = tuple(self._earlier[row]), []
            label = self._names[best[row]]
            tracks.append(
                Track(number, boxes[row], confidence, state, label, int(matches[row]), now - seen, ways[row], earlier)
            )
        return tracks

    def _end(self) -> None:
        """Drop what has been out of sight too long, and at once what was never confirmed."""
        unseen = (self._frame or 0.0) - self._book["seen"]
        alive = np.where(self._book["confirmed"], unseen <= self.options.max_age, unseen <= 0)
        if alive.all():
            return
        self.ended = self._book["id"][~alive & self._book["confirmed"]].tolist()
        self._filter.keep(alive)
        self._book, self._votes = self._book[alive], self._votes[alive]
        self._appearance.keep(alive)
        self._earlier = [notes for notes, stays in zip(self._earlier, alive, strict=True) if stays]

    def _begin(
        self, found: Detections, kinds: np.ndarray, looks: np.ndarray | None, matches: np.ndarray
    ) -> list[Track]:
        """Begin a track for each sure detection that fits nothing; return those to be reported at once.

        What stands in the first frame, or in the first one after a cut, is reported there (as ByteTrack does).
        """
        free = found.confidences >= max(self.options.new, self.options.high)
        free &= (found.boxes[:, 2:] > 0).all(axis=1)
        free[matches[matches >= 0]] = False
        columns = np.flatnonzero(free)
        count, now = len(columns), self._frame or 0.0
        at_once = self._opening or self.options.confirm_after <= 1
        self._opening = False
        if not count:
            return []
        boxes = np.asarray(found.boxes[columns], np.float64)
        fresh = np.zeros(count, _BOOK)
        fresh["id"] = np.arange(self._next_id, self._next_id + count)
        fresh["hits"], fresh["seen"], fresh["confirmed"] = 1, now, at_once
        fresh["confidence"], fresh["box"] = found.confidences[columns], boxes
        fresh["origin"] = centers(boxes)
        self._next_id += count
        self._filter.append(boxes)
        self._book = np.concatenate([self._book, fresh])
        votes = np.zeros((count, len(self._names)))
        votes[np.arange(count), kinds[columns]] = fresh["confidence"]
        self._votes = np.concatenate([self._votes, votes])
        self._appearance.append(count, None if looks is None else looks[columns])
        notes = [(now, box, sure) for box, sure in zip(boxes, fresh["confidence"].tolist(), strict=True)]
        self._earlier += [[] if at_once else [note] for note in notes]
        return [
            Track(number, box, sure, "tracked", found.labels[column], column, 0.0, 0.0)
            for number, (_, box, sure), column in zip(
                fresh["id"].tolist(), notes, columns.tolist(), strict=True
            )
            if at_once
        ]
