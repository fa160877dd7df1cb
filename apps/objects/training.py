"""Training a classifier of pictures, from the data to the artifact."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.objects.options import KERAS, TrainOptions
from common import artifact, devices
from common.console import Advance
from common.errors import UsageError
from common.runs import new_run, resumable, stored_run

if TYPE_CHECKING:
    import keras

    from apps.objects.data import PictureSet
    from apps.objects.evaluation import Evaluation
    from common.training import Recipe, TrainingState

__all__ = ["TrainResult", "train"]


@dataclass(frozen=True)
class TrainResult:
    """What training gives.

    Args:
        run: the folder of the artifact.
        card: of the artifact.
        evaluation: on the test part, read once.
        seconds: of training alone.
        notes: which data were taken and how the training began, for people.
        failures: file and reason of the pictures that could not be read.
        alike: a line for each picture that looks like one of another part.
    """

    run: Path
    card: artifact.Card
    evaluation: Evaluation
    seconds: float
    notes: tuple[str, ...]
    failures: tuple[tuple[str, str], ...]
    alike: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "run": str(self.run),
            "report": str(self.run / "report.html"),
            "seconds": self.seconds,
            "data": self.card.data,
            "parameters": self.card.parameters,
            "notes": list(self.notes),
            "unreadable": [{"file": file, "reason": reason} for file, reason in self.failures],
            "alike": list(self.alike),
            "test": self.evaluation.to_json(),
        }


def train(
    options: TrainOptions,
    *,
    out: Path | None = None,
    resume: bool = False,
    command: str = "",
    progress: Advance = lambda done, total, remark: None,
) -> TrainResult:
    """Train, calibrate on held-out pictures, read the test part once, write the artifact.

    Args:
        options: what to train.
        out: the run folder; by default ``runs/objects-NETWORK-TIME``.
        resume: go on in ``out`` from its checkpoint, with the options stored there.
        command: as typed, for the card.
        progress: called with (steps done, steps, remark).

    Raises:
        UsageError: options that are unknown or do not fit each other.
        UserError: data or weights that cannot be had; a run folder that is in use; nothing to resume.
        TrainingDiverged: the loss is no longer a number.
    """
    if resume:
        out, options, command = stored_run(out, TrainOptions)
    asked, options = options, options.completed()
    device = devices.select(options.device)
    import keras

    from apps.objects import recipes, transfer
    from apps.objects.data import Source, open_pictures
    from common.data.distortion import Geometry

    source = Source(options.data, options.side, options.column, options.label, options.several)
    pictures = open_pictures(
        source, seed=options.seed, train_size=options.train_size,
        progress=lambda done, total, remark: progress(done, total, "reading pictures"),
    )  # fmt: skip
    balance, said = recipes.balance_of(options.balance, pictures.class_counts)
    learned = options.starts_from_model or (options.is_keras and options.weights != "none")
    in_two_phases = learned and len(pictures.train) < recipes.FEW
    recipe = recipes.recipe_for(
        options.network, len(pictures.train), pictures.kind,
        augmentation=options.augmentation, fine_tuned=learned,
        epochs=options.epochs or 0, batch=options.batch or 0,
    )  # fmt: skip
    recipe = recipes.balanced(recipe, balance, pictures.class_counts, pictures.kind)
    recipe = replace(
        recipe,
        rate=options.rate or recipe.rate,
        seed=options.seed,
        precision=devices.precision(device),
    )

    if options.window:
        if options.window > min(pictures.spec.shape[:2]):
            raise UsageError(
                f"--window {options.window} is more than pictures of {pictures.spec.shape[0]} pixels have",
                "a smaller one, or a larger --side",
            )
        cut = replace(recipe.augmentation, window=options.window, geometry=Geometry())
        recipe = replace(recipe, augmentation=cut)
    keras.utils.set_random_seed(options.seed)
    with devices.precision_policy(recipe.precision):
        network = _build(options, pictures)
    notes = [pictures.note, _start_note(options, in_two_phases)] + ([said] if said else [])
    if options.starts_from_model:
        transfer.start_from(network, options.weights)
    name = f"objects-{options.network.removeprefix(KERAS)}"
    run = out if resume and out else new_run(out, name, asked, command)
    if in_two_phases:
        progress(0, 0, "training the head")
        transfer.fit_head(network, pictures.train, pictures.validation, balanced=balance == "weights")
        transfer.freeze_normalization(network)
        recipe = replace(recipe, multiples=transfer.rates_by_depth(network))
        start = network.get_weights()
    history = _fit(network, pictures, recipe, run, resume, progress)
    if in_two_phases:
        share = transfer.settle_between(network, start, pictures.validation)
        notes.append(
            f"weights: {share:.0%} of the way from the head alone to all trained, chosen on validation"
        )
    if options.window:
        whole = _build(replace(options, window=None), pictures)
        whole.set_weights(network.get_weights())
        network = whole
    card = _card(options, pictures, recipe, command)
    card, evaluation = _finish(run, network, card, history, pictures)
    seconds = sum(row["seconds"] for row in history)
    return TrainResult(run, card, evaluation, seconds, tuple(notes), pictures.failures, pictures.alike)


def _build(options: TrainOptions, pictures: PictureSet) -> keras.Model:
    """Return the network with its first weights."""
    from common.layers import fit_whitening

    shape, classes = pictures.spec.shape, len(pictures.spec.classes)
    if options.is_keras:
        from apps.objects.keras_backbones import keras_backbone

        return keras_backbone(options.network, shape, classes, imagenet=options.weights != "none")
    from apps.objects.models import NETWORKS

    given = (None, None, 3) if options.window else shape
    network = NETWORKS.get(options.network)(given, classes, **(options.arguments or {}))
    fit_whitening(network, pictures.train.images[:5_000].astype(np.float32) / 255)
    return network


def _start_note(options: TrainOptions, in_two_phases: bool) -> str:
    """Say what the weights start from."""
    phases = ": first the head, then all" if in_two_phases else ""
    if options.is_keras and options.weights != "none":
        return f"start: what {options.network} has learned from ImageNet{phases}"
    if options.starts_from_model:
        return f"start: {options.weights}{phases}"
    return "start: random weights"


def _fit(
    network: keras.Model, pictures: PictureSet, recipe: Recipe, run: Path, resume: bool, progress: Advance
) -> list[dict[str, float]]:
    from apps.objects.evaluation import headline
    from common.data.stream import TrainingStream
    from common.training import fit

    held = pictures.validation
    pixels = held.images.astype(np.float32) / 255
    name = f"validation {headline(pictures.kind)[0]}"

    def validate(model: keras.Model) -> dict[str, float]:
        scores = model.predict(pixels, batch_size=256, verbose=0)
        return {name: headline(pictures.kind)[1](scores, held.targets)}

    def tell(state: TrainingState) -> None:
        best = f", {name} {state.history[-1][name]:.2%}" if state.history else ""
        progress(state.step, state.steps, f"loss {state.loss:.3f}{best}")

    stream = TrainingStream(
        pictures.train, len(pictures.spec.classes), min(recipe.batch, len(pictures.train)), recipe.seed,
        recipe.augmentation,
    )  # fmt: skip
    with resumable(run, "cnnapps objects train"):
        return fit(network, stream, recipe, run, validate=validate, progress=tell, resume=resume).history


def _finish(
    run: Path,
    network: keras.Model,
    card: artifact.Card,
    history: list[dict[str, float]],
    pictures: PictureSet,
) -> tuple[artifact.Card, Evaluation]:
    """Calibrate a trained network on held-out pictures, read the test part, write the artifact."""
    from apps.objects.evaluation import evaluate
    from apps.objects.recipes import looks_for
    from apps.objects.report import training_report
    from common.metrics import fit_temperature
    from common.predictor import Predictor
    from common.second_look import best_look

    def answer(images: np.ndarray) -> np.ndarray:
        return network.predict(images, batch_size=256, verbose=0)

    held = pictures.validation
    pixels = held.images.astype(np.float32) / 255
    if pictures.kind == "one of K":
        card = replace(card, second_look=best_look(looks_for(pixels.shape[1]), pixels, held.targets, answer))
    temperature = fit_temperature(Predictor(card, answer).logits(pixels), held.targets)
    card = replace(card, calibration={"temperature": temperature})
    evaluation = evaluate(Predictor(card, answer), pictures.test)
    card = replace(card, metrics={f"test {name}": measure for name, measure in evaluation.measures.items()})
    report = training_report(card, history, evaluation, pictures, run)
    samples = None if card.network.startswith(KERAS) else pixels[:500]
    card = artifact.save(run, network, card, report=report, samples=samples)
    (run / "checkpoint.npz").unlink(missing_ok=True)
    return card, evaluation


def _card(options: TrainOptions, pictures: PictureSet, recipe: Recipe, command: str) -> artifact.Card:
    """Return the card, without calibration and figures."""
    spec = pictures.spec
    return artifact.Card(
        app="objects",
        network=options.network,
        arguments=options.arguments or {},
        classes=spec.classes,
        input_shape=spec.shape,
        preprocessing=f"the whole picture as a square of {spec.shape[0]}×{spec.shape[1]} pixels, RGB, 0 to 1",
        activation="softmax" if pictures.kind == "one of K" else "sigmoid",
        calibration={},
        metrics={},
        data={
            "name": spec.name,
            "fingerprint": spec.fingerprint,
            **spec.counts,
            "unreadable": len(pictures.failures),
            "alike": len(pictures.alike),
            "weights": options.weights or ("imagenet" if options.is_keras else "random"),
        },
        command=command,
        seed=options.seed,
        recipe=recipe.to_json(),
        intended_use=f"telling {len(spec.classes)} kinds of pictures apart, alike to those it was trained on",
        limits="an answer is always one of its classes; not for decisions about people",
    )
