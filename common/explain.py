"""What a network looks at: receptive fields, feature maps, kernels and heat maps of a decision.

Four questions about one picture and one class.  *Saliency*: which pixels would change the score if they
changed a little?  *Grad-CAM*: where do the last feature maps hold evidence for the class?  *Occlusion*:
which parts, once covered, lower the score?  *Receptive field*: which pixels can a unit see at all?

Networks are functional ``keras.Model`` objects from images ``(batch, height, width, channels)`` to raw
scores ``(batch, classes)``.  Only the two gradient methods need TensorFlow.

References:
    Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019.
    Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks", ICLR workshop 2014.
    Selvaraju et al., "Grad-CAM", ICCV 2017.
    Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import keras
import numpy as np
from keras import layers

__all__ = [
    "ReceptiveField",
    "feature_maps",
    "grad_cam",
    "kernels",
    "occlusion",
    "receptive_fields",
    "saliency",
]


@dataclass(frozen=True)
class ReceptiveField:
    """The pixels that the units of one layer can see.

    All pairs are (vertical, horizontal) in input pixels; pixel centres lie at whole numbers.

    Args:
        layer: name of the layer.
        map_shape: (height, width, maps) of its output; a vector of n units is (1, 1, n).
        size: sides of the window that one unit sees.
        stride: distance between the windows of neighbouring units; 0 where every unit sees the same.
        start: centre of the window of unit (0, 0).
    """

    layer: str
    map_shape: tuple[int, int, int]
    size: tuple[int, int]
    stride: tuple[int, int]
    start: tuple[float, float]

    def window(self, row: int, column: int) -> tuple[int, int, int, int]:
        """Return (top, left, bottom, right) of what unit (row, column) sees, the last two exclusive.

        Where the layers below pad their maps, a window may hang over the edge of the picture or over
        the last pixels that a pooling layer has dropped.
        """
        top = round(self.start[0] + row * self.stride[0] - (self.size[0] - 1) / 2)
        left = round(self.start[1] + column * self.stride[1] - (self.size[1] - 1) / 2)
        return top, left, top + self.size[0], left + self.size[1]


def receptive_fields(model: keras.Model) -> list[ReceptiveField]:
    """Return the receptive field of every layer, in the order of the computation.

    The recurrence of Araujo et al. 2019, section 2: through a window of ``k`` units, dilation ``d`` and
    stride ``s``, the size grows by ``d (k - 1)`` strides and the stride is multiplied by ``s``.  Where
    branches meet, the field is the hull of theirs.  A layer that keeps the size of its maps and has no
    window is taken to act on each position by itself, as activations and normalisation do.

    Args:
        model: a functional model of one picture of fixed size, each layer called once.

    Raises:
        ValueError: a size that is not fixed, or a layer without a rule (up-sampling, a nested model).
    """
    height, width = model.inputs[0].shape[1:3]
    if height is None or width is None:
        raise ValueError(f"expected a network with a fixed input size, received {model.inputs[0].shape}")
    pixel = _Axis(1, 1, 0.0)
    known: dict[int, tuple[_Axis, ...]] = {id(tensor): (pixel, pixel) for tensor in model.inputs}
    fields = []
    for operation in model.operations:
        if isinstance(operation, layers.InputLayer):
            continue
        sources = keras.tree.flatten(operation.input)
        target = keras.tree.flatten(operation.output)[0]
        axes = tuple(
            _through(
                operation,
                axis,
                _hull([(known[id(s)][axis], _map_shape(s)[axis]) for s in sources], side),
                side,
            )
            for axis, side in enumerate((height, width))
        )
        known[id(target)] = axes
        fields.append(
            ReceptiveField(
                operation.name,
                _map_shape(target),
                (axes[0].size, axes[1].size),
                (axes[0].stride, axes[1].stride),
                (axes[0].start, axes[1].start),
            )
        )
    return fields


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
    import tensorflow as tf

    mapped = {operation.name: operation for operation in _with_maps(model)}
    if layer is None:
        wide = [name for name, operation in mapped.items() if _map_shape(operation.output)[:2] != (1, 1)]
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
    gradient = tf.cast(tape.gradient(score, maps), tf.float32)
    weights = tf.reduce_mean(gradient, axis=(1, 2), keepdims=True)
    heat = tf.nn.relu(tf.reduce_sum(weights * tf.cast(maps, tf.float32), axis=-1, keepdims=True))
    heat = tf.math.divide_no_nan(heat, tf.reduce_max(heat))
    return keras.ops.convert_to_numpy(keras.ops.image.resize(heat, image.shape[:2]))[0, :, :, 0]


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


class _Axis(NamedTuple):
    """Receptive field along one axis; see ``ReceptiveField``."""

    size: int
    stride: int
    start: float

    def ends(self) -> tuple[float, float]:
        """Return the first and last pixel that unit 0 sees."""
        return self.start - (self.size - 1) / 2, self.start + (self.size - 1) / 2

    def swept(self, length: int, side: int) -> _Axis:
        """Return what all ``length`` units see together of a picture of ``side`` pixels."""
        first, last = self.ends()
        first, last = max(first, 0), min(last + (length - 1) * self.stride, side - 1)
        return _Axis(round(last - first) + 1, 0, (first + last) / 2)


def _through(operation: keras.Operation, axis: int, field: _Axis, side: int) -> _Axis:
    """Return the field behind ``operation`` along one axis; ``side`` is the picture's in pixels."""
    if field.stride == 0:
        return field
    source, target = (keras.tree.flatten(tensors)[0].shape for tensors in (operation.input, operation.output))
    window = getattr(operation, "kernel_size", getattr(operation, "pool_size", None))
    if isinstance(operation, keras.Model | layers.Conv2DTranspose):
        raise ValueError(f"no receptive field rule for {operation.name!r} ({type(operation).__name__})")
    if window is not None:
        dilation = getattr(operation, "dilation_rate", 1)
        reach = (window[axis] - 1) * (dilation if isinstance(dilation, int) else dilation[axis])
        step, length = operation.strides[axis], source[1 + axis]
        padded = (target[1 + axis] - 1) * step + reach + 1 - length if operation.padding == "same" else 0
        shift = reach / 2 - max(padded, 0) // 2
        return _Axis(
            field.size + reach * field.stride, field.stride * step, field.start + shift * field.stride
        )
    if isinstance(operation, layers.ZeroPadding2D):
        return field._replace(start=field.start - operation.padding[axis][0] * field.stride)
    if isinstance(operation, layers.Cropping2D):
        return field._replace(start=field.start + operation.cropping[axis][0] * field.stride)
    if len(target) != 4 or tuple(target[1:3]) == (1, 1):
        # Flattening and global pooling: one window from the first unit of the map to the last.
        return field.swept(source[1 + axis], side)
    if target[1 + axis] != source[1 + axis]:
        raise ValueError(f"no receptive field rule for {operation.name!r} ({type(operation).__name__})")
    return field


