"""What is known of every object that is being tracked, a row each, in arrays that stay in step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from apps.track.kalman import BoxFilter
from apps.track.likeness import Appearance
from apps.track.observations import State
from common.boxes import centers

__all__ = ["Track", "TrackTable"]

_NAMES = ["id", "confirmed", "hits", "seen", "confidence", "box", "origin"]
_ROW = np.dtype({"names": _NAMES, "formats": ["i8", "?", "i8", "f8", "f8", "4f8", "2f8"]})  # type: ignore[call-overload]


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
        travelled: how far from where it was first seen, in its own sizes; the camera's motion does not count.
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


class TrackTable:
    """All live tracks; those not confirmed yet are among them.

    Args:
        memory: weight of a track's past in its averaged embedding.

    Attributes:
        filter: where each is and moves.
        looks: what each looks like.
        rows: id, whether confirmed, hits, frame last seen, confidence, box last seen, and where it was first seen,
            followed through the camera's motion: a structured array ``(T,)``.
        votes: confidence given to each label ``(T, labels)``, in the order of ``labels``.
    """

    def __init__(self, memory: float) -> None:
        self.labels: list[str] = []
        self.filter = BoxFilter()
        self.looks = Appearance(memory)
        self.rows = np.zeros(0, _ROW)
        self.votes = np.zeros((0, 0))
        self._earlier: list[list[tuple[float, np.ndarray, float]]] = []
        self._next_id = 1

    def __len__(self) -> int:
        return len(self.rows)

    def kinds(self, labels: tuple[str, ...]) -> np.ndarray:
        """Return the number of each label ``(N,)``; one never met gets the next."""
        new = [label for label in dict.fromkeys(labels) if label not in self.labels]
        if new:
            self.labels += new
            self.votes = np.pad(self.votes, ((0, 0), (0, len(new))))
        return np.array([self.labels.index(label) for label in labels], int)

    def warp(self, affine: np.ndarray) -> None:
        """Follow the camera, which moved by ``affine`` ``(2, 3)``."""
        self.filter.warp(affine)
        self.rows["origin"] = self.rows["origin"] @ affine[:, :2].T + affine[:, 2]

    def begin(
        self,
        boxes: np.ndarray,
        confidences: np.ndarray,
        kinds: np.ndarray,
        looks: np.ndarray | None,
        frame: float,
    ) -> None:
        """Begin a track for each box ``(M, 4)``, seen once in ``frame``, with the next ids."""
        count = len(boxes)
        rows = np.zeros(count, _ROW)
        rows["id"] = np.arange(self._next_id, self._next_id + count)
        rows["hits"], rows["seen"], rows["confidence"] = 1, frame, confidences
        rows["box"], rows["origin"] = boxes, centers(boxes)
        self._next_id += count
        votes = np.zeros((count, len(self.labels)))
        votes[np.arange(count), kinds] = confidences
        self.filter.append(boxes)
        self.looks.append(count, looks)
        self.rows = np.concatenate([self.rows, rows])
        self.votes = np.concatenate([self.votes, votes])
        self._earlier += [[] for _ in range(count)]

    def learn(
        self, rows: np.ndarray, boxes: np.ndarray, confidences: np.ndarray, kinds: np.ndarray, frame: float
    ) -> None:
        """Take in where tracks ``(M,)`` were seen."""
        self.filter.update(rows, boxes)
        self.rows["hits"][rows] += 1
        self.rows["seen"][rows] = frame
        self.rows["confidence"][rows] = confidences
        self.rows["box"][rows] = boxes
        self.votes[rows, kinds] += confidences

    def keep(self, alive: np.ndarray) -> list[int]:
        """Go on with the tracks of a mask ``(T,)``; return the ids of the confirmed ones among the others."""
        ended = self.rows["id"][~alive & self.rows["confirmed"]].tolist()
        self.filter.keep(alive)
        self.looks.keep(alive)
        self.rows, self.votes = self.rows[alive], self.votes[alive]
        self._earlier = [notes for notes, stays in zip(self._earlier, alive, strict=True) if stays]
        return ended

    def views(self, matches: np.ndarray, sure: np.ndarray, frame: float) -> list[Track]:
        """Return the confirmed tracks; note of the others where they are.

        Args:
            matches: the detection of each track ``(T,)``, or -1.
            sure: whether that was a sure one ``(T,)``.
            frame: the present.
        """
        boxes = self.filter.boxes
        ways = np.linalg.norm(centers(boxes) - self.rows["origin"], axis=1) / np.sqrt(
            boxes[:, 2:].prod(axis=1)
        )
        best = self.votes.argmax(axis=1).tolist() if len(self) else []
        found, clear, far = matches.tolist(), sure.tolist(), ways.tolist()
        tracks = []
        for row, (number, confirmed, _, seen, confidence, _, _) in enumerate(self.rows.tolist()):
            if not confirmed:
                self._earlier[row].append((frame, boxes[row], confidence))
                continue
            state: State = "tracked" if clear[row] else "uncertain" if found[row] >= 0 else "lost"
            earlier, self._earlier[row] = tuple(self._earlier[row]), []
            label = self.labels[best[row]]
            unseen = frame - seen
            tracks.append(
                Track(number, boxes[row], confidence, state, label, found[row], unseen, far[row], earlier)
            )
        return tracks
