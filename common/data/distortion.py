"""Geometry of image batches: random distortions as one resampling, windows, shifts.

Every geometric transform is one resampling.  ``Geometry`` draws, for each image of a batch, an affine
matrix (shift, rotation, scale, shear) and a smooth displacement field (elastic distortion); both are
added up to a grid of source positions, and the image is read once, bilinearly, at that grid.  Masks take
the same grid; boxes take the same matrix (``transform_boxes``).

References:
    Simard, Steinkraus and Platt, "Best Practices for Convolutional Neural Networks Applied to Visual
    Document Analysis", ICDAR 2003 (affine and elastic distortion).
    Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, section 6 (random-resized crop).
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from common.data.seeds import Seed, fold_seed

__all__ = ["Geometry", "random_window", "resample", "transform_boxes", "translate"]


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

    def matrices(self, batch: int | tf.Tensor, seed: Seed) -> tf.Tensor:
        """Draw affine matrices ``(batch, 2, 3)`` from output to input positions, centred, in sides."""
        draw = tf.random.stateless_uniform((7, batch), fold_seed(seed, 1), -1.0, 1.0)
        if self.chance < 1:
            acts = tf.random.stateless_uniform((4, batch), fold_seed(seed, 10)) < self.chance
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

    def _window(self, batch: int | tf.Tensor, seed: Seed) -> tf.Tensor:
        """Draw the windows of the random-resized crop as matrices ``(batch, 2, 3)``."""
        draw = tf.random.stateless_uniform((4, batch), fold_seed(seed, 11))
        area = self.crop + (1 - self.crop) * draw[0]
        ratio = tf.pow(4 / 3, 2 * draw[1] - 1)
        width = tf.minimum(tf.sqrt(area * ratio), 1.0)
        height = tf.minimum(area / width, 1.0)
        zero = tf.zeros_like(area)
        row_x = tf.stack([width, zero, (draw[2] - 0.5) * (1 - width)], axis=-1)
        row_y = tf.stack([zero, height, (draw[3] - 0.5) * (1 - height)], axis=-1)
        return tf.stack([row_x, row_y], axis=1)

    def grid(self, batch: int | tf.Tensor, height: int, width: int, seed: Seed) -> tf.Tensor:
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
            coarse = tf.random.stateless_normal((batch, cells, cells, 2), fold_seed(seed, 2))
            # Cubic interpolation of independent normals keeps about 0.7 of their deviation.
            positions += tf.image.resize(coarse, (height, width), "bicubic") * (self.elastic / 0.7)
        return positions


def random_window(images: tf.Tensor, side: int, seed: Seed) -> tf.Tensor:
    """Cut a square out of each image ``(batch, h, w, c)`` at a random place: ``(batch, side, side, c)``."""
    batch, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
    top = tf.random.stateless_uniform((batch, 1), seed, 0, height - side + 1, tf.int32)
    left = tf.random.stateless_uniform((batch, 1), fold_seed(seed, 1), 0, width - side + 1, tf.int32)
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


def _with_last_row(matrices: tf.Tensor) -> tf.Tensor:
    """Return affine matrices ``(batch, 2, 3)`` as ``(batch, 3, 3)``, which can be multiplied."""
    last = tf.broadcast_to(tf.constant([[[0.0, 0, 1]]]), (tf.shape(matrices)[0], 1, 3))
    return tf.concat([matrices, last], axis=1)
