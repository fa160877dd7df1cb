"""Which pictures the app trains on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from apps.digits.outliers import synthesize, uniform_targets
from common.data.datasets import EMBEDDED, Dataset, DatasetSpec, Split, is_prepared, load
from common.data.folders import read_pictures
from common.errors import UserError

__all__ = ["best_at_hand", "is_digits", "open_data", "with_outliers"]


def best_at_hand() -> tuple[str, str]:
    """Return the best source that needs no download, and one line that says why it is that one."""
    if is_prepared("mnist"):
        return "mnist", "data: MNIST, prepared by TFDS"
    return EMBEDDED, (
        "data: scikit-learn's 1,797 real digits (embedded); for MNIST's 70,000 give --data mnist, which "
        "downloads it, or set TFDS_DATA_DIR"
    )


def open_data(source: str | Path, *, size: int | None = None, seed: int = 0) -> Dataset:
    """Open a source as 28×28 bright strokes on black, with ``size`` training pictures if given.

    Raises:
        UserError: a source that is not there, or whose pictures are not grey squares of that size.
    """
    dataset = load(source, side=28, channels=1, seed=seed)
    if dataset.spec.shape != (28, 28, 1):
        raise UserError(
            f"{source} has pictures of {dataset.spec.shape}, digits reads 28×28 grey ones",
            "give a folder with --data, its pictures are brought to that size",
        )
    return dataset if size is None else dataset.limited(size, seed)


def is_digits(spec: DatasetSpec) -> bool:
    """Return whether the classes are the ten digits, so that letters are outliers."""
    return spec.classes == tuple("0123456789")


def with_outliers(
    train: Split, classes: int, folder: Path | None, *, share: float, seed: int
) -> tuple[Split, np.ndarray]:
    """Join pictures of no class to the training pictures.

    Args:
        train: training pictures.
        classes: number of classes K.
        folder: pictures of things that are no digits and, if there are any, TrueType fonts to draw letters
            with; None for drawings in embedded fonts only.
        share: drawings as a share of the training pictures, where there is no folder; else twice as many
            are drawn as the folder has pictures.
        seed: of the drawing.

    Returns:
        The joined split with targets ``(n, K)``, and other drawings ``(m, 28, 28, 1)``, in embedded fonts,
        that were not joined: for choosing the threshold.
    """
    if folder is None:
        joined = synthesize(max(16, round(share * len(train))), train.images, seed=seed)
    else:
        found = read_pictures(folder)
        fonts = sorted(folder.glob("*.[ot]tf"))
        joined = np.concatenate([found, synthesize(2 * len(found), train.images, seed=seed, fonts=fonts)])
    held = synthesize(max(64, len(joined) // 5), train.images, seed=seed + 1)
    images = np.concatenate([train.images, joined])
    targets = np.concatenate([train.one_hot(classes), uniform_targets(len(joined), classes)])
    return Split(images, targets), held
