"""What the text networks reach on the field's benchmarks, and what a user would pick instead.

    python -m tests.benchmarks.bench_text [--data ../shared/data/text] [--only MR TREC …] [--seeds 3]

MR, Subj, CR and MPQA are cross-validated tenfold (stratified, shuffled, seed 0), the others tested on the split
they come with, as the mean of the seeds.  The peers get the same texts: scikit-learn's TF-IDF of uni- and bigrams
with a linear SVM, and NB-SVM (Wang and Manning 2012, uni- to trigrams); the penalty of both, and the β of the latter
(their 0.25 fails where classes are uneven), are chosen on the same held-out texts that ours are chosen on.  Each
training that is done is kept in ``measured/text.json`` here, so that a run can be stopped and goes on; the table is of
all that is there.
"""

from __future__ import annotations

import argparse
import lzma
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.svm import LinearSVC

from apps.text.data import Examples, corpus_of, parted
from apps.text.folds import trial
from apps.text.options import TrainOptions
from apps.text.starting import start_of
from common import devices
from tests.benchmarks.prepare_imdb import main as prepare_imdb
from tests.benchmarks.results import conditions, keep, measured, publish, table

SHARED = Path(__file__).parents[3] / "shared" / "data" / "text"
FOLDS = 10
# From what is kept, held out and tested, and how texts are parted, to accuracy.
Peer = Callable[[Examples, Examples, Examples, dict[str, Any]], float]


@dataclass(frozen=True)
class Task:
    """One benchmark.

    Args:
        train, held, test: files below the data folder; without a test file it is cross-validated.
        unit: what the peers count n-grams of; Chinese has no spaces between words.
        published: accuracy of a published CNN without and with word2vec, in words.
        target: what ours must reach.
    """

    train: str
    held: str = ""
    test: str = ""
    published: str = ""
    target: float = 0.0
    unit: Literal["word", "char"] = "word"

    def counted(self, longest: int) -> dict[str, Any]:
        """Return how a peer's vectoriser parts a text: n-grams of up to ``longest`` words, or of three characters."""
        if self.unit == "char":
            return {"analyzer": "char", "ngram_range": (1, 3)}
        return {"token_pattern": r"\S+", "ngram_range": (1, longest)}


TASKS = {
    "MR": Task("rt-polarity.all", published="76.1 / 81.5", target=80.0),
    "Subj": Task("subj.all", published="89.6 / 93.4", target=92.5),
    "CR": Task("custrev.all", published="79.8 / 84.3", target=82.0),
    "MPQA": Task("mpqa.all", published="83.4 / 89.5", target=85.0),
    "TREC": Task("TREC.train.all", "", "TREC.test.all", "91.2 / 93.6", 93.0),
    "SST-2": Task("stsa.binary.phrases.train.xz", "stsa.binary.dev", "stsa.binary.test", "82.7 / 87.2", 85.0),
    "SST-5": Task("stsa.fine.phrases.train.xz", "stsa.fine.dev", "stsa.fine.test", "45.0 / 48.0", 46.0),
    "AG News (8k)": Task("ag_news.train8k.csv.xz", "", "ag_news.test.csv", "full training set: 90.5 / -", 88.1),
    "ChnSentiCorp": Task(
        "chnsenticorp.train.tsv.xz", "chnsenticorp.dev.tsv.xz", "chnsenticorp.test.tsv.xz", "", 92.6, "char"
    ),
    "IMDB": Task("train.tsv", "held.tsv", "test.tsv", "92.3 (no word2vec)", 92.3),
}  # fmt: skip

OURS = {
    "default": {},
    "no vectors": {"embeddings": "none"},
    "ngram": {"network": "ngram"},
}


def options_of(task: Task, data: Path, seed: int, **changes: Any) -> TrainOptions:
    """Return the options of a training on a benchmark."""
    files = {"held": task.held, "test": task.test}
    given = {name: str(data / file) for name, file in files.items() if file}
    return TrainOptions(str(data / task.train), seed=seed, **given, **changes)


