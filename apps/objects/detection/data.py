"""Batches for a detector: pictures with their objects, made anew at every step.

The batch of step ``s`` is a function of (pictures, recipe, seed, s) alone, so a run that was killed goes on with the
very batches it would have had.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np
import tensorflow as tf

from apps.objects.detection.recipes import BoxAugmentation
from common.boxes import corners
from common.console import Advance
from common.data.augment_boxes import flip, hsv_jitter, jitter, mixup, mosaic, quarter_turns
from common.data.boxed import Annotated
from common.data.boxed.geometry import Example
from common.errors import InputError

__all__ = ["DetectorStream", "Pictures", "gather", "make_example", "target_rows"]

ROOM = 1_500_000_000  # bytes of decoded pictures that are kept
LEAST = 1.0  # pixels of a side of an object that is learned from
NO_OBJECT = -1.0


class Pictures:
    """Pictures with objects by number; as many as there is room for are decoded once.

    Args:
        entries: the pictures, each of which can be decoded.
        classes: names of the classes; objects of others are left out.
        longest: side in pixels; larger pictures are made smaller.
    """

    def __init__(self, entries: Sequence[Annotated], classes: Sequence[str], longest: int) -> None:
        self.entries = list(entries)
        self.longest = longest
        self._numbers = {name: number for number, name in enumerate(classes)}
        self._kept: dict[int, Example] = {}
        self._room = ROOM

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, number: int) -> Example:
        if number in self._kept:
            return self._kept[number]
        example = self._read(self.entries[number])
        if self._room >= example.pixels.nbytes:
            self._room -= example.pixels.nbytes
            self._kept[number] = example
        return example

    def _read(self, entry: Annotated) -> Example:
        # Decoding shrinks by whole factors only, hence to twice the side first.
        pixels, boxes = entry.read(max_side=2 * self.longest)
        known = [index for index, label in enumerate(entry.labels) if label in self._numbers]
        labels = np.array([self._numbers[entry.labels[index]] for index in known], np.int64)
        height, width = pixels.shape[:2]
        factor = self.longest / max(height, width)
        boxes = boxes[known]
        if factor < 1:
            size = (max(1, round(width * factor)), max(1, round(height * factor)))
            pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
            boxes = boxes * np.tile(np.array(size) / (width, height), 2)
        return Example(pixels, boxes.astype(np.float32), labels)


def gather(
    entries: Sequence[Annotated],
    classes: Sequence[str],
    longest: int,
    *,
    progress: Advance = lambda done, total, remark: None,
) -> tuple[Pictures, list[InputError]]:
    """Decode every picture once, and leave out those that cannot be.

    Args:
        entries, classes, longest: as of ``Pictures``.
        progress: called with (pictures read, pictures, remark).

    Returns:
        The pictures, and what is wrong with each that was left out.
    """
    pictures = Pictures(entries, classes, longest)
    failures: dict[int, InputError] = {}

    def read(number: int) -> None:
        try:
            pictures[number]
        except InputError as error:
            failures[number] = error

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, _ in enumerate(pool.map(read, range(len(entries))), start=1):
            progress(done, len(entries), "reading pictures")
    if not failures:
        return pictures, []
    whole = [entry for number, entry in enumerate(entries) if number not in failures]
    return gather(whole, classes, longest)[0], [failures[number] for number in sorted(failures)]


@dataclass(frozen=True)
class DetectorStream:
    """Batches for ``common.training.fit``.

    Args:
        pictures: to make them of.
        batch: pictures a step.
        side: of the square pictures made.
        steps_per_epoch: between two checks.
        epochs: of the run.
        augmentation: what is done to pictures and boxes.
        seed: of all that is random.
    """

    pictures: Pictures
    batch: int
    side: int
    steps_per_epoch: int
    epochs: int
    augmentation: BoxAugmentation
    seed: int

    def steps(self, start: int, stop: int) -> tf.data.Dataset:
        """Return the batches of steps ``start`` to ``stop - 1``.

        Each is (pictures ``(batch, side, side, 3)`` float32 in [0, 1], objects ``(batch, n, 5)`` as of the loss
        ``task_aligned``).
        """

        def load(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            pictures, objects = tf.numpy_function(self.batch_of, [step], (tf.uint8, tf.float32))
            pictures.set_shape((self.batch, self.side, self.side, 3))
            objects.set_shape((self.batch, None, 5))
            return tf.cast(pictures, tf.float32) / 255, objects

        workers = max(1, (os.cpu_count() or 1) // 2)
        return tf.data.Dataset.range(start, stop).map(load, num_parallel_calls=workers).prefetch(2)

    def batch_of(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the pictures ``(batch, side, side, 3)`` uint8 and objects ``(batch, n, 5)`` of a step."""
        draw = np.random.default_rng((self.seed, int(step)))
        augmentation = self.augmentation
        if step >= (1 - augmentation.plain) * self.epochs * self.steps_per_epoch:
            augmentation = replace(augmentation, mosaic=0.0, mixup=0.0)
        examples = [
            make_example(self.pictures, number, self.side, augmentation, draw) for number in self._order(step)
        ]
        most = max(1, *(len(example.boxes) for example in examples))
        rows = [target_rows(example.boxes, example.labels, most) for example in examples]
        return np.stack([example.pixels for example in examples]), np.stack(rows)

    def _order(self, step: int) -> list[int]:
        """Return the numbers of the step's pictures: each pass over the data has them all, in an order of its own."""
        count, orders = len(self.pictures), {}
        numbers = []
        for slot in range(int(step) * self.batch, (int(step) + 1) * self.batch):
            turn, place = divmod(slot, count)
            if turn not in orders:
                orders[turn] = np.random.default_rng((self.seed, turn, 1)).permutation(count)
            numbers.append(int(orders[turn][place]))
        return numbers


