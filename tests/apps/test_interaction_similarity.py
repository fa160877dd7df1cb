"""The nearest molecules and proteins, against RDKit and plain definitions."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.interaction import alignment
from apps.interaction.alignment import nearest_protein, sequence_identity
from apps.interaction.similarity import nearest_molecule

REAL, YES_NO = "real values", "independent yes/no"


@pytest.mark.parametrize("bits", [100, 2048])
def test_the_nearest_molecule_is_rdkits(monkeypatch, bits):
    from rdkit.DataStructs import BulkTanimotoSimilarity, CreateFromBitString

    monkeypatch.setattr("apps.interaction.similarity.QUERIES", 3)
    monkeypatch.setattr("apps.interaction.similarity.LIBRARY", 7)
    draw = np.random.default_rng(5)
    query, library = draw.random((8, bits)) < 0.1, draw.random((40, bits)) < 0.1
    query[0] = False
    library[30] = library[20] = query[5]
    index, similarity = nearest_molecule(query, library)
    as_rdkit = [
        [CreateFromBitString("".join("01"[bit] for bit in row.astype(int))) for row in rows]
        for rows in (query, library)
    ]
    for number, fingerprint in enumerate(as_rdkit[0]):
        expected = BulkTanimotoSimilarity(fingerprint, as_rdkit[1])
        assert similarity[number] == pytest.approx(max(expected))
        assert index[number] == int(np.argmax(expected))
    assert (index[5], similarity[5]) == (20, 1)
    packed = nearest_molecule(np.packbits(query, axis=1), np.packbits(library, axis=1))
    np.testing.assert_array_equal(packed, (index, similarity))


def aligned(first, second):
    """Score and identities of the best alignment with free ends, over all of Gotoh's states, cell by cell."""
    letters, entries = alignment.LETTERS, iter(map(int, alignment.BLOSUM62.split()))
    scores = {
        frozenset((one, other)): next(entries)
        for row, one in enumerate(letters)
        for other in letters[: row + 1]
    }
    never = (-(10**6), 0)
    rows, columns = len(first) + 1, len(second) + 1
    match, down, along = ([[never] * columns for _ in range(rows)] for _ in range(3))

    def less(cell, cost):
        return cell[0] - cost, cell[1]

    for i, j in itertools.product(range(rows), range(columns)):
        if not i or not j:
            match[i][j] = (0, 0)
            continue
        score = scores[frozenset((first[i - 1], second[j - 1]))]
        before = max(match[i - 1][j - 1], down[i - 1][j - 1], along[i - 1][j - 1])
        match[i][j] = (before[0] + score, before[1] + (first[i - 1] == second[j - 1]))
        down[i][j] = max(less(max(match[i - 1][j], along[i - 1][j]), 12), less(down[i - 1][j], 1))
        along[i][j] = max(less(max(match[i][j - 1], down[i][j - 1]), 12), less(along[i][j - 1], 1))
    ends = [(i, columns - 1) for i in range(rows)] + [(rows - 1, j) for j in range(columns)]
    return max(max(match[i][j], down[i][j], along[i][j]) for i, j in ends)


proteins = st.text("ACDW", min_size=1, max_size=14)


@settings(max_examples=150, deadline=None)
@given(proteins, proteins, proteins)
def test_identity_is_that_of_the_best_alignment(head, middle, tail):
    # Common parts around a change make alignments with gaps worth while.
    first, second = head + "WWCDWA" + middle + tail, head + "WWCDWA" + tail
    score, identities = aligned(first, second)
    shorter = min(len(first), len(second))
    assert sequence_identity(first, second) == pytest.approx(identities / shorter)
    assert sequence_identity(second, first) == sequence_identity(first, second)
    assert score >= 0


@settings(deadline=None)
@given(st.text("ACDEFGHIKLMNPQRSTVWYX", min_size=1, max_size=60))
def test_a_protein_is_identical_to_itself(sequence):
    assert sequence_identity(sequence, sequence.lower()) == 1


def mutated(sequence, share, draw):
    letters = np.array(list(sequence))
    places = draw.random(len(letters)) < share
    letters[places] = draw.choice(list(alignment.LETTERS), places.sum())
    return "".join(letters)


def test_the_nearest_protein_is_found_among_strangers_quickly():
    draw = np.random.default_rng(6)
    strangers = [
        "".join(draw.choice(list(alignment.LETTERS), length)) for length in draw.integers(200, 1000, 300)
    ]
    query = "".join(draw.choice(list(alignment.LETTERS), 600))
    domain = query[200:450]
    for known, least in ((mutated(query, 0.5, draw), 0.45), (mutated(domain, 0.3, draw), 0.65), (domain, 1)):
        start = time.perf_counter()
        number, identity = nearest_protein(query, [*strangers[:150], known, *strangers[150:]])
        assert time.perf_counter() - start < 3  # 0.2 s on a quiet core
        assert number == 150 and identity >= least
    assert nearest_protein(query, [domain, query, query]) == (0, 1)
    assert nearest_protein("MK", ["MKV", "A"]) == (0, 1)


def test_a_screen_full_of_one_sequence_does_not_hide_the_others():
    draw = np.random.default_rng(7)
    query = "".join(draw.choice(list(alignment.LETTERS), 200))
    far, near = mutated(query, 0.5, draw)[:60], mutated(query, 0.1, draw)
    assert nearest_protein(query, [far] * 30 + [near])[0] == 30
