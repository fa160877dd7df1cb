"""``cnnapps interaction``: arguments in, one call of the API, printing."""

from __future__ import annotations

from typing import Annotated

import typer

from common.cli import (
    DeviceOption,
    EpochsOption,
    JsonOption,
    OutOption,
    QuietOption,
    RateOption,
    ResumeOption,
    SeedOption,
    StemOption,
    command_line,
    show_exports,
    show_models,
    sub_app,
)
from common.console import Console

__all__ = ["app"]

app = sub_app("How strongly a molecule binds a protein, from SMILES and sequence.")

ModelOption = Annotated[str, typer.Option("--model", "-m", help="A shipped name or a run folder.")]
UnitsOption = Annotated[
    str, typer.Option(help="Of the values: nM, uM, M, pKd or raw; else told by their range.")
]
ColumnOption = Annotated[str, typer.Option(help="Name or number of the column; else guessed.")]
StripOption = Annotated[
    bool, typer.Option("--strip-salts", help="Keep the largest organic part of each molecule.")
]
SHIPPED = "interaction/davis"


@app.command()
def train(
    data: Annotated[
        str, typer.Argument(help="CSV or TSV of SMILES, protein, value; or a folder in DeepDTA's layout.")
    ] = "",
    network: Annotated[str, typer.Option(help="cnn, fingerprint or deepdta.")] = "cnn",
    split: Annotated[
        str, typer.Option(help="random, cold-drug, cold-target, cold-both, scaffold or published.")
    ] = "random",
    cold: Annotated[bool, typer.Option(help="Also measure on molecules and proteins kept out.")] = True,
    width: Annotated[
        int | None, typer.Option(min=1, help="Features of each side; more for more molecules.")
    ] = None,
    members: Annotated[int, typer.Option(min=1, help="Networks whose mean is the answer.")] = 3,
    smiles: ColumnOption = "",
    sequence: ColumnOption = "",
    value: ColumnOption = "",
    units: UnitsOption = "",
    loss: Annotated[str, typer.Option(help="euclidean, huber, log_cosh, concordance, …")] = "",
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first row that is wrong.")] = False,
    epochs: EpochsOption = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Pairs a step.")] = None,
    rate: RateOption = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    out: OutOption = None,
    resume: ResumeOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train on measured pairs; figures for known and for new molecules and proteins beside each other."""
    from apps.interaction.options import TrainOptions
    from apps.interaction.pairs import located
    from apps.interaction.training import train
    from common.errors import UsageError

    if not data and not resume:
        raise UsageError("name the measured pairs", "cnnapps interaction train pairs.csv")
    console = Console(json=json, quiet=quiet)
    options = TrainOptions(
        data=located(data),
        columns=_named(smiles=smiles, sequence=sequence, value=value),
        units=units,
        split=split,
        network=network,
        arguments={"width": width} if width else None,
        members=members,
        loss=loss,
        epochs=epochs,
        batch=batch,
        rate=rate,
        cold=cold,
        strict=strict,
        seed=seed,
        device=device,
    )
    with console.progress("training") as progress:
        result = train(
            options, out=resume or out, resume=resume is not None, command=command_line(), progress=progress
        )
    console.note(result.note)
    for leak in result.leaks:
        console.note(f"leak: {leak}")

    def show() -> None:
        from apps.interaction.report import score_table

        Console.table(*score_table(result.evaluations))
        print(f"model and report: {result.run / 'report.html'}")

    console.result(result.to_json(), show)
    console.next(f'cnnapps interaction predict "SMILES" protein.fasta --model {result.run}')


@app.command()
def predict(
    smiles: Annotated[
        list[str], typer.Argument(help="SMILES of one or several molecules, then the protein.")
    ],
    protein: Annotated[
        str, typer.Option(help="A FASTA file, a sequence, a name the model knows; else the last argument.")
    ] = "",
    model: ModelOption = SHIPPED,
    strip_salts: StripOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Predict how strongly molecules bind a protein, the strongest first, and say what is unlike the training data."""
    from apps.interaction.prediction import predict
    from common.errors import UsageError

    console = Console(json=json, quiet=quiet)
    *molecules, target = [*smiles, protein] if protein else smiles
    if not molecules:
        raise UsageError(
            "a molecule and a protein are needed", 'cnnapps interaction predict "CCO" protein.fasta'
        )
    found = predict(molecules, target, model=model, strip_salts=strip_salts)
    found.sort(key=lambda binding: -binding.value)
    columns = ("molecule", found[0].unit, "±", "most similar trained on", "")
    rows = [
        (b.smiles, f"{b.value:.2f}", f"{b.spread:.2f}", f"{b.similarity:.2f}", "; ".join(b.warnings))
        for b in found
    ]
    console.result([binding.to_json() for binding in found], lambda: Console.table(columns, rows))


@app.command()
def screen(
    library: Annotated[str, typer.Argument(help="Molecules: .smi, .csv, .tsv or .sdf, also as .gz or .xz.")],
    protein: Annotated[str, typer.Option(help="A FASTA file, a sequence, or a name the model knows.")],
    model: ModelOption = SHIPPED,
    top: Annotated[int, typer.Option(min=1, help="Molecules in the ranked table.")] = 1_000,
    strip_salts: StripOption = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first row that is no molecule.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes on this machine.")] = 2,
    ray: Annotated[str, typer.Option(help="Address of a Ray cluster, or local, instead of processes.")] = "",
    out: OutOption = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a stopped run left off.")] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Score a library of molecules, any number, against one protein; a ranked table and a page of the best."""
    from apps.interaction.screening import screen

    console = Console(json=json, quiet=quiet)
    with console.progress("screening") as progress:
        result = screen(
            library, protein, model=model, out=out, top=top, strip_salts=strip_salts, strict=strict,
            resume=resume, workers=workers, ray=ray, progress=progress,
        )  # fmt: skip

    def show() -> None:
        columns = ("rank", "name", "smiles", "value", "spread", "similarity", "lipinski", "pains")
        Console.table(columns, [[row[name] for name in columns] for row in result.best])
        print(f"{result.scored:,} molecules scored, {result.skipped:,} rows were none: {result.table}")

    console.result(result.to_json(), show)
    if result.faults:
        console.note(f"rows that are no molecules: {result.faults}")
    console.note(f"look at {result.page}")
    if result.skipped:
        raise typer.Exit(1)


@app.command()
def evaluate(
    data: Annotated[
        str, typer.Argument(help="Measured pairs, or a folder in DeepDTA's layout; else the run's own.")
    ] = "",
    dataset: Annotated[str, typer.Option(help="The same as the argument.")] = "",
    model: ModelOption = SHIPPED,
    smiles: ColumnOption = "",
    sequence: ColumnOption = "",
    value: ColumnOption = "",
    units: UnitsOption = "",
    active: Annotated[
        float | None,
        typer.Option(help="Value from which a molecule is an active one: says how early screens find them."),
    ] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Error, order and calibration on measured pairs, beside what the model reaches on what is new to it."""
    from apps.interaction.evaluation import evaluate_model
    from common.artifact import read_card, resolve

    console = Console(json=json, quiet=quiet)
    columns = _named(smiles=smiles, sequence=sequence, value=value)
    evaluation, said = evaluate_model(model, data or dataset, units=units, columns=columns, active=active)
    known = read_card(resolve(model)).metrics
    console.note(f"data: {said}")

    def show() -> None:
        Console.table(("figure", "value"), [(name, f"{v:.4f}") for name, v in evaluation.figures.items()])
        reached = [
            (name, f"{m.value:.3f}", f"{m.low:.3f} to {m.high:.3f}", m.count) for name, m in known.items()
        ]
        Console.table(("when trained", "", "95 % interval", "pairs"), reached)

    cards = {
        name: {"value": m.value, "interval_95": [m.low, m.high], "pairs": m.count}
        for name, m in known.items()
    }
    console.result(evaluation.to_json() | {"when_trained": cards}, show)


@app.command()
def explain(
    smiles: Annotated[str, typer.Argument(help="SMILES of the molecule.")],
    protein: Annotated[str, typer.Argument(help="A FASTA file, a sequence, or a name the model knows.")],
    model: ModelOption = SHIPPED,
    strip_salts: StripOption = False,
    out: OutOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Draw the atoms and the stretches of the protein that speak for and against binding."""
    from pathlib import Path

    from apps.interaction.explanation import explain

    console = Console(json=json, quiet=quiet)
    explanation = explain(smiles, protein, model=model, strip_salts=strip_salts)
    written = explanation.write(out or Path("explained"))
    binding = explanation.binding
    console.result(
        explanation.to_json() | {"pictures": [str(path) for path in written]},
        f"{binding.unit} {binding.value:.2f} ± {binding.spread:.2f}\nlook at {', '.join(map(str, written))}",
    )
    for warning in binding.warnings:
        console.note(f"warning: {warning}")


@app.command()
def export(
    model: ModelOption = SHIPPED,
    format: Annotated[
        str, typer.Option("--format", "-f", help="savedmodel, onnx, litert, litert-float16 or all.")
    ] = "all",
    out: StemOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Convert a model to other runtimes and compare each on pairs."""
    from apps.interaction.exporting import export_model

    show_exports(export_model(model, format, out), Console(json=json, quiet=quiet))


@app.command()
def data(
    source: Annotated[str, typer.Argument(help="What `interaction train` reads.")],
    smiles: ColumnOption = "",
    sequence: ColumnOption = "",
    value: ColumnOption = "",
    units: UnitsOption = "",
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first row that is wrong.")] = False,
    seed: SeedOption = 0,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Check measured pairs: what is read, guessed and left out, how values spread, what each split would leak."""
    from apps.interaction.checking import check

    console = Console(json=json, quiet=quiet)
    columns = _named(smiles=smiles, sequence=sequence, value=value)
    checked = check(source, columns=columns, units=units, strict=strict, seed=seed)
    console.note(checked.note)
    console.result(checked.to_json(), checked.print)
    console.next(f"cnnapps interaction train {source}")


@app.command()
def models(json: JsonOption = False) -> None:
    """List the models that ship, with what they reach."""
    show_models("interaction", Console(json=json))


def _named(**columns: str) -> dict[str, str]:
    """Return the columns that were named; the others are guessed."""
    return {name: column for name, column in columns.items() if column}
