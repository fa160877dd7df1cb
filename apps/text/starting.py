"""Where the weights of a network begin: at random, at word vectors, or at those of another model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.text.options import BLEND
from apps.text.vectors import WordVectors, given_vectors
from apps.text.vocabulary import AFFIXES
from common.errors import UsageError

if TYPE_CHECKING:
    import keras

__all__ = ["LearnedWeights", "Start", "start_of", "started", "weights_of", "with_start"]

VECTOR_SCALE = 0.05  # mean size of a number of a random vector


@dataclass(frozen=True)
class LearnedWeights:
    """The convolutional part of another model.

    Args:
        words: that have a vector, in the order of the table.
        table: of padding, the unknown word, the words, prefixes and suffixes ``(rows, D)``.
        layers: by name the kernel and bias of each convolution.
    """

    words: tuple[str, ...]
    table: np.ndarray
    layers: dict[str, list[np.ndarray]]

    @property
    def arguments(self) -> dict[str, Any]:
        """What ``kim`` is to be built with."""
        banks = [kernel for name, (kernel, _) in self.layers.items() if name.startswith("filters")]
        given: dict[str, Any] = {
            "dim": self.table.shape[1],
            "widths": [len(kernel) for kernel in banks],
            "filters": banks[0].shape[-1],
        }
        if "regions" in self.layers:
            width, _, count = self.layers["regions"][0].shape
            given |= {"regions": count, "region_width": width}
        return given


Start = WordVectors | LearnedWeights


def start_of(embeddings: str, weights: str, texts: Sequence[str]) -> Start | None:
    """Return what a training starts from.

    Args:
        embeddings: as of ``given_vectors``.
        weights: a model whose convolutional part to start from; "" for none.
        texts: to be trained on.

    Raises:
        InputError, ArtifactError, UsageError: as of ``given_vectors`` and ``weights_of``.
    """
    return weights_of(weights) if weights else given_vectors(embeddings, texts)


def weights_of(reference: str) -> LearnedWeights:
    """Return the convolutional part of a model.

    Raises:
        ArtifactError: no such model, or a file of it is missing or damaged.
        UsageError: one without ``kim`` in it.
    """
    from apps.text.prediction import open_text_model
    from common.layers import in_floats
    from common.predictor import load_network

    card, encoder, _ = open_text_model(reference)
    if card.network not in (BLEND, "kim"):
        raise UsageError(f"{reference} is a {card.network}", "--weights takes a blend or a kim")
    network = in_floats(load_network(reference))
    prefix = "kim_" if card.network == BLEND else ""
    found = {layer.name.removeprefix(prefix): layer for layer in network.layers if layer.weights}
    layers = {
        name: layer.get_weights() for name, layer in found.items() if name.startswith(("filters", "regions"))
    }
    return LearnedWeights(encoder.words, np.asarray(found["vectors"].table), layers)


def with_start(name: str, arguments: dict[str, Any], start: Start | None) -> dict[str, Any]:
    """Return the arguments of the network ``name`` that fit what it starts from.

    Vectors that come with region features are trained on below these.  Of others, or where ``vectors`` is asked for,
    there is a fixed and a trained channel.
    """
    if start is None:
        return arguments
    if isinstance(start, LearnedWeights):
        return start.arguments | arguments
    given: dict[str, Any] = {"dim": start.dim, "vectors": "both"}
    if start.regions and name == "kim" and "vectors" not in arguments:
        width, dim, count = start.regions.kernel.shape
        given = {"dim": dim, "regions": count, "region_width": width}
    return given | arguments


def started(network: keras.Model, start: Start | None, words: Sequence[str]) -> keras.Model:
    """Put what it starts from into a network, and return it.

    Args:
        network: with random weights.
        start: word vectors or the weights of another model; None leaves the weights as they are.
        words: of the network's table.
    """
    if isinstance(start, LearnedWeights):
        _put_weights(network, start, words)
    elif start is not None:
        _put_vectors(network, start, words)
    return network


def _put_weights(network: keras.Model, start: LearnedWeights, words: Sequence[str]) -> None:
    place = {word: row for row, word in enumerate(start.words, start=2)}
    rows = np.array([place.get(word, 1) for word in words], np.int64)  # a new word starts as the unknown one
    affixes = np.arange(len(start.table) - 2 * AFFIXES, len(start.table))
    network.get_layer("vectors").set_weights([start.table[np.concatenate([[0, 1], rows, affixes])]])
    for name, weights in start.layers.items():
        network.get_layer(name).set_weights(weights)


def _put_vectors(network: keras.Model, vectors: WordVectors, words: Sequence[str]) -> None:
    """Put word vectors, and the convolution that came with them, into a network.

    Word vectors are made as long as random ones would be, and region features as long as word vectors.
    """
    places, known = vectors.rows_of(words)
    scale = VECTOR_SCALE / np.abs(known).mean()
    for layer in network.layers:
        if layer.name in ("vectors", "fixed_vectors"):
            table = np.asarray(layer.table) * 0.1  # words without a vector start near the middle
            table[2 + places] = known * scale
            layer.set_weights([table])
        elif layer.name == "regions" and vectors.regions:
            # ReLU lets a factor through: the vectors' is taken out, and that of the features put in.
            kernel, bias = vectors.regions.kernel / scale, vectors.regions.bias
            size = _mean_feature(known * scale, kernel, bias)
            layer.set_weights([kernel * (VECTOR_SCALE / size), bias * (VECTOR_SCALE / size)])


def _mean_feature(vectors: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> float:
    """Return the mean size of a region feature over regions of frequent words."""
    words = np.random.default_rng(0).integers(0, min(len(vectors), 2_000), (500, kernel.shape[0]))
    answers = np.einsum("nwd,wdf->nf", vectors[words], kernel) + bias
    return float(np.maximum(answers, 0).mean()) + 1e-9
