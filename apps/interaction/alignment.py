"""How alike two proteins are, and which of many are nearest or nearly the same."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["NEAR", "near_identical", "nearest_protein", "sequence_identity"]

NEAR = 0.9  # share of identical residues from which two proteins count as the same for a test
LONG_WORD = 5  # residues
REPEATS = 0.25  # least share of words in common, for sequences that repeat a few
WORD, DIAGONALS = 3, 8  # residues in a word, and diagonals taken together, for the sake of small gaps
CANDIDATES = 8  # proteins that are aligned after the comparison of words
GAP_OPEN, GAP_EXTEND = 11, 1  # as BLAST does with BLOSUM62; a gap of k residues costs 11 + k
STEP = 1 << 20  # in which scores are counted: more than the identities of any protein
LETTERS = "ARNDCQEGHILKMFPSTWYV"
# Henikoff and Henikoff, PNAS 1992: scores of substitutions, in half bits, rows and columns as LETTERS.
BLOSUM62 = """
 4
-1  5
-2  0  6
-2 -2  1  6
 0 -3 -3 -3  9
-1  1  0  0 -3  5
-1  0  0  2 -4  2  5
 0 -2  0 -1 -3 -2 -2  6
-2  0  1 -1 -3  0  0 -2  8
-1 -3 -3 -3 -1 -3 -3 -4 -3  4
-1 -2 -3 -4 -1 -2 -3 -4 -3  2  4
-1  2  0 -1 -3  1  1 -2 -1 -3 -2  5
-1 -1 -2 -3 -1  0 -2 -3 -2  1  2 -1  5
-2 -3 -3 -3 -2 -3 -3 -3 -1  0  0 -3  0  6
-1 -2 -2 -1 -3 -1 -1 -2 -2 -3 -3 -1 -2 -4  7
 1 -1  1  0 -1  0  0  0 -1 -2 -2  0 -1 -2 -1  4
 0 -1  0 -1 -1 -1 -1 -2 -2 -1 -1 -1 -1 -2 -1  1  5
-3 -3 -4 -4 -2 -2 -3 -2 -2 -3 -2 -3 -1  1 -4 -3 -2 11
-2 -2 -2 -3 -2 -1 -2 -3  2 -1 -1 -2 -1  3 -3 -2 -2  2  7
 0 -3 -3 -3 -1 -2 -2 -3 -3  3  1 -2  1 -1 -2 -2  0 -3 -1  4
