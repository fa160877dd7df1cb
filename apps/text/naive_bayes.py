"""Which words and n-grams of a corpus are kept, and how much each n-gram speaks for each class.

Reference:
    Wang and Manning, "Baselines and bigrams: simple, good sentiment and topic classification", ACL 2012.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from apps.text.vocabulary import CHUNK, TextEncoder, added_counts, first_places, ngram_hashes

__all__ = ["learn_vocabulary", "log_count_ratios"]


@dataclass
class _Counts:
    """How many texts of each class hold each n-gram, added up chunk by chunk.

    Args:
        hashes: sorted ``(n,)`` uint32.
        counts: ``(n, K)`` float32.
    """

    hashes: np.ndarray
    counts: np.ndarray = field(repr=False)

    def add(self, hashes: np.ndarray, counts: np.ndarray) -> _Counts:
        both, place = np.unique(np.concatenate([self.hashes, hashes]), return_inverse=True)
        total = np.zeros((len(both), self.counts.shape[1]), np.float32)
        total[place[: len(self.hashes)]] += self.counts
        total[place[len(self.hashes) :]] += counts
        return _Counts(both, total)


def learn_vocabulary(
    texts: Sequence[str],
    targets: np.ndarray,
    *,
    most_words: int = 30_000,
    most_ngrams: int = 100_000,
    least: int = 2,
    longest: int = 1024,
    unit: str = "words",
    more_words: Sequence[str] = (),
) -> TextEncoder:
    """Choose words by frequency and n-grams by how much they say.

    Args:
        texts: n training texts.
        targets: ``(n, K)``, 1 where the text is of the class.
        most_words: words with a vector of their own, those of the texts first.
        most_ngrams: uni-, bi- and trigrams with a weight: those with the largest product of log-count ratio and root
            of the count, the size of the ratio against its uncertainty.
        least: texts that must hold a word or an n-gram.
        longest: tokens read of one text.
        unit: what is a token, a name of ``apps.text.tokens.TOKENIZERS``.
        more_words: words that have a vector from elsewhere; they fill up the vocabulary, so that a word no
            training text holds is still known.
    """
    reader = TextEncoder((), np.zeros(0, np.uint32), longest, unit)
    words = np.zeros(0, np.int64)
    counts = _Counts(np.zeros(0, np.uint32), np.zeros((0, targets.shape[1]), np.float32))
    for start in range(0, len(texts), CHUNK):
        numbers, starts = reader.word_numbers(texts[start : start + CHUNK])
        text_of = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        words = added_counts(words, numbers[first_places(numbers, text_of)])
        for hashes in ngram_hashes(reader.hashes_of(numbers), starts):
            first = first_places(hashes, text_of)
            first = first[hashes[first] > 0]
            found, place = np.unique(hashes[first], return_inverse=True)
            held = np.stack(
                [np.bincount(place, column, len(found)) for column in targets[start + text_of[first]].T],
                axis=1,
            )
            counts = counts.add(found, held.astype(np.float32))
    order = np.argsort(-words, kind="stable")
    order = order[words[order] >= least][:most_words]
    names = reader.words_met
    total = counts.counts.sum(axis=1)
    weight = np.where(
        total >= least, np.abs(log_count_ratios(counts.counts)).max(axis=1) * np.sqrt(total), -1
    )
    kept = np.sort(np.argsort(-weight, kind="stable")[:most_ngrams])
    kept = kept[weight[kept] > 0]
    chosen = dict.fromkeys([*(names[number] for number in order), *more_words])
    return TextEncoder(list(chosen)[:most_words], counts.hashes[kept], longest, unit)


def log_count_ratios(counts: np.ndarray, smoothing: float = 1.0) -> np.ndarray:
    """Return for each n-gram and class the logarithm of how much more frequent it is in that class.

    Args:
        counts: texts of each class that hold the n-gram ``(n, K)``.
        smoothing: α, added to each count.

    Returns:
        ``(n, K)`` float32: ln (p / ‖p‖₁) − ln (q / ‖q‖₁), p the counts in the class and q those in all others.
    """
    inside = counts + smoothing
    outside = counts.sum(axis=1, keepdims=True) - counts + smoothing
    ratios = np.log(inside / inside.sum(axis=0)) - np.log(outside / outside.sum(axis=0))
    return ratios.astype(np.float32)
