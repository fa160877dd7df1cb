"""Molecules from SMILES, one by one or as a library streamed from a file.

RDKit decides what a molecule is.  It is imported when the first molecule is read, and what it would print is
put into the error instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from apps.interaction.smiles_faults import foreign, unreadable
from apps.interaction.table import SMILES_NAMES, cell_of, columns_of, csv_rows
from common.data.encoding import stream_lines
from common.errors import InputError

if TYPE_CHECKING:
    from rdkit import Chem

__all__ = [
    "MoleculeRecord",
    "canonical",
    "parse_molecule",
    "read_library",
    "scaffold",
    "skeleton",
]

_PACKED = (".gz", ".xz", ".bz2")
_LARGEST = 1_000  # atoms; far above any drug, and far below where RDKit takes minutes over a ring system


def parse_molecule(smiles: str, *, strip_salts: bool = False) -> Chem.Mol:
    """Return the molecule that a SMILES string describes, sanitised, with its stereo marks.

    Args:
        smiles: with or without white space around it.
        strip_salts: keep the largest organic fragment only.

    Raises:
        InputError: no molecule; one line that names the atom, bracket or character at fault.
    """
    from rdkit import Chem, rdBase

    text = smiles.strip()
    if not text:
        raise InputError("not a molecule: empty SMILES", "write one such as CCO")
    fault = foreign(text)
    molecule = None
    if not fault:
        with rdBase.BlockLogs():
            molecule = Chem.MolFromSmiles(text)
        fault = unreadable(text) if molecule is None else _unlike_a_drug(molecule)
    if molecule is None or fault:
        shown = text if len(text) <= 80 else text[:77] + "..."
        raise InputError(f"not a molecule: {shown!r}: {fault}", "check the SMILES")
    return _largest_organic(molecule) if strip_salts and "." in text else molecule


def _unlike_a_drug(molecule: Chem.Mol) -> str:
    """Return why something that RDKit reads is no molecule with atoms to look at, or ""."""
    if not 0 < molecule.GetNumAtoms() <= _LARGEST:
        return f"{molecule.GetNumAtoms():,} atoms; from 1 to {_LARGEST:,} are read"
    open_ended = (atom.GetIdx() for atom in molecule.GetAtoms() if not atom.GetAtomicNum())
    return next((f"atom {number} (*) is no element" for number in open_ended), "")


def canonical(molecule: Chem.Mol) -> str:
    """Return RDKit's canonical SMILES, stereo and isotopes included."""
    from rdkit import Chem

    return Chem.MolToSmiles(molecule)


def skeleton(molecule: Chem.Mol) -> str:
    """Return the canonical SMILES without stereo marks and isotopes: one for all stereo-isomers."""
    from rdkit import Chem

    return Chem.MolToSmiles(molecule, isomericSmiles=False)


def scaffold(molecule: Chem.Mol) -> str:
    """Return the SMILES of rings and the chains between them, "" for a molecule without rings.

    Reference:
        Bemis and Murcko, "The properties of known drugs. 1. Molecular frameworks", J. Med. Chem. 39, 1996.
    """
    from rdkit.Chem.Scaffolds import MurckoScaffold

    if not molecule.GetRingInfo().NumRings():
        return ""
    return MurckoScaffold.MurckoScaffoldSmiles(mol=molecule, includeChirality=False)


def _largest_organic(molecule: Chem.Mol) -> Chem.Mol:
    from rdkit import rdBase
    from rdkit.Chem.MolStandardize import rdMolStandardize

    with rdBase.BlockLogs():
        return rdMolStandardize.LargestFragmentChooser(preferOrganic=True).choose(molecule)


@dataclass(frozen=True)
class MoleculeRecord:
    """A molecule as a library has it.

    Args:
        row: where it stands: the line of the file, or the number of the SDF record, from 1.
        name: "" where the library gives none.
        smiles: not yet checked; "" where the library holds none that could be read.
    """

    row: int
    name: str
    smiles: str


def read_library(path: str | Path) -> Iterator[MoleculeRecord]:
    """Stream the molecules of a ``.smi``, ``.csv``, ``.tsv`` or ``.sdf`` file, also as ``.gz``, ``.xz``, ``.bz2``.

    One record is in memory at a time.  A line of a ``.smi`` file is a SMILES and, behind a space or tab, a name;
    a first line that begins with "smiles" is a header.  Empty lines are no records, but count as rows.

    Raises:
        InputError: no such file, an unknown ending, no column of SMILES; while reading: a damaged file; at the
            end: no molecule in it.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: a folder", "name a file of molecules")
    if not path.exists():
        raise InputError(f"{path}: no such file", "check the path")
    ending = next(e for e in reversed(["", *path.suffixes]) if e.lower() not in _PACKED).lower()
    if ending not in _LIBRARIES:
        endings = ", ".join(_LIBRARIES)
        raise InputError(
            f"{path}: unknown kind of library {ending!r}", f"one of {endings}, also packed as .gz or .xz"
        )
    return _not_empty(_LIBRARIES[ending](path), path)


def _not_empty(records: Iterator[MoleculeRecord], path: Path) -> Iterator[MoleculeRecord]:
    empty = True
    for record in records:
        empty = False
        yield record
    if empty:
        raise InputError(f"{path}: no molecule in it", "one SMILES a line")


def _smi_records(path: Path) -> Iterator[MoleculeRecord]:
    first = True
    for row, line in enumerate(stream_lines(path), 1):
        smiles, *name = line.split(None, 1)[:2] or [""]
        if smiles and not (first and smiles.lower() in SMILES_NAMES):
            yield MoleculeRecord(row, name[0].strip() if name else "", smiles)
        first = first and not smiles


def _csv_records(path: Path) -> Iterator[MoleculeRecord]:
    rows = csv_rows(path)
    _, header = next(rows)
    columns = columns_of(header, {}, str(path), roles=("smiles", "molecule"))
    for row, cells in rows:
        smiles, name = (cell_of(cells, columns.get(role)) for role in ("smiles", "molecule"))
        yield MoleculeRecord(row, name, smiles)


def _sdf_records(path: Path) -> Iterator[MoleculeRecord]:
    """Yield the records between lines of ``$$$$``.

    RDKit's own reader of streams loses the sound record behind one that is cut short, and the name of a broken one.
    """
    from rdkit import Chem, rdBase

    lines: list[str] = []
    row = 0
    for line in chain(stream_lines(path), ["$$$$"]):
        if not line.startswith("$$$$"):
            lines.append(line)
            continue
        if any(map(str.strip, lines)):
            row += 1
            with rdBase.BlockLogs():
                molecule = Chem.MolFromMolBlock("\n".join(lines))
            yield MoleculeRecord(row, lines[0].strip(), canonical(molecule) if molecule else "")
        lines.clear()


_LIBRARIES: dict[str, Callable[[Path], Iterator[MoleculeRecord]]] = {
    ".smi": _smi_records,
    ".smiles": _smi_records,
    ".csv": _csv_records,
    ".tsv": _csv_records,
    ".sdf": _sdf_records,
    ".sd": _sdf_records,
}
