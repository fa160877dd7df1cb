"""What a network looks at: feature maps, kernels and heat maps of a decision.

Three questions about one picture and one class.  *Saliency*: which pixels would change the score if they
changed a little?  *Grad-CAM*: where do the last feature maps hold evidence for the class?  *Occlusion*:
which parts, once covered, lower the score?  Which pixels a unit can see at all, ``common.receptive_fields`` says.

Networks are functional ``keras.Model`` objects from images ``(batch, height, width, channels)`` to raw
scores ``(batch, classes)``.  Only the two gradient methods need TensorFlow.

References:
    Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks", ICLR workshop 2014.
    Selvaraju et al., "Grad-CAM", ICCV 2017.
    Chattopadhay et al., "Grad-CAM++", WACV 2018.
    Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.2.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from keras import layers

from common.receptive_fields import map_shape

__all__ = ["feature_maps", "grad_cam", "grad_cam_plus_plus", "kernels", "occlusion", "saliency"]


def saliency(model: keras.Model, image: np.ndarray, target: int) -> np.ndarray:
    """Return how strongly each pixel moves the score of a class: ``max over channels |∂ score / ∂ pixel|``.

    Args:
        model: a network with raw scores.
        image: ``(height, width, channels)`` float in the network's range.
        target: number of the class.

    Returns:
        ``(height, width)`` float32, at least 0, in score per unit of brightness.

    Reference:
        Simonyan et al. 2014, section 3.1.
    """
    import tensorflow as tf

    batch = tf.constant(image[None], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(batch)
        score = model(batch, training=False)[0, target]
    return np.abs(tape.gradient(score, batch).numpy()[0]).max(axis=-1)


def grad_cam(model: keras.Model, image: np.ndarray, target: int, layer: str | None = None) -> np.ndarray:
    """Return where a layer's feature maps speak for a class.

    Each map is weighted by the mean of its gradient; what is left of the sum above 0 is scaled to a
    largest value of 1 (all 0 if nothing speaks for the class) and enlarged bilinearly to the picture.

    Args:
        model: a network with raw scores.
        image: ``(height, width, channels)`` float in the network's range.
        target: number of the class.
        layer: name of a layer with feature maps; by default the last one that has more than one position.

    Returns:
        ``(height, width)`` float32 in [0, 1].

    Raises:
        ValueError: no such layer, or the network has no feature maps.

    Reference:
        Selvaraju et al. 2017, equations 1 and 2.
    """
    maps, gradient = _maps_and_gradient(model, image, target, layer)
    return _enlarged((gradient.mean(axis=(0, 1)) * maps).sum(axis=-1), image.shape[:2])


def grad_cam_plus_plus(
    model: keras.Model, image: np.ndarray, target: int, layer: str | None = None
) -> np.ndarray:
    """Return where a layer's feature maps speak for a class, all of several objects alike.

    Where Grad-CAM takes the mean of a map's gradient, this weighs each position by how much it alone can do: a small
    object weighs as much as a large one.  The derivatives are those of the exponential of the score.

    Args:
        model: a network with raw scores.
        image: ``(height, width, channels)`` float in the network's range.
        target: number of the class.
        layer: as of ``grad_cam``.

    Returns:
        ``(height, width)`` float32 in [0, 1].

    Raises:
        ValueError: no such layer, or the network has no feature maps.

    Reference:
        Chattopadhay et al. 2018, equations 10, 15 and 19.
    """
    maps, gradient = _maps_and_gradient(model, image, target, layer)
    square, cube = gradient**2, gradient**3
    below = 2 * square + maps.sum(axis=(0, 1)) * cube
    alpha = np.divide(square, below, out=np.zeros_like(square), where=below != 0)
    weights = (alpha * np.maximum(gradient, 0)).sum(axis=(0, 1))
    return _enlarged((weights * maps).sum(axis=-1), image.shape[:2])


def occlusion(
    predict: Callable[[np.ndarray], np.ndarray],
    image: np.ndarray,
    target: int,
    patch: int = 6,
    stride: int = 2,
    *,
    fill: float = 0.0,
    batch: int = 256,
) -> np.ndarray:
    """Return by how much the score of a class falls when a square over each pixel is covered.

    A square slides over the picture (its last position touches the far edge); a pixel gets the mean fall
    over all the squares that cover it.  Works on any predictor, since it needs no gradient.

    Args:
        predict: images ``(n, height, width, channels)`` to scores ``(n, classes)``.
        image: ``(height, width, channels)`` float32.
        target: number of the class.
        patch: side of the square in pixels.
        stride: step of the square in pixels, at most ``patch``.
        fill: brightness of the square; Zeiler and Fergus take grey, a pen drawing wants its background.
        batch: pictures a call of ``predict``.

    Returns:
        ``(height, width)`` float32 in units of the score; negative where covering helps the class.

    Raises:
        ValueError: a square larger than the picture, or a stride that leaves pixels out.

    Reference:
        Zeiler and Fergus 2014, section 4.2.
    """
    height, width = image.shape[:2]
    if not 1 <= stride <= patch <= min(height, width):
        raise ValueError(
            f"expected 1 <= stride <= patch <= {min(height, width)}, received {stride=}, {patch=}"
        )
    corners = [(y, x) for y in _positions(height, patch, stride) for x in _positions(width, patch, stride)]
    full = predict(image[None])[0, target]
    falls, counts = np.zeros((height, width)), np.zeros((height, width))
    for start in range(0, len(corners), batch):
        part = corners[start : start + batch]
        covered = np.repeat(image[None], len(part), axis=0)
        for picture, (y, x) in zip(covered, part, strict=True):
            picture[y : y + patch, x : x + patch] = fill
        for score, (y, x) in zip(predict(covered)[:, target], part, strict=True):
            falls[y : y + patch, x : x + patch] += full - score
            counts[y : y + patch, x : x + patch] += 1
    return (falls / counts).astype(np.float32)


def feature_maps(model: keras.Model, image: np.ndarray) -> dict[str, np.ndarray]:
    """Return the feature maps ``(height, width, maps)`` of every layer that has some, by layer name.

    Args:
        model: the network.
        image: ``(height, width, channels)`` float in the network's range.
    """
    mapped = _with_maps(model)
    if not mapped:
        return {}
    outputs = keras.Model(model.input, [operation.output for operation in mapped])(
        image[None], training=False
    )
    return {
        operation.name: keras.ops.convert_to_numpy(keras.ops.cast(output, "float32"))[0]
        for operation, output in zip(mapped, keras.tree.flatten(outputs), strict=True)
    }


def kernels(model: keras.Model) -> dict[str, np.ndarray]:
    """Return the kernels ``(height, width, maps in, maps out)`` of every 2-D convolution, by layer name."""
    return {layer.name: layer.kernel.numpy() for layer in model.layers if isinstance(layer, layers.Conv2D)}


def _maps_and_gradient(
    model: keras.Model, image: np.ndarray, target: int, layer: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return a layer's maps ``(height, width, maps)`` and the gradient of a score with respect to them."""
    import tensorflow as tf

    mapped = {operation.name: operation for operation in _with_maps(model)}
    if layer is None:
        wide = [name for name, operation in mapped.items() if map_shape(operation.output)[:2] != (1, 1)]
        if not wide:
            raise ValueError(f"{model.name} has no feature maps")
        layer = wide[-1]
    if layer not in mapped:
        raise ValueError(
            f"expected a layer with feature maps, one of {', '.join(mapped)}, received {layer!r}"
        )
    both = keras.Model(model.input, [mapped[layer].output, model.output])
    batch = tf.constant(image[None], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(batch)
        maps, scores = both(batch, training=False)
        score = scores[0, target]
    gradient = tape.gradient(score, maps)
    return tf.cast(maps, tf.float32).numpy()[0], tf.cast(gradient, tf.float32).numpy()[0]


def _enlarged(heat: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return what is above 0, scaled to a largest value of 1 and enlarged bilinearly."""
    positive = np.maximum(heat, 0)
    scaled = (positive / max(float(positive.max()), 1e-30)).astype(np.float32)
    return keras.ops.convert_to_numpy(keras.ops.image.resize(scaled[None, ..., None], size))[0, :, :, 0]


def _with_maps(model: keras.Model) -> list[keras.Operation]:
    """Return the operations, but for the input, whose output is a stack of feature maps."""
    return [
        operation
        for operation in model.operations
        if not isinstance(operation, layers.InputLayer) and len(operation.output.shape) == 4
    ]


def _positions(side: int, patch: int, stride: int) -> list[int]:
    """Return the first pixels of squares that cover ``side`` pixels, the last one flush with the end."""
    return sorted({*range(0, side - patch, stride), side - patch})