def _hull(branches: Sequence[tuple[_Axis, int]], side: int) -> _Axis:
    """Return the smallest field that contains those of the branches that meet, each with its units."""
    fields = [field for field, _ in branches]
    if any(field.stride == 0 for field in fields):
        fields = [field.swept(length, side) for field, length in branches]
    strides = {field.stride for field in fields}
    if len(strides) > 1:
        raise ValueError(f"branches of strides {sorted(strides)} meet")
    first = min(field.ends()[0] for field in fields)
    last = max(field.ends()[1] for field in fields)
    return _Axis(round(last - first) + 1, strides.pop(), (first + last) / 2)


def _with_maps(model: keras.Model) -> list[keras.Operation]:
    """Return the operations, but for the input, whose output is a stack of feature maps."""
    return [
        operation
        for operation in model.operations
        if not isinstance(operation, layers.InputLayer) and len(operation.output.shape) == 4
    ]


def _map_shape(tensor: keras.KerasTensor) -> tuple[int, int, int]:
    shape = tuple(tensor.shape[1:])
    return shape if len(shape) == 3 else (1, 1, int(np.prod(shape)))


def _positions(side: int, patch: int, stride: int) -> list[int]:
    """Return the first pixels of squares that cover ``side`` pixels, the last one flush with the end."""
    return sorted({*range(0, side - patch, stride), side - patch})
