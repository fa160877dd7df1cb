"""``cnnapps track``: arguments in, one call of the API, printing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apps.track.options import SHIPPED, RunOptions, parsed_box
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

if TYPE_CHECKING:
    import numpy as np

__all__ = ["app"]

app = sub_app(
    "Follow objects through a video: cnnapps track video.mp4 finds and follows all that move.", default="run"
)

ModelOption = Annotated[str, typer.Option("--model", "-m", help="A shipped name or a run folder.")]


@app.command()
def run(
    video: Annotated[
        str, typer.Argument(help="A file, a folder of frames, a camera (0), an RTSP/HTTP address.")
    ],
    box: Annotated[
        list[str] | None, typer.Option("--box", help="x,y,width,height of an object to follow; repeatable.")
    ] = None,
    select: Annotated[bool, typer.Option("--select", help="Draw the boxes with the mouse.")] = False,
    at: Annotated[float, typer.Option(min=0, help="Seconds at which to start.")] = 0.0,
    detector: Annotated[
        str, typer.Option(help="What finds objects: motion, or a trained detector.")
    ] = "motion",
    classify: Annotated[
        str, typer.Option(help="A classifier (objects train) that says what each object is.")
    ] = "",
    format: Annotated[str, typer.Option(help="Of the table: mot, otb or coco-video.")] = "mot",
    no_video: Annotated[bool, typer.Option("--no-video", help="Write the table alone.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Show the frames on the display; q stops.")] = False,
    max_frames: Annotated[int, typer.Option(min=0, help="Stop after so many; 0 for all.")] = 0,
    model: Annotated[
        str,
        typer.Option(
            "--model", "-m", help="A shipped name or a run folder; it tells objects apart by looks."
        ),
    ] = "",
    out: OutOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Track a video: writes VIDEO.tracked.mp4 and a table of all boxes beside it."""
    from apps.track.running import track

    console = Console(json=json, quiet=quiet)
    boxes = [parsed_box(text) for text in box or []]
    if select:
        from apps.track.display import selected_boxes

        boxes += selected_boxes(video, at)
    options = RunOptions(
        video=video,
        boxes=tuple(boxes),
        at=at,
        detector=detector,
        classify=classify,
        model=model,
        format=format,
        out=str(out or ""),
        no_video=no_video,
        max_frames=max_frames,
        states=json,
    )
    with ExitStack() as stack:
        on_frame: Callable[[np.ndarray], bool] | None = None
        if show:
            from common.display import Display

            on_frame = stack.enter_context(Display(video))
        result = track(options, on_frame=on_frame, progress=stack.enter_context(console.progress("tracking")))
    for note in result.notes:
        console.note(note)
    count = len(result.objects)
    names = ", ".join(f"{number} {name}" for number, name in sorted(result.names.items()))
    console.result(
        result.to_json(),
        f"{result.frames} frames, {result.rate:.0f} frames/s, {count} object{'s' * (count != 1)}"
        + (f": {names}\n" if names else "\n")
        + "\n".join(str(path) for path in (result.video, result.table) if path),
    )
    if result.interrupted:
        console.note("interrupted; what was tracked so far is saved")
        raise typer.Exit(130)
    if result.damage:
        console.note(f"error: {result.name}: {result.damage}; what was tracked so far is saved")
        raise typer.Exit(1)
    if not boxes and result.video:
        console.next(f"cnnapps track {video} --box x,y,width,height   # follow one object")


