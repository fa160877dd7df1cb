"""From pairs to trained networks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
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

    Args:
        pairs: to train on.
        floor: below which nothing can be measured, as of ``floor_of``.
        loss: instead of the one that fits the values.

    Raises:
        UsageError: the loss ``tobit`` without a floor.
    """
    if not loss and pairs.kind != "real values":
        loss = "sigmoid_cross_entropy"
    loss = loss or ("euclidean" if floor is None else "tobit")
    if loss == "tobit" and floor is None:
        raise UsageError(
            "loss 'tobit' is for values with a floor, and none sit on one here", "leave --loss out"
        )
    return Recipe(
        loss=loss,
        loss_parameters={"floor": floor} if loss == "tobit" else {},
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
    networks, history = [], []
    for number in range(members):
        keras.utils.set_random_seed(seed + number)
        network = models.NETWORKS.get(name)(relatives=features.proteins.relatives.shape[1], **arguments)
        if pairs.kind == "real values":
            network.get_layer("value").bias.assign([chosen.value.mean()])
        _without_unseen(network, chosen, features)
        names = [entry.name for entry in network.inputs]
        inputs = partial(features.inputs, names=names)
        stream = GridStream(
            chosen.drug, chosen.protein, chosen.value[:, None], inputs, recipe.batch, seed + number
        )

        def validate(model: keras.Model) -> dict[str, float]:
            if not len(held):
                return {}
            values = values_of(models.answering(model, floor), pairs.take(held), features)[:, 0]
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
    network = models.ensemble([models.answering(member, floor) for member in networks])
    network = in_eight_bits(network, dense=True)
    doubt = Doubt()
    if members > 1 and pairs.kind == "independent yes/no":
        doubt = Doubt(factor=1)  # of chances: an answer is yes or no, and has no error to be fitted to
    elif members > 1 and len(held):
        values = values_of(network, pairs.take(held), features)
        doubt = Doubt.fitted(values.std(axis=1), values.mean(axis=1) - pairs.value[held])
    return Ensemble(network, doubt, floor, recipe, history)


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
