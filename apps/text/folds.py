"""Cross-validation: every text is tested once, by a network that was not trained on it."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from apps.text.data import Examples, corpus_of
from apps.text.evaluation import evaluate
from apps.text.options import TrainOptions
from apps.text.prediction import scores_of
from apps.text.training import held_share, recipe_changes
from apps.text.vectors import given_vectors
from common import devices
from common.artifact import Measure
from common.console import Advance
from common.errors import UsageError
from common.files import write_text
from common.metrics import proportion

__all__ = ["FoldsResult", "cross_validate"]


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
    arguments = options.checked_arguments()
    devices.select(options.device)

    from sklearn.model_selection import StratifiedKFold

    from apps.text.learning import learn

    corpus = corpus_of(options)
    parts = [part for part in (corpus.train, corpus.held, corpus.test) if part is not None]
    everything = Examples(
        [text for part in parts for text in part.texts], np.concatenate([part.targets for part in parts])
    )
    vectors = given_vectors(options.embeddings, everything.texts) if options.uses_vectors else None
    splitter = StratifiedKFold(folds, shuffle=True, random_state=options.seed)
    scores, right = [], 0
    for number, (train, test) in enumerate(splitter.split(everything.texts, everything.strata), start=1):
        kept, held = everything.take(train).halves(held_share(len(train)), options.seed)
        with tempfile.TemporaryDirectory() as run:
            learned = learn(
                options.network, kept, held, corpus.kind, Path(run),
                arguments=arguments, vectors=vectors, changes=recipe_changes(options), seed=options.seed,
            )  # fmt: skip
        tested = everything.take(test)
        encoded = learned.encoder.encode(tested.texts)
        answered = scores_of(encoded, learned.network.predict_on_batch, len(corpus.classes))
        result = evaluate(answered, tested, corpus.kind, corpus.classes, learned.temperature, 1.0)
        scores.append(result.score.value)
        right += len(tested) - len(result.mistakes)
        progress(number, folds, f"mean {np.mean(scores):.4f}")
    found = FoldsResult(tuple(scores), proportion(right, len(everything)), corpus.note)
    if corpus.kind == "real values":
        spread = 1.96 * found.deviation / np.sqrt(folds)
        whole = Measure(found.mean, found.mean - spread, found.mean + spread, len(everything))
        found = replace(found, whole=whole)
    if out:
        write_text(out, json.dumps(found.to_json(), indent=1) + "\n")
    return found
