"""Ranking a library of molecules for one protein: streamed, resumable, with what a chemist asks of each.

The library is read in parts.  Each part is scored on its own and its table is written as a whole, so that a run that
was stopped goes on behind the last whole part, and nothing is lost or counted twice.  At the end the best of all parts
are ranked; the memory holds these and the parts under way.
"""

from __future__ import annotations

import csv
import heapq
import html
import itertools
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from apps.interaction.molecules import MoleculeRecord, parse_molecule, read_library
from apps.interaction.prediction import load
from apps.interaction.properties import PROPERTIES, properties
from apps.interaction.proteins import Protein
from apps.interaction.scoring import COLUMNS, Job, Pool, Result, ScoredPart, process_pool, ray_pool
from common.console import Advance
from common.errors import InputError, UserError
from common.files import replacing, write_text

__all__ = ["ScreenResult", "screen"]

PART = 2_048  # molecules scored together
DRAWN = 60  # molecules on the page


@dataclass(frozen=True)
class ScreenResult:
    """What screening gives.

    Args:
        table: the ranked molecules as CSV.
        page: the best of them drawn.
        faults: rows that are no molecules, as CSV; None where there are none.
        scored, skipped: counts.
        unit: of the values.
        best: the first ten rows of the table.
    """

    table: Path
    page: Path
    faults: Path | None
    scored: int
    skipped: int
    unit: str
    best: list[dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()
        }


def screen(
    library: str | Path,
    protein: str | Protein,
    *,
    model: str | Path,
    out: Path | None = None,
    top: int = 1_000,
    strip_salts: bool = False,
    strict: bool = False,
    resume: bool = False,
    workers: int = 2,
    ray: str = "",
    progress: Advance = lambda done, total, remark: None,
) -> ScreenResult:
    """Score every molecule of a library against a protein and rank the best.

    Args:
        library: what ``read_library`` reads.
        protein: what ``Predictor.protein`` takes.
        model: a shipped name or a run folder.
        out: the table to write; by default ``LIBRARY.screened.csv``.  The page gets its name.
        top: molecules in the table.
        strip_salts: keep the largest organic fragment of each molecule.
        strict: stop at the first row that is no molecule.
        resume: go on behind the parts that an earlier run left.
        workers: processes on this machine.
        ray: address of a Ray cluster, or ``local`` for one on this machine; "" for processes.
        progress: called with (molecules done, molecules seen, remark).

    Raises:
        InputError: no such library, no molecule in it, no protein; with ``strict`` a row that is no molecule.
        UserError: a table that exists; nothing to resume.
        ArtifactError: no such model.
        MissingExtra: Ray without its package.
    """
    library = Path(library)
    predictor = load(model)
    target, unit = predictor.protein(protein), predictor.unit
    table = out or library.with_name(f"{library.name}.screened.csv")
    parts = table.with_name(f"{table.name}.parts")
    if table.exists():
        raise UserError(f"{table} exists", "remove it or choose another --out")
    if resume and not parts.is_dir():
        raise UserError(f"nothing to resume: no {parts}", "leave out --resume")
    if parts.is_dir() and not resume:
        raise UserError(f"{parts} is left of an earlier run", "go on with --resume, or remove it")
    records = read_library(library)
    first = next(records, None)
    if first is None:
        raise InputError(f"{library}: no molecule in it", "a SMILES a line")
    parts.mkdir(parents=True, exist_ok=True)
    job = Job(str(model), target, strip_salts, strict)
    done = 0
    with ray_pool(job, ray) if ray else process_pool(job, workers) as pool:
        for number, count in _scored(_cut(itertools.chain([first], records)), pool, parts):
            done += count
            progress(done, 0, f"part {number + 1}")
    result = _ranked(parts, table, target, unit, top)
    shutil.rmtree(parts)
    return result


