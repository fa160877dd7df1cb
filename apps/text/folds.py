"""Cross-validation: every text is tested once, by a network that was not trained on it."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from apps.text.data import Corpus, Examples, corpus_of, parted
from apps.text.evaluation import Evaluation, evaluate
from apps.text.options import TrainOptions, recipe_changes
from apps.text.prediction import scores_of
from apps.text.starting import Start, start_of
from common import devices
from common.artifact import Measure
from common.console import Advance
from common.errors import UsageError
from common.files import write_text
from common.metrics import proportion

__all__ = ["FoldsResult", "cross_validate", "trial"]


@dataclass(frozen=True)
class FoldsResult:
    """What cross-validation gives.

    Args:
        scores: accuracy (or correlation, of real values) of each fold.
        whole: over all texts, with its 95 % interval.
        note: what was read and guessed.
    """

    scores: tuple[float, ...]
    whole: Measure
    note: str

    @property
    def mean(self) -> float:
        """Mean of the folds, as papers give it."""
        return float(np.mean(self.scores))

    @property
    def deviation(self) -> float:
        """Standard deviation of the folds."""
        return float(np.std(self.scores, ddof=1))

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "mean": self.mean,
            "standard_deviation": self.deviation,
            "folds": list(self.scores),
            "count": self.whole.count,
            "interval_95": [self.whole.low, self.whole.high],
        }


def cross_validate(
    options: TrainOptions,
    folds: int,
    *,
    out: Path | None = None,
    progress: Advance = lambda done, total, remark: None,
) -> FoldsResult:
    """Train ``folds`` networks, each tested on another part of all the texts of the source.

    In each fold some of the training texts are held out to choose on, as in a training.

    Args:
        options: as for a training; ``held`` and ``test`` do not apply.
        folds: 2 or more, stratified, shuffled by the seed.
        out: a file that gets the figures as JSON.
        progress: called with (folds done, folds, remark).

    Raises:
        UsageError: files for choosing or testing were given too; fewer than two folds.
        InputError: data that cannot be read.
    """
    if options.held or options.test or options.unlabelled:
        raise UsageError(
            "--folds tests on all the texts in turn", "leave out --held, --test and --unlabelled"
        )
    if folds < 2:
        raise UsageError(f"--folds {folds}", "give 2 or more")
    options.checked_arguments()
    devices.select(options.device)

    corpus = corpus_of(options)
    texts = corpus.train.texts
    start = start_of(options.embeddings, options.weights, texts) if options.uses_vectors else None
    scores, right, count = [], 0, 0
    for number, parts in enumerate(parted(corpus, options.seed, folds), start=1):
        result = trial(options, corpus, parts, start)
        scores.append(result.score.value)
        right += result.score.count - len(result.mistakes)
        count += result.score.count
        progress(number, folds, f"mean {np.mean(scores):.4f}")
    found = FoldsResult(tuple(scores), proportion(right, count), corpus.note)
    if corpus.kind == "real values":
        spread = 1.96 * found.deviation / np.sqrt(folds)
        whole = Measure(found.mean, found.mean - spread, found.mean + spread, count)
        found = replace(found, whole=whole)
    if out:
        write_text(out, json.dumps(found.to_json(), indent=1) + "\n")
    return found


def trial(
    options: TrainOptions,
    corpus: Corpus,
    parts: tuple[Examples, Examples, Examples],
    start: Start | None,
) -> Evaluation:
    """Train on some texts, choose on others, test on third ones; no model is kept.

    Args:
        options: as for a training.
        corpus: what the texts are of.
        parts: to train on, to choose on, to test on.
        start: word vectors or weights; None for random ones.
    """
    from apps.text.learning import learn

    kept, held, tested = parts
    with tempfile.TemporaryDirectory() as run:
        learned = learn(
            options.network, kept, held, corpus.kind, Path(run),
            arguments=options.checked_arguments(), start=start, changes=recipe_changes(options),
            seed=options.seed,
        )  # fmt: skip
    encoded = learned.encoder.encode(tested.texts)
    scores = scores_of(encoded, learned.network.predict_on_batch, len(corpus.classes))
    return evaluate(scores, tested, corpus.kind, corpus.classes, learned.temperature, 1.0)
