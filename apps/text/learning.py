"""From texts and targets to a trained network: vocabulary, n-grams, convolutions, and their blend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from apps.text import models
from apps.text.data import Examples
from apps.text.naive_bayes import learn_vocabulary
from apps.text.ngrams import fit_ngrams, mean_loss
from apps.text.prediction import scores_of
from apps.text.recipes import default_recipe
from apps.text.vectors import WordVectors
from apps.text.vocabulary import Encoded, TextEncoder
from common.console import Advance
from common.data.sequences import SequenceStream
from common.data.tables import Kind
from common.metrics import fit_temperature
from common.training import Recipe, TrainingState, fit

__all__ = ["Learned", "learn", "start_from"]

VECTOR_SCALE = 0.05  # mean size of a number of a random vector


@dataclass(frozen=True)
class Learned:
    """A trained network and how it reads.

    Args:
        network: from encoded texts to raw scores.
        encoder: its vocabulary.
        temperature: that makes its probabilities honest on held-out texts.
        recipe: of the convolutions; None where there are none.
        history: one row an epoch.
        held_scores: raw scores on the held-out texts.
    """

    network: keras.Model
    encoder: TextEncoder
    temperature: float
    recipe: Recipe | None
    history: list[dict[str, float]]
    held_scores: np.ndarray


def learn(
    name: str,
    kept: Examples,
    held: Examples,
    kind: Kind,
    run: Path,
    *,
    arguments: dict[str, Any] | None = None,
    vectors: WordVectors | None = None,
    changes: dict[str, Any] | None = None,
    seed: int = 0,
    resume: bool = False,
    progress: Advance = lambda done, total, remark: None,
) -> Learned:
    """Train a network; whatever is chosen is chosen on ``held``.

    Args:
        name: of ``apps.text.models.NETWORKS``, or ``blend`` for n-grams and ``kim`` together.
        kept: to train on.
        held: not trained on.
        kind: of the targets.
        run: an existing folder for checkpoints and history.
        arguments: of the network's function.
        vectors: to start from; None for random ones.
        changes: to the recipe.
        seed: of weights and order.
        resume: go on from the run's checkpoint.
        progress: called with (steps done, steps, remark).
    """
    keras.utils.set_random_seed(seed)
    unit = "characters" if name == "char" else "words"
    # Of values, those above and those below the median are what n-grams are counted in.
    counted = kept.targets
    if kind == "real values":
        above = counted > np.median(counted)
        counted = np.concatenate([above, ~above], axis=1).astype(np.float32)
    learned = learn_vocabulary(kept.texts, counted, unit=unit, more_words=vectors.words if vectors else ())
    train = (learned.encoder.encode(kept.texts), kept.targets)
    check = (learned.encoder.encode(held.texts), held.targets)
    parts: list[keras.Model] = []
    recipe: Recipe | None = None
    history: list[dict[str, float]] = []
    if name in ("ngram", "blend"):
        parts.append(fit_ngrams(learned, train, check, kind))
    if name != "ngram":
        recipe = replace(default_recipe(len(kept), kind), seed=seed, **(changes or {}))
        build = partial(
            models.NETWORKS.get("kim" if name == "blend" else name),
            learned.encoder.vector_rows,
            kept.targets.shape[1],
            **_with_vectors(arguments or {}, vectors),
        )
        network = build()
        if vectors is not None:
            start_from(network, vectors, learned.encoder.words)
        history = _fitted(network, train, check, kind, recipe, run, resume, progress)
        parts.append(_in_one_channel(network, build))
    scores = [_scores(part, check[0]) for part in parts]
    network, held_scores = parts[0], scores[0]
    if len(parts) == 2:
        shares = _best_shares(scores, held.targets, kind)
        network = models.blend(parts, shares)
        held_scores = scores[0] * shares[0] + scores[1] * shares[1]
    temperature = _temperature(held_scores, held.targets, kind)
    return Learned(network, learned.encoder, temperature, recipe, history, held_scores)


def _with_vectors(arguments: dict[str, Any], vectors: WordVectors | None) -> dict[str, Any]:
    """Return the arguments with the length of given vectors, kept fixed and trained side by side."""
    return arguments if vectors is None else {"dim": vectors.dim, "vectors": "both"} | arguments


def start_from(network: keras.Model, vectors: WordVectors, words: Sequence[str]) -> None:
    """Put given vectors into the tables of a network, as long as random ones would be."""
    places, known = vectors.rows_of(words)
    for layer in network.layers:
        if layer.name in ("vectors", "fixed_vectors"):
            table = np.asarray(layer.table) * 0.1  # words without a vector start near the middle
            table[2 + places] = known * (VECTOR_SCALE / np.abs(known).mean())
            layer.set_weights([table])


def _in_one_channel(network: keras.Model, build: Callable[..., keras.Model]) -> keras.Model:
    """Return a network with fixed vectors as one with a single table, their sum with the trained ones.

    The scores are the same: a filter of the sum is the sum of the filter's answers.
    """
    channels = [layer.table for layer in network.layers if layer.name in ("fixed_vectors", "vectors")]
    if "fixed_vectors" not in {layer.name for layer in network.layers}:
        return network
    one = build(vectors="trained")
    for layer in one.layers:
        if layer.name == "vectors":
            layer.set_weights([sum(map(np.asarray, channels))])
        elif layer.weights:
            layer.set_weights(network.get_layer(layer.name).get_weights())
    return one


def _fitted(
    network: keras.Model,
    train: tuple[Encoded, np.ndarray],
    check: tuple[Encoded, np.ndarray],
    kind: Kind,
    recipe: Recipe,
    run: Path,
    resume: bool,
    progress: Advance,
) -> list[dict[str, float]]:
    def validate(model: keras.Model) -> dict[str, float]:
        return {"held-out loss": mean_loss(_scores(model, check[0]), check[1], kind)}

    def tell(state: TrainingState) -> None:
        best = f", held-out {state.history[-1]['held-out loss']:.3f}" if state.history else ""
        progress(state.step, state.steps, f"loss {state.loss:.3f}{best}")

    stream = SequenceStream(*train, min(recipe.batch, len(train[1])), recipe.seed)
    return fit(network, stream, recipe, run, validate=validate, progress=tell, resume=resume).history


def _scores(network: keras.Model, encoded: Encoded) -> np.ndarray:
    return scores_of(encoded, network.predict_on_batch, network.output_shape[-1])


def _best_shares(scores: list[np.ndarray], targets: np.ndarray, kind: Kind) -> tuple[float, float]:
    """Return the weights of two networks' scores that fit held-out texts best."""
    from scipy.optimize import minimize

    def loss(logs: np.ndarray) -> float:
        return mean_loss(
            sum(np.exp(log) * score for log, score in zip(logs, scores, strict=True)), targets, kind
        )

    best = minimize(loss, np.log([0.5, 0.5]), method="Nelder-Mead", bounds=[(-5, 3)] * 2)
    first, second = np.exp(best.x)
    return float(first), float(second)


def _temperature(scores: np.ndarray, targets: np.ndarray, kind: Kind) -> float:
    if kind == "one of K":
        return fit_temperature(scores, targets.argmax(axis=1))
    if kind == "real values":
        return 1.0
    from scipy.optimize import minimize_scalar

    best = minimize_scalar(
        lambda log: mean_loss(scores / np.exp(log), targets, kind), bounds=(-4, 3), method="bounded"
    )
    return float(np.exp(best.x))
