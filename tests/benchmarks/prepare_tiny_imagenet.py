"""Tiny ImageNet with the names of its classes, as the general model was trained on.

    python ../shared/tools/prepare_tiny_imagenet.py --source REPOSITORY --out tiny-imagenet-200
    python -m tests.benchmarks.prepare_tiny_imagenet tiny-imagenet-200 build/tiny-imagenet

Takes a folder ``train/n01443537/*.jpg``, ``val/…`` and ``classes.txt`` (number, WordNet number twice, names), and links
its pictures into folders that are called as the classes are: ``train/goldfish/*.jpg``.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

__all__ = ["class_names", "main"]


def class_names(listing: Path) -> dict[str, str]:
    """Return the name of each class by its WordNet number: its first name, or its first two where two share it."""
    rows = [line.split("\t") for line in listing.read_text(encoding="utf-8").splitlines() if line.strip()]
    names = {row[1]: [name.strip() for name in row[3].split(",")] for row in rows}
    first = [several[0] for several in names.values()]
    return {
        number: several[0] if first.count(several[0]) == 1 else f"{several[0]}, {several[-1]}"
        for number, several in names.items()
    }


def main(source: Path, out: Path) -> None:
    """Link all pictures of ``source`` into ``out``, which is not there yet."""
    names = class_names(source / "classes.txt")
    for part in ("train", "val"):
        for folder in sorted(path for path in (source / part).iterdir() if path.is_dir()):
            goal = out / part / names[folder.name]
            goal.mkdir(parents=True)
            for file in folder.rglob("*.*"):
                os.link(file, goal / file.name)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    asked = parser.parse_args()
    main(asked.source, asked.out)
