"""Data by name: TFDS sets, embedded sets, folders of pictures; one ``open`` for all of them."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from common.devices import import_tensorflow
from common.errors import InputError, UserError

__all__ = ["Dataset", "DatasetSpec", "Split", "describe", "is_prepared", "load", "open_builder"]

EMBEDDED = "digits8x8"


@dataclass(frozen=True)
class Split:
    """Pictures and their answers, in memory.

    Args:
        images: ``(n, height, width, channels)`` uint8.
        targets: ``(n,)`` class numbers, or ``(n, K)`` rows of shares.
    """

    images: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: np.ndarray) -> Split:
        """Return the examples at ``indices``."""
        return Split(self.images[indices], self.targets[indices])

    def one_hot(self, classes: int) -> np.ndarray:
        """Return the targets as float32 rows ``(n, K)``."""
        if self.targets.ndim == 2:
            return self.targets.astype(np.float32)
        return np.eye(classes, dtype=np.float32)[self.targets]

    def halves(self, share: float, seed: int) -> tuple[Split, Split]:
        """Return (1 - share, share) of the examples, stratified by class, in a seeded order."""
        from sklearn.model_selection import train_test_split

        order = np.arange(len(self))
        kept, held = train_test_split(order, test_size=share, random_state=seed, stratify=self.targets)
        return self.take(np.sort(kept)), self.take(np.sort(held))


@dataclass(frozen=True)
class DatasetSpec:
    """What a set is: for cards and reports.

    Args:
        name: source as given, such as ``"mnist"``.
        classes: names of the classes, by number.
        shape: ``(height, width, channels)``.
        counts: examples a split.
        fingerprint: first 16 hex digits of a SHA-256 over all pixels and targets.
    """

    name: str
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    counts: dict[str, int]
    fingerprint: str


@dataclass(frozen=True)
class Dataset:
    """Training and test examples with their spec.  The test split is for one reading, at the end."""

    spec: DatasetSpec
    train: Split
    test: Split

    def with_validation(self, share: float, seed: int) -> tuple[Split, Split]:
        """Split the training examples into (training, validation), stratified and seeded."""
        return self.train.halves(share, seed)

    def limited(self, per_set: int, seed: int) -> Dataset:
        """Return the set with ``per_set`` training examples, stratified, for few-label studies.

        Raises:
            UserError: more examples asked for than there are, or fewer than one a class.
        """
        classes = len(self.spec.classes)
        if not classes <= per_set <= len(self.train):
            raise UserError(
                f"--train-size {per_set}: {self.spec.name} has {len(self.train)} training pictures",
                f"choose {classes} to {len(self.train)}",
            )
        if per_set == len(self.train):
            return self
        _, kept = self.train.halves(per_set / len(self.train), seed)
        counts = self.spec.counts | {"train": len(kept)}
        return replace(self, train=kept, spec=replace(self.spec, counts=counts))


def data_directory() -> Path:
    """Return where TFDS keeps prepared data: ``TFDS_DATA_DIR``, else its default."""
    return Path(os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")).expanduser()


def is_prepared(name: str) -> bool:
    """Return whether the TFDS set ``name`` lies ready, without importing TFDS."""
    folder = data_directory() / name  # NAME/VERSION, or NAME/CONFIGURATION/VERSION
    return any(any(folder.glob(pattern)) for pattern in ("*/dataset_info.json", "*/*/dataset_info.json"))


def load(source: str | Path, *, side: int = 28, channels: int = 1, seed: int = 0) -> Dataset:
    """Open a data set.

    Args:
        source: a folder ``class/*.png``; ``"digits8x8"``, scikit-learn's embedded 1,797 digits; or the
            name of a TFDS image classification set, prepared or, when online, downloaded.
        side: pictures of folders and of the embedded set are brought to ``side`` × ``side``.
        channels: 1 for grey, 3 for colour.
        seed: of the stratified split where the source has no test split.

    Raises:
        InputError: a folder that is not one, or holds fewer than two classes.
        UserError: a set that is not there and cannot be fetched.
    """
    if Path(source).is_dir():
        from common.data.folders import read_image_folder

        images, targets, classes = read_image_folder(Path(source), side=side, channels=channels)
        return _split_and_describe(str(Path(source).name), images, targets, classes, seed)
    if "/" in str(source) and not is_prepared(str(source)):
        raise InputError(f"no such folder: {source}", "a folder with one sub-folder of pictures a class")
    if str(source) == EMBEDDED:
        return _embedded_digits(side, seed)
    return _tfds(str(source))


def _split_and_describe(
    name: str, images: np.ndarray, targets: np.ndarray, classes: tuple[str, ...], seed: int
) -> Dataset:
    train, test = Split(images, targets).halves(0.2, seed)
    return Dataset(describe(name, classes, {"train": train, "test": test}), train, test)


def describe(name: str, classes: tuple[str, ...], splits: Mapping[str, Split]) -> DatasetSpec:
    """Return the spec of a set.

    Args:
        name: of the source.
        classes: names of the classes.
        splits: by name, all of one shape of picture.
    """
    digest = hashlib.sha256()
    for split in splits.values():
        digest.update(np.ascontiguousarray(split.images).data)
        digest.update(np.ascontiguousarray(split.targets).data)
    counts = {part: len(split) for part, split in splits.items()}
    shape = next(iter(splits.values())).images.shape[1:]
    return DatasetSpec(name, classes, shape, counts, digest.hexdigest()[:16])


def _embedded_digits(side: int, seed: int) -> Dataset:
    """Return scikit-learn's 8×8 digits as pen strokes in MNIST's frame.

    Enlarged alone they are blurs, and a network of blurs reads no photograph; so the outline of the
    enlarged digit is taken for its ink.
    """
    import cv2
    from sklearn.datasets import load_digits

    from common.data.framing import frame

    raw = load_digits()
    images = []
    for picture in raw.images.astype(np.float32):
        enlarged = cv2.resize(np.pad(picture, 1), None, fx=10, fy=10, interpolation=cv2.INTER_CUBIC)
        images.append(frame((enlarged > 0.4 * picture.max()).astype(np.float32), side))
    pixels = (np.stack(images) * 255).astype(np.uint8)[..., None]
    classes = tuple(str(name) for name in raw.target_names)
    return _split_and_describe(EMBEDDED, pixels, raw.target.astype(np.int64), classes, seed)


def open_builder(name: str) -> Any:
    """Return the TFDS builder of a set that is prepared or, when online, can be downloaded; prepared.

    Raises:
        UserError: it cannot be had here.
    """
    prepared, offline = is_prepared(name), os.environ.get("CNNAPPS_OFFLINE", "") not in ("", "0")
    if offline and not prepared:
        raise UserError(
            f"data set {name!r} is not in {data_directory()} and CNNAPPS_OFFLINE is set",
            f"unset it, or set TFDS_DATA_DIR to a folder that holds {name}",
        )
    if not prepared and not _reachable():
        raise UserError(
            f"data set {name!r} is not in {data_directory()} and the network cannot be reached",
            "connect, set TFDS_DATA_DIR to a folder that holds it, or give a file or folder with --data",
        )
    import_tensorflow()
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name, data_dir=data_directory())
        if not prepared:
            builder.download_and_prepare()
    except Exception as error:  # TFDS raises dozens of kinds; each means "this set cannot be had here".
        raise UserError(
            f"data set {name!r} cannot be had: {str(error).splitlines()[0][:160]}",
            "check the name and the connection, set TFDS_DATA_DIR, or give a file or folder with --data",
        ) from error
    return builder


def _tfds(name: str) -> Dataset:
    builder = open_builder(name)
    import tensorflow_datasets as tfds

    features = builder.info.features
    if not {"image", "label"} <= set(features or ()):
        raise UserError(f"data set {name!r} has no (image, label) pairs", "name a classification set")
    try:
        splits = [
            Split(np.stack(images), np.asarray(labels, np.int64))
            for images, labels in (
                zip(*tfds.as_numpy(builder.as_dataset(split, as_supervised=True)), strict=True)
                for split in ("train", "test")
            )
        ]
    except Exception as error:  # A damaged file, a split that is missing, pictures of different sizes.
        raise UserError(
            f"data set {name!r} cannot be read: {str(error).splitlines()[0][:160]}",
            "prepare it again, or give a folder with --data",
        ) from error
    classes = tuple(features["label"].names)
    train, test = splits
    return Dataset(describe(name, classes, {"train": train, "test": test}), train, test)


def _reachable(seconds: float = 5.0) -> bool:
    """Return whether the host of TFDS's metadata answers; TFDS itself retries for minutes."""
    try:
        socket.create_connection(("storage.googleapis.com", 443), timeout=seconds).close()
    except OSError:
        return False
    return True
