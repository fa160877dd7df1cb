"""``style run``: pictures and videos in, painted ones out."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.style.easel import Easel, Sitting, easel_for
from apps.style.options import StyleOptions
from apps.style.pictures import brought_to, finished, read_picture, regions_of
from apps.style.sheets import Film, write_comparison
from common import artifact
from common.console import Advance
from common.data.images import check_writable, decode, find_pictures
from common.data.picture_metadata import read_metadata, write_with
from common.data.video import VIDEO_SUFFIXES
from common.errors import InputError, Interrupted, UsageError
from common.files import unused, write_text

if TYPE_CHECKING:
    from common.synthesis import Place

__all__ = ["Outputs", "Styled", "resume", "run"]


@dataclass(frozen=True)
class Outputs:
    """What is written.

    Args:
        out: the picture, or for several contents the folder; "" for beside each content.
        compare: also content, styles and result on one sheet.
        progress_gif: also a film of how the picture came about.
    """

    out: str = ""
    compare: bool = False
    progress_gif: bool = False


@dataclass(frozen=True)
class Styled:
    """A picture that was painted.

    Args:
        path: where it was written; what was asked for stands beside it in a ``.json``.
        size: (width, height) in pixels.
        seconds: it took.
        loss: left at the end; None of one pass.
        notes: what the eye might miss.
        also: further files.
    """

    path: Path
    size: tuple[int, int]
    seconds: float
    loss: float | None
    notes: tuple[str, ...] = ()
    also: tuple[Path, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return vars(self) | {"path": str(self.path), "also": [str(path) for path in self.also]}


def run(
    options: StyleOptions,
    outputs: Outputs = Outputs(),
    *,
    progress: Advance = lambda done, total, remark: None,
) -> Iterator[Styled]:
    """Paint one picture, a video, or every picture of a folder, and write each as soon as it is done.

    Args:
        options: what to paint, and how.
        outputs: what to write.
        progress: called with (work done, work, remark).

    Raises:
        UsageError: requests that exclude each other.
        InputError: pictures that cannot be read or used.
        ArtifactError: no such features.
        Interrupted: by Ctrl-C, after the picture was written as far as it came.
    """
    options.check()
    if Path(options.content).suffix.lower() in VIDEO_SUFFIXES:
        yield _painted_video(options, outputs, progress)
        return
    contents = find_pictures([options.content])
    easel: Easel | None = None
    for number, content in enumerate(contents):
        path = _name(content, outputs.out, several=len(contents) > 1)
        check_writable(path)
        easel = easel or easel_for(options, many=len(contents) > 1)
        one = replace(options, content=str(content))
        remark = f"{content.name} " if len(contents) > 1 else ""
        yield _painted(easel, one, path, outputs, progress=_share(progress, number, len(contents), remark))


def resume(result: Path, *, progress: Advance = lambda done, total, remark: None) -> Styled:
    """Go on with a picture that was stopped, as its ``.json`` says, and put the finished one in its place.

    Raises:
        InputError: a picture that ``style run`` did not write, or that was finished.
        Interrupted, ArtifactError: as of ``run``.
    """
    from common.synthesis import Place

    saved = _record_of(result)
    try:
        values = json.loads(saved.read_text(encoding="utf-8"))
        options, stopped = StyleOptions.of(values["options"]), values["stopped"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{result}: {saved.name}, which says how it was made, cannot be read", "run it again"
        ) from error
    if not stopped:
        raise InputError(f"{result} is finished", "run it again with --quality best for more")
    options.check()
    begun = decode(result).pixels.astype(np.float32) / 255
    easel = easel_for(options)
    return _painted(
        easel, options, result, Outputs(), begin=Place(**stopped), begun=begun, progress=_share(progress)
    )


def _painted_video(options: StyleOptions, outputs: Outputs, progress: Advance) -> Styled:
    from apps.style.videos import paint_video

    if outputs.compare or outputs.progress_gif:
        raise UsageError("--compare and --progress-gif are of pictures", "leave them out for a video")
    content = Path(options.content)
    path = Path(outputs.out) if outputs.out else unused(content.with_name(f"{content.stem}.styled.mp4"))
    easel = easel_for(options, many=True)
    size, seconds, notes = paint_video(easel, options, path, progress=progress)
    _write_record(path, options, seconds, None, None)
    return Styled(path, size, seconds, None, (*easel.notes, *notes))


def _painted(
    easel: Easel,
    options: StyleOptions,
    path: Path,
    outputs: Outputs,
    *,
    begin: Place | None = None,
    begun: np.ndarray | None = None,
    progress: Advance,
) -> Styled:
    """Paint one picture and write it, with what goes with it."""
    started = time.monotonic()
    whole, notes = read_picture(options.content)
    size, said = easel.size_for(options.size, whole)
    content = brought_to(whole, size)
    regions = regions_of(options.mask, max(1, len(options.styles)), (content.shape[0], content.shape[1]))
    film = Film(path) if outputs.progress_gif else None
    sitting = Sitting(
        begin,
        begun,
        progress=lambda share, remark: progress(round(1000 * share), 1000, remark),
        watch=film.add if film else lambda picture: None,
    )
    outcome = easel.paint(content, regions, sitting)
    picture = finished(outcome.picture, content, regions, options.preserve_color)
    pixels = np.rint(picture * 255).astype(np.uint8)
    write_with(path, pixels, read_metadata(options.content))
    stopped = vars(outcome.stopped) if outcome.stopped else None
    seconds = time.monotonic() - started
    _write_record(path, options, seconds, outcome.loss, stopped)
    if stopped:
        raise Interrupted(f"stopped; {path} is as far as it came", f"cnnapps style run --resume {path}")
    also = []
    if film and film.frames:
        also.append(film.write())
    if outputs.compare:
        also.append(write_comparison(path, content, easel.styles, picture))
    notes += (*easel.notes, *said)
    return Styled(path, (pixels.shape[1], pixels.shape[0]), seconds, outcome.loss, notes, tuple(also))


def _name(content: Path, out: str, *, several: bool) -> Path:
    """Return a name for a result; nothing that is there is overwritten unless it was named."""
    suffix = content.suffix.lower()
    kept = suffix if suffix in (".jpg", ".jpeg", ".png", ".webp") else ".png"
    usual = f"{content.stem}.styled{kept}"
    if several and out:
        return unused(Path(out) / usual)
    return Path(out) if out else unused(content.with_name(usual))


def _write_record(
    path: Path, options: StyleOptions, seconds: float, loss: float | None, stopped: dict[str, int] | None
) -> None:
    """Write what was asked for, and how it went, beside a result."""
    record = {
        "options": options.to_json(),
        "seconds": seconds,
        "loss": loss,
        "stopped": stopped,
        "versions": artifact.versions(),
    }
    write_text(_record_of(path), json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def _record_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _share(progress: Advance, number: int = 0, count: int = 1, remark: str = "") -> Advance:
    """Return the progress of one of several pictures."""
    return lambda done, total, said: progress(number * total + done, count * total, remark + said)
