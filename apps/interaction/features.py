"""Molecules and proteins as the numbers that the networks read.

Everything of a list lies in one array, molecule behind molecule and protein behind protein, without padding; a batch
is a choice of these, laid behind each other again.

    molecule      atoms (n, 41), neighbours (n, 6), bonds (n, 6)   the graph
                  fingerprint (2048,)                             log(1 + how often each circular substructure occurs)
                  letters (m,)                                    the characters of its SMILES
    protein       residues (r,)                                   the sequence
                  relatives (R,)                                  how alike it is to each of the R known proteins

References:
    Rogers and Hahn, "Extended-connectivity fingerprints", J. Chem. Inf. Model. 2010.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from apps.interaction.molecules import canonical, parse_molecule
from apps.interaction.relatives import References

if TYPE_CHECKING:
    from rdkit import Chem
    from rdkit.Chem import rdFingerprintGenerator

    from apps.interaction.pairs import Pairs

__all__ = [
    "ATOM_FEATURES",
    "BOND_KINDS",
    "FINGERPRINT",
    "GAP",
    "LETTERS",
    "NEIGHBOURS",
    "RESIDUES",
    "STRIDE",
    "Features",
    "Molecules",
    "Proteins",
    "features_of",
    "fingerprint_generator",
    "molecules_of",
    "proteins_of",
    "references_of",
]

FINGERPRINT = 2048
RADIUS = 2
NEIGHBOURS = 6
AT_ONCE = 4096  # pairs predicted together
GAP = 32  # empty places behind every protein and SMILES, further than a filter reaches
STRIDE = 4  # every protein begins at a multiple of it, so that residues can be taken together in fours
ELEMENTS = ("C", "N", "O", "S", "F", "P", "Cl", "Br", "I", "B", "Si")
BOND_KINDS = 5  # single, double, triple, aromatic, any other
RESIDUES = "ACDEFGHIKLMNPQRSTVWYX"  # numbered from 1; what is none of the twenty counts as X
LETTERS = "#%()+-./0123456789:=@ABCDEFGHIKLMNOPRSTUVWXYZ[\\]abcdefghiklmnoprstuy"


def _one_of(value: object, known: Sequence[object]) -> list[int]:
    """Return a 1 at the place of a value among the known ones, else behind them."""
    place = known.index(value) if value in known else len(known)
    return [int(number == place) for number in range(len(known) + 1)]


def _atom(atom: Chem.Atom) -> list[int]:
    from rdkit.Chem import HybridizationType as Kind

    chirality = atom.GetPropsAsDict().get("_CIPCode", "")
    return [
        *_one_of(atom.GetSymbol(), ELEMENTS),
        *_one_of(atom.GetDegree(), (0, 1, 2, 3, 4)),
        *_one_of(atom.GetTotalNumHs(), (0, 1, 2, 3)),
        *_one_of(atom.GetFormalCharge(), (-1, 0, 1)),
        *_one_of(atom.GetHybridization(), (Kind.SP, Kind.SP2, Kind.SP3)),
        int(atom.GetIsAromatic()),
        *(int(atom.IsInRingSize(size)) for size in (3, 4, 5, 6, 7)),
        int(atom.IsInRing()),
        int(chirality == "R"),
        int(chirality == "S"),
    ]


ATOM_FEATURES = 12 + 6 + 5 + 4 + 4 + 1 + 5 + 1 + 2


@dataclass(frozen=True)
class Molecules:
    """The features of n molecules.

    Args:
        atoms: ``(all atoms, ATOM_FEATURES)`` uint8.
        neighbours: ``(all atoms, NEIGHBOURS)`` int32, number within the molecule plus 1, 0 for none.
        bonds: ``(all atoms, NEIGHBOURS)`` uint8, kind from 1, 0 for none.
        atom_starts: ``(n + 1,)`` where each molecule begins.
        fingerprint: ``(n, FINGERPRINT)`` uint8 counts.
        letters: ``(all characters,)`` uint8 from 1, and ``letter_starts`` likewise.
    """

    atoms: np.ndarray
    neighbours: np.ndarray
    bonds: np.ndarray
    atom_starts: np.ndarray
    fingerprint: np.ndarray
    letters: np.ndarray
    letter_starts: np.ndarray

    def __len__(self) -> int:
        return len(self.fingerprint)

    def batch(self, chosen: np.ndarray, names: Collection[str]) -> dict[str, np.ndarray]:
        """Return those of the named inputs of the networks that are of molecules, for some of them."""
        found: dict[str, np.ndarray] = {}
        if not {"atoms", "neighbours", "bonds", "molecule_of"}.isdisjoint(names):
            rows, molecule, first = _laid_out(self.atom_starts, chosen, 0)
            near = self.neighbours[rows]
            found |= {
                "atoms": self.atoms[rows].astype(np.float32),
                "neighbours": np.where(near > 0, near + first[:, None], 0).astype(np.int32),
                "bonds": self.bonds[rows].astype(np.int32),
                "molecule_of": molecule,
            }
        if "fingerprint" in names:
            found["fingerprint"] = np.log1p(self.fingerprint[chosen], dtype=np.float32)
        if not {"letters", "letter_of"}.isdisjoint(names):
            rows, letter_of, _ = _laid_out(self.letter_starts, chosen, GAP)
            found |= {"letters": _values(self.letters, rows), "letter_of": letter_of}
        return {name: found[name] for name in names if name in found}


@dataclass(frozen=True)
class Proteins:
    """The features of n proteins.

    Args:
        residues: ``(all residues,)`` uint8 from 1.
        starts: ``(n + 1,)`` where each protein begins.
        relatives: ``(n, R)`` float32, the similarity to each reference.
    """

    residues: np.ndarray
    starts: np.ndarray
    relatives: np.ndarray

    def __len__(self) -> int:
        return len(self.relatives)

    def batch(self, chosen: np.ndarray, names: Collection[str]) -> dict[str, np.ndarray]:
        """Return those of the named inputs of the networks that are of proteins, for some of them."""
        found: dict[str, np.ndarray] = {}
        if not {"residues", "protein_of"}.isdisjoint(names):
            rows, protein, _ = _laid_out(self.starts, chosen, GAP)
            found |= {"residues": _values(self.residues, rows), "protein_of": protein}
        if "relatives" in names:
            found["relatives"] = self.relatives[chosen]
        return {name: found[name] for name in names if name in found}


@dataclass(frozen=True)
class Features:
    """What the networks read of all molecules and proteins of a table of pairs."""

    molecules: Molecules
    proteins: Proteins

    def inputs(self, drug: np.ndarray, protein: np.ndarray, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Return the named inputs for pairs: each molecule and protein that occurs once, and which two make a pair.

        Args:
            drug, protein: numbers of both of each pair ``(N,)``.
            names: of the inputs.
        """
        drugs, row = np.unique(drug, return_inverse=True)
        proteins, column = np.unique(protein, return_inverse=True)
        pairs = np.stack([row, column], axis=1).astype(np.int32)
        every = {"pairs": pairs} | self.molecules.batch(drugs, names) | self.proteins.batch(proteins, names)
        return {name: every[name] for name in names}

    def compared_with(self, references: References, pairs: Pairs) -> Features:
        """Return the features of the same pairs with their proteins compared with other references."""
        sequences = [protein.sequence for protein in pairs.proteins]
        return replace(self, proteins=proteins_of(sequences, references))

    def values(
        self,
        run: Callable[[dict[str, np.ndarray]], np.ndarray],
        names: Sequence[str],
        drug: np.ndarray,
        protein: np.ndarray,
    ) -> np.ndarray:
        """Return what a network says of pairs ``(n, members)``, protein by protein, so that few are encoded twice.

        Args:
            run: the network, on named inputs.
            names: of these.
            drug, protein: numbers of both of each pair ``(n,)``.
        """
        order = np.lexsort([drug, protein])
        parts = [order[first : first + AT_ONCE] for first in range(0, len(order), AT_ONCE)]
        found = [run(self.inputs(drug[part], protein[part], names)) for part in parts]
        values = np.concatenate(found) if found else np.zeros((0, 1), np.float32)
        return values[np.argsort(order)]


