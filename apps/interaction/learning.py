"""From pairs to trained networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import keras
import numpy as np

from apps.interaction import models
from apps.interaction.doubt import Doubt
from apps.interaction.features import Features
from apps.interaction.metrics import mean_squared_error
from apps.interaction.pairs import Pairs
from common.activations import sigmoid
from common.console import Advance
from common.data.grid import GridStream
from common.errors import UsageError
from common.layers import in_eight_bits
from common.training import Recipe, TrainingState, fit

__all__ = ["Ensemble", "default_recipe", "floor_of", "learn", "values_of"]

CENSORED = 0.2  # share of equal lowest values
BATCH = 256
FINE = 0.25  # of the epochs, in which a network that was trained as a part of it first is trained as a whole
FINE_RATE = 0.5  # of the rate
BEND = 0.5  # of the values' standard deviation: errors beyond it count as they are, no more squared
PAIRS = 6_000_000  # seen in a training, as far as that is no fewer than 20 and no more than 100 passes


@dataclass(frozen=True)
class Ensemble:
    """Trained networks whose mean is the answer.

    Args:
        network: from named inputs to the members' raw values ``(N, members)``, its weights in 8 bits as they ship.
        doubt: the error that their disagreement stands for; none of a single member.
        floor: lowest value that can be measured; None where there is none.
        recipe: of each member.
        history: one row an epoch, of the members one after the other.
    """

    network: keras.Model
    doubt: Doubt
    floor: float | None
    recipe: Recipe
    history: list[dict[str, float]]


def default_recipe(pairs: Pairs, floor: float | None = None, loss: str = "") -> Recipe:
    """Return the recipe for a table of pairs: about as many steps for a small one as for a large one.

    Measurements of real values have outliers, which would outweigh the order of all others if errors were squared.

    Args:
        pairs: to train on.
        floor: below which nothing can be measured, as of ``floor_of``.
        loss: instead of the one that fits the values.

    Raises:
        UsageError: the loss ``tobit`` without a floor.
    """
    if not loss and pairs.kind != "real values":
        loss = "sigmoid_cross_entropy"
    loss = loss or ("huber" if floor is None else "tobit")
    if loss == "tobit" and floor is None:
        raise UsageError(
            "loss 'tobit' is for values with a floor, and none sit on one here", "leave --loss out"
        )
    parameters: dict[str, dict[str, Any]] = {
        "tobit": {"floor": floor},
        "huber": {"delta": BEND * (float(pairs.value.std()) or 1)},
    }
    return Recipe(
        loss=loss,
        loss_parameters=parameters.get(loss, {}),
        rate=1e-3,
        weight_decay=0.01,
        epochs=int(np.clip(PAIRS / max(len(pairs), 1), 20, 100)),
        batch=BATCH,
        warmup=0.05,
        average=0.998,
    )


def learn(
    name: str,
    pairs: Pairs,
    features: Features,
    kept: np.ndarray,
    held: np.ndarray,
    run: Path,
    *,
    arguments: dict[str, Any] | None = None,
    members: int = 3,
    changes: dict[str, Any] | None = None,
    seed: int = 0,
    resume: bool = False,
    progress: Advance = lambda done, total, remark: None,
) -> Ensemble:
    """Train the members of an ensemble one after the other.

    Args:
        name: of ``apps.interaction.models.NETWORKS``.
        pairs: all of them.
        features: of their molecules and proteins, with the proteins of ``kept`` as references.
        kept, held: which pairs to train on, and which to watch and to calibrate the spread on.
        run: an existing folder for checkpoints and history.
        arguments: of the network's function.
        members: how many.
        changes: to the recipe.
        seed: of the first member; the next ones follow.
        resume: go on from the run's checkpoints.
        progress: called with (steps done, steps, remark).
    """
    chosen = pairs.take(kept)
    recipe = default_recipe(chosen, floor_of(chosen), (changes or {}).get("loss", ""))
    recipe = replace(recipe, **(changes or {}))
    recipe = replace(recipe, batch=min(recipe.batch, len(kept)))
    # Another loss reads values at the floor as if they had been measured there.
    floor = recipe.loss_parameters.get("floor")
    arguments = (arguments or {}) | {"floor": floor}
    watched = pairs.take(held)
    learner = _Learner(chosen, watched, features, _stages(name, recipe), arguments, floor, resume)
    networks, history = [], []
    for number in range(members):

        def tell(done: int, state: TrainingState, number: int = number) -> None:
            best = f", held-out {state.history[-1].get('held-out loss', 0):.3f}" if state.history else ""
            done += number * learner.steps
            progress(done, members * learner.steps, f"network {number + 1}, loss {state.loss:.3f}{best}")

        network, rows = learner.member(seed + number, run / f"member{number + 1}", tell)
        networks.append(network)
        history += [row | {"epoch": number * learner.epochs + row["epoch"]} for row in rows]
    network = models.ensemble([models.answering(member, floor) for member in networks])
    network = in_eight_bits(network, dense=True)
    doubt = Doubt()
    if members > 1 and pairs.kind == "independent yes/no":
        doubt = Doubt(factor=1)  # of chances: an answer is yes or no, and has no error to be fitted to
    elif members > 1 and len(held):
        values = values_of(network, watched, features)
        doubt = Doubt.fitted(values.std(axis=1), values.mean(axis=1) - watched.value)
    return Ensemble(network, doubt, floor, recipe, history)


def _stages(name: str, recipe: Recipe) -> list[tuple[str, Recipe]]:
    """Return as what a network is trained, one after the other, and how."""
    if name not in models.STARTS:
        return [(name, recipe)]
    last = replace(recipe, epochs=max(1, round(FINE * recipe.epochs)), rate=FINE_RATE * recipe.rate)
    return [(models.STARTS[name], recipe), (name, last)]


def _told(tell: Callable[[int, TrainingState], None], before: int, state: TrainingState) -> None:
    tell(before + state.step, state)


@dataclass(frozen=True)
class _Learner:
    """Trains networks that differ in their seed.

    Args:
        chosen, watched: pairs to train on, and to watch.
        features: of their molecules and proteins.
        stages: what a network is trained as, and how, one after the other.
        arguments: of the last of these.
        floor: lowest value that can be measured; None for none.
        resume: go on from checkpoints.
    """

    chosen: Pairs
    watched: Pairs
    features: Features
    stages: list[tuple[str, Recipe]]
    arguments: dict[str, Any]
    floor: float | None
    resume: bool

    @property
    def epochs(self) -> int:
        return sum(recipe.epochs for _, recipe in self.stages)

    @property
    def steps(self) -> int:
        return self.epochs * self._stream((), 0).steps_per_epoch

    def member(
        self, seed: int, run: Path, tell: Callable[[int, TrainingState], None]
    ) -> tuple[keras.Model, list[dict[str, float]]]:
        """Train one network, and return it and a row an epoch.

        Args:
            seed: of its weights and batches.
            run: folder for checkpoints and history.
            tell: called with (steps done, state).
        """
        keras.utils.set_random_seed(seed)
        network: keras.Model | None = None
        history: list[dict[str, float]] = []
        for name, recipe in self.stages:
            begun, network = network, self._begun(name)
            if begun:
                for layer in begun.layers:
                    network.get_layer(layer.name).set_weights(layer.get_weights())
            stream = self._stream([entry.name for entry in network.inputs], seed)
            before = len(history)
            folder = run if network.name == self.stages[-1][0] else run / name
            folder.mkdir(parents=True, exist_ok=True)
            state = fit(
                network, stream, replace(recipe, seed=seed), folder, validate=self._validate, resume=self.resume,
                progress=partial(_told, tell, before * stream.steps_per_epoch),
            )  # fmt: skip
            history += [row | {"epoch": before + row["epoch"]} for row in state.history]
        return network, history

    def _begun(self, name: str) -> keras.Model:
        """Return a network of one of the stages as it is before training."""
        build = models.NETWORKS.get(name)
        fitting = {key: value for key, value in self.arguments.items() if key in signature(build).parameters}
        network = build(relatives=self.features.proteins.relatives.shape[1], **fitting)
        if self.chosen.kind == "real values":
            network.get_layer("value").bias.assign([self.chosen.value.mean()])
        _without_unseen(network, self.chosen, self.features)
        return network

    def _stream(self, names: Sequence[str], seed: int) -> GridStream:
        return GridStream(
            self.chosen.drug, self.chosen.protein, self.chosen.value[:, None],
            partial(self.features.inputs, names=names), self.stages[0][1].batch, seed,
        )  # fmt: skip

    def _validate(self, network: keras.Model) -> dict[str, float]:
        if not len(self.watched):
            return {}
        values = values_of(models.answering(network, self.floor), self.watched, self.features)[:, 0]
        observed = self.watched.value
        if self.chosen.kind == "real values":
            return {"held-out loss": mean_squared_error(values, observed) / 2}
        chance = np.clip(sigmoid(values), 1e-7, 1 - 1e-7)
        return {"held-out loss": -float(np.mean(np.log(np.where(observed > 0.5, chance, 1 - chance))))}


def floor_of(pairs: Pairs) -> float | None:
    """Return the lowest value, where so many pairs sit on it that it must be the limit of the measurement."""
    lowest = float(pairs.value.min())
    on_floor = pairs.kind == "real values" and (pairs.value == lowest).mean() > CENSORED
    return lowest if on_floor else None


def _without_unseen(network: keras.Model, pairs: Pairs, features: Features) -> None:
    """Give no weight to substructures that no molecule has: they would stay as random as at first.

    Where an input is always zero its weights have no gradient, so they stay zero.
    """
    seen = features.molecules.fingerprint[np.unique(pairs.drug)].any(axis=0)
    for layer in network.layers:
        if layer.name == "circles":
            layer.kernel.assign(np.asarray(layer.kernel) * seen[:, None])


def values_of(network: keras.Model, pairs: Pairs, features: Features) -> np.ndarray:
    """Return the raw values of pairs ``(n, members)``."""

    def run(inputs: dict[str, np.ndarray]) -> np.ndarray:
        return np.asarray(network(inputs, training=False))

    return features.values(run, [entry.name for entry in network.inputs], pairs.drug, pairs.protein)
