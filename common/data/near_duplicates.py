"""Pictures of one part of a data set that are, nearly, pictures of another part: a test that tells too much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from common.data.boxed.duplicates import ALIKE, perceptual_hash

__all__ = ["AlikePair", "alike_across"]

_SAME = 0.97  # correlation of 16×16 grey pixels from which on two pictures are taken for one
_BLOCK = 256


@dataclass(frozen=True)
class AlikePair:
    """Two pictures that look alike: part and position of each."""

    first: tuple[str, int]
    second: tuple[str, int]


def alike_across(parts: Mapping[str, np.ndarray]) -> list[AlikePair]:
    """Return for each picture that looks like one of an earlier part the one that is most like it.

    A perceptual hash finds candidates; those count whose pixels agree too, up to brightness and contrast.  Pictures of
    one tone are left out.

    Args:
        parts: by name, ``(n, side, side, 3)`` uint8, all of one side.
    """
    names = list(parts)
    small = {name: _small(images) for name, images in parts.items()}
    hashes = {name: _hashes(images) for name, images in parts.items()}
    found = []
    for place, second in enumerate(names):
        places, bits = hashes[second]
        matched: set[int] = set()
        for first in names[:place]:
            earlier, theirs = hashes[first]
            for start in range(0, len(places), _BLOCK):
                block = slice(start, start + _BLOCK)
                near = np.bitwise_count(bits[block, None] ^ theirs[None]) <= ALIKE
                for row in np.flatnonzero(near.any(axis=1)):
                    ours = int(places[start + row])
                    candidates = earlier[near[row]]
                    likeness = small[first][candidates] @ small[second][ours]
                    if likeness.max() >= _SAME and ours not in matched:
                        matched.add(ours)
                        found.append(AlikePair((first, int(candidates[likeness.argmax()])), (second, ours)))
    return found


def _hashes(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of pictures that have something on them, and their perceptual hashes."""
    pairs = [
        (place, bits)
        for place, image in enumerate(images)
        if (bits := perceptual_hash(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))) is not None
    ]
    return np.array([place for place, _ in pairs], np.int64), np.array([bits for _, bits in pairs], np.uint64)


def _small(images: np.ndarray) -> np.ndarray:
    """Return 16×16 grey pixels of each picture, of mean 0 and length 1 ``(n, 256)``."""
    grey = [
        cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (16, 16), interpolation=cv2.INTER_AREA)
        for image in images
    ]
    flat = np.array(grey, np.float32).reshape(-1, 256)
    flat -= flat.mean(axis=1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
