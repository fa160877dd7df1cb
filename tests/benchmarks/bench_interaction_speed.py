"""How much encoding each molecule and protein of a step once saves, and how many molecules a second are screened.

    python -m tests.benchmarks.bench_interaction_speed [--data ../shared/data/interaction] [--rounds 5]

Grid batching: steps of a training on DeepDTA's training pairs, with batches cut from blocks of the grid, with batches
drawn at random in which each molecule and protein is still encoded once, and with each pair encoded on its own, as
published code does.  Screening: from features to values in one process, and the whole command from SMILES to the page.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from apps.interaction.features import Features, features_of, molecules_of, references_of
from apps.interaction.molecules import canonical, parse_molecule, read_library
from apps.interaction.options import TrainOptions
from apps.interaction.pairs import Pairs
from apps.interaction.parts import pairs_and_parts
from apps.interaction.prediction import load
from common import devices
from common.data.grid import GridStream
from tests.benchmarks.results import alternate, conditions, publish, spread, table

if TYPE_CHECKING:
    import keras

SHARED = Path(__file__).parents[3] / "shared" / "data" / "interaction"
NETWORKS = ("cnn", "deepdta")
BATCH = 256  # pairs a step, as in training
STEPS = 10  # of a measurement
PROTEIN, MODELS = "ABL1", ("interaction/davis", "interaction/kiba")

Batch = dict[str, np.ndarray]


def grid_rows(data: Path, rounds: int) -> list[tuple[str, ...]]:
    """Return pairs a second in training, by data, network and way to make batches."""
    devices.select("auto")
    from apps.interaction import models

    rows = []
    for folder, network in itertools.product(("davis", "kiba"), NETWORKS):
        pairs, parts = pairs_and_parts(TrainOptions(str(data / folder), split="published"))
        pairs = pairs.take(parts.train)
        features = features_of(pairs, references_of(pairs))
        learner = models.NETWORKS.get(network)(relatives=features.proteins.relatives.shape[1])
        learner.compile("adam", "mse", jit_compile=False)
        names = [entry.name for entry in learner.inputs]
        ways = {
            "blocks of the grid": _blocks(pairs, partial(features.inputs, names=names)),
            "at random, each encoded once": _random(pairs, partial(features.inputs, names=names)),
            "at random, each pair on its own": _random(pairs, partial(_alone, features, names=names)),
        }
        batches = {way: list(itertools.islice(found, STEPS)) for way, found in ways.items()}
        for inputs, values in itertools.chain(*batches.values()):
            learner.train_on_batch(inputs, values)  # the graph is built
        figures = alternate({way: partial(_rate, learner, found) for way, found in batches.items()}, rounds)
        rows += [
            (
                folder,
                network,
                way,
                f"{np.mean([_encoded(inputs) for inputs, _ in batches[way]]):.0f}",
                spread(found),
            )
            for way, found in figures.items()
        ]
    return rows


def _blocks(
    pairs: Pairs, inputs: Callable[[np.ndarray, np.ndarray], Batch]
) -> Iterator[tuple[Batch, np.ndarray]]:
    stream = GridStream(pairs.drug, pairs.protein, pairs.value[:, None], inputs, BATCH, 0)
    yield from stream.steps(0, STEPS).as_numpy_iterator()


def _random(
    pairs: Pairs, inputs: Callable[[np.ndarray, np.ndarray], Batch]
) -> Iterator[tuple[Batch, np.ndarray]]:
    draw = np.random.default_rng(0)
    while True:
        chosen = draw.choice(len(pairs), BATCH, replace=False)
        yield inputs(pairs.drug[chosen], pairs.protein[chosen]), pairs.value[chosen, None]


def _alone(features: Features, drug: np.ndarray, protein: np.ndarray, names: list[str]) -> Batch:
    """Return the inputs of pairs with the molecule and the protein of each laid out again."""
    own = np.arange(len(drug), dtype=np.int32)
    every = {"pairs": np.stack([own, own], axis=1)}
    every |= features.molecules.batch(drug, names) | features.proteins.batch(protein, names)
    return {name: every[name] for name in names}


def _encoded(inputs: Batch) -> int:
    """Return how many molecules and proteins a batch encodes."""
    return int((inputs["pairs"].max(axis=0) + 1).sum())


def _rate(learner: keras.Model, batches: list[tuple[Batch, np.ndarray]]) -> float:
    started = time.perf_counter()
    for inputs, values in batches:
        learner.train_on_batch(inputs, values)
    return len(batches) * BATCH / (time.perf_counter() - started)


def screening_rows(data: Path, rounds: int, count: int) -> list[tuple[str, ...]]:
    """Return molecules a second, from features and from SMILES."""
    records = list(itertools.islice(read_library(data / "library.smi.gz"), count))
    mols = [parse_molecule(record.smiles) for record in records]
    smiles = [canonical(mol) for mol in mols]
    sequence = load(MODELS[0]).protein(PROTEIN).sequence
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "library.smi"
        library.write_text("\n".join(record.smiles for record in records))
        for model in MODELS:
            predictor = load(model)
            molecules = molecules_of(mols, smiles, graph=predictor.reads_graph)
            target = predictor.proteins_of([sequence])

            def prepared(predictor=predictor, molecules=molecules, target=target) -> float:  # type: ignore[no-untyped-def]
                started = time.perf_counter()
                predictor.values(molecules, target)
                return count / (time.perf_counter() - started)

            def whole(model: str = model) -> float:
                out = Path(folder) / f"{time.monotonic_ns()}.csv"
                command = Path(sys.executable).with_name("cnnapps"), "interaction", "screen", library, "-q"
                started = time.perf_counter()
                subprocess.run(
                    [*command, "--protein", sequence, "--model", model, "--out", out],
                    check=True,
                    stdout=subprocess.DEVNULL,
                )
                return count / (time.perf_counter() - started)

            figures = alternate({"prepared": prepared, "whole": whole}, rounds)
            rows += [
                (model, "from features, one process", spread(figures["prepared"])),
                (model, "whole command, from SMILES to the page", spread(figures["whole"])),
            ]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--molecules", type=int, default=20_000)
    asked = parser.parse_args()
    screened = screening_rows(asked.data, asked.rounds, asked.molecules)
    batches = grid_rows(asked.data, asked.rounds)
    publish(
        "interaction speed",
        "## Speed, interaction\n\n`tests/benchmarks/bench_interaction_speed.py`: molecules screened, and pairs trained "
        f"on (batches of {BATCH}), a second; medians of {asked.rounds} alternated measurements (lowest to highest).\n\n"
        + table((f"{asked.molecules:,} molecules, {PROTEIN}", "", "molecules a second"), screened)
        + "\n\n"
        + table(("data", "network", "batches", "encoded a batch", "pairs a second"), batches)
        + f"\n\n{conditions(('tensorflow', 'ai-edge-litert', 'rdkit', 'numpy'))}",
        asked.rounds,
    )


if __name__ == "__main__":
    main()
