"""Pictures with boxed objects in the JSON format of COCO.

Ids of pictures and classes are any numbers, in any order; ``file_name`` may hold folders, and the pictures lie anywhere
below the data set's folder.  Crowds (``iscrowd``) are regions, not objects, and are left out; of an object given as
a run-length mask the box is taken.

Reference:
    Lin et al., "Microsoft COCO", ECCV 2014; https://cocodataset.org/#format-data
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from common.console import Advance
from common.data.boxed.annotated import Annotated, AnnotatedSet, Marked, Problem, tidied
from common.data.boxed.locating import PictureIndex, files_below, in_order, part_named, read_headers
from common.errors import InputError

__all__ = ["find_listings", "read_coco"]

_SECTIONS = ("images", "annotations", "categories")
_SIGNS = ((b"images", b"file_name"), (b"annotations", b"image_id"), (b"categories", b"supercategory"))
_HINT = "it holds images, annotations, categories"


def find_listings(files: Iterable[Path]) -> list[Path]:
    """Return the annotation files of objects among the files of a data set.

    COCO's own are called ``instances_….json`` and have captions and key points beside them, which are left out;
    Roboflow's ``_annotations.coco.json``; of others the first kilobytes are looked at.
    """
    listings = [file for file in files if file.suffix.lower() == ".json"]
    named = [
        file for file in listings if file.name.startswith("instances_") or file.name.endswith(".coco.json")
    ]
    return named or [file for file in listings if _looks_like_coco(file)]


def read_coco(
    listings: Sequence[Path],
    root: Path,
    *,
    files: Sequence[Path] | None = None,
    progress: Advance = lambda done, total, remark: None,
) -> AnnotatedSet:
    """Read annotation files.

    Args:
        listings: ``instances….json``; each is the part that its name, or its folder's, names.
        root: folder in which the pictures lie, at any depth.
        files: below ``root``, where they are known.
        progress: called with (pictures read, pictures, remark).

    Raises:
        InputError: not a COCO file, or none of their pictures is there.
    """
    problems: list[Problem] = []
    index = PictureIndex(files_below(root) if files is None else files)
    contents = _load_all(listings, problems)
    places = {
        listing: _locate(content["images"], listing, index, problems) for listing, content in contents.items()
    }
    headers = read_headers({file: None for found in places.values() for file, _ in found.values()}, progress)
    parts: dict[str, list[Annotated]] = {}
    classes: dict[str, None] = {}
    counts: Counter[str] = Counter()
    for listing, content in contents.items():
        part = part_named(listing.stem) or part_named(listing.parent.name) or "all"
        found = places[listing]
        categories = _categories(content["categories"], listing, problems)
        classes.update(dict.fromkeys(categories.values()))
        objects = _objects(content, categories, found, listing, problems, counts)
        for number, (file, declared) in found.items():
            header = headers[file]
            if isinstance(header, str):
                problems.append(Problem("unreadable picture", file, header))
                continue
            marked = objects.get(number, [])
            entry = tidied(file, header, marked, problems, source=listing, declared=declared)
            parts.setdefault(part, []).append(entry)
    if not parts:
        total = sum(len(content["images"]) for content in contents.values())
        raise InputError(
            f"{listings[0]}: none of its {total} pictures is in {root}", "check where the pictures are"
        )
    problems += _unlisted(index, places.values())
    notes = tuple(f"{count:,} {what}" for what, count in counts.items() if count)
    return AnnotatedSet(root.name, "coco", tuple(classes), in_order(parts), notes, tuple(problems))


def _looks_like_coco(file: Path) -> bool:
    with file.open("rb") as stream:
        head = stream.read(1 << 16)
    return any(b'"%s"' % section in head and b'"%s"' % key in head for section, key in _SIGNS)


def _load_all(listings: Sequence[Path], problems: list[Problem]) -> dict[Path, dict[str, list[Any]]]:
    """Load what can be loaded.

    Raises:
        InputError: nothing can.
    """
    contents, failures = {}, []
    for listing in listings:
        try:
            contents[listing] = _load(listing)
        except InputError as error:
            failures.append(error)
            problems.append(Problem("unreadable annotation", listing, error.message))
    if not contents:
        raise failures[0]
    return contents


def _load(listing: Path) -> dict[str, list[Any]]:
    try:
        content = json.loads(listing.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{listing} is no COCO file ({error})", _HINT) from error
    if not isinstance(content, dict):
        raise InputError(f"{listing} is no COCO file (a {type(content).__name__} of JSON)", _HINT)
    missing = [section for section in _SECTIONS if not isinstance(content.get(section), list)]
    if missing:
        raise InputError(f"{listing} is no COCO file (it has no list of {', '.join(missing)})", _HINT)
    return content


def _locate(
    images: list[Any], listing: Path, index: PictureIndex, problems: list[Problem]
) -> dict[str, tuple[Path, tuple[int, int] | None]]:
    """Return the file and the declared size of each picture by its id."""
    claims: dict[Path, list[tuple[str, str]]] = {}
    sizes: dict[str, tuple[int, int] | None] = {}
    for row, image in enumerate(images):
        try:
            number, name = str(image["id"]), str(image["file_name"])
        except (KeyError, TypeError):
            problems.append(Problem("bad row", listing, f"images[{row}] has no id or file_name"))
            continue
        if number in sizes:
            problems.append(Problem("bad row", listing, f"images[{row}]: id {number} is another picture's"))
            continue
        file = index.find(name, listing.parent / (part_named(listing.stem) or ""))
        if file is None:
            problems.append(Problem("missing picture", listing, name))
            continue
        try:
            width, height = int(image["width"]), int(image["height"])
        except (KeyError, TypeError, ValueError, OverflowError):
            width = height = 0
        sizes[number] = (width, height) if width > 0 and height > 0 else None
        claims.setdefault(file, []).append((number, name))
    found = {}
    for file, claimants in claims.items():
        # Of two names for one file, a/1.jpg and b/1.jpg, the farther one's picture is missing.
        best = max(_shared_tail(file, name) for _, name in claimants)
        for number, name in claimants:
            if _shared_tail(file, name) == best:
                found[number] = (file, sizes[number])
            else:
                problems.append(Problem("missing picture", listing, name))
    order = {number: row for row, number in enumerate(sizes)}
    return dict(sorted(found.items(), key=lambda item: order[item[0]]))


def _shared_tail(file: Path, name: str) -> int:
    told = PurePosixPath(name.replace("\\", "/")).parts
    pairs = zip(reversed(file.parts), reversed(told), strict=False)
    return next((count for count, (ours, theirs) in enumerate(pairs) if ours != theirs), 10**6)


def _categories(entries: list[Any], listing: Path, problems: list[Problem]) -> dict[str, str]:
    """Return the name of each class by its id, in the order of the ids."""
    names: dict[Any, str] = {}
    for row, entry in enumerate(entries):
        try:
            names[entry["id"]] = str(entry["name"])
        except (KeyError, TypeError):
            problems.append(Problem("bad row", listing, f"categories[{row}] has no id or name"))
    order = sorted(names, key=lambda n: (0, n, "") if isinstance(n, int | float) else (1, 0, str(n)))
    return {str(number): names[number] for number in order}


def _objects(
    content: dict[str, list[Any]],
    categories: dict[str, str],
    pictures: dict[str, tuple[Path, tuple[int, int] | None]],
    listing: Path,
    problems: list[Problem],
    counts: Counter[str],
) -> dict[str, list[Marked]]:
    """Return the objects of each picture by its id."""
    found: dict[str, list[Marked]] = {}
    listed = {str(image.get("id")) for image in content["images"] if isinstance(image, dict)}
    for row, entry in enumerate(content["annotations"]):
        try:
            where = f"annotation {entry.get('id', f'[{row}]')}"
            number, category, crowd = str(entry["image_id"]), str(entry["category_id"]), entry.get("iscrowd")
            if crowd:
                counts["crowds left out"] += 1
                continue
            x, y, width, height = (float(value) for value in entry["bbox"])
        except (AttributeError, KeyError, TypeError, ValueError):
            problems.append(
                Problem("bad row", listing, f"annotations[{row}] needs image_id, category_id, bbox")
            )
            continue
        if number not in pictures:
            if number not in listed:
                problems.append(Problem("bad row", listing, f"{where}: no picture has the id {number}"))
            continue  # a missing picture was said once, of the picture
        where = f"{pictures[number][0].name}, {where}"
        if category not in categories:
            problems.append(Problem("unknown class", listing, f"{where}: category_id {category}"))
            continue
        outline = _polygons(entry.get("segmentation"))
        counts["run-length masks of which only the box is taken"] += isinstance(
            entry.get("segmentation"), dict
        )
        box = (x, y, width, height)
        one = Marked(box, categories[category], where, outline, bool(entry.get("ignore")))
        found.setdefault(number, []).append(one)
    return found


def _polygons(segmentation: object) -> tuple[np.ndarray, ...]:
    """Return the polygons that can be drawn: three points or more, all of them numbers."""
    if not isinstance(segmentation, list):
        return ()
    if segmentation and not isinstance(segmentation[0], list):
        segmentation = [segmentation]
    found = []
    for points in segmentation:
        try:
            array = np.array(points, np.float32).reshape(-1, 2)
        except (TypeError, ValueError):
            continue
        if len(array) >= 3 and np.isfinite(array).all():
            found.append(array)
    return tuple(found)


def _unlisted(
    index: PictureIndex, places: Iterable[dict[str, tuple[Path, tuple[int, int] | None]]]
) -> list[Problem]:
    """Return the pictures of which no annotation file knows, in the folders of those that are known."""
    known = {file for found in places for file, _ in found.values()}
    folders = {file.parent for file in known}
    return [
        Problem("no annotation", file, "in no annotation file; left out")
        for file in index.files
        if file.parent in folders and file not in known
    ]
