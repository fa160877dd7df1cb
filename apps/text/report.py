"""The report of a training run on texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from apps.text.data import Examples
from apps.text.evaluation import Evaluation
from apps.text.phrases import Phrase
from common import plots
from common.artifact import Card
from common.report import Section, render

__all__ = ["training_report"]


def training_report(
    card: Card,
    history: list[dict[str, float]],
    evaluation: Evaluation,
    test: Examples,
    phrases: dict[str, list[Phrase]],
    run: Path,
) -> str:
    """Return ``report.html``: summary, curves, confusion, calibration, telling phrases, worst mistakes."""
    score = evaluation.score
    rows = [
        (f"test {evaluation.name}", f"{score.value:.4f} (95 % interval {score.low:.4f} to {score.high:.4f})"),
        *((name.replace("_", " "), f"{value:.4f}") for name, value in evaluation.figures.items()),
        ("network", f"{card.network} {card.arguments or ''}".strip()),
        ("data", f"{card.data['name']}: {card.data['train']:,} training, {card.data['test']:,} test texts"),
        ("speed", f"{evaluation.texts_per_second:,.0f} texts/s"),
    ]
    sections = []
    if history:
        figure = plots.to_png_bytes(plots.curves(history))
        sections.append(Section("Training", "Loss by epoch.", figure))
    if evaluation.confusion is not None:
        right = np.ones(len(test))
        right[evaluation.mistakes] = 0
        confusion = plots.to_png_bytes(plots.confusion(evaluation.confusion, evaluation.classes))
        reliability = plots.to_png_bytes(plots.reliability(evaluation.confidence, right))
        sections += [
            Section("Confusion", "Rows are the truth, columns the answer.", confusion),
            Section("Calibration", "How often an answer of a given confidence is right.", reliability),
        ]
    if any(phrases.values()):
        sections.append(_phrases(phrases))
    sections.append(_mistakes(evaluation, test))
    return render(
        f"Text: {card.network} on {card.data['name']}",
        rows,
        sections,
        card.command,
        f'cnnapps text classify "…" --model {run}',
    )


def _phrases(phrases: dict[str, list[Phrase]]) -> Section:
    rows: list[tuple[str, ...]] = [("class", "phrases, strongest first")]
    rows += [(name, ", ".join(phrase.words for phrase in found)) for name, found in phrases.items()]
    return Section(
        "What speaks for each class",
        "N-grams of held-out texts, by what they added to the scores.",
        None,
        rows,
    )


def _mistakes(evaluation: Evaluation, test: Examples) -> Section:
    def said(answer: np.ndarray) -> str:
        if evaluation.kind == "real values":
            return f"{float(answer):.3g}"
        if evaluation.kind == "one of K":
            return evaluation.classes[int(answer)]
        return ", ".join(np.array(evaluation.classes)[np.asarray(answer, bool)]) or "none"

    table: list[tuple[str, str, str]] = [("truth", "answer", "text")]
    for index in evaluation.mistakes[:25]:
        target = test.targets[index]
        truth = {"one of K": target.argmax(), "real values": target[0]}.get(evaluation.kind, target > 0.5)
        table.append((said(truth), said(evaluation.answers[index]), test.texts[index][:300]))
    text = f"The {len(table) - 1} most confident of {len(evaluation.mistakes)}."
    return Section("Worst mistakes", text, None, table)
