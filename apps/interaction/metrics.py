"""Figures for predicted binding: error, order, early recognition, and whether the stated spread can be believed.

All take arrays ``(n,)``, the prediction first.  Where a figure is not defined for the data at hand, such as a
correlation with a constant, it is NaN; values that cannot be compared at all raise ``ValueError``.
"""

from __future__ import annotations

import math
from typing import Literal, cast

import numpy as np

__all__ = [
    "Kind",
    "aupr",
    "auroc",
    "bedroc",
    "concordance_index",
    "enrichment_factor",
    "expected_normalized_calibration_error",
    "interval_coverage",
    "mean_squared_error",
    "negative_log_likelihood",
    "pearson",
    "r2m",
    "root_mean_squared_error",
    "scores_of",
    "spearman",
]

Kind = Literal["real values", "independent yes/no"]


def scores_of(predicted: np.ndarray, observed: np.ndarray, kind: Kind) -> dict[str, float]:
    """Return the figures that papers report, by name.

    Args:
        predicted: real values, or probabilities in [0, 1].
        observed: real values, or 0 and 1.
        kind: ``"real values"`` gives mse, rmse, ci, r2m, pearson, spearman; ``"independent yes/no"`` gives auroc,
            aupr, and accuracy at a probability of one half.

    Raises:
        ValueError: the arrays do not belong to each other or to the kind.
    """
    if kind == "real values":
        measures = {
            "mse": mean_squared_error,
            "rmse": root_mean_squared_error,
            "ci": concordance_index,
            "r2m": r2m,
            "pearson": pearson,
            "spearman": spearman,
        }
        return {name: measure(predicted, observed) for name, measure in measures.items()}
    if kind != "independent yes/no":
        raise ValueError(f"kind must be 'real values' or 'independent yes/no', not {kind!r}")
    probability, active = _ranked(predicted, observed)
    if probability.min() < 0 or probability.max() > 1:
        raise ValueError("predicted must be probabilities in [0, 1]")
    return {
        "auroc": auroc(probability, active),
        "aupr": aupr(probability, active),
        "accuracy": float(((probability >= 0.5) == active).mean()),
    }


def mean_squared_error(predicted: np.ndarray, observed: np.ndarray) -> float:
    """Return the mean of the squared differences."""
    predicted, observed = _columns(predicted=predicted, observed=observed)
    return float(np.square(predicted - observed).mean())


def root_mean_squared_error(predicted: np.ndarray, observed: np.ndarray) -> float:
    """Return the root of the mean squared error, in the unit of the values."""
    return math.sqrt(mean_squared_error(predicted, observed))


def concordance_index(predicted: np.ndarray, observed: np.ndarray) -> float:
    """Return the share of pairs in the right order, of all pairs whose observed values differ.

    A pair with equal predictions counts one half; without any comparable pair the result is NaN.  Kendall's tau-b
    holds the same count of pairs under another denominator, and scipy finds it in O(n log n).

    Reference:
        Harrell et al., "Evaluating the yield of medical tests", JAMA 1982; DeepDTA (Öztürk et al.,
        Bioinformatics 2018) names Gönen and Heller, Biometrika 2005, for it.
    """
    from scipy.stats import kendalltau

    predicted, observed = _columns(predicted=predicted, observed=observed)
    pairs = math.comb(len(predicted), 2)
    comparable, told_apart = pairs - _tied_pairs(observed), pairs - _tied_pairs(predicted)
    if not comparable:
        return float("nan")
    if not told_apart:
        return 0.5
    tau = kendalltau(predicted, observed).statistic
    right_minus_wrong = round(tau * math.sqrt(comparable * told_apart))
    return (comparable + right_minus_wrong) / (2 * comparable)


