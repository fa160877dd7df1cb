"""Augmentation of image batches: vectorised, deterministic under a seed, TensorFlow graph code.

Every geometric transform is one resampling.  ``Geometry`` draws, for each image of a batch, an affine
matrix (shift, rotation, scale, shear) and a smooth displacement field (elastic distortion); both are
added up to a grid of source positions, and the image is read once, bilinearly, at that grid.  Masks take
the same grid; boxes take the same matrix (``transform_boxes``).  A seed is two integers; the same seed
gives the same pictures, whatever the number of threads.

References:
    Simard, Steinkraus and Platt, "Best Practices for Convolutional Neural Networks Applied to Visual
    Document Analysis", ICDAR 2003 (affine and elastic distortion).
    Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, section 6 (random-resized crop).
    Cubuk et al., "RandAugment", CVPR workshop 2020 (one magnitude for all, some acting on each picture).
    DeVries and Taylor, arXiv 1708.04552 (cutout).  Zhang et al., ICLR 2018 (mixup).  Yun et al., ICCV
    2019 (CutMix).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import tensorflow as tf

__all__ = [
    "Augmentation",
    "Colour",
    "Geometry",
    "blur",
    "cutmix",
    "cutout",
    "mixup",
    "random_window",
    "resample",
    "transform_boxes",
    "translate",
]

Size: TypeAlias = "int | tf.Tensor"
Seed: TypeAlias = "Sequence[int] | tf.Tensor"  # two integers
_LUMA = (0.299, 0.587, 0.114)  # of red, green and blue in grey, ITU-R BT.601


@dataclass(frozen=True)
class Geometry:
    """Ranges of the random geometric distortion.  All zero: the identity.

    Args:
        shift: largest shift as a share of the side.
        rotate: largest rotation in degrees.
        scale: largest relative change of size; the two axes share half of it and differ by the other.
        shear: largest shear (tangent of the angle).
        elastic: standard deviation of the elastic displacement in pixels.
        elastic_cells: cells of the coarse grid of displacements; fewer are smoother.
        crop: smallest area of the window that is cut out and brought to full size, as a share of the picture; the
            window's sides differ by a factor of at most 4/3.  0: the whole picture.
        chance: that a picture is shifted, rotated, scaled or sheared at all, drawn for each of the four.
    """

    shift: float = 0.0
    rotate: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    elastic: float = 0.0
    elastic_cells: int = 5
    crop: float = 0.0
    chance: float = 1.0

    def matrices(self, batch: Size, seed: Seed) -> tf.Tensor:
        """Draw affine matrices ``(batch, 2, 3)`` from output to input positions, centred, in sides."""
        draw = tf.random.stateless_uniform((7, batch), _fold(seed, 1), -1.0, 1.0)
        if self.chance < 1:
            acts = tf.random.stateless_uniform((4, batch), _fold(seed, 10)) < self.chance
            # Rows of ``draw``: angle, size, ratio of the axes, shear, unused, and shifts.
            draw *= tf.cast(tf.gather(acts, [0, 1, 1, 2, 2, 3, 3]), tf.float32)
        angle = draw[0] * (self.rotate * 3.14159265 / 180)
        zoom = draw[1] * self.scale / 2
        scale_x, scale_y = tf.exp(zoom + draw[2] * self.scale / 2), tf.exp(zoom - draw[2] * self.scale / 2)
        shear = draw[3] * self.shear
        cos, sin = tf.cos(angle), tf.sin(angle)
        row_x = tf.stack([cos * scale_x, (shear * cos - sin) * scale_x, draw[5] * self.shift], axis=-1)
        row_y = tf.stack([sin * scale_y, (shear * sin + cos) * scale_y, draw[6] * self.shift], axis=-1)
        matrices = tf.stack([row_x, row_y], axis=1)
        return self._window(batch, seed) @ _with_last_row(matrices) if self.crop else matrices

    def _window(self, batch: Size, seed: Seed) -> tf.Tensor:
        """Draw the windows of the random-resized crop as matrices ``(batch, 2, 3)``."""
        draw = tf.random.stateless_uniform((4, batch), _fold(seed, 11))
        area = self.crop + (1 - self.crop) * draw[0]
        ratio = tf.pow(4 / 3, 2 * draw[1] - 1)
        width = tf.minimum(tf.sqrt(area * ratio), 1.0)
        height = tf.minimum(area / width, 1.0)
        zero = tf.zeros_like(area)
        row_x = tf.stack([width, zero, (draw[2] - 0.5) * (1 - width)], axis=-1)
        row_y = tf.stack([zero, height, (draw[3] - 0.5) * (1 - height)], axis=-1)
        return tf.stack([row_x, row_y], axis=1)

    def grid(self, batch: Size, height: int, width: int, seed: Seed) -> tf.Tensor:
        """Draw source positions ``(batch, height, width, 2)`` as (x, y) in pixels."""
        y, x = tf.meshgrid(
            (tf.range(height, dtype=tf.float32) + 0.5) / height - 0.5,
            (tf.range(width, dtype=tf.float32) + 0.5) / width - 0.5,
            indexing="ij",
        )
        points = tf.stack([x, y, tf.ones_like(x)], axis=-1)
        centred = tf.einsum("hwk,bck->bhwc", points, self.matrices(batch, seed))
        positions = (centred + 0.5) * tf.constant([width, height], tf.float32) - 0.5
        if self.elastic:
            cells = self.elastic_cells
            coarse = tf.random.stateless_normal((batch, cells, cells, 2), _fold(seed, 2))
            # Cubic interpolation of independent normals keeps about 0.7 of their deviation.
            positions += tf.image.resize(coarse, (height, width), "bicubic") * (self.elastic / 0.7)
        return positions


@dataclass(frozen=True)
class Colour:
    """Ranges of the random change of colour.  All zero: none.  The pictures have three channels.

    All four are linear in the colour, so a picture's colours are multiplied by one matrix.

    Args:
        brightness: largest relative change of all channels.
        contrast: largest relative change of the distance from the picture's mean grey.
        saturation: largest relative change of the distance from each pixel's own grey.
        hue: largest turn about the axis of greys, as a share of the circle.
        chance: that a part acts on a picture, drawn for each of the four.
    """

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    chance: float = 1.0

    def __call__(self, images: tf.Tensor, seed: Seed) -> tf.Tensor:
        """Return pictures ``(batch, h, w, 3)`` in [0, 1] with other colours."""
        batch = tf.shape(images)[0]
        draw = tf.random.stateless_uniform((4, batch), _fold(seed, 12), -1.0, 1.0)
        acts = tf.random.stateless_uniform((4, batch), _fold(seed, 13)) < self.chance
        brightness, contrast, saturation, turn = tf.unstack(
            draw
            * tf.cast(acts, tf.float32)
            * tf.constant([self.brightness, self.contrast, self.saturation, self.hue])[:, None]
        )
        grey = tf.constant([_LUMA, _LUMA, _LUMA])
        identity = tf.eye(3)
        # Rodrigues' formula for the axis (1, 1, 1).
        cos, sin = (f(2 * 3.14159265 * turn)[:, None, None] for f in (tf.cos, tf.sin))
        across = tf.constant([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / 3**0.5
        hue = cos * identity + sin * across + (1 - cos) / 3
        pale = (1 + saturation)[:, None, None]
        scale = ((1 + brightness) * (1 + contrast))[:, None, None]
        matrix = scale * ((pale * identity + (1 - pale) * grey) @ hue)
        mean = tf.reduce_sum(tf.reduce_mean(images, axis=(1, 2)) * tf.constant(_LUMA), axis=1)
        offset = -(1 + brightness) * contrast * mean
        coloured = tf.einsum("bhwc,bdc->bhwd", images, matrix) + offset[:, None, None, None]
        return tf.clip_by_value(coloured, 0.0, 1.0)


@dataclass(frozen=True)
class Augmentation:
    """What ``fit`` does to a training batch of images ``(batch, h, w, c)`` in [0, 1].

    Args:
        geometry: shift, rotation, scale, shear, elastic distortion, random-resized crop.
        flip: ``random`` mirrors every second picture, left and right; ``alternating`` mirrors each picture in every
            second pass, half of them in the first: two passes show all there is to see (Jordan 2024, section 3.6).
        translate: largest shift in whole pixels; what comes in at the border is mirrored.
        colour: brightness, contrast, saturation, hue.
        cutout: side of the erased square as a share of the image side; 0 for none.
        mixup: alpha of mixup's beta distribution; 0 for none.
        cutmix: alpha of CutMix's beta distribution; 0 for none.
        mix_chance: that a picture is mixed with another.
        stroke: largest power the brightness is raised to or rooted by; thickens or thins pen strokes.
        blur: largest standard deviation, in pixels, of a Gaussian blur, at most 1.5.
        noise: largest standard deviation of added pixel noise.
        window: side of a window, cut out at a random place, before all the rest; 0 for the whole picture.
            A network that pools over the whole picture learns on it faster, and is as good on whole ones (Touvron et
            al., "Fixing the train-test resolution discrepancy", NeurIPS 2019).

    Blur and noise are drawn as the square of a uniform number, so that most pictures stay nearly sharp and
    clean and a few are as bad as a poor photograph.
    """

    geometry: Geometry = Geometry()
    flip: Literal["", "random", "alternating"] = ""
    translate: int = 0
    colour: Colour = Colour()
    cutout: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    mix_chance: float = 1.0
    stroke: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    window: int = 0

    def __call__(
        self, images: tf.Tensor, targets: tf.Tensor, seed: Seed, turns: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return augmented images and targets; targets change only under mixup and CutMix (one-hot).

        Args:
            images: ``(batch, h, w, c)`` in [0, 1].
            targets: ``(batch, K)``.
            seed: two integers.
            turns: ``(batch,)`` int64, for the alternating flip: even or odd by picture, and by pass.
        """
        if self.window:
            images = random_window(images, self.window, _fold(seed, 16))
        batch, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
        if self.flip == "random":
            turns = tf.random.stateless_uniform((batch,), _fold(seed, 14), 0, 2, tf.int64)
        if self.flip:
            assert turns is not None, "the alternating flip is told whose turn it is"
            mirrored = (turns % 2 == 1)[:, None, None, None]
            images = tf.where(mirrored, images[:, :, ::-1], images)
        if self.translate:
            reach = self.translate
            shifts = tf.random.stateless_uniform((2, batch), _fold(seed, 15), -reach, reach + 1, tf.int32)
            images = translate(images, shifts, reach)
        if self.geometry != Geometry():
            images = resample(images, self.geometry.grid(batch, height, width, seed))
        if self.colour != Colour():
            images = self.colour(images, seed)
        if self.stroke:
            power = tf.random.stateless_uniform((batch, 1, 1, 1), _fold(seed, 3), -self.stroke, self.stroke)
            images = tf.maximum(images, 0.0) ** tf.exp(power)
        if self.blur:
            images = blur(images, self.blur * tf.random.stateless_uniform((batch,), _fold(seed, 9)) ** 2)
        if self.noise:
            level = self.noise * tf.random.stateless_uniform((batch, 1, 1, 1), _fold(seed, 4)) ** 2
            images += level * tf.random.stateless_normal(tf.shape(images), _fold(seed, 5))
            images = tf.clip_by_value(images, 0.0, 1.0)
        if self.cutout:
            images = cutout(images, self.cutout, _fold(seed, 6))
        if self.mixup:
            images, targets = mixup(images, targets, self.mixup, _fold(seed, 7), self.mix_chance)
        if self.cutmix:
            images, targets = cutmix(images, targets, self.cutmix, _fold(seed, 8), self.mix_chance)
        return images, targets


