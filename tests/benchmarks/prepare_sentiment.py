"""Write the reviews and sentences that the sentiment model is trained on.

    python tests/benchmarks/prepare_imdb.py ../shared/data/text OUT
    python tests/benchmarks/prepare_sentiment.py ../shared/data/text OUT

adds to OUT ``mixed.tsv``: the training reviews, and of SST-2 the training sentences and their phrases of three words or
more, each once; and ``mixed_held.tsv``: the reviews held out and SST-2's development part.  Reviews alone make a model
that judges single sentences badly (76.0 % of that development part), sentences alone one that judges reviews badly.
"""

from __future__ import annotations

import lzma
import sys
from collections.abc import Iterable
from pathlib import Path

NAMES = {"0": "negative", "1": "positive"}
LEAST_WORDS = 3  # of a phrase


def main(source: Path, out: Path) -> None:
    """Read SST-2 beside the reviews that are there, and write both files."""
    with lzma.open(source / "stsa.binary.phrases.train.xz", "rt", encoding="utf-8") as file:
        phrases = [row for row in _rows(file) if len(row[1].split()) >= LEAST_WORDS]
    sentences = _rows((source / "stsa.binary.train").read_text(encoding="utf-8").splitlines())
    for name, reviews, rows in (
        ("mixed", "train", list(dict.fromkeys([*phrases, *sentences]))),
        ("mixed_held", "held", _rows((source / "stsa.binary.dev").read_text(encoding="utf-8").splitlines())),
    ):
        text = (out / f"{reviews}.tsv").read_text(encoding="utf-8")
        text += "".join(f"{label}\t{sentence}\n" for label, sentence in rows)
        (out / f"{name}.tsv").write_text(text, encoding="utf-8", newline="\n")
        print(f"{len(rows):,} sentences and phrases in {out / name}.tsv")


def _rows(lines: Iterable[str]) -> list[tuple[str, str]]:
    """Return (label, text) of each line, with its brackets back."""
    rows = []
    for line in lines:
        label, text = line.rstrip("\n").split(" ", 1)
        rows.append((NAMES[label], text.replace("-lrb-", "(").replace("-rrb-", ")").replace("\t", " ")))
    return rows


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
