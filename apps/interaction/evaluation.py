"""How good predicted binding is on measured pairs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.interaction.doubt import Doubt
from apps.interaction.metrics import (
    Kind,
    auroc,
    bedroc,
    enrichment_factor,
    expected_normalized_calibration_error,
    interval_coverage,
    scores_of,
)
from common import artifact
from common.activations import sigmoid
from common.artifact import Measure
from common.errors import UserError
from common.runs import options_of_run

if TYPE_CHECKING:
    from apps.interaction.features import Features
    from apps.interaction.learning import Ensemble
    from apps.interaction.pairs import Pairs

__all__ = ["Evaluation", "evaluate_model", "evaluate_pairs", "evaluation_of", "screening_figures"]

DRAWS = 200  # samples with replacement behind a 95 % interval
FEWEST = 10  # molecules of a protein that can be ranked
LEVEL = 0.9  # of the interval around a prediction whose coverage is counted


@dataclass(frozen=True)
class Evaluation:
    """What a model reaches on pairs.

    Args:
        kind: of the values.
        score: mean squared error, or area under the ROC curve, with its 95 % interval over pairs drawn again.
        figures: all of them by name.
        predicted, observed: of each pair ``(n,)``; chances where the values are yes and no.
        spread: standard error of each prediction; zeros of a single network.
    """

    kind: Kind
    score: Measure
    figures: dict[str, float]
    predicted: np.ndarray
    observed: np.ndarray
    spread: np.ndarray

    @property
    def name(self) -> str:
        """Name of the score."""
        return "MSE" if self.kind == "real values" else "AUROC"

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "pairs": self.score.count,
            **self.figures,
            f"{self.name.lower()}_interval_95": [self.score.low, self.score.high],
        }


def evaluate_pairs(ensemble: Ensemble, pairs: Pairs, features: Features) -> Evaluation:
    """Predict pairs and count."""
    from apps.interaction.learning import values_of

    values = values_of(ensemble.network, pairs, features)
    return evaluation_of(values, pairs.value, pairs.kind, ensemble.doubt)


def evaluate_model(
    model: str | Path,
    data: str,
    *,
    units: str = "",
    columns: dict[str, str] | None = None,
    active: float | None = None,
) -> tuple[Evaluation, str]:
    """Evaluate a model on measured pairs.

    Args:
        model: a shipped name or a run folder.
        data: a table of pairs or the folder of a grid, of which the published test part is taken; "" for the test
            part of the run's own data.
        units, columns: as of ``read_pairs``.
        active: value from which a molecule counts as active: adds how early a screen of each protein finds them.
            Yes/no data say so themselves.

    Returns:
        The evaluation, and a line that says on what.

    Raises:
        UserError: no data named, and the model is no run folder.
        InputError, ArtifactError: as of ``read_pairs`` and ``load``.
    """
    from apps.interaction.features import features_of
    from apps.interaction.options import TrainOptions
    from apps.interaction.pairs import is_grid, located, published_folds, read_pairs
    from apps.interaction.parts import pairs_and_parts
    from apps.interaction.prediction import load

    predictor, data = load(model), located(data)
    options = options_of_run(model, TrainOptions)
    if not data and options is None:
        raise UserError("name the measured pairs", "cnnapps interaction evaluate pairs.csv")
    if not data and options is not None:
        every, parts = pairs_and_parts(options)
        pairs, said = every.take(parts.test), f"test part of {options.data}, split {options.split}"
    else:
        pairs = read_pairs(data, columns=columns or {}, units=units)
        said = pairs.note
        if is_grid(Path(data)):
            pairs, said = pairs.take(published_folds(data)[1]), f"published test part of {data}"
    if pairs.kind == "real values" and pairs.unit != predictor.unit:
        fitting = [name for name in artifact.shipped() if _unit_of(name) == pairs.unit]
        hint = f"--model {fitting[0]}" if fitting else "a --model trained on such values"
        raise UserError(f"the model predicts {predictor.unit}, {data} holds {pairs.unit}", hint)
    features = features_of(pairs, predictor.references)
    values = features.values(predictor.run, predictor.names, pairs.drug, pairs.protein)
    result = evaluation_of(values, pairs.value, pairs.kind, predictor.doubt)
    least = active if pairs.kind == "real values" else 0.5
    if least is not None:
        early = screening_figures(result.predicted, pairs.value >= least, pairs.protein)
        result = replace(result, figures=result.figures | early)
    return result, said


def _unit_of(reference: str) -> str:
    """Return what a shipped model predicts, "" of one of another app."""
    card = artifact.read_card(artifact.resolve(reference))
    return card.classes[0] if card.app == "interaction" else ""


def screening_figures(predicted: np.ndarray, active: np.ndarray, protein: np.ndarray) -> dict[str, float]:
    """Return how early actives are found where the molecules of one protein are ranked, the mean over proteins.

    Proteins with fewer than ten molecules, or without both actives and inactives among them, are left out; without any
    protein left there are no figures but their number.

    Args:
        predicted: of each pair ``(n,)``.
        active: whether its molecule is an active one ``(n,)``.
        protein: its number ``(n,)``.
    """
    found = []
    for number in np.unique(protein):
        own = protein == number
        if own.sum() >= FEWEST and 0 < active[own].sum() < own.sum():
            found.append(
                (enrichment_factor(predicted[own], active[own]), bedroc(predicted[own], active[own]))
            )
    figures = {"proteins screened": float(len(found))}
    if found:
        early, overall = np.mean(found, axis=0)
        figures |= {"enrichment factor at 1 %": float(early), "BEDROC": float(overall)}
    return figures


def evaluation_of(values: np.ndarray, observed: np.ndarray, kind: Kind, doubt: Doubt) -> Evaluation:
    """Count.

    Args:
        values: raw values of the members ``(n, members)``.
        observed: ``(n,)``.
        kind: of the values.
        doubt: what the members' deviation says.
    """
    spread = doubt.of(values.std(axis=1))
    predicted = values.mean(axis=1) if kind == "real values" else sigmoid(values).mean(axis=1)
    figures = scores_of(predicted, observed, kind)
    if kind == "real values" and spread.any():
        figures["coverage of 90 % intervals"] = interval_coverage(predicted, spread, observed, LEVEL)
        figures["calibration error of the spread"] = expected_normalized_calibration_error(
            predicted, spread, observed
        )
    main = "mse" if kind == "real values" else "auroc"
    draw = np.random.default_rng(0)
    drawn = []
    for _ in range(DRAWS):
        again = draw.integers(0, len(observed), len(observed))
        if kind == "real values":
            drawn.append(float(np.mean((predicted[again] - observed[again]) ** 2)))
        elif 0 < observed[again].sum() < len(again):
            drawn.append(auroc(predicted[again], observed[again]))
    low, high = np.quantile(drawn, [0.025, 0.975]) if drawn else (float("nan"), float("nan"))
    score = Measure(figures[main], float(low), float(high), len(observed))
    return Evaluation(kind, score, figures, predicted, observed, spread)
