"""How well texts find those that belong to them: by vectors, by words, by both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.text.shared_words import DocumentFrequencies, SharedWords, together
from common.artifact import Measure
from common.console import Console
from common.errors import InputError
from common.metrics import first_hits, mean_reciprocal_rank, recall_at

if TYPE_CHECKING:
    from apps.text.passages import Likeness

__all__ = ["Comparison", "Retrieval", "compared", "retrieval"]

WEIGHTS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # of common words beside the vectors


@dataclass(frozen=True)
class Retrieval:
    """How well texts find those that belong to them.

    Args:
        recall: share of queries with a right answer among the first k, by k.
        reciprocal_rank: mean of 1 / rank of the first right answer.
        queries: asked.
        searched: texts searched in.
    """

    recall: dict[int, Measure]
    reciprocal_rank: float
    queries: int
    searched: int

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            **{f"recall_at_{k}": measure.value for k, measure in self.recall.items()},
            "mean_reciprocal_rank": self.reciprocal_rank,
            "queries": self.queries,
            "searched": self.searched,
        }


@dataclass(frozen=True)
class Comparison:
    """Three ways to search in the same texts.

    Args:
        both: by vectors and words, as ``text search`` does.
        vectors: by vectors alone.
        words: by words alone (TF-IDF), which is what one would do without training.
        words_weight: of common words beside the vectors, chosen on other texts.
    """

    both: Retrieval
    vectors: Retrieval
    words: Retrieval
    words_weight: float

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "test": self.both.to_json(),
            "vectors": self.vectors.to_json(),
            "tf_idf": self.words.to_json(),
            "words_weight": self.words_weight,
        }

    def print(self) -> None:
        """Print the figures for people."""
        ways = {
            f"vectors + {self.words_weight:g} · words, as searched": self.both,
            "vectors alone": self.vectors,
            "words alone (TF-IDF)": self.words,
        }
        rows = [
            (
                name,
                *(f"{measure.value:.1%}" for measure in found.recall.values()),
                f"{found.reciprocal_rank:.3f}",
            )
            for name, found in ways.items()
        ]
        columns = ("", *(f"recall@{k}" for k in self.both.recall), "mean reciprocal rank")
        title = f"{self.both.queries:,} queries among {self.both.searched:,} texts that were not trained on"
        Console.table(columns, rows, title)


def retrieval(test: Likeness, likeness: np.ndarray) -> Retrieval:
    """Ask with each text for those that belong to it, among all the others.

    Args:
        test: n texts and which of them belong together.
        likeness: of each text to each ``(n, n)``.

    Raises:
        InputError: no two belong together.
    """
    scores = likeness.copy()
    np.fill_diagonal(scores, -np.inf)
    relevant = test.relevant()
    asked = relevant.any(axis=1)
    if not asked.any():
        raise InputError(f"of the {len(scores)} texts held out no two belong together", "give more texts")
    ranks = first_hits(scores[asked], relevant[asked])
    recall = {k: recall_at(ranks, k) for k in (1, 5, 10)}
    return Retrieval(recall, mean_reciprocal_rank(ranks), int(asked.sum()), len(scores))


def compared(
    kept: Likeness,
    held: Likeness,
    test: Likeness,
    embed: Callable[[list[str]], np.ndarray],
    frequencies: DocumentFrequencies,
) -> Comparison:
    """Search in texts that were not trained on.

    Args:
        kept: that were trained on; the peer, TF-IDF, learns the weights of its words from them.
        held: to choose the weight of common words on.
        test: to search in.
        embed: from texts to vectors ``(n, D)``.
        frequencies: how usual words are.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.metrics.pairwise import cosine_similarity

    def likenesses(part: Likeness) -> tuple[np.ndarray, np.ndarray]:
        by_words = SharedWords.of(part.texts, frequencies).likeness(part.texts)
        return cosine_similarity(embed(part.texts)), by_words

    vectors, words = likenesses(held)
    ranks = {weight: retrieval(held, together(vectors, words, weight)).reciprocal_rank for weight in WEIGHTS}
    best = max(WEIGHTS, key=lambda weight: ranks[weight])
    vectors, words = likenesses(test)
    tf_idf = TfidfVectorizer(sublinear_tf=True).fit(kept.texts).transform(test.texts)
    return Comparison(
        both=retrieval(test, together(vectors, words, best)),
        vectors=retrieval(test, vectors),
        words=retrieval(test, cosine_similarity(tf_idf)),
        words_weight=best,
    )
