"""``cnnapps texture``: arguments in, one call of the API, printing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from common.cli import (
    DeviceOption,
    JsonOption,
    OutOption,
    QuietOption,
    RateOption,
    ResumeOption,
    SeedOption,
    command_line,
    show_models,
    sub_app,
)
from common.console import Console
from common.errors import UsageError

__all__ = ["app"]

app = sub_app("Textures: more of what a picture shows, in any size, seamless if asked.")


@app.command()
def synthesize(
    exemplar: Annotated[str, typer.Argument(help="A picture of the texture, or a run of `texture train`.")],
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT; else that of the exemplar, or 512x512.")] = "",
    tile: Annotated[bool, typer.Option("--tile", help="Make it go on at its opposite edge.")] = False,
    method: Annotated[str, typer.Option(help="gram or wasserstein.")] = "gram",
    quality: Annotated[str, typer.Option(help="fast, good or best.")] = "good",
    mix: Annotated[list[str] | None, typer.Option(help="A further exemplar; repeatable.")] = None,
    guide: Annotated[
        str, typer.Option(help="Picture of flat colours, one an exemplar, darkest first: which goes where.")
    ] = "",
    inpaint: Annotated[
        str, typer.Option(help="Mask: make the exemplar anew where it is white, keep the rest.")
    ] = "",
    features: Annotated[
        str, typer.Option(help="What compares: vgg19, vgg16, a folder; else what ships.")
    ] = "",
    seed: SeedOption = 0,
    variations: Annotated[int, typer.Option(min=1, help="How many to make.")] = 1,
    out: Annotated[str, typer.Option("--out", "-o", help="The picture to write.")] = "",
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Make a picture of the same texture that is no copy."""
    from apps.texture.options import SynthesisOptions, parsed_size
    from apps.texture.synthesis import synthesize

    console = Console(json=json, quiet=quiet)
    options = SynthesisOptions(
        exemplars=(exemplar, *(mix or ())),
        size=parsed_size(size) if size else None,
        tile=tile,
        method=method,
        quality=quality,
        guide=guide,
        inpaint=inpaint,
        features=features,
        seed=seed,
        variations=variations,
        out=out,
    )
    with console.progress("synthesizing") as progress:
        made = list(synthesize(options, progress=progress))
    for note in made[0].notes:
        console.note(note)
    console.result(
        [one.to_json() for one in made],
        "\n".join(f"{one.path}: {one.size[0]}x{one.size[1]}, {one.seconds:.0f} s" for one in made),
    )


@app.command()
def train(
    exemplar: Annotated[str, typer.Argument(help="A picture of the texture.")] = "",
    features: Annotated[
        str, typer.Option(help="What compares: vgg19, vgg16, a folder; else what ships.")
    ] = "",
    steps: Annotated[int, typer.Option(min=1, help="Of training.")] = 2000,
    side: Annotated[int, typer.Option(help="Pixels of the pictures that are made in training.")] = 128,
    batch: Annotated[int, typer.Option(min=1, help="Pictures a step.")] = 2,
    rate: RateOption = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    out: OutOption = None,
    resume: ResumeOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train a network that makes this texture at once, in any size."""
    from apps.texture.options import TrainOptions
    from apps.texture.training import train

    if not exemplar and not resume:
        raise UsageError("name a picture of the texture", "cnnapps texture train brick.jpg")
    console = Console(json=json, quiet=quiet)
    options = TrainOptions(exemplar, features, steps, side, batch, rate or TrainOptions.rate, seed, device)
    with console.progress("training") as progress:
        result = train(
            options, out=resume or out, resume=resume is not None, command=command_line(), progress=progress
        )
    for note in result.notes:
        console.note(note)
    console.result(
        result.to_json(),
        f"{result.run}: {result.card.parameters:,} weights, loss {result.history[-1]['loss']:.3f}",
    )
    console.next(f"cnnapps texture synthesize {result.run} --size 1024x1024")


@app.command()
def evaluate(
    picture: Annotated[str, typer.Argument(help="A texture that was made.")],
    exemplar: Annotated[str, typer.Argument(help="What it was made of.")],
    features: Annotated[
        str, typer.Option(help="What compares: vgg19, vgg16, a folder; else what ships.")
    ] = "",
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Say how like its exemplar a texture is, and how much of it is copied."""
    from apps.texture.evaluation import evaluate

    console = Console(json=json, quiet=quiet)
    found = evaluate(picture, exemplar, features=features)
    for note in found.notes:
        console.note(note)
    lines = [
        f"{name}: {found.distances[name]:.4g}, {ratio:.2f} times what lies between the exemplar's halves"
        for name, ratio in found.ratios.items()
    ]
    console.result(
        found.to_json(), "\n".join([*lines, f"largest copied piece: {found.copied:.1%} of the area"])
    )


@app.command()
def features(
    model: Annotated[str, typer.Argument(help="A run of `cnnapps objects train --network vgg`.")],
    pictures: Annotated[str, typer.Option(help="Folder of pictures to measure activations on.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write the features.")],
    seed: SeedOption = 0,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Make features, for `--features`, of a network that was trained to recognise."""
    from apps.texture.feature_making import make_features

    console = Console(json=json, quiet=quiet)
    made = make_features(model, pictures, out, seed=seed, command=command_line())
    console.result(
        {"out": str(made.folder), "parameters": made.card.parameters},
        f"{made.folder}: {made.card.parameters:,} weights",
    )
    console.next(f"cnnapps texture synthesize brick.jpg --features {made.folder}")


@app.command()
def models(json: JsonOption = False) -> None:
    """List the models that ship, with what they reach."""
    show_models("texture", Console(json=json))
