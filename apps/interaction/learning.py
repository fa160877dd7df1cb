"""From pairs to trained networks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from apps.interaction import models
from apps.interaction.features import Features
from apps.interaction.metrics import mean_squared_error, scaled_spread
from apps.interaction.pairs import Pairs
from common.activations import sigmoid
from common.console import Advance
from common.data.grid import GridStream
from common.training import Recipe, TrainingState, fit

__all__ = ["Ensemble", "default_recipe", "floor_of", "learn", "values_of"]

CENSORED = 0.2  # share of equal lowest values


@dataclass(frozen=True)
class Ensemble:
    """Trained networks whose mean is the answer.

    Args:
        network: from named inputs to the members' raw values ``(N, members)``.
        spread_factor: by which the members' standard deviation is multiplied to be an honest error.
        floor: lowest value that can be measured; None where there is none.
        recipe: of each member.
        history: one row an epoch, of the members one after the other.
    """

    network: keras.Model
    spread_factor: float
    floor: float | None
    recipe: Recipe
    history: list[dict[str, float]]


def default_recipe(pairs: Pairs) -> Recipe:
    """Return the recipe for a table of pairs: about as many steps for a small one as for a large one."""
    epochs = int(np.clip(4_000_000 / max(len(pairs), 1), 20, 120))
    return Recipe(
        loss="euclidean" if pairs.kind == "real values" else "sigmoid_cross_entropy",
        rate=1e-3,
        weight_decay=0.01,
        epochs=epochs,
        batch=512,
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
        features: of their molecules and proteins.
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
    recipe = replace(default_recipe(chosen), **(changes or {}))
    recipe = replace(recipe, batch=min(recipe.batch, len(kept)))
    arguments = {"floor": floor_of(chosen)} | (arguments or {})
    networks, history = [], []
    for number in range(members):
        keras.utils.set_random_seed(seed + number)
        network = models.NETWORKS.get(name)(**arguments)
        if pairs.kind == "real values":
            network.get_layer("value").bias.assign([_first_value(chosen.value.mean(), arguments["floor"])])
        names = [entry.name for entry in network.inputs]
        inputs = partial(features.inputs, names=names)
        stream = GridStream(
            chosen.drug, chosen.protein, chosen.value[:, None], inputs, recipe.batch, seed + number
        )

        def validate(model: keras.Model, names: list[str] = names) -> dict[str, float]:
            if not len(held):
                return {}
            values = values_of(model, pairs.take(held), features)[:, 0]
            observed = pairs.value[held]
            if pairs.kind == "real values":
                return {"held-out loss": mean_squared_error(values, observed) / 2}
            chance = np.clip(sigmoid(values), 1e-7, 1 - 1e-7)
            return {"held-out loss": -float(np.mean(np.log(np.where(observed > 0.5, chance, 1 - chance))))}

        def tell(state: TrainingState, number: int = number) -> None:
            best = f", held-out {state.history[-1].get('held-out loss', 0):.3f}" if state.history else ""
            done = number * state.steps + state.step
            progress(done, members * state.steps, f"network {number + 1}, loss {state.loss:.3f}{best}")

        folder = run / f"member{number + 1}"
        folder.mkdir(exist_ok=True)
        state = fit(
            network, stream, replace(recipe, seed=seed + number), folder,
            validate=validate, progress=tell, resume=resume,
        )  # fmt: skip
        networks.append(network)
        history += [row | {"epoch": number * recipe.epochs + row["epoch"]} for row in state.history]
    network = models.ensemble(networks)
    factor = 1.0
    if members > 1 and len(held):
        values = values_of(network, pairs.take(held), features)
        factor = scaled_spread(values.std(axis=1), values.mean(axis=1) - pairs.value[held])
    return Ensemble(network, factor, arguments["floor"], recipe, history)


def floor_of(pairs: Pairs) -> float | None:
    """Return the lowest value, where so many pairs sit on it that it must be the limit of the measurement."""
    lowest = float(pairs.value.min())
    on_floor = pairs.kind == "real values" and (pairs.value == lowest).mean() > CENSORED
    return lowest if on_floor else None


def _first_value(mean: float, floor: float | None) -> float:
    """Return the bias with which a network without weights answers the mean."""
    return float(mean if floor is None else np.log(np.expm1(mean - floor)))


def values_of(network: keras.Model, pairs: Pairs, features: Features) -> np.ndarray:
    """Return the raw values of pairs ``(n, members)``."""

    def run(inputs: dict[str, np.ndarray]) -> np.ndarray:
        return np.asarray(network(inputs, training=False))

    return features.values(run, [entry.name for entry in network.inputs], pairs.drug, pairs.protein)
