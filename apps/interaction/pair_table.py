"""Tables with a pair of molecule and protein a row: which rows can be used, and what of repeated ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from apps.interaction.affinity import number_of
from apps.interaction.molecules import parse_molecule
from apps.interaction.proteins import looks_like_name, parse_sequence, read_fasta
from apps.interaction.table import cell_of, columns_of, csv_rows, read_entries
from common.errors import InputError

__all__ = ["Rows", "distinct", "read_rows"]

_PROTEINS = ("proteins.csv", "proteins.fasta", "proteins.fa")


@dataclass
class Rows:
    """The usable rows of tables; equal SMILES and equal sequences share an entry.

    Args:
        files: that they come from.
        measured: name of the column of values.
        said: which columns were taken, a few words.
        drugs, proteins: number of each SMILES and of each sequence.
        drug_names, protein_names: of each, "" where the tables give none.
        drug, protein, value, file, row: of each usable row; ``row`` is its line in the file.
        faults: of the rows that cannot be used, each with its place.
    """

    files: Sequence[Path]
    measured: str = ""
    said: str = ""
    drugs: dict[str, int] = field(default_factory=dict)
    drug_names: list[str] = field(default_factory=list)
    proteins: dict[str, int] = field(default_factory=dict)
    protein_names: list[str] = field(default_factory=list)
    drug: list[int] = field(default_factory=list)
    protein: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    file: list[int] = field(default_factory=list)
    row: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def place(self, number: int) -> str:
        """Return how a person finds the row with this number, counted from 0."""
        return self.place_of(self.file[number], self.row[number])

    def place_of(self, file: int, row: int) -> str:
        """Return how a person finds a line of a file."""
        return f"{self.files[file].name} row {row}" if len(self.files) > 1 else f"row {row}"


def read_rows(files: Sequence[Path], asked: Mapping[str, str], strict: bool) -> Rows:
    """Read tables.

    A column of protein names takes the place of the sequences where a ``proteins.csv``, ``proteins.fasta`` or
    ``proteins.fa`` beside the table has them.

    Args:
        files: tables with a header each.
        asked: columns by their role; the others are guessed.
        strict: raise at the first row that cannot be used.

    Raises:
        InputError: no such file or column, none to be guessed; with ``strict`` a row that cannot be used.
        UsageError: an unknown role, one column for two.
    """
    rows = Rows(files)
    for number, path in enumerate(files):
        lines = csv_rows(path)
        _, header = next(lines)
        named = any(path.with_name(name).exists() for name in _PROTEINS)
        columns = columns_of(header, asked, str(path), by_name=named)
        reader = _RowReader(rows, path)
        if not number:
            rows.measured = header[columns["value"]].strip()
            rows.said = ", ".join(f"{role} in {header[column].strip()!r}" for role, column in columns.items())
        for row, cells in lines:
            cell = {role: cell_of(cells, column) for role, column in columns.items()}
            try:
                reader.add(cell, number, row)
            except InputError as error:
                fault = f"{rows.place_of(number, row)}: {error.message}"
                if strict:
                    raise InputError(f"{path}: {fault}", error.hint) from error
                rows.faults.append(fault)
    return rows


class _RowReader:
    """Adds rows, and checks each molecule and each protein once."""

    def __init__(self, rows: Rows, path: Path) -> None:
        self._rows, self._path = rows, path
        self._sequences: dict[str, str] = {}
        self._known: dict[str, str] | None = None

    def add(self, cell: Mapping[str, str], file: int, row: int) -> None:
        """Add a row, or raise `InputError` and leave all as it was."""
        rows = self._rows
        value = number_of(cell["value"])
        if cell["smiles"] not in rows.drugs:
            parse_molecule(cell["smiles"])
        name = cell.get("protein", "")
        letters = self._sequence(cell["sequence"], name) if "sequence" in cell else self._named(name)
        if cell["smiles"] not in rows.drugs:
            rows.drugs[cell["smiles"]] = len(rows.drugs)
            rows.drug_names.append(cell.get("molecule", ""))
        if letters not in rows.proteins:
            rows.proteins[letters] = len(rows.proteins)
            rows.protein_names.append(name or (cell["sequence"] if looks_like_name(cell["sequence"]) else ""))
        rows.drug.append(rows.drugs[cell["smiles"]])
        rows.protein.append(rows.proteins[letters])
        rows.value.append(value)
        rows.file.append(file)
        rows.row.append(row)

    def _sequence(self, text: str, name: str) -> str:
        if text not in self._sequences:
            by_name = looks_like_name(text)
            self._sequences[text] = self._named(text) if by_name else parse_sequence(text, name=name)
        return self._sequences[text]

    def _named(self, name: str) -> str:
        """Return the sequence of a protein that the table only names."""
        if self._known is None:
            self._known = _proteins_beside(self._path)
        if name not in self._known:
            raise InputError(
                f"no sequence of protein {name!r}", f"put it into {_PROTEINS[0]} beside the table"
            )
        return self._known[name]


def _proteins_beside(path: Path) -> dict[str, str]:
    """Return the sequences of the file of proteins in the same folder by name; none where there is no such file."""
    for file in map(path.with_name, _PROTEINS):
        if file.exists() and file.suffix == ".csv":
            entries = read_entries(file, "sequence", {})
            return {
                name: parse_sequence(text, name=f"{name} in {file.name}") for _, name, text in entries if name
            }
        if file.exists():
            return {protein.name: protein.sequence for protein in read_fasta(file)}
    return {}


def distinct(
    rows: Rows, chosen: np.ndarray, values: np.ndarray, *, yes_no: bool
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Keep one row of each pair: its first, with the median of the values that differ.

    Args:
        rows: all of them.
        chosen: ``(m,)`` numbers of the rows to look at.
        values: ``(n,)`` of all rows.
        yes_no: whether values that differ are an error.

    Returns:
        Numbers of the kept rows in order, their values, and what was merged in words.

    Raises:
        InputError: a pair that both binds and does not.
    """
    key = (
        np.array(rows.drug, np.int64)[chosen] * len(rows.proteins) + np.array(rows.protein, np.int64)[chosen]
    )
    _, first, group, counts = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    merged = values[chosen[first]]
    members = np.split(chosen[np.argsort(group, kind="stable")], np.cumsum(counts)[:-1])
    copies = conflicts = 0
    for number in np.flatnonzero(counts > 1):
        several = values[members[number]]
        different, places = np.unique(several, return_index=True)
        copies += len(several) - len(different)
        if len(different) > 1:
            if yes_no:
                one, other = sorted(members[number][places[:2]])
                raise InputError(
                    f"{rows.place(one)} and {rows.place(other)} say both yes and no of one pair",
                    "keep the right one",
                )
            conflicts += 1
            merged[number] = np.median(different)
    order = np.argsort(first)
    remarks = [f"{copies:,} repeated row{'s' * (copies > 1)} dropped"] if copies else []
    if conflicts:
        remarks.append(f"{conflicts:,} pair{'s' * (conflicts > 1)} with several values: their median")
    return chosen[first[order]], merged[order], remarks
