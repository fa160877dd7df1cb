"""The one Keras class behind every name of the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from common.losses import boxes, classification, detection, perceptual, regression, similarity
from common.losses.catalogue import CATALOGUE

__all__ = ["FunctionLoss", "function"]

# The module of each family that does not pick classes; the functions of all others are in ``classification``.
_HOMES = {
    "real values": regression,
    "same or different": similarity,
    "boxes": boxes,
    "detection": detection,
    "perceptual": perceptual,
}


def function(name: str) -> Callable:
    """Return the pure function ``(target, output, **parameters) -> (batch,)`` of a loss."""
    return getattr(_HOMES.get(CATALOGUE.get(name).family, classification), name)


@keras.saving.register_keras_serializable(package="cnnapps")
class FunctionLoss(keras.losses.Loss):
    """A loss of the table as a ``keras.losses.Loss``; saved by its name and parameters.

    Args:
        loss: a name of the table.
        parameters: keyword arguments of its function.
    """

    def __init__(self, loss: str, parameters: dict[str, Any] | None = None, **kwargs) -> None:
        super().__init__(**({"name": loss} | kwargs))
        self.loss = loss
        self.parameters = dict(parameters or {})
        self.function = function(loss)
        self.picks_classes = CATALOGUE.get(loss).family not in _HOMES

    def call(self, y_true, y_pred):
        y_pred = ops.cast(y_pred, "float32")
        if len(y_true.shape) < len(y_pred.shape):
            if self.picks_classes:
                y_true = ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1])
            else:
                y_true = ops.expand_dims(y_true, -1)
        return self.function(ops.cast(y_true, "float32"), y_pred, **self.parameters)

    def get_config(self) -> dict:
        return super().get_config() | {"loss": self.loss, "parameters": self.parameters}
