"""Which texts the app trains on, and how their labels become targets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from apps.text.options import TrainOptions
from common.data.columns import is_number
from common.data.tables import TABLES, Kind, TextTable, read_table, stream_lines
from common.errors import InputError, UserError

__all__ = [
    "Corpus",
    "Examples",
    "class_names",
    "corpus_of",
    "fingerprint",
    "open_corpus",
    "open_examples",
    "parted",
    "targets_of",
    "texts_in",
]

MANY = 20  # labels; more of them than half of the texts are no classes
_TEST = ("test", "eval", "evaluation")
_HELD = ("dev", "valid", "validation", "val")


@dataclass(frozen=True)
class Examples:
    """Texts and their targets.

    Args:
        texts: n of them.
        targets: ``(n, K)`` float32: rows of one 1 (one of K), of any ones (independent yes/no), or values.
    """

    texts: list[str]
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, indices: np.ndarray) -> Examples:
        """Return the examples at ``indices``."""
        return Examples([self.texts[index] for index in indices], self.targets[indices])

    @property
    def strata(self) -> np.ndarray:
        """A number a text that splits and folds keep in proportion: its first class."""
        return self.targets.argmax(axis=1) if self.targets.shape[1] > 1 else np.zeros(len(self), np.int64)

    @property
    def fingerprint(self) -> str:
        """First 16 hex digits of a SHA-256 over all texts and targets."""
        return fingerprint(self.texts, self.targets)

    def halves(self, share: float, seed: int) -> tuple[Examples, Examples]:
        """Return (1 - share, share) of the examples, stratified, in a seeded order."""
        from sklearn.model_selection import train_test_split

        strata = self.strata
        if np.bincount(strata).min(initial=2) < 2:
            strata = np.zeros(len(self), np.int64)  # a class of one text cannot be on both sides
        kept, held = train_test_split(
            np.arange(len(self)), test_size=share, random_state=seed, stratify=strata
        )
        return self.take(np.sort(kept)), self.take(np.sort(held))


@dataclass(frozen=True)
class Corpus:
    """Training and test texts with what is said of them.

    Args:
        name: of the source.
        classes: names of the columns of the targets.
        kind: of the labels.
        train, held, test: the examples; ``held`` is None where the source holds none out.
        fingerprint: first 16 hex digits of a SHA-256 over all texts and targets.
        note: what was read and guessed, one line.
    """

    name: str
    classes: tuple[str, ...]
    kind: Kind
    train: Examples
    held: Examples | None
    test: Examples
    fingerprint: str
    note: str


def open_corpus(
    source: str | Path, *, text: str = "", label: str = "", several: str = "", seed: int = 0
) -> Corpus:
    """Open labelled texts.

    A column of splits is obeyed; else a tenth of the texts (at most 10,000), stratified, is the test split.

    Args:
        source: a file or folder that ``common.data.tables`` reads, or a TFDS name such as ``imdb_reviews``.
        text, label: names or numbers of the columns, "" to guess them.
        several: what stands between the labels of one text.
        seed: of the split.

    Raises:
        InputError: no such file, no labels, fewer than two classes, too few texts.
        UserError: a set that is not there and cannot be had.
    """
    table = _table(source, text, label, several)
    if table.labels is None:
        raise _without_labels(source, table)
    classes = class_names(table)
    if table.kind != "real values" and len(classes) < 2:
        raise InputError(f"{source} has one class only, {classes[0]!r}", "a classifier needs two or more")
    if table.kind == "one of K" and len(classes) > max(MANY, len(table) / 2):
        raise InputError(
            f"{source} has {len(classes):,} different labels for {len(table):,} texts ({table.note})",
            "name the column of the labels with --label",
        )
    examples = Examples(table.texts, targets_of(table, classes))
    if len(examples) < 10:
        raise InputError(f"{source} has {len(examples)} texts", "give at least 10")
    parts = _parts(examples, table.splits, seed)
    return Corpus(Path(source).name, classes, table.kind, *parts, examples.fingerprint, table.note)


def corpus_of(options: TrainOptions) -> Corpus:
    """Open the texts that a training asks for, with its own files for choosing and testing if it names any."""
    columns = {"text": options.text, "label": options.label, "several": options.several}
    corpus = open_corpus(options.data, seed=options.seed, **columns)
    if options.test:
        # The texts set aside for a test that is not wanted are trained on.
        everything = Examples(
            corpus.train.texts + corpus.test.texts,
            np.concatenate([corpus.train.targets, corpus.test.targets]),
        )
        given = open_examples(options.test, corpus.classes, corpus.kind, **columns)
        corpus = replace(corpus, train=everything, test=given)
    if options.held:
        corpus = replace(corpus, held=open_examples(options.held, corpus.classes, corpus.kind, **columns))
    if options.train_size is not None:
        if not len(corpus.classes) <= options.train_size <= len(corpus.train):
            raise UserError(
                f"--train-size {options.train_size}: {corpus.name} has {len(corpus.train)} training texts",
                f"choose {len(corpus.classes)} to {len(corpus.train)}",
            )
        if options.train_size < len(corpus.train):
            _, kept = corpus.train.halves(options.train_size / len(corpus.train), options.seed)
            corpus = replace(corpus, train=kept)
    return corpus


def open_examples(
    source: str | Path,
    classes: Sequence[str],
    kind: Kind,
    *,
    text: str = "",
    label: str = "",
    several: str = "",
) -> Examples:
    """Open labelled texts to evaluate a model with ``classes`` on: the test split if there is one, else all.

    Raises:
        InputError: no labels.
        UserError: a label that the model does not know.
    """
    table = _table(source, text, label, several)
    if table.labels is None:
        raise _without_labels(source, table)
    if kind != "real values":
        table = _spelled_out(table, classes)
        strange = sorted(set(class_names(table)) - set(classes))
        if strange:
            raise UserError(
                f"{source} has the label {strange[0]!r}; the model knows {', '.join(classes)}",
                "evaluate on data with its own labels",
            )
    examples = Examples(table.texts, targets_of(table, tuple(classes)))
    tests = np.array([split.lower() in _TEST for split in table.splits or ()])
    return examples.take(np.flatnonzero(tests)) if tests.any() else examples


def _without_labels(source: str | Path, table: TextTable) -> InputError:
    return InputError(
        f"{source}: which column holds the labels cannot be told ({table.note})", "name it with --label"
    )


def class_names(table: TextTable) -> tuple[str, ...]:
    """Return the sorted names of the labels (numbers by value), or ``("value",)`` for real values."""
    if table.kind == "real values":
        return ("value",)
    names = {name for named in _named(table) for name in named}

    def by_value(name: str) -> tuple[bool, float, str]:
        return (False, float(name), name) if is_number(name) else (True, 0.0, name)

    return tuple(sorted(names, key=by_value))


def _named(table: TextTable) -> list[list[str]]:
    """Return the names of each text's labels."""
    labels = table.labels or []
    return [[str(entry)] if isinstance(entry, str | float) else list(entry) for entry in labels]