def _laid_out(starts: np.ndarray, chosen: np.ndarray, gap: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lay chosen parts behind each other.

    Returns:
        The row of the whole that stands at each place, -1 in gaps; the number of its part among the chosen, -1 in
        gaps; the place where its part begins.
    """
    lengths = np.diff(starts)[chosen]
    each = -(-(lengths + gap) // STRIDE) * STRIDE if gap else lengths
    begins = np.cumsum(each) - each
    part = np.repeat(np.arange(len(chosen)), each)
    inside = np.arange(each.sum()) - begins[part]
    real = inside < lengths[part]
    rows = np.where(real, starts[chosen][part] + inside, -1)
    return rows, np.where(real, part, -1).astype(np.int32), begins[part].astype(np.int32)


def _values(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.where(rows >= 0, array[rows], 0).astype(np.int32)


@cache
def fingerprint_generator() -> rdFingerprintGenerator.FingerprintGenerator64:
    """Return what counts the circular substructures of a molecule."""
    from rdkit.Chem import rdFingerprintGenerator

    return rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=FINGERPRINT, includeChirality=True)


def molecules_of(mols: Sequence[Chem.Mol], smiles: Sequence[str], *, graph: bool = True) -> Molecules:
    """Compute the features of molecules.

    Args:
        mols: parsed.
        smiles: of each, for its characters.
        graph: False leaves atoms and bonds out, for networks that do not read them; most of the time goes there.
    """
    from rdkit.Chem import BondType

    kinds = {BondType.SINGLE: 1, BondType.DOUBLE: 2, BondType.TRIPLE: 3, BondType.AROMATIC: 4}
    circles = fingerprint_generator()
    place = {letter: number for number, letter in enumerate(LETTERS, start=1)}
    atoms: list[list[int]] = []
    near: list[np.ndarray] = []
    fingerprints = np.zeros((len(mols), FINGERPRINT), np.uint8)
    sizes = [0]
    for number, mol in enumerate(mols):
        fingerprints[number] = circles.GetCountFingerprintAsNumPy(mol).clip(max=255)
        if not graph:
            continue
        count = mol.GetNumAtoms()
        table = np.zeros((2, count, NEIGHBOURS), np.int32)
        filled = [0] * count
        for bond in mol.GetBonds():
            one, other = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            for here, there in ((one, other), (other, one)):
                if filled[here] < NEIGHBOURS:
                    table[:, here, filled[here]] = there + 1, kinds.get(bond.GetBondType(), BOND_KINDS)
                    filled[here] += 1
        near.append(table)
        atoms += [_atom(atom) for atom in mol.GetAtoms()]
        sizes.append(len(atoms))
    both = np.concatenate(near, axis=1) if near else np.zeros((2, 0, NEIGHBOURS), np.int32)
    letters = [place.get(letter, 0) for text in smiles for letter in text]
    return Molecules(
        np.array(atoms, np.uint8).reshape(-1, ATOM_FEATURES),
        both[0],
        both[1].astype(np.uint8),
        np.array(sizes, np.int64),
        fingerprints,
        np.array(letters, np.uint8),
        np.cumsum([0, *map(len, smiles)]),
    )


def proteins_of(sequences: Sequence[str], references: References) -> Proteins:
    """Compute the features of proteins, given as upper-case sequences.

    Args:
        sequences: of the proteins.
        references: proteins that the network was, or will be, trained on.
    """
    code = np.full(128, len(RESIDUES), np.uint8)
    for number, letter in enumerate(RESIDUES, start=1):
        code[ord(letter)] = number
    parts = [code[np.frombuffer(sequence.encode("ascii"), np.uint8)] for sequence in sequences]
    return Proteins(
        np.concatenate(parts) if parts else np.zeros(0, np.uint8),
        np.cumsum([0, *map(len, sequences)]),
        references.similarities(sequences),
    )


def references_of(pairs: Pairs) -> References:
    """Return the proteins of pairs, for others to be compared with."""
    return References(pairs.proteins[number].sequence for number in np.unique(pairs.protein))


def features_of(pairs: Pairs, references: References) -> Features:
    """Compute the features of all molecules and proteins of a table of pairs."""
    mols = [parse_molecule(smiles) for smiles in pairs.drugs]
    return Features(
        molecules_of(mols, [canonical(mol) for mol in mols]),
        proteins_of([protein.sequence for protein in pairs.proteins], references),
    )
