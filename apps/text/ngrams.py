"""Training the network ``ngram``: one weight a class for every n-gram.

Twice: once each n-gram counts for its log-count ratio, so that a small penalty on the weights keeps them near naive
Bayes; once for its rarity, so that what few texts hold may say more.  The first is better for opinions, the second
for questions and short texts, and their sum, as it fits held-out texts best, mostly better than either.  Both
problems are convex; scikit-learn's liblinear finds their one solution, and the sum is the table of the network.

References:
    Wang and Manning, "Baselines and bigrams", ACL 2012, section 2.3 (with logistic instead of hinge loss).
    Spärck Jones, "A statistical interpretation of term specificity", J. Documentation 28, 1972 (rarity).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import keras
import numpy as np
from scipy import sparse

from apps.text import models
from apps.text.blending import best_shares, blended, mean_loss
from apps.text.naive_bayes import log_count_ratios
from apps.text.vocabulary import NGRAMS, Encoded
from common.data.tables import Kind

__all__ = ["PENALTIES", "NgramFit", "choose_fit", "fit_ngrams"]

# liblinear's C, the inverse of the penalty, by what an n-gram counts for.
PENALTIES = {"naive Bayes": (0.03, 0.1, 0.3, 1.0, 3.0), "rarity": (0.003, 0.01, 0.03, 0.1, 0.3)}


@dataclass(frozen=True)
class NgramFit:
    """How n-grams are weighed.

    Args:
        penalties: liblinear's C, by what an n-gram counts for.
        shares: of the weights that each of these gives, in the sum.
    """

    penalties: dict[str, float]
    shares: tuple[float, ...]


def choose_fit(
    rows: int,
    train: tuple[Encoded, np.ndarray],
    held: tuple[Encoded, np.ndarray],
    kind: Kind,
) -> NgramFit:
    """Return the penalties and shares that fit held-out texts best.

    Args:
        rows: of the table.
        train: texts and targets ``(n, K)``.
        held: the same, not trained on.
        kind: of the targets.
    """
    counts, held_counts = _presence(train[0], rows), _presence(held[0], rows)
    penalties, found = {}, []
    for name, value in _values(counts, train[1], kind).items():
        best: tuple[float, np.ndarray] | None = None
        for penalty in PENALTIES[name]:
            table, bias = _table(counts, value, train[1], penalty, kind)
            scores = held_counts @ table + bias
            # By the loss at the best scale: how sure it is will be set right later.
            (scale,) = best_shares([scores], held[1], kind) if kind != "real values" else (1.0,)
            loss = mean_loss(scale * scores, held[1], kind)
            if best is None or loss < best[0]:
                best, penalties[name] = (loss, scores), penalty
        assert best is not None
        found.append(best[1])
    shares = best_shares(found, held[1], kind) if len(found) > 1 else (1.0,)
    return NgramFit(penalties, shares)


def fit_ngrams(rows: int, texts: tuple[Encoded, np.ndarray], fit: NgramFit, kind: Kind) -> keras.Model:
    """Return the network ``ngram`` for texts and targets.

    Args:
        rows: of its table.
        texts: with targets ``(n, K)``: those to train on, or, once all is chosen, those held out too.
        fit: how n-grams are weighed.
        kind: of the targets.
    """
    counts, targets = _presence(texts[0], rows), texts[1]
    values = _values(counts, targets, kind)
    found = [_table(counts, values[name], targets, penalty, kind) for name, penalty in fit.penalties.items()]
    network = models.ngram(rows, targets.shape[1])
    network.get_layer("ngrams").set_weights([blended([table for table, _ in found], fit.shares)])
    network.get_layer("scores").set_weights([blended([bias for _, bias in found], fit.shares)])
    return network


def _values(counts: sparse.csr_matrix, targets: np.ndarray, kind: Kind) -> dict[str, np.ndarray]:
    """Return what each n-gram counts for in each class ``(rows, K)``, by name."""
    rarity = np.broadcast_to(_rarity(counts)[:, None], (counts.shape[1], targets.shape[1]))
    if kind == "real values":
        return {"rarity": rarity}  # log-count ratios are of classes
    return {"naive Bayes": log_count_ratios(np.asarray(counts.T @ targets)), "rarity": rarity}


def _table(
    counts: sparse.csr_matrix, values: np.ndarray, targets: np.ndarray, penalty: float, kind: Kind
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weight of each n-gram for each class ``(rows, K)``, and the biases ``(K,)``."""
    rows, classes = values.shape
    table, bias = np.zeros((rows, classes), np.float32), np.zeros(classes, np.float32)
    for column in range(classes):
        if classes == 2 and column == 0 and kind == "one of K":
            continue  # two classes need one question; the other is its opposite
        weight, bias[column] = _solved(counts, values[:, column], targets[:, column], penalty, kind)
        table[:, column] = values[:, column] * weight
    return table, bias


def _presence(encoded: Encoded, rows: int) -> sparse.csr_matrix:
    """Return which text holds which n-gram ``(n, rows)``."""
    named = encoded.rows[:, NGRAMS]
    text_of = np.repeat(np.arange(len(encoded)), encoded.lengths)[:, None] + np.zeros(len(NGRAMS), np.int64)
    real = named > 0
    ones = np.ones(int(real.sum()), np.float32)
    return sparse.csr_matrix((ones, (text_of[real], named[real])), shape=(len(encoded), rows))


def _rarity(counts: sparse.csr_matrix) -> np.ndarray:
    """Return ln (n + 1) / (holding it + 1) + 1 of each n-gram ``(rows,)``."""
    holding = np.asarray(counts.sum(axis=0)).ravel()
    return (np.log((counts.shape[0] + 1) / (holding + 1)) + 1).astype(np.float32)


def _solved(
    counts: sparse.csr_matrix, values: np.ndarray, target: np.ndarray, penalty: float, kind: Kind
) -> tuple[np.ndarray, float]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge

    features = counts @ sparse.diags(values.astype(np.float32))
    if kind == "real values":
        ridge = Ridge(alpha=1 / penalty, solver="lsqr").fit(features, target)
        return ridge.coef_, float(ridge.intercept_)
    if target.min() == target.max():  # a class that no kept text has
        return np.zeros(len(values)), -10.0
    solver = LogisticRegression(C=penalty, solver="liblinear", dual=True, max_iter=100, random_state=0)
    with warnings.catch_warnings():
        # A hundred passes are enough: what further ones change is behind the third digit of the loss.
        warnings.simplefilter("ignore", ConvergenceWarning)
        solver.fit(features, target > 0.5)
    return solver.coef_[0], float(solver.intercept_[0])