def r2m(predicted: np.ndarray, observed: np.ndarray) -> float:
    """Return the modified squared correlation, ``r² (1 - sqrt(|r⁴ - r0⁴|))``; NaN for constants.

    ``r0²`` is the share of variance explained by the best line through the origin.  Roy and Roy define the figure
    with ``|r² - r0²|`` under the root.  DeepDTA's published code squares both once more, and so does every later
    paper that took the code over: figures can be compared with theirs only in this form.

    Reference:
        Roy and Roy, QSAR & Combinatorial Science 2008; ``get_rm2`` in hkmztrk/DeepDTA, ``source/emetrics.py``.
    """
    predicted, observed = _columns(predicted=predicted, observed=observed)
    squared = pearson(predicted, observed) ** 2
    if math.isnan(squared):
        return squared
    slope = (observed @ predicted) / (predicted @ predicted)
    through_origin = (
        1 - np.square(observed - slope * predicted).sum() / np.square(observed - observed.mean()).sum()
    )
    return float(squared * (1 - math.sqrt(abs(squared**2 - through_origin**2))))


def pearson(predicted: np.ndarray, observed: np.ndarray) -> float:
    """Return the linear correlation; NaN if either is constant."""
    from scipy.stats import pearsonr

    predicted, observed = _columns(predicted=predicted, observed=observed)
    return float(pearsonr(predicted, observed).statistic) if _vary(predicted, observed) else float("nan")


def spearman(predicted: np.ndarray, observed: np.ndarray) -> float:
    """Return the correlation of the ranks; NaN if either is constant."""
    from scipy.stats import spearmanr

    predicted, observed = _columns(predicted=predicted, observed=observed)
    return float(spearmanr(predicted, observed).statistic) if _vary(predicted, observed) else float("nan")


def auroc(predicted: np.ndarray, active: np.ndarray) -> float:
    """Return the area under the receiver operating characteristic; NaN unless both classes occur."""
    from sklearn.metrics import roc_auc_score

    predicted, active = _ranked(predicted, active)
    return float(roc_auc_score(active, predicted)) if _vary(active) else float("nan")


def aupr(predicted: np.ndarray, active: np.ndarray) -> float:
    """Return the average precision, the area under the steps of precision over recall; NaN unless both occur."""
    from sklearn.metrics import average_precision_score

    predicted, active = _ranked(predicted, active)
    return float(average_precision_score(active, predicted)) if _vary(active) else float("nan")


def enrichment_factor(predicted: np.ndarray, active: np.ndarray, fraction: float = 0.01) -> float:
    """Return how many times more frequent actives are in the best ``fraction`` than in all; NaN without actives.

    The best part is rounded up to whole molecules.  Of molecules that score alike across its border, each counts
    by its chance to be inside, so that a constant score gives 1.

    Raises:
        ValueError: also for a fraction outside (0, 1].
    """
    predicted, active = _ranked(predicted, active)
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction must lie in (0, 1], not {fraction}")
    if not active.any():
        return float("nan")
    best = math.ceil(round(fraction * len(predicted), 9))  # 0.07 * 100 is a little more than 7
    inside = np.arange(len(predicted)) < best
    return float(_shared_by_ties(inside / best, predicted)[active].sum() / active.mean())


def bedroc(predicted: np.ndarray, active: np.ndarray, alpha: float = 20.0) -> float:
    """Return how early actives are found: 1 if they come first, 0 if last; NaN unless both classes occur.

    The mean of ``exp(-alpha rank / n)`` over the actives, between its least and its greatest possible value: the
    first 8 % of the ranks make 80 % of the score at ``alpha`` 20.  Molecules that score alike share their ranks.

    Raises:
        ValueError: also for an alpha that is not positive.

    Reference:
        Truchon and Bayly, "Evaluating Virtual Screening Methods", J. Chem. Inf. Model. 2007, eq. 36.
    """
    predicted, active = _ranked(predicted, active)
    if not alpha > 0:
        raise ValueError(f"alpha must be positive, not {alpha}")
    if not _vary(active):
        return float("nan")
    count, actives = len(predicted), int(active.sum())
    weight = np.exp(-alpha * np.arange(1, count + 1) / count)
    greatest, least = weight[:actives].mean(), weight[-actives:].mean()
    return float((_shared_by_ties(weight, predicted)[active].mean() - least) / (greatest - least))


