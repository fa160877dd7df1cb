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
from apps.text.blending import best_shares, blended, mean_loss
from apps.text.data import Examples
from apps.text.naive_bayes import learn_vocabulary
from apps.text.ngrams import choose_fit, fit_ngrams
from apps.text.options import BLEND
from apps.text.prediction import scores_of
from apps.text.recipes import default_recipe
from apps.text.starting import Start, started, with_start
from apps.text.vocabulary import Encoded, TextEncoder
from common.activations import sigmoid, softmax
from common.console import Advance
from common.data.sequences import SequenceStream
from common.data.tables import Kind
from common.layers import SummedEmbedding
from common.metrics import fit_temperature
from common.training import Recipe, TrainingState, fit

__all__ = ["Learned", "learn"]

# Words whose vectors are kept, so that a model stays below 10 MB; rarer ones help to train the others.
MOST_WORDS = 16_000
# Of fewer texts those held out are worth learning from too, once all is chosen on them: a last pass, at a share of the
# rate.  On folds of CR it gains 0.7 per cent; training anew on all of them gains nothing.
MANY = 20_000
LAST = 0.3
LONG = 70  # words of a text from which on only the winning windows are worth taking back
PROBABILITIES: dict[Kind, Callable[[np.ndarray], np.ndarray]] = {
    "one of K": softmax,
    "independent yes/no": sigmoid,
    "real values": np.asarray,
}
# Recipe of a student that learns from soft labels.  Further passes over the labelled texts alone were tried: they
# teach it the films of the training part.
STUDY: dict[str, Any] = {"epochs": 4, "average": 0.998}


@dataclass(frozen=True)
class Learned:
    """A trained network and how it reads.

    Args:
        network: from encoded texts to raw scores.
        encoder: its vocabulary.
        temperature: that makes its probabilities honest on held-out texts.
        recipe: of the convolutions; None where there are none.
        history: one row an epoch.
    """

    network: keras.Model
    encoder: TextEncoder
    temperature: float
    recipe: Recipe | None
    history: list[dict[str, float]]


