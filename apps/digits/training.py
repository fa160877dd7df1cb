"""Training a digit network, from the data to the artifact."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.digits.options import TrainOptions, stored_weights, wants_outliers
from common import artifact, devices
from common.console import Advance
from common.runs import new_run, resumable, stored_run

if TYPE_CHECKING:
    import keras

    from apps.digits.evaluation import Evaluation
    from common.data.datasets import DatasetSpec, Split
    from common.training import Recipe, TrainingState

__all__ = ["TrainResult", "finish", "train"]


@dataclass(frozen=True)
class TrainResult:
    """What training gives.

    Args:
        run: the folder of the artifact.
        card: of the artifact.
        evaluation: on the test split, read once.
        seconds: of training alone.
        note: which data were taken, for people.
    """

    run: Path
    card: artifact.Card
    evaluation: Evaluation
    seconds: float
    note: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "run": str(self.run),
            "report": str(self.run / "report.html"),
            "seconds": self.seconds,
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
    progress: Advance = lambda done, total, remark: None,
) -> TrainResult:
    """Train, calibrate on held-out training pictures, read the test split once, write the artifact.

    Args:
        options: what to train.
        out: the run folder; by default ``runs/digits-NETWORK-TIME``.
        resume: go on in ``out`` from its checkpoint, with the options stored there.
        command: as typed, for the card.
        progress: called with (steps done, steps, remark).

    Raises:
        UsageError: an unknown network, argument, loss, or a loss that cannot be right for classes.
        UserError: data that cannot be had; a run folder that is in use; nothing to resume.
        TrainingDiverged: the loss is no longer a number.
    """
    if resume:
        out, options, command = stored_run(out, TrainOptions)
    arguments = options.checked_arguments()
    device = devices.select(options.device)

    import keras

    from apps.digits import data, recipes
    from apps.digits.models import NETWORKS

    source, note = (options.data, f"data: {options.data}") if options.data else data.best_at_hand()
    dataset = data.open_data(source, size=options.train_size, seed=options.seed)
    classes = len(dataset.spec.classes)
    recipe = recipes.default_recipe(options.network, dataset.spec, patient=options.recipe == "patient")
    changes: dict[str, Any] = {
        "loss": options.loss,
        "epochs": options.epochs,
        "batch": options.batch,
        "rate": options.rate,
    }
    recipe = replace(
        recipe,
        seed=options.seed,
        precision=devices.precision(device),
        **{name: value for name, value in changes.items() if value},
    )
    kept, held = dataset.with_validation(_validation_share(len(dataset.train)), options.seed)

    run = out if resume and out else new_run(out, f"digits-{options.network}", options, command)
    keras.utils.set_random_seed(options.seed)
    with devices.precision_policy(recipe.precision):
        network = NETWORKS.get(options.network)(dataset.spec.shape, classes, **arguments)
    if options.weights:
        network.set_weights(stored_weights(options, dataset.spec))
    outliers: np.ndarray | None = None
    if options.network == "perceptron":
        history = _train_units(network, kept, recipe, progress)
    else:
        if wants_outliers(options, dataset.spec):
            folder = None if options.outliers == "auto" else Path(options.outliers)
            kept, outliers = data.with_outliers(kept, classes, folder, share=0.05, seed=options.seed)
        history = _train_network(network, kept, held, recipe, run, classes, resume, progress)
    card = _card(options, arguments, dataset.spec, recipe, command, shown=outliers is not None)
    card, evaluation = finish(run, network, card, history, dataset.test, held, outliers)
    seconds = sum(row["seconds"] for row in history)
    return TrainResult(run, card, evaluation, seconds, note)


def finish(
    run: Path,
    network: keras.Model,
    card: artifact.Card,
    history: list[dict[str, float]],
    test: Split,
    held: Split,
    outliers: np.ndarray | None,
) -> tuple[artifact.Card, Evaluation]:
    """Calibrate a trained network on held-out pictures, read the test split, write the artifact.

    Args:
        run: folder of the artifact.
        network: trained.
        card: without thresholds and figures.
        history: one row an epoch, for the report.
        test: read once.
        held: training pictures that were not trained on.
        outliers: pictures of no class that were not trained on; None where the network was shown none.

    Returns:
        The card as written, and what the network reaches on the test split.
    """
    from apps.digits import calibration
    from apps.digits.evaluation import evaluate
    from apps.digits.report import training_report
    from common.predictor import Predictor
    from common.second_look import best_look

    def answer(images: np.ndarray) -> np.ndarray:
        return network.predict(images, batch_size=256, verbose=0)

    pixels = held.images / np.float32(255)
    by_gradients = card.network != "perceptron"
    if by_gradients:
        look = best_look((calibration.SECOND_LOOK,), pixels, held.targets, answer)
        card = replace(card, second_look=look)
    logits = Predictor(card, answer).logits
    thresholds = calibration.calibrate(
        logits(pixels), held.targets, None if outliers is None else logits(outliers)
    )
    card = replace(card, calibration=thresholds)
    evaluation = evaluate(Predictor(card, answer), test)
    card = replace(card, metrics={"test accuracy": evaluation.accuracy})
    seconds = sum(row["seconds"] for row in history)
    report = training_report(card, history, evaluation, test, seconds, run)
    card = artifact.save(run, network, card, report=report, samples=pixels if by_gradients else None)
    (run / "checkpoint.npz").unlink(missing_ok=True)
    return card, evaluation


def _card(
    options: TrainOptions,
    arguments: dict[str, Any],
    spec: DatasetSpec,
    recipe: Recipe,
    command: str,
    *,
    shown: bool,
) -> artifact.Card:
    """Return the card, without thresholds and figures; ``shown`` says whether outliers were."""
    return artifact.Card(
        app="digits",
        network=options.network,
        arguments=arguments,
        classes=spec.classes,
        input_shape=spec.shape,
        preprocessing="bright strokes on black, 0 to 1; fitted into a 20×20 box, centred by mass in 28×28",
        activation="softmax",
        calibration={},
        metrics={},
        data={
            "name": spec.name,
            "fingerprint": spec.fingerprint,
            **spec.counts,
            "outliers": options.outliers if shown else "none",
            "weights": options.weights or "random",
        },
        command=command,
        seed=options.seed,
        recipe=recipe.to_json(),
        intended_use="reading single handwritten digits, framed as MNIST's are (cnnapps digits predict does it)",
        limits="not for characters of other kinds; not for decisions about people without a second reading",
    )


def _train_network(
    network: keras.Model,
    kept: Split,
    held: Split,
    recipe: Recipe,
    run: Path,
    classes: int,
    resume: bool,
    progress: Advance,
) -> list[dict[str, float]]:
    from common.data.stream import TrainingStream
    from common.training import fit

    stream = TrainingStream(kept, classes, min(recipe.batch, len(kept)), recipe.seed, recipe.augmentation)
    pixels = held.images.astype(np.float32) / 255

    def validate(model: keras.Model) -> dict[str, float]:
        answers = model.predict(pixels, batch_size=256, verbose=0).argmax(axis=1)
        return {"validation accuracy": float((answers == held.targets).mean())}

    def tell(state: TrainingState) -> None:
        best = f", validation {state.history[-1]['validation accuracy']:.2%}" if state.history else ""
        progress(state.step, state.steps, f"loss {state.loss:.3f}{best}")

    with resumable(run, "cnnapps digits train"):
        return fit(network, stream, recipe, run, validate=validate, progress=tell, resume=resume).history


def _train_units(
    network: keras.Model, kept: Split, recipe: Recipe, progress: Advance
) -> list[dict[str, float]]:
    from common.layers import train_perceptron

    started = time.monotonic()
    examples = kept.images.reshape(len(kept), -1).astype(np.float32) / 255
    mistakes = train_perceptron(
        network.get_layer("units"),
        examples,
        kept.targets,
        rate=recipe.rate,
        epochs=recipe.epochs,
        seed=recipe.seed,
        progress=lambda done, total: progress(done, total, "passes"),
    )
    seconds = (time.monotonic() - started) / len(mistakes)
    rows = enumerate(mistakes, start=1)
    return [{"epoch": number, "loss": share, "seconds": seconds} for number, share in rows]


def _validation_share(examples: int) -> float:
    return float(np.clip(3_000 / examples, 0.05, 0.15))
