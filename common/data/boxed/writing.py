"""Writing a data set of boxed pictures in another format, whole or not at all."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from common.console import Advance
from common.data.boxed.annotated import Annotated, AnnotatedSet
from common.data.boxed.voc import CLASSES
from common.errors import UserError
from common.files import replacing
from common.registry import Registry

__all__ = ["WRITERS", "Conversion", "convert"]


@dataclass(frozen=True)
class Conversion:
    """What was written.

    Args:
        out: the folder.
        format: of ``WRITERS``.
        pictures: copied.
        boxes: written.
        notes: what the format could not hold.
    """

    out: Path
    format: str
    pictures: int
    boxes: int
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "out": str(self.out),
            "format": self.format,
            "pictures": self.pictures,
            "boxes": self.boxes,
            "notes": list(self.notes),
        }


_Named = dict[str, list[tuple[str, Annotated]]]  # of each part, a unique file name and the picture's objects
WRITERS = Registry[Callable[[AnnotatedSet, _Named, Path], None]]("format of boxes")


def convert(
    data: AnnotatedSet,
    out: Path,
    to: str,
    *,
    progress: Advance = lambda done, total, remark: None,
) -> Conversion:
    """Write a data set, pictures and all, into a new folder.

    Boxes keep their fractions of a pixel in every format, VOC's too.  Pictures keep their names, one of a name that
    is taken gets its folder's in front.  Objects that ``open_boxed`` left out are not written.

    Args:
        data: the set.
        out: the folder.
        to: ``voc``, ``coco`` or ``yolo``.
        progress: called with (pictures copied, pictures, remark).

    Raises:
        UserError: the folder exists already, a picture cannot be read, or the disk is full.
        UsageError: an unknown format.
    """
    write = WRITERS.get(to)
    out = Path(out)
    if out.exists():
        raise UserError(f"{out} exists", "remove it or choose another --out")
    named = _named(data)
    copied = 0
    try:
        with replacing(out) as temporary:
            temporary.mkdir()
            copies = {
                temporary / _PLACES[to].format(part=part) / name: entry.file
                for part, entries in named.items()
                for name, entry in entries
            }
            for copied, (copy, original) in enumerate(copies.items(), start=1):
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(original, copy)
                progress(copied, len(copies), "")
            write(data, named, temporary)
    except OSError as error:
        raise UserError(f"{out}: not written ({error})", "check the pictures and the disk") from error
    boxes = sum(len(entry.boxes) for entries in named.values() for _, entry in entries)
    return Conversion(out, to, copied, boxes, tuple(_losses(data, to)))


# Where the pictures of a part lie.
_PLACES = {"voc": "JPEGImages", "coco": "{part}", "yolo": "images/{part}"}


def _named(data: AnnotatedSet) -> _Named:
    """Give every picture a file name that no other has, not even with another suffix or in another case."""
    taken: dict[str, tuple[Path, bytes]] = {}
    named: _Named = {}
    for part, entries in data.parts.items():
        own: set[str] = set()
        for entry in entries:
            content = (entry.file, entry.boxes.tobytes() + "\n".join(entry.labels).encode())
            name = next(
                name
                for name in _possible_names(entry.file)
                if taken.get(Path(name).stem.casefold(), content) == content
            )
            if name not in own:  # the same picture with the same objects once more
                own.add(name)
                taken[Path(name).stem.casefold()] = content
                named.setdefault(part, []).append((name, entry))
    return named


def _possible_names(file: Path) -> Iterator[str]:
    name = "".join(letter if letter.isprintable() else "_" for letter in file.name)
    yield name
    yield f"{file.parent.name}_{name}"
    number = 2
    while True:
        yield f"{Path(name).stem}_{number}{file.suffix}"
        number += 1


def _losses(data: AnnotatedSet, to: str) -> Iterator[str]:
    difficult = sum(int(entry.difficult.sum()) for entry in data.pictures)
    if difficult and to == "yolo":
        yield f"{difficult:,} objects marked as difficult are objects like others in YOLO"
    outlined = sum(bool(outline) for entry in data.pictures for outline in entry.outlines)
    if outlined and to != "coco":
        yield f"{outlined:,} outlines are left out, the boxes are kept"
    if "all" in data.parts and to == "yolo":
        yield "the set is not split: data.yaml names no train and val"


@WRITERS.named("coco")
def _write_coco(data: AnnotatedSet, named: _Named, folder: Path) -> None:
    (folder / "annotations").mkdir()
    numbers = {name: number for number, name in enumerate(data.classes, start=1)}
    categories = [{"id": number, "name": name, "supercategory": ""} for name, number in numbers.items()]
    picture = 0
    for part, entries in named.items():
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for name, entry in entries:
            picture += 1
            images.append({"id": picture, "file_name": name, "width": entry.size[0], "height": entry.size[1]})
            for index, label in enumerate(entry.labels):
                box = entry.boxes[index].astype(float)
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": picture,
                        "category_id": numbers[label],
                        "bbox": [round(value, 4) for value in box.tolist()],
                        "area": round(_area(entry, index), 4),
                        "segmentation": [
                            [round(value, 4) for value in points.ravel().tolist()]
                            for points in entry.outlines[index]
                        ],
                        "iscrowd": 0,
                        "ignore": int(entry.difficult[index]),
                    }
                )
        content = {
            "info": {"description": f"{data.name}, {part}"},
            "images": images,
            "annotations": annotations,
            "categories": categories,
        }
        listing = folder / "annotations" / f"instances_{part}.json"
        listing.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def _area(entry: Annotated, index: int) -> float:
    """Return the area in the outline, by the shoelace formula, or of the box."""
    if not entry.outlines[index]:
        return float(entry.boxes[index, 2:].astype(float).prod())
    total = 0.0
    for points in entry.outlines[index]:
        x, y = points.astype(float).T
        total += abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
    return total


@WRITERS.named("voc")
def _write_voc(data: AnnotatedSet, named: _Named, folder: Path) -> None:
    (folder / "Annotations").mkdir()
    for entries in named.values():
        for name, entry in entries:
            listing = folder / "Annotations" / f"{Path(name).stem}.xml"
            ElementTree.ElementTree(_voc_tree(data, name, entry)).write(listing, encoding="utf-8")
    (folder / CLASSES).write_text("\n".join(data.classes) + "\n", encoding="utf-8")
    if set(named) == {"all"}:
        return  # without lists a reader takes everything
    lists = {part: [Path(name).stem for name, _ in entries] for part, entries in named.items()}
    lists["trainval"] = [*lists.get("train", []), *lists.get("val", [])]
    (folder / "ImageSets" / "Main").mkdir(parents=True)
    for part, stems in lists.items():
        if stems:
            listing = folder / "ImageSets" / "Main" / f"{part}.txt"
            listing.write_text("\n".join(stems) + "\n", encoding="utf-8")


def _voc_tree(data: AnnotatedSet, name: str, entry: Annotated) -> ElementTree.Element:
    def add(parent: ElementTree.Element, tag: str, text: object = None) -> ElementTree.Element:
        child = ElementTree.SubElement(parent, tag)
        child.text = None if text is None else str(text)
        return child

    root = ElementTree.Element("annotation")
    add(root, "folder", "JPEGImages")
    add(root, "filename", name)
    add(add(root, "source"), "database", data.name)
    size = add(root, "size")
    for side, value in zip(("width", "height", "depth"), (*entry.size, 3), strict=True):
        add(size, side, value)
    add(root, "segmented", 0)
    for box, label, difficult in zip(entry.boxes.astype(float), entry.labels, entry.difficult, strict=True):
        one = add(root, "object")
        add(one, "name", label)
        add(one, "pose", "Unspecified")
        add(one, "truncated", 0)
        add(one, "difficult", int(difficult))
        bounds = add(one, "bndbox")
        x, y, width, height = box
        for corner, value in zip(
            ("xmin", "ymin", "xmax", "ymax"), (x + 1, y + 1, x + width, y + height), strict=True
        ):
            add(bounds, corner, f"{value:.4f}".rstrip("0").rstrip("."))
    ElementTree.indent(root)
    return root


@WRITERS.named("yolo")
def _write_yolo(data: AnnotatedSet, named: _Named, folder: Path) -> None:
    numbers = {name: number for number, name in enumerate(data.classes)}
    for part, entries in named.items():
        (folder / "labels" / part).mkdir(parents=True)
        for name, entry in entries:
            boxes = entry.boxes.astype(float) / (entry.size * 2)
            boxes[:, :2] += boxes[:, 2:] / 2
            rows = [
                f"{numbers[label]} " + " ".join(f"{value:.9f}" for value in box)
                for label, box in zip(entry.labels, boxes, strict=True)
            ]
            text = "".join(f"{row}\n" for row in rows)
            (folder / "labels" / part / f"{Path(name).stem}.txt").write_text(text, encoding="utf-8")
    content: dict[str, Any] = {part: f"images/{part}" for part in named if part != "all"}
    content |= {"nc": len(data.classes), "names": dict(enumerate(data.classes))}
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=10**6)
    (folder / "data.yaml").write_text(text, encoding="utf-8")
