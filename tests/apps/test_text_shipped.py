"""The sentiment model that ships, on sentences of our own and on real ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from apps import text
from common.artifact import read_card, resolve

MODEL = "text/sentiment"
SHARED = Path(__file__).parents[3] / "shared"
GOOD = (
    "A warm, witty film that never drags.",
    "I did not expect to like it, but I loved every minute.",
    "One of the best performances of the year.",
    "The story moved me to tears.",
    "Not a dull moment in it.",
    "Funny, clever and beautifully shot.",
    "A small masterpiece, and my children adored it.",
    "Gripping from the first scene to the last.",
    "It is hard not to smile.",
    "Highly recommended!",
)
BAD = (
    "Two hours of my life that I will never get back.",
    "The plot makes no sense and the acting is wooden.",
    "A lazy, predictable mess.",
    "I walked out halfway through.",
    "Neither funny nor clever.",
    "What a waste of a talented cast.",
    "It drags on and on, and nothing happens.",
    "The worst film I have seen this year.",
    "Painfully boring.",
    "Save your money.",
)


def test_sentences_anyone_might_type():
    answers = [answer.labels[0] for answer in text.classify([*GOOD, *BAD], model=MODEL)]
    right = np.array(answers) == ["positive"] * len(GOOD) + ["negative"] * len(BAD)
    assert right.sum() >= 18


def test_it_answers_without_a_framework():
    program = (
        "import sys; from apps.main import app; from common.cli import run\n"
        "assert run(app, ['text', 'classify', 'A splendid film.']) == 0\n"
        "print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    first, last = done.stdout.strip().splitlines()
    assert first.startswith("positive") and last == "[]"


def test_the_artifact_is_small_and_says_what_it_reaches():
    folder = resolve(MODEL)
    assert sum(file.stat().st_size for file in folder.iterdir()) < 10e6
    card = read_card(folder)
    assert card.classes == ("negative", "positive")
    assert card.metrics["test accuracy"].count == 25_000 and card.metrics["test accuracy"].value > 0.915


def test_real_sentences():
    """The development part of SST-2, which was held out in training."""
    path = SHARED / "data" / "text" / "stsa.binary.dev"
    if not path.exists():
        pytest.skip("no ../shared/data/text beside the checkout")
    rows = [line.split(" ", 1) for line in path.read_text(encoding="utf-8").splitlines()]
    answers = [answer.labels[0] for answer in text.classify([sentence for _, sentence in rows], model=MODEL)]
    truth = ["positive" if label == "1" else "negative" for label, _ in rows]
    assert np.mean(np.array(answers) == truth) > 0.84


def test_every_term_of_an_explanation_counts():
    found = text.explain("A warm, witty film that never drags.", model=MODEL)
    np.testing.assert_allclose(found.bias + sum(term.scores for term in found.terms), found.scores, atol=1e-5)
    assert found.classes[found.best] == "positive"
