"""The report of a training run or an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from apps.objects.data import PictureSet
from apps.objects.evaluation import Evaluation, ModelEvaluation
from common import plots
from common.answer_sections import answer_sections
from common.artifact import Card
from common.data.datasets import Split
from common.report import Section, render

__all__ = ["evaluation_report", "evaluation_sections", "training_report"]

_WORST = 24


def training_report(
    card: Card, history: list[dict[str, Any]], evaluation: Evaluation, pictures: PictureSet, run: Path
) -> str:
    """Return ``report.html``: summary, curves, confusion, calibration, worst mistakes, what is odd in the data."""
    seconds = sum(row["seconds"] for row in history)
    rows = [
        *_summary(evaluation),
        ("network", f"{card.network} {card.arguments or ''}".strip()),
        ("started from", card.data["weights"]),
        ("data", pictures.note.removeprefix("data: ")),
        ("training", f"{seconds:.0f} s, {card.recipe['epochs']} epochs, seed {card.seed}"),
        ("temperature", f"{card.calibration['temperature']:.2f}"),
    ]
    curves = Section("Training", "Loss, and validation by epoch.", plots.to_png_bytes(plots.curves(history)))
    sections = [
        curves,
        *evaluation_sections(evaluation, pictures.test, pictures.names["test"]),
        *_odd_sections(pictures),
    ]
    title = f"Objects: {card.network} on {card.data['name']}"
    return render(title, rows, sections, card.command, f"cnnapps objects classify photo.jpg --model {run}")


def evaluation_report(result: ModelEvaluation) -> str:
    """Return an evaluation as a page with pictures."""
    sections = evaluation_sections(result.evaluation, result.split, result.names)
    rows = [*_summary(result.evaluation), ("data", result.note.removeprefix("data: "))]
    next_command = f"cnnapps objects classify photo.jpg --model {result.model}"
    return render(f"Objects: {result.model}", rows, sections, result.command, next_command)


def evaluation_sections(evaluation: Evaluation, split: Split, names: Sequence[str]) -> list[Section]:
    """Return the sections on confusion, calibration, worst mistakes and the classes."""
    worst = evaluation.mistakes[:_WORST]
    pictures = [split.images[place] for place in worst]
    captions = [_caption(evaluation, split, place) for place in worst]
    if evaluation.confusion is not None:
        right = evaluation.answers == split.targets
        sections = answer_sections(
            evaluation.classes, evaluation.confusion, evaluation.confidence, right, pictures, captions
        )
    else:
        sections = []
        if len(worst):
            gallery = plots.to_png_bytes(plots.gallery(pictures, captions))
            sections.append(Section("Worst mistakes", "Most confident first.", gallery))
    if len(worst):
        table = [("picture", "mistake"), *((names[p], _caption(evaluation, split, p)) for p in worst)]
        sections.append(Section("Their files", "In the same order.", table=table))
    what = "accuracy" if evaluation.confusion is not None else "average precision"
    classes = sorted(evaluation.per_class.items(), key=lambda item: item[1])
    table = [("class", what), *((name, f"{value:.2%}") for name, value in classes)]
    return [*sections, Section("By class", "The weakest first.", table=table)]


def _summary(evaluation: Evaluation) -> list[tuple[str, str]]:
    rows = [
        (name, f"{measure.value:.2%} (95 % interval {measure.low:.2%} to {measure.high:.2%})")
        for name, measure in evaluation.measures.items()
    ]
    rows.append(("wrong", f"{len(evaluation.mistakes):,} of {evaluation.measures['accuracy'].count:,}"))
    return rows + [(name.replace("_", " "), f"{value:.4f}") for name, value in evaluation.figures.items()]


def _caption(evaluation: Evaluation, split: Split, place: int) -> str:
    """Say what a picture is and what was answered."""
    classes = evaluation.classes
    if evaluation.confusion is not None:
        truth, answer = classes[split.targets[place]], classes[evaluation.answers[place]]
        return f"{truth} taken for\n{answer}, {evaluation.confidence[place]:.0%}"
    answered, truth = evaluation.answers[place], split.targets[place] > 0.5
    missed = [classes[label] for label in np.flatnonzero(truth & ~answered)]
    invented = [classes[label] for label in np.flatnonzero(answered & ~truth)]
    said = [f"not seen: {', '.join(missed)}"] if missed else []
    return "\n".join(said + ([f"wrongly: {', '.join(invented)}"] if invented else []))


def _odd_sections(pictures: PictureSet) -> list[Section]:
    """Return what a person should know about the data."""
    sections = []
    table: list[tuple[str, ...]]
    if pictures.alike:
        text = "Pictures that look alike and lie in different parts: the test may be easier than new pictures are."
        table = [("pictures",), *((line,) for line in pictures.alike[:50])]
        sections.append(Section(f"Alike across parts: {len(pictures.alike)}", text, table=table))
    if pictures.failures:
        table = [("file", "reason"), *pictures.failures[:50]]
        sections.append(Section(f"Unreadable: {len(pictures.failures)}", "They were left out.", table=table))
    return sections
