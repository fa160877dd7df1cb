"""``cnnapps text``: arguments in, one call of the API, printing."""

from __future__ import annotations

import json as jsons
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apps.text import search_cli
from apps.text.arguments import (
    LabelColumn,
    ModelOption,
    SeveralOption,
    TextColumn,
    VectorsOption,
    given_texts,
)
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

if TYPE_CHECKING:
    from apps.text.options import TrainOptions

__all__ = ["app"]

app = sub_app("Texts: classify them, say why, search in them; train on your own file.")

SHIPPED = "text/sentiment"


@app.command()
def train(
    data: Annotated[
        str, typer.Argument(help="CSV, TSV, JSONL, 'label text' lines, a folder class/*.txt, a TFDS name.")
    ] = "",
    network: Annotated[str, typer.Option(help="blend, kim, dpcnn, char or ngram.")] = "blend",
    text: TextColumn = "",
    label: LabelColumn = "",
    several: SeveralOption = "",
    held: Annotated[str, typer.Option(help="File to choose on; else some texts are held out.")] = "",
    test: Annotated[str, typer.Option(help="File to test on; else some texts are kept for it.")] = "",
    embeddings: VectorsOption = "",
    vectors: Annotated[str, typer.Option(help="kim, dpcnn: trained, fixed or both.")] = "",
    weights: Annotated[
        str, typer.Option(help="A model to go on from instead: a shipped name or a run folder.")
    ] = "",
    unlabelled: Annotated[
        str, typer.Option(help="File of further texts, a line each, to learn from too.")
    ] = "",
    train_size: Annotated[int | None, typer.Option(help="Number of training texts (stratified).")] = None,
    epochs: EpochsOption = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Texts a step.")] = None,
    rate: RateOption = None,
    folds: Annotated[int, typer.Option(help="Cross-validate instead: so many folds, no model is kept.")] = 0,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    out: OutOption = None,
    resume: ResumeOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train on labelled texts, read the test split once, write a run folder with report.html."""
    from apps.text.options import TrainOptions
    from apps.text.training import train
    from common.errors import UsageError

    if not data and not resume:
        raise UsageError("name the labelled texts", "cnnapps text train reviews.csv")
    console = Console(json=json, quiet=quiet)
    options = TrainOptions(
        data=data,
        held=held,
        test=test,
        text=text,
        label=label,
        several=several,
        network=network,
        arguments={"vectors": vectors} if vectors else {},
        embeddings=embeddings,
        weights=weights,
        unlabelled=unlabelled,
        train_size=train_size,
        epochs=epochs,
        batch=batch,
        rate=rate,
        seed=seed,
        device=device,
    )
    if folds:
        _cross_validate(options, folds, out, console)
        return
    with console.progress("training") as progress:
        result = train(
            options,
            out=resume or out,
            resume=resume is not None,
            command=command_line(),
            tell=console.note,
            progress=progress,
        )
    score = result.evaluation.score
    console.result(
        result.to_json(),
        f"test {result.evaluation.name} {score.value:.4f} (95 % interval {score.low:.4f} to {score.high:.4f}), "
        f"{score.count:,} texts\nmodel and report: {result.run / 'report.html'}",
    )
    console.next(f'cnnapps text classify "…" --model {result.run}')


@app.command()
def classify(
    texts: Annotated[
        list[str], typer.Argument(help="Texts; or one file, a text a line or a table; or - for stdin.")
    ],
    model: ModelOption = SHIPPED,
    text: TextColumn = "",
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Say the class of each text: a line in, a line out (label, probability, text)."""
    from apps.text.prediction import classify

    given, note = given_texts(texts, text)
    if note:
        Console(quiet=quiet).note(note)
    for answer in classify(given, model=model):
        if json:
            print(jsons.dumps(answer.to_json(), ensure_ascii=False))
            continue
        chances = [answer.probabilities.get(name) for name in answer.labels]
        known = [f"{chance:.1%}" for chance in chances if chance is not None]
        line = " ".join(answer.text.splitlines())  # a line out, whatever stands in a cell
        none = "none" if answer.probabilities else "-"
        print("\t".join([", ".join(answer.labels) or none, ", ".join(known), line]))


@app.command()
def evaluate(
    model: ModelOption = SHIPPED,
    data: Annotated[str, typer.Argument(help="Labelled texts; else the test split of the run.")] = "",
    dataset: Annotated[str, typer.Option(help="The same as the argument.")] = "",
    text: TextColumn = "",
    label: LabelColumn = "",
    several: SeveralOption = "",
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Accuracy with its interval, F1, calibration and confusion on labelled texts."""
    from apps.text.evaluation import evaluate_model

    console = Console(json=json, quiet=quiet)
    result = evaluate_model(
        model, data or dataset, text=text, label=label, several=several, command=command_line()
    )
    console.note(f"data: {result.source}")
    console.result(result.evaluation.to_json(), result.print)


@app.command()
def explain(
    text: Annotated[
        str, typer.Argument(help="A sentence or a whole text; none for what speaks for each class.")
    ] = "",
    model: ModelOption = SHIPPED,
    out: OutOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Colour the words that moved the answer, and list the n-grams; --out FILE.html writes a page."""
    from apps.text.explanation import explain
    from apps.text.explanation_page import page, show
    from apps.text.phrases import phrases_of
    from common.errors import UsageError
    from common.files import write_text

    console = Console(json=json, quiet=quiet)
    if not text:
        if out:
            raise UsageError("a page explains a text", "give one, or leave out --out")
        phrases = phrases_of(model)
        rows = [(name, ", ".join(phrase.words for phrase in found)) for name, found in phrases.items()]
        console.result(
            {name: [vars(phrase) for phrase in found] for name, found in phrases.items()},
            lambda: console.table(("class", "what speaks for it"), rows),
        )
        return
    if out and out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{out} is no name for a page", "--out why.html")
    if len(text) < 1024 and Path(text).is_file():
        raise UsageError(f"{text} is a file; one text is explained at a time", f'"$(head -1 {text})"')
    explanation = explain(text, model=model)
    console.result(explanation.to_json(), lambda: show(explanation))
    if out:
        write_text(out, page(explanation, command_line()))
        console.note(f"page: {out}")


search_cli.add_commands(app)


@app.command()
def export(
    model: ModelOption = SHIPPED,
    format: Annotated[str, typer.Option("--format", "-f", help="savedmodel, onnx, litert or all.")] = "all",
    data: Annotated[str, typer.Option(help="A text a line to compare on; else ten sentences.")] = "",
    out: StemOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Convert a model to other runtimes and compare each on texts."""
    from apps.text.exporting import export_model

    show_exports(export_model(model, format, data, out), Console(json=json, quiet=quiet))


@app.command()
def models(json: JsonOption = False) -> None:
    """List the models that ship, with what they reach."""
    show_models("text", Console(json=json))


def _cross_validate(options: TrainOptions, folds: int, out: Path | None, console: Console) -> None:
    from apps.text.folds import cross_validate

    with console.progress("folds") as progress:
        result = cross_validate(options, folds, out=out, progress=progress)
    console.note(result.note)
    console.result(
        result.to_json(),
        f"mean of {folds} folds {result.mean:.4f}, standard deviation {result.deviation:.4f}, "
        f"{result.whole.count:,} texts\nfolds: {' '.join(f'{score:.4f}' for score in result.scores)}",
    )
