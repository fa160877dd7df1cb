"""``style run``: pictures and videos in, painted ones out."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from apps.style.colours import recoloured, with_brightness_of
from apps.style.options import StyleOptions
from apps.style.sheets import Film, write_comparison
from common import artifact, devices
from common.console import Advance
from common.data.images import check_writable, decode, find_pictures
from common.data.masks import read_mask, read_regions
from common.data.picture_metadata import read_metadata, write_with
from common.errors import InputError, Interrupted, UserError
from common.files import unused, write_text

if TYPE_CHECKING:
    from apps.style.painting import Painter
    from common.features import FeatureExtractor
    from common.synthesis import Place

__all__ = ["Outputs", "Styled", "resume", "run"]

USUAL = 512  # pixels of the longer side where none are asked for
SHORTEST = 16  # pixels of a side that can be painted
EDGE = 3.0  # pixels over which a mask's edge is blended
COPIES = 12  # of all feature maps, that are held while a picture is optimised
FREE = 0.7  # share of the free memory that may be used


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
        loss: left at the end.
        notes: what the eye might miss.
        also: further files.
    """

    path: Path
    size: tuple[int, int]
    seconds: float
    loss: float
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
    """Paint one picture, or every picture of a folder, and write each as soon as it is done.

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
    contents = find_pictures([options.content])
    easel: _Easel | None = None
    for number, content in enumerate(contents):
        path = _name(content, outputs.out, several=len(contents) > 1)
        check_writable(path)
        easel = easel or _Easel.of(options)
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
    easel = _Easel.of(options)
    return _painted(
        easel, options, result, Outputs(), begin=Place(**stopped), begun=begun, progress=_share(progress)
    )


@dataclass
class _Easel:
    """What all pictures of a run share.

    Args:
        styles: as read.
        features: that compare pictures.
        notes: on the styles.
        size: pixels of the longer side that the painter was made for.
        painter: for pictures of that size.
    """

    styles: list[np.ndarray]
    features: FeatureExtractor
    notes: tuple[str, ...]
    size: int = 0
    painter: Painter | None = None

    @classmethod
    def of(cls, options: StyleOptions) -> _Easel:
        devices.select("auto")
        from common.features import SHIPPED, FeatureExtractor

        name = options.features or SHIPPED
        if not options.features and SHIPPED not in artifact.shipped():
            raise UserError("no features ship yet", "--features vgg19, or a folder of `texture features`")
        styles: list[np.ndarray] = []
        notes: list[str] = []
        for path in options.styles:
            pixels, said = _read(path)
            styles.append(pixels)
            notes += said
        return cls(styles, FeatureExtractor(name), tuple(notes))

    def painter_for(self, content: np.ndarray, options: StyleOptions) -> Painter:
        """Return a painter with the styles at the size, and in the colours, that go with a content."""
        from apps.style.painting import Painter

        longer = max(content.shape[:2])
        recolour = options.preserve_color == "histogram"
        if self.painter is None or self.size != longer or recolour:
            styles = [_brought_to(style, round(longer * options.style_scale)) for style in self.styles]
            if recolour:
                styles = [recoloured(style, content) for style in styles]
            self.painter, self.size = Painter(styles, options, self.features), longer
        return self.painter


def _painted(
    easel: _Easel,
    options: StyleOptions,
    path: Path,
    outputs: Outputs,
    *,
    begin: Place | None = None,
    begun: np.ndarray | None = None,
    progress: Advance,
) -> Styled:
    """Paint one picture and write it, with what goes with it."""
    from common.synthesis import BEGINNING

    started = time.monotonic()
    whole, notes = _read(options.content)
    size, said = _fitting(options.size or min(USUAL, max(whole.shape[:2])), whole, easel.features)
    content = _brought_to(whole, size)
    regions = _regions(options, (content.shape[0], content.shape[1]))
    film = Film(path) if outputs.progress_gif else None
    outcome = easel.painter_for(content, options).paint(
        content,
        regions=regions,
        init=None if begun is None else _at(begun, content),
        begin=begin or BEGINNING,
        progress=lambda share, loss: progress(round(1000 * share), 1000, f"loss {loss:.3f}"),
        watch=film.add if film else lambda picture: None,
    )
    picture = outcome.picture
    if options.preserve_color == "luminance":
        picture = with_brightness_of(content, picture)
    if regions is not None:
        inside = cv2.GaussianBlur((regions >= 0).astype(np.float32), (0, 0), EDGE)[..., None]
        picture = inside * picture + (1 - inside) * content
    pixels = np.rint(picture * 255).astype(np.uint8)
    write_with(path, pixels, read_metadata(options.content))
    stopped = vars(outcome.stopped) if outcome.stopped else None
    seconds = time.monotonic() - started
    record = {
        "options": options.to_json(),
        "seconds": seconds,
        "loss": outcome.loss,
        "stopped": stopped,
        "versions": artifact.versions(),
    }
    write_text(_record_of(path), json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    if stopped:
        raise Interrupted(f"stopped; {path} is as far as it came", f"cnnapps style run --resume {path}")
    also = []
    if film:
        also.append(film.write())
    if outputs.compare:
        also.append(write_comparison(path, content, easel.styles, picture))
    notes += (*easel.notes, *said)
    return Styled(path, (pixels.shape[1], pixels.shape[0]), seconds, outcome.loss, notes, tuple(also))


def _read(path: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return a picture ``(h, w, 3)`` float32 in [0, 1], and what was done to it."""
    picture = decode(path)
    height, width = picture.pixels.shape[:2]
    if min(height, width) < SHORTEST:
        raise InputError(
            f"{path}: {width}x{height} is too small to be painted or painted like",
            f"give {SHORTEST} pixels a side or more",
        )
    return picture.pixels.astype(np.float32) / 255, picture.notes


