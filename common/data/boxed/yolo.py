"""Pictures with boxed objects in the format of YOLO: one text file a picture, one row an object.

A row is ``class x y width height``: the number of the class, then the box's middle and its sides as shares of the
picture's.  More numbers are a polygon, ``class x1 y1 x2 y2 …``.  ``data.yaml`` names the classes and the folders of
train, val and test; without it the classes stand in ``classes.txt`` or ``obj.names``.  The labels of
``…/images/NAME.jpg`` are ``…/labels/NAME.txt``, or lie beside the picture.

References:
    https://docs.ultralytics.com/datasets/detect/ and /segment/; Roboflow's export "YOLOv8" (``../train/images``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from common.boxes import from_corners
from common.console import Advance
from common.data.boxed.annotated import Annotated, AnnotatedSet, Marked, Problem, tidied
from common.data.boxed.data_yaml import Description, described_parts, read_description
from common.data.boxed.locating import Header, files_below, in_order, parts_of_folders, read_headers
from common.data.images import SUFFIXES
from common.errors import InputError

__all__ = ["labels_of", "read_yolo"]

_CLASS_FILES = ("classes.txt", "obj.names", "_darknet.labels", "labels.txt", "class_names.txt")
_MOST_CLASSES = 10_000
_NO_LABELS = frozenset(
    {*_CLASS_FILES, "train.txt", "val.txt", "valid.txt", "test.txt", "notes.txt", "readme.txt"}
)


def labels_of(picture: Path) -> Path:
    """Return where the rows of a picture stand: for the last folder ``images`` in ``labels``, else beside it."""
    parts = list(picture.with_suffix(".txt").parts)
    for place in range(len(parts) - 2, -1, -1):
        if parts[place].lower() == "images":
            beside = Path(*parts[:place], "labels", *parts[place + 1 :])
            return beside if beside.exists() or not picture.with_suffix(".txt").exists() else Path(*parts)
    return Path(*parts)


def read_yolo(
    root: Path,
    *,
    description: Path | None = None,
    files: Sequence[Path] | None = None,
    progress: Advance = lambda done, total, remark: None,
) -> AnnotatedSet:
    """Read a data set.

    Args:
        root: its folder.
        description: ``data.yaml``; without it, or where it names no folder that is there, the parts are those that
            folders below ``root`` name.
        files: below ``root``, where they are known.
        progress: called with (pictures read, pictures, remark).

    Raises:
        InputError: no picture that can be read.
    """
    problems: list[Problem] = []
    notes: list[str] = []
    files = files_below(root) if files is None else files
    pictures = [file for file in files if file.suffix.lower() in SUFFIXES]
    told: Description | None = None
    if description:
        try:
            told = read_description(description)
        except InputError as error:
            problems.append(Problem("unreadable annotation", description, error.message))
    places = described_parts(told, description or root, problems) if told else {}
    if not any(places.values()):
        places = _parts_of_folders(pictures, root, problems)
        if told and told.folders:
            notes.append("the folders that data.yaml names are not there: parts are what folders are called")
    if not any(places.values()):
        raise InputError(f"{description or root}: no pictures", "images/NAME.jpg with labels/NAME.txt")
    headers = read_headers({file: None for part in places.values() for file in part}, progress)
    keypoints = told is not None and told.keypoints
    rows = {file: _rows(labels_of(file), keypoints, problems) for file in headers}
    names = told.names if told else _named_classes(files)
    if not names:
        numbers = [row[0] for found in rows.values() for _, row in found or () if 0 <= row[0] < _MOST_CLASSES]
        names = {number: str(number) for number in range(int(max(numbers, default=-1)) + 1)}
        notes.append("no file names the classes: they are called by their numbers")
    entries: dict[Path, Annotated] = {}
    for file, header in headers.items():
        if isinstance(header, str):
            problems.append(Problem("unreadable picture", file, header))
            continue
        found, source = rows[file], labels_of(file)
        if found is None:
            problems.append(Problem("no annotation", file, f"no {source.name}"))
        marked = _marked(found or [], header, names, source, problems)
        entries[file] = tidied(file, header, marked, problems, source=source)
    if not entries:
        raise InputError(
            f"{root}: none of its {len(headers)} pictures can be read", f"the first: {problems[0]}"
        )
    problems += _without_pictures(headers, pictures)
    parts = {name: [entries[file] for file in part if file in entries] for name, part in places.items()}
    classes = tuple(dict.fromkeys(names[number] for number in sorted(names)))
    if len(classes) < len(names):
        notes.append(f"{len(names)} classes have {len(classes)} names: those of one name are one class")
    return AnnotatedSet(root.name, "yolo", classes, in_order(parts), tuple(notes), tuple(problems))


def _parts_of_folders(pictures: Sequence[Path], root: Path, problems: list[Problem]) -> dict[str, list[Path]]:
    """Return the pictures of the parts that folders name; where some lie in folders ``images``, only those."""
    inner = [file for file in pictures if "images" in map(str.lower, file.relative_to(root).parts[:-1])]
    places = parts_of_folders(root, {file: file for file in inner or pictures})
    kept = {file for part in places.values() for file in part}
    problems += [Problem("in no part", file, "") for file in inner or pictures if file not in kept]
    return places


def _named_classes(files: Sequence[Path]) -> dict[int, str]:
    """Return the classes of the outermost ``classes.txt`` or the like; none without one."""
    found = [file for file in files if file.name.lower() in _CLASS_FILES or file.suffix.lower() == ".names"]
    if not found:
        return {}
    best = min(found, key=lambda file: (len(file.parts), file.name.lower() not in _CLASS_FILES))
    lines = best.read_text(encoding="utf-8-sig", errors="replace").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    return {number: line.strip() for number, line in enumerate(lines)}


def _rows(labels: Path, keypoints: bool, problems: list[Problem]) -> list[tuple[int, list[float]]] | None:
    """Return the numbers of each row with its number; None without a file."""
    try:
        lines = labels.read_text(encoding="utf-8-sig", errors="replace").split("\n")
    except FileNotFoundError:
        return None
    except OSError as error:
        problems.append(Problem("unreadable annotation", labels, str(error.strerror)))
        return []
    found = []
    for number, line in enumerate(lines, start=1):
        words = line.replace(",", " ").split()
        if not words:
            continue
        try:
            row = [float(word) for word in words]
        except ValueError:
            row = []
        if keypoints:
            row = row[:5]
        if len(row) in (5, 6) or (len(row) >= 7 and len(row) % 2):
            found.append((number, row))
        else:
            problems.append(Problem("bad row", labels, f"row {number}: {line.strip()[:60]!r}"))
    return found


def _marked(
    rows: Sequence[tuple[int, list[float]]],
    header: Header,
    names: dict[int, str],
    source: Path,
    problems: list[Problem],
) -> list[Marked]:
    found = []
    for number, (category, *shares) in rows:
        where = f"row {number}"
        name = names.get(int(category)) if math.isfinite(category) and category == int(category) else None
        if name is None:
            problems.append(
                Problem("unknown class", source, f"{where}: {category:g}, of {len(names)} classes")
            )
            continue
        outline: tuple[np.ndarray, ...] = ()
        if len(shares) > 5:
            points = np.array(shares).reshape(-1, 2) * header.size
            box = from_corners(np.concatenate([points.min(axis=0), points.max(axis=0)]))
            outline = (points.astype(np.float32),)
        else:  # a sixth number is the confidence of a detector
            middle, sides = np.array(shares[:2]) * header.size, np.array(shares[2:4]) * header.size
            box = np.concatenate([middle - sides / 2, sides])
        found.append(Marked(box, name, where, outline))
    return found


def _without_pictures(taken: Iterable[Path], pictures: Iterable[Path]) -> list[Problem]:
    """Return the label files, beside those of the pictures taken, that belong to no picture at all."""
    folders = {labels_of(file).parent for file in taken}
    used = {labels_of(file) for files in (taken, pictures) for file in files}
    return [
        Problem("missing picture", labels, "no picture of this name")
        for folder in sorted(folders)
        for labels in sorted(folder.glob("*.txt"))
        if labels not in used and labels.name.lower() not in _NO_LABELS
    ]
