"""Where the files of a data set lie: every file once, pictures by name, parts by the names of folders, sizes."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

import numpy as np
from PIL import Image

from common.console import Advance
from common.data.images import SUFFIXES, no_pillow_limit

__all__ = [
    "Header",
    "PictureIndex",
    "files_below",
    "in_order",
    "part_named",
    "part_of",
    "parts_of_folders",
    "read_headers",
]

T = TypeVar("T")

_PART = re.compile(r"(?<![a-z])(train|trainval|training|val|valid|validation|test|testing)(?![a-z])")
_PART_NAMES = {
    "trainval": "train",
    "training": "train",
    "valid": "val",
    "validation": "val",
    "testing": "test",
}
_READERS = 8  # threads; they wait for the disk
_ORIENTATION_TAG = 0x0112  # EXIF 2.32


def files_below(root: Path) -> list[Path]:
    """Return every file below a folder, sorted; links to folders are followed, hidden files left out."""
    found, seen = [], set()
    for folder, folders, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link to a folder above
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__MACOSX"]
        found += [Path(folder, name) for name in names if not name.startswith(".")]
    return sorted(found)


def part_named(name: str) -> str | None:
    """Return the part of a split that a name names: ``instances_train2017`` is ``train``, ``valid`` is ``val``."""
    match = _PART.search(name.lower())
    return _PART_NAMES.get(match[1], match[1]) if match else None


def part_of(file: Path, root: Path) -> str | None:
    """Return the part that one of a file's folders below ``root`` names."""
    parts = map(part_named, file.relative_to(root).parts[:-1])
    return next((part for part in parts if part), None)


def in_order(parts: Mapping[str, list[T]]) -> dict[str, list[T]]:
    """Return the parts that hold something: train, val, test, all."""
    return {name: parts[name] for name in ("train", "val", "test", "all") if parts.get(name)}


def parts_of_folders(root: Path, entries: Mapping[Path, T]) -> dict[str, list[T]]:
    """Sort what belongs to files into the parts that their folders name, ``all`` where none does.

    What lies outside such folders is left out where there are any.
    """
    parts: dict[str, list[T]] = {}
    for file, entry in entries.items():
        parts.setdefault(part_of(file, root) or "all", []).append(entry)
    if len(parts) > 1:
        parts.pop("all", None)
    return in_order(parts)


class PictureIndex:
    """Pictures of a data set by name, for annotations that tell it with other folders, cases or suffixes.

    Args:
        files: of the data set; those with a picture's suffix count.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self.files = [file for file in files if file.suffix.lower() in SUFFIXES]
        self._named: dict[str, list[Path]] = {}
        for file in self.files:
            for key in {_key(file.name), _key(file.stem) + "."}:
                self._named.setdefault(key, []).append(file)

    def find(self, name: str, near: Path) -> Path | None:
        """Return the picture with this name.

        Args:
            name: with folders or without, with ``/`` or ``\\``; ``"stem."`` for any suffix.
            near: of several, the one is taken whose folders have most in common with those of ``name`` and with
                this path's.
        """
        wanted = PurePosixPath(name.replace("\\", "/"))
        candidates = self._named.get(_key(wanted.name), [])
        if len(candidates) < 2:
            return candidates[0] if candidates else None
        folders, around = _folder_keys(wanted.parts[:-1]), _folder_keys(near.parts)

        def closeness(file: Path) -> tuple[bool, int, int, int]:
            own = _folder_keys(file.parent.parts)
            return (
                file.name == wanted.name,
                len(folders & own),
                len(around & own),
                -len(own),
            )

        return max(candidates, key=closeness)


@dataclass(frozen=True)
class Header:
    """What a picture's first bytes say.

    Args:
        stored: width and height as the pixels lie in the file.
        orientation: how they must be turned to stand upright, 1 to 8 (EXIF 2.32, tag 0x0112).
    """

    stored: tuple[int, int]
    orientation: int = 1

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the upright picture."""
        return self.stored if self.orientation < 5 else (self.stored[1], self.stored[0])

    def upright(self, points: np.ndarray) -> np.ndarray:
        """Return points ``(..., 2)`` of the stored picture in the upright one."""
        width, height = self.stored
        x, y = points[..., 0], points[..., 1]
        turned = {
            2: (width - x, y),
            3: (width - x, height - y),
            4: (x, height - y),
            5: (y, x),
            6: (height - y, x),
            7: (height - y, width - x),
            8: (y, width - x),
        }.get(self.orientation, (x, y))
        return np.stack(turned, axis=-1)


def read_headers(files: Collection[Path], progress: Advance) -> dict[Path, Header | str]:
    """Return the header of each picture, or what is wrong with the file; nothing is decoded.

    Args:
        files: pictures.
        progress: called with (pictures read, pictures, remark).
    """
    found: dict[Path, Header | str] = {}
    # Pillow's own limit is lifted once for all threads: a header holds no pixels.
    with no_pillow_limit(), ThreadPoolExecutor(_READERS) as pool:
        for file, header in zip(files, pool.map(_read_header, files), strict=True):
            found[file] = header
            progress(len(found), len(files), "")
    return found


def _read_header(file: Path) -> Header | str:
    try:
        if not file.stat().st_size:
            return "empty (0 bytes)"
        with Image.open(file) as image:
            # A PNG may hold its EXIF block behind the pixels; looking for it there would decode them.
            behind = image.format == "PNG" and "exif" not in image.info
            try:
                orientation = 1 if behind else image.getexif().get(_ORIENTATION_TAG, 1)
            except Exception:  # a broken EXIF block is no reason to refuse the picture
                orientation = 1
            return Header(image.size, orientation if orientation in range(1, 9) else 1)
    except Exception as error:  # Pillow's readers raise whatever damage leads them to
        return (str(error).splitlines() or [type(error).__name__])[0].removesuffix(f" {str(file)!r}")[:120]


def _folder_keys(names: Iterable[str]) -> set[str]:
    """Return names of folders to compare: ``train2017`` and ``train`` are the same."""
    return {part_named(name) or _key(name) for name in names}


def _key(name: str) -> str:
    """Return a name without case and with composed accents, as file systems compare them."""
    return unicodedata.normalize("NFC", name).casefold()
