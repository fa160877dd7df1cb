"""Following given objects from frame to frame: the single-object tracker, for any number of objects at once.

In each frame a search crop is cut where each object should be; the network says at every place of it how well a box
put there would match the template, a filter learned on the way says where the object is and where what is like it;
the place where both agree gives the box.  Where too little speaks for it the object is lost: it gets no box, and is
looked for ever farther around until it is found again.
"""

from __future__ import annotations

from collections.abc import Sequence

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
from apps.track.distractors import peaks
from apps.track.observations import Observation
from apps.track.prediction import SiameseNetwork
from apps.track.searching import Search
from apps.track.settings import FollowSettings
from apps.track.target import Finding, Target, in_cells, mostly_inside
from common.boxes import centers

__all__ = ["Follower"]

ELSEWHERE = 0.7  # sizes of the object from where it was expected, beyond which a distractor is not the object
AROUND = 1.6  # reaches around a distractor that are not looked at for a lost object
UNLIKE = 0.25  # share of the usual confidence below which earlier views are not asked
ALIKE = 0.6  # share of the usual confidence from which a place that the object cannot have reached is a distractor


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
                own = DiscriminativeFilter(features, *in_cells(window, box))
            target = Target(number, template, box.copy(), own)
            first = self._best(target, window, features, score)
            target.learn_bias(first.box, self.settings.first_share)
            target.presence.seen(first.confidence, first.view())
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
        settings = self.settings
        self._frame += 1
        for target in self._targets:
            if cut_before:
                target.search = Search(anywhere=True)
            elif shift is not None:
                target.move(shift)
        # The more objects there are, the fewer looks are left for each that is lost.
        sharing = max(sum(target.search is not None for target in self._targets), len(self._targets) // 2, 1)
        looks = max(settings.windows // sharing, 1)
        windows = [
            target.search.windows(target.box, pixels.shape, looks, settings)
            if target.search
            else [window_around(target.expected(settings.momentum), SEARCH_SIDE)]
            for target in self._targets
        ]
        crops = np.stack([cut(pixels, window) for several in windows for window in several])
        maps = self.network.features(crops)
        owners = [number for number, several in enumerate(windows) for _ in several]
        templates = np.stack([self._targets[number].template for number in owners])
        scores = self.network.compare(templates, maps)
        found: list[list[Finding]] = [[] for _ in self._targets]
        flat = [window for several in windows for window in several]
        for owner, window, features, score in zip(owners, flat, maps, scores, strict=True):
            found[owner].append(self._best(self._targets[owner], window, features, score))
        return [
            self._settled(target, findings, pixels.shape)
            for target, findings in zip(self._targets, found, strict=True)
        ]

    def _best(self, target: Target, window: Window, features: np.ndarray, found: np.ndarray) -> Finding:
        """Return the best place in a search crop."""
        settings, share = self.settings, self.settings.filter_share
        score = found[..., 0]
        answer = np.clip(target.filter.response(features), 0, 1) if target.filter else score
        boxes = boxes_of(found[..., 1:])
        middles = centers(window.outside(boxes))
        value = (1 - share) * score * self._likely_shape(target, window, boxes) + share * answer
        if target.search:
            value = np.where(target.distractors.near(middles, AROUND * target.reach), 0.0, value)
        else:
            value = (1 - settings.near) * value + settings.near * self._hann * value.max()
        row, column = np.unravel_index(value.argmax(), value.shape)
        # The boxes of neighbours that are nearly as good are averaged: less of a jitter than one alone.
        near = (slice(max(row - 1, 0), row + 2), slice(max(column - 1, 0), column + 2))
        weight = score[near] ** 2 + 1e-9
        box = target.corrected((boxes[near] * weight[..., None]).sum(axis=(0, 1)) / weight.sum())
        best = float(score[near].max())
        confidence = min((1 - share) * best + share * float(answer[near].max()), 1.0)
        alike = peaks(score, middles, target.reach)
        return Finding(window.outside(box), confidence, best, window, features, alike)

    def _likely_shape(self, target: Target, window: Window, boxes: np.ndarray) -> np.ndarray:
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

    def _settled(self, target: Target, findings: list[Finding], shape: tuple[int, ...]) -> Observation:
        """Decide what to believe, remember it and return it."""
        settings, presence = self.settings, target.presence
        if target.search:
            best, step = self._found_again(target, target.search, findings, shape), None
            if best is None:
                return target.observed("lost", max(finding.confidence for finding in findings))
            target.box[:2] = centers(best.box) - target.box[2:] / 2
            target.velocity = np.zeros(2)  # where it came back is no movement
            target.search = None
        else:
            best = findings[0]
            way = centers(best.box) - centers(target.expected(settings.momentum))
            step = float(np.linalg.norm(way)) / target.size
            evidence = self._evidence(target, best, step, shape)
            if evidence < settings.lost_below:
                return self._doubted(target, best, evidence)
        target.go_after(best, settings.size_rate, shape)
        others = best.alike[np.linalg.norm(best.alike - centers(target.box), axis=1) > target.reach]
        target.distractors.add(target.distractors.follow(others, target.reach), target.reach)
        target.distractors.forget()
        presence.seen(best.confidence, best.view(), step)
        sure = presence.share(best.confidence) >= settings.sure_above
        # In turn, one a frame where there are many.
        turn = (self._frame + target.id - 1) % max(settings.filter_every, len(self._targets)) == 0
        if target.filter and sure and turn:
            target.filter.update(best.features, *in_cells(best.window, target.box))
        return target.observed("tracked" if sure else "uncertain", best.confidence)

    def _evidence(self, target: Target, best: Finding, step: float, shape: tuple[int, ...]) -> float:
        """Return how much speaks for an object that is not lost to be at a place, in [0, 1].

        Args:
            target: the object.
            best: the place.
            step: from where it was expected, in its sizes.
            shape: of the frame.
        """
        settings, presence = self.settings, target.presence
        doubtful = settings.lost_below / 2  # too little, but not so little that it is lost at once
        if not mostly_inside(best.box, shape):
            return doubtful
        elsewhere = step > ELSEWHERE and target.distractors.near(centers(best.box), target.reach)
        if elsewhere or presence.leaps(step):
            target.distractors.follow(best.alike, target.reach)
            return doubtful
        share = presence.share(best.confidence)
        if share >= 2 * settings.lost_below:  # enough, whatever it was a moment ago
            return share
        return presence.evidence(best.confidence, self._match(presence.before, best))

    def _doubted(self, target: Target, best: Finding, evidence: float) -> Observation:
        """Stay where the object was, or call it lost."""
        target.presence.doubts += 1
        target.velocity *= 0.5
        if target.presence.doubts > self.settings.patience or evidence < self.settings.lost_below / 2:
            target.search = Search()
            return target.observed("lost", best.confidence)
        return target.observed("uncertain", best.confidence)

    def _found_again(
        self, target: Target, search: Search, findings: list[Finding], shape: tuple[int, ...]
    ) -> Finding | None:
        """Return the place of a lost object, or None."""
        alike = np.concatenate([finding.alike for finding in findings])
        target.distractors.follow(alike, target.reach)
        here, likely = centers(target.box), []
        for finding in findings:
            middle = centers(finding.box)
            if search.in_reach(float(np.linalg.norm(middle - here)) / target.size):
                likely.append(finding)
            elif target.presence.share(finding.confidence) > ALIKE:
                target.distractors.add(middle[None], target.reach)
        before, search.candidate = search.candidate, None
        if likely:
            best = max(likely, key=lambda finding: finding.confidence)
            search.candidate = best.box if mostly_inside(best.box, shape) else None
        if before is None:
            search.missed()
            return None
        again = findings[1]
        moved = float(np.linalg.norm(centers(again.box) - centers(before)))
        evidence = 0.0
        if moved < target.reach and mostly_inside(again.box, shape):
            unlikely = target.presence.share(again.confidence) < UNLIKE  # whatever else it is like
            match = 0.0 if unlikely else self._match(target.presence.known, again)
            evidence = target.presence.evidence(again.confidence, match)
        return again if search.found(evidence, self.settings) else None

    def _match(self, views: np.ndarray, finding: Finding) -> float:
        """Return how well one of earlier views ``(n, 12, 12, channels)`` fits a place, in [0, 1]."""
        maps = np.broadcast_to(finding.features, (len(views), *finding.features.shape))
        scores = self.network.compare(views, maps)[..., 0].max(axis=0)
        column, row = np.clip(in_cells(finding.window, finding.box)[0].astype(int), 0, len(scores) - 1)
        return float(scores[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].max())
