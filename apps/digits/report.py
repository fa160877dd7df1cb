"""The report of a training run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from apps.digits.evaluation import Evaluation, ModelEvaluation
from common import plots
from common.answer_sections import answer_sections
from common.artifact import Card
from common.data.datasets import Split
from common.report import Section, render

__all__ = ["evaluation_report", "evaluation_sections", "training_report"]


def training_report(
    card: Card, history: list[dict[str, Any]], evaluation: Evaluation, test: Split, seconds: float, run: Path
) -> str:
    """Return ``report.html``: summary, curves, confusion, calibration, worst mistakes."""
    accuracy = evaluation.accuracy
    rows = [
        ("test accuracy", f"{accuracy.value:.2%} (95 % interval {accuracy.low:.2%} to {accuracy.high:.2%})"),
        ("wrong", f"{len(evaluation.mistakes)} of {accuracy.count}"),
        ("network", f"{card.network} {card.arguments or ''}".strip()),
        ("data", f"{card.data['name']}, {card.data['train']} training and {card.data['test']} test pictures"),
        ("training", f"{seconds:.0f} s, {card.recipe['epochs']} epochs, seed {card.seed}"),
        (
            "calibration error",
            f"{evaluation.calibration_error:.4f} at temperature {card.calibration['temperature']:.2f}",
        ),
    ]
    curves = Section(
        "Training", "Loss and held-out accuracy by epoch.", plots.to_png_bytes(plots.curves(history))
    )
    sections = [curves, *evaluation_sections(card, evaluation, test)]
    return render(
        f"Digits: {card.network} on {card.data['name']}",
        rows,
        sections,
        card.command,
        f"cnnapps digits predict photo.jpg --model {run}",
    )


def evaluation_sections(card: Card, evaluation: Evaluation, test: Split) -> list[Section]:
    """Return the sections on confusion, calibration and worst mistakes."""
    right = evaluation.answers == test.targets
    worst = evaluation.mistakes[:24]
    captions = [
        f"{card.classes[test.targets[i]]} read as {card.classes[evaluation.answers[i]]}, {evaluation.confidence[i]:.0%}"
        for i in worst
    ]
    pictures = [test.images[i, ..., 0] for i in worst]
    return answer_sections(
        card.classes, evaluation.confusion, evaluation.confidence, right, pictures, captions
    )


def evaluation_report(result: ModelEvaluation) -> str:
    """Return an evaluation as a page with pictures."""
    evaluation = result.evaluation
    accuracy = evaluation.accuracy
    rows = [
        ("accuracy", f"{accuracy.value:.2%} (95 % interval {accuracy.low:.2%} to {accuracy.high:.2%})"),
        ("wrong", f"{len(evaluation.mistakes)} of {accuracy.count}"),
        ("calibration error", f"{evaluation.calibration_error:.4f}"),
    ]
    sections = evaluation_sections(result.card, evaluation, result.test)
    if evaluation.robust:
        robust = [(name, f"{value:.2%}") for name, value in evaluation.robust.items()]
        sections.append(Section("Robustness", "Polarity and frame are not mended.", None, robust))
    title = f"Digits: {result.card.network}, {result.note}"
    return render(
        title, rows, sections, result.command, f"cnnapps digits predict photo.jpg --model {result.model}"
    )
