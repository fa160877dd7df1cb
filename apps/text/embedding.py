"""Vectors of texts: from an encoder, or from the features that a classifier decides by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from apps.text.options import ENCODER
from apps.text.prediction import CHUNK, open_text_model, scores_of
from apps.text.shared_words import NOTHING_COUNTED, DocumentFrequencies
from apps.text.vocabulary import TextEncoder
from common import artifact
from common.errors import UserError
from common.litert import Runner
from common.predictor import load_network

__all__ = ["FREQUENCIES", "Embedder", "embed", "load_embedder"]

FREQUENCIES = "frequencies.npy"  # texts with each word of the vocabulary, and last the number of texts


@dataclass(frozen=True)
class Embedder:
    """A model ready to turn texts into vectors.

    Args:
        reader: its vocabulary.
        run: from encoded texts ``(n, T, 6)`` int32 to vectors ``(n, size)``.
        size: length of a vector.
        fingerprint: of the model: what tells vectors of one model from those of another.
        frequencies: of words in the texts it was trained on.
        words_weight: of common words beside the likeness of its vectors, in a search.
    """

    reader: TextEncoder
    run: Runner
    size: int
    fingerprint: str
    frequencies: DocumentFrequencies = NOTHING_COUNTED
    words_weight: float = 0.0

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Return vectors of unit length ``(n, size)``; zeros for a text without a word."""
        parts = [
            scores_of(self.reader.encode(texts[start : start + CHUNK]), self.run, self.size)
            for start in range(0, len(texts), CHUNK)
        ]
        vectors = np.concatenate(parts) if parts else np.zeros((0, self.size), np.float32)
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def load_embedder(model: str | Path) -> Embedder:
    """Load an encoder, or a classifier cut before its scores.

    Raises:
        ArtifactError: no such model.
        UserError: a network without features, ``ngram``.
    """
    card, reader, run = open_text_model(model)
    name = f"{card.network} {card.created} {card.seed}"
    if card.network == ENCODER:
        counts = np.load(artifact.require(artifact.resolve(model), FREQUENCIES), allow_pickle=False)
        frequencies = DocumentFrequencies(list(reader.words), counts[:-1], int(counts[-1]))
        weight = float(card.calibration["words weight"])
        return Embedder(reader, run, int(card.arguments["size"]), name, frequencies, weight)
    network = load_network(model)  # holds back what TensorFlow says when it is first imported
    import keras

    layers = [layer for layer in network.layers if layer.name.endswith("features")]
    if not layers:
        raise UserError(
            f"the network {card.network} has no features, only scores",
            "train kim, or an encoder: text train-encoder",
        )
    features = keras.Model(network.inputs[0], layers[-1].output)
    return Embedder(reader, features.predict_on_batch, features.output_shape[-1], name)


def embed(texts: Iterable[str], *, model: str | Path) -> np.ndarray:
    """Return a vector of unit length for each text ``(n, size)`` float32."""
    return load_embedder(model)(list(texts))