def folds_of(task: Task) -> int:
    """Return the number of folds, 0 for a given split."""
    return 0 if task.test else FOLDS


def accuracy(fit: Peer, longest: int, task: Task, data: Path) -> list[float]:
    """Return the accuracy of a peer in each fold, or on the one split; it counts n-grams up to ``longest``."""
    counted = task.counted(longest)
    return [fit(*parts, counted) for parts in parted(corpus_of(options_of(task, data, 0)), 0, folds_of(task))]


def tf_idf_svm(kept: Examples, held: Examples, test: Examples, counted: dict[str, Any]) -> float:
    """TF-IDF of uni- and bigrams, linear SVM."""
    reader = TfidfVectorizer(sublinear_tf=True, **counted).fit(kept.texts)
    return _svm(*(reader.transform(part.texts) for part in (kept, held, test)), kept, held, test)


def nb_svm(kept: Examples, held: Examples, test: Examples, counted: dict[str, Any]) -> float:
    """Presence of uni- to trigrams times their log-count ratio, linear SVM; one against the rest."""
    reader = CountVectorizer(binary=True, **counted).fit(kept.texts)
    parts = [reader.transform(part.texts).astype(np.float64) for part in (kept, held, test)]
    truths = [part.targets.argmax(axis=1) for part in (kept, held, test)]
    classes = kept.targets.shape[1]
    best: tuple[float, float] = (-1.0, 0.0)
    for penalty in (0.1, 1.0):
        # By β: scores of the held-out and of the test texts.
        scores = {
            beta: [np.zeros((len(part.texts), classes)) for part in (held, test)] for beta in (0.25, 0.5, 1.0)
        }
        for number in range(classes):
            own = (truths[0] == number).astype(int)
            p, q = 1 + parts[0][own == 1].sum(axis=0), 1 + parts[0][own == 0].sum(axis=0)
            ratio = np.asarray(np.log(p / p.sum()) - np.log(q / q.sum())).ravel()
            weighted = [part @ sparse.diags(ratio) for part in parts]
            svm = LinearSVC(C=penalty, dual=True, max_iter=2_000, random_state=0).fit(weighted[0], own)
            for beta, both in scores.items():
                # Between naive Bayes and SVM: the mean size of the weights, and the weights.
                weights = (1 - beta) * np.abs(svm.coef_).mean() + beta * svm.coef_[0]
                for score, part in zip(both, weighted[1:], strict=True):
                    score[:, number] = part @ weights + svm.intercept_[0]
        for both in scores.values():
            found = [
                float((score.argmax(axis=1) == truth).mean())
                for score, truth in zip(both, truths[1:], strict=True)
            ]
            best = max(best, (found[0], found[1]), key=lambda pair: pair[0])
    return best[1]


def _svm(kept_x: Any, held_x: Any, test_x: Any, kept: Examples, held: Examples, test: Examples) -> float:
    best: tuple[float, float] = (-1.0, 0.0)
    for penalty in (0.1, 0.3, 1.0):
        svm = LinearSVC(C=penalty, random_state=0).fit(kept_x, kept.targets.argmax(axis=1))
        held_score = svm.score(held_x, held.targets.argmax(axis=1))
        if held_score > best[0]:
            best = (held_score, svm.score(test_x, test.targets.argmax(axis=1)))
    return best[1]


