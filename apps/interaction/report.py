"""The report of a training run on pairs."""

from __future__ import annotations

from pathlib import Path

from apps.interaction.evaluation import Evaluation
from common import plots
from common.artifact import Card
from common.report import Section, render

__all__ = ["score_table", "training_report"]

COLD_SAYS = {
    "published": "known molecules, known proteins",
    "random": "known molecules, known proteins",
    "cold-drug": "new molecules",
    "cold-target": "new proteins",
    "cold-both": "new molecules, new proteins",
    "scaffold": "molecules of new scaffolds",
}


def score_table(evaluations: dict[str, Evaluation]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return heads and rows: one a split, warm and cold beside each other."""
    first = next(iter(evaluations.values()))
    shown = ("mse", "ci", "r2m", "pearson") if first.kind == "real values" else ("auroc", "aupr", "accuracy")
    rows = [
        (name, COLD_SAYS[name], f"{len(e.observed):,}", *(f"{e.figures[figure]:.3f}" for figure in shown))
        for name, e in evaluations.items()
    ]
    return ("split", "asks for", "pairs", *map(str.upper, shown)), rows


def training_report(
    card: Card,
    history: list[dict[str, float]],
    evaluations: dict[str, Evaluation],
    leaks: tuple[str, ...],
    run: Path,
) -> str:
    """Return ``report.html``: warm and cold figures, curves, predicted against measured, what leaks."""
    evaluation = next(iter(evaluations.values()))
    score = evaluation.score
    rows = [
        (f"test {evaluation.name}", f"{score.value:.4f} (95 % interval {score.low:.4f} to {score.high:.4f})"),
        *((name, f"{value:.4f}") for name, value in evaluation.figures.items()),
        ("network", f"{card.network} {card.arguments or ''}".strip()),
        ("data", f"{card.data['name']}: {card.data['train']:,} training, {card.data['test']:,} test pairs"),
    ]
    head, table = score_table(evaluations)
    sections = [
        Section(
            "Known and new",
            "A random split asks for known molecules against known proteins.  What the network is worth on new ones "
            "the cold rows say, each from a network that was trained without them.",
            None,
            [head, *table],
        ),
        Section("Training", "Loss by epoch.", plots.to_png_bytes(plots.curves(history))),
    ]
    if evaluation.kind == "real values":
        figure = plots.to_png_bytes(plots.against(evaluation.observed, evaluation.predicted, card.classes[0]))
        sections.append(Section("Predicted and measured", "Every test pair is a dot.", figure))
    if leaks:
        sections.append(Section("What the test gives away", "\n\n".join(leaks)))
    return render(
        f"Binding: {card.network} on {card.data['name']}",
        rows,
        sections,
        card.command,
        f'cnnapps interaction predict "SMILES" protein.fasta --model {run}',
    )