"""


def sequence_identity(first: str, second: str) -> float:
    """Return the share of the shorter protein's residues that are aligned with their like.

    Of all alignments with the best score (BLOSUM62, affine gaps, ends free), the one with most like residues
    counts.  Because the ends are free, a domain is found inside its protein.  Letters that stand for no certain
    amino acid are never alike, unless the whole sequences are equal.

    Raises:
        ValueError: an empty sequence.

    Reference:
        Gotoh, "An improved algorithm for matching biological sequences", J. Mol. Biol. 1982; the denominator is
        that of CD-HIT (Li and Godzik, Bioinformatics 2006).
    """
    shorter, longer = sorted((first.upper(), second.upper()), key=len)
    if not shorter:
        raise ValueError("a sequence is empty")
    return 1.0 if shorter == longer else _identical_residues(shorter, longer) / len(shorter)


def nearest_protein(query: str, sequences: Sequence[str]) -> tuple[int, float]:
    """Return the number of the protein most identical to a query, the first of equals, and ``sequence_identity``.

    Only the proteins that share most words of three residues on common diagonals are aligned, as FASTA does.
    Where nothing is more than about 30 % identical, another may be nearer by a little.

    Raises:
        ValueError: no sequence, or an empty one.

    Reference:
        Pearson and Lipman, "Improved tools for biological sequence comparison", PNAS 1988.
    """
    if not sequences:
        raise ValueError("no sequences to compare with")
    different = list(dict.fromkeys(sequences))  # the mutants of a kinase often share one sequence
    likeliest = np.argsort(-_word_matches(query, different), kind="stable")[:CANDIDATES]
    identity = {number: sequence_identity(query, different[number]) for number in sorted(likeliest.tolist())}
    best = max(identity, key=lambda number: identity[number])
    return sequences.index(different[best]), identity[best]


def near_identical(
    ours: Sequence[str], theirs: Sequence[str], share: float = NEAR
) -> list[tuple[int, int, float]]:
    """Return ``(number in ours, number in theirs, identity)`` of sequences that are at least this identical.

    They are aligned where they share enough words of 5 residues: one residue that differs spoils at most 5 of
    them, and a repeat has few to share.  Sequences too short for a word count only where they are equal.
    """
    words = _long_words([*ours, *theirs])
    counts, other_counts = np.split(np.diff(words.indptr), [len(ours)])
    shared = (words[: len(ours)] @ words[len(ours) :].T).tocoo()
    lengths, others = np.array(list(map(len, ours))), np.array(list(map(len, theirs)))
    one, other = shared.coords
    shorter = np.minimum(lengths[one], others[other])
    fewer = np.minimum(counts[one], other_counts[other])
    spoiled = LONG_WORD * np.floor((1 - share) * shorter + 1e-6)
    likely = shared.data >= np.maximum(fewer - spoiled, REPEATS * fewer)
    place = {sequence: number for number, sequence in enumerate(theirs)}
    candidates = set(zip(one[likely].tolist(), other[likely].tolist(), strict=True))
    candidates |= {(number, place[sequence]) for number, sequence in enumerate(ours) if sequence in place}
    compared = ((a, b, sequence_identity(ours[a], theirs[b])) for a, b in sorted(candidates))
    return [(a, b, identical) for a, b, identical in compared if identical >= share]


def _word_matches(query: str, sequences: Sequence[str]) -> np.ndarray:
    """Return how promising an alignment of the query with each sequence is ``(n,)``.

    Chance spreads common words over all diagonals, kinship heaps them on a few: squares of the counts by
    diagonal are added up, and divided by the length of the shorter sequence.
    """
    asked, known = _residue_words(query), [_residue_words(sequence) for sequence in sequences]
    lengths = np.array([len(words) for words in known])
    place = np.concatenate([np.arange(length) for length in lengths])
    owner = np.repeat(np.arange(len(known)), lengths)
    order = np.argsort(asked, kind="stable")
    words = np.concatenate(known)
    low, high = (np.searchsorted(asked, words, side, sorter=order) for side in ("left", "right"))
    # Each word of the sequences meets its equals in the query, which lie side by side in the sorted order.
    counts = high - low
    match = np.repeat(np.arange(len(words)), counts)
    nth = np.arange(len(match)) - np.repeat(np.cumsum(counts) - counts, counts)
    diagonal = (place[match] - order[low[match] + nth] + len(asked)) // DIAGONALS
    width = (len(asked) + lengths.max()) // DIAGONALS + 1
    heaps = np.bincount(owner[match] * width + diagonal, minlength=len(known) * width).reshape(-1, width)
    return np.square(heaps.astype(np.float64)).sum(axis=1) / np.minimum(lengths, len(asked))


def _residue_words(sequence: str) -> np.ndarray:
    """Return the numbers of all words of ``WORD`` residues, in order; a shorter sequence is filled up."""
    codes = _codes(sequence.upper().ljust(WORD, "X"))
    return np.lib.stride_tricks.sliding_window_view(codes, WORD) @ (len(LETTERS) + 1) ** np.arange(WORD)


def _identical_residues(shorter: str, longer: str) -> int:
    """Return how many like residues the best alignment has, the most of equally good ones.

    A cell holds ``STEP`` times the score of the best alignment up to there, plus the identities on its way, so
    that no way back through the matrix is needed.  A gap along a row is a running maximum, so that a row is a
    handful of vector operations.
    """
    opening, extending = GAP_OPEN * STEP, GAP_EXTEND * STEP
    pairs = _pair_scores()[:, _codes(longer)]
    across = np.arange(len(longer) + 1) * extending
    row, down = np.zeros_like(across), np.full_like(across, -opening)
    best = 0
    for code in _codes(shorter).tolist():
        down = np.maximum(down, row - opening) - extending
        new = np.zeros_like(row)  # the end in front of either sequence is free
        new[1:] = np.maximum(row[:-1] + pairs[code], down[1:])
        along = np.maximum.accumulate(new + across)[:-1] - across[1:] - opening
        np.maximum(new[1:], along, out=new[1:])
        row = new
        best = max(best, int(row[-1]))  # and so is the end behind
    return max(best, int(row.max())) % STEP


def _codes(sequence: str) -> np.ndarray:
    """Return the places of letters in ``LETTERS``, its length for any other."""
    table = np.full(256, len(LETTERS))
    table[list(LETTERS.encode())] = np.arange(len(LETTERS))
    return table[np.frombuffer(sequence.encode("latin-1", "replace"), np.uint8)]


@cache
def _pair_scores() -> np.ndarray:
    """Return the scores of pairs of codes ``(21, 21)``, in the unit of the cells; an uncertain letter scores -1."""
    count = len(LETTERS)
    scores = np.full((count + 1, count + 1), -1)
    rows, columns = np.tril_indices(count)
    scores[rows, columns] = scores[columns, rows] = np.array(BLOSUM62.split(), dtype=np.int64)
    return scores * STEP + np.diag([1] * count + [0])


def _long_words(sequences: Sequence[str]) -> csr_array:
    """Return a matrix of 0 and 1: which sequence (row) has which word (column)."""
    from scipy.sparse import csr_array

    powers = 26 ** np.arange(LONG_WORD)
    found = [np.zeros(0, np.int64)]
    for sequence in sequences:
        letters = np.frombuffer(sequence.encode("ascii"), np.uint8).astype(np.int64) - ord("A")
        found.append(
            np.unique(np.convolve(letters, powers, "valid")) if len(letters) >= LONG_WORD else found[0]
        )
    used, columns = np.unique(np.concatenate(found), return_inverse=True)
    ends = np.cumsum([len(words) for words in found])
    return csr_array((np.ones(len(columns), np.int32), columns, ends), shape=(len(sequences), len(used)))
