"""Pictures with boxed objects in the format of Pascal VOC: one XML file a picture.

``JPEGImages/``, ``Annotations/``, ``ImageSets/Main/{train,val,trainval,test}.txt``; or pictures with their XML files
beside them, in folders named after the parts or in one.  A corner counts pixels from 1 and the far one is inside the
box: (1, 1, 1, 1) is the first pixel.  Many tools write corners from 0 all the same; more zeros than ones give
them away.

Reference:
    Everingham et al., "The Pascal Visual Object Classes Challenge", IJCV 2010; VOC2012 development kit, section 8.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from common.console import Advance
from common.data.boxed.annotated import Annotated, AnnotatedSet, Marked, Problem, tidied
from common.data.boxed.locating import PictureIndex, files_below, in_order, parts_of_folders, read_headers
from common.errors import InputError

__all__ = ["find_devkit", "read_voc"]

_LISTS = {"train": "train", "val": "val", "valid": "val", "test": "test", "trainval": "train"}
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
CLASSES = "classes.txt"  # not of VOC: the classes in order, where ``convert`` or another tool wrote them


class _Object(NamedTuple):
    corners: tuple[float, float, float, float]
    label: str
    where: str
    difficult: bool


class _Annotation(NamedTuple):
    picture: str  # as ``filename`` tells it
    declared: tuple[int, int] | None
    objects: list[_Object]


def find_devkit(root: Path) -> Path | None:
    """Return the folder that holds ``Annotations`` and ``JPEGImages``: this one, or the only such one in it.

    Raises:
        InputError: several, such as VOC2007 and VOC2012 of one development kit.
    """
    if _is_devkit(root):
        return root
    inner = sorted(folder for folder in root.glob("*/") if _is_devkit(folder))
    inner = inner or sorted(folder for folder in root.glob("*/*/") if _is_devkit(folder))
    if len(inner) > 1:
        raise InputError(f"{root} holds {len(inner)} Pascal VOC sets", f"name one of them: {inner[0]}")
    return inner[0] if inner else None


def read_voc(
    root: Path,
    *,
    files: Sequence[Path] | None = None,
    progress: Advance = lambda done, total, remark: None,
) -> AnnotatedSet:
    """Read a data set.

    Args:
        root: folder with ``Annotations`` and ``JPEGImages``, or with pictures and XML files at any depth.
        files: below ``root``, where they are known.
        progress: called with (pictures read, pictures, remark).

    Raises:
        InputError: no picture has an annotation that can be read.
    """
    problems: list[Problem] = []
    files = files_below(root) if files is None else files
    devkit = _is_devkit(root)
    pictures = PictureIndex([file for file in files if not devkit or _top(file, root) == "JPEGImages"])
    listings = [
        file
        for file in files
        if file.suffix.lower() == ".xml" and (not devkit or _top(file, root) == "Annotations")
    ]
    annotations, spoilt = _pair(listings, pictures, problems)
    headers = read_headers(annotations, progress)
    first = _first_pixel([one for _, annotation in annotations.values() for one in annotation.objects])
    entries: dict[Path, Annotated] = {}
    for file, (listing, annotation) in annotations.items():
        header = headers[file]
        if isinstance(header, str):
            problems.append(Problem("unreadable picture", file, header))
            spoilt.add(file)
            continue
        marked = [_marked(one, first) for one in annotation.objects]
        entries[file] = tidied(file, header, marked, problems, source=listing, declared=annotation.declared)
    if not entries:
        first_problem = f": {problems[0]}" if problems else ""
        raise InputError(f"{root}: no picture with an XML file that can be read{first_problem}")
    lists = _lists(root) if devkit else {}
    listed = _parts_of_lists(lists, pictures, entries, spoilt, problems)
    parts = listed if lists else parts_of_folders(root, entries)
    if not parts:
        raise InputError(
            f"{root}: no annotated picture is in the lists of ImageSets/Main", f"they name {_some(lists)}"
        )
    said = (
        {entry.file for part in parts.values() for entry in part}
        | {problem.file for problem in problems}
        | spoilt
    )
    for file in pictures.files:
        if file in entries and file not in said:
            problems.append(Problem("in no part", file, "in no list of ImageSets/Main" if lists else ""))
        elif file not in said:
            problems.append(Problem("no annotation", file, "no XML file"))
    notes = ("corners count from 0, not from 1: more of them are 0 than 1",) if first == 0 else ()
    classes = _classes(root, [label for part in parts.values() for entry in part for label in entry.labels])
    return AnnotatedSet(root.name, "voc", classes, parts, notes, tuple(problems))


def _is_devkit(folder: Path) -> bool:
    return (folder / "Annotations").is_dir() and (folder / "JPEGImages").is_dir()


def _top(file: Path, root: Path) -> str:
    return file.relative_to(root).parts[0]


def _pair(
    listings: Sequence[Path], pictures: PictureIndex, problems: list[Problem]
) -> tuple[dict[Path, tuple[Path, _Annotation]], set[Path]]:
    """Return for each picture its XML file, and that read; and the pictures whose XML file is damaged."""
    found: dict[Path, tuple[Path, _Annotation]] = {}
    spoilt: set[Path] = set()
    for listing in listings:
        try:
            annotation = _read_xml(listing, problems)
        except (OSError, ElementTree.ParseError, ValueError, LookupError) as error:
            problems.append(Problem("unreadable annotation", listing, f"damaged XML ({error})"))
            if file := pictures.find(f"{listing.stem}.", listing.parent):
                spoilt.add(file)
            continue
        if annotation is None:
            continue
        file = pictures.find(f"{listing.stem}.", listing.parent) or pictures.find(
            annotation.picture, listing.parent
        )
        if file is None:
            problems.append(Problem("missing picture", listing, annotation.picture or listing.stem))
        elif file in found:
            problems.append(
                Problem(
                    "unreadable annotation", listing, f"{file.name} is annotated in {found[file][0]} already"
                )
            )
        else:
            found[file] = listing, annotation
    return found, spoilt - set(found)


def _read_xml(listing: Path, problems: list[Problem]) -> _Annotation | None:
    """Read one file; None for XML that is something else.

    Raises:
        ElementTree.ParseError: no XML.
        ValueError, LookupError: an encoding that does not exist.
    """
    tree = ElementTree.fromstring(listing.read_bytes())
    if tree.tag != "annotation":
        return None
    objects = []
    # Children only: a person of VOC has parts, head and hands, with names and boxes of their own.
    for number, element in enumerate(tree.findall("object"), start=1):
        where, label = f"object {number}", (element.findtext("name") or "").strip()
        try:
            x0, y0, x1, y1 = (float(element.findtext(f"bndbox/{corner}") or "") for corner in _CORNERS)
        except ValueError:
            problems.append(Problem("bad row", listing, f"{where}: {label} without {', '.join(_CORNERS)}"))
            continue
        if not label:
            problems.append(Problem("bad row", listing, f"{where} has no name"))
            continue
        difficult = (element.findtext("difficult") or "").strip() in ("1", "true", "True")
        objects.append(_Object((x0, y0, x1, y1), label, where, difficult))
    try:
        width, height = (int(float(tree.findtext(f"size/{side}") or "")) for side in ("width", "height"))
    except (ValueError, OverflowError):
        width = height = 0
    declared = (width, height) if width > 0 and height > 0 else None
    return _Annotation((tree.findtext("filename") or "").strip(), declared, objects)


def _first_pixel(objects: Sequence[_Object]) -> int:
    """Return the number of the first pixel, 1 or 0."""
    low = [corner for one in objects for corner in one.corners[:2]]
    return 0 if sum(0 <= value < 1 for value in low) > sum(1 <= value < 2 for value in low) else 1


def _marked(one: _Object, first: int) -> Marked:
    x0, y0, x1, y1 = one.corners
    # From 0 the far corner is the edge, as labelling tools write it.  From 1 it is the last pixel; yet two corners
    # at one point are a click, not an object of one pixel.
    if first and (x0, y0) == (x1, y1):
        x1, y1 = x1 - 1, y1 - 1
    box = (x0 - first, y0 - first, x1 - x0 + first, y1 - y0 + first)
    return Marked(box, one.label, one.where, (), one.difficult)


def _lists(root: Path) -> dict[str, list[str]]:
    """Return the names in the lists of each part; ``trainval`` only where there are no two halves of it."""
    files = {name: root / "ImageSets" / "Main" / f"{name}.txt" for name in _LISTS}
    there = {name: file for name, file in files.items() if file.is_file()}
    if "train" in there or "val" in there:
        there.pop("trainval", None)
    found: dict[str, list[str]] = {}
    for name, file in there.items():
        lines = file.read_text(encoding="utf-8-sig", errors="replace").split("\n")
        if names := [line.strip() for line in lines if line.strip()]:
            found.setdefault(_LISTS[name], []).extend(names)
    return found


def _some(lists: dict[str, list[str]]) -> str:
    names = [name for part in lists.values() for name in part]
    return ", ".join(names[:3]) + (" …" if len(names) > 3 else "")


def _parts_of_lists(
    lists: dict[str, list[str]],
    pictures: PictureIndex,
    entries: dict[Path, Annotated],
    spoilt: set[Path],
    problems: list[Problem],
) -> dict[str, list[Annotated]]:
    parts: dict[str, list[Annotated]] = {}
    for part, names in lists.items():
        seen: set[Path] = set()
        entries_of_part = parts.setdefault(part, [])
        source = Path("ImageSets") / "Main" / f"{part}.txt"
        for name in names:
            file = _listed(name, pictures)
            if file is None:
                problems.append(Problem("missing picture", source, name))
            elif file in seen:
                problems.append(Problem("same picture twice", file, f"twice in {source}"))
            elif file in entries:
                seen.add(file)
                entries_of_part.append(entries[file])
            elif file not in spoilt:
                problems.append(Problem("no annotation", file, f"in {source}, but has no XML file"))
    return in_order(parts)


def _listed(name: str, pictures: PictureIndex) -> Path | None:
    """Return the picture that a line names: ``2008_000008``, ``2008_000008 1`` or ``2008_000008.jpg``."""
    first = name.split()[0]
    for candidate in (f"{name}.", name, f"{first}.", first):
        file = pictures.find(candidate, Path())
        if file:
            return file
    return None


def _classes(root: Path, labels: Sequence[str]) -> tuple[str, ...]:
    """Return the classes: those of ``classes.txt`` in its order, then others by the alphabet."""
    listing = root / CLASSES
    lines = listing.read_text(encoding="utf-8-sig", errors="replace").split("\n") if listing.is_file() else []
    named = dict.fromkeys(line.strip() for line in lines if line.strip())
    return (*named, *sorted(set(labels) - set(named)))
