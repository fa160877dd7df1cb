"""Pictures with labels: a folder, a table or a TFDS set, as squares in memory, parted and looked over."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from common.console import Advance
from common.data.datasets import DatasetSpec, Split, describe, is_prepared, open_builder
from common.data.labelled import PART_NAMES, LabelledFiles, list_folder, list_table
from common.data.near_duplicates import alike_across
from common.data.splitting import strata, stratified_parts, stratified_sample
from common.data.squares import check_memory, read_squares, side_for, sizes_of, square
from common.data.tables import Kind
from common.errors import InputError, UserError

__all__ = ["PictureSet", "Source", "open_pictures", "pictures_to_test"]

TABLES = (".csv", ".tsv", ".tab", ".json", ".jsonl", ".ndjson", ".txt")
TEST_SHARE = 0.2
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Source:
    """Where pictures come from and how they are to be read.

    Args:
        name: a folder, a table, or a TFDS name.
        side: of the squares; None for what suits the pictures.
        column, label, several: as of ``common.data.labelled.list_table``.
    """

    name: str
    side: int | None = None
    column: str = ""
    label: str = ""
    several: str = ""


@dataclass(frozen=True)
class PictureSet:
    """Pictures in three parts.  The test part is for one reading, at the end.

    Args:
        spec: what the set is.
        train, validation, test: pictures ``(n, side, side, 3)`` uint8 and their targets.
        names: by part, what each picture is called.
        failures: file and reason of the pictures that could not be read.
        alike: a line for each picture that looks like one of another part.
        note: one line for people.
    """

    spec: DatasetSpec
    train: Split
    validation: Split
    test: Split
    names: dict[str, list[str]]
    failures: tuple[tuple[str, str], ...]
    alike: tuple[str, ...]
    note: str

    @property
    def kind(self) -> Kind:
        """Whether a picture has one of the classes, or any number of labels."""
        return "one of K" if self.train.targets.ndim == 1 else "independent yes/no"

    @property
    def class_counts(self) -> np.ndarray:
        """Training pictures of each class ``(K,)``."""
        return self.train.one_hot(len(self.spec.classes)).sum(axis=0)


@dataclass(frozen=True)
class _Pictures:
    """All pictures of a source, in its order."""

    images: np.ndarray
    targets: np.ndarray
    classes: tuple[str, ...]
    parts: np.ndarray
    names: list[str]
    failures: tuple[tuple[str, str], ...] = ()
    remarks: list[str] = field(default_factory=list)


def open_pictures(
    source: Source,
    *,
    seed: int = 0,
    train_size: int | None = None,
    progress: Advance = lambda done, total, remark: None,
) -> PictureSet:
    """Read a source and part it where it does not say itself how: seeded and stratified.

    Args:
        source: which pictures.
        seed: of the parts.
        train_size: number of training pictures, stratified; None for all.
        progress: called with (pictures read, pictures, remark).

    Raises:
        InputError: no such source, or one that cannot be trained on.
        UserError: a TFDS set that cannot be had, more than the memory holds, a wrong ``train_size``.
    """
    pictures = _read(source, progress)
    places = _parted(pictures, seed)
    if train_size is not None:
        places["train"] = _fewer(pictures, places["train"], train_size, seed, source.name)
    everything = Split(pictures.images, pictures.targets)
    splits = {part: everything.take(places[part]) for part in PARTS}
    names = {part: [pictures.names[place] for place in places[part]] for part in PARTS}
    name = Path(source.name).name or source.name
    alike = tuple(
        f"{names[pair.second[0]][pair.second[1]]} ({pair.second[0]}) looks like "
        f"{names[pair.first[0]][pair.first[1]]} ({pair.first[0]})"
        for pair in alike_across({part: split.images for part, split in splits.items()})
    )
    spec = describe(name, pictures.classes, splits)
    remarks = [_counted(spec), *pictures.remarks, *_of_few(pictures.classes, places, pictures.targets)]
    if pictures.failures:
        remarks.append(_listed("could not be read", [f"{f} ({why})" for f, why in pictures.failures]))
    if alike:
        remarks.append(_listed("in two parts, so that the test may be too easy", alike))
    note = "; ".join(remarks)
    return PictureSet(spec, **splits, names=names, failures=pictures.failures, alike=alike, note=note)


def pictures_to_test(
    source: Source, classes: Sequence[str], kind: Kind, fingerprint: str, seed: int
) -> tuple[Split, list[str], str]:
    """Return what a trained model is to be judged on.

    The set that it was trained on gives its test part; another one its own test part, if it names one, else all.

    Args:
        source: which pictures, with the side that the model takes.
        classes: of the model.
        kind: of its answers.
        fingerprint: of the data that it was trained on.
        seed: that it was trained with.

    Returns:
        The pictures with targets in the classes of the model, their names, and a line that says which.

    Raises:
        UserError: classes that the model does not know; and as of ``open_pictures``.
    """
    pictures = _read(source)
    unknown = [name for name in pictures.classes if name not in classes]
    if unknown or (pictures.targets.ndim == 1) != (kind == "one of K"):
        what = (
            f"classes that the model does not know: {', '.join(unknown[:5])}" if unknown else "other labels"
        )
        raise UserError(
            f"{source.name} has {what}", f"the model knows {', '.join(classes[:8])}{'…' * (len(classes) > 8)}"
        )
    everything = Split(pictures.images, pictures.targets)
    chosen, said = np.flatnonzero(pictures.parts == "test"), "its test part"
    with contextlib.suppress(InputError):  # too few to be parted: not what it was trained on
        places = _parted(pictures, seed)
        splits = {part: everything.take(places[part]) for part in PARTS}
        if describe(source.name, pictures.classes, splits).fingerprint == fingerprint:
            chosen, said = places["test"], "the test part of the data that it was trained on"
    if not len(chosen):
        chosen, said = np.arange(len(everything)), "all of it"
    split = everything.take(chosen)
    order = np.array([classes.index(name) for name in pictures.classes])
    if kind == "one of K":
        split = Split(split.images, order[split.targets])
    else:
        targets = np.zeros((len(split), len(classes)), np.float32)
        targets[:, order] = split.targets
        split = Split(split.images, targets)
    remarks = [f"data: {source.name}, {said}, {len(split):,} pictures"]
    if pictures.failures:
        remarks.append(_listed("could not be read", [f"{f} ({why})" for f, why in pictures.failures]))
    return split, [pictures.names[place] for place in chosen], "; ".join(remarks)


def _read(source: Source, progress: Advance = lambda done, total, remark: None) -> _Pictures:
    path = Path(source.name)
    if path.is_dir():
        return _of_files(list_folder(path), path, source, progress)
    if path.is_file():
        listed = list_table(path, column=source.column, label=source.label, several=source.several)
        return _of_files(listed, path.parent, source, progress)
    if path.suffix.lower() in TABLES or ("/" in source.name and not is_prepared(source.name)):
        raise InputError(
            f"no such file or folder: {source.name}", "a folder class/*.jpg, a table, a TFDS name"
        )
    return _of_tfds(source, progress)


def _of_files(listed: LabelledFiles, root: Path, source: Source, progress: Advance) -> _Pictures:
    sizes = sizes_of(listed.files)
    if not sizes:
        raise InputError(
            f"{source.name}: none of its {len(listed.files)} pictures can be read", "see its first ones"
        )
    squares = read_squares(listed.files, source.side or side_for(sizes), progress)
    targets = listed.targets[squares.kept]
    seen = Split(squares.images, targets).one_hot(len(listed.classes)).sum(axis=0)
    if not seen.all():
        name = listed.classes[int(seen.argmin())]
        reason = squares.failures[0][1] if squares.failures else "no pictures"
        raise InputError(
            f"no picture of class {name!r} of {source.name} can be read ({reason})", "mend or remove it"
        )
    files = [listed.files[place] for place in squares.kept]
    names = [str(file.relative_to(root)) if file.is_relative_to(root) else str(file) for file in files]
    parts = np.array(listed.parts)[squares.kept]
    remarks = [listed.note] if listed.note else []
    return _Pictures(squares.images, targets, listed.classes, parts, names, squares.failures, remarks)


def _of_tfds(source: Source, progress: Advance) -> _Pictures:
    builder = open_builder(source.name)
    import tensorflow_datasets as tfds

    info = builder.info
    if not {"image", "label"} <= set(info.features or ()):
        raise UserError(f"data set {source.name!r} has no (image, label) pairs", "name a classification set")
    splits = {name: PART_NAMES[name] for name in info.splits if name in PART_NAMES}
    shape = info.features["image"].shape
    side = source.side or (side_for([shape[:2]]) if None not in shape[:2] else None)
    total = sum(info.splits[name].num_examples for name in splits)
    images: list[np.ndarray] = []
    labels, parts = [], []
    try:
        for name, part in splits.items():
            for image, label in tfds.as_numpy(builder.as_dataset(name, as_supervised=True)):
                if label < 0:  # a part whose answers are kept back
                    continue
                if side is None:
                    side = side_for([image.shape[:2]])
                if not images:
                    check_memory(total, side)
                images.append(square(image, side))
                labels.append(int(label))
                parts.append(part)
                progress(len(images), total, "")
    except (OSError, ValueError, RuntimeError) as error:  # a damaged file
        raise UserError(
            f"data set {source.name!r} cannot be read: {str(error).splitlines()[0][:160]}", "prepare it again"
        ) from error
    names = [f"{part} {number}" for number, part in enumerate(parts)]
    classes = tuple(info.features["label"].names)
    return _Pictures(np.stack(images), np.array(labels, np.int64), classes, np.array(parts), names)


def _parted(pictures: _Pictures, seed: int) -> dict[str, np.ndarray]:
    """Return the positions of each part: as the source says, and drawn where it says nothing."""
    given = {part: np.flatnonzero(pictures.parts == part) for part in PARTS}
    rest = np.flatnonzero((pictures.parts == "train") | (pictures.parts == ""))
    groups = strata(pictures.targets)
    if not len(given["test"]):  # what is called validation is then the only test there is
        given["test"], given["validation"] = given["validation"], given["test"]
    share = float(np.clip(1_500 / max(len(rest), 1), 0.02, 0.15))
    if not len(given["test"]):
        # Training pictures come first, so that a class with one picture can at least be learned.
        train, test, validation = stratified_parts(groups[rest], [TEST_SHARE, share], seed)
        places = {"train": rest[train], "validation": rest[validation], "test": rest[test]}
    elif not len(given["validation"]):
        train, validation = stratified_parts(groups[rest], [share], seed)
        places = {"train": rest[train], "validation": rest[validation], "test": given["test"]}
    else:
        places = {"train": rest, "validation": given["validation"], "test": given["test"]}
    for part, chosen in places.items():
        if not len(chosen):
            raise InputError(
                f"{len(pictures.names)} pictures are too few: none is left for the {part} part",
                "three or more of a class are needed, better 20",
            )
    return places


def _fewer(pictures: _Pictures, train: np.ndarray, size: int, seed: int, name: str) -> np.ndarray:
    groups = strata(pictures.targets)[train]
    classes = len(np.unique(groups))
    if not classes <= size <= len(train):
        raise UserError(
            f"--train-size {size}: {name} has {len(train)} training pictures",
            f"choose {classes} to {len(train)}",
        )
    return train if size == len(train) else train[stratified_sample(groups, size, seed)]


def _of_few(classes: Sequence[str], places: dict[str, np.ndarray], targets: np.ndarray) -> list[str]:
    """Say which classes the test part lacks."""
    part = targets[places["test"]]
    tested = Split(part, part).one_hot(len(classes)).sum(axis=0)
    lacking = [name for name, count in zip(classes, tested, strict=True) if not count]
    return [_listed("too few of a class to test it", lacking)] if lacking else []


def _counted(spec: DatasetSpec) -> str:
    train, validation, test = (spec.counts[part] for part in PARTS)
    return (
        f"data: {spec.name}, {len(spec.classes)} classes at {spec.shape[0]}×{spec.shape[1]}: "
        f"{train:,} pictures to train, {validation:,} to choose, {test:,} to test"
    )


def _listed(what: str, items: Sequence[str], limit: int = 3) -> str:
    more = f" and {len(items) - limit} more" if len(items) > limit else ""
    return f"{len(items)} {what}: {', '.join(items[:limit])}{more}"
