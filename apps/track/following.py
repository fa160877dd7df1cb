"""Following given objects from frame to frame: the single-object tracker, for any number of objects at once.

In each frame a search crop is cut where each object should be; the network says at every place of it how well a box
put there would match the template, a filter learned on the way says where the object is and where what is like it;
the place where both agree gives the box.  Where neither is sure the object is lost: it gets no box, and is
looked for ever farther around until it is found again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from apps.track.cropping import (
    SEARCH_SIDE,
    STRIDE,
    TEMPLATE_SIDE,
    Window,
    boxes_of,
    context_side,
    cut,
    window_around,
)
from apps.track.discriminative_filter import DiscriminativeFilter
from apps.track.observations import Observation, State
from apps.track.prediction import SiameseNetwork
from common.boxes import centers, clipped, iou

__all__ = ["FollowSettings", "Follower"]

USUAL_RATE = 0.05  # of a new confidence in an object's usual one
MOST_BIAS = 1.5  # that a side of the network's box is corrected by


@dataclass(frozen=True)
class FollowSettings:
    """What is chosen on sequences, not learned.

    Args:
        near: share of the Hann window in the score: prefers places near where the object was.
        shape: how much a change of size or aspect costs.
        momentum: share of the mean movement of the last frames that is expected to go on.
        size_rate: share of a new size that is taken over, times the score.
        filter_share: of the filter's answer in the choice of the place; 0 for none.
        filter_every: frames between two updates of the filter.
        first_share: of what the network's box misses in the first frame, where the true one is given, that later
            boxes are corrected by.
        trusted_above: confidence above which a box is gone after at all.
        lost_below, sure_above: below which share of its usual confidence an object is lost, and above which it is found
            again.
        patience: frames below before it is lost.
        windows: crops looked at in a frame while an object is lost.
    """

    near: float = 0.4
    shape: float = 0.05
    momentum: float = 0.5
    size_rate: float = 0.4
    filter_share: float = 0.4
    filter_every: int = 5
    first_share: float = 0.5
    trusted_above: float = 0.25
    lost_below: float = 0.45
    sure_above: float = 0.7
    patience: int = 2
    windows: int = 6


@dataclass
class _Target:
    """What is remembered of an object.

    Args:
        shift, stretch: by which the network's boxes are corrected: of the middle in sizes of the box, and of the size.
        usual, looks: mean confidence, and of how many.
        doubts: frames in a row below the usual.
    """

    id: int
    template: np.ndarray
    box: np.ndarray
    filter: DiscriminativeFilter | None
    shift: np.ndarray = field(default_factory=lambda: np.zeros(2))
    stretch: np.ndarray = field(default_factory=lambda: np.ones(2))
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))
    state: State = "tracked"
    usual: float = 0.0
    looks: int = 0
    doubts: int = 0
    frames_lost: int = 0

    def expect(self, confidence: float) -> None:
        """Take one more confidence into the usual one: their mean, in which old ones fade."""
        self.looks += 1
        self.usual += max(USUAL_RATE, 1 / self.looks) * (confidence - self.usual)


@dataclass(frozen=True)
class _Finding:
    """The best place of a search crop: its box in the frame, the network's score there and the filter's answer."""

    box: np.ndarray
    score: float
    answer: float
    window: Window
    features: np.ndarray

    def confidence(self, share: float) -> float:
        return float(np.clip((1 - share) * self.score + share * min(max(self.answer, 0.0), 1.0), 0, 1))


class Follower:
    """Follows objects that were given in one frame.

    Args:
        network: that compares.
        pixels: the frame in which they are given, ``(height, width, 3)`` uint8 RGB.
        boxes: x, y, width, height ``(n, 4)``.
        settings: what was chosen on sequences.
    """

    def __init__(
        self,
        network: SiameseNetwork,
        pixels: np.ndarray,
        boxes: Sequence[np.ndarray] | np.ndarray,
        settings: FollowSettings | None = None,
    ) -> None:
        self.network, self.settings = network, settings or FollowSettings()
        boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
        templates = network.features(
            np.stack([cut(pixels, window_around(box, TEMPLATE_SIDE)) for box in boxes])
        )
        windows = [window_around(box, SEARCH_SIDE) for box in boxes]
        maps = network.features(np.stack([cut(pixels, window) for window in windows]))
        scores = network.compare(templates, maps)
        self._frame = 0
        self._hann = np.outer(*[np.hanning(SEARCH_SIDE // STRIDE + 2)[1:-1]] * 2)
        self._targets = []
        several = zip(templates, boxes, windows, maps, scores, strict=True)
        for number, (template, box, window, features, score) in enumerate(several, start=1):
            own = None
            if self.settings.filter_share:
                own = DiscriminativeFilter(features, *_in_cells(window, box))
            target = _Target(number, template[None], box.copy(), own)
            first = self._best(target, window, features, score)
            self._learn_bias(target, first.box)
            target.expect(first.confidence(self.settings.filter_share))
            self._targets.append(target)

    def update(
        self, pixels: np.ndarray, shift: np.ndarray | None = None, *, cut_before: bool = False
    ) -> list[Observation]:
        """Return where each object is in the next frame.

        Args:
            pixels: the frame, as large as the first.
            shift: affine map ``(2, 3)`` by which the camera moved the picture; None for none.
            cut_before: the frame shows another scene than the last; every object has to be found again.
        """
        self._frame += 1
        if cut_before:
            for target in self._targets:
                target.state, target.frames_lost = "lost", 0
        windows = [self._windows(target, pixels, shift) for target in self._targets]
        crops = np.stack([cut(pixels, window) for several in windows for window in several])
        maps = self.network.features(crops)
        owners = [number for number, several in enumerate(windows) for _ in several]
        templates = np.concatenate([self._targets[number].template for number in owners])
        scores = self.network.compare(templates, maps)
        found: list[list[_Finding]] = [[] for _ in self._targets]
        flat = [window for several in windows for window in several]
        for owner, window, features, score in zip(owners, flat, maps, scores, strict=True):
            found[owner].append(self._best(self._targets[owner], window, features, score))
        return [
            self._settled(target, findings, pixels.shape)
            for target, findings in zip(self._targets, found, strict=True)
        ]

    def _learn_bias(self, target: _Target, found: np.ndarray) -> None:
        """Remember by what the box that the network gives in the first frame misses the true one.

        What it takes for a part of the object there (the hand that holds it), or leaves out, it will later too.
        """
        share = self.settings.first_share
        if iou(found, target.box) > 0.3:
            target.stretch = np.clip(target.box[2:] / found[2:], 1 / MOST_BIAS, MOST_BIAS) ** share
            target.shift = share * (centers(target.box) - centers(found)) / found[2:]

    def _windows(self, target: _Target, pixels: np.ndarray, shift: np.ndarray | None) -> list[Window]:
        """Return where to look for an object."""
        if shift is not None:
            middle = shift[:, :2] @ centers(target.box) + shift[:, 2]
            target.box[:2] = middle - target.box[2:] / 2
        expected = target.box.copy()
        if target.state != "lost":
            expected[:2] += self.settings.momentum * target.velocity
            return [window_around(expected, SEARCH_SIDE)]
        return self._scattered(target, pixels.shape)

    def _scattered(self, target: _Target, shape: tuple[int, ...]) -> list[Window]:
        """Return windows of a lost object: where it was, and some of a grid over the frame in turn, near ones first."""
        height, width = shape[:2]
        here = window_around(target.box, SEARCH_SIDE)
        step = here.side / 2
        columns, rows = (np.arange(step / 2, limit + step / 2, step) for limit in (width, height))
        grid = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
        grid = grid[np.argsort(np.linalg.norm(grid - [here.x, here.y], axis=1), kind="stable")]
        count = self.settings.windows - 1
        start = (target.frames_lost * count) % max(len(grid), 1)
        chosen = np.take(grid, np.arange(start, start + min(count, len(grid))), axis=0, mode="wrap")
        return [here, *(Window(float(x), float(y), here.side, SEARCH_SIDE) for x, y in chosen)]

    def _best(self, target: _Target, window: Window, features: np.ndarray, found: np.ndarray) -> _Finding:
        """Return the best place in a search crop."""
        settings = self.settings
        score = found[..., 0]
        answer = target.filter.response(features) if target.filter else score
        boxes = boxes_of(found[..., 1:])
        value = score * self._likely_shape(target, window, boxes)
        value = (1 - settings.filter_share) * value + settings.filter_share * np.clip(answer, 0, 1)
        if target.state != "lost":
            value = (1 - settings.near) * value + settings.near * self._hann * value.max()
        row, column = np.unravel_index(value.argmax(), value.shape)
        # The boxes of neighbours that are nearly as good are averaged: less of a jitter than one alone.
        near = (slice(max(row - 1, 0), row + 2), slice(max(column - 1, 0), column + 2))
        weight = score[near] ** 2 + 1e-9
        box = (boxes[near] * weight[..., None]).sum(axis=(0, 1)) / weight.sum()
        size = box[2:] * target.stretch
        box = np.concatenate([centers(box) + target.shift * box[2:] - size / 2, size])
        return _Finding(
            window.outside(box), float(score[near].max()), float(answer[near].max()), window, features
        )

    def _likely_shape(self, target: _Target, window: Window, boxes: np.ndarray) -> np.ndarray:
        """Return a factor in (0, 1]: less for boxes of another size or aspect than the object's.

        Reference:
            Li et al., "SiamRPN", CVPR 2018, equation 13.
        """

        def change(ratio: np.ndarray | float) -> np.ndarray:
            return np.maximum(ratio, 1 / ratio)

        boxes = np.maximum(boxes, 1e-3)
        usual = window.inside(target.box)
        size = change(context_side(boxes) / context_side(usual))
        aspect = change((boxes[..., 2] / boxes[..., 3]) / (usual[2] / usual[3]))
        return np.exp(-self.settings.shape * (size * aspect - 1))

    def _settled(self, target: _Target, findings: list[_Finding], shape: tuple[int, ...]) -> Observation:
        """Decide what to believe, remember it and return it.

        Some objects are like their template all the time and others never quite: what is a low confidence is told by
        that object's own.  One that is lost is still gone after where it may be, unless it is found elsewhere.
        """
        settings = self.settings
        best = max(findings, key=lambda finding: finding.confidence(settings.filter_share))
        confidence = best.confidence(settings.filter_share)
        inside = _mostly_inside(best.box, shape)
        if target.state == "lost":
            if confidence < settings.sure_above * target.usual or not inside:
                target.frames_lost += 1
                near = findings[0]
                if near.confidence(settings.filter_share) >= settings.trusted_above and _mostly_inside(
                    near.box, shape
                ):
                    self._go_after(target, near, shape)
                return Observation(target.id, np.full(4, np.nan), confidence, "lost")
            target.velocity = np.zeros(2)
            target.box[:2] = centers(best.box) - target.box[2:] / 2  # where it came back is no movement
        if confidence >= settings.trusted_above and inside:
            self._go_after(target, best, shape)
        else:
            target.velocity *= 0.5
        if confidence < settings.lost_below * target.usual or not inside:
            target.doubts += 1
            if target.doubts > settings.patience:
                target.state, target.frames_lost = "lost", 0
                return Observation(target.id, np.full(4, np.nan), confidence, "lost")
            target.state = "uncertain"
            return Observation(target.id, target.box.copy(), confidence, "uncertain")
        target.doubts = 0
        target.expect(confidence)
        target.state = "tracked" if confidence >= settings.sure_above * target.usual else "uncertain"
        if target.filter and target.state == "tracked" and self._frame % settings.filter_every == 0:
            target.filter.update(best.features, *_in_cells(best.window, target.box))
        return Observation(target.id, target.box.copy(), confidence, target.state)

    def _go_after(self, target: _Target, finding: _Finding, shape: tuple[int, ...]) -> None:
        """Take over the place of a finding, and of its size a share."""
        height, width = shape[:2]
        rate = self.settings.size_rate * finding.score
        old = centers(target.box)
        size = np.clip((1 - rate) * target.box[2:] + rate * finding.box[2:], 2, [2 * width, 2 * height])
        middle = np.clip(centers(finding.box), 0, [width, height])
        target.box = np.concatenate([middle - size / 2, size])
        target.velocity = 0.5 * target.velocity + 0.5 * (middle - old)


def _mostly_inside(box: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Return whether a tenth of a box at least lies in the frame."""
    height, width = shape[:2]
    return bool(np.prod(clipped(box, width, height)[2:]) >= 0.1 * np.prod(box[2:]))


def _in_cells(window: Window, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return middle and size of a box of the frame in cells of a window's feature map."""
    inside = window.inside(box) / STRIDE
    return centers(inside), inside[2:]
