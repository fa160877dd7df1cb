"""``cnnapps objects``: arguments in, one call of the API, printing."""

from __future__ import annotations

import csv
import json as jsons
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.objects.detection.cli import add_commands
from apps.objects.options import GENERAL, TrainOptions
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
from common.errors import UsageError

if TYPE_CHECKING:
    from apps.objects.prediction import Answer

__all__ = ["app"]

app = sub_app("What is in a picture, and where: classify, detect, train on your own, see why.")

ModelOption = Annotated[str, typer.Option("--model", "-m", help="A shipped name or a run folder.")]
DataOption = Annotated[
    str,
    typer.Option(
        "--data", "--dataset", help="A folder class/*.jpg, a table of paths and labels, a TFDS name."
    ),
]
ColumnOption = Annotated[str, typer.Option("--column", help="Table: column of the paths (name or number).")]
LabelOption = Annotated[str, typer.Option("--label", help="Table: column of the labels (name or number).")]
SeveralOption = Annotated[
    str,
    typer.Option("--several", help="Table: what stands between several labels of a picture, such as '|'."),
]


@app.command()
def train(
    data: Annotated[
        str, typer.Argument(help="A folder class/*.jpg, a table of paths and labels, or a TFDS name.")
    ] = "",
    network: Annotated[
        str, typer.Option(help="pyramid (default), resnet, convnext, mobile, vgg, airbench, or keras:NAME.")
    ] = "",
    side: Annotated[
        int | None, typer.Option(help="Pictures become squares of so many pixels; else what suits them.")
    ] = None,
    window: Annotated[
        int | None, typer.Option(help="Learn on random windows of so many pixels: faster (pyramid, vgg).")
    ] = None,
    weights: Annotated[
        str, typer.Option(help="Model whose backbone to start from; none for random weights.")
    ] = "",
    balance: Annotated[
        str, typer.Option(help="Uneven classes: none, weights or focal; else as needed.")
    ] = "",
    augment: Annotated[str, typer.Option(help="none, mild or strong; else what suits the data.")] = "",
    column: ColumnOption = "",
    label: LabelOption = "",
    several: SeveralOption = "",
    train_size: Annotated[int | None, typer.Option(help="Number of training pictures (stratified).")] = None,
    filters: Annotated[
        int | None, typer.Option(min=4, help="pyramid: feature maps at stride 4; vgg: of the first stage.")
    ] = None,
    depth: Annotated[int | None, typer.Option(min=1, help="pyramid, resnet, mobile: blocks a stage.")] = None,
    width: Annotated[
        float | None, typer.Option(help="resnet, convnext, mobile: first feature maps; airbench: a factor.")
    ] = None,
    stem: Annotated[str, typer.Option(help="resnet: cifar or imagenet.")] = "",
    epochs: EpochsOption = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Pictures a step.")] = None,
    rate: RateOption = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    out: OutOption = None,
    resume: ResumeOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train on labelled pictures, read the test part once, write a run folder with report.html."""
    from apps.objects.training import train

    if not data and not resume:
        raise UsageError("name the pictures", "cnnapps objects train FOLDER, with one sub-folder a class")
    console = Console(json=json, quiet=quiet)
    options = TrainOptions(
        data=data,
        network=network,
        arguments=_network_arguments(network, filters, depth, width, stem),
        side=side,
        window=window,
        column=column,
        label=label,
        several=several,
        weights=weights,
        balance=balance,
        augmentation=augment,
        train_size=train_size,
        epochs=epochs,
        batch=batch,
        rate=rate,
        seed=seed,
        device=device,
    )
    with console.progress("training") as progress:
        result = train(
            options, out=resume or out, resume=resume is not None, command=command_line(), progress=progress
        )
    for note in result.notes:
        console.note(note)
    lines = [
        *(f"test {line}" for line in result.evaluation.lines()),
        f"{result.seconds:.0f} s of training",
        f"model and report: {result.run / 'report.html'}",
    ]
    console.result(result.to_json(), "\n".join(lines))
    console.next(f"cnnapps objects classify photo.jpg --model {result.run}")


@app.command()
def classify(
    paths: Annotated[list[str], typer.Argument(help="Pictures, folders, globs, or - for stdin.")],
    model: ModelOption = GENERAL,
    first: Annotated[int, typer.Option("--first", "-k", min=1, help="Classes to name.")] = 5,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="A row for each class named.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Say what is in pictures, the likeliest classes first."""
    from apps.objects.prediction import classify

    if json and as_csv:
        raise UsageError("--json and --csv exclude each other", "choose one")
    console = Console(json=json, quiet=quiet)
    failed = 0
    answers = classify(paths, model=model, first=first)
    for answer in _as_csv(answers) if as_csv else answers:
        failed += answer.error is not None
        if json:
            print(jsons.dumps(answer.to_json(), ensure_ascii=False), flush=True)
        elif not as_csv:
            print(answer.line, flush=True)
        for note in answer.notes:
            console.note(f"{answer.source}: {note}")
    if failed:
        raise typer.Exit(1)


@app.command()
def evaluate(
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            help="A shipped name or a run folder; else what ships for the data, or the general model.",
        ),
    ] = "",
    data: DataOption = "",
    column: ColumnOption = "",
    label: LabelOption = "",
    several: SeveralOption = "",
    engine: Annotated[
        str, typer.Option("--engine", help="litert, litert-int8 (faster) or keras (GPU).")
    ] = "litert",
    out: OutOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Accuracy, confusion, calibration and worst mistakes; of a run on its own test part if no data are named."""
    from apps.objects.evaluation import evaluate_model
    from common.files import write_text

    console = Console(json=json, quiet=quiet)
    result = evaluate_model(
        model, data, column=column, label=label, several=several, engine=engine, command=command_line()
    )
    console.note(result.note)
    console.result(result.evaluation.to_json(), result.print)
    if out:
        from apps.objects.report import evaluation_report

        write_text(out, evaluation_report(result))
        console.note(f"report: {out}")
    console.next(f"cnnapps objects classify photo.jpg --model {result.model}")


@app.command()
def explain(
    image: Annotated[Path, typer.Argument(help="A picture.")],
    model: ModelOption = GENERAL,
    target: Annotated[str, typer.Option("--class", help="The class to explain; else the likeliest.")] = "",
    out: OutOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Draw why: Grad-CAM++, occlusion, receptive fields and the likeliest classes, on one sheet."""
    from apps.objects.explanation import explain_file

    explanation, picture = explain_file(image, model=model, target=target, out=out)
    facts = explanation.to_json()
    Console(json=json, quiet=quiet).result(
        facts | {"picture": str(picture)},
        f"{image.name}: {facts['class']} {facts['probability']:.1%}\npicture: {picture}",
    )


