"""An explained answer for the terminal and as a page."""

from __future__ import annotations

from apps.text.explanation import Explanation
from common.console import Console
from common.report import Section, render

__all__ = ["page", "show"]

LISTED = 12  # n-grams in the table


def show(explanation: Explanation) -> None:
    """Print the text with its words coloured, and the strongest n-grams.

    Orange speaks for the answer, blue against it, the stronger the deeper; without colours (a pipe,
    ``NO_COLOR``) the table says the same.
    """
    from rich.console import Console as Rich
    from rich.text import Text

    line = Text()
    for token, heat in zip(explanation.tokens, _scaled(explanation), strict=True):
        line.append(token, style=_style(heat))
        line.append(" ")
    print(explanation.answer)
    Rich().print(line)
    Console.table(("n-gram", "found by", "for", *explanation.classes), _rows(explanation))


def page(explanation: Explanation, command: str) -> str:
    """Return a self-contained page: the coloured text and all n-grams."""
    scores = zip(explanation.classes, explanation.scores, strict=True)
    summary = [
        ("answer", explanation.answer),
        *((f"score of {name}", f"{score:+.3f}") for name, score in scores),
    ]
    table = [
        ("n-gram", "found by", "for", *explanation.classes),
        *_rows(explanation, len(explanation.terms)),
        ("bias", "", "", *(f"{value:+.3f}" for value in explanation.bias)),
    ]
    marked = list(zip(explanation.tokens, _scaled(explanation), strict=True))
    said = "Orange speaks for the answer, blue against it; deeper is stronger."
    sections = [
        Section("The text", said, marked=marked),
        Section("What each n-gram adds", "The terms and the bias add up to the scores exactly.", table=table),
    ]
    return render("Text: why this answer", summary, sections, command, "")


def _rows(explanation: Explanation, count: int = LISTED) -> list[tuple[str, ...]]:
    return [
        (
            term.words,
            term.source,
            f"{explanation.leaning(term):+.3f}",
            *(f"{score:+.3f}" for score in term.scores),
        )
        for term in explanation.terms[:count]
    ]


def _scaled(explanation: Explanation) -> list[float]:
    """Return the heat of each token in [-1, 1]."""
    heat = explanation.heat
    return (heat / max(float(abs(heat).max()), 1e-9)).tolist()


def _style(heat: float) -> str:
    strength = abs(heat)
    if strength < 0.08:
        return ""
    # From the background towards full colour; dark letters on it stay readable on light and dark terminals.
    base = (217, 72, 1) if heat > 0 else (33, 113, 181)
    red, green, blue = (round(255 + (channel - 255) * (0.25 + 0.75 * strength)) for channel in base)
    return f"black on rgb({red},{green},{blue})"
