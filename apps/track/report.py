"""The report of a training run, and the plots of an evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps.track.metrics import OVERLAPS, PIXELS, precision_curve, success_curve
from common import plots
from common.artifact import Card
from common.report import Section, render

if TYPE_CHECKING:
    from apps.track.evaluation import Evaluation

__all__ = ["evaluation_report", "training_report"]


def training_report(
    card: Card, history: list[dict[str, Any]], evaluation: Evaluation | None, run: Path
) -> str:
    """Return ``report.html``: summary, curves, and how the sequences left out were followed."""
    rows = [
        ("network", f"{card.network} {card.arguments or ''}".strip()),
        ("learned from", card.data["material"]),
        ("training", f"{card.recipe['epochs']} epochs, seed {card.seed}"),
    ]
    sections = [
        Section(
            "Training",
            "Loss; on held-out pairs the mean IoU at the best place, and how well its score tells a crop with the "
            "object from one without (area under the ROC curve).",
            plots.to_png_bytes(plots.curves(history)),
        )
    ]
    if evaluation:
        rows.insert(0, _summary(evaluation))
        sections += _sections(evaluation)
    return render(
        f"Tracking: {card.network}", rows, sections, card.command, f"cnnapps track video.mp4 --model {run}"
    )


def evaluation_report(evaluation: Evaluation, command: str) -> str:
    """Return an evaluation as a page with plots."""
    rows = [_summary(evaluation), ("model", evaluation.model), ("speed", f"{evaluation.rate:.0f} frames/s")]
    return render("Tracking: evaluation", rows, _sections(evaluation), command, "")


def _summary(evaluation: Evaluation) -> tuple[str, str]:
    return "success (AUC)", f"{evaluation.mean('auc'):.3f}, mean of {len(evaluation.traces)} sequences"


def _sections(evaluation: Evaluation) -> list[Section]:
    success = {trace.name: success_curve(trace.boxes, trace.truth) for trace in evaluation.traces}
    precision = {trace.name: precision_curve(trace.boxes, trace.truth) for trace in evaluation.traces}
    head = ("sequence", "frames", "AUC", "precision at 20 px", "normalised precision", "frames/s")
    table = [
        (
            trace.name,
            trace.figures.frames,
            f"{trace.figures.auc:.3f}",
            f"{trace.figures.precision:.3f}",
            f"{trace.figures.normalised_precision:.3f}",
            f"{trace.rate:.0f}",
        )
        for trace in evaluation.traces
    ]
    return [
        Section("By sequence", "One pass, from the first box on.", table=[head, *table]),
        Section(
            "Success",
            "Share of frames whose box overlaps the true one by more than the threshold.",
            plots.to_png_bytes(plots.by_threshold(OVERLAPS, success, "overlap (IoU)", "share of frames")),
        ),
        Section(
            "Precision",
            "Share of frames whose box has its middle nearer to the true one than the threshold.",
            plots.to_png_bytes(plots.by_threshold(PIXELS, precision, "pixels", "share of frames")),
        ),
    ]
