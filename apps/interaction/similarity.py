"""Proteins that are nearly the same: a test on one of them is a test on what was learnt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["NEAR", "identity", "near_identical"]

NEAR = 0.9  # share of identical residues from which two proteins count as the same for a test
_WORD = 5  # residues
_REPEATS = 0.25  # least share of words in common, for sequences that repeat a few
_GAP = 3  # identical residues that a gap must bring


def near_identical(
    ours: Sequence[str], theirs: Sequence[str], share: float = NEAR
) -> list[tuple[int, int, float]]:
    """Return ``(number in ours, number in theirs, identity)`` of sequences that are at least this identical.

    They are aligned where they share enough words of 5 residues: one residue that differs spoils at most 5 of
    them, and a repeat has few to share.  Sequences too short for a word count only where they are equal.
    """
    words = _words([*ours, *theirs])
    counts, other_counts = np.split(np.diff(words.indptr), [len(ours)])
    shared = (words[: len(ours)] @ words[len(ours) :].T).tocoo()
    lengths, others = np.array(list(map(len, ours))), np.array(list(map(len, theirs)))
    one, other = shared.coords
    shorter = np.minimum(lengths[one], others[other])
    fewer = np.minimum(counts[one], other_counts[other])
    spoiled = _WORD * np.floor((1 - share) * shorter + 1e-6)
    likely = shared.data >= np.maximum(fewer - spoiled, _REPEATS * fewer)
    place = {sequence: number for number, sequence in enumerate(theirs)}
    candidates = set(zip(one[likely].tolist(), other[likely].tolist(), strict=True))
    candidates |= {(number, place[sequence]) for number, sequence in enumerate(ours) if sequence in place}
    compared = ((a, b, identity(ours[a], theirs[b])) for a, b in sorted(candidates))
    return [(a, b, identical) for a, b, identical in compared if identical >= share]


def identity(one: str, other: str) -> float:
    """Return the share of the shorter sequence that is identical in the best alignment with the longer one.

    An alignment gains 1 for two identical residues and nothing for two different ones.  Ends that overhang are
    free, so that a fragment is identical to its whole; a gap costs 3 whatever its length, as a missing exon is one
    event, and scattered residues that happen to agree are not worth the gaps between them.

    Args:
        one, other: one-letter codes.

    Returns:
        From 0 to 1.

    Reference:
        Needleman and Wunsch, "A general method applicable to the search for similarities in the amino acid sequence
        of two proteins", J. Mol. Biol. 48, 1970: the penalty for a gap is a fixed number there too.
    """
    if one == other:
        return 1.0
    if not one or not other:
        return 0.0
    one, other = sorted((one, other), key=len)
    letters = np.frombuffer(other.encode("ascii"), np.uint8)
    same = {residue: (letters == ord(residue)).astype(np.int32) for residue in set(one)}
    row = np.zeros(len(other) + 1, np.int32)  # best alignments that end at this residue of one, each of other
    above = row.copy()  # the best of all rows so far
    for residue in one:
        ended = np.maximum(row[:-1] + same[residue], above[1:] - _GAP)
        row[1:] = ended
        row[2:] = np.maximum(ended[1:], np.maximum.accumulate(ended)[:-1] - _GAP)
        np.maximum(above, row, out=above)
    return int(above.max()) / len(one)


def _words(sequences: Sequence[str]) -> csr_array:
    """Return a matrix of 0 and 1: which sequence (row) has which word (column)."""
    from scipy.sparse import csr_array

    powers = 26 ** np.arange(_WORD)
    found = [np.zeros(0, np.int64)]
    for sequence in sequences:
        letters = np.frombuffer(sequence.encode("ascii"), np.uint8).astype(np.int64) - ord("A")
        found.append(np.unique(np.convolve(letters, powers, "valid")) if len(letters) >= _WORD else found[0])
    used, columns = np.unique(np.concatenate(found), return_inverse=True)
    ends = np.cumsum([len(words) for words in found])
    return csr_array((np.ones(len(columns), np.int32), columns, ends), shape=(len(sequences), len(used)))