def _cut(records: Iterator[MoleculeRecord]) -> Iterator[list[MoleculeRecord]]:
    while part := list(itertools.islice(records, PART)):
        yield part


def _scored(cut: Iterator[list[MoleculeRecord]], pool: Pool, parts: Path) -> Iterator[tuple[int, int]]:
    """Score the parts that are not there yet; yield number and molecules of each that is."""
    under_way: dict[int, tuple[Result, int]] = {}

    def collected() -> tuple[int, int]:
        number = min(under_way)
        result, count = under_way.pop(number)
        _write(result(), parts, number)
        return number, count

    for number, part in enumerate(cut):
        if (parts / f"{number}.csv").exists():
            yield number, len(part)
            continue
        under_way[number] = pool.submit(part), len(part)
        if len(under_way) > 2 * pool.workers:
            yield collected()
    while under_way:
        yield collected()


def _write(scored: ScoredPart, parts: Path, number: int) -> None:
    """Write the faults, then the table: a part with a table is whole."""
    _write_csv(parts / f"{number}.faults", ("row", "fault"), scored.faults)
    _write_csv(parts / f"{number}.csv", COLUMNS, scored.rows)


def _ranked(parts: Path, table: Path, protein: Protein, unit: str, top: int) -> ScreenResult:
    """Write the ranked table, the page and the faults."""
    tables = sorted(parts.glob("*.csv"), key=lambda path: int(path.stem))
    scored = 0

    def rows() -> Iterator[dict[str, str]]:
        nonlocal scored
        for path in tables:
            with path.open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    scored += 1
                    yield row

    best = heapq.nlargest(top, rows(), key=lambda row: (float(row["value"]), -int(row["row"])))
    faults = [
        fault
        for path in tables
        for fault in list(csv.reader(path.with_suffix(".faults").open(encoding="utf-8", newline="")))[1:]
    ]
    columns = ("rank", *COLUMNS, *PROPERTIES)
    # Computed of those that are shown alone: they take three times as long as the score.
    ranked = [
        (number, *(row[name] for name in COLUMNS), *_properties(row["smiles"]))
        for number, row in enumerate(best, start=1)
    ]
    _write_csv(table, columns, ranked)
    page = table.with_suffix(".html")
    write_text(page, _page(best[:DRAWN], protein, unit, scored, len(faults)))
    written = table.with_suffix(".faults.csv") if faults else None
    if written:
        _write_csv(written, ("row", "fault"), faults)
    first = [dict(zip(columns, row, strict=True)) for row in ranked[:10]]
    return ScreenResult(table, page, written, scored, len(faults), unit, first)


def _properties(smiles: str) -> list[int | str]:
    """Return the properties of a molecule as a table shows them."""
    values = properties(parse_molecule(smiles)).values()
    return [f"{value:.4g}" if isinstance(value, float) else value for value in values]


def _page(best: Sequence[dict[str, str]], protein: Protein, unit: str, scored: int, skipped: int) -> str:
    """Return an HTML page with the best molecules drawn."""
    from apps.interaction.drawing import molecule_grid

    mols = [parse_molecule(row["smiles"]) for row in best]
    legends = [
        f"{number}. {row['name']}  {float(row['value']):.2f} ± {float(row['spread']):.2f}"
        for number, row in enumerate(best, start=1)
    ]
    name = html.escape(protein.name or f"a protein of {len(protein.sequence)} residues")
    counts = f"{scored:,} molecules scored, {skipped:,} rows were none"
    said = f"{counts}; the best {len(best)}, predicted {html.escape(unit)}."
    drawn = molecule_grid(mols, legends) if mols else ""
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Screening: {name}</title><style>body{{font:16px system-ui;max-width:1100px;margin:2em auto;"
        f"padding:0 1em}}svg{{width:100%;height:auto}}</style><h1>{name}</h1><p>{said} A prediction ranks; it is no "
        f"measurement.</p>{drawn}</html>\n"
    )


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
