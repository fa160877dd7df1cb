"""How files lay out their examples: separated values, JSON records, ``label text`` lines, class folders."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from common.data.columns import SPLIT_NAMES, Cell, Grid, is_number, named_by_first_row
from common.data.encoding import decode, decodes, detect_encoding, open_binary
from common.errors import InputError

__all__ = ["parse", "read_folder"]

_PACKED = (".gz", ".xz", ".bz2")
_SEPARATORS = ",;\t|"
_FASTTEXT = "__label__"
_USUAL_LABELS = {"pos", "neg", "neu", "positive", "negative", "neutral", "spam", "ham"}
_ONE_RECORD = "one JSON object a line, or a list of objects"
_ONE_CELL = "put cells that hold a separator or a line end between quotes"


def parse(text: str, path: Path, asked: Sequence[str]) -> tuple[Grid, list[str]]:
    """Return the cells of a file, and what was found: first the kind of file, then anything odd.

    Args:
        text: the whole file.
        path: its suffix decides on the kind; where that says nothing, the content does.
        asked: names of columns the caller wants: one of them in the first row makes it a header.

    Raises:
        InputError: an empty file, a row with too few or too many cells, broken JSON.
    """
    where = str(path)
    if not text.strip():
        raise InputError(f"{where}: empty, no line with text", "one example a line")
    if "\n" not in text:
        text = text.replace("\r", "\n")
    suffix = _suffix(path)
    if suffix in (".json", ".jsonl", ".ndjson"):
        return _records(text, where)
    if suffix in (".tsv", ".tab"):
        return _table(text, "\t" if "\t" in text else _separator(text), where, asked)
    if suffix == ".csv":
        return _table(text, _separator(text), where, asked)
    return _by_content(text, where, asked)


def _by_content(text: str, where: str, asked: Sequence[str]) -> tuple[Grid, list[str]]:
    lines = _lines(text)
    filled = [line for line in lines if line.strip()]
    skipped = _counted(len(lines) - len(filled), "empty line", "skipped")
    first = filled[0].strip()
    if re.match(r"\[\s*\{", text.lstrip()) or (first.startswith("{") and _is_json(first)):
        return _records(text, where)
    tabs, rows = Counter(line.count("\t") for line in filled).most_common(1)[0]
    if tabs and rows >= 0.95 * len(filled):
        return _table(text, "\t", where, asked)
    if first.startswith(_FASTTEXT) and all(line.startswith(_FASTTEXT) for line in filled):
        return _fasttext(filled), ["fastText lines", *skipped]
    if "," in first or ";" in first or "|" in first:
        separator = _separator(text)
        cells, _ = _quoted(first, separator, strict=False)
        if first.startswith('"') or (cells and named_by_first_row(cells[:1], asked)):
            with suppress(InputError):  # prose that begins like a table
                grid, remarks = _table(text, separator, where, asked)
                if len(grid.columns) > 1:
                    return grid, remarks
    pairs = [line.partition(" ") for line in filled]
    if _are_labels([label for label, _, _ in pairs]) and 2 * sum(bool(t) for *_, t in pairs) >= len(pairs):
        columns: list[list[Cell]] = [[label for label, _, _ in pairs], [text for *_, text in pairs]]
        return Grid(columns, text=1, label=0), ["lines of label and text", *skipped]
    return Grid([list(filled)], text=0), ["plain text, one a line", *skipped]


def _are_labels(words: list[str]) -> bool:
    """Tell whether these first words of all lines are labels: numbers, or few and such as begin no sentence."""
    distinct = set(words)
    if distinct <= _USUAL_LABELS:
        return True
    if all(map(is_number, distinct)):
        values = list(map(float, words))
        fractions = any(not value.is_integer() for value in values)
        listed = len(values) > 2 and all(b == a + 1 for a, b in zip(values, values[1:], strict=False))
        small = max(map(abs, values)) <= 10 or 2 * len(distinct) <= len(words)  # no years
        return fractions or (small and not listed and len(distinct) <= max(10, len(words) // 5))
    codes = all(re.fullmatch(r"[A-Z][A-Z0-9]+|\w+[:_/]\w+", word) for word in distinct)
    return codes and 2 <= len(distinct) <= len(words) // 2


def _fasttext(lines: list[str]) -> Grid:
    """Return the cells of lines such as ``__label__a __label__b the text``."""
    parts = [re.match(rf"((?:{_FASTTEXT}\S*\s*)+)(.*)", line, re.DOTALL) for line in lines]
    names = [part[1].replace(_FASTTEXT, " ").split() for part in parts if part]
    several = any(len(name) > 1 for name in names)
    labels: list[Cell] = [name if several else "".join(name) for name in names]
    return Grid([labels, [part[2] for part in parts if part]], text=1, label=0)


def _table(text: str, separator: str, where: str, asked: Sequence[str]) -> tuple[Grid, list[str]]:
    """Return the cells of separated values."""
    kind = {"\t": "TSV", ",": "CSV"}.get(separator, f"CSV with {separator!r}")
    rows, blank, remarks = _rows(text, separator, where)
    header = bool(rows) and named_by_first_row(rows, asked)
    if len(rows) == header:
        raise InputError(f"{where}: no row{' below the header' * header}", "one example a row")
    columns: list[list[Cell]] = [list(column) for column in zip(*rows[header:], strict=True)]
    if not header:
        remarks.append("no header")
    remarks += _counted(blank, "empty line", "skipped")
    return Grid(columns, tuple(rows[0]) if header else ()), [kind, *remarks]


def _rows(text: str, separator: str, where: str) -> tuple[list[list[str]], int, list[str]]:
    """Return rows equally long, how many were empty, and a remark on quotes.

    Quotes group in one file and are text in the next.  They group where every cell that opens with one closes
    with one and all rows come out equally long; in TSV, where few programs quote, only if it is the rule.
    """
    opened = re.search(rf'(?:^|[\n{re.escape(separator)}])"', text)
    problem = ""
    if opened:
        rows, blank, problem = _square(*_quoted(text, separator, strict=True))
        if not problem and separator != "\t":
            return rows, blank, []
    bare, bare_blank, bare_problem = _square([line.split(separator) for line in _lines(text)])
    if opened and not problem:
        quoted = sum(any(cell[:1] == cell[-1:] == '"' for cell in row) for row in bare)
        if bare_problem or quoted >= 0.9 * len(bare):
            return rows, blank, []
    if not bare_problem:
        return bare, bare_blank, ["quotes are text"] if opened else []
    if opened:
        rows, blank, loose_problem = _square(*_quoted(text, separator, strict=False))
        if not loose_problem and len(rows) + blank == len(_lines(text)):  # no quote has swallowed a line end
            return rows, blank, []
    blamed = problem if opened and separator != "\t" else bare_problem
    raise InputError(f"{where}: {blamed}", _ONE_CELL)


def _square(records: list[list[str]], broken: str = "") -> tuple[list[list[str]], int, str]:
    """Return the rows that are not empty, the number of those that are, and what is wrong, or ""."""
    rows: list[list[str]] = []
    for number, cells in enumerate(records, 1):
        if not any(cell.strip() for cell in cells):
            continue
        width = len(rows[0]) if rows else len(cells)
        if len(cells) > width and not any(cells[width:]):
            cells = cells[:width]
        if len(cells) != width:
            problem = (
                f"row {number:,} has {len(cells)} cell{'s' * (len(cells) != 1)}, those above have {width}"
            )
            return rows, 0, problem
        rows.append(cells)
    return rows, len(records) - len(rows), f"row {len(records) + 1:,}: {broken}" if broken else ""


def _quoted(
    text: str, separator: str, *, strict: bool, limit: int | None = None
) -> tuple[list[list[str]], str]:
    """Return records as the csv module reads them, and why it stopped before the end, or ""."""
    records: list[list[str]] = []
    lines = (line + "\n" for line in text.removesuffix("\n").split("\n"))
    longest = csv.field_size_limit(1 << 30)
    try:
        for cells in islice(csv.reader(lines, delimiter=separator, strict=strict), limit):
            records.append(cells)
    except csv.Error as error:
        return records, str(error)
    finally:
        csv.field_size_limit(longest)
    return records, ""


def _separator(text: str) -> str:
    """Return what separates the cells of the first 200 records."""
    for separator in _SEPARATORS:
        rows, _, problem = _square(*_quoted(text, separator, strict=False, limit=200))
        if rows and len(rows[0]) > 1 and not problem:
            return separator
    first = text.lstrip().partition("\n")[0]
    return next((separator for separator in _SEPARATORS if separator in first), ",")


def _records(text: str, where: str) -> tuple[Grid, list[str]]:
    """Return the cells of JSON objects, one a line or all in a list."""
    blank = 0
    if text.lstrip().startswith("["):
        kind, records = "JSON", _loaded(text, where)
    else:
        lines = _lines(text)
        filled = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
        records = [_loaded(line, f"{where}: row {number:,}") for number, line in filled]
        kind, blank = "JSON lines", len(lines) - len(filled)
    for number, record in enumerate(records, 1):
        if not isinstance(record, dict):
            raise InputError(f"{where}: record {number:,} is no JSON object", _ONE_RECORD)
    names = list(dict.fromkeys(name for record in records for name in record))
    if not names:
        raise InputError(f"{where}: no JSON object with a field", _ONE_RECORD)
    columns = [[_cell(record.get(name)) for record in records] for name in names]
    return Grid(columns, tuple(names)), [kind, *_counted(blank, "empty line", "skipped")]


def _loaded(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: broken JSON ({error})", _ONE_RECORD) from error


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _cell(value: object) -> Cell:
    """Return a JSON value as text; a list of plain values as a list of texts."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list) and not any(isinstance(item, list | dict) for item in value):
        return [str(_cell(item)) for item in value]
    return json.dumps(value, ensure_ascii=False)


