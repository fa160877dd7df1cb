"""Pairs of a template and a search crop, with the map that the network shall make of them.

Four kinds of pairs, each made anew every time: two frames of a sequence; an object of a still picture seen twice; a
cut-out object before two backgrounds, with other objects around it and before it; a region of a picture in which
nothing is marked.  In some, what the template shows is not in the search crop.  Both crops are moved, scaled,
turned, squeezed, blurred, darkened and so on, each in its own way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import tensorflow as tf

from apps.track.bending import bent
from apps.track.cropping import SEARCH_SIDE, STRIDE, TEMPLATE_SIDE, context_side
from apps.track.degradation import degraded, recoloured
from apps.track.material import Material, View
from common.boxes import centers

__all__ = ["Pair", "PairStream", "make_pair", "target_map"]

KINDS = {"sequence": 0.3, "still": 0.3, "cut-out": 0.3, "region": 0.1}
BENT = 0.6  # share of the cut-out objects that have moved their limbs
ABSENT = 0.12  # share of pairs whose search crop does not show the object
FARTHEST = 100  # frames between those of a pair
SHIFT = 0.32  # of the search crop's side: farthest from its middle
OBJECT_CORE = 0.5  # of width and height: places of the object


@dataclass(frozen=True)
class Pair:
    """One example.

    Args:
        template: ``(96, 96, 3)`` uint8.
        search: ``(192, 192, 3)`` uint8.
        box: of the object in the search crop ``(4,)``; None where it is absent.
    """

    template: np.ndarray
    search: np.ndarray
    box: np.ndarray | None


@dataclass(frozen=True)
class PairStream:
    """Batches of pairs for ``common.training.fit``; the batch of a step is a function of the seed and the step.

    Args:
        material: to make them of.
        batch: pairs a step.
        steps_per_epoch: an epoch is as long as one likes: no pair comes twice.
        seed: of all that is random.
    """

    material: Material
    batch: int
    steps_per_epoch: int
    seed: int

    def steps(self, start: int, stop: int) -> tf.data.Dataset:
        """Return the batches of steps ``start`` to ``stop - 1``: ((template, search) in [0, 1], target map)."""
        side = SEARCH_SIDE // STRIDE

        def batches() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
            for step in range(start, stop):
                draw = np.random.default_rng((self.seed, step))
                pairs = [make_pair(self.material, draw) for _ in range(self.batch)]
                yield (
                    np.stack([pair.template for pair in pairs]),
                    np.stack([pair.search for pair in pairs]),
                    np.stack([target_map(pair.box) for pair in pairs]),
                )

        signature = (
            tf.TensorSpec((self.batch, TEMPLATE_SIDE, TEMPLATE_SIDE, 3), tf.uint8),
            tf.TensorSpec((self.batch, SEARCH_SIDE, SEARCH_SIDE, 3), tf.uint8),
            tf.TensorSpec((self.batch, side, side, 5), tf.float32),
        )

        def floats(template: tf.Tensor, search: tf.Tensor, target: tf.Tensor) -> tuple:
            return (tf.cast(template, tf.float32) / 255, tf.cast(search, tf.float32) / 255), target

        dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
        return dataset.map(floats, num_parallel_calls=1).prefetch(4)


def target_map(box: np.ndarray | None) -> np.ndarray:
    """Return the map ``(24, 24, 5)`` float32 of ``common.losses.boxes.box_map`` for a box in a search crop.

    Places in the core of the box are the object's, those in the rest of it do not matter.
    """
    side = SEARCH_SIDE // STRIDE
    target = np.zeros((side, side, 5), np.float32)
    if box is None:
        return target
    left, top, width, height = np.asarray(box) / STRIDE
    middle = np.arange(side) + 0.5
    x, y = middle[None, :], middle[:, None]
    edges = np.stack(np.broadcast_arrays(x - left, y - top, left + width - x, top + height - y), axis=-1)
    # At least the places nearest to the middle of a small or thin object are its own.
    core = np.maximum(OBJECT_CORE * np.array([width, height]) / 2, 0.75)
    away = np.abs(np.stack(np.broadcast_arrays(x - left - width / 2, y - top - height / 2), axis=-1))
    target[..., 0] = np.where((away <= core).all(axis=-1), 1, np.where((edges > 0).all(axis=-1), -1, 0))
    target[..., 1:] = np.maximum(edges, 0.05)
    return target


def make_pair(material: Material, draw: np.random.Generator) -> Pair:
    """Return a pair of a random kind among those that the material allows."""
    there = {
        "sequence": bool(material.sequences),
        "still": bool(material.objects),
        "cut-out": bool(material.outlined and material.pictures),
        "region": bool(material.pictures),
    }
    shares = np.array([share * there[kind] for kind, share in KINDS.items()])
    kind = draw.choice(list(KINDS), p=shares / shares.sum())
    absent = draw.random() < ABSENT
    flip = draw.random() < 0.5
    if kind == "sequence":
        first, second = _frames_apart(material.sequences[draw.integers(len(material.sequences))], draw)
    elif kind == "region":
        first = second = _region(material.pictures[draw.integers(len(material.pictures))], draw)
    elif kind == "still":
        first = second = material.objects[draw.integers(len(material.objects))]
    else:
        first = second = material.outlined[draw.integers(len(material.outlined))]
    if kind == "cut-out":
        template, _ = _composed(first, material, TEMPLATE_SIDE, draw, flip)
        moved = bent(second, draw) if draw.random() < BENT else second
        search, box = _composed(moved, material, SEARCH_SIDE, draw, flip, hidden=absent)
    else:
        template, _ = _seen(first, TEMPLATE_SIDE, draw, flip)
        search, box = _seen(_another(material, draw) if absent else second, SEARCH_SIDE, draw, flip)
    template, search = recoloured(draw, template, search)
    return Pair(degraded(template, draw, 0.5), degraded(search, draw), None if absent else box)


def _frames_apart(views: list[tuple[int, View]], draw: np.random.Generator) -> tuple[View, View]:
    number, first = views[draw.integers(len(views))]
    near = [view for other, view in views if abs(other - number) <= FARTHEST]
    return first, near[draw.integers(len(near))]


def _another(material: Material, draw: np.random.Generator) -> View:
    """Return something to look at that is (but for chance) another object."""
    kinds = [several for several in (material.objects, material.pictures, material.sequences) if several]
    several = kinds[draw.integers(len(kinds))]
    one = several[draw.integers(len(several))]
    if isinstance(one, View):
        return one
    return one[draw.integers(len(one))][1] if isinstance(one, list) else _region(one, draw)


def _region(pixels: np.ndarray, draw: np.random.Generator) -> View:
    """Return a random box of a picture, a twelfth to a quarter as large as it."""
    height, width = pixels.shape[:2]
    side = min(height, width) * draw.uniform(0.08, 0.25)
    stretch = np.exp(draw.normal(0, 0.35))
    wide, high = min(side * stretch, width - 1), min(side / stretch, height - 1)
    return View(pixels, np.array([draw.uniform(0, width - wide), draw.uniform(0, height - high), wide, high]))


@dataclass(frozen=True)
class _Look:
    """How a crop looks at a view: the affine map ``(2, 3)`` from view to crop, and the object's box in the crop."""

    matrix: np.ndarray
    box: np.ndarray


