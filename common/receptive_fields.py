"""Which pixels the units of each layer can see.

Reference:
    Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import keras
import numpy as np
from keras import layers

__all__ = ["ReceptiveField", "map_shape", "receptive_fields", "stages"]


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
                _hull([(known[id(s)][axis], map_shape(s)[axis]) for s in sources], side),
                side,
            )
            for axis, side in enumerate((height, width))
        )
        known[id(target)] = axes
        fields.append(
            ReceptiveField(
                operation.name,
                map_shape(target),
                (axes[0].size, axes[1].size),
                (axes[0].stride, axes[1].stride),
                (axes[0].start, axes[1].start),
            )
        )
    return fields


def stages(fields: Sequence[ReceptiveField]) -> list[ReceptiveField]:
    """Return the last layer of each run of layers whose maps have one shape, maps of 1×1 left out."""
    wide = [field for field in fields if field.map_shape[:2] != (1, 1)]
    return [
        field
        for field, after in zip(wide, [*wide, None][1:], strict=True)
        if after is None or after.map_shape != field.map_shape
    ]


def map_shape(tensor: keras.KerasTensor) -> tuple[int, int, int]:
    """Return (height, width, maps) of a layer's output; a vector of n units is (1, 1, n)."""
    shape = tuple(tensor.shape[1:])
    return shape if len(shape) == 3 else (1, 1, int(np.prod(shape)))


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
