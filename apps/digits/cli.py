"""``cnnapps digits``: arguments in, one call of the API, printing."""

from __future__ import annotations

from pathlib import Path
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
from common.errors import UsageError

__all__ = ["app"]

app = sub_app("Handwritten digits: train a network, read photographs.")

SHIPPED = "digits/cnn"
ModelOption = Annotated[str, typer.Option("--model", "-m", help="A shipped name or a run folder.")]
DataOption = Annotated[
    str, typer.Option("--data", "--dataset", help="mnist, digits8x8, a TFDS name, or a folder class/*.png.")
]


@app.command()
def train(
    network: Annotated[str, typer.Option(help="perceptron, mlp, lenet or cnn.")] = "cnn",
    data: DataOption = "",
    train_size: Annotated[int | None, typer.Option(help="Number of training pictures (stratified).")] = None,
    loss: Annotated[str, typer.Option(help="A name of `cnnapps losses`.")] = "",
    recipe: Annotated[
        str, typer.Option(help="default (minutes) or patient (over an hour, the shipped one).")
    ] = "default",
    weights: Annotated[str, typer.Option(help="Start from this model instead of random weights.")] = "",
    epochs: EpochsOption = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Pictures a step.")] = None,
    rate: RateOption = None,
    activation: Annotated[str, typer.Option(help="lenet, mlp: sigmoid, tanh or relu.")] = "",
    pooling: Annotated[str, typer.Option(help="lenet: max or average.")] = "",
    fully_connected: Annotated[str, typer.Option(help="lenet: dense or convolution.")] = "",
    hidden: Annotated[str, typer.Option(help="mlp: units of 1 to 3 layers, as 300,100.")] = "",
    width: Annotated[int | None, typer.Option(min=1, help="cnn: feature maps of the first layer.")] = None,
    outliers: Annotated[str, typer.Option(help="auto, none, or a folder of pictures of no class.")] = "auto",
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    out: OutOption = None,
    resume: ResumeOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train a network, read the test split once, write a run folder with report.html.

    With no option at all: the strong default on the best data at hand.
    """
    from apps.digits.options import TrainOptions
    from apps.digits.training import train

    console = Console(json=json, quiet=quiet)
    options = TrainOptions(
        network=network,
        arguments=_network_arguments(activation, pooling, fully_connected, hidden, width),
        data=data,
        train_size=train_size,
        loss=loss,
        recipe=recipe,
        weights=weights,
        epochs=epochs,
        batch=batch,
        rate=rate,
        outliers=outliers,
        seed=seed,
        device=device,
    )
    with console.progress("training") as progress:
        result = train(
            options, out=resume or out, resume=resume is not None, command=command_line(), progress=progress
        )
    console.note(result.note)
    accuracy = result.evaluation.accuracy
    console.result(
        result.to_json(),
        f"test accuracy {accuracy.value:.2%} (95 % interval {accuracy.low:.2%} to {accuracy.high:.2%}), "
        f"{len(result.evaluation.mistakes)} of {accuracy.count} wrong, {result.seconds:.0f} s of training\n"
        f"model and report: {result.run / 'report.html'}",
    )
    console.next(f"cnnapps digits predict photo.jpg --model {result.run}")


@app.command()
def predict(
    paths: Annotated[list[str], typer.Argument(help="Pictures, folders, globs, or - for stdin.")],
    model: ModelOption = SHIPPED,
    annotate: Annotated[
        Path | None, typer.Option(help="Draw boxes and digits here (a file; a folder for several).")
    ] = None,
    show_steps: Annotated[
        Path | None, typer.Option(help="Write a picture of every step of the reading here.")
    ] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Read the digits on photographs: one digit, a line, a whole page."""
    from apps.digits.prediction import Sketches, may_be_several, predict

    console = Console(json=json, quiet=quiet)
    annotations = Sketches(annotate, several=may_be_several(paths)) if annotate else None
    steps = Sketches(show_steps, several=True) if show_steps else None
    failed, documents = 0, []
    for reading in predict(paths, model=model):
        failed += reading.error is not None
        if reading.error:
            console.note(f"error: {reading.error}") if json else print(
                f"{reading.source}: error: {reading.error}"
            )
        elif not json:
            for line in reading.lines():
                print(line)
        for note in reading.notes:
            console.note(f"{reading.source}: {note}")
        if annotations and reading.page:
            console.note(f"annotated: {annotations.annotate(reading)}")
        if steps and reading.page:
            console.note(f"steps: {steps.steps(reading)}")
        documents.append(reading.to_json())
    if json:
        console.result(documents, "")
    if failed:
        raise typer.Exit(1)


@app.command()
def evaluate(
    model: ModelOption = SHIPPED,
    data: DataOption = "",
    robust: Annotated[
        bool, typer.Option("--robust", help="Also under rotation, shift, noise, blur, inversion.")
    ] = False,
    engine: Annotated[
        str, typer.Option("--engine", help="litert, litert-int8 (three times as fast) or keras (GPU).")
    ] = "litert",
    out: OutOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Accuracy, confusion, calibration and worst mistakes on the test split."""
    from apps.digits.evaluation import evaluate_model
    from common.files import write_text

    console = Console(json=json, quiet=quiet)
    result = evaluate_model(model, data, engine=engine, robust=robust, command=command_line())
    console.note(result.note)
    console.result(result.evaluation.to_json(), result.print)
    if out:
        from apps.digits.report import evaluation_report

        write_text(out, evaluation_report(result))
        console.note(f"report: {out}")
    console.next(f"cnnapps digits predict photo.jpg --model {model}")


@app.command()
def explain(
    image: Annotated[Path, typer.Argument(help="A picture with a digit.")],
    model: ModelOption = SHIPPED,
    out: OutOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Draw what the network sees: kernels, feature maps, receptive fields, saliency, the perceptron."""
    from apps.digits.explanation import explain_file

    console = Console(json=json, quiet=quiet)
    explanation, picture, page = explain_file(image, model=model, out=out, command=command_line())
    if (found := explanation.facts["digits_found"]) > 1:
        console.note(f"explained: the first of {found} digits; cut another out to explain it")
    console.result(
        explanation.to_json() | {"picture": str(picture), "report": str(page)},
        f"{image.name}: {explanation.answer}\npicture: {picture}\nreport: {page}",
    )


@app.command()
def export(
    model: ModelOption = SHIPPED,
    format: Annotated[
        str,
        typer.Option("--format", "-f", help="savedmodel, onnx, litert, litert-float16, litert-int8 or all."),
    ] = "all",
    data: DataOption = "",
    out: StemOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Convert a model to other runtimes and compare each on the test pictures."""
    from apps.digits.exporting import export_model

    console = Console(json=json, quiet=quiet)
    results = export_model(model, format, data, out)
    show_exports(results, console)


@app.command()
def models(json: JsonOption = False) -> None:
    """List the models that ship, with what they reach."""
    show_models("digits", Console(json=json))


def _network_arguments(
    activation: str, pooling: str, fully_connected: str, hidden: str, width: int | None
) -> dict[str, object]:
    arguments: dict[str, object] = {
        "activation": activation,
        "pooling": pooling,
        "fully_connected": fully_connected,
    }
    if hidden:
        try:
            arguments["hidden"] = tuple(int(units) for units in hidden.split(","))
        except ValueError as error:
            raise UsageError(f"--hidden {hidden!r} is no list of numbers", "as 300,100") from error
    arguments["width"] = width
    return {name: value for name, value in arguments.items() if value}
