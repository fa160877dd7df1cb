"""Pairs of molecule and protein with what was measured of them: grids, tables and published splits.

A *grid* is DeepDTA's layout: ``drugs.csv``, ``proteins.csv`` and the matrix ``Y`` of ``affinity.npz``, NaN where
nothing was measured, with ``folds.json`` that counts the known cells row by row.  A *table* has a pair a row.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from apps.interaction.affinity import STRONGEST, Scale, on_scale
from apps.interaction.metrics import Kind
from apps.interaction.molecules import parse_molecule
from apps.interaction.pair_table import Rows, distinct, read_rows
from apps.interaction.proteins import Protein, parse_sequence
from apps.interaction.table import read_entries
from common.errors import InputError

__all__ = ["Pairs", "is_grid", "located", "published_folds", "published_split", "read_pairs"]

_PARTS = {"train": ("train", "training"), "val": ("val", "valid", "validation", "dev"), "test": ("test",)}
_ENDINGS = [f"{table}{packed}" for table in (".csv", ".tsv") for packed in ("", ".gz", ".xz", ".bz2")]
_LAYOUTS = "a folder with affinity.npz, drugs.csv and proteins.csv, or with train, val and test as .csv"
_NOWHERE = "check the path; a bare name such as davis is looked for in $CNNAPPS_DATA_DIR"


@dataclass(frozen=True)
class Pairs:
    """What is known of pairs of molecule and protein.

    Args:
        drugs: SMILES of d molecules.
        drug_names: of each, "" where the source gives none.
        proteins: p of them.
        drug, protein: ``(n,)`` int32: which molecule and which protein a pair is of.
        value: ``(n,)`` float32: what was measured, large for strong binding; or 1 and 0 for binding or not.
        unit: ``"pKd"``, ``"KIBA score"``, ``"binds"``, ...
        kind: real values, or independent yes/no.
        note: what was read, guessed, merged and left out, one line.
    """

    drugs: tuple[str, ...]
    drug_names: tuple[str, ...]
    proteins: tuple[Protein, ...]
    drug: np.ndarray
    protein: np.ndarray
    value: np.ndarray
    unit: str
    kind: Kind
    note: str

    def __len__(self) -> int:
        return len(self.value)

    def take(self, indices: np.ndarray) -> Pairs:
        """Return the pairs at ``indices``; the tables of molecules and proteins stay whole."""
        return replace(
            self, drug=self.drug[indices], protein=self.protein[indices], value=self.value[indices]
        )

    def followed_by(self, *others: Pairs) -> Pairs:
        """Return these pairs and then those of others, which share the tables of molecules and proteins."""
        every = (self, *others)
        return replace(
            self,
            drug=np.concatenate([pairs.drug for pairs in every]),
            protein=np.concatenate([pairs.protein for pairs in every]),
            value=np.concatenate([pairs.value for pairs in every]),
        )


def located(source: str) -> str:
    """Return where pairs lie: the path as typed, or the folder of that name in ``$CNNAPPS_DATA_DIR``.

    A path that is nowhere comes back as it was typed, for ``read_pairs`` to refuse.
    """
    above = Path(os.environ.get("CNNAPPS_DATA_DIR", "."))
    candidates = (Path(source), above / source, above / "interaction" / source)
    return next((str(path) for path in candidates if source and path.exists()), source)


def read_pairs(
    source: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    units: str = "",
    strict: bool = False,
) -> Pairs:
    """Read measured pairs.

    In a table, equal SMILES and equal sequences become one entry; of rows that repeat a pair and its value one
    stays, and where real values differ their median.  A grid keeps its own entries and the order of its cells.

    Args:
        source: a CSV or TSV file (also packed), a grid's folder, or a folder with tables of train, val and test.
        columns: names or numbers (from 1) of the columns ``smiles``, ``sequence``, ``value``, ``molecule`` and
            ``protein`` (the names of both); those left out are guessed.
        units: of the values, as in `apps.interaction.affinity.on_scale`.  A grid of positive values that
            reach beyond any p-scale is in nM, as DeepDTA's Davis is.
        strict: raise at the first row that cannot be used, instead of leaving it out and saying so in the note.

    Raises:
        InputError: no such file, layout or column, no column to be guessed, no usable row, units that must be told, a
            pair that both binds and does not; in a grid any molecule or protein that cannot be read.
        UsageError: unknown units, an unknown role of a column.
    """
    source = Path(source)
    if not source.exists():
        raise InputError(f"{source}: no such file or folder", _NOWHERE)
    if is_grid(source):
        return _read_grid(source, columns or {}, units)
    files = _part_files(source) if source.is_dir() else [source]
    rows = read_rows(files, columns or {}, strict)
    scale = _scaled(rows, str(source), units, strict)
    return _pairs_of(rows, scale, np.arange(len(rows.value)))


def published_folds(folder: str | Path) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the training folds and the test part of a grid: indices into what `read_pairs` reads from it.

    Raises:
        InputError: no ``folds.json``, or one that does not fit the grid.
    """
    path = Path(folder) / "folds.json"
    known = int((~np.isnan(_matrix(Path(folder)))).sum())
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        folds = [np.array(fold, np.int64) for fold in stored["train_folds"]]
        test = np.array(stored["test"], np.int64)
        used = np.concatenate([*folds, test])
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file", "choose another split") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: no DeepDTA folds ({error!r})", "train_folds: lists of numbers, test: one"
        ) from error
    if len(np.unique(used)) < len(used) or not ((used >= 0) & (used < known)).all():
        raise InputError(
            f"{path}: an index twice, or beyond the {known:,} known cells", "is it of this grid?"
        )
    return folds, test


