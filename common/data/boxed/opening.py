"""A data set of boxed pictures by its path alone: the format is guessed, and the guess is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from common.console import Advance
from common.data.boxed.annotated import AnnotatedSet
from common.data.boxed.coco import find_listings, read_coco
from common.data.boxed.data_yaml import find_description
from common.data.boxed.locating import files_below
from common.data.boxed.voc import find_devkit, read_voc
from common.data.boxed.yolo import labels_of, read_yolo
from common.data.images import SUFFIXES
from common.errors import InputError
from common.registry import Registry

__all__ = ["READERS", "open_boxed"]

_FORMS = "Pascal VOC (Annotations/*.xml), COCO (instances_*.json) or YOLO (data.yaml, labels/*.txt)"


class _Found(NamedTuple):
    """How a data set would be read, and what speaks for it."""

    read: Callable[[Advance], AnnotatedSet]
    evidence: str


READERS = Registry[Callable[[Path, Sequence[Path]], _Found | None]]("format of boxes")


def open_boxed(
    path: str | Path,
    *,
    form: str | None = None,
    progress: Advance = lambda done, total, remark: None,
) -> AnnotatedSet:
    """Read a data set of pictures with boxed objects; its first note says what was taken for what.

    Args:
        path: folder of a data set; or ``instances….json`` of COCO, or ``data.yaml`` of YOLO, in one.
        form: ``voc``, ``coco`` or ``yolo``; None to guess.
        progress: called with (pictures read, pictures, remark).

    Raises:
        InputError: no such path, no such data set there, or nothing of it can be read.
        UsageError: an unknown format.
    """
    path = Path(path)
    kinds = {form: READERS.get(form)} if form else {name: READERS.get(name) for name in READERS.names()}
    if not path.exists():
        raise InputError(f"{path}: no such file or folder", "check the path")
    files = files_below(path) if path.is_dir() else [path]
    candidates = {name: found for name, look in kinds.items() if (found := look(path, files))}
    if not candidates:
        pictures = sum(file.suffix.lower() in SUFFIXES for file in files)
        what = f"{pictures:,} pictures, but no boxes" if path.is_dir() else "no data set of boxed pictures"
        raise InputError(f"{path}: {what}" + (f" in the format {form}" if form else ""), f"known: {_FORMS}")
    failures: list[InputError] = []
    for name, found in candidates.items():
        try:
            data = found.read(progress)
        except InputError as error:
            failures.append(error)
            continue
        others = (
            f"; {other} is there too ({one.evidence})" for other, one in candidates.items() if other != name
        )
        given = "as asked" if form else f"by {found.evidence}"
        return replace(data, notes=(f"read as {name}, {given}{''.join(others)}", *data.notes))
    raise failures[0]


@READERS.named("voc")
def _find_voc(path: Path, files: Sequence[Path]) -> _Found | None:
    if not path.is_dir():
        return None
    root = find_devkit(path)
    if root:
        return _Found(lambda progress: read_voc(root, progress=progress), "Annotations and JPEGImages")
    listing = next((file for file in files if file.suffix.lower() == ".xml" and _is_annotation(file)), None)
    if listing is None:
        return None
    return _Found(lambda progress: read_voc(path, files=files, progress=progress), listing.name)


@READERS.named("coco")
def _find_coco(path: Path, files: Sequence[Path]) -> _Found | None:
    listings = find_listings(files) if path.is_dir() else [path] if path.suffix.lower() == ".json" else []
    if not listings:
        return None
    root = path if path.is_dir() else path.parent
    if root.name == "annotations":
        root = root.parent
    known = files if root == path else None
    return _Found(
        lambda progress: read_coco(listings, root, files=known, progress=progress), listings[0].name
    )


@READERS.named("yolo")
def _find_yolo(path: Path, files: Sequence[Path]) -> _Found | None:
    if not path.is_dir():
        if path.suffix.lower() not in (".yaml", ".yml"):
            return None
        return _Found(lambda progress: read_yolo(path.parent, description=path, progress=progress), path.name)
    description = find_description(files, path)
    if description:
        root = description.parent
        known = files if root == path else None
        return _Found(
            lambda progress: read_yolo(root, description=description, files=known, progress=progress),
            description.name,
        )
    there = set(files)
    labels = (labels_of(file) for file in files if file.suffix.lower() in SUFFIXES)
    first = next((file for file in labels if file in there), None)
    if first is None:
        return None
    return _Found(lambda progress: read_yolo(path, files=files, progress=progress), first.name)


def _is_annotation(file: Path) -> bool:
    with file.open("rb") as stream:
        return b"<annotation" in stream.read(4096)
