"""``data.yaml``: the file that says of a YOLO data set what its classes are called and where its parts lie."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from common.data.boxed.annotated import Problem
from common.data.boxed.locating import files_below, part_named
from common.data.images import SUFFIXES
from common.errors import InputError

__all__ = ["Description", "described_parts", "find_description", "read_description"]

_PART_KEYS = ("train", "val", "valid", "validation", "test")


@dataclass(frozen=True)
class Description:
    """What ``data.yaml`` says.

    Args:
        names: of the classes by number.
        folders: of each part, or text files that list pictures, as they stand there.
        root: of the folders.
        keypoints: rows of labels go on with key points behind the box.
    """

    names: dict[int, str]
    folders: dict[str, list[str]]
    root: Path
    keypoints: bool = False


def find_description(files: Sequence[Path], root: Path) -> Path | None:
    """Return the YAML file that has ``names``: in ``root`` or one folder below, ``data.yaml`` before others."""
    found = [
        file
        for file in files
        if file.suffix.lower() in (".yaml", ".yml")
        and len(file.relative_to(root).parts) <= 2
        and b"names" in file.read_bytes()
    ]
    order = lambda file: (len(file.parts), file.stem not in ("data", "dataset"), file.name)  # noqa: E731
    return min(found, key=order, default=None)


def read_description(file: Path) -> Description:
    """Read ``data.yaml``; ``names`` may be a list or a table by number.

    Raises:
        InputError: no YAML, or no names in it.
    """
    try:
        # BaseLoader makes no objects and leaves every word a word: a class may be called "no" or "1e3".
        content: Any = yaml.load(file.read_bytes(), Loader=yaml.BaseLoader)
        names = content["names"]
        pairs = (
            names.items() if isinstance(names, dict) else enumerate(names if isinstance(names, list) else ())
        )
        numbered = {int(number): name for number, name in pairs if isinstance(name, str)}
    except (OSError, yaml.YAMLError, ValueError, TypeError, KeyError, RecursionError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(
            f"{file} describes no YOLO data set ({reason})", "it has names, train, val"
        ) from error
    if not numbered:
        raise InputError(f"{file}: names has no classes", "a list, or a table of number: name")
    folders: dict[str, list[str]] = {}
    for key in _PART_KEYS:
        value = content.get(key)
        given = [
            one for one in (value if isinstance(value, list) else [value]) if one and isinstance(one, str)
        ]
        if given:
            folders.setdefault(part_named(key) or key, []).extend(given)
    told = content.get("path")
    inner = file.parent / told if told and isinstance(told, str) else file.parent
    return Description(numbered, folders, inner if inner.is_dir() else file.parent, "kpt_shape" in content)


def described_parts(told: Description, file: Path, problems: list[Problem]) -> dict[str, list[Path]]:
    """Return the pictures of each part; a folder is looked for where Ultralytics and where Roboflow mean it.

    Args:
        told: what the file says.
        file: ``data.yaml``.
        problems: what is not there is added here.
    """
    parts: dict[str, list[Path]] = {}
    for name, folders in told.folders.items():
        for given in folders:
            place = _resolved(given, told.root, file.parent)
            if place is None:
                problems.append(Problem("missing part", file, f"{name}: {given}"))
                continue
            if place.is_dir():
                found = [picture for picture in files_below(place) if picture.suffix.lower() in SUFFIXES]
            else:
                found = _listed(place, told.root, problems)
            if not found:
                problems.append(Problem("missing part", file, f"{name}: no pictures in {place}"))
            parts.setdefault(name, []).extend(found)
    return parts


def _resolved(given: str, *roots: Path) -> Path | None:
    """Return the file or folder that is meant.

    Ultralytics takes ``../train/images`` from the file's folder; Roboflow writes it and means ``train/images``.
    """
    given = given.replace("\\", "/")
    inner = given
    while inner.startswith(("../", "./")):
        inner = inner.partition("/")[2]
    for root in roots:
        for place in (root / given, root / inner, root.parent / inner):
            if place.exists():
                return Path(os.path.normpath(place))
    return None


def _listed(listing: Path, root: Path, problems: list[Problem]) -> list[Path]:
    """Return the pictures that a text file names, one a line."""
    found = []
    for line in listing.read_text(encoding="utf-8-sig", errors="replace").split("\n"):
        if name := line.strip():
            file = _resolved(name, listing.parent, root)
            if file is None or not file.is_file():
                problems.append(Problem("missing picture", listing, name))
            else:
                found.append(file)
    return found
