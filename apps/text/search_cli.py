"""``cnnapps text``, what learns without labels and what searches: arguments in, one call of the API, printing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from apps.text.arguments import LabelColumn, SeveralOption, TextColumn, VectorsOption, given_texts
from common.cli import (
    DeviceOption,
    EpochsOption,
    JsonOption,
    OutOption,
    QuietOption,
    RateOption,
    ResumeOption,
    SeedOption,
    command_line,
)
from common.console import Console

__all__ = ["add_commands"]

ENCODER = "text/encoder"
EMBEDDERS = "An encoder, or a classifier whose features to take."


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module to those of the app."""
    app.command()(pretrain)
    app.command("train-encoder")(train_encoder)
    app.command()(embed)
    app.command()(search)


def pretrain(
    data: Annotated[
        list[str] | None, typer.Argument(help="Texts, labelled or not: what `text train` reads.")
    ] = None,
    words: Annotated[int, typer.Option(min=100, help="The most frequent ones get a vector.")] = 30_000,
    size: Annotated[int, typer.Option(min=2, help="Numbers of a word's vector.")] = 128,
    regions: Annotated[int, typer.Option(min=1, help="Features of a region.")] = 256,
    width: Annotated[int, typer.Option(min=1, help="Words of a region.")] = 5,
    passes: Annotated[float, typer.Option(help="Over the texts.")] = 5.0,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    out: OutOption = None,
    resume: ResumeOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Learn word vectors and region features from texts without labels, for `--embeddings`."""
    from apps.text.options import PretrainOptions
    from apps.text.pretraining import pretrain
    from common.errors import UsageError

    if not data and not resume:
        raise UsageError("name the texts", "cnnapps text pretrain reviews.txt")
    console = Console(json=json, quiet=quiet)
    options = PretrainOptions(tuple(data or ()), words, size, regions, width, passes, seed, device)
    with console.progress("learning vectors") as progress:
        file, vectors = pretrain(
            options, out=resume or out, resume=resume is not None, command=command_line(), progress=progress
        )
    console.result(
        {"vectors": str(file), "words": len(vectors.words), "size": vectors.dim},
        f"{len(vectors.words):,} words, {vectors.dim} numbers each: {file}",
    )
    console.next(f"cnnapps text train reviews.csv --embeddings {file}")


def train_encoder(
    data: Annotated[
        str,
        typer.Argument(help="Texts: labelled (likeness is the label) or not (it is what stands together)."),
    ] = "",
    loss: Annotated[str, typer.Option(help="contrastive or triplet.")] = "contrastive",
    neighbours: Annotated[
        bool, typer.Option("--neighbours", help="Learn from neighbouring passages, whatever the labels.")
    ] = False,
    text: TextColumn = "",
    label: LabelColumn = "",
    several: SeveralOption = "",
    size: Annotated[int, typer.Option(min=2, help="Numbers of a text's vector.")] = 128,
    embeddings: VectorsOption = "",
    epochs: EpochsOption = None,
    batch: Annotated[int | None, typer.Option(min=4, help="Texts a step.")] = None,
    rate: RateOption = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    out: OutOption = None,
    resume: ResumeOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train sentence vectors for search: what belongs together gets vectors that point the same way."""
    from apps.text.encoder_training import train_encoder
    from apps.text.options import EncoderOptions
    from common.errors import UsageError

    if not data and not resume:
        raise UsageError("name the texts", "cnnapps text train-encoder reviews.txt")
    console = Console(json=json, quiet=quiet)
    options = EncoderOptions(
        data, text, label, several, neighbours, loss, size, embeddings, epochs, batch, rate, seed, device
    )
    with console.progress("training") as progress:
        result = train_encoder(
            options, out=resume or out, resume=resume is not None, command=command_line(), progress=progress
        )
    console.note(result.note)
    console.result(result.to_json(), lambda: result.print())
    console.next(f"cnnapps text embed lines.txt --model {result.run} --out lines.npz")


def embed(
    data: Annotated[str, typer.Argument(help="A file, a text a line; or - for stdin.")],
    model: Annotated[str, typer.Option("--model", "-m", help=EMBEDDERS)] = ENCODER,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="INDEX.npz for `text search`, or VECTORS.npy alone.")
    ] = Path("index.npz"),
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Turn each line into a vector, and write an index to search in."""
    from apps.text.index import build_index

    console = Console(json=json, quiet=quiet)
    index, _ = build_index(data, model=model)
    index.write(out)
    count, size = index.vectors.shape
    console.result(
        {"out": str(out), "texts": count, "size": size}, f"{count:,} texts, {size} numbers each: {out}"
    )
    if out.suffix == ".npz":
        console.next(f'cnnapps text search {out} "…"')


def search(
    index: Annotated[str, typer.Argument(help="An index of `text embed`, or a file with a text a line.")],
    queries: Annotated[list[str], typer.Argument(help="What to look for; - for one query a line of stdin.")],
    model: Annotated[str, typer.Option("--model", "-m", help=EMBEDDERS + " An index knows its own.")] = "",
    k: Annotated[int, typer.Option("-k", min=1, help="Texts to find.")] = 10,
    words: Annotated[
        float | None,
        typer.Option(
            min=0, help="Weight of common words beside meaning, 0 for none; else what suits the model."
        ),
    ] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Find the lines that are most like a query, by meaning and by words."""
    from apps.text.index import searcher

    console = Console(json=json, quiet=quiet)
    find = searcher(index, model, default=ENCODER, words_weight=words)
    found = {query: find(query, k) for query in given_texts(queries)[0]}
    columns = ("", "likeness", "line", "text")

    def show() -> None:
        for query, hits in found.items():
            rows = [(hit.rank, f"{hit.likeness:.3f}", hit.line, hit.text) for hit in hits]
            console.table(columns, rows, query)

    console.result({query: [hit.to_json() for hit in hits] for query, hits in found.items()}, show)
