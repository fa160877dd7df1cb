"""The report of a detector's training, and of an evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.objects.detection.average_precision import RECALLS, Seen, right_ones
from apps.objects.detection.drawing import draw_mistakes
from common import plots
from common.artifact import Card
from common.report import Section, render

if TYPE_CHECKING:
    from apps.objects.detection.evaluation import DetectorEvaluation

__all__ = ["evaluation_report", "training_report", "worst"]

WORST = 6  # pictures shown
_MOST_CURVES = 24


def training_report(
    card: Card, history: list[dict[str, Any]], evaluation: DetectorEvaluation | None, run: Path
) -> str:
    """Return ``report.html``: summary, curves, and what is reached on the pictures to test on."""
    rows = [
        ("network", f"{card.network} {card.arguments or ''}".strip()),
        (
            "data",
            f"{card.data['name']}, {card.data['train']} pictures to learn from, {card.data['held']} held out",
        ),
        ("training", f"{card.recipe['passes']} passes over the data, seed {card.seed}"),
        ("threshold", f"{card.calibration['threshold']:.2f}, best F1 on the pictures held out"),
    ]
    sections = [
        Section(
            "Training",
            "Loss, and average precision on pictures held out.",
            plots.to_png_bytes(plots.curves(history)),
        )
    ]
    if evaluation:
        rows = [*_summary(evaluation), *rows]
        sections += _sections(evaluation)
    next_command = f"cnnapps objects detect photo.jpg --model {run}"
    return render(
        f"Objects: {card.network} on {card.data['name']}", rows, sections, card.command, next_command
    )


def evaluation_report(evaluation: DetectorEvaluation, command: str) -> str:
    """Return an evaluation as a page with pictures."""
    rows = [*_summary(evaluation), ("model", evaluation.model)]
    rows.append(("speed", f"{evaluation.pictures_per_second:.1f} pictures/s, detection alone"))
    next_command = f"cnnapps objects detect photo.jpg --model {evaluation.model}"
    return render("Objects: evaluation of a detector", rows, _sections(evaluation), command, next_command)


def worst(evaluation: DetectorEvaluation, count: int = WORST) -> list[tuple[Seen, int, int]]:
    """Return the pictures with the most mistakes: (picture, objects missed, boxes that are wrong)."""
    names = [one.name for one in evaluation.classes]
    counted = []
    for seen in evaluation.seen:
        right, spared, taken = right_ones(seen.entry, seen.found.above(evaluation.threshold), names)
        asked = ~seen.entry.difficult & np.isin(seen.entry.labels, names)
        counted.append((seen, int((asked & ~taken).sum()), int((~right & ~spared).sum())))
    counted.sort(key=lambda row: -(row[1] + row[2]))
    return [row for row in counted[:count] if row[1] + row[2]]


def _summary(evaluation: DetectorEvaluation) -> list[tuple[str, str]]:
    mean_ap, ap50 = evaluation.mean_ap, evaluation.ap50
    return [
        (
            f"mAP, {evaluation.part}",
            f"{mean_ap.value:.3f} (95 % interval {mean_ap.low:.3f} to {mean_ap.high:.3f}), "
            f"{mean_ap.count} pictures",
        ),
        ("AP at IoU 0.5", f"{ap50.value:.3f} ({ap50.low:.3f} to {ap50.high:.3f})"),
    ]


def _sections(evaluation: DetectorEvaluation) -> list[Section]:
    head = ("class", "objects", "mAP", "AP50", "recall", "precision")
    table = [
        (one.name, one.objects, *map(_shown, (one.ap, one.ap50, one.recall, one.precision)))
        for one in evaluation.classes
    ]
    sizes = ", ".join(f"{name} {_shown(value)}" for name, value in evaluation.by_size.items())
    sections = [
        Section(
            "By class",
            f"mAP over IoU from 0.5 to 0.95, by size: {sizes}. Recall and precision at score "
            f"{evaluation.threshold:.2f} and IoU 0.5.",
            table=[head, *table],
        )
    ]
    curves = {one.name: one.curve for one in evaluation.classes if one.ap is not None}
    if curves:
        fewest = dict(list(curves.items())[:_MOST_CURVES])
        figure = plots.by_threshold(RECALLS, fewest, "recall", "precision")
        sections.append(Section("Precision and recall", "At an IoU of 0.5.", plots.to_png_bytes(figure)))
    rows = worst(evaluation)
    if rows:
        names = [one.name for one in evaluation.classes]
        pictures = [draw_mistakes(seen, names, evaluation.threshold) for seen, _, _ in rows]
        captions = [f"{seen.entry.file.name}\n{missed} missed, {wrong} wrong" for seen, missed, wrong in rows]
        gallery = plots.gallery(pictures, captions, columns=2, width=4.2)
        sections.append(
            Section(
                "Worst misses",
                "Green: found. Orange: missed. Blue, dashed: found, but not there, not so, or not marked.",
                plots.to_png_bytes(gallery, dpi=110),
            )
        )
    return sections


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
