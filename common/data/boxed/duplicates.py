"""Pictures that come twice: byte by byte, by Roboflow's names, and to the eye."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from common.data.boxed.annotated import Problem

__all__ = ["ALIKE", "find_alike", "find_copies", "find_one_source", "perceptual_hash"]

# Bits of 63 that differ at most.  Measured: copies and lighter edits 0 to 8, other pictures 10 and more.
ALIKE = 8
_FLAT = 2.0  # standard deviation below which a small picture has nothing to compare
_ROBOFLOW = re.compile(r"\.rf\.[0-9a-f]{32}$")


def find_copies(parts: Mapping[str, Sequence[Path]]) -> list[Problem]:
    """Return pictures of the same content: in two parts, and twice in one.

    Only files of the same size are read.

    Args:
        parts: of the data set, the pictures of each.
    """
    places: dict[Path, list[str]] = defaultdict(list)
    for part, files in parts.items():
        for file in files:
            places[file].append(part)
    by_size: dict[int, list[Path]] = defaultdict(list)
    for file in places:
        by_size[file.stat().st_size].append(file)
    groups: list[list[Path]] = []
    for same_size in by_size.values():
        if len(same_size) == 1:
            groups.append(same_size)
            continue
        by_content: dict[bytes, list[Path]] = defaultdict(list)
        for file in same_size:
            by_content[hashlib.blake2b(file.read_bytes(), digest_size=16).digest()].append(file)
        groups += by_content.values()
    found = []
    for group in groups:
        seen: dict[str, Path] = {}
        for file in group:
            for part in places[file]:
                others = [f"{other.name} of {name}" for name, other in seen.items() if name != part]
                if part in seen:
                    found.append(Problem("same picture twice", file, f"as {seen[part].name} in {part}"))
                elif others:
                    found.append(Problem("same picture in two parts", file, f"{part}, and {others[0]}"))
                seen.setdefault(part, file)
    return found


def find_one_source(parts: Mapping[str, Sequence[Path]]) -> list[Problem]:
    """Return pictures of two parts that Roboflow made of one, by their names ``NAME.rf.HASH.jpg``."""
    seen: dict[str, tuple[str, Path]] = {}
    found = []
    for part, files in parts.items():
        for file in files:
            source, count = _ROBOFLOW.subn("", file.stem)
            if count:
                other_part, other = seen.setdefault(source, (part, file))
                if other_part != part:
                    found.append(
                        Problem("one source in two parts", file, f"{part}, and {other.name} of {other_part}")
                    )
    return found


def perceptual_hash(pixels: np.ndarray) -> int | None:
    """Return 63 bits that stay nearly the same when a picture is resized, recompressed or a little retouched.

    The bits say which of the lowest frequencies of the picture, shrunk to 32 × 32 grey pixels, are above their median
    (Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, section 3.2.1).

    Args:
        pixels: ``(height, width)`` uint8.

    Returns:
        The bits; None for a picture of one tone.
    """
    import cv2

    small = cv2.resize(pixels, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    if small.std() < _FLAT:
        return None
    waves = cv2.dct(small)[:8, :8].ravel()[1:]
    return sum(1 << place for place, bit in enumerate(waves > np.median(waves)) if bit)


def find_alike(hashes: Mapping[str, Mapping[Path, int]], *, block: int = 512) -> list[Problem]:
    """Return pictures that look like one of another part, with the one that is most alike.

    Args:
        hashes: of the pictures of each part.
        block: pictures that are compared with all others at a time.
    """
    found = []
    names = list(hashes)
    arrays = {name: np.array(list(part.values()), np.uint64) for name, part in hashes.items()}
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            ours, theirs = list(hashes[first]), list(hashes[second])
            for start in range(0, len(theirs), block):
                bits = np.bitwise_count(arrays[second][start : start + block, None] ^ arrays[first][None])
                for row in np.flatnonzero((bits <= ALIKE).any(axis=1)):
                    nearest = f"{second}, and {ours[bits[row].argmin()].name} of {first}"
                    more = int((bits[row] <= ALIKE).sum()) - 1
                    detail = nearest + (f" and {more} more" if more else "")
                    found.append(Problem("alike in two parts", theirs[start + row], detail))
    return found
