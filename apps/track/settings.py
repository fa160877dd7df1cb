"""What is set for following given objects: chosen on sequences, not learned."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FollowSettings"]


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
        sure_above: share of its usual confidence from which an object is tracked, not uncertain.
        lost_below: evidence below which it is lost after ``patience`` frames; at once below half of it.
        patience: frames.
        found_least, found_most: limits of the evidence from which a lost object is found again.
        found_margin: more evidence than what was not the object has had.
        windows: of a grid over the frame that are looked at in a frame for the objects that are lost, for each one at
            least.
        grid_step: between them, in sides of a window.
    """

    near: float = 0.4
    shape: float = 0.05
    momentum: float = 0.5
    size_rate: float = 0.4
    filter_share: float = 0.4
    filter_every: int = 5
    first_share: float = 0.5
    sure_above: float = 0.7
    lost_below: float = 0.4
    patience: int = 1
    found_least: float = 0.45
    found_most: float = 0.7
    found_margin: float = 0.2
    windows: int = 5
    grid_step: float = 0.6
