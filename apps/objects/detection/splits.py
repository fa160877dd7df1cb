"""Which pictures of a data set a detector learns from, is adjusted on and is tested on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.artifact import Card
from common.console import Advance
from common.data.boxed import Annotated, AnnotatedSet, open_boxed
from common.data.boxed.duplicates import find_copies, find_one_source
from common.errors import InputError, UserError, nearest

__all__ = ["Parts", "fingerprint", "part_to_test", "split"]

HELD = 0.1  # share of the pictures that the threshold is chosen on, where the data have no part for it
TESTED = 0.15


@dataclass(frozen=True)
class Parts:
    """Pictures by what they are for; no picture is in two parts.

    Args:
        train: to learn from.
        held: to watch the training and to choose the threshold on; may be empty.
        test: read once, at the end; may be empty.
        tested: name of the part that ``test`` is: ``test`` or ``val``.
        seeded: whether it was split here.
        note: how it was split, and what is doubtful about it.
    """

    train: list[Annotated]
    held: list[Annotated]
    test: list[Annotated]
    tested: str
    seeded: bool
    note: str


def split(data: AnnotatedSet, seed: int, *, trainval: bool = False) -> Parts:
    """Return the parts of a data set: its own where it has some, else drawn by the seed.

    Without a part ``val``, pictures are held out of those to learn from; without a part ``test``, ``val`` is tested on.

    Args:
        data: with or without parts.
        seed: of what is drawn.
        trainval: learn from ``val`` too, but for a tenth of both that is held out.

    Raises:
        InputError: no object to learn from.
        UserError: ``trainval``, but the data have no parts ``val`` and ``test``.
    """
    own = dict(data.parts)
    order = np.random.default_rng(seed)
    seeded = "test" not in own and "val" not in own
    train = own.get("train") or own.get("all") or []
    if not train:
        raise InputError(
            f"{data.name}: no part to learn from, only {', '.join(own) or 'nothing'}", "add train"
        )
    if seeded:
        train, test = _drawn(train, TESTED, order)
    else:
        test = own.get("test") or own["val"]
    held = own["val"] if "val" in own and "test" in own else []
    if trainval:
        if not held:
            raise UserError(f"{data.name} has no parts val and test", "leave out --trainval")
        train, held = [*train, *held], []
    if not held:
        train, held = _drawn(train, HELD, order)
    if not any(len(entry.boxes) for entry in train):
        raise InputError(f"{data.name}: no object to learn from", "see: cnnapps objects data check")
    tested = "test" if seeded or "test" in own else "val"
    how = "split by the seed" if seeded else "own split"
    said = f"{how}: {len(train)} to learn from, {len(held)} held out, {len(test)} to test on"
    return Parts(train, held, test, tested, seeded, said + _doubts(train, held, test))


def part_to_test(
    source: str | Path,
    card: Card,
    *,
    form: str | None = None,
    part: str = "",
    progress: Advance = lambda done, total, remark: None,
) -> tuple[str, list[Annotated], tuple[str, ...]]:
    """Return the name and pictures of the part that a model is tested on, and notes.

    Data that the model was trained on by a split of its own are split again in the same way.

    Args:
        source: the data, as of ``open_boxed``.
        card: of the model.
        form: of the data.
        part: asked for; "" for the best.
        progress: called with (pictures read, pictures, remark).

    Raises:
        InputError: no such data.
        UserError: no such part, or nothing in it.
    """
    data = open_boxed(source, form=form, progress=progress)
    notes = data.notes + ((f"{len(data.problems)} problems: see data check",) if data.problems else ())
    known = card.data.get("fingerprint") == fingerprint(data)
    learned = ("train", "val") if card.data.get("trainval") else ("train",)
    said = ("the model has learned from these pictures",)
    if part:
        if part not in data.parts:
            raise UserError(
                f"{data.name} has no part {part!r}{nearest(part, data.parts)}",
                f"it has {', '.join(data.parts)}",
            )
        return part, data.parts[part], notes + (said if known and part in learned else ())
    if known and card.data.get("seeded"):
        parts = split(data, card.seed)
        if not parts.test:
            raise UserError(
                f"{data.name}: the model learned from all of it", "add pictures, or name a --part"
            )
        return parts.tested, parts.test, (*notes, parts.note)
    name = next(name for name in ("test", "val", "all", "train") if name in data.parts)
    return name, data.parts[name], notes + (said if known and name in learned else ())


def fingerprint(data: AnnotatedSet) -> str:
    """Return a hash of the names, sizes and objects of a data set."""
    digest = hashlib.blake2b(digest_size=8)
    for entry in sorted(data.pictures, key=lambda entry: entry.file.name):
        digest.update(repr((entry.file.name, entry.size, entry.labels)).encode())
        digest.update(np.round(entry.boxes, 1).astype("<f4").tobytes())
    return digest.hexdigest()


def _drawn(
    entries: Sequence[Annotated], share: float, order: np.random.Generator
) -> tuple[list[Annotated], list[Annotated]]:
    """Return the pictures that stay, in their order, and those drawn: one at least, but never the last."""
    count = min(max(1, round(share * len(entries))), len(entries) - 1)
    taken = set(order.permutation(len(entries))[:count].tolist())
    return (
        [entry for number, entry in enumerate(entries) if number not in taken],
        [entry for number, entry in enumerate(entries) if number in taken],
    )


def _doubts(train: list[Annotated], held: list[Annotated], test: list[Annotated]) -> str:
    """Return what is said of pictures that are in two parts, or ""."""
    files = {
        name: [entry.file for entry in part]
        for name, part in (("train", train), ("held out", held), ("test", test))
    }
    across = [one for one in find_copies(files) if one.kind == "same picture in two parts"]
    count = len({one.file for one in across + find_one_source(files)})
    return f"; {count} pictures are in two parts: see data check" if count else ""
