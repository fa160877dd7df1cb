"""Which column of a table holds the text and which the label: as asked for, or guessed and said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from statistics import fmean, median

from common.errors import InputError, UsageError, nearest

__all__ = ["SPLIT_NAMES", "Cell", "Grid", "Roles", "choose", "is_number", "named_by_first_row"]

Cell = str | list[str]

_TEXT_NAMES = (
    *("text", "sentence", "content", "contents", "review", "body", "message", "comment"),
    *("tweet", "document", "article", "abstract", "description", "summary", "utterance", "question"),
    *("query", "headline", "title", "sms", "post"),
)
_LABEL_NAMES = (
    *("label", "labels", "class", "classes", "category", "categories", "sentiment", "target"),
    *("polarity", "emotion", "intent", "topic", "tag", "tags", "y", "rating"),
    *("stars", "star", "score", "overall"),
)
_KEY_NAMES = ("id", "index", "idx", "fold", "date", "time", "timestamp", "url", "link", "user", "author")
SPLIT_NAMES = (
    *("train", "training", "test", "testing", "dev", "valid"),
    *("validation", "val", "eval", "unsup", "unsupervised", "holdout"),
)
_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*")
_BONUS = 3  # a column with a telling name is the text even beside one three times as long


@dataclass(frozen=True)
class Grid:
    """The cells of a file, column by column.

    Args:
        columns: the cells of each, all equally many; a list where the file itself holds a list of labels.
        names: of the columns, or () where the file has no header.
        text: the column that is the text by the kind of file, or None.
        label: the one that is the label by the kind of file, or None.
    """

    columns: list[list[Cell]]
    names: tuple[str, ...] = ()
    text: int | None = None
    label: int | None = None

    def describe(self, column: int) -> str:
        """Return how a person would call the column: its name in quotes, or its number from 1 on."""
        return repr(self.names[column][:40]) if self.names else str(column + 1)


@dataclass(frozen=True)
class Roles:
    """Numbers of the columns: of the text, of the label (several if each is a yes or no), of the split."""

    text: int
    label: tuple[int, ...]
    split: int | None


def is_number(cell: Cell) -> bool:
    """Tell whether the cell is a decimal number, such as ``-0.25`` or ``1e-3``."""
    return isinstance(cell, str) and _NUMBER.fullmatch(cell) is not None


def named_by_first_row(rows: Sequence[Sequence[str]], asked: Sequence[str]) -> bool:
    """Tell whether the first row of a table is a header.

    It is one if it holds a name that was asked for; or if all its cells could be names and either one is a
    usual name, or a column below holds numbers or a few values that recur and the first row is none of them.

    Args:
        rows: all rows, equally long.
        asked: names of columns that the caller wants.
    """
    first, rest = rows[0], rows[1:5001]
    if any(name in first for name in asked if not name.isdigit()):
        return True
    cells = [cell for cell in first if cell.strip()]
    if not cells or len(set(cells)) < len(cells) or not all(map(_could_be_a_name, cells)):
        return False
    columns = [[row[number] for row in rest] for number in range(len(first))]
    fresh = [(name, values) for name, values in zip(first, columns, strict=True) if name not in values]
    if any(" " not in name and _rank(name, _TEXT_NAMES + _LABEL_NAMES) < inf for name, _ in fresh):
        return True
    for name, values in fresh if rest else ():
        if name and all(map(is_number, values)):
            return True
        recur = 2 * len(set(values)) <= len(values) and len(set(values)) <= 100
        if name and recur:
            longest = max(range(len(columns)), key=lambda number: sum(map(len, columns[number])))
            return len(first[longest]) < median(map(len, columns[longest]))
    return False


def choose(grid: Grid, where: str, *, text: str = "", label: str | None = "") -> Roles:
    """Return the columns of text, label and split.

    Args:
        grid: the table.
        where: name of the file, for messages.
        text: name or number (from 1) of the text column, or "" to guess: the longest, most varied strings.
        label: name or number of the label column; several names between commas if each holds yes or no;
            "" to guess: a usual name, else the fewest values; None for no label.

    Raises:
        InputError: no such column.
        UsageError: one column for both.
    """
    chosen = _find(grid, where, text) if text else grid.text
    labels: tuple[int, ...] = ()
    if label:
        several = "," in label and label not in grid.names
        labels = tuple(_find(grid, where, name) for name in (label.split(",") if several else [label]))
    elif label is not None and grid.label is not None:
        labels = (grid.label,)
    if chosen in labels:
        raise UsageError(f"column {text or label!r} cannot be both text and label", _columns_of(grid))
    taken = {chosen, *labels}
    split = next((c for c in range(len(grid.columns)) if c not in taken and _is_split(grid, c)), None)
    taken.add(split)
    if chosen is None:
        chosen = _guess_text(grid, where, taken)
    if label == "" and not labels:
        labels = _guess_label(grid, taken | {chosen})
    return Roles(chosen, labels, split)


def _find(grid: Grid, where: str, wanted: str) -> int:
    """Return the number of the column with this name, in any case, or this number counted from 1."""
    wanted = wanted.strip()
    if wanted in grid.names:
        return grid.names.index(wanted)
    lower = [name.strip().lower() for name in grid.names]
    if wanted.lower() in lower:
        return lower.index(wanted.lower())
    if wanted.isdecimal() and 1 <= int(wanted) <= len(grid.columns):
        return int(wanted) - 1
    raise InputError(f"{where}: no column {wanted!r}{nearest(wanted, grid.names)}", _columns_of(grid))


def _columns_of(grid: Grid) -> str:
    count = len(grid.columns)
    if grid.names:
        names = [" ".join(name.split())[:40] or "(no name)" for name in grid.names]
        return f"columns: {', '.join(names[:20])}{', …' * (count > 20)}"
    return f"{count} column{'s' * (count > 1)} and no header: give a number from 1 to {count}"


def _guess_text(grid: Grid, where: str, taken: set[int | None]) -> int:
    best, column = 0.0, None
    for number, cells in enumerate(grid.columns):
        if number in taken or not all(isinstance(cell, str) for cell in cells):
            continue
        name = grid.names[number] if grid.names else ""
        if len(grid.columns) > 1 and not _could_be_text(name, cells):
            continue
        varied = len(set(map(str, cells))) / len(cells)
        score = fmean(map(len, cells)) * varied**0.5 * (_BONUS if _rank(name, _TEXT_NAMES) < inf else 1)
        if score > best:
            best, column = score, number
    if column is None:
        raise InputError(f"{where}: no column looks like text", _columns_of(grid))
    return column


def _guess_label(grid: Grid, taken: set[int | None]) -> tuple[int, ...]:
    free = [number for number in range(len(grid.columns)) if number not in taken]
    names = {number: grid.names[number] if grid.names else "" for number in free}
    filled = [number for number in free if any(grid.columns[number])]
    if filled:
        hinted = min(filled, key=lambda number: _rank(names[number], _LABEL_NAMES))
        if _rank(names[hinted], _LABEL_NAMES) < inf:
            return (hinted,)
    candidates = {}
    for number in filled:
        cells = grid.columns[number]
        if any(isinstance(cell, list) for cell in cells):
            candidates[number] = 0
        elif not _is_key(names[number]):
            distinct = len(set(map(str, cells)) - {""})
            measured = len(free) == 1 and all(map(is_number, cells)) and any("." in cell for cell in cells)
            one_class = len(free) == 1 and distinct == 1
            if 2 <= distinct <= max(2, len(cells) // 2) or measured or one_class:
                candidates[number] = distinct
    return (min(candidates, key=candidates.__getitem__),) if candidates else ()


def _is_split(grid: Grid, column: int) -> bool:
    cells = grid.columns[column]
    named = bool(grid.names) and grid.names[column].strip().lower() == "split"
    return all(isinstance(cell, str) and (named or cell.strip().lower() in SPLIT_NAMES) for cell in cells)


def _could_be_text(name: str, cells: Sequence[Cell]) -> bool:
    """Tell whether a column is neither called a label or a key nor holds only numbers or links."""
    if _rank(name, _LABEL_NAMES) < len(_LABEL_NAMES) or _is_key(name):
        return False
    filled = [str(cell) for cell in cells if cell]
    links = all(re.fullmatch(r"(https?:|www\.)\S*", cell) for cell in filled)
    return not links and not all(map(is_number, filled))


def _is_key(name: str) -> bool:
    """Tell whether a column is called a number, a date, an address or a person: ``review_id``, ``date``."""
    return bool(_parts(name)) and _parts(name)[-1] in _KEY_NAMES


def _rank(name: str, usual: Sequence[str]) -> float:
    """Return the place of a usual name, behind all of them if it is only a part (``review_text``), or inf."""
    if name.strip().lower() in usual:
        return usual.index(name.strip().lower())
    return min((len(usual) + usual.index(part) for part in _parts(name) if part in usual), default=inf)


def _parts(name: str) -> list[str]:
    return [part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)]


def _could_be_a_name(cell: str) -> bool:
    return len(cell) <= 40 and len(cell.split()) <= 4 and not is_number(cell) and cell[-1] not in ".!?,"
