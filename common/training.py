"""fit(): the one training loop.

Keras does the steps (``compile``/``fit``); this module gives it batches by step number, a rate schedule over
the whole run, an exponential moving average of the weights, checkpoints from which any step can be resumed,
and a stop with the last good weights when the loss is no longer a number.
"""

from __future__ import annotations

import contextlib
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from common import losses
from common.data.augment import Augmentation
from common.data.stream import BatchStream
from common.errors import TrainingDiverged, UsageError, UserError
from common.files import replacing, write_text
from common.optimizers import OPTIMIZERS
from common.schedules import RateSchedule

__all__ = ["Recipe", "TrainingState", "fit"]


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; written into the run folder as ``recipe.json``.

    Args:
        loss: a name of ``common.losses``.
        loss_parameters: of that loss, such as ``label_smoothing``.
        optimizer: a name of ``common.optimizers``.
        rate: peak learning rate.
        weight_decay: decoupled; not applied to vectors (biases, normalisation).
        schedule: a name of ``common.schedules.SCHEDULES``, after the warm-up.
        warmup: share of the run spent warming up.
        start, floor: first and last rate as shares of the peak.
        multiples: of the rate for some of the variables, as of ``common.optimizers``.
        epochs: passes over the training data.
        batch: examples a step.
        average: decay a step of the moving average of the weights; 0 for none.
        lookahead: steps after which the weights go back to their average, again and again; 0 for never.
        precision: Keras policy the network was built under, for the record.
        xla: compile the step with XLA; measured slower here, so off.
        seed: of weights, order and augmentation.
        augmentation: of the training batches.
    """

    loss: str = "softmax_cross_entropy"
    loss_parameters: dict[str, Any] = field(default_factory=dict)
    optimizer: str = "adamw"
    rate: float = 2e-3
    weight_decay: float = 0.05
    schedule: str = "cosine"
    warmup: float = 0.1
    start: float = 0.0
    floor: float = 0.002
    multiples: dict[str, float] = field(default_factory=dict)
    epochs: int = 10
    batch: int = 128
    average: float = 0.998
    lookahead: int = 0
    precision: str = "float32"
    xla: bool = False
    seed: int = 0
    augmentation: Augmentation = Augmentation()

    def to_json(self) -> dict[str, Any]:
        """Return the recipe as plain values."""
        return asdict(self)


@dataclass
class TrainingState:
    """Where a run stands.

    Args:
        step, steps: done and to do.
        loss: of the last step.
        history: one row an epoch.
        losses: of the steps of the epoch under way.
    """

    step: int = 0
    steps: int = 0
    loss: float = float("nan")
    history: list[dict[str, float]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)


Progress = Callable[[TrainingState], None]


def fit(
    model: keras.Model,
    stream: BatchStream,
    recipe: Recipe,
    run: Path,
    *,
    validate: Callable[[keras.Model], dict[str, float]] | None = None,
    progress: Progress | None = None,
    resume: bool = False,
    checkpoint_seconds: float = 120.0,
) -> TrainingState:
    """Train ``model`` in place; it ends with the averaged weights.

    A checkpoint is written at the end of every epoch and every ``checkpoint_seconds``.  A killed run that
    is resumed gives the result of the uninterrupted one.

    Args:
        model: a network with raw outputs.
        stream: its training batches.
        recipe: how to train.
        run: an existing folder; gets ``recipe.json``, ``history.json`` and, until done, ``checkpoint.npz``.
        validate: called with the averaged weights in place after each epoch; its figures join the history.
        progress: called after each step.
        resume: go on from the run's checkpoint.
        checkpoint_seconds: longest time between checkpoints.

    Raises:
        TrainingDiverged: the loss became NaN or infinite; the last good weights are in the checkpoint.
        KeyboardInterrupt: passed on after a checkpoint was written.
        UserError: out of memory; nothing to resume; a checkpoint of another recipe.
    """
    steps = recipe.epochs * stream.steps_per_epoch
    schedule = RateSchedule(
        recipe.rate,
        steps,
        warmup=recipe.warmup,
        shape=recipe.schedule,
        start=recipe.start,
        floor=recipe.floor,
    )
    optimizer = OPTIMIZERS.get(recipe.optimizer)(schedule, recipe.weight_decay, recipe.multiples)
    if recipe.weight_decay:
        optimizer.exclude_from_weight_decay([v for v in model.trainable_variables if len(v.shape) < 2])
    model.compile(optimizer, losses.get(recipe.loss, **recipe.loss_parameters), jit_compile=recipe.xla)
    optimizer.build(model.trainable_variables)
    average = _WeightAverage(model, recipe.average, recipe.lookahead, steps)
    state = TrainingState(steps=steps)
    checkpoint = _Checkpoint(run / "checkpoint.npz", model, average, state, recipe)
    if resume:
        checkpoint.restore()
    write_text(run / "recipe.json", json.dumps(recipe.to_json(), indent=2) + "\n")
    per_epoch = stream.steps_per_epoch
    callback = _Step(state, per_epoch, run, average, checkpoint, validate, progress, checkpoint_seconds)
    rest = -state.step % per_epoch
    try:
        # An epoch that was cut short is finished first; then Keras goes on by whole epochs.
        for epochs, count in ((1, rest), ((steps - state.step - rest) // per_epoch, per_epoch)):
            if epochs and count:
                batches = stream.steps(state.step, state.step + epochs * count)
                with _interrupts_noted(callback):
                    model.fit(
                        batches,
                        epochs=epochs,
                        steps_per_epoch=count,
                        shuffle=False,  # the stream has shuffled
                        verbose=0,
                        callbacks=[callback],
                    )
    except tf.errors.ResourceExhaustedError as error:
        raise UserError(
            f"out of memory at batch {recipe.batch}", f"try --batch {max(1, recipe.batch // 2)}"
        ) from error
    average.apply()
    return state


class _Step(keras.callbacks.Callback):
    """What happens after each step and epoch: average, count, look at the loss, checkpoint, validate."""

    def __init__(
        self, state, per_epoch, run, average, checkpoint, validate, progress, checkpoint_seconds
    ) -> None:
        super().__init__()
        self.state, self.per_epoch, self.run = state, per_epoch, run
        self.average, self.checkpoint = average, checkpoint
        self.validate, self.progress = validate, progress
        self.checkpoint_seconds = checkpoint_seconds
        self.saved_at = time.monotonic()
        self.interrupted = False

    def on_epoch_begin(self, epoch, logs=None) -> None:
        self.seen, self.total, self.began = 0, 0.0, time.monotonic()

    def on_epoch_end(self, epoch, logs=None) -> None:
        row = {
            "epoch": len(self.state.history) + 1,
            "loss": float(np.mean(self.state.losses)),
            "seconds": time.monotonic() - self.began,
        }
        if self.validate:
            with self.average:
                row |= self.validate(self.model)
        self.state.history.append(row)
        self.state.losses.clear()
        self.checkpoint.save()
        self.saved_at = time.monotonic()
        write_text(self.run / "history.json", json.dumps(self.state.history, indent=1) + "\n")

    def on_train_batch_end(self, batch, logs=None) -> None:
        # Keras reports the mean since the start of the epoch; the step's own loss is the difference.
        total = logs["loss"] * (self.seen + 1)
        loss = total - self.total
        self.seen, self.total = self.seen + 1, total
        if not np.isfinite(loss):
            at = self.state.step + 1
            self.checkpoint.restore()
            raise TrainingDiverged(
                f"the loss became {loss} at step {at}; the weights of step {self.state.step} were restored",
                "try a smaller --rate",
            )
        self.average.update()
        self.state.step += 1
        self.state.loss = float(loss)
        self.state.losses.append(self.state.loss)
        # The last step of an epoch is saved together with the epoch's row of the history.
        due = time.monotonic() - self.saved_at > self.checkpoint_seconds
        if self.interrupted or (due and self.state.step % self.per_epoch):
            self.checkpoint.save()
            self.saved_at = time.monotonic()
        if self.interrupted:
            raise KeyboardInterrupt
        if self.progress:
            self.progress(self.state)


@contextlib.contextmanager
def _interrupts_noted(callback: _Step) -> Iterator[None]:
    """Let the first Ctrl-C wait for the end of the step, so that the checkpoint is a whole one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def note(number, frame) -> None:
        callback.interrupted = True
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _WeightAverage:
    """Exponential moving average of the weights of all layers that are trained, normalisation statistics included.

    The decay rises as (1 + t) / (10 + t) up to its limit, so that the first random weights are forgotten.
    With ``lookahead`` the average is moved every so many steps, and training goes on from it; it is slow only
    towards the end, where its decay has risen with the third power of the progress.
    As a context manager it swaps the averages into the model.

    References:
        Polyak and Juditsky 1992; Tarvainen and Valpola, NeurIPS 2017, section 2.
        Zhang et al., "Lookahead Optimizer", NeurIPS 2019, algorithm 1; Jordan, "94% on CIFAR-10 in 3.29 Seconds
        on a Single GPU", arXiv 2404.00498, section 3.4.
    """

    def __init__(self, model: keras.Model, decay: float, lookahead: int, steps: int) -> None:
        self.decay = decay
        self.variables = [v.value for layer in model.layers if layer.trainable for v in layer.weights]
        self.averages = [tf.Variable(v) for v in self.variables] if decay else []
        self.count = tf.Variable(0.0)

        def move(keep) -> None:
            for mean, value in zip(self.averages, self.variables, strict=True):
                mean.assign(keep * mean + (1 - keep) * value)

        @tf.function
        def update() -> None:
            self.count.assign_add(1.0)
            if not lookahead:
                move(tf.minimum(decay, (1 + self.count) / (10 + self.count)))
            elif self.count % lookahead == 0:
                move(decay**lookahead * (self.count / steps) ** 3)
                self.apply()

        self._update = update

    def update(self) -> None:
        if self.decay:
            self._update()

    def apply(self) -> None:
        for value, mean in zip(self.variables, self.averages, strict=bool(self.decay)):
            value.assign(mean)

    def __enter__(self) -> None:
        self.kept = [v.numpy() for v in self.variables]
        self.apply()

    def __exit__(self, *exception) -> None:
        for value, kept in zip(self.variables, self.kept, strict=True):
            value.assign(kept)


