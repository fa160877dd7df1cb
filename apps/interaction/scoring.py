"""Scoring parts of a library in other processes: on this machine, or over a Ray cluster.

A part goes out as records and comes back as rows; whoever sent it writes it.  So a worker that dies loses nothing but
its time: its part is scored again elsewhere, and there is no second copy of it.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

from apps.interaction.features import molecules_of
from apps.interaction.molecules import MoleculeRecord, canonical, parse_molecule
from apps.interaction.prediction import Predictor, load
from apps.interaction.proteins import Protein
from common.errors import InputError, MissingExtra, UserError

__all__ = ["COLUMNS", "Job", "Pool", "Result", "ScoredPart", "process_pool", "ray_pool", "score"]

COLUMNS = ("row", "name", "smiles", "value", "spread", "similarity")


@dataclass(frozen=True)
class Job:
    """What every process needs to know.

    Args:
        model: a shipped name or a run folder.
        protein: to score against.
        strip_salts: keep the largest organic fragment of each molecule.
        strict: stop at the first row that is no molecule.
    """

    model: str
    protein: Protein
    strip_salts: bool
    strict: bool


@dataclass(frozen=True)
class ScoredPart:
    """A part of a library, scored.

    Args:
        rows: as ``COLUMNS``.
        faults: (row, what is wrong) of those that are no molecules.
    """

    rows: list[tuple[Any, ...]]
    faults: list[tuple[int, str]]


Result = Callable[[], ScoredPart]  # waits for a part


@dataclass(frozen=True)
class Pool:
    """Where parts are sent.

    Args:
        submit: sends a part; what it returns waits for it.
        workers: parts scored at the same time.
    """

    submit: Callable[[list[MoleculeRecord]], Result]
    workers: int


@contextlib.contextmanager
def process_pool(job: Job, workers: int) -> Iterator[Pool]:
    """Score in processes of this machine."""
    # Spawned: a forked process would share the threads of the engine that its parent may have loaded.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context) as executor:
        try:
            yield Pool(lambda part: executor.submit(score, job, part).result, workers)
        except BaseException:
            executor.shutdown(cancel_futures=True)
            raise


@contextlib.contextmanager
def ray_pool(job: Job, address: str) -> Iterator[Pool]:
    """Score over a Ray cluster.

    Args:
        job: what to score; the cluster's machines have cnnapps, and the model under the same name.
        address: of the cluster; ``local`` starts one on this machine.

    Raises:
        MissingExtra: without Ray.
        UserError: no cluster at the address.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingExtra("screening over a cluster", "ray") from error
    try:
        ray.init(
            address="local" if address == "local" else address,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except ConnectionError as error:
        raise UserError(f"no Ray cluster at {address}", "start one with: ray start --head") from error
    try:
        # A worker that dies, or a machine that goes, costs a task one of its tries.
        remote = ray.remote(max_retries=5)(score)

        def submit(part: list[MoleculeRecord]) -> Result:
            reference = remote.remote(job, part)

            def wait() -> ScoredPart:
                try:
                    return ray.get(reference)
                except ray.exceptions.RayTaskError as error:
                    raise (error.cause if isinstance(error.cause, InputError) else error) from None

            return wait

        yield Pool(submit, max(1, int(ray.cluster_resources().get("CPU", 1))))
    finally:
        ray.shutdown()


@cache
def _loaded(model: str) -> Predictor:
    """Load a model once in a process."""
    return load(model)


def score(job: Job, part: Sequence[MoleculeRecord]) -> ScoredPart:
    """Score one part of a library.

    Raises:
        InputError: with ``strict``, the first row that is no molecule.
    """
    predictor = _loaded(job.model)
    mols, kept, faults = [], [], []
    for record in part:
        try:
            mols.append(parse_molecule(record.smiles, strip_salts=job.strip_salts))
            kept.append(record)
        except InputError as error:
            if job.strict:
                raise InputError(f"row {record.row}: {error.message}", error.hint) from error
            faults.append((record.row, error.message))
    smiles = [canonical(mol) for mol in mols]
    molecules = molecules_of(mols, smiles, graph=predictor.reads_graph)
    value, spread = predictor.values(molecules, predictor.proteins_of([job.protein.sequence]))
    similarity = predictor.nearest_molecules(molecules)[1]
    rows = [
        (record.row, record.name, text, f"{value[i, 0]:.4f}", f"{spread[i, 0]:.4f}", f"{similarity[i]:.3f}")
        for i, (record, text) in enumerate(zip(kept, smiles, strict=True))
    ]
    return ScoredPart(rows, faults)
