"""What every report on a classifier shows: confusion, calibration, worst mistakes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from common import plots
from common.report import Section

__all__ = ["answer_sections", "most_confused"]

_DRAWN = 40  # classes up to which a confusion matrix can be read as a picture


def answer_sections(
    classes: Sequence[str],
    confusion: np.ndarray,
    confidence: np.ndarray,
    right: np.ndarray,
    worst: Sequence[np.ndarray],
    captions: Sequence[str],
) -> list[Section]:
    """Return the sections on confusion, calibration and worst mistakes.

    Args:
        classes: K names.
        confusion: counts ``(K, K)``, row the truth, column the answer.
        confidence: of each answer ``(n,)``.
        right: whether it was right ``(n,)``.
        worst: pictures of the worst mistakes.
        captions: of these.
    """
    if len(classes) <= _DRAWN:
        drawn = plots.to_png_bytes(plots.confusion(confusion, classes))
        sections = [Section("Confusion", "Rows are the truth, columns the answer.", drawn)]
    else:
        rows = [("truth", "answer", "times"), *most_confused(confusion, classes)]
        sections = [Section("Confusion", "The pairs that are confused most often.", table=rows)]
    reliability = plots.to_png_bytes(plots.reliability(confidence, right.astype(np.float64)))
    sections.append(
        Section("Calibration", "How often an answer of a given confidence is right.", reliability)
    )
    if len(worst):
        gallery = plots.to_png_bytes(plots.gallery(worst, captions))
        sections.append(Section("Worst mistakes", "Most confident first.", gallery))
    return sections


def most_confused(
    confusion: np.ndarray, classes: Sequence[str], limit: int = 20
) -> list[tuple[str, str, int]]:
    """Return (truth, answer, times) of the pairs of classes that are confused most often."""
    wrong = confusion * (1 - np.eye(len(classes), dtype=int))
    order = np.argsort(-wrong, axis=None, kind="stable")[:limit]
    pairs = [divmod(int(place), len(classes)) for place in order]
    return [(classes[t], classes[a], int(wrong[t, a])) for t, a in pairs if wrong[t, a]]
