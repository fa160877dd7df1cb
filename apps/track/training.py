"""Training a tracker's network, from pictures and sequences to the artifact."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps.track.options import TrainOptions
from apps.track.prediction import FEATURES, HEAD
from common import artifact, devices
from common.console import Advance
from common.errors import UsageError, nearest
from common.runs import new_run, resumable, stored_run

if TYPE_CHECKING:
    from apps.track.evaluation import Evaluation
    from apps.track.sequences import Sequence
    from common.training import Recipe

__all__ = ["TrainResult", "train"]

STEPS = 20_000
STEPS_PER_EPOCH = 500  # between two checks
HELD_SHARE = 0.05  # of the pictures, where no sequence is left out


@dataclass(frozen=True)
class TrainResult:
    """What training gives.

    Args:
        run: the folder of the artifact.
        card: of the artifact.
        evaluation: on the sequences left out, read once; None where there are none.
        material: what was learned from, in words.
    """

    run: Path
    card: artifact.Card
    evaluation: Evaluation | None
    material: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "run": str(self.run),
            "report": str(self.run / "report.html"),
            "material": self.material,
            "test": self.evaluation.to_json() if self.evaluation else None,
        }


def train(
    options: TrainOptions,
    *,
    out: Path | None = None,
    resume: bool = False,
    command: str = "",
    progress: Advance = lambda done, total, remark: None,
) -> TrainResult:
    """Train, follow the objects of the sequences left out, write the artifact.

    Args:
        options: what to train.
        out: the run folder; by default ``runs/track-NETWORK-TIME``.
        resume: go on in ``out`` from its checkpoint, with the options stored there.
        command: as typed, for the card.
        progress: called with (steps done, steps, remark).

    Raises:
        UsageError: an unknown network, argument or sequence; nothing to learn from.
        InputError: a folder without pictures, a damaged sequence or annotation file.
        UserError: a run folder that is in use; nothing to resume.
        TrainingDiverged: the loss is no longer a number.
    """
    if resume:
        out, options, command = stored_run(out, TrainOptions)
    arguments = options.checked_arguments()
    device = devices.select(options.device)

    from apps.track.evaluation import evaluate_sequences
    from apps.track.learning import default_recipe, learn
    from apps.track.material import gather
    from apps.track.report import training_report
    from common.predictor import load_network

    start = load_network(options.weights) if options.weights else None
    backbone = load_network(options.backbone) if options.backbone else None
    kept, left = _sequences(options)
    material = gather([Path(folder) for folder in options.pictures], kept, progress=progress)
    if left:
        held = gather([], left)
    else:
        material, held = material.split(HELD_SHARE, options.seed)
    steps = options.steps or STEPS
    per_epoch = min(STEPS_PER_EPOCH, steps)
    recipe = default_recipe(round(steps / per_epoch), options.batch or 32)
    recipe = replace(recipe, seed=options.seed, precision=devices.precision(device))
    recipe = replace(recipe, rate=options.rate or recipe.rate)
    run = out if resume and out else new_run(out, f"track-{options.network}", options, command)
    with resumable(run, "cnnapps track train"):
        learned = learn(
            options.network, material, held, recipe, run, steps_per_epoch=per_epoch, start=start,
            backbone=backbone, arguments=arguments, resume=resume, progress=progress,
        )  # fmt: skip
    # Whole numbers are as good on the sequences, and up to twice as fast.
    parts = {
        FEATURES: artifact.Part(learned.network.get_layer("backbone"), "int8", learned.searches),
        HEAD: artifact.Part(learned.network.get_layer("head"), "int8-weights"),
    }
    card = _card(options, arguments, recipe, command, str(material))
    artifact.save(run, learned.network, card, parts=parts)
    evaluation = evaluate_sequences(left, run) if left else None
    if evaluation:
        card = replace(card, metrics=evaluation.measures())
    report = training_report(card, learned.history, evaluation, run)
    card = artifact.save(run, learned.network, card, parts=parts, report=report)
    (run / "checkpoint.npz").unlink(missing_ok=True)
    return TrainResult(run, card, evaluation, str(material))


def _sequences(options: TrainOptions) -> tuple[list[Sequence], list[Sequence]]:
    """Return the sequences to learn from and those left out."""
    from apps.track.sequences import find_sequences

    if not options.sequences:
        return [], []
    found = find_sequences(Path(options.sequences))
    names = [sequence.name for sequence in found]
    for name in options.leave_out:
        if name not in names:
            raise UsageError(
                f"no sequence {name!r} in {options.sequences}{nearest(name, names)}",
                f"there: {', '.join(names)}",
            )
    left = [sequence for sequence in found if sequence.name in options.leave_out]
    return [sequence for sequence in found if sequence not in left], left


def _card(
    options: TrainOptions, arguments: dict[str, Any], recipe: Recipe, command: str, material: str
) -> artifact.Card:
    from apps.track.cropping import SEARCH_SIDE, TEMPLATE_SIDE

    names = [Path(folder).name for folder in (*options.pictures, options.sequences) if folder]
    return artifact.Card(
        app="track",
        network=options.network,
        arguments=arguments,
        classes=(),
        input_shape=(SEARCH_SIDE, SEARCH_SIDE, 3),
        preprocessing=(
            f"RGB in [0, 1]; template {TEMPLATE_SIDE} px with the object's context, search crop {SEARCH_SIDE} px "
            "at the same scale"
        ),
        activation="none",
        calibration={},
        metrics={},
        data={
            "name": ", ".join(names),
            "material": material,
            "left out": list(options.leave_out),
            "weights": options.weights or options.backbone or "random",
        },
        command=command,
        seed=options.seed,
        recipe=recipe.to_json(),
        intended_use="following a given object through a video",
        limits="not for telling people apart; not for decisions about people",
    )
