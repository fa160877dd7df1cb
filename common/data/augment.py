"""Augmentation of image batches: vectorised, deterministic under a seed, TensorFlow graph code.

A seed is two integers; the same seed gives the same pictures, whatever the number of threads.

Reference:
    Cubuk et al., "RandAugment", CVPR workshop 2020 (one magnitude for all, some acting on each picture).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import tensorflow as tf

from common.data.distortion import Geometry, random_window, resample, translate
from common.data.mixing import cutmix, cutout, mixup
from common.data.seeds import Seed, fold_seed

__all__ = ["Augmentation", "Colour", "blur"]

_LUMA = (0.299, 0.587, 0.114)  # of red, green and blue in grey, ITU-R BT.601


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
        draw = tf.random.stateless_uniform((4, batch), fold_seed(seed, 12), -1.0, 1.0)
        acts = tf.random.stateless_uniform((4, batch), fold_seed(seed, 13)) < self.chance
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
            images = random_window(images, self.window, fold_seed(seed, 16))
        batch, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
        if self.flip == "random":
            turns = tf.random.stateless_uniform((batch,), fold_seed(seed, 14), 0, 2, tf.int64)
        if self.flip:
            assert turns is not None, "the alternating flip is told whose turn it is"
            mirrored = (turns % 2 == 1)[:, None, None, None]
            images = tf.where(mirrored, images[:, :, ::-1], images)
        if self.translate:
            reach = self.translate
            shifts = tf.random.stateless_uniform((2, batch), fold_seed(seed, 15), -reach, reach + 1, tf.int32)
            images = translate(images, shifts, reach)
        if self.geometry != Geometry():
            images = resample(images, self.geometry.grid(batch, height, width, seed))
        if self.colour != Colour():
            images = self.colour(images, seed)
        if self.stroke:
            power = tf.random.stateless_uniform(
                (batch, 1, 1, 1), fold_seed(seed, 3), -self.stroke, self.stroke
            )
            images = tf.maximum(images, 0.0) ** tf.exp(power)
        if self.blur:
            images = blur(images, self.blur * tf.random.stateless_uniform((batch,), fold_seed(seed, 9)) ** 2)
        if self.noise:
            level = self.noise * tf.random.stateless_uniform((batch, 1, 1, 1), fold_seed(seed, 4)) ** 2
            images += level * tf.random.stateless_normal(tf.shape(images), fold_seed(seed, 5))
            images = tf.clip_by_value(images, 0.0, 1.0)
        if self.cutout:
            images = cutout(images, self.cutout, fold_seed(seed, 6))
        if self.mixup:
            images, targets = mixup(images, targets, self.mixup, fold_seed(seed, 7), self.mix_chance)
        if self.cutmix:
            images, targets = cutmix(images, targets, self.cutmix, fold_seed(seed, 8), self.mix_chance)
        return images, targets


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