def published_split(folder: str | Path) -> tuple[Pairs, Pairs, Pairs]:
    """Return the train, val and test pairs of a folder of three tables; they share molecules and proteins.

    Rows that repeat a pair within a part are merged, a pair that stands in two parts stays in both.

    Raises:
        InputError: a part is missing, and all that `read_pairs` raises.
    """
    rows = read_rows(_part_files(Path(folder)), {}, strict=False)
    scale = _scaled(rows, str(folder), "", strict=False)
    train, held, test = (
        _pairs_of(rows, scale, np.flatnonzero(np.array(rows.file) == part)) for part in range(3)
    )
    return train, held, test


def _part_files(folder: Path) -> list[Path]:
    """Return the tables of train, val and test of a folder."""
    found = []
    for part, names in _PARTS.items():
        candidates = (folder / f"{name}{ending}" for name in names for ending in _ENDINGS)
        file = next((candidate for candidate in candidates if candidate.exists()), None)
        if file is None:
            inner = [path for path in sorted(folder.glob("*")) if any(path.glob("train.*")) or is_grid(path)]
            hint = f"try {' or '.join(map(str, inner))}" if inner else _LAYOUTS
            raise InputError(f"{folder}: no pairs of molecule and protein, no table {part!r}", hint)
        found.append(file)
    return found


def is_grid(folder: Path) -> bool:
    """Tell whether a folder has DeepDTA's layout."""
    return (folder / "affinity.npz").exists()


def _scaled(rows: Rows, where: str, units: str, strict: bool) -> Scale:
    """Return the values on their scale; those that have no place on it join the faults."""
    if not rows.value:
        raise InputError(
            f"{where}: no usable row", "; ".join(rows.faults[:3]) or "a header and one pair a row"
        )
    scale = on_scale(np.array(rows.value), rows.measured, where, units)
    for number in np.flatnonzero(np.isnan(scale.values)).tolist():
        fault = f"{rows.place(number)}: {rows.value[number]:g} is no concentration"
        if strict:
            raise InputError(f"{where}: {fault}", "leave the row out")
        rows.faults.append(fault)
    if np.isnan(scale.values).all():
        raise InputError(f"{where}: no usable row", "; ".join(rows.faults[:3]))
    return scale


