"""The verbs of ``cnnapps objects`` that find what is where: arguments in, one call of the API, printing."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apps.objects.detection.data_cli import DataArgument, FormOption, boxes
from apps.objects.detection.options import DetectOptions, DetectorOptions, check_side
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
    show_exports,
)
from common.console import Console
from common.errors import UsageError

if TYPE_CHECKING:
    from apps.objects.detection.output import Output
    from common.detector import Detector

__all__ = ["add_commands"]

ModelOption = Annotated[
    str, typer.Option("--model", "-m", help="A run folder, or hub:NAME of KerasHub (not to export).")
]
SideOption = Annotated[
    int | None, typer.Option("--size", help="Pictures are fitted into squares of so many pixels.")
]
AgainOption = Annotated[
    bool,
    typer.Option(
        "--again",
        help="Look from other sides too: mirrored, or turned if trained so. Surer, 2 to 4 times slower.",
    ),
]


def add_commands(app: typer.Typer) -> None:
    """Add the verbs that detect, and the group ``data``."""
    app.command()(detect)
    app.command("train-detector")(train_detector)
    app.command("evaluate-detector")(evaluate_detector)
    app.command("export-detector")(export_detector)
    app.add_typer(boxes, name="data")


def detect(
    paths: Annotated[
        list[str], typer.Argument(help="Pictures, folders, patterns, videos, a camera (0), an address.")
    ],
    model: ModelOption = "",
    threshold: Annotated[
        float | None, typer.Option(min=0.01, max=1, help="Least score; else the model's own.")
    ] = None,
    side: SideOption = None,
    again: AgainOption = False,
    no_pictures: Annotated[bool, typer.Option("--no-pictures", help="Draw and write nothing.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Show videos on the display; q stops.")] = False,
    max_frames: Annotated[int, typer.Option(min=0, help="Of a video; 0 for all.")] = 0,
    out: OutOption = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="A row for each object.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Find objects in pictures and videos; draws them beside each as NAME.detected.jpg or .mp4."""
    from apps.objects.detection.output import FORMS, output
    from apps.objects.detection.video import is_video
    from common.detector import open_detector

    if json and as_csv:
        raise UsageError("--json and --csv exclude each other", "choose one")
    if side:
        check_side(side)
    if out and out.is_file():
        raise UsageError(f"{out} is a file", "--out names a folder")
    console = Console(json=json, quiet=quiet)
    detector = open_detector(_named(model), side=side, again=again)
    told = output(FORMS[json, as_csv], console)
    options = DetectOptions(threshold, str(out or ""), not no_pictures, show, max_frames)
    codes = [
        (_detect_video if is_video(path) else _detect_pictures)(path, detector, options, told, console)
        for path in paths
    ]
    if code := max(codes):
        raise typer.Exit(code)


def _named(model: str) -> str:
    """Return the model that is asked for: no detector ships, so none is taken unasked.

    Raises:
        UsageError: none is named.
    """
    if not model:
        raise UsageError(
            "name a model: no detector ships",
            "your own by cnnapps objects train-detector DATA, or for everyday things --model hub:dfine_nano_coco",
        )
    return model


def _detect_pictures(
    path: str, detector: Detector, options: DetectOptions, told: Output, console: Console
) -> int:
    """Find objects in a picture or in those of a folder; return the exit code."""
    from apps.objects.detection.prediction import DrawnPictures, detect

    drawn = DrawnPictures(Path(options.out) if options.out else None)
    failed = False
    for result in detect(path, detector, threshold=options.threshold):
        failed |= result.error is not None
        told.picture(result, drawn.write(result) if options.write and not result.error else None)
        for note in result.notes:
            console.note(f"{result.source}: {note}")
    return int(failed)


def _detect_video(
    path: str, detector: Detector, options: DetectOptions, told: Output, console: Console
) -> int:
    """Find objects in a video; return the exit code."""
    from apps.objects.detection.video import detect_video
    from common.errors import InputError

    with ExitStack() as stack:
        on_frame = None
        if options.show:
            from common.display import Display

            on_frame = stack.enter_context(Display(path))
        try:
            result = detect_video(
                path,
                detector,
                options,
                on_found=lambda frame, found: told.frame(path, detector.classes, frame, found),
                on_frame=on_frame,
                progress=stack.enter_context(console.progress("detecting")),
            )
        except InputError as error:
            told.failure(path, error)
            return 1
    told.video(result)
    for note in result.notes:
        console.note(f"{path}: {note}")
    if result.interrupted:
        console.note("interrupted; what was detected so far is saved")
        return 130
    if result.damage:
        console.note(f"error: {path}: {result.damage}; what was detected so far is saved")
    return int(bool(result.damage))