def ours(name: str, contender: str, data: Path, seeds: int, done: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Train in each fold or with each seed, go on after those that are done, and give what is known after each.

    Args:
        name: of the benchmark.
        contender: of ``OURS``.
        data: folder of its files.
        seeds: trainings on a given split.
        done: scores, and seconds a training on a number of cores, of the trainings before.
    """
    task = TASKS[name]
    scores, seconds = list(done.get("scores", ())), list(done.get("seconds", ()))
    for seed in range(seeds if task.test else 1):
        options = options_of(task, data, seed, **OURS[contender])
        corpus = corpus_of(options)
        start = start_of(options.embeddings, "", corpus.train.texts) if options.uses_vectors else None
        first = seed * max(1, folds_of(task))
        for number, parts in enumerate(parted(corpus, seed, folds_of(task)), start=first):
            if number < len(scores):
                continue
            started = time.monotonic()
            scores.append(trial(options, corpus, parts, start).score.value)
            seconds.append(time.monotonic() - started)
            yield {"scores": scores, "seconds": seconds, "cores": len(os.sched_getaffinity(0))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--only", nargs="*", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--contenders", nargs="*", default=list(OURS), choices=list(OURS))
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    devices.select("auto")  # as the command line does
    done = measured("text")
    for name in asked.only:
        task = TASKS[name]
        found = done.setdefault(name, {})
        data = _unpacked(asked.data, task)
        for contender in asked.contenders:
            seeds = 1 if name == "IMDB" else asked.seeds
            for figures in ours(name, contender, data, seeds, found.get(contender, {})):
                _keep(name, contender, figures)
        for contender, peer, longest in (("TF-IDF + SVM", tf_idf_svm, 2), ("NB-SVM", nb_svm, 3)):
            if contender not in found:
                found[contender] = {"scores": accuracy(peer, longest, task, data)}
                _keep(name, contender, found[contender])
    publish("text accuracy", _report(measured("text")))


def _keep(name: str, contender: str, found: dict[str, Any]) -> None:
    scores = found["scores"]
    mean, deviation = 100 * np.mean(scores), 100 * np.std(scores)
    print(f"{name}, {contender}: {mean:.2f} ± {deviation:.2f} of {len(scores)}", flush=True)
    done = measured("text")  # read again: data sets may run side by side
    done.setdefault(name, {})[contender] = found
    keep("text", done)


def _unpacked(data: Path, task: Task) -> Path:
    """Return the folder of a task's files.

    IMDB is unpacked; AG News' test file, without a header and with a column more than its training file, is written
    like that.
    """
    if task.test == "test.tsv":
        prepare_imdb(data, Path("build/imdb"))
        return Path("build/imdb")
    if not task.test.startswith("ag_news"):
        return data
    import csv

    out = Path("build/ag_news")
    out.mkdir(parents=True, exist_ok=True)
    with lzma.open(data / "ag_news.test.csv.xz", "rt", encoding="utf-8", newline="") as file:
        rows = [(row[0], row[2]) for row in csv.reader(file)]
    with (out / task.test).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("label", "content"), *rows])
    (out / task.train).write_bytes((data / task.train).read_bytes())
    return out


def _report(done: dict[str, Any]) -> str:

    def cell(scores: list[float], folds: int) -> str:
        if len(scores) == 1:
            return f"{100 * scores[0]:.1f}"
        some = f" ({len(scores)} folds)" if len(scores) < folds else ""
        return f"{100 * np.mean(scores):.1f} ± {100 * np.std(scores):.1f}{some}"

    contenders = [*OURS, "TF-IDF + SVM", "NB-SVM"]
    rows = []
    for name, task in TASKS.items():
        if found := done.get(name):
            cells = [cell(found[c]["scores"], folds_of(task)) if c in found else "" for c in contenders]
            mine = found.get("default")
            seconds = f"{np.median(mine['seconds']):.0f} s on {mine['cores']}" if mine else ""
            rows.append((name, *cells, task.published, f"{task.target:g}", seconds))
    head = (
        "data",
        *contenders,
        "published CNN, without / with word2vec",
        "target",
        "one default training, cores",
    )
    return (
        "## Accuracy, text\n\n"
        "`tests/benchmarks/bench_text.py`: test accuracy in %, mean ± standard deviation over ten folds or three "
        "seeds; without a deviation it is one training.  `default` starts from the vectors that ship.\n\n"
        + table(head, rows)
        + f"\n\n{conditions(('tensorflow', 'keras', 'scikit-learn', 'numpy'))}"
    )


if __name__ == "__main__":
    main()
