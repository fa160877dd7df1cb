"""Which words moved the answer: the scores of a network taken apart, exactly.

The scores of ``ngram`` are a sum over the n-grams of the text.  Those of ``kim`` are a sum over its filters,
and each filter gives the answer of the one window where it fired most strongly (the arg max of max-over-time
pooling).  A blend is a weighted sum of the two.  So every score is a bias and a sum of terms, each of which
belongs to a few words that stand together; nothing is approximated, and the terms add up to the score.

Reference:
    Jacovi, Sar Shalom and Goldberg, "Understanding convolutional neural networks for text classification",
    BlackboxNLP 2018, section 4 (n-grams behind max-pooled filters).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.text.options import BLEND
from apps.text.prediction import load
from apps.text.vocabulary import NGRAMS, TextEncoder
from common.activations import sigmoid, softmax
from common.artifact import Card
from common.errors import UserError
from common.predictor import load_network

if TYPE_CHECKING:
    import keras

__all__ = [
    "EXPLAINED",
    "Explainer",
    "Explanation",
    "Term",
    "explain",
]

ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "softmax": softmax,
    "sigmoid": sigmoid,
    "none": np.asarray,
}
EXPLAINED = ("ngram", "kim", BLEND)  # networks whose scores are a sum over n-grams
Taken = tuple[int, int, np.ndarray]


@dataclass(frozen=True)
class Term:
    """One part of the scores.

    Args:
        words: the n-gram.
        start: position of its first token.
        scores: what it adds to each class's score ``(K,)``.
        source: ``"n-gram"``, or how many filters fired there: ``"3 filters"``.
    """

    words: str
    start: int
    scores: np.ndarray
    source: str

    @property
    def length(self) -> int:
        """Number of tokens."""
        return len(self.words.split(" "))


@dataclass(frozen=True)
class Explanation:
    """An explained answer.

    Args:
        tokens: as the network reads them.
        classes: names of the scores.
        activation: that makes probabilities of them: softmax, sigmoid or none.
        probabilities: calibrated ``(K,)``; the value itself for real values.
        scores: raw ``(K,)``, the bias and the sum of all terms.
        bias: ``(K,)``.
        terms: what each n-gram adds, strongest for the answer first.
    """

    tokens: tuple[str, ...]
    classes: tuple[str, ...]
    activation: str
    probabilities: np.ndarray
    scores: np.ndarray
    bias: np.ndarray
    terms: tuple[Term, ...]

    @property
    def likely(self) -> list[int]:
        """Numbers of the classes that are the answer: the likeliest, or of independent labels all that are likely."""
        if self.activation == "sigmoid":
            return np.flatnonzero(self.probabilities >= 0.5).tolist()
        return [self.best]

    @property
    def answer(self) -> str:
        """The answer in words, with its probability; or the value."""
        if self.activation == "none":
            return f"{self.classes[0]} {self.probabilities[0]:.3g}"
        named = [f"{self.classes[row]} ({self.probabilities[row]:.1%})" for row in self.likely]
        return ", ".join(named) or "none"

    @property
    def best(self) -> int:
        """Number of the class with the highest score."""
        return int(self.scores.argmax())

    def leaning(self, term: Term) -> float:
        """Return how much a term speaks for the answer against the mean of the other classes."""
        others = np.delete(term.scores, self.best)
        return float(term.scores[self.best] - (others.mean() if len(others) else 0))

    @property
    def heat(self) -> np.ndarray:
        """What each token adds for the answer ``(T,)``: terms shared out evenly over their words."""
        heat = np.zeros(len(self.tokens))
        for term in self.terms:
            heat[term.start : term.start + term.length] += self.leaning(term) / term.length
        return heat

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "answer": self.classes[self.best],
            "labels": [self.classes[row] for row in self.likely],
            "probabilities": dict(zip(self.classes, self.probabilities.tolist(), strict=True)),
            "scores": dict(zip(self.classes, self.scores.tolist(), strict=True)),
            "bias": dict(zip(self.classes, self.bias.tolist(), strict=True)),
            "tokens": list(self.tokens),
            "heat": self.heat.tolist(),
            "terms": [
                {
                    "words": term.words,
                    "start": term.start,
                    "source": term.source,
                    "scores": dict(zip(self.classes, term.scores.tolist(), strict=True)),
                }
                for term in self.terms
            ],
        }


class Explainer:
    """Takes the scores of a network apart.

    Args:
        card: of the model.
        encoder: its vocabulary.
        network: ``ngram``, ``kim`` or ``blend``, in 8 bits.

    Raises:
        UserError: a network whose scores are no sum over n-grams.
    """

    def __init__(self, card: Card, encoder: TextEncoder, network: keras.Model) -> None:
        import keras

        if card.network not in EXPLAINED:
            raise UserError(
                f"the scores of the network {card.network} are no sum over n-grams",
                "train kim, ngram or blend",
            )
        self.card, self.encoder, self.network = card, encoder, network
        self.parts = ("kim", "ngram") if card.network == BLEND else (card.network,)
        self.prefix = "{}_" if card.network == BLEND else ""
        filters = self.prefix.format("kim") + "filters"
        self.filters = [layer for layer in network.layers if layer.name.startswith(filters)]
        if self.filters:
            self.fires = keras.Model(network.inputs[0], [layer.output for layer in self.filters])
        if "ngram" in self.parts:
            self.table = network.get_layer(self.prefix.format("ngram") + "ngrams").floats()

    def explain(self, text: str) -> Explanation:
        """Return the terms of the scores of one text.

        Raises:
            UserError: a text without a word.
        """
        tokens = self.encoder.tokens(text)
        if not tokens:
            raise UserError("there is no word in the text", "give a sentence")
        rows = self.encoder.encode([text]).padded(np.zeros(1, np.int64))
        bias = np.zeros(len(self.card.classes))
        terms: dict[tuple[int, int, str], np.ndarray] = {}
        fired: dict[tuple[int, int, str], int] = {}
        for part in self.parts:
            share = self.network.get_layer(f"share_of_{part}").scale if len(self.parts) > 1 else 1.0
            taken = self._of_filters if part == "kim" else self._of_ngrams
            own_bias, own_terms = taken(rows, len(tokens))
            bias += share * own_bias
            for start, stop, scores in own_terms:
                key = (start, stop, part)
                terms[key] = terms.get(key, 0) + share * scores
                fired[key] = fired.get(key, 0) + 1
        scores = bias + sum(terms.values(), np.zeros_like(bias))
        explanation = Explanation(
            tuple(tokens),
            self.card.classes,
            self.card.activation,
            ACTIVATIONS[self.card.activation](scores / self.card.calibration["temperature"]),
            scores,
            bias,
            tuple(
                Term(" ".join(tokens[start:stop]), start, value, _source(part, fired[start, stop, part]))
                for (start, stop, part), value in terms.items()
            ),
        )
        order = sorted(explanation.terms, key=lambda term: -abs(explanation.leaning(term)))
        return replace(explanation, terms=tuple(order))

    def _scores_layer(self, part: str) -> list[np.ndarray]:
        name = self.prefix.format(part) + "scores"
        return [value.astype(np.float64) for value in self.network.get_layer(name).get_weights()]

    def _of_ngrams(self, rows: np.ndarray, count: int) -> tuple[np.ndarray, list[Taken]]:
        """Return the bias, and (start, stop, scores) of each n-gram of the text that has a weight."""
        terms = []
        for order, column in enumerate(NGRAMS, start=1):
            for end in range(count):
                if row := int(rows[0, end, column]):
                    terms.append((end + 1 - order, end + 1, self.table[row].astype(np.float64)))
        return self._scores_layer("ngram")[0], terms

    def _of_filters(self, rows: np.ndarray, count: int) -> tuple[np.ndarray, list[Taken]]:
        """Return the bias, and (start, stop, scores) of the window where each filter fired."""
        weights, bias = self._scores_layer("kim")
        answers = self.fires(rows, training=False)
        terms, first = [], 0
        for layer, answer in zip(
            self.filters, answers if isinstance(answers, list) else [answers], strict=True
        ):
            width = layer.width
            fires = np.asarray(answer, np.float64)[0, :count]
            places = fires.argmax(axis=0)
            for number, place in enumerate(places):
                if fires[place, number] > 0:
                    # A window is centred on its place; at the border of the text it sees fewer words.
                    start = int(place) - (width - 1) // 2
                    span = max(start, 0), min(start + width, count)
                    terms.append((*span, fires[place, number] * weights[first + number]))
            first += len(places)
        return bias, terms


def explain(text: str, *, model: str | Path) -> Explanation:
    """Take the scores of one text apart.

    Args:
        text: any.
        model: a shipped name or a run folder with a network ``ngram``, ``kim`` or ``blend``.

    Raises:
        UserError: a network whose scores are no sum over n-grams; a text without a word.
        ArtifactError: no such model.
    """
    classifier = load(model)
    return Explainer(classifier.card, classifier.encoder, load_network(model)).explain(text)


def _source(part: str, filters: int) -> str:
    return "n-gram" if part == "ngram" else f"{filters} filter{'s' * (filters > 1)}"