def train_detector(
    data: DataArgument = "",
    form: FormOption = "",
    network: Annotated[str, typer.Option(help="nano (fast) or small (sees more).")] = "nano",
    backbone: Annotated[
        str,
        typer.Option(
            help="Model whose backbone to start from, else the one that ships; none for random weights."
        ),
    ] = "",
    side: Annotated[int, typer.Option("--size", help="Pictures are fitted into such squares.")] = 416,
    filters: Annotated[
        int | None, typer.Option(min=4, help="Feature maps at stride 4, as of the backbone.")
    ] = None,
    depth: Annotated[int | None, typer.Option(min=1, help="Blocks a stage, as of the backbone.")] = None,
    turns: Annotated[
        bool, typer.Option("--turns", help="Pictures have no up (microscopes, satellites): turn them too.")
    ] = False,
    trainval: Annotated[
        bool, typer.Option("--trainval", help="Learn from the part val too; a tenth of both is held out.")
    ] = False,
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
    """Train a detector on pictures with boxes, test it once, write a run folder with report.html."""
    from apps.objects.detection.training import train_detector

    if not data and not resume:
        raise UsageError("name the data", "cnnapps objects train-detector FOLDER")
    console = Console(json=json, quiet=quiet)
    options = DetectorOptions(
        data=data,
        form=form,
        network=network,
        arguments={name: value for name, value in (("filters", filters), ("depth", depth)) if value},
        backbone=backbone,
        side=side,
        turns=turns,
        trainval=trainval,
        epochs=epochs,
        batch=batch,
        rate=rate,
        seed=seed,
        device=device,
    )
    with console.progress("training") as progress:
        result = train_detector(
            options, out=resume or out, resume=resume is not None, command=command_line(), progress=progress
        )
    for note in result.notes:
        console.note(note)

    def show() -> None:
        if result.evaluation:
            result.evaluation.print()
        else:
            print("there was no picture left to test on")
        print(f"{result.seconds:.0f} s of training\nmodel and report: {result.run / 'report.html'}")

    console.result(result.to_json(), show)
    console.next(f"cnnapps objects detect photo.jpg --model {result.run}")


def evaluate_detector(
    data: DataArgument,
    model: ModelOption = "",
    form: FormOption = "",
    part: Annotated[str, typer.Option(help="train, val, test or all; else what is for testing.")] = "",
    side: SideOption = None,
    again: AgainOption = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write a report with pictures here.")
    ] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Average precision as COCO defines it, by class and size, recall, precision, speed."""
    from apps.objects.detection.evaluation import evaluate_detector
    from common.files import write_text

    if side:
        check_side(side)
    if out and out.exists():
        raise UsageError(f"{out} exists", "choose another --out")
    console = Console(json=json, quiet=quiet)
    with console.progress("detecting") as progress:
        found = evaluate_detector(
            data, model=_named(model), form=form or None, part=part, side=side, again=again, progress=progress
        )
    for note in found.notes:
        console.note(note)
    console.result(found.to_json(), found.print)
    if out:
        from apps.objects.detection.report import evaluation_report

        write_text(out, evaluation_report(found, command_line()))
        console.note(f"report: {out}")


def export_detector(
    pictures: Annotated[
        list[str] | None, typer.Argument(help="Pictures to compare on; without any, noise.")
    ] = None,
    model: ModelOption = "",
    format: Annotated[
        str, typer.Option("--format", "-f", help="savedmodel, onnx, litert, litert-float16 or all.")
    ] = "all",
    out: OutOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Convert a detector to other runtimes, boxes and suppression included, and compare each."""
    from apps.objects.detection.exporting import export_detector

    show_exports(export_detector(_named(model), format, pictures or [], out), Console(json=json, quiet=quiet))
