"""Tables of a person's: rows streamed from a file, and which column is what."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from common.data.encoding import stream_lines
from common.errors import InputError, UsageError, nearest

__all__ = ["ROLES", "SMILES_NAMES", "cell_of", "columns_of", "csv_rows", "read_entries"]

ROLES = ("smiles", "sequence", "value", "molecule", "protein")
# Usual names of columns, lower case, "_" for what separates words; the most telling ones first.
SMILES_NAMES = (
    *("smiles", "isomeric_smiles", "smiles_isomeric", "canonical_smiles", "smiles_canonical"),
    *("compound_iso_smiles", "ligand_smiles", "structure", "drug", "compound", "molecule", "ligand"),
)
_SEQUENCE_NAMES = (
    *("sequence", "target_sequence", "protein_sequence", "aa_sequence", "seq", "fasta"),
    *("protein", "target"),
)
_VALUE_NAMES = (
    *("y", "label", "value", "affinity", "binding_affinity", "pkd", "pki", "pic50", "pec50"),
    *("kd", "ki", "ic50", "ec50", "kiba", "kiba_score", "score", "interaction", "binds", "activity"),
)
_MOLECULE_NAMES = (
    *("drug_id", "drug_name", "compound_id", "compound_name", "molecule_id", "molecule_name", "ligand_id"),
    *("molecule_chembl_id", "chembl_id", "zinc_id", "cid", "drug", "compound", "molecule", "ligand"),
)
_PROTEIN_NAMES = (
    *("protein_id", "protein_name", "target_id", "target_name", "uniprot_id", "uniprot", "accession"),
    *("gene", "gene_name", "kinase", "protein", "target"),
)
_PLAIN_NAMES = ("name", "id", "title")  # of what, only a table of one kind of thing can tell
_NAMES = {
    "smiles": SMILES_NAMES,
    "sequence": _SEQUENCE_NAMES,
    "value": _VALUE_NAMES,
    "molecule": _MOLECULE_NAMES,
    "protein": _PROTEIN_NAMES,
}
_WORD = {"smiles": "smiles", "sequence": "sequence"}  # a column with this in its name will do
_NEEDED = {"smiles": "SMILES", "sequence": "sequences", "value": "values"}
_UNIT = re.compile(r"_*[(\[]?(?<![a-z])[pnumµμ]?m[)\]]?$")  # behind a name, as in kd_(nm)
_SEPARATORS = ",\t;|"


def csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Stream the rows of a table, the header included, each with the line of the file on which it ends.

    The separator is the comma, tab, semicolon or bar that the first row has most of.  Empty lines are left out.

    Raises:
        InputError: with the first row or the one at fault: no such file, no text, a cell without an end.
    """
    lines = stream_lines(path)
    blank = 0
    for first in lines:
        if first.strip():
            break
        blank += 1
    else:
        raise InputError(f"{path}: empty", "a header and one row a line")
    rows = csv.reader(
        (line + "\n" for line in chain([first], lines)), delimiter=max(_SEPARATORS, key=first.count)
    )
    try:
        for cells in rows:
            if any(map(str.strip, cells)):
                yield rows.line_num + blank, cells
    except csv.Error as error:
        raise InputError(
            f"{path}: row {rows.line_num + blank}: {error}", "is a quote never closed?"
        ) from error


def cell_of(cells: Sequence[str], column: int | None) -> str:
    """Return a cell without white space around it, "" where the row or the table ends before it."""
    return cells[column].strip() if column is not None and column < len(cells) else ""


def columns_of(
    header: Sequence[str],
    asked: Mapping[str, str],
    where: str,
    *,
    roles: Sequence[str] = ROLES,
    by_name: bool = False,
) -> dict[str, int]:
    """Return the number of the column of each role: as asked for, or guessed by the usual names in any case.

    Args:
        header: names of the columns; a unit behind a name, as in ``Kd (nM)``, does not hide it.
        asked: names or numbers (from 1) by role.
        where: the table is, for messages.
        roles: that the table may have.  Names of molecules and proteins may be missing.
        by_name: whether a column of proteins' names serves as well as their sequences.

    Raises:
        InputError: no such column, or none for a role that is needed.
        UsageError: an unknown role, one column for two.
    """
    listed = f"columns: {', '.join(cell.strip()[:40] for cell in header[:20])}"
    if unknown := sorted(set(asked) - set(ROLES)):
        raise UsageError(f"no role {unknown[0]!r} of a column{nearest(unknown[0], ROLES)}", ", ".join(ROLES))
    found = {role: _asked(header, asked[role], where, listed) for role in roles if role in asked}
    if len(set(found.values())) < len(found):
        raise UsageError(f"one column for two of {', '.join(found)}", listed)
    names = [_UNIT.sub("", re.sub(r"[\s\-]+", "_", cell.strip().lower())) for cell in header]
    several = "molecule" in roles and "protein" in roles
    for role in roles:
        if role not in found:
            free = ["" if number in found.values() else name for number, name in enumerate(names)]
            plain = _PLAIN_NAMES if role in ("molecule", "protein") and not several else ()
            column = _find(free, [*_NAMES[role], *plain], _WORD.get(role, ""))
            if column is not None:
                found[role] = column
    for role, what in _NEEDED.items():
        named = by_name and role == "sequence" and "protein" in found
        if role in roles and role not in found and not named:
            raise InputError(f"{where}: no column of {what}", listed)
    return found


def _asked(header: Sequence[str], wanted: str, where: str, listed: str) -> int:
    column = _find([cell.strip().lower() for cell in header], [wanted.strip().lower()])
    if column is not None:
        return column
    if wanted.strip().isdecimal() and 1 <= int(wanted) <= len(header):
        return int(wanted) - 1
    raise InputError(f"{where}: no column {wanted!r}{nearest(wanted, header)}", listed)


def _find(header: Sequence[str], names: Sequence[str], word: str = "") -> int | None:
    """Return the number of the column with the first of these names, else of one with ``word`` in its name."""
    exact = (header.index(name) for name in names if name in header)
    part = (number for number, name in enumerate(header) if word and word in name)
    return next(chain(exact, part), None)


def read_entries(path: Path, role: str, asked: Mapping[str, str]) -> list[tuple[int, str, str]]:
    """Return row, name and content of a table of molecules (``smiles``) or of proteins (``sequence``).

    Args:
        path: of the table.
        role: of its content.
        asked: columns by their role.
    """
    rows = csv_rows(path)
    _, header = next(rows)
    name_role = "molecule" if role == "smiles" else "protein"
    columns = columns_of(header, asked, str(path), roles=(role, name_role))
    return [
        (row, cell_of(cells, columns.get(name_role)), cell_of(cells, columns[role])) for row, cells in rows
    ]
