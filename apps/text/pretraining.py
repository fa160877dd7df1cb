"""Learning word vectors and region features from texts without labels.

A window of words (a region) goes through one convolution and foretells which words stand around it.  What the
table of words and the filters learn that way, from any text at hand, is where networks with labels start.

Reference:
    Johnson and Zhang, "Semi-supervised convolutional neural networks for text categorization via region
    embedding", NIPS 2015, section 2 (two-view embedding); here with a dense table below the convolution, and the
    true neighbour told from sampled words (van den Oord et al. 2018, eq. 4) instead of a square loss.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from apps.text.data import fingerprint
from apps.text.options import NEIGHBOURS, PretrainOptions
from apps.text.vectors import Regions, WordVectors
from apps.text.vocabulary import CHUNK, TextEncoder, frequent_words
from common import artifact, devices
from common.console import Advance
from common.data.tables import read_table
from common.errors import InputError
from common.runs import new_run, resumable, stored_run

if TYPE_CHECKING:
    from common.training import Recipe, TrainingState

__all__ = ["pretrain"]

GAP = 8  # padding between texts, so that no word foretells another text's
REACH = 5  # words foretold on either side of a region
TARGETS = 2  # of them a step
RARE = 1e-4  # share of the corpus from which on a word is foretold less often (Mikolov et al. 2013, eq. 5)
SHARPNESS = 0.75  # exponent of the frequencies by which words are drawn (the same, section 2.2)


def pretrain(
    options: PretrainOptions,
    *,
    out: Path | None = None,
    resume: bool = False,
    command: str = "",
    progress: Advance = lambda done, total, remark: None,
) -> tuple[Path, WordVectors]:
    """Learn vectors and region features, and write ``vectors.npz`` into a run folder.

    Args:
        options: what to learn from.
        out: the run folder; by default ``runs/text-vectors-TIME``.
        resume: go on in ``out`` from its checkpoint, with the options stored there.
        command: as typed.
        progress: called with (steps done, steps, remark).

    Returns:
        The file and what is in it.

    Raises:
        InputError: texts that cannot be read, or too few.
        UserError: a run folder that is in use; nothing to resume.
        Interrupted: Ctrl-C; the state is saved.
    """
    if resume:
        out, options, command = stored_run(out, PretrainOptions)
    devices.select(options.device)

    import keras

    from apps.text import models
    from common.data.sequences import NeighbourStream
    from common.training import Recipe, fit

    texts = [text for source in options.data for text in read_table(source, label=None).texts]
    words = frequent_words(texts, options.words, least=5)
    if len(words) < 100:
        raise InputError(f"{len(words)} words occur 5 times or more", "give more text, a million words or so")
    corpus, counts = _corpus(texts, words)
    share = counts / counts.sum()
    keep = np.minimum(1, np.sqrt(RARE / np.maximum(share, 1e-12)))
    keep[:2] = 0  # padding and unknown words are not foretold
    sampled = share**SHARPNESS
    sampled[:2] = 0
    run = out if resume and out else new_run(out, "text-vectors", options, command)
    keras.utils.set_random_seed(options.seed)
    network = models.neighbours(
        2 + len(words), TARGETS, sampled, dim=options.size, regions=options.regions, width=options.width
    )
    recipe = Recipe(
        loss="softmax_cross_entropy", optimizer="rowwise_adamw", rate=2e-3, weight_decay=0.0,
        schedule="linear", warmup=0.02, epochs=1, batch=32, average=0.0, seed=options.seed,
    )  # fmt: skip
    stream = NeighbourStream(
        corpus, keep, options.width, REACH, TARGETS, recipe.batch, 512, options.seed, options.passes
    )

    def tell(state: TrainingState) -> None:
        progress(state.step, state.steps, f"loss {np.mean(state.losses[-200:]):.4f}")

    with resumable(run, "cnnapps text pretrain"):
        fit(network, stream, recipe, run, progress=tell, resume=resume)
    kernel, bias = network.get_layer("regions").get_weights()
    vectors = WordVectors(
        tuple(words), np.array(network.get_layer("vectors").table)[2:], Regions(kernel, bias)
    )
    vectors.save(run / "vectors.npz")
    _card(options, recipe, texts, len(words), command, network.count_params()).write(run / "card.json")
    (run / "checkpoint.npz").unlink(missing_ok=True)
    return run / "vectors.npz", vectors


def _corpus(texts: list[str], words: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return all texts as rows of the table with gaps between them, and how often each row occurs."""
    reader = TextEncoder(words, np.zeros(0, np.uint32), longest=1 << 20)
    parts = []
    for first in range(0, len(texts), CHUNK):
        encoded = reader.encode(texts[first : first + CHUNK])
        part = np.zeros(len(encoded.rows) + GAP * len(encoded), np.int32)
        part[np.arange(len(encoded.rows)) + np.repeat(np.arange(len(encoded)) * GAP, encoded.lengths)] = (
            encoded.rows[:, 0]
        )
        parts.append(part)
    corpus = np.concatenate(parts)
    counts = np.bincount(corpus, minlength=2 + len(words)).astype(np.float64)
    counts[0] = 0
    return corpus, counts


def _card(
    options: PretrainOptions, recipe: Recipe, texts: list[str], words: int, command: str, parameters: int
) -> artifact.Card:
    card = artifact.Card(
        app="text",
        network=NEIGHBOURS,
        arguments={"dim": options.size, "regions": options.regions, "width": options.width},
        classes=(),
        input_shape=(None, 1 + TARGETS),
        preprocessing="words, lower case",
        activation="none",
        calibration={},
        metrics={},
        data={
            "name": ", ".join(Path(source).name for source in options.data),
            "fingerprint": fingerprint(texts, np.zeros(0)),
            "train": len(texts),
            "words": words,
        },
        command=command,
        seed=options.seed,
        recipe=recipe.to_json() | {"passes": options.passes},
        intended_use="a start for networks on texts in the same language (--embeddings)",
        limits="knows words as its texts use them, with what is unfair in that use",
    )
    return artifact.completed(card, parameters)
