"""Splits give nothing away that they promise not to, and what leaks is found."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem.Scaffolds import MurckoScaffold

from apps.interaction.alignment import near_identical
from apps.interaction.pairs import Pairs, published_split, read_pairs
from apps.interaction.proteins import AMINO_ACIDS, Protein
from apps.interaction.splits import SPLITS, Split, leaks, split
from common.errors import InputError, UsageError

DATA = Path(__file__).parents[2].parent / "shared/data/interaction"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="../shared/data/interaction is not here")

DRUGS = (
    *("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "CC(N)C(=O)O", "CC(N)C(=O)O.Cl"),  # one skeleton
    *("CCO", "CCN", "CCCC", "c1ccccc1", "Cc1ccccc1", "Clc1ccccc1", "c1ccncc1", "Cc1ccncc1"),
    *("C1CCCCC1", "CC1CCCCC1", "C1CCNCC1", "c1ccc2ccccc2c1", "Oc1ccc2ccccc2c1", "c1ccsc1"),
)


def random_sequence(draw, length):
    return "".join(draw.choice(list(AMINO_ACIDS), length))


def substituted(draw, sequence, count):
    """The sequence with exactly so many residues replaced by others."""
    letters = list(sequence)
    for place in draw.choice(len(letters), count, replace=False):
        letters[place] = draw.choice([letter for letter in AMINO_ACIDS if letter != letters[place]])
    return "".join(letters)


_draw = np.random.default_rng(7)
_LETTERS = [random_sequence(_draw, int(length)) for length in _draw.integers(60, 200, 12)]
PROTEINS = tuple(
    Protein(f"P{n}", letters) for n, letters in enumerate([*_LETTERS, *_LETTERS[:4]])
)  # four twice


def some_pairs(seed, share=0.9):
    draw = np.random.default_rng(seed)
    drug, protein = np.nonzero(draw.random((len(DRUGS), len(PROTEINS))) < share)
    return Pairs(
        drugs=DRUGS,
        drug_names=("",) * len(DRUGS),
        proteins=PROTEINS,
        drug=drug.astype(np.int32),
        protein=protein.astype(np.int32),
        value=draw.normal(6, 1, len(drug)).astype(np.float32),
        unit="pKd",
        kind="real values",
        note="",
    )


def flat(smiles):
    """The skeleton by another way: stereo marks taken off the largest part."""
    molecule = Chem.MolFromSmiles(max(smiles.split("."), key=len))
    Chem.RemoveStereochemistry(molecule)
    return Chem.MolToSmiles(molecule)


def frame(smiles):
    return Chem.MolToSmiles(MurckoScaffold.GetScaffoldForMol(Chem.MolFromSmiles(flat(smiles))))


GROUPS = {
    "random": [],
    "cold-drug": [lambda pairs, n: flat(pairs.drugs[pairs.drug[n]])],
    "cold-target": [lambda pairs, n: pairs.proteins[pairs.protein[n]].sequence],
    "scaffold": [lambda pairs, n: frame(pairs.drugs[pairs.drug[n]])],
}
GROUPS["cold-both"] = GROUPS["cold-drug"] + GROUPS["cold-target"]


@pytest.mark.parametrize("name", GROUPS)
@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_parts_are_disjoint_complete_and_share_no_group(name, seed):
    pairs = some_pairs(seed)
    made = split(pairs, name, seed=seed, test=0.3, held=0.2)
    parts = [made.train, made.held, made.test]
    together = np.concatenate(parts)
    assert len(np.unique(together)) == len(together) == len(pairs) - made.dropped
    assert all(len(part) and (np.diff(part) > 0).all() for part in parts)
    for group in GROUPS[name]:
        train, held, test = ({group(pairs, n) for n in part} for part in parts)
        assert not train & held and not train & test and not held & test
    assert not (name != "cold-both" and made.dropped)
    if name == "random":
        assert (len(made.test), len(made.held)) == (round(0.3 * len(pairs)), round(0.2 * len(pairs)))


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_what_cold_both_drops_is_half_known(seed):
    pairs = some_pairs(seed)
    made = split(pairs, "cold-both", seed=seed, test=0.3, held=0.2)
    dropped = set(range(len(pairs))) - set(np.concatenate([made.train, made.held, made.test]).tolist())
    new_drugs = [{flat(DRUGS[pairs.drug[n]]) for n in part} for part in (made.held, made.test)]
    new_proteins = [{PROTEINS[pairs.protein[n]].sequence for n in part} for part in (made.held, made.test)]
    known = (
        {flat(DRUGS[pairs.drug[n]]) for n in made.train},
        {PROTEINS[pairs.protein[n]].sequence for n in made.train},
    )
    assert len(dropped) == made.dropped
    for n in dropped:  # no pair is dropped that would fit into a part
        drug, protein = flat(DRUGS[pairs.drug[n]]), PROTEINS[pairs.protein[n]].sequence
        assert not (drug in known[0] and protein in known[1])
        assert not any(drug in d and protein in p for d, p in zip(new_drugs, new_proteins, strict=True))


@pytest.mark.parametrize("name", GROUPS)
def test_the_seed_decides(name):
    pairs = some_pairs(1)
    one, same, other = (split(pairs, name, seed=seed) for seed in (3, 3, 4))
    assert all(np.array_equal(getattr(one, part), getattr(same, part)) for part in ("train", "held", "test"))
    assert not np.array_equal(one.test, other.test)


@pytest.mark.parametrize("name", ["cold-drug", "cold-target"])
@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_a_part_does_not_exceed_its_share(name, seed):
    pairs = some_pairs(seed)  # every group is smaller than the shares
    made = split(pairs, name, seed=seed, test=0.4, held=0.3)
    assert 0.25 * len(pairs) < len(made.test) <= 0.4 * len(pairs) + 0.5
    assert 0.1 * len(pairs) < len(made.held) <= 0.3 * len(pairs) + 0.5


def test_nothing_need_be_held():
    made = split(some_pairs(1), "cold-drug", held=0)
    assert not len(made.held) and len(made.train) and len(made.test)


def test_wrong_uses():
    pairs = some_pairs(1)
    with pytest.raises(UsageError, match="did you mean 'cold-drug'"):
        split(pairs, "cold-drugs")
    for shares in ({"test": 0}, {"test": 1}, {"held": -0.1}, {"test": 0.6, "held": 0.4}):
        with pytest.raises(UsageError, match="shares of test"):
            split(pairs, "random", **shares)
    one_drug = pairs.take(np.flatnonzero(pairs.drug < 4))
    with pytest.raises(InputError, match="too few, or too alike, for a cold-drug split"):
        split(one_drug, "cold-drug")
    assert SPLITS.names() == ["random", "cold-drug", "cold-target", "scaffold", "cold-both"]


@pytest.mark.parametrize("name", GROUPS)
def test_own_splits_leak_nothing_they_promise(name):
    pairs = some_pairs(5)
    found = leaks(pairs, split(pairs, name, seed=2))
    assert not found or name == "random"


def planted(name, drugs, proteins, train, test):
    """Pairs given as (drug, protein), and their split."""
    both = np.array([*train, *test], np.int32)
    pairs = replace(
        some_pairs(0),
        drugs=tuple(drugs),
        drug_names=("",) * len(drugs),
        proteins=tuple(Protein(f"P{n}", letters) for n, letters in enumerate(proteins)),
        drug=both[:, 0],
        protein=both[:, 1],
        value=np.zeros(len(both), np.float32),
    )
    at = np.arange(len(both))
    return pairs, Split(name, at[: len(train)], at[:0], at[len(train) :], 0)


def test_planted_leaks_are_found():
    draw = np.random.default_rng(1)
    one, other = random_sequence(draw, 120), random_sequence(draw, 120)
    twin = substituted(draw, one, 9)
    drugs = ["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "CCO", "CCN"]
    sequences = [one, twin, other, one]

    same_pair = planted("random", drugs, sequences, train=[(0, 0), (2, 2)], test=[(1, 3), (3, 2)])
    assert leaks(*same_pair) == [
        "same pair: 1 of 2 pairs of test are also in train, such as C[C@@H](N)C(=O)O with P3"
    ]
    molecule = planted("cold-drug", drugs, sequences, train=[(0, 0), (2, 2)], test=[(1, 2), (3, 2)])
    assert leaks(*molecule) == [
        "same molecule: 1 of 2 molecules of test are also in train, such as C[C@H](N)C(=O)O"
    ]
    protein = planted("cold-target", drugs, sequences, train=[(0, 0)], test=[(1, 1), (3, 2)])
    assert leaks(*protein) == [
        "near-identical protein: 1 of 2 proteins of test are near-identical to one in train, "
        "such as P1 and P0 (92% identical)"
    ]
    both = planted("cold-both", drugs, sequences, train=[(0, 0)], test=[(1, 3), (3, 2)])
    assert [line.split(":")[0] for line in leaks(*both)] == [
        "same pair",
        "same molecule",
        "near-identical protein",
    ]
    clean = planted("cold-both", drugs, sequences, train=[(0, 0)], test=[(2, 2), (3, 2)])
    assert leaks(*clean) == []


@given(st.integers(0, 100_000), st.integers(30, 300))
@settings(max_examples=60, deadline=None)
def test_the_screen_misses_no_substituted_twin(seed, length):
    draw = np.random.default_rng(seed)
    original = random_sequence(draw, length)
    twin = substituted(draw, original, length // 10)
    others = [random_sequence(draw, length) for _ in range(3)]
    found = near_identical([*others, twin], [original])
    assert [(one, other) for one, other, _ in found] == [(3, 0)]


def test_repeats_and_short_sequences():
    draw = np.random.default_rng(3)
    repeat = random_sequence(draw, 40) * 6
    assert near_identical([repeat], [random_sequence(draw, 2500)]) == []
    assert near_identical(["ACD", "A"], ["ACE", "A"]) == [(1, 1, 1.0)]
    assert near_identical([], ["ACD"]) == near_identical(["ACD"], []) == []


@needs_data
def test_davis_in_time_and_with_its_known_twins():
    pairs = read_pairs(DATA / "davis")
    sequences = [protein.sequence for protein in pairs.proteins]
    begun = time.process_time()
    found = near_identical(sequences, sequences)
    assert time.process_time() - begun < 5
    names = {(pairs.proteins[one].name, pairs.proteins[other].name) for one, other, _ in found}
    assert ("PKAC-alpha", "PKAC-beta") in names  # 93 % in UniProt's alignment of P17612 and P22694
    assert ("ABL1(T315I)", "EGFR") not in names
    same = {(a, b) for a, b, _ in found if sequences[a] == sequences[b]}
    assert same == {(a, b) for a, x in enumerate(sequences) for b, y in enumerate(sequences) if x == y}


@needs_data
def test_davis_splits():
    pairs = read_pairs(DATA / "davis")
    cold = split(pairs, "cold-drug", seed=1)
    assert len(np.unique(pairs.drug[cold.test])) == 13 and len(cold.test) == 13 * 442
    target = split(pairs, "cold-target", seed=1)
    assert not any("100%" in line for line in leaks(pairs, target))
    both = split(pairs, "cold-both", seed=1)
    assert len(both.test) == pytest.approx(0.04 * len(pairs), rel=0.1)


@needs_data
def test_the_published_cold_split_of_human():
    parts = published_split(DATA / "human/cold")
    ends = np.cumsum([0, *map(len, parts)])
    pairs = replace(
        parts[0],
        **{name: np.concatenate([getattr(p, name) for p in parts]) for name in ("drug", "protein", "value")},
    )
    at = [np.arange(start, end) for start, end in zip(ends, ends[1:], strict=False)]
    found = leaks(pairs, Split("cold-both", *at, 0))
    keys = [
        {(flat(pairs.drugs[pairs.drug[n]]), pairs.protein[n]) for n in part} for part in at
    ]  # a pair more than its README counts differs in stereo marks only
    assert len(keys[2] & keys[1]) == 13 and not keys[2] & keys[0]
    assert any(line.startswith("same pair: 13 of 304 pairs of test are also in held") for line in found)
    assert not any(line.startswith("same pair") and "in train" in line for line in found)
    # Its README: 60 proteins are in both.
    assert any(line.startswith("near-identical protein: 60 of 207 proteins of test") for line in found)
    assert any("molecules of test are also in train" in line for line in found)  # stereo-isomers