def read_folder(folder: Path, encoding: str = "") -> tuple[Grid, list[str]]:
    """Read ``CLASS/*.txt`` or ``SPLIT/CLASS/*.txt``, a text a file; other files only in a class without ``.txt``.

    Raises:
        InputError: no class folders, a class without files, a file that is no text.
    """
    classes = _folders(folder)
    if not classes:
        raise InputError(f"{folder}: no class folders in it", "CLASS/*.txt, one text a file")
    splits = [name.name.lower() in SPLIT_NAMES and bool(_folders(name)) for name in classes]
    if all(splits):
        classes = [name for split in classes for name in _folders(split)]
    found = [(name, file) for name in classes for file in _text_files(name)]
    data = []
    for _, file in found:
        with open_binary(file) as (stream, _):
            data.append(stream.read())
    foreign = [item for item in data if not decodes(item, "utf-8")]
    shared = encoding or (detect_encoding(b"\n".join(foreign)) if foreign else "utf-8")
    texts: list[Cell] = []
    for (_, file), item in zip(found, data, strict=True):
        chosen = encoding or ("" if decodes(item, "utf-8") or shared == "utf-8" else shared)
        texts.append(decode(item, str(file), chosen).text.rstrip("\r\n"))
    columns: list[list[Cell]] = [[name.name for name, _ in found], texts]
    remarks = [f"{len({name.name for name in classes})} class folders", shared]
    if not all(splits):
        return Grid(columns, ("folder", "file"), text=1, label=0), remarks
    return Grid(
        [*columns, [name.parent.name for name, _ in found]], ("folder", "file", "split"), 1, 0
    ), remarks


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _text_files(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    if not files:
        raise InputError(f"{folder}: a class folder without files", "CLASS/*.txt, one text a file")
    return [path for path in files if _suffix(path) == ".txt"] or files


def _suffix(path: Path) -> str:
    """Return the suffix in lower case, the one before ``.gz`` and its like."""
    return Path(path.stem).suffix.lower() if path.suffix.lower() in _PACKED else path.suffix.lower()


def _lines(text: str) -> list[str]:
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]


def _counted(number: int, thing: str, done: str) -> list[str]:
    return [f"{number:,} {thing}{'s' * (number > 1)} {done}"] if number else []
