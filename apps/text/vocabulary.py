"""Tokens to the numbers that the networks read.

A text of T tokens becomes an array ``(T, 6)``.  The first three columns name rows of the table of word
vectors: the word itself, its first letters and its last letters, so that a word never seen still has a
shape (*unknown words do not vanish*).  The last three name n-grams that end at this token, of one, two and
three tokens, each at its first place in the text only: naive Bayes counts whether, not how often.

    column     0      1        2        3         4         5
    row of     word   prefix   suffix   unigram   bigram    trigram
               └── word vectors ──────┘ └── n-gram weights ─────────┘

Row 0 of both tables is padding and stays zero.

References:
    Bojanowski et al., "Enriching word vectors with subword information", TACL 2017 (parts of words).
    Wang and Manning, "Baselines and bigrams", ACL 2012 (binary n-grams).
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from apps.text.tokens import TOKENIZERS
from common.errors import ArtifactError

__all__ = [
    "COLUMNS",
    "NGRAMS",
    "CHUNK",
    "WORDS",
    "Encoded",
    "TextEncoder",
    "added_counts",
    "first_places",
    "frequent_words",
    "ngram_hashes",
    "word_hashes",
]

COLUMNS = 6
WORDS = (0, 1, 2)  # columns that name word vectors
NGRAMS = (3, 4, 5)  # columns that name n-gram weights
CHUNK = 5_000  # texts counted at once, so that the memory does not grow with the corpus
AFFIXES = 4096  # rows shared by all prefixes, and as many by all suffixes
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))


@dataclass(frozen=True)
class Encoded:
    """Texts as numbers, one behind the other.

    Args:
        rows: ``(tokens of all texts, 6)`` int32.
        starts: ``(texts + 1,)`` where each text begins in ``rows``.
    """

    rows: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text."""
        return np.diff(self.starts)

    def followed_by(self, others: Encoded) -> Encoded:
        """Return these texts and then the others."""
        starts = np.concatenate([self.starts, self.starts[-1] + others.starts[1:]])
        return Encoded(np.concatenate([self.rows, others.rows]), starts)

    def padded(self, indices: np.ndarray, multiple: int = 8) -> np.ndarray:
        """Return the texts at ``indices`` as ``(n, T, 6)``, zeros behind the shorter ones.

        T is the longest length, at least 1, rounded up to a multiple, so that few shapes occur.
        """
        lengths = self.lengths[indices]
        longest = -(-max(1, int(lengths.max(initial=1))) // multiple) * multiple
        inside = np.arange(longest) < lengths[:, None]
        batch = np.zeros((len(indices), longest, self.rows.shape[1]), np.int32)
        batch[inside] = self.rows[_ranges(self.starts[indices], lengths)]
        return batch


def _ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the numbers ``start … start + length - 1`` of each pair, joined."""
    before = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(lengths.sum())


class _Words(dict[str, int]):
    """Numbers of all words met, given on first sight."""

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        return number


class TextEncoder:
    """Reads texts with a fixed vocabulary.

    Args:
        words: that have a vector of their own, most frequent first.
        ngrams: sorted 32-bit hashes of the n-grams that have a weight.
        longest: tokens read of one text; of a longer one the middle is left out.
        unit: a name of ``apps.text.tokens.TOKENIZERS``: what is a token.
    """

    def __init__(
        self, words: Sequence[str], ngrams: np.ndarray, longest: int = 1024, unit: str = "words"
    ) -> None:
        self.unit = unit
        self.tokenize = TOKENIZERS.get(unit)
        self.words = tuple(words)
        self.ngrams = np.asarray(ngrams, np.uint32)
        self.longest = longest
        self._rank = {word: number for number, word in enumerate(self.words, start=2)}
        self._met = _Words()
        self._table = np.zeros((0, 3), np.int32)
        self._hashes = np.zeros(0, np.uint64)

    def shortened(self, most: int) -> TextEncoder:
        """Return an encoder that knows the first ``most`` words; the others it reads by their letters."""
        if most >= len(self.words):
            return self
        return TextEncoder(self.words[:most], self.ngrams, self.longest, self.unit)

    def rows_kept(self, most: int) -> np.ndarray:
        """Return the rows of the table of word vectors that ``shortened`` keeps, in their order there."""
        affixes = self.vector_rows - 2 * AFFIXES
        return np.r_[: min(2 + most, affixes), affixes : self.vector_rows]

    def to_bytes(self) -> bytes:
        """Return the vocabulary as the content of ``vocabulary.npz``; nothing in it is pickled."""
        content = io.BytesIO()
        words = np.frombuffer("\n".join(self.words).encode(), np.uint8)
        np.savez_compressed(
            content, words=words, ngrams=self.ngrams, longest=np.int64(self.longest), unit=np.array(self.unit)
        )
        return content.getvalue()

    @classmethod
    def from_file(cls, path: Path) -> TextEncoder:
        """Read ``vocabulary.npz``.

        Raises:
            ArtifactError: missing or damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                words = stored["words"].tobytes().decode()
                return cls(
                    words.split("\n") if words else (),
                    stored["ngrams"],
                    int(stored["longest"]),
                    str(stored["unit"]),
                )
        except FileNotFoundError as error:
            raise ArtifactError(f"{path} is missing", "copy the folder again or train anew") from error
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ArtifactError(f"{path} is damaged", "copy the folder again or train anew") from error

    @property
    def vector_rows(self) -> int:
        """Rows of the table of word vectors: padding, unknown, words, prefixes, suffixes."""
        return 2 + len(self.words) + 2 * AFFIXES

    @property
    def ngram_rows(self) -> int:
        """Rows of the table of n-gram weights: padding and one each."""
        return 1 + len(self.ngrams)

    def encode(self, texts: Iterable[str]) -> Encoded:
        """Return the texts as numbers."""
        numbers, starts = self.word_numbers(texts)
        rows = np.zeros((len(numbers), COLUMNS), np.int32)
        rows[:, :3] = self._table[numbers]
        text_of = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        for column, hashes in enumerate(ngram_hashes(self.hashes_of(numbers), starts), start=3):
            named = self._ngram_rows(hashes)
            first = first_places(named, text_of)
            rows[first, column] = named[first]
        return Encoded(rows, starts)

    def tokens(self, text: str) -> list[str]:
        """Return the tokens that are read of a text."""
        tokens = self.tokenize(text)
        if len(tokens) <= self.longest:
            return tokens
        # A review says what it thinks at its beginning and at its end.
        head = self.longest // 2
        return tokens[:head] + tokens[head - self.longest :]

    @property
    def words_met(self) -> list[str]:
        """All words read so far, by number."""
        return list(self._met)

    def hashes_of(self, numbers: np.ndarray) -> np.ndarray:
        """Return the 64-bit hashes of words given by number."""
        return self._hashes[numbers]

    def word_numbers(self, texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the words of all texts by number (in order of first sight), and where each text starts."""
        if len(self._met) > 2_000_000:  # A stream without end must not fill the memory.
            self._met = _Words()
            self._table, self._hashes = self._table[:0], self._hashes[:0]
        numbers: list[int] = []
        starts = [0]
        for text in texts:
            tokens = self.tokens(text)
            numbers += map(self._met.__getitem__, tokens)
            starts.append(len(numbers))
        self._describe_new_words()
        return np.array(numbers, np.int64), np.array(starts, np.int64)

    def _describe_new_words(self) -> None:
        fresh = list(self._met)[len(self._table) :]
        if not fresh:
            return
        base = 2 + len(self.words)
        described = [
            (
                self._rank.get(word, 1),
                base + _crc("<" + word[:3]) % AFFIXES,
                base + AFFIXES + _crc(word[-3:] + ">") % AFFIXES,
            )
            for word in fresh
        ]
        self._table = np.concatenate([self._table, np.array(described, np.int32)])
        self._hashes = np.concatenate([self._hashes, word_hashes(fresh)])

    def _ngram_rows(self, hashes: np.ndarray) -> np.ndarray:
        if not len(self.ngrams):
            return np.zeros(len(hashes), np.int32)
        place = np.searchsorted(self.ngrams, hashes).clip(max=len(self.ngrams) - 1)
        return np.where((self.ngrams[place] == hashes) & (hashes > 0), place + 1, 0).astype(np.int32)


def frequent_words(texts: Sequence[str], most: int = 30_000, least: int = 2) -> list[str]:
    """Return the words that occur most often, and at least ``least`` times, most frequent first."""
    reader = TextEncoder((), np.zeros(0, np.uint32))
    counts = np.zeros(0, np.int64)
    for start in range(0, len(texts), CHUNK):
        numbers, _ = reader.word_numbers(texts[start : start + CHUNK])
        counts = added_counts(counts, numbers)
    order = np.argsort(-counts, kind="stable")
    names = reader.words_met
    return [names[number] for number in order[counts[order] >= least][:most]]


def added_counts(counts: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return how often each number occurred before and now."""
    fresh = np.bincount(numbers, minlength=len(counts))
    fresh[: len(counts)] += counts
    return fresh


def word_hashes(words: Sequence[str]) -> np.ndarray:
    """Return a 64-bit hash of each word, the same in every process."""
    codes = [(_crc(word) << 32) | zlib.adler32(word.encode()) for word in words]
    return np.array(codes, np.uint64) * _MIX[0]


def ngram_hashes(words: np.ndarray, starts: np.ndarray) -> list[np.ndarray]:
    """Return 32-bit hashes of the uni-, bi- and trigrams that end at each token; 0 where none does.

    Args:
        words: ``(tokens,)`` 64-bit hashes of the words of all texts.
        starts: ``(texts + 1,)`` where each text begins.
    """
    position = np.arange(len(words)) - np.repeat(starts[:-1], np.diff(starts))
    found, rolling = [], words
    with np.errstate(over="ignore"):
        for order in range(3):
            if order:
                before, rolling = rolling, words.copy()
                rolling[1:] += before[:-1] * _MIX[1]
            mixed = (rolling ^ (rolling >> np.uint64(29))) * _MIX[0]
            hashes = np.maximum((mixed >> np.uint64(32)).astype(np.uint32), np.uint32(1))
            found.append(np.where(position >= order, hashes, np.uint32(0)))
    return found


def first_places(values: np.ndarray, text_of: np.ndarray) -> np.ndarray:
    """Return where each value stands for the first time in its text."""
    keys = text_of.astype(np.int64) << 32 | values.astype(np.int64)
    return np.unique(keys, return_index=True)[1]


def _crc(word: str) -> int:
    return zlib.crc32(word.encode())
