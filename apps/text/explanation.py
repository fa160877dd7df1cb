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

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.text.prediction import load
from apps.text.vocabulary import NGRAMS
from common.activations import sigmoid, softmax
from common.errors import UserError
from common.predictor import load_network

if TYPE_CHECKING:
    import keras

__all__ = ["Explanation", "Term", "explain"]


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
        probabilities: calibrated ``(K,)``; the value itself for real values.
        scores: raw ``(K,)``, the bias and the sum of all terms.
        bias: ``(K,)``.
        terms: what each n-gram adds, strongest for the answer first.
    """

    tokens: tuple[str, ...]
    classes: tuple[str, ...]
    probabilities: np.ndarray
    scores: np.ndarray
    bias: np.ndarray
    terms: tuple[Term, ...]

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
    card, encoder = classifier.card, classifier.encoder
    if card.network not in ("ngram", "kim", "blend"):
        raise UserError(
            f"the scores of the network {card.network} are no sum over n-grams", "train kim, ngram or blend"
        )
    tokens = encoder.tokens(text)
    if not tokens:
        raise UserError("there is no word in the text", "give a sentence")
    network = load_network(model)
    rows = encoder.encode([text]).padded(np.zeros(1, np.int64))
    bias = np.zeros(len(card.classes))
    terms: dict[tuple[int, int, str], np.ndarray] = {}
    fired: dict[tuple[int, int, str], int] = {}
    for part in ("kim", "ngram") if card.network == "blend" else (card.network,):
        prefix = f"{part}_" if card.network == "blend" else ""
        share = network.get_layer(f"share_of_{part}").scale if card.network == "blend" else 1.0
        taken = _of_filters if part == "kim" else _of_ngrams
        own_bias, own_terms = taken(network, prefix, rows, len(tokens))
        bias += share * own_bias
        for start, stop, scores in own_terms:
            key = (start, stop, part)
            terms[key] = terms.get(key, 0) + share * scores
            fired[key] = fired.get(key, 0) + 1
    scores = bias + sum(terms.values(), np.zeros_like(bias))
    activate = {"softmax": softmax, "sigmoid": sigmoid, "none": lambda values: values}[card.activation]
    explanation = Explanation(
        tuple(tokens),
        card.classes,
        activate(scores / card.calibration["temperature"]),
        scores,
        bias,
        tuple(
            Term(" ".join(tokens[start:stop]), start, value, _source(part, fired[start, stop, part]))
            for (start, stop, part), value in terms.items()
        ),
    )
    order = sorted(explanation.terms, key=lambda term: -abs(explanation.leaning(term)))
    return Explanation(**(vars(explanation) | {"terms": tuple(order)}))


def _source(part: str, filters: int) -> str:
    return "n-gram" if part == "ngram" else f"{filters} filter{'s' * (filters > 1)}"


def _of_ngrams(
    network: keras.Model, prefix: str, rows: np.ndarray, count: int
) -> tuple[np.ndarray, list[tuple[int, int, np.ndarray]]]:
    """Return the bias, and (start, stop, scores) of each n-gram of the text that has a weight."""
    table = network.get_layer(f"{prefix}ngrams").floats()
    terms = []
    for order, column in enumerate(NGRAMS, start=1):
        for end in range(count):
            if row := int(rows[0, end, column]):
                terms.append((end + 1 - order, end + 1, table[row].astype(np.float64)))
    return network.get_layer(f"{prefix}scores").get_weights()[0].astype(np.float64), terms


def _of_filters(
    network: keras.Model, prefix: str, rows: np.ndarray, count: int
) -> tuple[np.ndarray, list[tuple[int, int, np.ndarray]]]:
    """Return the bias, and (start, stop, scores) of the window where each filter fired."""
    import keras

    weights, bias = (value.astype(np.float64) for value in network.get_layer(f"{prefix}scores").get_weights())
    filters = [layer for layer in network.layers if layer.name.startswith(f"{prefix}filters")]
    answers = keras.Model(network.inputs[0], [layer.output for layer in filters])(rows, training=False)
    terms, first = [], 0
    for layer, answer in zip(filters, answers if isinstance(answers, list) else [answers], strict=True):
        width = layer.kernel_size[0]
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