@app.command()
def evaluate(
    folder: Annotated[
        str, typer.Argument(help="Sequences NAME/img/0001.jpg, NAME/groundtruth_rect.txt; or one.")
    ],
    hide: Annotated[
        bool, typer.Option("--hide", help="Also take the object away for a while: is lost said?")
    ] = False,
    model: ModelOption = SHIPPED,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write a report with plots here.")] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Follow objects whose boxes are known: success AUC, precision, speed; one pass."""
    from apps.track.evaluation import evaluate
    from common.errors import UsageError
    from common.files import write_text

    if out and out.exists():
        raise UsageError(f"{out} exists", "choose another --out")
    console = Console(json=json, quiet=quiet)
    with console.progress("following") as progress:
        found = evaluate(folder, model=model, hide=hide, progress=progress)
    if out:
        from apps.track.report import evaluation_report

        write_text(out, evaluation_report(found, command_line()))

    def show() -> None:
        columns = ("sequence", "frames", "AUC", "precision@20", "normalised", "frames/s", "followed absent")
        rows = [
            (
                trace.name,
                trace.figures.frames,
                f"{trace.figures.auc:.3f}",
                f"{trace.figures.precision:.3f}",
                f"{trace.figures.normalised_precision:.3f}",
                f"{trace.rate:.0f}",
                "" if trace.followed_absent != trace.followed_absent else f"{trace.followed_absent:.1%}",
            )
            for trace in found.traces
        ]
        means = (f"{found.mean(name):.3f}" for name in ("auc", "precision", "normalised_precision"))
        Console.table(columns, [*rows, ("mean", "", *means, f"{found.rate:.0f}", "")])

        if found.absences:
            print(
                f"with the object taken away: a box in {found.followed_absent:.1%} of the frames without it, "
                f"found again in time after {found.found_again:.0%} of the returns"
            )

    console.result(found.to_json(), show)
    if out:
        console.note(f"report: {out}")


@app.command()
def train(
    pictures: Annotated[
        list[str] | None, typer.Argument(help="Folders of pictures, with COCO files or without.")
    ] = None,
    sequences: Annotated[str, typer.Option(help="Folder of sequences with known boxes.")] = "",
    leave_out: Annotated[
        list[str] | None, typer.Option(help="A sequence to test on instead; repeatable.")
    ] = None,
    weights: Annotated[str, typer.Option(help="A model to go on from: a shipped name or a run folder.")] = "",
    backbone: Annotated[
        str, typer.Option(help="A model that recognises objects (network pyramid): start from its backbone.")
    ] = "",
    steps: Annotated[int | None, typer.Option(min=1, help="Batches to learn from.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Pairs a step.")] = None,
    rate: RateOption = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    out: OutOption = None,
    resume: ResumeOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train the network on still pictures and sequences; write a run folder with report.html."""
    from apps.track.options import TrainOptions
    from apps.track.training import train

    console = Console(json=json, quiet=quiet)
    options = TrainOptions(
        pictures=tuple(pictures or ()),
        sequences=sequences,
        leave_out=tuple(leave_out or ()),
        weights=weights,
        backbone=backbone,
        steps=steps,
        batch=batch,
        rate=rate,
        seed=seed,
        device=device,
    )
    with console.progress("training") as progress:
        result = train(
            options, out=resume or out, resume=resume is not None, command=command_line(), progress=progress
        )
    console.note(result.material)
    tested = (
        f"AUC {result.evaluation.mean('auc'):.3f} on the sequences left out\n" if result.evaluation else ""
    )
    console.result(result.to_json(), f"{tested}model and report: {result.run / 'report.html'}")
    console.next(f"cnnapps track video.mp4 --model {result.run}")


@app.command()
def bench(
    video: Annotated[str, typer.Argument(help="As of cnnapps track; else a texture of 640x480 pixels.")] = "",
    model: ModelOption = SHIPPED,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure how many frames a second this machine follows 1 to 10 given objects in."""
    from apps.track.speed import measure_speed

    console = Console(json=json, quiet=quiet)
    with console.progress("measuring") as progress:
        found = measure_speed(video, model=model, progress=progress)
    console.result(
        found.to_json(),
        lambda: Console.table(
            ("objects at once", "frames/s"), [(count, f"{rate:.0f}") for count, rate in found.rates.items()]
        ),
    )
    console.note(f"{found.source}, {found.size[0]}x{found.size[1]} pixels; decoding and writing not counted")


@app.command()
def models(json: JsonOption = False) -> None:
    """List the models that ship, with what they reach."""
    show_models("track", Console(json=json))
