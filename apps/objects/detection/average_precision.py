"""Average precision as COCO defines it, by pycocotools, with an interval over pictures.

Reference:
    Lin et al., "Microsoft COCO", ECCV 2014; https://cocodataset.org/#detection-eval.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from common.artifact import Measure
from common.boxes import iou_matrix
from common.data.boxed import Annotated
from common.detector import Found

__all__ = ["AREAS", "HIT", "RECALLS", "AveragePrecision", "Seen", "average_precision", "right_ones"]

HIT = 0.5  # IoU from which an object is found
RECALLS = np.linspace(0, 1, 101)
AREAS = ("all", "small", "medium", "large")  # as COCO cuts them: at 32² and 96² pixels
_RESAMPLED = 20_000  # pictures looked at for the intervals, all samples together
_SAMPLES = (20, 200)


@dataclass(frozen=True)
class Seen:
    """A picture and what was found in it.

    Args:
        entry: the picture with its true objects.
        found: down to a low score.
    """

    entry: Annotated
    found: Found


@dataclass(frozen=True)
class AveragePrecision:
    """The figures of pycocotools.

    Args:
        precision: at each IoU from 0.5 to 0.95, each of ``RECALLS``, each class and each of ``AREAS``
            ``(10, 101, K, 4)``; -1 where there is no object.
        samples: mAP and AP50 ``(2, samples)`` of pictures drawn with repetition; none where they were not asked for.
        pictures: how many.
    """

    precision: np.ndarray
    samples: np.ndarray
    pictures: int

    @property
    def mean_ap(self) -> Measure:
        """Mean over classes and IoU from 0.5 to 0.95."""
        return _measure(_mean(self.precision[..., 0]), self.samples[0], self.pictures)

    @property
    def ap50(self) -> Measure:
        """Mean over classes at an IoU of 0.5."""
        return _measure(_mean(self.precision[0, ..., 0]), self.samples[1], self.pictures)

    @property
    def ap75(self) -> float | None:
        """Mean over classes at an IoU of 0.75."""
        return _mean(self.precision[5, ..., 0])

    @property
    def by_size(self) -> dict[str, float | None]:
        """Mean AP of small, medium and large objects; None where there are none."""
        return {name: _mean(self.precision[..., area]) for area, name in enumerate(AREAS) if area}

    def of_class(self, number: int) -> tuple[float | None, float | None]:
        """Return mAP and AP50 of a class; None without objects."""
        return _mean(self.precision[:, :, number, 0]), _mean(self.precision[0, :, number, 0])

    def curve(self, number: int) -> np.ndarray:
        """Return the precision of a class at each of ``RECALLS``, at an IoU of 0.5."""
        return np.maximum(self.precision[0, :, number, 0], 0)


def average_precision(
    seen: Sequence[Seen], classes: Sequence[str], *, samples: bool = True
) -> AveragePrecision:
    """Compare what was found in pictures with their true objects.

    Args:
        seen: the pictures; objects of other classes do not count.
        classes: names of the classes by number.
        samples: whether to draw pictures with repetition for the intervals.
    """
    evaluator = _coco(seen, classes)
    precision = evaluator.eval["precision"][..., -1]
    drawn = _resampled(evaluator, len(seen), len(classes)) if samples else np.zeros((2, 0))
    return AveragePrecision(precision, drawn, len(seen))


def right_ones(
    entry: Annotated, found: Found, classes: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Match what was found in a picture with its true objects, the surest first, class by class.

    Args:
        entry: the picture.
        found: the surest first.
        classes: names of the classes by number.

    Returns:
        Which of ``found`` are right ``(n,)``, which do not matter as they are difficult objects ``(n,)``, and which
        objects were found ``(m,)``.
    """
    numbers = {name: number for number, name in enumerate(classes)}
    labels = np.array([numbers.get(label, -1) for label in entry.labels], np.int64)
    overlaps = iou_matrix(found.boxes, entry.boxes) * (found.classes[:, None] == labels)
    right, spared = np.zeros(len(found), bool), np.zeros(len(found), bool)
    taken = np.zeros(len(labels), bool)
    for number, row in enumerate(overlaps):
        free = np.where(taken, 0, row)
        if free.max(initial=0) < HIT:
            continue
        best = int(free.argmax())
        if entry.difficult[best]:
            spared[number] = True
        else:
            right[number] = taken[best] = True
    return right, spared, taken


def _coco(seen: Sequence[Seen], classes: Sequence[str]) -> Any:
    """Return pycocotools' evaluator after its work; it has the classes and pictures in their order."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    numbers = {name: number for number, name in enumerate(classes)}
    truth: list[dict[str, Any]] = []
    answers: list[dict[str, Any]] = []
    for picture, one in enumerate(seen):
        entry, found = one.entry, one.found
        for box, label, hard in zip(entry.boxes, entry.labels, entry.difficult, strict=True):
            if label in numbers:
                # What need not be found is a crowd to COCO: boxes in it are neither right nor wrong.
                truth.append(_row(picture, numbers[label], box, len(truth) + 1) | {"iscrowd": int(hard)})
        for box, score, kind in zip(found.boxes, found.scores, found.classes, strict=True):
            answers.append(_row(picture, int(kind), box, len(answers) + 1) | {"score": float(score)})
    head = {
        "images": [{"id": picture} for picture in range(len(seen))],
        "categories": [{"id": number, "name": name} for name, number in numbers.items()],
    }
    with contextlib.redirect_stdout(io.StringIO()):  # it talks
        sets = []
        for rows in (truth, answers):
            coco = COCO()
            coco.dataset = head | {"annotations": rows}
            coco.createIndex()
            sets.append(coco)
        evaluator = COCOeval(*sets, iouType="bbox")
        evaluator.evaluate()
        evaluator.accumulate()
    return evaluator


def _row(picture: int, kind: int, box: np.ndarray, number: int) -> dict[str, Any]:
    x, y, width, height = (float(value) for value in box)
    return {
        "id": number, "image_id": picture, "category_id": kind, "bbox": [x, y, width, height],
        "area": width * height, "iscrowd": 0,
    }  # fmt: skip


def _resampled(evaluator: Any, pictures: int, classes: int) -> np.ndarray:
    """Return mAP and AP50 ``(2, samples)`` of pictures drawn again and again with repetition (bootstrap).

    Reference:
        Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 1979.
    """
    fewest, most = _SAMPLES
    flat = np.empty(len(evaluator.evalImgs), object)
    flat[:] = evaluator.evalImgs
    grid = flat.reshape(classes, len(AREAS), pictures)
    parameters = evaluator.params
    parameters.areaRng, parameters.maxDets = parameters.areaRng[:1], parameters.maxDets[-1:]
    draw, found = np.random.default_rng(0), []
    for _ in range(int(np.clip(_RESAMPLED // max(pictures, 1), fewest, most))):
        evaluator.evalImgs = list(grid[:, :, draw.integers(pictures, size=pictures)].ravel())
        with contextlib.redirect_stdout(io.StringIO()):
            evaluator.accumulate()
        precision = evaluator.eval["precision"]
        found.append([_mean(precision), _mean(precision[0])])
    return np.array(found, float).T


def _mean(precision: np.ndarray) -> float | None:
    """Return the mean of what applies; pycocotools marks the rest by -1."""
    there = precision[precision > -1]
    return float(there.mean()) if there.size else None


def _measure(value: float | None, samples: np.ndarray, count: int) -> Measure:
    low, high = np.nanquantile(samples, (0.025, 0.975)) if samples.size else (0.0, 1.0)
    return Measure(value or 0.0, float(low), float(high), count)
