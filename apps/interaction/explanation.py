"""Why a molecule binds: what the prediction loses without each atom, and without each stretch of the protein.

Reference:
    Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 4.2 (occlusion).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.interaction.features import (
    FINGERPRINT,
    RADIUS,
    RESIDUES,
    Molecules,
    Proteins,
    fingerprint_generator,
    molecules_of,
)
from apps.interaction.molecules import canonical, parse_molecule
from apps.interaction.prediction import Binding, Predictor, load
from apps.interaction.proteins import Protein

if TYPE_CHECKING:
    from rdkit import Chem

__all__ = ["Explanation", "explain"]

WINDOW = 15  # residues hidden together
STRIDE = 5  # residues between windows
AT_ONCE = 32  # proteins with a window hidden, predicted together


@dataclass(frozen=True)
class Explanation:
    """What moves one prediction.

    Args:
        binding: the prediction.
        molecule: SMILES with its atoms in the order of ``atoms``.
        protein: its name and sequence.
        atoms: what the value loses without each atom ``(n,)``; positive: it speaks for binding.
        residues: what it loses without each residue's surroundings ``(L,)``.
    """

    binding: Binding
    molecule: str
    protein: Protein
    atoms: np.ndarray
    residues: np.ndarray

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return self.binding.to_json() | {
            "molecule": self.molecule,
            "atoms": self.atoms.tolist(),
            "residues": self.residues.tolist(),
        }

    def write(self, stem: Path) -> list[Path]:
        """Draw the molecule and the protein: ``STEM.molecule.svg`` and ``.png``, ``STEM.protein.svg``."""
        from apps.interaction.drawing import draw_molecule, draw_sequence
        from common.files import replacing

        mol = parse_molecule(self.molecule)
        title = (
            f"{self.protein.name or 'protein'}: what the predicted {self.binding.unit} owes to each stretch"
        )
        pictures = {
            ".molecule.svg": draw_molecule(mol, self.atoms.tolist(), kind="svg"),
            ".molecule.png": draw_molecule(mol, self.atoms.tolist(), kind="png"),
            ".protein.svg": draw_sequence(self.protein.sequence, self.residues.tolist(), title=title),
        }
        written = []
        for ending, content in pictures.items():
            path = stem.with_name(stem.name + ending)
            with replacing(path) as temporary:
                temporary.write_bytes(content)
            written.append(path)
        return written


def explain(
    smiles: str, protein: str | Protein, *, model: str | Path, strip_salts: bool = False
) -> Explanation:
    """Hide atom after atom and stretch after stretch, and predict again.

    Raises:
        InputError, ArtifactError: as of ``predict``.
    """
    predictor = load(model)
    target = predictor.protein(protein)
    # Parsed again from its canonical SMILES, so that atoms are numbered as in what is shown.
    mol = parse_molecule(canonical(parse_molecule(smiles, strip_salts=strip_salts)))
    text = canonical(mol)
    (binding,) = predictor.bindings([mol], [text], [target])
    molecules, proteins = molecules_of([mol], [text]), predictor.proteins_of([target.sequence])
    return Explanation(
        binding,
        text,
        target,
        binding.value - _without_atoms(predictor, mol, molecules, proteins),
        binding.value - _without_residues(predictor, molecules, proteins),
    )


def _without_atoms(predictor: Predictor, mol: Chem.Mol, one: Molecules, proteins: Proteins) -> np.ndarray:
    """Return the value without each atom: no features, and none of the substructures that it is in ``(n,)``."""
    count = mol.GetNumAtoms()
    atoms = np.tile(one.atoms, (count, 1, 1))
    atoms[np.arange(count), np.arange(count)] = 0
    many = replace(
        one,
        atoms=atoms.reshape(-1, atoms.shape[-1]),
        neighbours=np.tile(one.neighbours, (count, 1)),
        bonds=np.tile(one.bonds, (count, 1)),
        atom_starts=np.arange(count + 1) * count,
        fingerprint=(one.fingerprint - _substructures_of_atoms(mol)).clip(0).astype(np.uint8),
        letters=np.tile(one.letters, count),
        letter_starts=np.arange(count + 1) * len(one.letters),
    )
    return predictor.values(many, proteins)[0][:, 0]


def _substructures_of_atoms(mol: Chem.Mol) -> np.ndarray:
    """Return how many occurrences of each substructure hold each atom ``(n, FINGERPRINT)``."""
    from rdkit import Chem
    from rdkit.Chem import rdFingerprintGenerator

    output = rdFingerprintGenerator.AdditionalOutput()
    output.AllocateBitInfoMap()
    fingerprint_generator().GetCountFingerprint(mol, additionalOutput=output)
    counts = np.zeros((mol.GetNumAtoms(), FINGERPRINT), np.int64)
    for bit, places in output.GetBitInfoMap().items():
        for centre, radius in places:
            inside = {centre}
            if 0 < radius <= RADIUS:
                for bond in Chem.FindAtomEnvironmentOfRadiusN(mol, radius, centre):
                    ends = mol.GetBondWithIdx(bond)
                    inside |= {ends.GetBeginAtomIdx(), ends.GetEndAtomIdx()}
            counts[sorted(inside), bit] += 1
    return counts


def _without_residues(predictor: Predictor, molecules: Molecules, one: Proteins) -> np.ndarray:
    """Return the mean value over the windows that hide each residue ``(L,)``."""
    length = len(one.residues)
    sequence = "".join(RESIDUES[number - 1] for number in one.residues)
    starts = list(range(0, max(1, length - WINDOW + STRIDE), STRIDE))
    total, count = np.zeros(length), np.zeros(length)
    for first in range(0, len(starts), AT_ONCE):
        some = starts[first : first + AT_ONCE]
        hidden = [
            sequence[:start] + "X" * len(sequence[start : start + WINDOW]) + sequence[start + WINDOW :]
            for start in some
        ]
        values = predictor.values(molecules, predictor.proteins_of(hidden))[0][0]
        for start, value in zip(some, values, strict=True):
            total[start : start + WINDOW] += value
            count[start : start + WINDOW] += 1
    return total / np.maximum(count, 1)