def interval_coverage(predicted: np.ndarray, spread: np.ndarray, observed: np.ndarray, level: float) -> float:
    """Return the share of values inside the central interval of a normal distribution that ought to hold ``level``.

    Args:
        predicted: means.
        spread: standard deviations.
        observed: what came out.
        level: between 0 and 1, such as 0.95.

    Raises:
        ValueError: also for a level outside (0, 1) or a spread that is not positive.
    """
    from scipy.stats import norm

    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), not {level}")
    error, spread = _errors(predicted, spread, observed)
    return float((np.abs(error) <= norm.ppf((1 + level) / 2) * spread).mean())


def expected_normalized_calibration_error(
    predicted: np.ndarray, spread: np.ndarray, observed: np.ndarray, bins: int = 10
) -> float:
    """Return the mean of ``|stated - real error| / stated``, over bins of equally many values of similar spread.

    Stated is the root of the mean squared spread of a bin, real the root of its mean squared error.

    Reference:
        Levi et al., "Evaluating and Calibrating Uncertainty Prediction in Regression Tasks", 2019: ENCE.
    """
    if bins < 1:
        raise ValueError(f"bins must be 1 or more, not {bins}")
    error, spread = _errors(predicted, spread, observed)
    parts = np.array_split(np.argsort(spread, kind="stable"), min(bins, len(spread)))
    stated = np.array([math.sqrt(np.square(spread[part]).mean()) for part in parts])
    real = np.array([math.sqrt(np.square(error[part]).mean()) for part in parts])
    return float((np.abs(stated - real) / stated).mean())


def negative_log_likelihood(predicted: np.ndarray, spread: np.ndarray, observed: np.ndarray) -> float:
    """Return the mean of ``-log`` of the normal density at what came out, in nats."""
    error, spread = _errors(predicted, spread, observed)
    return float((np.log(spread) + np.square(error / spread) / 2).mean() + math.log(2 * math.pi) / 2)


def _columns(**columns: np.ndarray) -> list[np.ndarray]:
    """Return named arrays as float64 ``(n,)`` of one length, n >= 1, finite throughout."""
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in columns.items()}
    shapes = " and ".join(f"{name} {array.shape}" for name, array in arrays.items())
    if len({array.shape for array in arrays.values()}) > 1 or any(
        array.ndim != 1 for array in arrays.values()
    ):
        raise ValueError(f"expected arrays (n,) of one length, got {shapes}")
    for name, array in arrays.items():
        if not len(array):
            raise ValueError(f"{name} is empty")
        if not np.isfinite(array).all():
            raise ValueError(f"{name}[{np.flatnonzero(~np.isfinite(array))[0]}] is not a finite number")
    return list(arrays.values())


def _ranked(predicted: np.ndarray, active: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return scores as float64 and answers as bool, both ``(n,)``."""
    predicted, active = _columns(predicted=predicted, active=active)
    if not np.isin(active, (0, 1)).all():
        raise ValueError("active must hold 0 and 1 only")
    return predicted, active.astype(bool)


def _errors(predicted: np.ndarray, spread: np.ndarray, observed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    predicted, spread, observed = _columns(predicted=predicted, spread=spread, observed=observed)
    if not (spread > 0).all():
        raise ValueError("spread must be positive")
    return observed - predicted, spread


def _vary(*columns: np.ndarray) -> bool:
    return all(bool((column != column[0]).any()) for column in columns)


def _tied_pairs(values: np.ndarray) -> int:
    counts = np.unique(values, return_counts=True)[1]
    return int((counts * (counts - 1) // 2).sum())


def _shared_by_ties(by_rank: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return for each prediction what its rank earns, best first; equal predictions earn their mean."""
    _, group, counts = np.unique(-predicted, return_inverse=True, return_counts=True)
    means = np.add.reduceat(by_rank, np.cumsum(counts) - counts) / counts
    return cast(np.ndarray, means[group])
