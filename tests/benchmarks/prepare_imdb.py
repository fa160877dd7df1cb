"""Write IMDB as the files that the shipped vectors and the sentiment model are trained on.

    python tests/benchmarks/prepare_imdb.py ../shared/data/text OUT

gives ``train.tsv``, ``held.tsv`` and ``test.tsv`` (label, text) and ``unlabelled.txt`` (a review a line).  The test
part is as published.  The published training reviews stand film by film, and those of the test part are of other films;
so the last 1,250 of each label are held out.  Of 2,500 random ones 12.5 % share three rare words with a training
review, of these 2.1 %, of the test ones 2.1 %: what is chosen on random ones is chosen for remembering films.
Reviews that also stand in the labelled parts are left out of the unlabelled ones, and each is there once.
"""

from __future__ import annotations

import lzma
import sys
from pathlib import Path

HELD = 1_250  # reviews of each label


def main(source: Path, out: Path) -> None:
    """Read the two archives and write the three files."""
    out.mkdir(parents=True, exist_ok=True)
    with lzma.open(source / "imdb_labelled.tsv.xz", "rt", encoding="utf-8", newline="\n") as file:
        rows = [line.rstrip("\n").split("\t", 2) for line in file]
    with lzma.open(source / "imdb_unsupervised.txt.xz", "rt", encoding="utf-8", newline="\n") as file:
        unlabelled = dict.fromkeys(line.strip() for line in file)
    named = {"0": "negative", "1": "positive"}
    parts: dict[str, list[str]] = {"train": [], "held": [], "test": []}
    for label, name in named.items():
        lines = {
            split: [f"{name}\t{text}\n" for part, given, text in rows if (part, given) == (split, label)]
            for split in ("train", "test")
        }
        parts["train"] += lines["train"][:-HELD]
        parts["held"] += lines["train"][-HELD:]
        parts["test"] += lines["test"]
    for name, written in parts.items():
        (out / f"{name}.tsv").write_text("label\ttext\n" + "".join(written), encoding="utf-8", newline="\n")
    known = {text.strip() for _, _, text in rows}
    kept = [text for text in unlabelled if text and text not in known]
    (out / "unlabelled.txt").write_text("\n".join(kept) + "\n", encoding="utf-8", newline="\n")
    print(f"{len(rows):,} labelled, {len(kept):,} unlabelled reviews in {out}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
