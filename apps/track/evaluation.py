"""How well a tracker follows: one pass over sequences with known boxes, beside its speed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from apps.track.following import Follower
from apps.track.hiding import HIDINGS, Absence, HiddenSequence, absence_of, hidden
from apps.track.metrics import Figures, figures
from apps.track.prediction import SiameseNetwork, open_network
from apps.track.sequences import Sequence as Frames
from apps.track.sequences import find_sequences
from apps.track.settings import FollowSettings
from common.artifact import Measure
from common.console import Advance
from common.devices import one_blas_thread

__all__ = ["Evaluation", "Trace", "evaluate", "evaluate_sequences", "follow_sequence"]


@dataclass(frozen=True)
class Trace:
    """One sequence as it was followed.

    Args:
        name: of the sequence.
        boxes: found, ``(frames, 4)``; NaN where the tracker said "lost".  The first is the given one.
        truth: ``(frames, 4)``; NaN where the object is not visible.
        confidences: ``(frames,)``.
        seconds: that the updates took, decoding not counted.
    """

    name: str
    boxes: np.ndarray
    truth: np.ndarray
    confidences: np.ndarray
    seconds: float

    @property
    def figures(self) -> Figures:
        """Of this sequence."""
        return figures(self.boxes, self.truth)

    @property
    def rate(self) -> float:
        """Frames a second."""
        return (len(self.boxes) - 1) / max(self.seconds, 1e-9)

    @property
    def followed_absent(self) -> float:
        """Share of the frames without the object for which a box was given; NaN where it is always there."""
        absent = np.isnan(self.truth).any(axis=1)
        return float((~np.isnan(self.boxes[absent]).any(axis=1)).mean()) if absent.any() else float("nan")

    def to_json(self) -> dict[str, Any]:
        """Return plain values; null where a figure does not apply."""
        false_follow = None if np.isnan(self.followed_absent) else self.followed_absent
        return {
            "name": self.name,
            **self.figures.to_json(),
            "frames_per_second": self.rate,
            "followed_absent": false_follow,
        }


@dataclass(frozen=True)
class Evaluation:
    """All sequences, each counting the same."""

    model: str
    traces: tuple[Trace, ...]
    absences: tuple[Absence, ...] = ()

    @property
    def followed_absent(self) -> float:
        """Share of the frames without the object for which a box was given, mean over the hidden sequences."""
        return float(np.mean([one.followed for one in self.absences if one.kept]))

    @property
    def found_again(self) -> float:
        """Share of the returns after which the object was found in time."""
        return float(np.mean([one.found_after is not None for one in self.absences if one.kept]))

    def mean(self, name: str) -> float:
        """Return the mean of one of ``Figures`` over the sequences."""
        return float(np.mean([getattr(trace.figures, name) for trace in self.traces]))

    @property
    def rate(self) -> float:
        """Frames a second over all of them."""
        frames = sum(len(trace.boxes) - 1 for trace in self.traces)
        return frames / max(sum(trace.seconds for trace in self.traces), 1e-9)

    def measures(self) -> dict[str, Measure]:
        """Return the figures for a card; the interval is that of the mean over sequences."""
        count = len(self.traces)
        found = {}
        for name in ("auc", "precision", "normalised_precision"):
            values = [getattr(trace.figures, name) for trace in self.traces]
            half = 1.96 * float(np.std(values)) / count**0.5
            found[name] = Measure(
                float(np.mean(values)), np.mean(values) - half, np.mean(values) + half, count
            )
        return found

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        names = ("auc", "precision", "normalised_precision", "overlap")
        return {
            "model": self.model,
            "sequences": len(self.traces),
            **{name: self.mean(name) for name in names},
            "frames_per_second": self.rate,
            "by_sequence": [trace.to_json() for trace in self.traces],
            **self._hidden_to_json(),
        }

    def _hidden_to_json(self) -> dict[str, Any]:
        if not any(one.kept for one in self.absences):
            return {}
        return {
            "hidden": {
                "followed_absent": self.followed_absent,
                "found_again": self.found_again,
                "by_sequence": [asdict(one) for one in self.absences],
            }
        }


def evaluate(
    folder: str | Path,
    *,
    model: str | Path,
    hide: bool = False,
    settings: FollowSettings | None = None,
    progress: Advance = lambda done, total, remark: None,
) -> Evaluation:
    """Follow the object of each sequence in a folder from its first box on, never set right again.

    Args:
        folder: of sequences in the layout of OTB, or one sequence.
        model: a shipped name or a run folder.
        hide: also with the object taken away for a while, in each way of ``apps.track.hiding``.
        settings: of the tracker; None for those of the model.
        progress: called with (frames done, frames, sequence).

    Raises:
        InputError: no sequence, or a damaged one.
        ArtifactError: no such model.
    """
    sequences = find_sequences(Path(folder))
    return evaluate_sequences(sequences, model, hide=hide, settings=settings, progress=progress)


def evaluate_sequences(
    sequences: Sequence[Frames],
    model: str | Path,
    *,
    hide: bool = False,
    others: Sequence[Frames] | None = None,
    settings: FollowSettings | None = None,
    progress: Advance = lambda done, total, remark: None,
) -> Evaluation:
    """Follow the object of each of these sequences; as ``evaluate``.

    ``others`` are those whose pictures hide the object of each; None for the next of the sequences.
    """
    network = open_network(model)
    jobs: list[Frames | HiddenSequence] = [*sequences]
    for one, other in zip(sequences, others or [*sequences[1:], sequences[0]], strict=True):
        ways = [how for how in HIDINGS.names() if other is not one or how != "cut"] if hide else []
        jobs += [taken_away for how in ways if (taken_away := hidden(one, other, how))]
    total, done = sum(len(job) for job in jobs), 0
    traces, absences = [], []
    for job in jobs:
        progress(done, total, job.name)
        with one_blas_thread():
            trace = follow_sequence(job, lambda pixels, box: _single(network, pixels, box, settings))
        if isinstance(job, HiddenSequence):
            absences.append(absence_of(job, trace.boxes))
        else:
            traces.append(trace)
        done += len(job)
    progress(total, total, "")
    return Evaluation(str(model), tuple(traces), tuple(absences))


Update = Callable[[np.ndarray], tuple[np.ndarray, float]]


def follow_sequence(
    sequence: Frames | HiddenSequence, begin: Callable[[np.ndarray, np.ndarray], Update]
) -> Trace:
    """Follow one object through a sequence.

    Args:
        sequence: with its true boxes, of which the first is given to the tracker.
        begin: takes the first frame and box, and returns what gives box and confidence for each next frame.
    """
    boxes, confidences, seconds = [sequence.boxes[0]], [1.0], 0.0
    frames = sequence.frames()
    update = begin(next(frames), sequence.boxes[0])
    for pixels in frames:
        started = time.perf_counter()
        box, confidence = update(pixels)
        seconds += time.perf_counter() - started
        boxes.append(box)
        confidences.append(confidence)
    return Trace(sequence.name, np.array(boxes), sequence.boxes, np.array(confidences), seconds)


def _single(
    network: SiameseNetwork, pixels: np.ndarray, box: np.ndarray, settings: FollowSettings | None
) -> Update:
    follower = Follower(network, pixels, [box], settings)

    def update(pixels: np.ndarray) -> tuple[np.ndarray, float]:
        estimate = follower.update(pixels)[0]
        return estimate.box, estimate.confidence

    return update
