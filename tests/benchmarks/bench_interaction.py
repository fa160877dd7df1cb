"""What the networks for binding reach on Davis, KIBA and Human, known and new molecules and proteins beside each other.

    python -m tests.benchmarks.bench_interaction [--data ../shared/data/interaction] [--only davis …] [--networks cnn …]

Davis and KIBA: DeepDTA's own folds; trained on four folds and four fifths of the fifth, whose rest is watched, and
tested on the common test part.  Cold splits are our own, by seed.  Human: DrugBAN's parts, copies of rows dropped.
``members`` networks are one answer.  What is done is kept in ``measured/interaction.json`` here, so that parts can be
run one by one.  First the models that ship are tested, which takes seconds; ``--shipped`` stops there.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from apps.interaction.evaluation import evaluate_model
from apps.interaction.features import features_of
from apps.interaction.metrics import scores_of
from apps.interaction.options import TrainOptions
from apps.interaction.parts import pairs_and_parts
from apps.interaction.relatives import References
from apps.interaction.training import COLD, train
from common import artifact
from tests.benchmarks.results import conditions, kept, measured, publish, table

SHARED = Path(__file__).parents[3] / "shared" / "data" / "interaction"
# Logistic regression on the molecule's fingerprint: what yes/no data give away without the protein.
ALONE = "molecule alone"
NETWORKS = {ALONE: 1, "cnn": 2, "fingerprint": 2, "deepdta": 1}  # members; DeepDTA as published is one
SPLITS = ("published", "cold-drug", "cold-target", "cold-both")


@dataclass(frozen=True)
class Task:
    """One benchmark.

    Args:
        folder: below the data folder.
        splits: of it.
        published: figures of others on its own split, in words.
        yes_no: whether the values are yes and no.
        seeds: how many, where the test part is so small that more are needed.
        changes: what ``fingerprint`` is trained with instead of the defaults, as of the model that ships.
    """

    folder: str
    splits: tuple[str, ...]
    published: str
    yes_no: bool = False
    seeds: int = 3
    changes: dict[str, Any] = field(default_factory=dict)


TASKS = {
    "davis": Task(
        "davis",
        SPLITS,
        "DeepDTA .261 / .878, GraphDTA .229 / .893, MGraphDTA .207 / .900, MSGNN-DTA .195 / .906",
    ),
    "kiba": Task(
        "kiba",
        SPLITS,
        "DeepDTA .194 / .863, GraphDTA .139 / .891, MGraphDTA .128 / .902, MSGNN-DTA .117 / .908",
        changes={"arguments": {"width": 216}, "batch": 512, "rate": 0.002, "members": 3},
    ),
    "human": Task("human/random", ("published",), "DrugBAN AUROC .982", yes_no=True),
    "human, cold": Task("human/cold", ("published",), "DrugBAN: drawn, not printed", yes_no=True, seeds=5),
}


def measure(task: Task, data: Path, network: str, split: str, seed: int) -> dict[str, float]:
    """Train once and return the figures of the test part, and the seconds it took."""
    started = time.monotonic()
    options = TrainOptions(str(data / task.folder), split=split, cold=False, seed=seed)
    if network == ALONE:
        return _alone(options) | {"seconds": time.monotonic() - started}
    options = replace(options, network=network, **_asked(task, network))
    with tempfile.TemporaryDirectory() as folder:
        result = train(options, out=Path(folder) / "run")
    return result.evaluations[split].figures | {"seconds": time.monotonic() - started}


def _asked(task: Task, network: str) -> dict[str, Any]:
    """Return what a network is trained with instead of the defaults."""
    return {"members": NETWORKS[network]} | (task.changes if network == "fingerprint" else {})


def _alone(options: TrainOptions) -> dict[str, float]:
    """Return the figures of a judge who does not look at the protein."""
    pairs, parts = pairs_and_parts(options)
    counts = features_of(pairs, References([])).molecules.fingerprint[pairs.drug]
    judge = LogisticRegression(max_iter=1000).fit(counts[parts.train], pairs.value[parts.train])
    return scores_of(judge.predict_proba(counts[parts.test])[:, 1], pairs.value[parts.test], pairs.kind)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--only", nargs="*", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--networks", nargs="*", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--splits", nargs="*", default=list(SPLITS), choices=list(SPLITS))
    parser.add_argument("--seeds", type=int, help="instead of three, and of five on Human's cold split")
    parser.add_argument("--shipped", action="store_true")
    asked = parser.parse_args()
    publish("interaction, what ships", _shipped(asked.data))
    if asked.shipped:
        return
    for name in asked.only:
        task = TASKS[name]
        for network in [network for network in asked.networks if task.yes_no or network != ALONE]:
            seeds = 1 if network == ALONE else asked.seeds or task.seeds  # it has nothing that is drawn
            for split in [split for split in task.splits if split in asked.splits]:
                for seed in range(seeds):
                    kept(
                        "interaction",
                        f"{name}|{split}|{network}|{seed}",
                        partial(measure, task, asked.data, network, split, 100 * seed),
                    )
    publish("interaction accuracy", _report(measured("interaction")))


def _shipped(data: Path) -> str:
    """Test the models that ship; their cards say what others of the kind reached on new molecules and proteins."""
    head = (
        "model", "network", "members", "MB", "MSE", "95 % interval", "CI", "r²m", "90 % intervals hold",
        *(f"{split}, MSE" for split in COLD), "published, MSE / CI",
    )  # fmt: skip
    rows = []
    for reference in (name for name in artifact.shipped() if name.startswith("interaction/")):
        folder = artifact.resolve(reference)
        card, task = artifact.read_card(folder), TASKS[folder.name]
        evaluation, _ = evaluate_model(reference, str(data / task.folder))
        figures = evaluation.figures
        rows.append(
            (
                reference,
                card.network,
                card.arguments["members"],
                f"{sum(file.stat().st_size for file in folder.iterdir()) / 1e6:.1f}",
                f"{figures['mse']:.4f}",
                f"{evaluation.score.low:.3f} to {evaluation.score.high:.3f}",
                f"{figures['ci']:.4f}",
                f"{figures['r2m']:.3f}",
                f"{figures.get('coverage of 90 % intervals', float('nan')):.1%}",
                *(
                    f"{card.metrics[f'{split} MSE'].value:.3f}" if f"{split} MSE" in card.metrics else ""
                    for split in COLD
                ),
                task.published,
            )
        )
    return (
        "## What ships, interaction\n\n`tests/benchmarks/bench_interaction.py --shipped`: on DeepDTA's test part; cold "
        "figures are of one network each, trained without what it is tested on.\n\n"
        + table(head, rows)
        + f"\n\n{conditions(('ai-edge-litert', 'rdkit', 'numpy'))}"
    )


def _report(done: dict[str, dict[str, float]]) -> str:
    runs: dict[tuple[str, str, str], list[dict[str, float]]] = {}
    for key, figures in done.items():
        name, split, network, _ = key.split("|")
        runs.setdefault((name, split, network), []).append(figures)

    def cell(found: list[dict[str, float]], figure: str) -> str:
        values = [figures[figure] for figures in found if figure in figures]
        if len(values) < 2:
            return f"{values[0]:.3f}" if values else ""
        return f"{np.mean(values):.3f} ± {np.std(values):.3f}"

    rows = []
    for (name, split, network), found in sorted(runs.items(), key=_place):
        figures = [cell(found, figure) for figure in ("mse", "ci", "r2m", "auroc", "aupr")]
        minutes = f"{np.mean([figures['seconds'] for figures in found]) / 60:.1f} min"
        published = TASKS[name].published if split == "published" else ""
        members = _asked(TASKS[name], network)["members"]
        rows.append((name, split, network, members, *figures, len(found), minutes, published))
    head = (
        "data", "split", "network", "members", "MSE", "CI", "r²m", "AUROC", "AUPR", "seeds", "training",
        "published, MSE / CI",
    )  # fmt: skip
    return (
        "## Accuracy, interaction\n\n`tests/benchmarks/bench_interaction.py`: test part, mean ± standard deviation "
        "over seeds; an answer is the mean of the members.  Training is that of all members, on two cores, from "
        "reading the table to the artifact.\n\n"
        + table(head, rows)
        + f"\n\n{conditions(('tensorflow', 'keras', 'rdkit', 'numpy'))}"
    )


def _place(entry: tuple[tuple[str, str, str], object]) -> tuple[int, ...]:
    """Return where a row stands in the table."""
    (name, split, network), _ = entry
    return list(TASKS).index(name), SPLITS.index(split), list(NETWORKS).index(network)


if __name__ == "__main__":
    main()