def _spelled_out(table: TextTable, classes: Sequence[str]) -> TextTable:
    """Return a table with the model's names for its labels, where each is short for just one: ``neg``, ``pos``."""
    meant = {name: [one for one in classes if one.startswith(name)] for name in class_names(table)}
    if set(meant) <= set(classes) or any(len(found) != 1 for found in meant.values()):
        return table
    named = [[meant[name][0] for name in several] for several in _named(table)]
    labels = named if table.kind == "independent yes/no" else [several[0] for several in named]
    return replace(table, labels=labels)


def targets_of(table: TextTable, classes: tuple[str, ...]) -> np.ndarray:
    """Return the labels as ``(n, K)`` float32."""
    if table.kind == "real values":
        return np.array(table.labels, np.float32)[:, None]
    place = {name: number for number, name in enumerate(classes)}
    targets = np.zeros((len(table), len(classes)), np.float32)
    for row, named in enumerate(_named(table)):
        for name in named:
            targets[row, place[name]] = 1
    return targets


def _table(source: str | Path, text: str, label: str, several: str) -> TextTable:
    if not Path(source).exists() and "." not in Path(source).name and "/" not in str(source):
        return _tfds_table(str(source))
    return read_table(source, text=text, label=label, several=several)


def _tfds_table(name: str) -> TextTable:
    from common.data.datasets import open_builder

    builder = open_builder(name)
    import tensorflow_datasets as tfds

    features = builder.info.features
    if not features or "label" not in features or "text" not in features:
        raise UserError(f"data set {name!r} has no (text, label) pairs", "name a text classification set")
    names = features["label"].names
    texts: list[str] = []
    labels: list[str] = []
    splits: list[str] = []
    for split in ("train", "test"):
        for text, label in tfds.as_numpy(builder.as_dataset(split, as_supervised=True)):
            texts.append(text.decode("utf-8", "replace"))
            labels.append(names[int(label)])
            splits.append(split)
    return TextTable(texts, labels, splits, "one of K", f"{len(texts):,} texts of {name}, prepared by TFDS")