@app.command()
def export(
    model: ModelOption = GENERAL,
    format: Annotated[
        str,
        typer.Option("--format", "-f", help="savedmodel, onnx, litert, litert-float16, litert-int8 or all."),
    ] = "all",
    data: DataOption = "",
    out: StemOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Convert a model to other runtimes and compare each on pictures."""
    from apps.objects.exporting import export_model

    show_exports(export_model(model, format, data, out), Console(json=json, quiet=quiet))


@app.command()
def models(json: JsonOption = False) -> None:
    """List the models that ship, with what they reach."""
    show_models("objects", Console(json=json))


add_commands(app)


def _network_arguments(
    network: str, filters: int | None, depth: int | None, width: float | None, stem: str
) -> dict[str, Any]:
    if width is not None and network != "airbench":
        if width != int(width) or width < 4:
            raise UsageError(f"--width {width:g} is no number of feature maps", "a whole number from 4 on")
        width = int(width)
    if stem not in ("", "cifar", "imagenet"):
        raise UsageError(f"unknown --stem {stem!r}", "cifar or imagenet")
    arguments = {"filters": filters, "depth": depth, "width": width, "stem": stem}
    return {name: value for name, value in arguments.items() if value}


def _as_csv(answers: Iterable[Answer]) -> Iterable[Answer]:
    """Write answers as rows, and pass them on."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("source", "rank", "class", "probability", "error"))
    for answer in answers:
        if answer.error:
            writer.writerow((answer.source, "", "", "", answer.error))
        for rank, (name, chance) in enumerate(answer.first, start=1):
            writer.writerow((answer.source, rank, name, f"{chance:.6f}", ""))
        sys.stdout.flush()
        yield answer
