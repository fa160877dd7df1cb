"""Likeness by the words that two texts share: what vectors of meaning forget, names above all, TF-IDF keeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from apps.text.tokens import tokenize

__all__ = ["NOTHING_COUNTED", "DocumentFrequencies", "SharedWords", "counted", "together"]


@dataclass(frozen=True)
class DocumentFrequencies:
    """In how many of many texts a word occurs.

    Args:
        words: n of them.
        counts: ``(n,)`` texts with the word.
        texts: that were counted.
    """

    words: list[str]
    counts: np.ndarray
    texts: int

    def __post_init__(self) -> None:
        if len(self.words) != len(self.counts):
            raise ValueError(f"{len(self.words)} words, {len(self.counts)} counts")


NOTHING_COUNTED = DocumentFrequencies([], np.zeros(0, np.int64), 0)


@dataclass(frozen=True)
class SharedWords:
    """Texts as weighted words, ready to be compared.

    Args:
        words: n of them, sorted.
        idf: weight of each word ``(n,)`` float32.
        matrix: of unit length ``(texts, n)`` float32, sparse, as precise as float16, in which an index is kept.

    Reference:
        Salton and Buckley, "Term-weighting approaches in automatic text retrieval", 1988: (1 + log tf) · idf, cosine.
    """

    words: list[str]
    idf: np.ndarray
    matrix: sparse.csr_matrix

    @classmethod
    def of(cls, texts: Sequence[str], known: DocumentFrequencies = NOTHING_COUNTED) -> SharedWords:
        """Return the texts as weighted words.

        Args:
            texts: any.
            known: how usual words are elsewhere, so that in few texts a rare word is told from a common one.
        """
        words, counts = _counts(texts)
        place = {word: number for number, word in enumerate(words)}
        seen = np.bincount(counts.indices, minlength=len(words)).astype(np.float64)
        for word, count in zip(known.words, known.counts, strict=True):
            if word in place:
                seen[place[word]] += count
        idf = (np.log((1 + len(texts) + known.texts) / (1 + seen)) + 1).astype(np.float32)
        matrix = _weighted(counts, idf)
        matrix.data = matrix.data.astype(np.float16).astype(np.float32)
        return cls(words, idf, matrix)

    def likeness(self, queries: Sequence[str]) -> np.ndarray:
        """Return how like each query is to each text ``(queries, texts)``: 0 without a common word, 1 at most."""
        weights = sparse.lil_matrix((len(queries), len(self.words)), dtype=np.float32)
        for row, query in enumerate(queries):
            counts = Counter(self._places[word] for word in tokenize(query) if word in self._places)
            places = np.array(list(counts), np.int64)
            values = (1 + np.log(np.array(list(counts.values()), np.float32))) * self.idf[places]
            weights[row, places] = values / max(float(np.linalg.norm(values)), 1e-9)
        return (weights.tocsr() @ self.matrix.T).toarray()

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.words)}


def counted(texts: Sequence[str], words: Sequence[str]) -> DocumentFrequencies:
    """Count in how many texts each of these words, which differ, occurs."""
    found, counts = _counts(texts, list(words))
    return DocumentFrequencies(found, np.bincount(counts.indices, minlength=len(found)), len(texts))


def together(vectors: np.ndarray, words: np.ndarray, weight: float) -> np.ndarray:
    """Return one likeness of two: of vectors, and of words with a weight; 1 for the same."""
    return (vectors + weight * words) / (1 + weight)


def _counts(texts: Sequence[str], words: list[str] | None = None) -> tuple[list[str], sparse.csr_matrix]:
    """Return words and how often each occurs in each text ``(texts, words)``; of all words, or of those given."""
    from sklearn.feature_extraction.text import CountVectorizer

    if words is not None and not words:
        return [], sparse.csr_matrix((len(texts), 0), dtype=np.float32)
    reader = CountVectorizer(analyzer=tokenize, vocabulary=words, dtype=np.float32)
    try:
        counts = reader.fit_transform(texts) if words is None else reader.transform(texts)
    except ValueError:  # what scikit-learn says when there is no word at all
        return [], sparse.csr_matrix((len(texts), 0), dtype=np.float32)
    return list(reader.get_feature_names_out()), counts.tocsr()


def _weighted(counts: sparse.csr_matrix, idf: np.ndarray) -> sparse.csr_matrix:
    from sklearn.preprocessing import normalize

    weights = counts.copy()
    weights.data = (1 + np.log(weights.data)) * idf[weights.indices]
    return normalize(weights) if counts.shape[1] else weights
