"""Which pairs are trained on and which are tested on, and what the test would give away.

A random split asks for known molecules against known proteins.  The cold ones ask for what is new: molecules, or
proteins, or both, of which training saw nothing.  Figures of different splits cannot be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from apps.interaction.alignment import near_identical
from apps.interaction.molecules import parse_molecule, scaffold, skeleton
from apps.interaction.pairs import Pairs
from common.errors import InputError, UsageError
from common.registry import Registry

if TYPE_CHECKING:
    from rdkit import Chem

__all__ = ["SPLITS", "Split", "leaks", "split"]

Parts = tuple[np.ndarray, np.ndarray, np.ndarray]
Rule = Callable[[Pairs, np.random.Generator, float, float], Parts]
SPLITS = Registry[Rule]("split")


@dataclass(frozen=True)
class Split:
    """Indices of pairs, ascending, none twice.

    Args:
        name: of the rule.
        train, held, test: to learn from, to choose on, to test on; ``held`` may be empty.
        dropped: how many pairs are in no part.
    """

    name: str
    train: np.ndarray
    held: np.ndarray
    test: np.ndarray
    dropped: int


def split(pairs: Pairs, name: str, *, seed: int = 0, test: float = 0.2, held: float = 0.1) -> Split:
    """Split pairs by a named rule, the same for the test part and then for the held one.

    Args:
        pairs: any.
        name: ``random``, ``cold-drug``, ``cold-target``, ``cold-both`` or ``scaffold``.
        seed: of the draw.
        test, held: shares of all pairs that the parts come close to and do not exceed, unless one group alone is
            larger; for ``cold-both`` of the pairs' molecules and of their proteins, so that the test part has
            about ``test`` squared of all pairs.

    Raises:
        UsageError: an unknown name, shares that leave nothing.
        InputError: too few different molecules or proteins.
    """
    rule = SPLITS.get(name)
    if not (0 < test < 1 and 0 <= held < 1 and test + held < 1):
        raise UsageError(f"shares of test {test:g} and held {held:g}", "above 0 and together below 1")
    parts = rule(pairs, np.random.default_rng(seed), test, held)
    if not len(parts[0]) or not len(parts[2]) or (held and not len(parts[1])):
        raise InputError(
            f"{len(pairs):,} pairs are too few, or too alike, for a {name} split",
            "take another split or share",
        )
    return Split(name, *parts, len(pairs) - sum(map(len, parts)))


@SPLITS.named("random")
def _random(pairs: Pairs, draw: np.random.Generator, test: float, held: float) -> Parts:
    """Every pair for itself."""
    return _grouped(np.arange(len(pairs)), draw, test, held)


@SPLITS.named("cold-drug")
def _cold_drug(pairs: Pairs, draw: np.random.Generator, test: float, held: float) -> Parts:
    """Molecules of the test are new, and so are their stereo-isomers and salts."""
    return _grouped(_skeletons(pairs)[pairs.drug], draw, test, held)


@SPLITS.named("cold-target")
def _cold_target(pairs: Pairs, draw: np.random.Generator, test: float, held: float) -> Parts:
    """Protein sequences of the test are new."""
    return _grouped(_sequences(pairs)[pairs.protein], draw, test, held)


@SPLITS.named("scaffold")
def _scaffold(pairs: Pairs, draw: np.random.Generator, test: float, held: float) -> Parts:
    """Ring systems of the test are new; molecules without rings are one group, as in MoleculeNet."""
    return _grouped(_labels(pairs, scaffold)[pairs.drug], draw, test, held)


@SPLITS.named("cold-both")
def _cold_both(pairs: Pairs, draw: np.random.Generator, test: float, held: float) -> Parts:
    """Molecules and sequences of the test are new; pairs of a new one and a known one are dropped."""
    drugs, proteins = _skeletons(pairs)[pairs.drug], _sequences(pairs)[pairs.protein]
    everything = np.arange(len(pairs))
    rest, tested = _both(everything, drugs, proteins, test, draw)
    train, chosen = _both(rest, drugs, proteins, held / (1 - test), draw)
    return train, chosen, tested


def _both(
    pool: np.ndarray, drugs: np.ndarray, proteins: np.ndarray, share: float, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of a pool with both sides kept, and with both sides cut off."""
    wanted = round(share * len(pool))
    new_drug, new_protein = _cut(drugs[pool], wanted, draw), _cut(proteins[pool], wanted, draw)
    return pool[~new_drug & ~new_protein], pool[new_drug & new_protein]


def _grouped(groups: np.ndarray, draw: np.random.Generator, test: float, held: float) -> Parts:
    """Split pairs so that no group is in two parts."""
    in_test = _cut(groups, round(test * len(groups)), draw)
    rest = np.flatnonzero(~in_test)
    in_held = _cut(groups[rest], round(held * len(groups)) if held else 0, draw)
    return rest[~in_held], rest[in_held], np.flatnonzero(in_test)


