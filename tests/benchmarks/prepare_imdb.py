"""Write IMDB as the files that the shipped vectors and the sentiment model are trained on.

    python tests/benchmarks/prepare_imdb.py ../shared/data/text OUT

gives ``train.tsv`` and ``test.tsv`` (label, text) and ``unlabelled.txt`` (a review a line).  Reviews that also stand in
the test part are left out of the unlabelled ones, and each unlabelled review is there once; the two labelled
parts are as published.
"""

from __future__ import annotations

import lzma
import sys
from pathlib import Path


def main(source: Path, out: Path) -> None:
    """Read the two archives and write the three files."""
    out.mkdir(parents=True, exist_ok=True)
    with lzma.open(source / "imdb_labelled.tsv.xz", "rt", encoding="utf-8", newline="\n") as file:
        rows = [line.rstrip("\n").split("\t", 2) for line in file]
    with lzma.open(source / "imdb_unsupervised.txt.xz", "rt", encoding="utf-8", newline="\n") as file:
        unlabelled = dict.fromkeys(line.strip() for line in file)
    for split in ("train", "test"):
        named = {"0": "negative", "1": "positive"}
        lines = [f"{named[label]}\t{text}\n" for part, label, text in rows if part == split]
        (out / f"{split}.tsv").write_text("label\ttext\n" + "".join(lines), encoding="utf-8", newline="\n")
    known = {text.strip() for _, _, text in rows}
    kept = [text for text in unlabelled if text and text not in known]
    (out / "unlabelled.txt").write_text("\n".join(kept) + "\n", encoding="utf-8", newline="\n")
    print(f"{len(rows):,} labelled, {len(kept):,} unlabelled reviews in {out}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
