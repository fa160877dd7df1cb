"""Running a trained model.

A few pictures on a CPU go through LiteRT, which imports in a tenth of a second; TensorFlow takes many.
Where a million are waiting, the same network in 8-bit integers answers three times as many a second.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from common import artifact
from common.activations import sigmoid, softmax
from common.devices import import_tensorflow
from common.errors import ArtifactError
from common.litert import Runner, litert_runner
from common.registry import Registry

if TYPE_CHECKING:
    import keras

__all__ = ["ENGINES", "Predictor", "load", "load_network"]

# Each engine and the file of an artifact that it runs.
ENGINES = Registry[str]("engine")
ENGINES.register("litert", "model.tflite")
ENGINES.register("litert-int8", "model_int8.tflite")
ENGINES.register("keras", "model.keras")


class Predictor:
    """A model ready to answer.

    Args:
        card: what the model says of itself.
        runner: from a float32 batch ``(n, h, w, c)`` to raw outputs ``(n, K)``.
        batch: pictures given to the runner at once.
    """

    def __init__(self, card: artifact.Card, runner: Runner, batch: int = 256) -> None:
        self.card = card
        self.runner = runner
        self.batch = batch

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Return raw outputs ``(n, K)`` for images ``(n, h, w, c)``, float in [0, 1] or uint8.

        Where the card asks for a second look, unsure answers are means over slightly displaced views.

        Raises:
            ValueError: another shape than the network's.
        """
        if tuple(images.shape[1:]) != self.card.input_shape:
            raise ValueError(f"expected images (n, *{self.card.input_shape}), received {images.shape}")
        if not len(images):
            return np.zeros((0, len(self.card.classes)), np.float32)
        logits = self._run(images)
        if self.card.second_look:
            logits = self.card.second_look.improve(logits, images, self._run)
        return logits

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities ``(n, K)``."""
        temperature = self.card.calibration.get("temperature", 1.0)
        return self.activate(self.logits(images) / temperature)

    def activate(self, logits: np.ndarray) -> np.ndarray:
        """Apply the output activation that the card names."""
        if self.card.activation == "softmax":
            return softmax(logits)
        if self.card.activation == "sigmoid":
            return sigmoid(logits)
        return logits

    def _run(self, images: np.ndarray) -> np.ndarray:
        starts = range(0, len(images), self.batch)
        return np.concatenate([self.runner(_floats(images[start : start + self.batch])) for start in starts])


def _floats(images: np.ndarray) -> np.ndarray:
    if images.dtype == np.uint8:
        return images.astype(np.float32) / 255
    return np.ascontiguousarray(images, np.float32)


def load(reference: str | Path, *, engine: str = "litert", batch: int = 256) -> Predictor:
    """Load a model.

    Args:
        reference: a shipped name such as ``"digits/cnn"``, or a run folder.
        engine: ``"litert"`` for the CPU; ``"litert-int8"``, weights and activations in 8-bit integers, for
            many pictures on a CPU; ``"keras"`` for a GPU.
        batch: pictures a call of the engine.

    Raises:
        UsageError: an unknown engine.
        ArtifactError: no such model, or a file of it is missing or damaged.
    """
    file = ENGINES.get(engine)
    folder = artifact.resolve(reference)
    card = artifact.read_card(folder)
    if engine == "keras":
        network = load_network(folder)
        return Predictor(card, lambda images: np.asarray(network(images, training=False)), batch)
    path = artifact.require(folder, file)
    try:
        return Predictor(card, litert_runner(path.read_bytes()), batch)
    except (ValueError, RuntimeError) as error:
        raise ArtifactError(f"{path} is damaged", "copy the folder again") from error


def load_network(reference: str | Path) -> keras.Model:
    """Load the Keras network of an artifact, in Keras' safe mode.

    Raises:
        ArtifactError: no such model, or ``model.keras`` is missing or damaged.
    """
    folder = artifact.resolve(reference)
    path = artifact.require(folder, ENGINES.get("keras"))
    import_tensorflow()
    import keras

    import common.layers  # noqa: F401  (registers the layers)

    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever its reader or a layer raises.
        raise ArtifactError(f"{path} cannot be loaded: {str(error).splitlines()[0][:120]}") from error
