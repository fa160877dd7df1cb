"""Texts that belong together, to learn likeness from: neighbouring passages of one document, or one label.

Two passages that follow each other are about the same thing, whoever wrote them (Kiros et al., "Skip-thought
vectors", NIPS 2015; Logeswaran and Lee, "An efficient framework for learning sentence representations", ICLR 2018).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from apps.text.data import class_names, fingerprint, targets_of
from apps.text.options import EncoderOptions
from common.data.tables import read_table
from common.errors import InputError

__all__ = ["Likeness", "open_likeness", "sentences"]

_END = re.compile(r"(?<=[.!?])\s+|(?<=[.!?][\"')\]])\s+|(?<=[。！？])|\n+|(?:<br\s*/?>\s*)+")
SHORTEST = 20  # characters of a passage; a shorter sentence is read together with the next
FEWEST = 20  # pairs of passages
FEWEST_LABELLED = 40  # texts, of which a quarter is searched in
DOCUMENTS = 6  # at least, of which two are held out and two searched in
STRETCH = 20  # lines at most that are held out together where all are one document


@dataclass(frozen=True)
class Likeness:
    """Texts, and which of them belong together.

    Args:
        texts: n of them.
        groups: ``(n,)`` number of the document or label.
        pairs: ``(m, 2)`` neighbours in one document; None where labels say what belongs together.
        name: of the source.
        note: what was read and guessed, one line.
    """

    texts: list[str]
    groups: np.ndarray
    pairs: np.ndarray | None
    name: str
    note: str

    @property
    def fingerprint(self) -> str:
        """First 16 hex digits of a SHA-256 over all texts and groups."""
        return fingerprint(self.texts, self.groups)

    def halves(self, share: float, seed: int) -> tuple[Likeness, Likeness]:
        """Return (1 - share, share): whole documents of neighbours, or texts of every label."""
        if self.pairs is None:
            from sklearn.model_selection import train_test_split

            counts = np.bincount(self.groups)
            even = self.groups if counts[counts > 0].min() >= 2 else None
            held = train_test_split(
                np.arange(len(self.texts)), test_size=share, random_state=seed, stratify=even
            )[1]
            inside = np.isin(np.arange(len(self.texts)), held)
        else:
            documents = self.groups.max() + 1
            shuffled = np.random.default_rng(seed).permutation(documents)
            inside = np.isin(self.groups, shuffled[: max(2, round(share * documents))])
        return self._where(~inside), self._where(inside)

    def _where(self, inside: np.ndarray) -> Likeness:
        place = np.cumsum(inside) - 1
        pairs = None if self.pairs is None else place[self.pairs[inside[self.pairs].all(axis=1)]]
        texts = [self.texts[number] for number in np.flatnonzero(inside)]
        return Likeness(texts, self.groups[inside], pairs, self.name, self.note)

    def relevant(self) -> np.ndarray:
        """Return which texts answer which ``(n, n)``: neighbours, or all others of the label."""
        if self.pairs is None:
            return (self.groups[:, None] == self.groups) & ~np.eye(len(self.texts), dtype=bool)
        answers = np.zeros((len(self.texts), len(self.texts)), bool)
        answers[self.pairs[:, 0], self.pairs[:, 1]] = answers[self.pairs[:, 1], self.pairs[:, 0]] = True
        return answers


def open_likeness(options: EncoderOptions) -> Likeness:
    """Read what belongs together: by label where the file has labels, else neighbouring passages.

    A file without labels that holds one sentence a line is read as one document.

    Raises:
        InputError: no such file; too few texts; one label only.
    """
    path = Path(options.data)
    table = read_table(
        path, text=options.text, label=None if options.neighbours else options.label, several=options.several
    )
    if table.labels is None or table.kind == "real values":
        return _neighbours(table.texts, path.name, table.note)
    classes = class_names(table)
    if len(classes) < 2:
        raise InputError(
            f"{path} has one class only, {classes[0]!r}", "use --neighbours to learn from its passages"
        )
    groups = np.unique(targets_of(table, classes), axis=0, return_inverse=True)[1].reshape(-1)
    _require(len(table), FEWEST_LABELLED, "labelled texts", path)
    return Likeness(table.texts, groups, None, path.name, table.note)


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, very short ones together with the next."""
    found: list[str] = []
    waiting = ""
    for piece in _END.split(text):
        waiting = f"{waiting} {piece.strip()}".strip()
        if len(waiting) >= SHORTEST:
            found.append(waiting)
            waiting = ""
    if waiting:
        found[-1:] = [f"{found[-1]} {waiting}"] if found else [waiting]
    return found


def _neighbours(texts: Sequence[str], name: str, note: str) -> Likeness:
    split = [sentences(text) for text in texts]
    if sum(map(len, split)) < 1.5 * len(split):  # a sentence a line: the lines are the passages
        lines = [text for text in texts if text.strip()]
        # Whole stretches are held out, so the one document is cut into many.
        stretch = int(np.clip(len(lines) // (2 * DOCUMENTS), 2, STRETCH))
        split = [lines[start : start + stretch] for start in range(0, len(lines), stretch)]
    passages = [passage for document in split for passage in document]
    groups = np.repeat(np.arange(len(split)), [len(document) for document in split])
    first = np.flatnonzero(groups[1:] == groups[:-1])
    _require(len(first), FEWEST, "pairs of neighbouring passages", Path(name))
    _require(len(split), DOCUMENTS, "documents, a line each", Path(name))
    pairs = np.stack([first, first + 1], axis=1)
    return Likeness(passages, groups, pairs, name, f"{note}, {len(pairs):,} pairs of neighbouring passages")


def _require(count: int, fewest: int, what: str, path: Path) -> None:
    if count < fewest:
        raise InputError(f"{path} has {count} {what}", f"give at least {fewest}")