def _cut(groups: np.ndarray, wanted: int, draw: np.random.Generator) -> np.ndarray:
    """Tell for each pair whether its group is cut off: groups in random order while they fit into ``wanted`` pairs.

    Where none fits it is the smallest one; nothing is cut off for ``wanted`` of 0.
    """
    names, number, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    cut = np.zeros(len(names), bool)
    left = wanted
    for group in draw.permutation(len(names)):
        if sizes[group] <= left:
            cut[group] = True
            left -= sizes[group]
    if wanted and len(names) and not cut.any():
        cut[sizes.argmin()] = True
    return cut[number]


def _skeletons(pairs: Pairs) -> np.ndarray:
    return _labels(pairs, skeleton)


def _labels(pairs: Pairs, label: Callable[[Chem.Mol], str]) -> np.ndarray:
    """Return ``(d,)`` a number for each molecule, equal where its largest organic part has an equal label."""
    return _numbered(label(parse_molecule(smiles, strip_salts=True)) for smiles in pairs.drugs)


def _sequences(pairs: Pairs) -> np.ndarray:
    """Return ``(p,)`` a number for each protein, equal for equal sequences."""
    return _numbered(protein.sequence for protein in pairs.proteins)


def _numbered(labels: Iterable[str]) -> np.ndarray:
    """Return a number for each label, by first appearance."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(label, len(numbers)) for label in labels], np.int64)


def leaks(pairs: Pairs, split: Split) -> list[str]:
    """Say what a test part shares with the parts before it; nothing for a clean split.

    Looked for are pairs of one skeleton and one sequence; and, where the name of the split promises new ones,
    molecules of one skeleton and proteins of at least 90 % identity.

    Returns:
        A line for each kind of leak and each part that it leads into, with its count and an example.
    """
    drugs, proteins = _skeletons(pairs), _sequences(pairs)
    lines = []
    parts = {"train": split.train, "held": split.held, "test": split.test}
    for source, target in (("train", "test"), ("held", "test"), ("train", "held")):
        seen, asked = parts[source], parts[target]
        if not len(seen) or not len(asked):
            continue
        where = f"of {target} are also in {source}"
        lines += _pair_leak(pairs, drugs, proteins, seen, asked, where)
        if split.name in ("cold-drug", "cold-both", "scaffold"):
            lines += _molecule_leak(pairs, drugs, seen, asked, where)
        if split.name in ("cold-target", "cold-both"):
            lines += _protein_leak(
                pairs, proteins, seen, asked, f"of {target} are near-identical to one in {source}"
            )
    return lines


def _pair_leak(
    pairs: Pairs, drugs: np.ndarray, proteins: np.ndarray, seen: np.ndarray, asked: np.ndarray, where: str
) -> list[str]:
    key = drugs[pairs.drug] * (len(pairs.proteins) + 1) + proteins[pairs.protein]
    shared = asked[np.isin(key[asked], key[seen])]
    if not len(shared):
        return []
    example = f"{_drug(pairs, pairs.drug[shared[0]])} with {_protein(pairs, pairs.protein[shared[0]])}"
    return [f"same pair: {len(shared):,} of {len(asked):,} pairs {where}, such as {example}"]


def _molecule_leak(
    pairs: Pairs, drugs: np.ndarray, seen: np.ndarray, asked: np.ndarray, where: str
) -> list[str]:
    ours, theirs = np.unique(drugs[pairs.drug[asked]]), np.unique(drugs[pairs.drug[seen]])
    shared = np.intersect1d(ours, theirs)
    if not len(shared):
        return []
    example = _drug(pairs, int(np.flatnonzero(drugs == shared[0])[0]))
    return [f"same molecule: {len(shared):,} of {len(ours):,} molecules {where}, such as {example}"]


def _protein_leak(
    pairs: Pairs, proteins: np.ndarray, seen: np.ndarray, asked: np.ndarray, where: str
) -> list[str]:
    _, first = np.unique(proteins, return_index=True)  # one protein of each sequence
    ours = first[np.unique(proteins[pairs.protein[asked]])]
    theirs = first[np.unique(proteins[pairs.protein[seen]])]
    sequences = [protein.sequence for protein in pairs.proteins]
    near = near_identical([sequences[p] for p in ours], [sequences[p] for p in theirs])
    if not near:
        return []
    one, other, share = near[0]
    example = f"{_protein(pairs, ours[one])} and {_protein(pairs, theirs[other])} ({share:.0%} identical)"
    count = len({one for one, *_ in near})
    return [f"near-identical protein: {count:,} of {len(ours):,} proteins {where}, such as {example}"]


def _drug(pairs: Pairs, number: int) -> str:
    return pairs.drug_names[number] or pairs.drugs[number][:60]


def _protein(pairs: Pairs, number: int) -> str:
    protein = pairs.proteins[number]
    return protein.name or f"{protein.sequence[:12]}... of {len(protein.sequence)} residues"
