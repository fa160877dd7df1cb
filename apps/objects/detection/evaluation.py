"""How well a detector finds: average precision, recall and precision in use, class by class."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from apps.objects.detection.average_precision import Seen, average_precision, right_ones
from common.artifact import Measure
from common.console import Advance, Console
from common.data.boxed import Annotated
from common.data.images import decode
from common.detector import Detector, Found, open_detector
from common.errors import InputError, UserError

__all__ = ["ClassFigures", "DetectorEvaluation", "detect_all", "evaluate_detector", "figures"]

FAINTEST = 0.005  # score from which boxes count for average precision


@dataclass(frozen=True)
class ClassFigures:
    """What is reached on one class.

    Args:
        name: of the class.
        objects: there are, difficult ones not counted.
        ap: mean over IoU from 0.5 to 0.95; None without objects, as the others.
        ap50: at an IoU of 0.5.
        recall: share found at an IoU of 0.5, by the model's threshold.
        precision: share of what is found that is right, likewise.
        curve: precision at each of ``RECALLS``, at an IoU of 0.5.
    """

    name: str
    objects: int
    ap: float | None
    ap50: float | None
    recall: float | None
    precision: float | None
    curve: np.ndarray

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "objects": self.objects,
            "AP": self.ap,
            "AP50": self.ap50,
            "recall": self.recall,
            "precision": self.precision,
        }


@dataclass(frozen=True)
class DetectorEvaluation:
    """What a detector reaches on a part of a data set.

    Args:
        model: as named.
        part: of the data set.
        mean_ap: over classes and IoU from 0.5 to 0.95, with its 95 % interval over pictures.
        ap50: over classes at an IoU of 0.5, likewise.
        ap75: at 0.75.
        by_size: mean AP of small, medium and large objects; None where there are none.
        classes: in the order of the model.
        threshold: score from which an object counts for recall and precision.
        pictures_per_second: of detection alone, this machine.
        seen: every picture.
        notes: what was left out.
    """

    model: str
    part: str
    mean_ap: Measure
    ap50: Measure
    ap75: float | None
    by_size: dict[str, float | None]
    classes: tuple[ClassFigures, ...]
    threshold: float
    pictures_per_second: float
    seen: tuple[Seen, ...]
    notes: tuple[str, ...] = ()

    def measures(self) -> dict[str, Measure]:
        """Return the figures for a card."""
        return {f"{self.part} mAP": self.mean_ap, f"{self.part} AP50": self.ap50}

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "model": self.model,
            "part": self.part,
            "pictures": len(self.seen),
            "mAP": self.mean_ap.value,
            "mAP_interval_95": [self.mean_ap.low, self.mean_ap.high],
            "AP50": self.ap50.value,
            "AP50_interval_95": [self.ap50.low, self.ap50.high],
            "AP75": self.ap75,
            "by_size": self.by_size,
            "by_class": {one.name: one.to_json() for one in self.classes},
            "threshold": self.threshold,
            "pictures_per_second": self.pictures_per_second,
            "notes": list(self.notes),
        }

    def print(self) -> None:
        """Print the figures for people."""
        print(
            f"{self.part}, {len(self.seen)} pictures: mAP {self.mean_ap.value:.3f} (95 % interval "
            f"{self.mean_ap.low:.3f} to {self.mean_ap.high:.3f}), AP50 {self.ap50.value:.3f}, "
            f"{self.pictures_per_second:.0f} pictures/s"
        )
        rows = [
            (one.name, one.objects, *map(_shown, (one.ap, one.ap50, one.recall, one.precision)))
            for one in self.classes
        ]
        Console.table(("class", "objects", "mAP", "AP50", "recall", "precision"), rows)
        sizes = ", ".join(f"{name} {_shown(value)}" for name, value in self.by_size.items())
        print(f"mAP by size: {sizes}; recall and precision at score {self.threshold:.2f}")


def evaluate_detector(
    data: str | Path,
    *,
    model: str | Path,
    form: str | None = None,
    part: str = "",
    side: int | None = None,
    again: bool = False,
    progress: Advance = lambda done, total, remark: None,
) -> DetectorEvaluation:
    """Find the objects of a part of a data set and compare them with the true ones.

    Args:
        data: a Pascal VOC or YOLO folder, or a COCO file with its pictures.
        model: a shipped name or a run folder.
        form: of the data, as of ``common.data.boxed.open_boxed``.
        part: ``train``, ``val``, ``test`` or ``all``; "" for ``test``, or what the model was tested on.
        side: of the square that pictures are fitted into; None for that of the training.
        again: look from other sides too, as of ``common.detector.open_detector``.
        progress: called with (pictures done, pictures, remark).

    Raises:
        InputError: no such data, or nothing of it can be read.
        ArtifactError: no such model.
        UserError: no such part, or none of the model's classes in it.
    """
    from apps.objects.detection.splits import part_to_test

    detector = open_detector(model, side=side, again=again)
    name, entries, notes = part_to_test(data, detector.card, form=form, part=part, progress=progress)
    seen, rate, failures = detect_all(detector, entries, progress=progress)
    notes += tuple(failure.message for failure in failures)
    return figures(seen, detector.classes, detector.threshold, str(model), name, rate, notes)


def detect_all(
    detector: Detector,
    entries: Sequence[Annotated],
    *,
    batch: int = 1,
    progress: Advance = lambda done, total, remark: None,
) -> tuple[list[Seen], float, list[InputError]]:
    """Find the objects of pictures, and how many pictures a second.

    Args:
        detector: that is asked.
        entries: the pictures.
        batch: pictures given to it at once; 1 for one after the other, as in use.
        progress: called with (pictures done, pictures, remark).

    Returns:
        What was seen; pictures a second of detection alone; what is wrong with the pictures that cannot be read.
    """
    seen: list[Seen] = []
    failures: list[InputError] = []
    seconds = 0.0
    for start in range(0, len(entries), batch):
        read = []
        for entry in entries[start : start + batch]:
            try:
                read.append((entry, decode(entry.file).pixels))
            except InputError as error:
                failures.append(error)
        if read:
            started = time.perf_counter()
            pictures = [pixels for _, pixels in read]
            if batch == 1:
                found = [detector(pictures[0], threshold=FAINTEST)]
            else:
                found = detector.together(pictures, threshold=FAINTEST)
            seconds += time.perf_counter() - started
            seen += [
                Seen(entry, _at_full_size(one, pixels, entry))
                for (entry, pixels), one in zip(read, found, strict=True)
            ]
        progress(min(start + batch, len(entries)), len(entries), "detecting")
    return seen, len(seen) / max(seconds, 1e-9), failures


def _at_full_size(found: Found, pixels: np.ndarray, entry: Annotated) -> Found:
    """Return boxes in the picture at its full size: a very large one is made smaller while it is decoded."""
    scale = np.tile(np.array(entry.size) / pixels.shape[1::-1], 2).astype(np.float32)
    return Found(found.boxes * scale, found.scores, found.classes)


def figures(
    seen: Sequence[Seen],
    classes: Sequence[str],
    threshold: float,
    model: str = "",
    part: str = "test",
    rate: float = 0.0,
    notes: tuple[str, ...] = (),
) -> DetectorEvaluation:
    """Return what was reached.

    Args:
        seen: pictures and what was found in them.
        classes: names of the classes by number.
        threshold: score from which an object counts for recall and precision.
        model, part, rate, notes: as of ``DetectorEvaluation``.

    Raises:
        UserError: there is no object of these classes.
    """
    unknown = sorted({label for one in seen for label in one.entry.labels} - set(classes))
    if unknown:
        notes += (f"the model does not know {', '.join(unknown)}: not counted",)
    objects = _objects(seen, classes)
    if not objects.any():
        raise UserError(
            f"no object of the model's classes ({', '.join(classes)}) to find",
            "evaluate on data with its classes",
        )
    found = average_precision(seen, classes)
    hits, answers = _at_threshold(seen, classes, threshold)
    by_class = tuple(
        ClassFigures(
            name,
            int(objects[number]),
            *found.of_class(number),
            recall=hits[number] / objects[number] if objects[number] else None,
            precision=hits[number] / answers[number] if answers[number] else None,
            curve=found.curve(number),
        )
        for number, name in enumerate(classes)
    )
    return DetectorEvaluation(
        model=model,
        part=part,
        mean_ap=found.mean_ap,
        ap50=found.ap50,
        ap75=found.ap75,
        by_size=found.by_size,
        classes=by_class,
        threshold=threshold,
        pictures_per_second=rate,
        seen=tuple(seen),
        notes=notes,
    )


def _objects(seen: Sequence[Seen], classes: Sequence[str]) -> np.ndarray:
    """Return how many objects of each class there are ``(K,)``, difficult ones not counted."""
    numbers = {name: number for number, name in enumerate(classes)}
    labels = [
        numbers[label]
        for one in seen
        for label, hard in zip(one.entry.labels, one.entry.difficult, strict=True)
        if label in numbers and not hard
    ]
    return np.bincount(np.array(labels, np.int64), minlength=len(classes))


def _at_threshold(
    seen: Sequence[Seen], classes: Sequence[str], threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return of each class how many boxes are right ``(K,)``, and how many there are ``(K,)``."""
    hits, answers = np.zeros(len(classes), int), np.zeros(len(classes), int)
    for one in seen:
        found = one.found.above(threshold)
        right, spared, _ = right_ones(one.entry, found, classes)
        np.add.at(hits, found.classes[right], 1)
        np.add.at(answers, found.classes[~spared], 1)
    return hits, answers


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