def random_window(images: tf.Tensor, side: int, seed: Seed) -> tf.Tensor:
    """Cut a square out of each image ``(batch, h, w, c)`` at a random place: ``(batch, side, side, c)``."""
    batch, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
    top = tf.random.stateless_uniform((batch, 1), seed, 0, height - side + 1, tf.int32)
    left = tf.random.stateless_uniform((batch, 1), _fold(seed, 1), 0, width - side + 1, tf.int32)
    rows, columns = top + tf.range(side), left + tf.range(side)
    return tf.gather(tf.gather(images, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)


def translate(images: tf.Tensor, shifts: tf.Tensor, reach: int) -> tf.Tensor:
    """Shift each image by whole pixels; what comes in at the border is mirrored.

    Args:
        images: ``(batch, h, w, channels)``.
        shifts: ``(2, batch)`` int32: pixels down and right.
        reach: largest shift.
    """
    height, width = images.shape[1:3]
    padded = tf.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)), "REFLECT")
    rows = reach - shifts[0][:, None] + tf.range(height)
    columns = reach - shifts[1][:, None] + tf.range(width)
    return tf.gather(tf.gather(padded, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)


def resample(images: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
    """Read images bilinearly at source positions; outside is 0.

    Args:
        images: ``(batch, h, w, channels)`` float.
        positions: ``(batch, h', w', 2)`` as (x, y) in pixels of ``images``.

    Returns:
        ``(batch, h', w', channels)``.
    """
    height, width, channels = images.shape[1:]
    # A frame of zeros makes every position outside read 0 without a mask.
    framed = tf.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    limit = tf.constant([width + 1, height + 1], tf.float32)
    positions = tf.clip_by_value(positions + 1.0, 0.0, limit - 1e-3)
    corner = tf.floor(positions)
    weight = positions - corner
    corner = tf.cast(corner, tf.int32)
    row = width + 2
    offset = tf.range(tf.shape(images)[0])[:, None, None] * ((height + 2) * row)
    index = offset + corner[..., 1] * row + corner[..., 0]
    flat = tf.reshape(framed, (-1, channels))
    wx, wy = weight[..., :1], weight[..., 1:]
    top = tf.gather(flat, index) * (1 - wx) + tf.gather(flat, index + 1) * wx
    bottom = tf.gather(flat, index + row) * (1 - wx) + tf.gather(flat, index + row + 1) * wx
    return top * (1 - wy) + bottom * wy


def blur(images: tf.Tensor, deviations: tf.Tensor) -> tf.Tensor:
    """Blur each image with a Gaussian of its own, 7 pixels wide; outside is 0.

    Args:
        images: ``(batch, h, w, channels)`` float.
        deviations: ``(batch,)`` standard deviations in pixels, at most about 1.5 for a kernel this wide.
    """
    offsets = tf.range(-3.0, 4.0)
    taps = tf.exp(-0.5 * (offsets / tf.maximum(deviations, 1e-3)[:, None]) ** 2)
    taps /= tf.reduce_sum(taps, axis=1, keepdims=True)
    weights = tf.unstack(taps[:, :, None, None, None], axis=1)
    height, width = images.shape[1:3]
    rows = tf.pad(images, ((0, 0), (3, 3), (0, 0), (0, 0)))
    images = tf.add_n([weight * rows[:, k : k + height] for k, weight in enumerate(weights)])
    columns = tf.pad(images, ((0, 0), (0, 0), (3, 3), (0, 0)))
    return tf.add_n([weight * columns[:, :, k : k + width] for k, weight in enumerate(weights)])


def transform_boxes(boxes: tf.Tensor, matrices: tf.Tensor) -> tf.Tensor:
    """Move boxes as ``resample`` moves the pixels under the affine part of a ``Geometry``.

    Args:
        boxes: ``(batch, n, 4)`` as (x0, y0, x1, y1) in shares of the image's sides.
        matrices: ``(batch, 2, 3)`` from ``Geometry.matrices`` (output to input).

    Returns:
        ``(batch, n, 4)``: the axis-parallel hulls of the moved boxes, clipped to the image.
    """
    linear, shift = matrices[:, :, :2], matrices[:, :, 2:]
    inverse = tf.linalg.inv(linear)
    x0, y0, x1, y1 = tf.unstack(boxes - 0.5, axis=-1)
    corners = tf.stack([tf.stack([x0, x1, x0, x1], -1), tf.stack([y0, y0, y1, y1], -1)], axis=1)
    moved = tf.einsum("bij,bjnk->bink", inverse, corners - shift[..., None]) + 0.5
    hull = tf.concat([tf.reduce_min(moved, axis=-1), tf.reduce_max(moved, axis=-1)], axis=1)
    return tf.clip_by_value(tf.transpose(hull, (0, 2, 1)), 0.0, 1.0)


def cutout(images: tf.Tensor, size: float, seed: Seed) -> tf.Tensor:
    """Erase a square of ``size`` sides at a random place of each image (it may hang over the edge)."""
    inside = _random_boxes(tf.shape(images)[0], images.shape[1], images.shape[2], size, size, seed)
    return tf.where(inside, tf.zeros_like(images), images)


def mixup(
    images: tf.Tensor, targets: tf.Tensor, alpha: float, seed: Seed, chance: float = 1.0
) -> tuple[tf.Tensor, tf.Tensor]:
    """Blend each image and one-hot target with the next of the batch: ``x = λ x + (1 - λ) x'``."""
    share = _kept_share(tf.shape(images)[0], alpha, seed, chance)
    blend = lambda a, weight: weight * a + (1 - weight) * tf.roll(a, 1, axis=0)  # noqa: E731
    return blend(images, share[:, None, None, None]), blend(targets, share[:, None])


def cutmix(
    images: tf.Tensor, targets: tf.Tensor, alpha: float, seed: Seed, chance: float = 1.0
) -> tuple[tf.Tensor, tf.Tensor]:
    """Paste a rectangle of the next image; the target is mixed by the areas that are left."""
    batch = tf.shape(images)[0]
    side = tf.sqrt(1 - _kept_share(batch, alpha, seed, chance))[:, None, None, None]
    inside = _random_boxes(batch, images.shape[1], images.shape[2], side, side, _fold(seed, 1))
    kept = 1 - tf.reduce_mean(tf.cast(inside, tf.float32), axis=(1, 2))
    pasted = tf.where(inside, tf.roll(images, 1, axis=0), images)
    return pasted, kept * targets + (1 - kept) * tf.roll(targets, 1, axis=0)


def _random_boxes(
    batch: Size, height: int, width: int, size_y: float | tf.Tensor, size_x: float | tf.Tensor, seed: Seed
) -> tf.Tensor:
    """Return ``(batch, height, width, 1)``: true inside one box an image, centred anywhere."""
    centre = tf.random.stateless_uniform((2, batch, 1, 1, 1), seed)
    y = ((tf.range(height, dtype=tf.float32) + 0.5) / height)[None, :, None, None]
    x = ((tf.range(width, dtype=tf.float32) + 0.5) / width)[None, None, :, None]
    return (tf.abs(y - centre[0]) < size_y / 2) & (tf.abs(x - centre[1]) < size_x / 2)


def _kept_share(batch: Size, alpha: float, seed: Seed, chance: float) -> tf.Tensor:
    """Draw from the beta distribution which share of each picture is its own; 1 where it is not mixed."""
    gammas = tf.random.stateless_gamma((2, batch), seed, alpha)
    share = gammas[0] / (gammas[0] + gammas[1])
    if chance == 1:
        return share
    return tf.where(tf.random.stateless_uniform((batch,), _fold(seed, 16)) < chance, share, 1.0)


def _with_last_row(matrices: tf.Tensor) -> tf.Tensor:
    """Return affine matrices ``(batch, 2, 3)`` as ``(batch, 3, 3)``, which can be multiplied."""
    last = tf.broadcast_to(tf.constant([[[0.0, 0, 1]]]), (tf.shape(matrices)[0], 1, 3))
    return tf.concat([matrices, last], axis=1)


def _fold(seed: Seed, stream: int) -> tf.Tensor:
    """Derive an independent seed for one use of randomness."""
    seed = tf.cast(tf.convert_to_tensor(seed), tf.int64)
    return tf.stack([seed[0] * 1009 + stream, seed[1]])
