"""What speaks for each class, over many texts: the phrases of ``phrases.json`` in an artifact."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from apps.text.explanation import Explainer
from common.artifact import require, resolve
from common.errors import ArtifactError

__all__ = ["PHRASES", "Phrase", "phrases_file", "phrases_of", "telling_phrases"]

PHRASES = "phrases.json"


@dataclass(frozen=True)
class Phrase:
    """What words said over many texts.

    Args:
        words: the n-gram.
        score: what it added to the class's score on average.
        count: how often it did.
    """

    words: str
    score: float
    count: int


def phrases_of(model: str | Path) -> dict[str, list[Phrase]]:
    """Return the phrases that a model found most telling for each class on its held-out texts.

    Raises:
        ArtifactError: no such model, or one that has no list of phrases.
    """
    path = require(resolve(model), PHRASES)
    try:
        return {
            name: [Phrase(**entry) for entry in found] for name, found in json.loads(path.read_text()).items()
        }
    except (ValueError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{path} is damaged", "copy the folder again or train anew") from error


def phrases_file(phrases: dict[str, list[Phrase]]) -> bytes:
    """Return the content of ``phrases.json``."""
    plain = {name: [vars(phrase) for phrase in found] for name, found in phrases.items()}
    return json.dumps(plain, ensure_ascii=False, indent=1).encode()


def telling_phrases(explainer: Explainer, texts: Sequence[str], most: int = 20) -> dict[str, list[Phrase]]:
    """Return for each class the phrases that spoke for it most over many texts.

    Args:
        explainer: of the model.
        texts: to look at; those without a word are passed over.
        most: phrases a class.
    """
    sums: dict[str, np.ndarray] = {}
    counts: Counter[str] = Counter()
    for text in texts:
        if not explainer.encoder.tokens(text):
            continue
        for term in explainer.explain(text).terms:
            # What it adds to a class beyond what it adds to the mean of all.
            sums[term.words] = (
                sums.get(term.words, 0) + term.scores - (term.scores.mean() if len(term.scores) > 1 else 0)
            )
            counts[term.words] += 1
    said = list(sums)
    if not said:
        return {name: [] for name in explainer.card.classes}
    # Scaled so that a phrase of one text does not lead: the sum over the root of the count.
    strength = np.array([sums[words] / np.sqrt(counts[words] + 3) for words in said])
    return {
        name: [
            Phrase(said[row], float(sums[said[row]][number] / counts[said[row]]), counts[said[row]])
            for row in np.argsort(-strength[:, number], kind="stable")[:most]
            if strength[row, number] > 0
        ]
        for number, name in enumerate(explainer.card.classes)
    }
