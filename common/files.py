"""Writing files so that nobody ever meets half of one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["replacing", "unused", "write_text"]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside ``path``; what was written there becomes ``path`` in one step.

    The temporary file or folder keeps the suffix, by which many libraries choose the format.  When the block
    raises, it is removed and ``path`` is as it was.  Missing parent folders are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".writing-{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a whole text file, UTF-8, or leave what was there."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def unused(path: Path) -> Path:
    """Return a path that nothing has: this one, or ``NAME-2.SUFFIX`` and so on, of ``a.b.jpg`` ``a-2.b.jpg``."""
    stem, dot, suffix = path.name.partition(".")
    candidate, number = path, 2
    while candidate.exists():
        candidate, number = path.with_name(f"{stem}-{number}{dot}{suffix}"), number + 1
    return candidate