def _look(view: View, size: int, draw: np.random.Generator, flip: bool) -> _Look:
    """Return a random look in which the object is nearly (template) or somewhat (search) in the middle."""
    search = size == SEARCH_SIDE
    scale = TEMPLATE_SIDE / context_side(view.box) * np.exp(draw.normal(0, 0.17 if search else 0.05))
    aspect = np.exp(draw.normal(0, 0.07 if search else 0.02))
    turn = np.deg2rad(draw.normal(0, 6.0 if view.mask is not None else 2.5)) * search
    shift = draw.uniform(-SHIFT, SHIFT, 2) * size if search else draw.normal(0, 2.0, 2)
    if search and draw.random() < 0.3:
        shift *= 0.3  # most steps from one frame to the next are small
    cos, sin = np.cos(turn), np.sin(turn)
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag(
        [scale * aspect * (-1 if flip else 1), scale / aspect]
    )
    middle = size / 2 + shift
    matrix = np.concatenate([linear, (middle - linear @ centers(view.box))[:, None]], axis=1)
    return _Look(matrix, _moved_box(view, matrix))


def _moved_box(view: View, matrix: np.ndarray) -> np.ndarray:
    """Return the upright box around what an affine map makes of the object."""
    moved = view.rim @ matrix[:, :2].T + matrix[:, 2]
    low, high = moved.min(axis=0), moved.max(axis=0)
    return np.concatenate([low, high - low])