def _fitting(size: int, content: np.ndarray, features: FeatureExtractor) -> tuple[int, tuple[str, ...]]:
    """Return the longer side that the free memory allows, and a note if it is less than wished."""
    from apps.style.painting import MARGIN

    height, width = (round(side * size / max(content.shape[:2])) + 2 * MARGIN for side in content.shape[:2])
    need = 4.0 * COPIES * features.numbers(height, width)
    free = FREE * devices.free_memory()
    if need <= free:
        return size, ()
    fits = int(size * (free / need) ** 0.5)
    return fits, (f"{fits} instead of {size} pixels: more would need {need / 1e9:.1f} GB of memory",)


def _brought_to(picture: np.ndarray, longer: int) -> np.ndarray:
    """Return a picture with a longer side of so many pixels, the shorter one not below ``SHORTEST``."""
    height, width = picture.shape[:2]
    factor = longer / max(height, width)
    size = (max(SHORTEST, round(width * factor)), max(SHORTEST, round(height * factor)))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.clip(cv2.resize(picture, size, interpolation=how), 0, 1)


def _at(picture: np.ndarray, other: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, other.shape[1::-1], interpolation=cv2.INTER_AREA)


def _regions(options: StyleOptions, shape: tuple[int, int]) -> np.ndarray | None:
    """Return the number of the style at each pixel, -1 for none; None for all styles everywhere."""
    if not options.mask:
        return None
    count = len(options.styles)
    if count == 1:
        return np.where(read_mask(options.mask, shape), 0, -1)
    found, levels = read_regions(options.mask)
    if len(levels) not in (count, count + 1):
        raise InputError(
            f"{options.mask} has {len(levels)} flat colours for {count} styles",
            "paint one colour a style, and black for what is left as it is",
        )
    numbers = found - (len(levels) - count)
    return cv2.resize(numbers.astype(np.int16), shape[::-1], interpolation=cv2.INTER_NEAREST).astype(int)


def _name(content: Path, out: str, *, several: bool) -> Path:
    """Return a name for a result; nothing that is there is overwritten unless it was named."""
    suffix = content.suffix.lower()
    kept = suffix if suffix in (".jpg", ".jpeg", ".png", ".webp") else ".png"
    usual = f"{content.stem}.styled{kept}"
    if several and out:
        return unused(Path(out) / usual)
    return Path(out) if out else unused(content.with_name(usual))


def _record_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _share(progress: Advance, number: int = 0, count: int = 1, remark: str = "") -> Advance:
    """Return the progress of one of several pictures."""
    return lambda done, total, said: progress(number * total + done, count * total, remark + said)
