"""Training an encoder: texts that belong together get vectors that point the same way."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.text.options import ENCODER, EncoderOptions, recipe_changes
from common import artifact, devices
from common.artifact import Measure
from common.console import Advance, Console
from common.metrics import first_hits, mean_reciprocal_rank, recall_at
from common.runs import new_run, resumable, stored_run

if TYPE_CHECKING:
    from apps.text.passages import Likeness
    from apps.text.shared_words import DocumentFrequencies
    from common.training import Recipe

__all__ = ["EncoderResult", "Retrieval", "retrieval", "train_encoder"]

JUDGED = 4_000  # texts searched in at most: each is compared with each
LARGEST_TEST = 0.1
WEIGHTS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # of common words beside the vectors


@dataclass(frozen=True)
class Retrieval:
    """How well texts find those that belong to them.

    Args:
        recall: share of queries with a right answer among the first k, by k.
        reciprocal_rank: mean of 1 / rank of the first right answer.
        queries: asked.
        searched: texts searched in.
    """

    recall: dict[int, Measure]
    reciprocal_rank: float
    queries: int
    searched: int

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            **{f"recall_at_{k}": measure.value for k, measure in self.recall.items()},
            "mean_reciprocal_rank": self.reciprocal_rank,
            "queries": self.queries,
            "searched": self.searched,
        }


@dataclass(frozen=True)
class EncoderResult:
    """What training an encoder gives.

    Args:
        run: the folder of the artifact.
        card: of the artifact.
        ours: on texts that were not trained on, compared as `text search` does, by vectors and words.
        vectors: the same texts compared by their vectors alone.
        words: by their words alone (TF-IDF), which is what one would do without training.
        words_weight: of common words beside the vectors, chosen on other texts.
        note: what was read and guessed.
    """

    run: Path
    card: artifact.Card
    ours: Retrieval
    vectors: Retrieval
    words: Retrieval
    words_weight: float
    note: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "run": str(self.run),
            "test": self.ours.to_json(),
            "vectors": self.vectors.to_json(),
            "tf_idf": self.words.to_json(),
            "words_weight": self.words_weight,
        }

    def print(self) -> None:
        """Print the figures for people."""
        rows = [
            (
                name,
                *(f"{measure.value:.1%}" for measure in found.recall.values()),
                f"{found.reciprocal_rank:.3f}",
            )
            for name, found in (
                (f"vectors + {self.words_weight:g} · words, as searched", self.ours),
                ("vectors alone", self.vectors),
                ("words alone (TF-IDF)", self.words),
            )
        ]
        columns = ("", *(f"recall@{k}" for k in self.ours.recall), "mean reciprocal rank")
        title = f"{self.ours.queries:,} queries among {self.ours.searched:,} texts that were not trained on"
        Console.table(columns, rows, title)
        print(f"model: {self.run}")


def train_encoder(
    options: EncoderOptions,
    *,
    out: Path | None = None,
    resume: bool = False,
    command: str = "",
    progress: Advance = lambda done, total, remark: None,
) -> EncoderResult:
    """Train an encoder from labels or from neighbouring passages, test it on others, write the artifact.

    Args:
        options: what to train.
        out: the run folder; by default ``runs/text-encoder-TIME``.
        resume: go on in ``out`` from its checkpoint, with the options stored there.
        command: as typed, for the card.
        progress: called with (steps done, steps, remark).

    Raises:
        UsageError: a loss that does not compare vectors.
        InputError: data that cannot be read, or too little of it.
        UserError: a run folder that is in use; nothing to resume.
        Interrupted: Ctrl-C; the state is saved.
    """
    if resume:
        out, options, command = stored_run(out, EncoderOptions)
    options.check()
    devices.select(options.device)

    import keras
    from sklearn.metrics.pairwise import cosine_similarity

    from apps.text import models
    from apps.text.embedding import FREQUENCIES
    from apps.text.passages import open_likeness
    from apps.text.prediction import scores_of
    from apps.text.recipes import encoder_recipe
    from apps.text.shared_words import counted
    from apps.text.starting import started
    from apps.text.vectors import given_vectors, name_of
    from apps.text.vocabulary import TextEncoder, frequent_words
    from common.data.sequences import PairStream, SequenceStream
    from common.layers import in_eight_bits
    from common.training import TrainingState, fit

    data = open_likeness(options)
    count = len(data.texts)
    share = min(LARGEST_TEST, JUDGED / count)
    rest, test = data.halves(share, options.seed)
    kept, held = rest.halves(share, options.seed + 1)
    vectors = given_vectors(options.embeddings, kept.texts)
    keras.utils.set_random_seed(options.seed)
    words = frequent_words(kept.texts)
    words = list(dict.fromkeys([*words, *(vectors.words if vectors else ())]))[:30_000]
    reader = TextEncoder(words, np.zeros(0, np.uint32), longest=256)
    network = models.encoder(reader.vector_rows, options.size, dim=vectors.dim if vectors else 128)
    started(network, vectors, reader.words)
    encoded = reader.encode(kept.texts)
    examples = 2 * len(kept.pairs) if kept.pairs is not None else len(kept.texts)
    recipe = encoder_recipe(examples, options.loss)
    recipe = replace(recipe, seed=options.seed, **recipe_changes(options))
    recipe = replace(recipe, batch=min(recipe.batch, examples) // 2 * 2)  # whole pairs
    stream = (
        PairStream(encoded, kept.pairs, recipe.batch, options.seed)
        if kept.pairs is not None
        else SequenceStream(encoded, kept.groups[:, None].astype(np.float32), recipe.batch, options.seed)
    )
    run = out if resume and out else new_run(out, "text-encoder", options, command)

    def tell(state: TrainingState) -> None:
        progress(state.step, state.steps, f"loss {state.loss:.3f}")

    with resumable(run, "cnnapps text train-encoder"):
        fit(network, stream, recipe, run, progress=tell, resume=resume)
    small = in_eight_bits(network)
    frequencies = counted(kept.texts, reader.words)
    ours, by_vector, weight = _judged(
        held,
        test,
        lambda texts: scores_of(reader.encode(texts), small.predict_on_batch, options.size),
        frequencies,
    )
    card = _card(
        options,
        recipe,
        data,
        ours,
        command,
        name_of(vectors, options.embeddings),
        {"train": len(kept.texts), "held out": len(held.texts), "test": len(test.texts)},
        weight,
    )
    extra = {"vocabulary.npz": reader.to_bytes(), FREQUENCIES: _bytes_of(frequencies)}
    card = artifact.save(run, small, card, precision="float16", extra=extra)
    (run / "checkpoint.npz").unlink(missing_ok=True)
    words_alone = retrieval(test, cosine_similarity(_tf_idf(kept)(test.texts)))
    return EncoderResult(run, card, ours, by_vector, words_alone, weight, data.note)


def retrieval(test: Likeness, likeness: np.ndarray) -> Retrieval:
    """Ask with each text for those that belong to it, among all the others.

    Args:
        test: n texts and which of them belong together.
        likeness: of each text to each ``(n, n)``.
    """
    scores = likeness.copy()
    np.fill_diagonal(scores, -np.inf)
    relevant = test.relevant()
    asked = relevant.any(axis=1)
    ranks = first_hits(scores[asked], relevant[asked])
    recall = {k: recall_at(ranks, k) for k in (1, 5, 10)}
    return Retrieval(recall, mean_reciprocal_rank(ranks), int(asked.sum()), len(scores))


def _judged(
    held: Likeness,
    test: Likeness,
    embed: Callable[[list[str]], np.ndarray],
    frequencies: DocumentFrequencies,
) -> tuple[Retrieval, Retrieval, float]:
    """Return the figures by vectors and words, by vectors alone, and the weight of words, chosen on held-out texts."""
    from sklearn.metrics.pairwise import cosine_similarity

    from apps.text.shared_words import SharedWords, together

    def likenesses(part: Likeness) -> tuple[np.ndarray, np.ndarray]:
        by_words = SharedWords.of(part.texts, frequencies).likeness(part.texts)
        return cosine_similarity(embed(part.texts)), by_words

    vectors, words = likenesses(held)
    ranks = {weight: retrieval(held, together(vectors, words, weight)).reciprocal_rank for weight in WEIGHTS}
    best = max(WEIGHTS, key=lambda weight: ranks[weight])
    vectors, words = likenesses(test)
    return retrieval(test, together(vectors, words, best)), retrieval(test, vectors), best


def _bytes_of(frequencies: DocumentFrequencies) -> bytes:
    content = io.BytesIO()
    np.save(content, np.append(frequencies.counts, frequencies.texts).astype(np.uint32))
    return content.getvalue()


def _tf_idf(kept: Likeness) -> Callable[[list[str]], Any]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(sublinear_tf=True).fit(kept.texts).transform


def _card(
    options: EncoderOptions,
    recipe: Recipe,
    data: Likeness,
    ours: Retrieval,
    command: str,
    vectors: str,
    counts: dict[str, int],
    weight: float,
) -> artifact.Card:
    return artifact.Card(
        app="text",
        network=ENCODER,
        arguments={"size": options.size},
        classes=(),
        input_shape=(None, 6),
        preprocessing="words, lower case; columns word, prefix, suffix, three unused",
        activation="none",
        calibration={"words weight": weight},
        metrics={f"test recall at {k}": measure for k, measure in ours.recall.items()},
        data={
            "name": data.name,
            "fingerprint": data.fingerprint,
            **counts,
            "embeddings": vectors,
        },
        command=command,
        seed=options.seed,
        recipe=recipe.to_json(),
        intended_use="finding lines that are about the same, as those it was trained on",
        limits="knows likeness of content as far as its training texts show it; not for other languages than theirs",
    )