def make_example(
    pictures: Pictures, number: int, side: int, augmentation: BoxAugmentation, draw: np.random.Generator
) -> Example:
    """Return a square picture made of the given one, and of others at random.

    Args:
        pictures: all.
        number: of the given one.
        side: of the square.
        augmentation: what is done.
        draw: where the random numbers come from.
    """
    example = _framed(pictures, number, side, augmentation, draw)
    if draw.random() < augmentation.mixup:
        other = _framed(pictures, int(draw.integers(len(pictures))), side, augmentation, draw)
        example = mixup(example, other, draw)
    example = flip(example, draw, chance=augmentation.flip)
    if augmentation.turns:
        example = quarter_turns(example, draw)
    return hsv_jitter(
        example, draw, hue=augmentation.hue, saturation=augmentation.saturation, value=augmentation.value
    )


def _framed(
    pictures: Pictures, number: int, side: int, augmentation: BoxAugmentation, draw: np.random.Generator
) -> Example:
    """Return a window onto a picture, or onto four laid side by side."""
    example, scale = pictures[number], np.array(augmentation.scale)
    if draw.random() < augmentation.mosaic:
        others = draw.integers(len(pictures), size=3)
        example = mosaic([example, *(pictures[int(other)] for other in others)], draw, side)
    else:
        scale = scale * side / max(example.pixels.shape[:2])
    return jitter(example, draw, (side, side), scale=(scale[0], scale[1]), translate=augmentation.translate)


def target_rows(boxes: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Return objects as the loss takes them ``(count, 5)``: class, left, top, right, bottom; class -1 fills up.

    Args:
        boxes: x, y, width, height ``(n, 4)``.
        labels: ``(n,)`` numbers of classes.
        count: of rows, n at least.
    """
    rows = np.zeros((count, 5), np.float32)
    rows[:, 0] = NO_OBJECT
    rows[: len(boxes), 1:] = corners(boxes)
    rows[: len(boxes), 0] = np.where((boxes[:, 2:] >= LEAST).all(axis=1), labels, NO_OBJECT)
    return rows