def _pairs_of(rows: Rows, scale: Scale, chosen: np.ndarray) -> Pairs:
    """Return the pairs of the rows with these numbers, repeated ones merged."""
    usable = chosen[~np.isnan(scale.values[chosen])]
    yes_no = scale.kind == "independent yes/no"
    kept, values, merged = distinct(rows, usable, scale.values, yes_no=yes_no)
    drug, protein = np.array(rows.drug, np.int32)[kept], np.array(rows.protein, np.int32)[kept]
    counts = (
        f"{len(kept):,} pairs of {len(np.unique(drug)):,} molecules and {len(np.unique(protein)):,} proteins"
    )
    if rows.faults:
        more = ", ..." * (len(rows.faults) > 3)
        merged.append(f"{len(rows.faults):,} skipped ({'; '.join(rows.faults[:3])}{more})")
    return Pairs(
        drugs=tuple(rows.drugs),
        drug_names=tuple(rows.drug_names),
        proteins=tuple(map(Protein, rows.protein_names, rows.proteins)),
        drug=drug,
        protein=protein,
        value=values.astype(np.float32),
        unit=scale.unit,
        kind=scale.kind,
        note=", ".join([counts, rows.said, scale.remark, *merged]),
    )


def _matrix(folder: Path) -> np.ndarray:
    """Return ``Y`` of a grid, float64, NaN where nothing was measured."""
    path = folder / "affinity.npz"
    try:
        with np.load(path) as stored:
            return stored["Y"].astype(np.float64)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file", _LAYOUTS) from error
    except (OSError, ValueError, TypeError, AttributeError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: no matrix Y ({error})", "molecules by proteins, NaN where unknown"
        ) from error


def _read_grid(folder: Path, columns: Mapping[str, str], units: str) -> Pairs:
    """Read a grid; its tables stay as they are, so that its folds fit."""
    matrix = _matrix(folder)
    drugs = read_entries(folder / "drugs.csv", "smiles", columns)
    proteins = read_entries(folder / "proteins.csv", "sequence", columns)
    if matrix.shape != (len(drugs), len(proteins)):
        size = f"{len(drugs)} molecules and {len(proteins)} proteins"
        raise InputError(f"{folder}: {size}, but Y is {' x '.join(map(str, matrix.shape))}", _LAYOUTS)
    sequences = []
    try:
        for row, _, smiles in drugs:
            place = f"drugs.csv row {row}"
            parse_molecule(smiles)
        for row, name, text in proteins:
            place = f"proteins.csv row {row}"
            sequences.append(Protein(name, parse_sequence(text, name=name)))
    except InputError as error:
        raise InputError(f"{folder}: {place}: {error.message}", error.hint) from error
    drug, protein = np.nonzero(~np.isnan(matrix))
    values = matrix[drug, protein]
    scale = _grid_scale(values, folder, units)
    counts = f"{len(values):,} pairs of {len(drugs):,} molecules and {len(proteins):,} proteins"
    twins = len(sequences) - len({protein.sequence for protein in sequences})
    shared = [f"{twins:,} protein{'s' * (twins > 1)} with the sequence of another"] if twins else []
    return Pairs(
        drugs=tuple(smiles for _, _, smiles in drugs),
        drug_names=tuple(name for _, name, _ in drugs),
        proteins=tuple(sequences),
        drug=drug.astype(np.int32),
        protein=protein.astype(np.int32),
        value=scale.values.astype(np.float32),
        unit=scale.unit,
        kind=scale.kind,
        note=", ".join([counts, scale.remark, *shared]),
    )


def _grid_scale(values: np.ndarray, folder: Path, units: str) -> Scale:
    if not len(values):
        raise InputError(f"{folder}: no known cell in Y", _LAYOUTS)
    in_nanomoles = not units and values.min() > 0 and values.max() > STRONGEST
    if in_nanomoles:
        units = "nM"
    # DeepDTA's concentrations are Kd; what other numbers are only the folder's name can tell.
    name = "Kd" if in_nanomoles else folder.resolve().name
    scale = on_scale(values, name, str(folder), units)
    if not np.isfinite(scale.values).all():
        raise InputError(
            f"{folder}: Y has infinite values or concentrations of 0 or less", "NaN where unknown"
        )
    return scale