class _Checkpoint:
    """Everything that resuming needs, in one file that is replaced as a whole."""

    def __init__(self, path: Path, model, average: _WeightAverage, state: TrainingState, recipe) -> None:
        self.path, self.state = path, state
        self.recipe = json.dumps(recipe.to_json(), sort_keys=True)
        self.variables = {
            **{f"model/{i}": v.value for i, v in enumerate(model.variables)},
            **{f"optimizer/{i}": v.value for i, v in enumerate(model.optimizer.variables)},
            **{f"average/{i}": v for i, v in enumerate(average.averages)},
            "average/count": average.count,
        }

    def save(self) -> None:
        arrays = {name: v.numpy() for name, v in self.variables.items()}
        meta = {
            "step": self.state.step,
            "history": self.state.history,
            "losses": self.state.losses,
            "recipe": self.recipe,
        }
        with replacing(self.path) as temporary:
            np.savez(temporary, meta=np.array(json.dumps(meta)), **arrays)

    def restore(self) -> None:
        if not self.path.exists():
            if self.state.step == 0:
                return
            raise UserError(f"no checkpoint in {self.path.parent}")
        with np.load(self.path, allow_pickle=False) as saved:
            meta = json.loads(str(saved["meta"]))
            if meta["recipe"] != self.recipe:
                raise UsageError(
                    f"{self.path.parent} was started with other options",
                    "see recipe.json there, or choose another --out",
                )
            for name, variable in self.variables.items():
                variable.assign(saved[name])
        self.state.step, self.state.history[:] = meta["step"], meta["history"]
        self.state.losses[:] = meta["losses"]
