"""Training an encoder: texts that belong together get vectors that point the same way."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.text.options import ENCODER, EncoderOptions, recipe_changes
from common import artifact, devices
from common.console import Advance
from common.runs import new_run, resumable, stored_run

if TYPE_CHECKING:
    from apps.text.passages import Likeness
    from apps.text.retrieval import Comparison
    from apps.text.shared_words import DocumentFrequencies
    from apps.text.vocabulary import TextEncoder
    from common.data.stream import BatchStream
    from common.training import Recipe

__all__ = ["EncoderResult", "train_encoder"]

JUDGED = 4_000  # texts searched in at most: each is compared with each
LARGEST_TEST = 0.1  # of the texts, unless that would be fewer than ``FEW``
FEW = 10
MOST_WORDS = 30_000
LONGEST = 256  # words of a passage


@dataclass(frozen=True)
class EncoderResult:
    """What training an encoder gives.

    Args:
        run: the folder of the artifact.
        card: of the artifact.
        comparison: on texts that were not trained on.
        note: what was read and guessed.
    """

    run: Path
    card: artifact.Card
    comparison: Comparison
    note: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"run": str(self.run), **self.comparison.to_json()}

    def print(self) -> None:
        """Print the figures for people."""
        self.comparison.print()
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

    from apps.text import models
    from apps.text.embedding import FREQUENCIES
    from apps.text.passages import open_likeness
    from apps.text.prediction import scores_of
    from apps.text.recipes import encoder_recipe
    from apps.text.retrieval import compared
    from apps.text.shared_words import counted
    from apps.text.starting import started
    from apps.text.vectors import given_vectors, name_of
    from apps.text.vocabulary import TextEncoder, frequent_words
    from common.layers import in_eight_bits
    from common.training import TrainingState, fit

    data = open_likeness(options)
    share = min(max(LARGEST_TEST, FEW / len(data.texts)), JUDGED / len(data.texts))
    rest, test = data.halves(share, options.seed)
    kept, held = rest.halves(share, options.seed + 1)
    vectors = given_vectors(options.embeddings, kept.texts)
    keras.utils.set_random_seed(options.seed)
    words = list(dict.fromkeys([*frequent_words(kept.texts), *(vectors.words if vectors else ())]))
    reader = TextEncoder(words[:MOST_WORDS], np.zeros(0, np.uint32), longest=LONGEST)
    network = models.encoder(reader.vector_rows, options.size, dim=vectors.dim if vectors else 128)
    started(network, vectors, reader.words)
    examples = 2 * len(kept.pairs) if kept.pairs is not None else len(kept.texts)
    recipe = replace(encoder_recipe(examples, options.loss), seed=options.seed, **recipe_changes(options))
    recipe = replace(recipe, batch=min(recipe.batch, examples) // 2 * 2)  # whole pairs
    run = out if resume and out else new_run(out, "text-encoder", options, command)

    def tell(state: TrainingState) -> None:
        progress(state.step, state.steps, f"loss {state.loss:.3f}")

    with resumable(run, "cnnapps text train-encoder"):
        fit(network, _stream(kept, reader, recipe), recipe, run, progress=tell, resume=resume)
    small = in_eight_bits(network)

    def embed(texts: list[str]) -> np.ndarray:
        return scores_of(reader.encode(texts), small.predict_on_batch, options.size)

    frequencies = counted(kept.texts, reader.words)
    comparison = compared(kept, held, test, embed, frequencies)
    counts = {"train": len(kept.texts), "held out": len(held.texts), "test": len(test.texts)}
    start = name_of(vectors, options.embeddings)
    card = _card(options, recipe, data, comparison, command, start, counts)
    extra = {"vocabulary.npz": reader.to_bytes(), FREQUENCIES: _bytes_of(frequencies)}
    card = artifact.save(run, small, card, precision="float16", extra=extra)
    (run / "checkpoint.npz").unlink(missing_ok=True)
    return EncoderResult(run, card, comparison, data.note)


def _stream(kept: Likeness, reader: TextEncoder, recipe: Recipe) -> BatchStream:
    """Return batches of neighbours, or of texts with the number of their label."""
    from common.data.sequences import PairStream, SequenceStream

    encoded = reader.encode(kept.texts)
    if kept.pairs is not None:
        return PairStream(encoded, kept.pairs, recipe.batch, recipe.seed)
    return SequenceStream(encoded, kept.groups[:, None].astype(np.float32), recipe.batch, recipe.seed)


def _bytes_of(frequencies: DocumentFrequencies) -> bytes:
    content = io.BytesIO()
    np.save(content, np.append(frequencies.counts, frequencies.texts).astype(np.uint32))
    return content.getvalue()


def _card(
    options: EncoderOptions,
    recipe: Recipe,
    data: Likeness,
    comparison: Comparison,
    command: str,
    start: str,
    counts: dict[str, int],
) -> artifact.Card:
    return artifact.Card(
        app="text",
        network=ENCODER,
        arguments={"size": options.size},
        classes=(),
        input_shape=(None, 6),
        preprocessing="words, lower case; columns word, prefix, suffix, three unused",
        activation="none",
        calibration={"words weight": comparison.words_weight},
        metrics={f"test recall at {k}": measure for k, measure in comparison.both.recall.items()},
        data={
            "name": data.name,
            "fingerprint": data.fingerprint,
            **counts,
            "embeddings": start,
        },
        command=command,
        seed=options.seed,
        recipe=recipe.to_json(),
        intended_use="finding lines that are about the same, as those it was trained on",
        limits="knows likeness of content as far as its training texts show it; not for other languages than theirs",
    )