def _parts(
    examples: Examples, splits: list[str] | None, seed: int
) -> tuple[Examples, Examples | None, Examples]:
    if splits is not None:
        lower = np.array([split.lower() for split in splits])
        test, held = np.isin(lower, _TEST), np.isin(lower, _HELD)
        if test.any() and not (test | held).all():
            rest = examples.take(np.flatnonzero(~test & ~held))
            return (
                rest,
                examples.take(np.flatnonzero(held)) if held.any() else None,
                examples.take(np.flatnonzero(test)),
            )
    kept, tested = examples.halves(min(0.1, 10_000 / len(examples)), seed)
    return kept, None, tested


def texts_in(source: str, text: str = "") -> tuple[Iterator[str], str]:
    """Return the texts of a file, and what was read and guessed where it has columns.

    Args:
        source: a table (CSV, TSV, JSON lines), read whole; any other file, or ``-`` for standard input, has a text a
            line, read as it comes.
        text: name or number of the text column, "" to guess it.

    Raises:
        InputError: no such file, no text, no such column.
    """
    suffixes = {suffix.lower() for suffix in Path(source).suffixes[-2:]}
    if source != "-" and (text or suffixes & set(TABLES)):
        table = read_table(source, text=text, label=None)
        return iter(table.texts), table.note
    return stream_lines(source), ""


def fingerprint(texts: Sequence[str], numbers: np.ndarray) -> str:
    """Return the first 16 hex digits of a SHA-256 over all texts and what is known of them."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    digest.update(np.ascontiguousarray(numbers).data)
    return digest.hexdigest()[:16]


def held_share(examples: int) -> float:
    """Return the share of the training texts that is held out: a tenth, at most 2,500 texts."""
    return min(0.1, 2_500 / examples)


def parted(corpus: Corpus, seed: int, folds: int = 0) -> Iterator[tuple[Examples, Examples, Examples]]:
    """Yield texts to train on, to choose on and to test on.

    Args:
        corpus: the texts.
        seed: of what is held out, and of the folds.
        folds: 0 for the parts that the corpus has; else each part of all its texts is the test in turn, stratified.
    """
    if not folds:
        kept, held = corpus.train, corpus.held
        if held is None:
            kept, held = kept.halves(held_share(len(kept)), seed)
        yield kept, held, corpus.test
        return
    from sklearn.model_selection import StratifiedKFold

    parts = [part for part in (corpus.train, corpus.held, corpus.test) if part is not None]
    everything = Examples(
        [text for part in parts for text in part.texts], np.concatenate([part.targets for part in parts])
    )
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for train, test in splitter.split(everything.texts, everything.strata):
        yield *everything.take(train).halves(held_share(len(train)), seed), everything.take(test)
