"""Training a detector, from the data to the artifact."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps.objects.detection.options import DetectorOptions
from common import artifact, devices
from common.console import Advance
from common.files import write_text
from common.runs import new_run, resumable, stored_run

if TYPE_CHECKING:
    import keras

    from apps.objects.detection.evaluation import DetectorEvaluation
    from apps.objects.detection.splits import Parts
    from common.data.boxed import AnnotatedSet

__all__ = ["DetectorResult", "train_detector"]

ENLARGED = (
    1.5  # pictures are kept this much larger than the network sees them, for what augmentation enlarges
)


@dataclass(frozen=True)
class DetectorResult:
    """What training gives.

    Args:
        run: the folder of the artifact.
        card: of the artifact.
        evaluation: on the pictures to test on, read once; None where there are none.
        seconds: of training alone.
        notes: which data were taken, and what was left out.
    """

    run: Path
    card: artifact.Card
    evaluation: DetectorEvaluation | None
    seconds: float
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "run": str(self.run),
            "report": str(self.run / "report.html"),
            "seconds": self.seconds,
            "data": self.card.data,
            "parameters": self.card.parameters,
            "threshold": self.card.calibration["threshold"],
            "notes": list(self.notes),
            "test": self.evaluation.to_json() if self.evaluation else None,
        }


def train_detector(
    options: DetectorOptions,
    *,
    out: Path | None = None,
    resume: bool = False,
    command: str = "",
    progress: Advance = lambda done, total, remark: None,
) -> DetectorResult:
    """Train, choose the threshold on held-out pictures, test once, write the artifact.

    Args:
        options: what to train on what.
        out: the run folder; by default ``runs/detector-NETWORK-TIME``.
        resume: go on in ``out`` from its checkpoint, with the options stored there.
        command: as typed, for the card.
        progress: called with (steps done, steps, remark).

    Raises:
        UsageError: an unknown network or argument, a side or a backbone that does not fit.
        InputError: no such data, or no object in them to learn from.
        UserError: a run folder that is in use; nothing to resume.
        TrainingDiverged: the loss is no longer a number.
    """
    if resume:
        out, options, command = stored_run(out, DetectorOptions)
    options = options.completed()
    device = devices.select(options.device)

    from apps.objects.detection.data import gather
    from apps.objects.detection.learning import best_threshold, calibration, learn
    from apps.objects.detection.recipes import default_recipe
    from apps.objects.detection.splits import split
    from common.data.boxed import open_boxed
    from common.predictor import load_network

    data = open_boxed(options.data, form=options.form or None, progress=progress)
    parts = split(data, options.seed, trainval=options.trainval)
    start = None if options.backbone == "none" else load_network(options.backbone)
    pictures, failures = gather(parts.train, data.classes, round(ENLARGED * options.side), progress=progress)
    recipe = default_recipe(len(pictures), options.side, passes=options.epochs, turns=options.turns)
    changes: dict[str, Any] = {"batch": options.batch, "rate": options.rate}
    training = replace(
        recipe.training,
        seed=options.seed,
        precision=devices.precision(device),
        **{name: value for name, value in changes.items() if value},
    )
    recipe = replace(recipe, training=training)
    card = replace(_card(options, data, parts, command), calibration=calibration())
    run = out if resume and out else new_run(out, f"detector-{options.network}", options, command)
    with resumable(run, "cnnapps objects train-detector"):
        learned = learn(
            options.network,
            pictures,
            parts.held,
            card,
            recipe,
            run,
            start=start,
            resume=resume,
            progress=progress,
        )
    if parts.held:
        card = replace(card, calibration=calibration(best_threshold(learned.network, parts.held, card)))
    recipe_told = learned.recipe.training.to_json() | {"passes": learned.recipe.passes}
    card = replace(card, recipe=recipe_told | {"boxes": vars(learned.recipe.augmentation)})
    notes = (*data.notes, parts.note, _start_note(options), *(failure.message for failure in failures))
    card, evaluation = _finish(run, learned.network, card, learned.history, parts, notes)
    seconds = sum(row["seconds"] for row in learned.history)
    return DetectorResult(run, card, evaluation, seconds, notes)


def _start_note(options: DetectorOptions) -> str:
    """Say what the weights start from."""
    if options.backbone == "none":
        return "start: random weights"
    size = ", ".join(f"{name} {options.arguments[name]}" for name in ("filters", "depth"))
    return f"start: the backbone of {options.backbone} ({size})"


def _finish(
    run: Path,
    network: keras.Model,
    card: artifact.Card,
    history: list[dict[str, float]],
    parts: Parts,
    notes: tuple[str, ...],
) -> tuple[artifact.Card, DetectorEvaluation | None]:
    """Write the artifact, test it as it will be used, and add what it reaches."""
    from apps.objects.detection.evaluation import detect_all, figures
    from apps.objects.detection.report import training_report
    from common.detector import open_detector

    card = artifact.save(run, network, card)
    evaluation = None
    if any(label in card.classes for entry in parts.test for label in entry.labels):
        detector = open_detector(run)
        seen, rate, failures = detect_all(detector, parts.test)
        notes += tuple(failure.message for failure in failures)
        evaluation = figures(seen, card.classes, detector.threshold, str(run), parts.tested, rate, notes)
        card = replace(card, metrics=evaluation.measures())
    write_text(run / "report.html", training_report(card, history, evaluation, run))
    card.write(run / "card.json")
    (run / "checkpoint.npz").unlink(missing_ok=True)
    return card, evaluation


def _card(options: DetectorOptions, data: AnnotatedSet, parts: Parts, command: str) -> artifact.Card:
    from apps.objects.detection.splits import fingerprint

    return artifact.Card(
        app="objects",
        network=f"detector-{options.network}",
        arguments=options.arguments,
        classes=data.classes,
        input_shape=(options.side, options.side, 3),
        preprocessing=(
            f"RGB in [0, 1], fitted whole into the middle of a square of {options.side} px, the rest grey 114/255"
        ),
        activation="sigmoid",
        calibration={},
        metrics={},
        data={
            "name": data.name,
            "format": data.format,
            "fingerprint": fingerprint(data),
            "train": len(parts.train),
            "held": len(parts.held),
            parts.tested: len(parts.test),
            "seeded": parts.seeded,
            "trainval": options.trainval,
            "weights": "random" if options.backbone == "none" else options.backbone,
        },
        command=command,
        seed=options.seed,
        intended_use="finding objects of its classes in pictures like those it learned from",
        limits="not for decisions about people or their health",
    )
