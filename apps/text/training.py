"""Training a text model, from the file to the artifact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps.text.options import TrainOptions, recipe_changes
from common import artifact, devices
from common.console import Advance
from common.runs import new_run, resumable, stored_run

if TYPE_CHECKING:
    from apps.text.data import Corpus
    from apps.text.evaluation import Evaluation
    from apps.text.learning import Learned

__all__ = ["TrainResult", "train"]

PHRASES_FROM = 200  # held-out texts whose phrases are counted
ACTIVATIONS = {"one of K": "softmax", "independent yes/no": "sigmoid", "real values": "none"}


@dataclass(frozen=True)
class TrainResult:
    """What training gives.

    Args:
        run: the folder of the artifact.
        card: of the artifact.
        evaluation: on the test split, read once.
        note: what was read and guessed.
    """

    run: Path
    card: artifact.Card
    evaluation: Evaluation
    note: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "run": str(self.run),
            "report": str(self.run / "report.html"),
            "data": self.card.data,
            "parameters": self.card.parameters,
            "test": self.evaluation.to_json(),
        }


def train(
    options: TrainOptions,
    *,
    out: Path | None = None,
    resume: bool = False,
    command: str = "",
    tell: Callable[[str], None] = lambda note: None,
    progress: Advance = lambda done, total, remark: None,
) -> TrainResult:
    """Train, choose and calibrate on held-out texts, read the test split once, write the artifact.

    Args:
        options: what to train.
        out: the run folder; by default ``runs/text-NETWORK-TIME``.
        resume: go on in ``out`` from its checkpoint, with the options stored there.
        command: as typed, for the card.
        tell: called with what was read and guessed, before the training.
        progress: called with (steps done, steps, remark).

    Raises:
        UsageError: an unknown network or argument.
        InputError: data that cannot be read.
        UserError: a run folder that is in use; nothing to resume.
        Interrupted: Ctrl-C; the state is saved.
        TrainingDiverged: the loss is no longer a number.
    """
    if resume:
        out, options, command = stored_run(out, TrainOptions)
    arguments = options.checked_arguments()
    from apps.text.data import corpus_of, parted

    # What is wrong with the data is said before a framework has been waited for.
    corpus = corpus_of(options)
    ((kept, held, _),) = parted(corpus, options.seed)
    tell(corpus.note)
    devices.select(options.device)

    from apps.text.evaluation import timed
    from apps.text.explanation import EXPLAINED, Explainer
    from apps.text.learning import learn
    from apps.text.phrases import PHRASES, phrases_file, telling_phrases
    from apps.text.prediction import TextClassifier
    from apps.text.report import training_report
    from apps.text.starting import start_of
    from apps.text.vectors import name_of
    from common.data.tables import read_table
    from common.layers import in_eight_bits

    start = start_of(options.embeddings, options.weights, kept.texts) if options.uses_vectors else None
    run = out if resume and out else new_run(out, f"text-{options.network}", options, command)
    with resumable(run, "cnnapps text train"):
        learned = learn(
            options.network, kept, held, corpus.kind, run,
            arguments=arguments,
            start=start,
            unlabelled=read_table(options.unlabelled, label=None).texts if options.unlabelled else (),
            changes=recipe_changes(options),
            seed=options.seed,
            resume=resume,
            progress=progress,
        )  # fmt: skip
    vectors = name_of(start, options.weights or options.embeddings)
    card = _card(
        options, arguments, corpus, learned, command, vectors, {"train": len(kept), "held": len(held)}
    )
    small = in_eight_bits(learned.network)
    extra = {"vocabulary.npz": learned.encoder.to_bytes()}
    phrases = {}
    if options.network in EXPLAINED:
        looked_at = held.texts[:PHRASES_FROM]
        phrases = telling_phrases(Explainer(card, learned.encoder, small), looked_at)
        extra[PHRASES] = phrases_file(phrases)
    evaluation = timed(TextClassifier(card, learned.encoder, small.predict_on_batch), corpus.test)
    card = replace(card, metrics={f"test {evaluation.name}": evaluation.score})
    report = training_report(card, learned.history, evaluation, corpus.test, phrases, run)
    card = artifact.save(run, small, card, report=report, precision="float16", extra=extra)
    for checkpoint in run.rglob("checkpoint.npz"):
        checkpoint.unlink()
    return TrainResult(run, card, evaluation, corpus.note)


def _card(
    options: TrainOptions,
    arguments: dict[str, Any],
    corpus: Corpus,
    learned: Learned,
    command: str,
    vectors: str,
    counts: dict[str, int],
) -> artifact.Card:
    return artifact.Card(
        app="text",
        network=options.network,
        arguments=arguments,
        classes=corpus.classes,
        input_shape=(None, 6),
        preprocessing=f"{learned.encoder.unit}, lower case; columns word, prefix, suffix, uni-, bi-, trigram",
        activation=ACTIVATIONS[corpus.kind],
        calibration={"temperature": learned.temperature},
        metrics={},
        data={
            "name": corpus.name,
            "fingerprint": corpus.fingerprint,
            **counts,
            "test": len(corpus.test),
            "embeddings": vectors,
            "unlabelled": options.unlabelled or "none",
        },
        command=command,
        seed=options.seed,
        recipe=learned.recipe.to_json() if learned.recipe else {},
        intended_use="sorting texts like those it was trained on",
        limits="not for texts of other kinds; not for decisions about people without a second reading",
    )
