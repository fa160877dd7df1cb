"""A picture that has the same feature statistics as an exemplar, and is none of its copies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from apps.texture.exemplars import read_exemplar, read_guide
from apps.texture.generating import TILING, generated, is_generator
from apps.texture.mosaic import mosaic
from apps.texture.options import QUALITIES, SynthesisOptions
from common import devices
from common.console import Advance
from common.data.images import write_picture
from common.data.masks import read_mask
from common.errors import Interrupted, UsageError
from common.files import unused

if TYPE_CHECKING:
    import tensorflow as tf

    from common.features import FeatureExtractor
    from common.synthesis import Matching, Outcome

__all__ = ["Made", "synthesize", "synthesized"]

COARSEST = 64  # pixels of the shorter side at the first scale
GROWTH = 2.4  # of the steps towards coarser scales, which cost a quarter each
USUAL = (512, 512)  # (width, height) of what a trained network makes where none is asked for
PIECES = 4  # of the start, along the shorter side of an exemplar
MARGIN = 16  # pixels seen beyond the edges and cut off: what lies at an edge is seen from one side only


@dataclass(frozen=True)
class Made:
    """A picture that was made.

    Args:
        path: where it was written.
        seed: that made it.
        size: (width, height) in pixels.
        seconds: it took.
        loss: left at the end; None of a trained network.
        notes: on the exemplars.
    """

    path: Path
    seed: int
    size: tuple[int, int]
    seconds: float
    loss: float | None
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return vars(self) | {"path": str(self.path)}


def synthesize(
    options: SynthesisOptions, *, progress: Advance = lambda done, total, remark: None
) -> Iterator[Made]:
    """Make textures and write each as soon as it is done.

    Args:
        options: what to make.
        progress: called with (work done, work, remark).

    Raises:
        UsageError: requests that exclude each other.
        InputError: pictures that cannot be read or used.
        ArtifactError: no such features.
        Interrupted: by Ctrl-C, after the picture was written as far as it came.
    """
    options.check()
    if is_generator(options.exemplars[0]):
        yield from _generated(options)
        return
    devices.select("auto")
    from common.features import usual_features
    from common.synthesis import Matching

    features = usual_features(options.features)
    read = [read_exemplar(path) for path in options.exemplars]
    exemplars = [pixels for pixels, _ in read]
    notes = tuple(note for _, own in read for note in own)
    matching = Matching(options.method)  # type: ignore[arg-type]
    for number in range(options.variations):
        started = time.monotonic()
        one = replace(options, seed=options.seed + number)
        outcome = synthesized(exemplars, one, features, matching, progress=progress)
        path = _name(options, number)
        write_picture(path, np.rint(outcome.picture * 255).astype(np.uint8))
        if outcome.stopped:
            raise Interrupted(f"stopped; {path} is as far as it came", "the same command starts it anew")
        size = (outcome.picture.shape[1], outcome.picture.shape[0])
        yield Made(path, one.seed, size, time.monotonic() - started, outcome.loss, notes)


def _generated(options: SynthesisOptions) -> Iterator[Made]:
    """Make textures by a trained network."""
    if options.guide or options.inpaint or len(options.exemplars) > 1 or options.features:
        raise UsageError(
            "a trained network makes its one texture", "leave out --mix, --guide, --inpaint and --features"
        )
    for number in range(options.variations):
        started = time.monotonic()
        seed, size = options.seed + number, options.size or USUAL
        if options.tile and any(side % TILING.cell for side in size):
            raise UsageError(
                f"seamless, {size[0]}x{size[1]} is no size for a network",
                f"multiples of {TILING.cell} pixels",
            )
        picture = generated(options.exemplars[0], size, tile=options.tile, seed=seed)
        path = _name(options, number)
        write_picture(path, np.rint(picture * 255).astype(np.uint8))
        yield Made(path, seed, size, time.monotonic() - started, None, ())


def synthesized(
    exemplars: list[np.ndarray],
    options: SynthesisOptions,
    features: FeatureExtractor,
    matching: Matching,
    *,
    progress: Advance = lambda done, total, remark: None,
) -> Outcome:
    """Return a picture with the statistics of the exemplars.

    Args:
        exemplars: ``(h, w, 3)`` float32 each.
        options: what to make of them.
        features: that say what they have in common.
        matching: how that is compared.
        progress: called with (work done, work, remark).
    """
    from common.synthesis import (
        Stage,
        Statistics,
        coarse_to_fine,
        colour_directions,
        resized,
        scales_of,
    )

    plan = _Plan.of(exemplars, options)
    shorter = min(min(plan.shape), *(min(picture.shape[:2]) for picture in exemplars))
    draw = np.random.default_rng(options.seed)
    colours = colour_directions(exemplars)

    def stage(factor: float, shape: tuple[int, int], picture: np.ndarray | None) -> Stage:
        height, width = shape
        seen = [resized(exemplar, factor) for exemplar in exemplars]
        labels = [np.full(one.shape[:2], number) for number, one in enumerate(seen)] if plan.guided else None
        regions = None if plan.regions is None else _fit(plan.regions, width, height)
        if picture is None:
            # What is mended gets single pixels: pieces would bring in what is to go.
            piece = 1 if plan.free is not None else max(1, min(seen[0].shape[:2]) // PIECES)
            picture = mosaic(seen, regions, shape, piece, draw)
        free = None
        if plan.free is not None:
            # What is kept is kept; the statistics are those of what is kept.
            free = _fit(plan.free.astype(np.uint8), width, height) > 0
            original = cv2.resize(exemplars[0], (width, height), interpolation=cv2.INTER_AREA)
            picture = np.where(free[..., None], picture, original)
            seen, labels = [original], [np.where(free, 1, 0)]
        statistics = Statistics(features, seen, matching, labels, plan.count)
        if options.tile:
            # What is seen beyond an edge is what lies at the opposite one, and counts there.
            regions = np.pad(np.zeros(shape, int), MARGIN, constant_values=-1)
        masks = statistics.masks((height, width) if regions is None else regions.shape, regions)

        def loss(picture: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
            return statistics.loss(_around(picture) if options.tile else picture, seed, masks=masks)

        return Stage(picture, loss, free, colours)

    outcome = coarse_to_fine(
        scales_of(shorter, coarsest=COARSEST, steps=QUALITIES[options.quality], growth=GROWTH),
        plan.shape,
        stage,
        redraw=matching.redraw,
        seed=options.seed,
        torus=options.tile,
        progress=lambda share, loss: progress(round(1000 * share), 1000, f"loss {loss:.4f}"),
    )
    picture = outcome.picture
    if plan.free is not None:
        picture = np.where(plan.free[..., None], picture, exemplars[0])
    return replace(outcome, picture=plan.cut(picture))


def _around(picture: tf.Tensor) -> tf.Tensor:
    """Return a picture ``(1, h, w, 3)`` with margins in which it goes on as at its opposite edges."""
    import tensorflow as tf

    for axis in (1, 2):
        side = picture.shape[axis]
        picture = tf.gather(picture, np.arange(-MARGIN, side + MARGIN) % side, axis=axis)
    return picture


@dataclass(frozen=True)
class _Plan:
    """What is made before it is cut.

    Args:
        shape: (height, width) of the canvas.
        margins: pixels to cut off at every edge.
        size: (height, width) of the result.
        count: regions that are matched.
        regions: number of the region at each pixel of the canvas; None for one.
        free: pixels to make anew; None for all.
    """

    shape: tuple[int, int]
    margins: int
    size: tuple[int, int]
    count: int = 1
    regions: np.ndarray | None = None
    free: np.ndarray | None = None

    @property
    def guided(self) -> bool:
        return self.regions is not None

    @classmethod
    def of(cls, exemplars: list[np.ndarray], options: SynthesisOptions) -> _Plan:
        if options.inpaint:
            shape = exemplars[0].shape[:2]
            return cls(shape, 0, shape, free=read_mask(options.inpaint, shape))
        if options.guide:
            regions = read_guide(options.guide, len(exemplars))
            size = (regions.shape[0], regions.shape[1])
            wide = np.pad(regions, MARGIN, mode="edge")
            return cls((wide.shape[0], wide.shape[1]), MARGIN, size, len(exemplars), wide)
        width, height = options.size or exemplars[0].shape[1::-1]
        margin = 0 if options.tile else MARGIN
        return cls((height + 2 * margin, width + 2 * margin), margin, (height, width))

    def cut(self, picture: np.ndarray) -> np.ndarray:
        """Return the result: the canvas without its margins."""
        height, width = self.size
        return picture[self.margins : self.margins + height, self.margins : self.margins + width]


def _fit(labels: np.ndarray, width: int, height: int) -> np.ndarray:
    return cv2.resize(labels.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST).astype(int)


def _name(options: SynthesisOptions, number: int) -> Path:
    """Return a name for a result; nothing that is there is overwritten unless it was named."""
    source = Path(options.exemplars[0])
    chosen = Path(options.out) if options.out else source.with_name(f"{source.stem}.texture.png")
    if options.variations > 1:
        chosen = chosen.with_name(f"{chosen.stem}-{number + 1}{chosen.suffix or '.png'}")
    return chosen if options.out else unused(chosen)
