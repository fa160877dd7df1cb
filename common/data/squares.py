"""Pictures of any size as squares of one size, in memory.

The whole picture is brought to the square, so nothing of it is cut off; its aspect is not kept.  The windows of the
random-resized crop, whose sides differ too, teach a network to bear that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from PIL import Image

from common.console import Advance
from common.data.images import decode, no_pillow_limit
from common.errors import InputError, UserError

__all__ = [
    "MEMORY",
    "SIDES",
    "Squares",
    "ahead",
    "check_memory",
    "decode_square",
    "read_squares",
    "side_for",
    "sizes_of",
    "square",
]

MEMORY = 6_000_000_000  # bytes that a data set's squares may take
SIDES = (32, 64, 128)  # that are chosen among where none is asked for
_DETAIL = 4  # of a picture so many times the square's side is decoded, and averaged down

T = TypeVar("T")


@dataclass(frozen=True)
class Squares:
    """Pictures that could be read.

    Args:
        images: ``(n, side, side, 3)`` uint8.
        kept: positions in the list of files of those that could be read ``(n,)``.
        failures: file and reason of those that could not.
    """

    images: np.ndarray
    kept: np.ndarray
    failures: tuple[tuple[str, str], ...]


def square(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return a picture ``(height, width, 3)`` or ``(height, width)`` uint8 as ``(side, side, 3)``."""
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        pixels = np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=2)
    shrinks = pixels.shape[0] * pixels.shape[1] > side * side
    if pixels.shape[:2] == (side, side):
        return pixels
    return cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def decode_square(source: str | Path | bytes, side: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Read one picture; return its square, and what was done while decoding that the eye might miss.

    Raises:
        InputError: it cannot be read.
    """
    picture = decode(source, max_side=_DETAIL * side)
    notes = tuple(
        note for note in picture.notes if not note.startswith("shrunk")
    )  # all are brought to the square
    return square(picture.pixels, side), notes


def side_for(sizes: Iterable[tuple[int, int]]) -> int:
    """Return the side of the square that suits pictures: the smallest of ``SIDES`` that holds most of them.

    Args:
        sizes: width and height of some of the pictures.
    """
    median = float(np.median([max(size) for size in sizes]))
    return next((side for side in SIDES if median <= side), SIDES[-1])


def read_squares(
    files: Sequence[Path], side: int, progress: Advance = lambda done, total, remark: None
) -> Squares:
    """Read pictures in several threads; those that cannot be read are left out and named.

    Args:
        files: the pictures.
        side: of the squares.
        progress: called with (pictures read, pictures, remark).

    Raises:
        UserError: they would take more than ``MEMORY``.
    """
    check_memory(len(files), side)
    images = np.empty((len(files), side, side, 3), np.uint8)
    kept: list[int] = []
    failures: list[tuple[str, str]] = []
    results = ahead(_try_square, ((file, side) for file in files))
    for number, (file, result) in enumerate(zip(files, results, strict=True)):
        if isinstance(result, InputError):
            failures.append((str(file), result.message.removeprefix(f"{file}: ")))
        else:
            images[len(kept)] = result
            kept.append(number)
        progress(number + 1, len(files), "")
    return Squares(images[: len(kept)], np.array(kept, np.int64), tuple(failures))


def check_memory(count: int, side: int) -> None:
    """Refuse squares that would not fit into the memory.

    Raises:
        UserError: they would take more than ``MEMORY``.
    """
    if (need := count * side * side * 3) > MEMORY:
        raise UserError(
            f"{count:,} pictures of {side}×{side} would take {need / 1e9:.1f} GB of memory",
            f"a smaller --side: {side // 2} takes a quarter of it",
        )


def ahead(work: Callable[..., T], items: Iterable[tuple[Any, ...]], depth: int = 64) -> Iterator[T]:
    """Do work in as many threads as there are cores, some items ahead of who takes the results.

    Args:
        work: a function of the parts of an item.
        items: of work.
        depth: items under work or waiting at a time.

    Yields:
        The results in the order of the items.
    """
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(cpu_count() or 1) as pool:
        for item in items:
            waiting.append(pool.submit(work, *item))
            if len(waiting) >= depth:
                yield waiting.popleft().result()
        for future in waiting:
            yield future.result()


def _try_square(file: Path, side: int) -> np.ndarray | InputError:
    try:
        return decode_square(file, side)[0]
    except InputError as error:
        return error


def sizes_of(files: Sequence[Path], limit: int = 200) -> list[tuple[int, int]]:
    """Return width and height of some of the pictures, spread over the list, without decoding them.

    Those that cannot be opened are left out.
    """
    sizes = []
    with no_pillow_limit():
        for file in files[:: max(1, len(files) // limit)]:
            try:
                with Image.open(file) as image:
                    sizes.append(image.size)
            except (OSError, SyntaxError, ValueError):
                continue
    return sizes
