"""``cnnapps style``: arguments in, one call of the API, printing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from common.cli import (
    DeviceOption,
    JsonOption,
    OutOption,
    QuietOption,
    ResumeOption,
    SeedOption,
    command_line,
    show_models,
    sub_app,
)
from common.console import Console
from common.errors import UsageError

__all__ = ["app"]

app = sub_app("Neural style transfer: what one picture shows, painted as another is.")


@app.command()
def run(
    content: Annotated[
        str, typer.Argument(help="The picture to be painted, a folder of them, or a video.")
    ] = "",
    style: Annotated[list[str] | None, typer.Argument(help="Pictures of the style.")] = None,
    method: Annotated[
        str, typer.Option(help="fast (one pass), optimize (steps), auto: steps, but for folders and videos.")
    ] = "auto",
    model: Annotated[str, typer.Option("--model", "-m", help="fast: a shipped name or a run folder.")] = "",
    size: Annotated[
        int, typer.Option(help="Pixels of the longer side; 0: the content's, at most 512 by steps.")
    ] = 0,
    strength: Annotated[float, typer.Option(help="Of the style against the content.")] = 1.0,
    style_weight: Annotated[
        list[float] | None, typer.Option(help="Of one of several styles, in their order; repeatable.")
    ] = None,
    style_scale: Annotated[float, typer.Option(help="Size of the style's strokes.")] = 1.0,
    preserve_color: Annotated[str, typer.Option(help="none, luminance or histogram.")] = "none",
    mask: Annotated[
        str,
        typer.Option(help="White where the style goes; of several styles one colour each, darkest first."),
    ] = "",
    match: Annotated[str, typer.Option(help="gram, wasserstein or both.")] = "gram",
    init: Annotated[str, typer.Option(help="Begin from content, noise or style.")] = "content",
    quality: Annotated[str, typer.Option(help="fast, good or best.")] = "good",
    features: Annotated[
        str, typer.Option(help="What compares: vgg19, vgg16, a folder; else what ships.")
    ] = "",
    seed: SeedOption = 0,
    out: Annotated[
        str, typer.Option("--out", "-o", help="The picture to write; of a folder, the folder.")
    ] = "",
    compare: Annotated[
        bool, typer.Option("--compare", help="Also content, style and result side by side.")
    ] = False,
    progress_gif: Annotated[
        bool, typer.Option("--progress-gif", help="Also a film of how it came about.")
    ] = False,
    resume: Annotated[
        Path | None, typer.Option("--resume", help="Go on with this picture, which was stopped.")
    ] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Paint CONTENT in the style of STYLE."""
    from apps.style.options import StyleOptions
    from apps.style.running import Outputs
    from apps.style.running import resume as go_on
    from apps.style.running import run as paint

    console = Console(json=json, quiet=quiet)
    if resume is None and not content:
        raise UsageError("no picture to paint", "cnnapps style run CONTENT STYLE")
    if resume is not None and content:
        raise UsageError("--resume goes on as it was begun", "leave out CONTENT and STYLE")
    with console.progress("painting") as progress:
        if resume is not None:
            made = [go_on(resume, progress=progress)]
        else:
            options = StyleOptions(
                content=content,
                styles=tuple(style or ()),
                weights=tuple(style_weight or ()),
                method=method,
                model=model,
                size=size,
                strength=strength,
                style_scale=style_scale,
                match=match,
                preserve_color=preserve_color,
                mask=mask,
                init=init,
                quality=quality,
                features=features,
                seed=seed,
            )
            made = list(paint(options, Outputs(out, compare, progress_gif), progress=progress))
    for note in dict.fromkeys(note for one in made for note in one.notes):
        console.note(note)
    console.result(
        [one.to_json() for one in made],
        "\n".join(
            f"{', '.join(str(path) for path in (one.path, *one.also))}: {one.size[0]}x{one.size[1]}, "
            f"{one.seconds:.0f} s"
            for one in made
        ),
    )


@app.command()
def evaluate(
    picture: Annotated[str, typer.Argument(help="A painted picture.")],
    style: Annotated[str, typer.Argument(help="The style that it was given.")],
    content: Annotated[str, typer.Option(help="What it was painted of.")] = "",
    features: Annotated[
        str, typer.Option(help="What compares: vgg19, vgg16, a folder; else what ships.")
    ] = "",
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Say how much of the style a picture has taken on, and how much of the content it has kept."""
    from apps.style.evaluation import evaluate

    console = Console(json=json, quiet=quiet)
    found = evaluate(picture, style, content=content, features=features)
    for note in found.notes:
        console.note(note)
    lines = [f"distance from the style, {name}: {value:.4g}" for name, value in found.style.items()]
    lines += [f"  {share:.0%} of the content's is gone ({name})" for name, share in found.gained.items()]
    if found.content is not None:
        lines.append(f"distance from the content: {found.content:.4g}")
    console.result(found.to_json(), "\n".join(lines))


@app.command()
def train(
    styles: Annotated[list[str] | None, typer.Argument(help="Pictures of the style, or folders.")] = None,
    contents: Annotated[
        list[str] | None, typer.Option(help="Folder of photographs to learn on; repeatable.")
    ] = None,
    network: Annotated[str, typer.Option(help="painter (one style) or decoder (any style).")] = "painter",
    weights: Annotated[str, typer.Option(help="Start from this model instead of random weights.")] = "",
    features: Annotated[
        str, typer.Option(help="What compares: vgg19, vgg16, a folder; else what ships.")
    ] = "",
    style_weight: Annotated[float, typer.Option(help="Of the style against the content.")] = 1.0,
    steps: Annotated[int, typer.Option(min=1, help="Of training.")] = 2000,
    side: Annotated[int, typer.Option(help="Pixels of the windows that are learned on.")] = 128,
    batch: Annotated[int, typer.Option(min=1, help="Windows a step.")] = 4,
    rate: Annotated[float, typer.Option(help="Peak learning rate.")] = 1e-3,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    out: OutOption = None,
    resume: ResumeOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train a network that paints in one pass."""
    from apps.style.options import TrainOptions
    from apps.style.training import train as learn

    console = Console(json=json, quiet=quiet)
    options = TrainOptions(
        styles=tuple(styles or ()),
        contents=tuple(contents or ()),
        network=network,
        weights=weights,
        features=features,
        style_weight=style_weight,
        steps=steps,
        side=side,
        batch=batch,
        rate=rate,
        seed=seed,
        device=device,
    )
    with console.progress("training") as progress:
        result = learn(
            options, out=resume or out, resume=resume is not None, command=command_line(), progress=progress
        )
    console.result(
        result.to_json(),
        f"{result.run}: {result.card.parameters:,} weights, loss {result.history[-1]['loss']:.3f}",
    )
    style = "" if result.card.network == "painter" else " painting.jpg"
    console.next(f"cnnapps style run photo.jpg{style} --model {result.run}")


@app.command()
def models(json: JsonOption = False) -> None:
    """List the models that ship, with what they reach."""
    show_models("style", Console(json=json))
