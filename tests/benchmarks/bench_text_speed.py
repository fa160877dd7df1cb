"""How many sentences a second are classified, beside scikit-learn.

    python -m tests.benchmarks.bench_text_speed [--data ../shared/data/text/rt-polarity.all] [--rounds 5]

Trains the default and ``ngram`` on the file (MR), and measures text in, labels out: tokenising included.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from apps import text
from apps.text.data import open_corpus
from tests.benchmarks.results import alternate, conditions, publish, spread, table

MR = Path(__file__).parents[3] / "shared" / "data" / "text" / "rt-polarity.all"


def rate(answer: Callable[[list[str]], object], sentences: list[str]) -> Callable[[], float]:
    """Return a function that measures sentences a second."""

    def measure() -> float:
        started = time.perf_counter()
        answer(sentences)
        return len(sentences) / (time.perf_counter() - started)

    return measure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=MR)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    corpus = open_corpus(asked.data)
    sentences = corpus.train.texts + corpus.test.texts
    contenders = {}
    with tempfile.TemporaryDirectory() as folder:
        for network, epochs in (("blend", 1), ("ngram", None)):
            run = Path(folder) / network
            text.train(text.TrainOptions(str(asked.data), network=network, epochs=epochs), out=run)
            model = text.load(run)
            contenders[f"cnnapps, {network}"] = rate(
                lambda lines, model=model: list(model.answers(lines)), sentences
            )
        peer = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LinearSVC())
        peer.fit(corpus.train.texts, corpus.train.targets.argmax(axis=1))
        contenders["scikit-learn, TF-IDF and linear SVM"] = rate(peer.predict, sentences)
        figures = alternate(contenders, asked.rounds)
    rows = [(name, spread(found)) for name, found in figures.items()]
    publish(
        "text speed",
        f"## Speed, text\n\n`tests/benchmarks/bench_text_speed.py`: {len(sentences):,} sentences of MR, text in, "
        "labels out; median of 5 alternated measurements (lowest to highest).\n\n"
        + table(("contender", "sentences a second"), rows)
        + f"\n\n{conditions(('tensorflow', 'keras', 'ai-edge-litert', 'scikit-learn', 'numpy'))}",
        rounds=asked.rounds,
    )


if __name__ == "__main__":
    main()
