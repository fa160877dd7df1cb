"""Examples of text from a person's file: CSV, TSV, JSON lines, ``label text`` lines, folders, plain lines.

What a file does not say is guessed from its content, and the guess is put into words: `TextTable.note`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from common.data.columns import Cell, Grid, Roles, choose, is_number
from common.data.encoding import read_text, stream_lines
from common.data.layouts import parse, read_folder
from common.errors import InputError

__all__ = ["TABLES", "Kind", "TextTable", "read_table", "stream_lines"]

TABLES = (".csv", ".tsv", ".tab", ".json", ".jsonl", ".ndjson")  # suffixes of files with columns

Kind = Literal["one of K", "independent yes/no", "real values", "none"]
Labels = list[str] | list[list[str]] | list[float] | None

_YES = ("1", "1.0", "true", "yes")
_NO = ("0", "0.0", "false", "no", "")


@dataclass(frozen=True)
class TextTable:
    """Texts and what is known of each.

    Args:
        texts: as they stand in the file; a row with a label may have an empty one.
        labels: of each text, by ``kind``: a name, a list of names, or a number; None where there are none.
        splits: of each text, ``"train"``, ``"test"`` and the like as the file writes them, or None.
        kind: of the labels.
        note: one line that says what was read and what was guessed.
    """

    texts: list[str]
    labels: Labels
    splits: list[str] | None
    kind: Kind
    note: str

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Iterable[int]) -> TextTable:
        """Return the examples with these numbers, counted from 0."""
        rows = list(rows)

        def pick(values: Any) -> Any:
            return None if values is None else [values[row] for row in rows]

        return replace(self, texts=pick(self.texts), labels=pick(self.labels), splits=pick(self.splits))


def read_table(
    path: str | Path,
    *,
    text: str = "",
    label: str | None = "",
    several: str = "",
    limit: int = 0,
    encoding: str = "",
) -> TextTable:
    """Read labelled or unlabelled texts.

    The suffix says what a file is (``.csv``, ``.tsv``, ``.tab``, ``.json``, ``.jsonl``, ``.ndjson``, each also
    with ``.gz``, ``.xz``, ``.bz2``); under any other name its content does.  A folder holds ``CLASS/*.txt`` or
    ``SPLIT/CLASS/*.txt``.

    Args:
        path: a file or a folder.
        text: name or number (from 1) of the text column, or "" to guess it.
        label: name or number of the label column, or "" to guess it; ``"toxic,obscene"`` for columns that
            each hold yes or no; None to read the texts alone, those without a label too.
        several: what stands between the labels of one text, such as ``"|"``; "" if a text has one label.
        limit: the first so many rows only, or 0 for all.
        encoding: of the text, or "" to detect it.

    Returns:
        The table.  Empty lines, and rows without a label where others have one, are left out and counted in
        its note.

    Raises:
        InputError: no such file, no text, no such column, a row that does not fit; one line that names it.
        UsageError: one column for text and label, an encoding that does not exist.
    """
    path = Path(path)
    if path.is_dir():
        grid, remarks = read_folder(path, encoding)
    else:
        source = read_text(path, encoding)
        asked = [name.strip() for wanted in (text, label or "") for name in {wanted, *wanted.split(",")}]
        grid, (form, *remarks) = parse(source.text, path, [name for name in asked if name])
        remarks = [form, source.encoding, *source.remarks, *remarks]
    roles = choose(grid, str(path), text=text, label=label)
    texts = [cell if isinstance(cell, str) else " ".join(cell) for cell in grid.columns[roles.text]]
    if len(grid.columns) > 1:
        remarks.append(f"text in column {grid.describe(roles.text)}")
    splits = None
    if roles.split is not None:
        splits = [str(cell).strip() for cell in grid.columns[roles.split]]
        remarks.append(f"split in column {grid.describe(roles.split)}")
    labels, kind = _labels(grid, roles, several, str(path))
    table = TextTable(texts, labels, splits, kind, "")
    if kind in ("one of K", "real values"):
        known = [row for row, name in enumerate(grid.columns[roles.label[0]]) if str(name).strip()]
        if missing := len(table) - len(known):
            remarks.append(f"{missing:,} row{'s' * (missing > 1)} without a label left out")
            table = table.take(known)
    remarks.append(_said_of_labels(grid, roles, table))
    if 0 < limit < len(table):
        remarks.append(f"the first of {len(table):,}")
        table = table.take(range(limit))
    if empty := sum(not text.strip() for text in table.texts):
        remarks.append(f"{empty:,} with an empty text")
    return replace(table, note=", ".join([f"{len(table):,} row{'s' * (len(table) != 1)}", *remarks]))


def _labels(grid: Grid, roles: Roles, several: str, where: str) -> tuple[Labels, Kind]:
    """Return the labels and their kind; "" or nan where a row has none."""
    if not any(
        cell.strip() if isinstance(cell, str) else True for c in roles.label for cell in grid.columns[c]
    ):
        return None, "none"
    if len(roles.label) > 1:
        return _yes_or_no(grid, roles, where), "independent yes/no"
    cells = grid.columns[roles.label[0]]
    if several or any(isinstance(cell, list) for cell in cells):
        return [_parts(cell, several) for cell in cells], "independent yes/no"
    names = [str(cell).strip() for cell in cells]
    if _measured([name for name in names if name]):
        return [float(name or "nan") for name in names], "real values"
    return names, "one of K"


def _yes_or_no(grid: Grid, roles: Roles, where: str) -> list[list[str]]:
    """Return for each row the names of those columns that hold a yes."""
    labels: list[list[str]] = [[] for _ in grid.columns[0]]
    for column in roles.label:
        name = grid.names[column] if grid.names else str(column + 1)
        for row, cell in enumerate(grid.columns[column]):
            answer = str(cell).strip().lower()
            if answer in _YES:
                labels[row].append(name)
            elif answer not in _NO:
                raise InputError(
                    f"{where}: {str(cell)[:40]!r} in column {name!r} is no yes or no",
                    "1 or 0, true or false, yes or no",
                )
    return labels


def _parts(cell: Cell, several: str) -> list[str]:
    parts = cell if isinstance(cell, list) else cell.split(several) if several else [cell]
    return [part.strip() for part in parts if part.strip()]


def _measured(names: Sequence[str]) -> bool:
    """Tell whether the labels are measurements: numbers with fractions, many of them."""
    if not all(map(is_number, names)):
        return False
    fractions = {float(name) for name in names if not float(name).is_integer()}
    return len(fractions) >= 10 or (len(fractions) >= 3 and 2 * len(set(names)) > len(names))


def _said_of_labels(grid: Grid, roles: Roles, table: TextTable) -> str:
    if table.labels is None:
        return "no labels"
    where = f"column{'s' * (len(roles.label) > 1)} " + ", ".join(map(grid.describe, roles.label))
    if table.kind == "real values":
        return f"real values in {where}"
    names = {
        name for label in table.labels for name in ([label] if isinstance(label, str) else cast(list, label))
    }
    several = "several" if table.kind == "independent yes/no" else "one"
    return f"label in {where} ({several} of {len(names)})"