def learn(
    name: str,
    kept: Examples,
    held: Examples,
    kind: Kind,
    run: Path,
    *,
    arguments: dict[str, Any] | None = None,
    start: Start | None = None,
    unlabelled: Sequence[str] = (),
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
        start: word vectors or the weights of another model; None for random weights.
        unlabelled: further texts.  A network trained on the labelled ones says how likely each class is for them; a
            second one learns from its answers too (Hinton et al. 2015; Xie et al., CVPR 2020, section 2, "noisy
            student": the student reads with dropout, the teacher without).
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
    reader = learn_vocabulary(kept.texts, counted, unit=unit, more_words=start.words if start else ())
    used = reader.shortened(MOST_WORDS)
    train = (reader.encode(kept.texts), kept.targets)
    check = (reader.encode(held.texts), held.targets)
    judged = check if used is reader else (used.encode(held.texts), held.targets)
    ngrams = _ngrams(reader.ngram_rows, train, check, kind) if name in ("ngram", BLEND) else []
    if name == "ngram":
        return _joined(ngrams, used, judged, kind)
    deep = "kim" if name == BLEND else name
    recipe = replace(default_recipe(len(kept), kind), seed=seed, **(changes or {}))
    build = partial(
        models.NETWORKS.get(deep),
        classes=kept.targets.shape[1],
        **with_start(deep, arguments or {}, start),
    )

    quick = {"winners_only": True} if deep == "kim" and train[0].lengths.mean() > LONG else {}

    def fresh() -> keras.Model:
        return started(build(reader.vector_rows, **quick), start, reader.words)

    def plain(network: keras.Model) -> keras.Model:
        return _for_use(network, partial(build, used.vector_rows), reader.rows_kept(MOST_WORDS))

    def finished(part: _Part) -> Learned:
        return _joined([*ngrams, part], used, judged, kind)

    def taught(
        network: keras.Model,
        texts: tuple[Encoded, np.ndarray],
        recipe: Recipe,
        folder: Path,
        *,
        watched: bool = True,
    ) -> list[dict[str, float]]:
        folder.mkdir(exist_ok=True)
        seen = check if watched else None
        return _fitted(network, texts, seen, kind, recipe, folder, resume, progress)

    network = fresh()
    history = taught(network, train, recipe, run)
    asked = kept_network = plain(network)
    if not unlabelled and len(kept) < MANY:
        last = replace(recipe, epochs=1, rate=LAST * recipe.rate)
        taught(network, _together(train, check), last, run / "last", watched=False)
        kept_network = plain(network)
    result = finished(_Part(asked, kept_network))
    if unlabelled:
        more = reader.encode(unlabelled)
        read = more if used is reader else used.encode(unlabelled)
        soft = PROBABILITIES[kind](_scores(result.network, read) / result.temperature)
        everything = (train[0].followed_by(more), np.concatenate([train[1], soft.astype(np.float32)]))
        network = fresh()
        history += taught(network, everything, replace(recipe, **STUDY), run / "student")
        student = plain(network)
        result = finished(_Part(student, student))
    return replace(result, recipe=recipe, history=history)


@dataclass(frozen=True)
class _Part:
    """A network, ``asked`` on held-out texts that it does not know, and as it is ``kept``."""

    asked: keras.Model
    kept: keras.Model


def _ngrams(
    rows: int, train: tuple[Encoded, np.ndarray], check: tuple[Encoded, np.ndarray], kind: Kind
) -> list[_Part]:
    """Return the n-grams' network: all is chosen without the held-out texts, which it learns from in the end."""
    fit = choose_fit(rows, train, check, kind)
    return [_Part(fit_ngrams(rows, train, fit, kind), fit_ngrams(rows, _together(train, check), fit, kind))]


def _together(
    train: tuple[Encoded, np.ndarray], check: tuple[Encoded, np.ndarray]
) -> tuple[Encoded, np.ndarray]:
    return train[0].followed_by(check[0]), np.concatenate([train[1], check[1]])


def _joined(
    parts: list[_Part], reader: TextEncoder, check: tuple[Encoded, np.ndarray], kind: Kind
) -> Learned:
    """Return one network, or two blended as held-out texts say, with its temperature."""
    scores = [_scores(part.asked, check[0]) for part in parts]
    network, held_scores = parts[0].kept, scores[0]
    if len(parts) == 2:
        shares = best_shares(scores, check[1], kind)
        network = models.blend([part.kept for part in parts], shares)
        held_scores = blended(scores, shares)
    return Learned(network, reader, _temperature(held_scores, check[1], kind), None, [])


def _for_use(network: keras.Model, build: Callable[..., keras.Model], rows: np.ndarray) -> keras.Model:
    """Return a trained network as it is used: one table of vectors, and filters in layers of their own.

    Args:
        network: trained.
        build: makes a network for the rows that are kept.
        rows: of the table that are kept.

    With all rows the scores are the same.  Fixed vectors and trained ones are added up: a filter of the sum is the
    sum of the filter's answers.
    """
    channels = [layer.table for layer in network.layers if layer.name in ("fixed_vectors", "vectors")]
    plain = build(vectors="trained") if len(channels) > 1 else build()
    for layer in plain.layers:
        if isinstance(layer, SummedEmbedding):
            tables = channels if layer.name == "vectors" else [network.get_layer(layer.name).table]
            layer.set_weights([np.sum([np.asarray(table) for table in tables], axis=0)[rows]])
        elif layer.weights:
            layer.set_weights(network.get_layer(layer.name).get_weights())
    return plain


def _fitted(
    network: keras.Model,
    train: tuple[Encoded, np.ndarray],
    check: tuple[Encoded, np.ndarray] | None,
    kind: Kind,
    recipe: Recipe,
    run: Path,
    resume: bool,
    progress: Advance,
) -> list[dict[str, float]]:
    def validate(model: keras.Model) -> dict[str, float]:
        if check is None:
            return {}
        scores = _scores(model, check[0])
        row = {"held-out loss": mean_loss(scores, check[1], kind)}
        if kind == "one of K":
            row["held-out accuracy"] = float((scores.argmax(axis=1) == check[1].argmax(axis=1)).mean())
        return row

    def tell(state: TrainingState) -> None:
        watched = state.history and check is not None
        best = f", held-out {state.history[-1]['held-out loss']:.3f}" if watched else ""
        progress(state.step, state.steps, f"loss {state.loss:.3f}{best}")

    stream = SequenceStream(*train, min(recipe.batch, len(train[1])), recipe.seed)
    return fit(network, stream, recipe, run, validate=validate, progress=tell, resume=resume).history


def _scores(network: keras.Model, encoded: Encoded) -> np.ndarray:
    return scores_of(encoded, network.predict_on_batch, network.output_shape[-1])


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
