"""The perceptron unit and its learning rule."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

__all__ = ["Perceptron", "perceptron_rule", "train_perceptron"]


@keras.saving.register_keras_serializable(package="cnnapps")
class Perceptron(keras.layers.Layer):
    """Step units: the output is 1 where ``w0 + w · x > 0`` and 0 elsewhere.

    The layer returns the weighted sum ``w0 + w · x``, so that the strongest of several units can be
    picked; ``fires`` applies the step.  It has no useful gradient: train it by ``perceptron_rule``.

    Args:
        units: number of independent units.

    Input shape: ``(batch, features)``.  Output shape: ``(batch, units)``.

    Reference:
        Rosenblatt, "The perceptron", Psychological Review 65(6), 1958.
    """

    def __init__(self, units: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape) -> None:
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], self.units), initializer="zeros")
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")
        self.built = True

    def call(self, inputs):
        return ops.matmul(inputs, self.kernel) + self.bias

    def fires(self, inputs):
        """Return the step activation, 0 or 1, ``(batch, units)``."""
        return ops.cast(self(inputs) > 0, "float32")

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict:
        return super().get_config() | {"units": self.units}


def perceptron_rule(
    weights: np.ndarray, bias: np.ndarray, x: np.ndarray, target: np.ndarray, rate: float
) -> int:
    """Show one example to all units and correct, in place, those that are wrong.

    Target 1 but output 0: ``w += η x, w0 += η``.  Target 0 but output 1: ``w -= η x, w0 -= η``.
    Right: unchanged.

    Args:
        weights: ``(features, units)``, changed in place.
        bias: ``(units,)``, changed in place.
        x: one example ``(features,)``.
        target: 0 or 1 for each unit ``(units,)``.
        rate: the learning rate η.

    Returns:
        The number of units that were wrong.

    Reference:
        Rosenblatt 1958; the convergence theorem is Novikoff, 1962.
    """
    output = (x @ weights + bias) > 0
    error = target.astype(weights.dtype) - output
    wrong = np.flatnonzero(error)
    for unit in wrong:
        weights[:, unit] += rate * error[unit] * x
        bias[unit] += rate * error[unit]
    return wrong.size


def train_perceptron(
    layer: Perceptron,
    examples: np.ndarray,
    targets: np.ndarray,
    *,
    rate: float,
    epochs: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[float]:
    """Show all examples, in a new seeded order each epoch, to one-vs-rest units.

    Args:
        layer: built units, trained in place.
        examples: ``(n, features)`` float32.
        targets: class numbers ``(n,)``; the target of unit k is 1 for class k, else 0.
        rate: the learning rate η.
        epochs: passes over the examples.
        seed: of the orders.
        progress: called with (epochs done, epochs) after each pass.

    Returns:
        For each epoch, the share of the answers of units that were wrong when asked.
    """
    weights, bias = layer.get_weights()
    wanted = np.eye(layer.units, dtype=weights.dtype)[targets]
    mistakes = []
    for epoch in range(epochs):
        order = np.random.default_rng((seed, epoch)).permutation(len(examples))
        wrong = sum(perceptron_rule(weights, bias, examples[i], wanted[i], rate) for i in order)
        mistakes.append(wrong / wanted.size)
        if progress:
            progress(epoch + 1, epochs)
    layer.set_weights([weights, bias])
    return mistakes
