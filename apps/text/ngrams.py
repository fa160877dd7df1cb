"""Training the network ``ngram``: one weight a class for every n-gram.

Each n-gram enters with a value of its own: its log-count ratio, so that a small penalty on the weights keeps them
near naive Bayes, or its rarity, so that what few texts hold may say more.  Held-out texts choose: naive Bayes is
better for long texts and opinions, rarity for short ones and questions.  The problem is convex; scikit-learn's
liblinear finds its one solution, which is then the table of the network.

References:
    Wang and Manning, "Baselines and bigrams", ACL 2012, section 2.3 (with logistic instead of hinge loss).
    Spärck Jones, "A statistical interpretation of term specificity", J. Documentation 28, 1972 (rarity).
"""

from __future__ import annotations

import keras
import numpy as np
from scipy import sparse

from apps.text import models
from apps.text.naive_bayes import LearnedVocabulary
from apps.text.vocabulary import NGRAMS, Encoded
from common.activations import log_softmax, sigmoid
from common.data.tables import Kind

__all__ = ["PENALTIES", "fit_ngrams", "mean_loss"]

# liblinear's C, the inverse of the penalty, by what an n-gram counts for.
PENALTIES = {"naive Bayes": (0.03, 0.1, 0.3, 1.0), "rarity": (0.003, 0.01, 0.03, 0.1)}


def fit_ngrams(
    learned: LearnedVocabulary,
    train: tuple[Encoded, np.ndarray],
    held: tuple[Encoded, np.ndarray],
    kind: Kind,
) -> keras.Model:
    """Return the trained network; values and penalty are chosen on held-out texts.

    Args:
        learned: vocabulary and log-count ratios.
        train: texts and targets ``(n, K)``.
        held: the same, not trained on.
        kind: of the targets.
    """
    rows, classes = learned.encoder.ngram_rows, train[1].shape[1]
    counts, held_counts = _presence(train[0], rows), _presence(held[0], rows)
    rarity = np.broadcast_to(_rarity(counts)[:, None], (rows, classes))
    values = {"naive Bayes": learned.ratios, "rarity": rarity}
    if kind == "real values":
        del values["naive Bayes"]  # its ratios are of classes
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    for name, penalty in ((each, penalty) for each in values for penalty in PENALTIES[each]):
        table, bias = np.zeros((rows, classes), np.float32), np.zeros(classes, np.float32)
        for column in range(classes):
            if classes == 2 and column == 0 and kind == "one of K":
                continue  # two classes need one question; the other is its opposite
            value = values[name][:, column]
            weight, bias[column] = _solved(counts, value, train[1][:, column], penalty, kind)
            table[:, column] = value * weight
        loss = mean_loss(held_counts @ table + bias, held[1], kind)
        if best is None or loss < best[0]:
            best = (loss, table, bias)
    assert best is not None
    network = models.ngram(rows, classes)
    network.get_layer("ngrams").set_weights([best[1]])
    network.get_layer("scores").set_weights([best[2]])
    return network


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
    from sklearn.linear_model import LogisticRegression, Ridge

    features = counts @ sparse.diags(values.astype(np.float32))
    if kind == "real values":
        ridge = Ridge(alpha=1 / penalty, solver="lsqr").fit(features, target)
        return ridge.coef_, float(ridge.intercept_)
    if target.min() == target.max():  # a class that no kept text has
        return np.zeros(len(values)), -10.0
    solver = LogisticRegression(C=penalty, solver="liblinear", dual=True, max_iter=100, random_state=0)
    solver.fit(features, target > 0.5)
    return solver.coef_[0], float(solver.intercept_[0])


def mean_loss(scores: np.ndarray, targets: np.ndarray, kind: Kind) -> float:
    """Return the loss that fits the kind of targets: cross-entropy, or the squared distance of real values."""
    if kind == "real values":
        return float(np.mean((scores - targets) ** 2))
    if kind == "one of K":
        return -float(np.mean((targets * log_softmax(scores)).sum(axis=1)))
    chances = np.clip(sigmoid(scores), 1e-7, 1 - 1e-7)
    return -float(np.mean(targets * np.log(chances) + (1 - targets) * np.log(1 - chances)))
