"""Sharpness-aware minimisation: training towards flat minima, which generalise better.

Reference:
    Foret, Kleiner, Mobahi and Neyshabur, "Sharpness-Aware Minimization for Efficiently Improving
    Generalization", ICLR 2021, algorithm 1.
"""

from __future__ import annotations

import keras
import tensorflow as tf

__all__ = ["SharpnessAware"]


class SharpnessAware(keras.Model):
    """A network, sharing all its weights, whose step minimises the worst loss near by.

    Each step climbs to ``w + radius · g / ‖g‖``, about the highest loss within ``radius`` of the weights ``w``, and
    applies the gradient found there to ``w``.  A step costs two.

    Args:
        network: to train.
        radius: ρ, in the norm of all trainable weights together.
    """

    def __init__(self, network: keras.Model, radius: float) -> None:
        super().__init__(network.inputs, network.outputs, name=f"{network.name}_sharpness_aware")
        self.radius = radius
        self.mean_loss = keras.metrics.Mean()

    def train_step(self, data: tuple[tf.Tensor, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Climb, take the gradient, come back, descend."""
        inputs, targets = data
        weights = self.trainable_variables
        loss, gradients = self._gradients(inputs, targets)
        reach = self.radius / (tf.linalg.global_norm(gradients) + 1e-12)
        climbs = [gradient * reach for gradient in gradients]
        for weight, climb in zip(weights, climbs, strict=True):
            weight.assign_add(climb)
        _, gradients = self._gradients(inputs, targets)
        for weight, climb in zip(weights, climbs, strict=True):
            weight.assign_sub(climb)
        self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        self.mean_loss.update_state(loss)
        return {"loss": self.mean_loss.result()}

    def _gradients(self, inputs: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            loss = self.compute_loss(inputs, targets, self(inputs, training=True))
        return loss, tape.gradient(loss, self.trainable_variables)