def _warped(
    pixels: np.ndarray, matrix: np.ndarray, size: int, beyond: int = cv2.BORDER_CONSTANT
) -> np.ndarray:
    """Return what an affine map makes of a picture; beyond its edges its mean colour, or as ``cv2`` names it."""
    shifted = matrix.copy()
    # cv2 takes the middle of a pixel as its place.
    shifted[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
    value = cv2.mean(pixels) if pixels.ndim == 3 else 0
    return cv2.warpAffine(
        pixels, shifted, (size, size), flags=cv2.INTER_LINEAR, borderMode=beyond, borderValue=value
    )


def _seen(view: View, size: int, draw: np.random.Generator, flip: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return a crop of an object where it is, and its box."""
    look = _look(view, size, draw, flip)
    return _warped(view.pixels, look.matrix, size), look.box


def _composed(
    view: View, material: Material, size: int, draw: np.random.Generator, flip: bool, hidden: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return a crop with an object before another background, and its box.

    In a search crop up to three other objects lie behind it, and sometimes one before a part of it.
    """
    picture = material.pictures[draw.integers(len(material.pictures))]
    crop = _warped(picture, _look(_region(picture, draw), size, draw, False).matrix, size, cv2.BORDER_REFLECT)
    look = _look(view, size, draw, flip)
    if size == SEARCH_SIDE:
        for _ in range(draw.integers(0, 4)):
            other = material.outlined[draw.integers(len(material.outlined))]
            crop = _pasted(crop, other, _look(other, size, draw, draw.random() < 0.5).matrix)
    if not hidden:
        crop = _pasted(crop, view, look.matrix)
        if size == SEARCH_SIDE and draw.random() < 0.25:
            crop = _pasted(crop, *_occluder(material, look.box, draw))
    return crop, look.box


def _occluder(material: Material, box: np.ndarray, draw: np.random.Generator) -> tuple[View, np.ndarray]:
    """Return an object and where it is pasted so that it hides a part of what is in ``box``."""
    other = material.outlined[draw.integers(len(material.outlined))]
    look = _look(other, SEARCH_SIDE, draw, False)
    angle = draw.uniform(0, 2 * np.pi)
    goal = centers(box) + np.array([np.cos(angle), np.sin(angle)]) * box[2:] * draw.uniform(0.5, 0.9)
    matrix = look.matrix.copy()
    matrix[:, 2] += goal - centers(look.box)
    return other, matrix


def _pasted(crop: np.ndarray, view: View, matrix: np.ndarray) -> np.ndarray:
    """Return a crop with an outlined object before it; its edge is one pixel soft."""
    size = len(crop)
    assert view.mask is not None
    left, top, wide, high = _moved_box(view, matrix)
    rows, columns = (
        slice(max(0, int(low) - 2), max(0, min(size, int(low + side) + 3)))
        for low, side in ((top, high), (left, wide))
    )
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return crop
    mask = cv2.GaussianBlur(_warped(view.mask, matrix, size), (3, 3), 0)[rows, columns, None]
    above = _warped(view.pixels, matrix, size)[rows, columns].astype(np.float32)
    below = crop[rows, columns]
    pasted = crop.copy()
    pasted[rows, columns] = below + mask / np.float32(255) * (above - below)
    return pasted
