"""What a chemist asks of a molecule before buying it: size, polarity, drug-likeness, and known nuisances.

RDKit's own catalogue of PAINS tries 480 patterns on every molecule, which takes three times as long as all other
columns together.  Here a fingerprint of substructures rules out nine patterns in ten first, as in a database
search; what is found is the same.

References:
    Lipinski et al., "Experimental and computational approaches ...", Adv. Drug Deliv. Rev. 1997.
    Bickerton et al., "Quantifying the chemical beauty of drugs", Nature Chemistry 2012 (QED).
    Baell and Holloway, "New Substructure Filters for Removal of Pan Assay Interference Compounds (PAINS) ...",
    J. Med. Chem. 2010; as SMARTS: Saubern, Guha and Baell, Mol. Inform. 2011.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["PROPERTIES", "pains", "properties"]

PROPERTIES = ("weight", "logp", "donors", "acceptors", "tpsa", "rotatable", "qed", "lipinski", "pains")


def properties(mol: Mol) -> dict[str, float | int | str]:
    """Return the columns of a screening table, in the order of ``PROPERTIES``.

    ``weight`` in g/mol; ``logp`` after Wildman and Crippen; ``donors`` (hydrogens on N and O) and ``acceptors``
    (N and O atoms) as Lipinski counts them; ``tpsa`` in square ångström; ``rotatable`` bonds; ``qed`` from 0 to 1;
    ``lipinski``: how many of the four limits are broken (500 g/mol, logP 5, 5 donors, 10 acceptors); ``pains``:
    the name of an alert, or "".

    Args:
        mol: without explicit hydrogens, as ``MolFromSmiles`` gives it.
    """
    from rdkit.Chem import rdMolDescriptors as descriptors

    # Descriptors.MolWt by the name it has below; RDKit's type stubs do not know the other.
    weight, logp = descriptors._CalcMolWt(mol), descriptors.CalcCrippenDescriptors(mol)[0]
    donors, acceptors = descriptors.CalcNumLipinskiHBD(mol), descriptors.CalcNumLipinskiHBA(mol)
    tpsa, rotatable = descriptors.CalcTPSA(mol), descriptors.CalcNumRotatableBonds(mol)
    bits = _substructure_bits(mol)
    return {
        "weight": weight,
        "logp": logp,
        "donors": donors,
        "acceptors": acceptors,
        "tpsa": tpsa,
        "rotatable": rotatable,
        "qed": _drug_likeness(mol, bits, weight, logp, tpsa, rotatable),
        "lipinski": (weight > 500) + (logp > 5) + (donors > 5) + (acceptors > 10),
        "pains": _pains(mol, bits),
    }


def pains(mol: Mol) -> str:
    """Return the name of the pan-assay interference alert that a molecule raises, or "".

    Of several it is the one that most molecules of Baell and Holloway's collection raised; the name ends in that
    number, as in ``quinone_A(370)``.
    """
    return _pains(mol, _substructure_bits(mol))


def _pains(mol: Mol, bits: np.ndarray) -> str:
    names, patterns = _pains_alerts()
    return next((names[number] for number in patterns.found_in(mol, bits)), "")


def _drug_likeness(
    mol: Mol, bits: np.ndarray, weight: float, logp: float, tpsa: float, rotatable: int
) -> float:
    """Return ``QED.qed(mol)``, sooner: four of its eight terms are known, most alerts ruled out by the bits."""
    from rdkit import Chem
    from rdkit.Chem import QED

    rings = Chem.DeleteSubstructs(Chem.Mol(mol), QED.AliphaticRings)
    terms = QED.QEDproperties(
        MW=weight,
        ALOGP=logp,
        HBA=sum(len(mol.GetSubstructMatches(pattern)) for pattern in QED.Acceptors),
        HBD=Chem.rdMolDescriptors.CalcNumHBD(mol),
        PSA=tpsa,
        ROTB=rotatable,
        AROM=len(Chem.GetSSSR(rings)),
        ALERTS=sum(1 for _ in _qed_alerts().found_in(mol, bits)),
    )
    return QED.qed(mol, qedProperties=terms)


@dataclass(frozen=True)
class _Patterns:
    """Substructures to look for.

    Args:
        queries: n of them.
        bits: ``(n, 32)`` uint64, what a molecule must have in its fingerprint to hold them.
    """

    queries: list[Mol]
    bits: np.ndarray

    @classmethod
    def of(cls, queries: list[Mol]) -> _Patterns:
        return cls(queries, np.stack([_substructure_bits(query) for query in queries]))

    def found_in(self, mol: Mol, bits: np.ndarray) -> Iterator[int]:
        """Yield the numbers of the patterns that a molecule of these bits holds, in order."""
        possible = np.flatnonzero(~(self.bits & ~bits).any(axis=1))
        return (number for number in possible.tolist() if mol.HasSubstructMatch(self.queries[number]))


@cache
def _pains_alerts() -> tuple[list[str], _Patterns]:
    """Return the names and patterns of the 480 PAINS alerts, those raised most often first."""
    from rdkit import Chem, RDConfig

    with (Path(RDConfig.RDDataDir) / "Pains" / "wehi_pains.csv").open(newline="", encoding="utf-8") as file:
        rows = [(name.removeprefix("<regId=").removesuffix(">"), smarts) for smarts, name in csv.reader(file)]
    rows.sort(key=lambda row: -int(re.findall(r"\((\d+)\)$", row[0])[0]))
    # The patterns write hydrogens as atoms; merged, they become conditions on the atoms that carry them.
    queries = [Chem.MolFromSmarts(smarts, mergeHs=True) for _, smarts in rows]
    return [name for name, _ in rows], _Patterns.of(queries)


@cache
def _qed_alerts() -> _Patterns:
    from rdkit.Chem import QED

    return _Patterns.of(QED.StructuralAlerts)


def _substructure_bits(mol: Mol) -> np.ndarray:
    """Return ``(32,)`` uint64: a molecule that holds a pattern has every bit of that pattern."""
    from rdkit.Chem import PatternFingerprint
    from rdkit.DataStructs import BitVectToBinaryText

    return np.frombuffer(BitVectToBinaryText(PatternFingerprint(mol)), np.uint64)
