"""A picture that has the same feature statistics as an exemplar, and is none of its copies."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from apps.texture.canvas import MARGIN, Canvas, Part
from apps.texture.exemplars import LONGEST, read_exemplar
from apps.texture.generating import TILING, generated, is_generator
from apps.texture.options import LARGEST, QUALITIES, SynthesisOptions
from apps.texture.quilting import patchwork, scattered
from common import devices
from common.console import Advance
from common.data.images import write_picture
from common.errors import Interrupted, UsageError
from common.files import unused

if TYPE_CHECKING:
    import tensorflow as tf

    from common.features import FeatureExtractor
    from common.synthesis import Matching, Outcome, Stage

__all__ = ["Made", "synthesize", "synthesized"]

COARSEST = 512  # pixels of the shorter side at the first scale: what blocks bring is lost at coarser ones
COARSEST_OF_NOISE = 64  # the same of what starts from noise
GROWTH = 2.4  # of the steps towards coarser scales, which cost a quarter each
USUAL = (512, 512)  # (width, height) of what a trained network makes where none is asked for
BLOCKS = 3  # of the start, along the shorter side of an exemplar: smaller ones break what is regular
MOST = 0.4  # of the shorter side of what is made, that a block may be: larger ones show as copies
LEAST_BLOCK = 4  # pixels of a side


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
    longest = LARGEST if options.inpaint else LONGEST
    read = [read_exemplar(path, longest) for path in options.exemplars]
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
        picture = generated(options.exemplars[0], size, seed=seed)
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
    """Return a picture with the statistics of the exemplars; a large one is made part by part.

    Args:
        exemplars: ``(h, w, 3)`` float32 each.
        options: what to make of them.
        features: that say what they have in common.
        matching: how that is compared.
        progress: called with (work done, work, remark).
    """
    canvas = Canvas.of(exemplars, options)
    draw = np.random.default_rng(options.seed)
    made = exemplars[0].copy() if options.inpaint else np.full((*canvas.shape, 3), exemplars[0].mean((0, 1)))
    free = np.ones(canvas.shape, bool) if canvas.free is None else canvas.free.copy()
    parts = [part for part in canvas.parts() if (part.of(free) & part.core).any()]
    synthesis = _Synthesis(exemplars, options, features, matching, canvas, draw)
    for number, part in enumerate(parts):

        def tell(share: float, loss: float, number: int = number) -> None:
            progress(round(1000 * (number + share) / len(parts)), 1000, f"loss {loss:.4f}")

        outcome = synthesis.run(part, made, free, tell)
        part.put(made, outcome.picture)
        part.put(free, part.of(free) & ~part.core)
        if outcome.stopped:
            break
    return replace(outcome, picture=canvas.cut(made))


@dataclass(frozen=True)
class _Synthesis:
    """What all parts of a canvas share: see ``synthesized``; all is drawn from ``draw``."""

    exemplars: list[np.ndarray]
    options: SynthesisOptions
    features: FeatureExtractor
    matching: Matching
    canvas: Canvas
    draw: np.random.Generator

    def run(
        self, part: Part, made: np.ndarray, free: np.ndarray, progress: Callable[[float, float], None]
    ) -> Outcome:
        """Return what a part shows ``(h, w, 3)``, made anew where the canvas is free.

        Args:
            part: to make.
            made: the canvas so far ``(h, w, 3)`` float32.
            free: where it may change ``(h, w)`` bool.
            progress: called with (share of the work done, loss).
        """
        from common.synthesis import coarse_to_fine, colour_directions, scales_of

        kept = None if part.of(free).all() else part.of(made)
        torus = self.canvas.torus and part.shape == self.canvas.shape
        shorter = min(min(part.shape), *(min(picture.shape[:2]) for picture in self.exemplars))
        coarsest = COARSEST if self.canvas.free is None else COARSEST_OF_NOISE
        outcome = coarse_to_fine(
            scales_of(shorter, coarsest=coarsest, steps=QUALITIES[self.options.quality], growth=GROWTH),
            part.shape,
            partial(self._stage, part, kept, part.of(free), torus, colour_directions(self.exemplars)),
            redraw=self.matching.redraw,
            seed=self.options.seed,
            torus=torus,
            progress=progress,
        )
        if kept is None:
            return outcome
        return replace(outcome, picture=np.where(part.of(free)[..., None], outcome.picture, kept))

    def _stage(
        self,
        part: Part,
        kept: np.ndarray | None,
        may: np.ndarray,
        torus: bool,
        colours: np.ndarray,
        factor: float,
        shape: tuple[int, int],
        picture: np.ndarray | None,
    ) -> Stage:
        """Return what is done at one scale: of a part of which ``kept`` stays where it ``may`` not change."""
        from common.synthesis import Stage, Statistics, resized

        canvas = self.canvas
        height, width = shape
        seen = [resized(exemplar, factor) for exemplar in self.exemplars]
        regions = None if canvas.regions is None else _fit(part.of(canvas.regions), width, height)
        free = original = None
        if kept is not None:
            free = _fit(may, width, height) > 0
            original = cv2.resize(kept, (width, height), interpolation=cv2.INTER_AREA)
        if picture is None and canvas.free is not None:
            # What is mended starts from noise: blocks would bring in what is to go.
            picture = scattered(seen, shape, self.draw)
        elif picture is None:
            block = min(min(seen[0].shape[:2]) // BLOCKS, int(min(shape) * MOST))
            block = max(LEAST_BLOCK, block)
            picture = patchwork(seen, regions, shape, block, self.draw, torus=torus, kept=original, free=free)
        if free is not None and original is not None:
            picture = np.where(free[..., None], picture, original)
        labels = None
        if canvas.free is not None:
            # The statistics are those of what is kept around, or, where that is nothing, of all that is kept.
            around, gone = (seen[0], canvas.free) if original is None else (original, may)
            seen, labels = [around], [_fit(gone, around.shape[1], around.shape[0])]
        elif regions is not None:
            labels = [np.full(one.shape[:2], number) for number, one in enumerate(seen)]
        statistics = Statistics(self.features, seen, self.matching, labels, canvas.count)
        if torus:
            # What is seen beyond an edge is what lies at the opposite one, and counts there.
            regions = np.pad(np.zeros(shape, int), MARGIN, constant_values=-1)
        masks = statistics.masks(shape if regions is None else regions.shape, regions)

        def loss(picture: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
            return statistics.loss(_around(picture) if torus else picture, seed, masks=masks)

        return Stage(picture, loss, free, colours)


def _around(picture: tf.Tensor) -> tf.Tensor:
    """Return a picture ``(1, h, w, 3)`` with margins in which it goes on as at its opposite edges."""
    import tensorflow as tf

    for axis in (1, 2):
        side = picture.shape[axis]
        picture = tf.gather(picture, np.arange(-MARGIN, side + MARGIN) % side, axis=axis)
    return picture


def _fit(labels: np.ndarray, width: int, height: int) -> np.ndarray:
    return cv2.resize(labels.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST).astype(int)


def _name(options: SynthesisOptions, number: int) -> Path:
    """Return a name for a result; nothing that is there is overwritten unless it was named."""
    source = Path(options.exemplars[0])
    chosen = Path(options.out) if options.out else source.with_name(f"{source.stem}.texture.png")
    if options.variations > 1:
        chosen = chosen.with_name(f"{chosen.stem}-{number + 1}{chosen.suffix or '.png'}")
    return chosen if options.out else unused(chosen)
