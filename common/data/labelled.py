"""Which pictures have which labels: a folder with a sub-folder a class, or a table of paths and labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import numpy as np

from common.data.images import SUFFIXES, find_pictures
from common.data.tables import Kind, read_table
from common.errors import InputError

__all__ = ["PART_NAMES", "LabelledFiles", "Part", "list_folder", "list_table"]

Part = Literal["train", "validation", "test", ""]
# What people call the parts of a data set.
PART_NAMES: dict[str, Part] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("dev", "valid", "validation", "val"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "holdout"), "test"),
}


@dataclass(frozen=True)
class LabelledFiles:
    """Files of pictures and what is said of them.

    Args:
        files: the pictures; a table may name some that are not there.
        targets: class numbers ``(n,)``, or 0 and 1 by label ``(n, K)`` float32.
        classes: names of the classes.
        parts: of each picture, "" where the source does not say.
        note: one line on what was read and guessed; "" for nothing to say.
    """

    files: tuple[Path, ...]
    targets: np.ndarray
    classes: tuple[str, ...]
    parts: tuple[Part, ...]
    note: str = ""

    @property
    def kind(self) -> Kind:
        """Whether a picture has one of the classes, or any number of labels."""
        return "one of K" if self.targets.ndim == 1 else "independent yes/no"


def list_folder(folder: Path) -> LabelledFiles:
    """List ``folder/CLASS/*.jpg``, or ``folder/SPLIT/CLASS/*.jpg`` where all sub-folders are named as splits are.

    Pictures may lie in folders below their class.  Hidden files and folders are left out.

    Raises:
        InputError: no folder, fewer than two classes, or a class without pictures.
    """
    if not folder.is_dir():
        raise InputError(f"no such folder: {folder}", "a folder with one sub-folder of pictures a class")
    below = _folders(folder)
    named = [PART_NAMES.get(path.name.lower()) for path in below]
    parts: dict[Path, Part] = {folder: ""}
    if len(below) > 1 and all(named) and all(_folders(path) for path in below):
        parts = {path: name for path, name in zip(below, named, strict=True) if name}
    classes = tuple(sorted({path.name for part in parts for path in _folders(part)}))
    if len(classes) < 2:
        loose = sum(path.suffix.lower() in SUFFIXES for path in folder.iterdir())
        found = f"{loose} pictures and {len(classes)}" if loose else f"{len(classes)}"
        raise InputError(
            f"{folder} holds {found} sub-folders of pictures", "one sub-folder a class, at least two"
        )
    files: list[Path] = []
    targets: list[int] = []
    of_part: list[Part] = []
    for place, part in parts.items():
        for path in _folders(place):
            try:
                found_here = [file for file in find_pictures([path]) if not _hidden(file, path)]
            except InputError:
                found_here = []
            files += found_here
            targets += [classes.index(path.name)] * len(found_here)
            of_part += [part] * len(found_here)
    empty = [name for number, name in enumerate(classes) if number not in set(targets)]
    if empty:
        more = f" (and {len(empty) - 1} more)" if len(empty) > 1 else ""
        raise InputError(f"class {empty[0]!r}{more} of {folder} has no pictures", "fill or remove its folder")
    return LabelledFiles(tuple(files), np.array(targets, np.int64), classes, tuple(of_part))


def list_table(path: Path, *, column: str = "", label: str = "", several: str = "") -> LabelledFiles:
    """List the pictures that a CSV, TSV or JSON-lines file names, with their labels.

    A path is taken from the folder of the table, or else from the working directory.

    Args:
        path: the table.
        column: name or number of the column of paths; "" to guess it.
        label: name or number of the column of labels, several between commas if each says yes or no; "" to guess it.
        several: what stands between the labels of one picture, such as ``"|"``; "" if each has one.

    Raises:
        InputError: no such table or column, no labels, or fewer than two.
    """
    table = read_table(path, text=column, label=label, several=several)
    if table.kind in ("none", "real values"):
        what = "no labels" if table.kind == "none" else "measurements for labels"
        raise InputError(f"{path}: {what}", "columns path,label; name them with --column and --label")
    labels = [[row] if isinstance(row, str) else cast(list[str], row) for row in table.labels or ()]
    classes = tuple(sorted({name for row in labels for name in row}))
    if len(classes) < 2:
        raise InputError(f"{path} names {len(classes)} classes", "at least two are needed")
    place = {name: number for number, name in enumerate(classes)}
    targets: np.ndarray
    if table.kind == "one of K":
        targets = np.array([place[row[0]] for row in labels], np.int64)
    else:
        targets = np.zeros((len(labels), len(classes)), np.float32)
        for number, row in enumerate(labels):
            targets[number, [place[name] for name in row]] = 1
    splits = table.splits or [""] * len(labels)
    parts = tuple(PART_NAMES.get(split.lower(), "") for split in splits)
    files = tuple(_located(Path(text.strip()), path.parent) for text in table.texts)
    return LabelledFiles(
        files, targets, classes, parts, table.note.replace("text in column", "paths in column")
    )


def _folders(path: Path) -> list[Path]:
    return sorted(child for child in path.iterdir() if child.is_dir() and not child.name.startswith("."))


def _hidden(file: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(root).parts)


def _located(file: Path, folder: Path) -> Path:
    beside = folder / file
    return file if not beside.exists() and file.exists() else beside
