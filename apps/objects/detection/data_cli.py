"""``cnnapps objects data``: pictures with boxes are checked and converted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from common.cli import JsonOption, QuietOption
from common.console import Console

__all__ = ["DataArgument", "FormOption", "boxes"]

boxes = typer.Typer(
    help="Pictures with boxes: check them, convert them.", no_args_is_help=True, rich_markup_mode=None
)

DataArgument = Annotated[
    str, typer.Argument(help="A Pascal VOC or YOLO folder, or a COCO file with its pictures.")
]
FormOption = Annotated[str, typer.Option("--format", "-f", help="voc, coco or yolo; else it is guessed.")]


@boxes.command()
def check(
    data: DataArgument,
    form: FormOption = "",
    deep: Annotated[
        bool, typer.Option("--deep", help="Decode every picture; find pictures that look alike.")
    ] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Count what is in pictures with boxes and list what is wrong with them."""
    from apps.objects.detection.output import show_check
    from common.data.boxed import check

    console = Console(json=json, quiet=quiet)
    with console.progress("reading") as progress:
        report = check(data, deep=deep, form=form or None, progress=progress)
    console.result(report.to_json(), lambda: show_check(report))
    if not json and not deep:
        console.next(f"cnnapps objects data check {data} --deep")


@boxes.command()
def convert(
    data: DataArgument,
    to: Annotated[str, typer.Option("--to", help="coco, voc or yolo.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="A new folder.")],
    form: FormOption = "",
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write pictures with boxes in another format, pictures and all."""
    from common.data.boxed import WRITERS, convert, open_boxed

    WRITERS.get(to)
    console = Console(json=json, quiet=quiet)
    with console.progress("converting") as progress:
        read = open_boxed(data, form=form or None, progress=progress)
        done = convert(read, out, to, progress=progress)
    for note in (*read.notes, *done.notes):
        console.note(note)
    if read.problems:
        console.note(f"{len(read.problems)} problems: cnnapps objects data check {data}")
    console.result(
        done.to_json(), f"{done.out}: {done.pictures:,} pictures, {done.boxes:,} boxes, {done.format}"
    )
    console.next(f"cnnapps objects train-detector {done.out}")
