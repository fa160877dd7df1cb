"""What a scene looks like without what moves in it, under a camera that may move too.

The model lives in the picture of one frame, the anchor; later frames are laid onto it by the camera's motion, and it
is laid out anew when the camera has gone too far.  A pixel remembers its mean colour and how much it flickers; beside
it stands a candidate, the colour of something in front of it, which takes over if it stays.

Reference:
    Yi et al., "Detection of Moving Objects with Non-stationary Cameras in 5.8ms", CVPRW 2013 (candidate model);
    Cucchiara et al., "Detecting Moving Objects, Ghosts, and Shadows in Video Streams", PAMI 2003;
    Horprasert, Harwood, Davis, "A Statistical Approach for Real-time Robust Background Subtraction and Shadow
    Detection", 1999 (a shadow darkens a colour and keeps its tone).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

__all__ = ["BackgroundModel", "Difference"]

MEMORY = 50  # frames over which a pixel's mean and flicker are averaged
FLICKER, MOST_FLICKER = 16.0, 400.0  # variance of a pixel, squared grey levels: sensor noise and compression
STRONG, WEAK = 4.5, 2.5  # standard deviations that make a pixel foreground, and that one beside it needs
SLACK, SLACK_MOVED = 0.5, 1.2  # pixels by which an edge may be out of place, of a fixed and of a moved camera
DRIFT = 0.05  # of the picture's width, how far the camera may go before the model is laid out anew
ALIKE = 12  # grey levels within which a pixel stays as it is
FLICKED = 5  # frames of having stayed that a pixel loses each time it does not
PAST = 3  # frames between the two that are compared to see what moves now
EDGE = 6.0  # grey levels a pixel that make an edge
# The picture is cut into cells; those with LEAST_EDGES of edge pixels count, if there are ENOUGH.  Where STALE of them
# have lost most of their edges, the model is worthless.
CELLS, LEAST_EDGES, ENOUGH, STALE = (8, 6), 0.01, 12, 0.5
CLEARLY = 0.97  # a camera position is believed before another if it misses by this factor less
BLACK = 8.0  # grey levels added before ratios are taken: noise in the dark says nothing
# Light, not an object: the share of the expected light that is there, and grey levels by which its tone may be off.
DARKEST, BRIGHTEST, TONE = 0.5, 1.15, 14.0


@dataclass(frozen=True)
class Difference:
    """How a frame differs from the background; all ``(height, width)``.

    Args:
        deviation: in standard deviations of each pixel, float32; 0 where the background is not known.
        weak: mask of the foreground, without shadows.
        strong: mask of its clear part.
        moving: mask of what has changed since a few frames ago.
        edges, background_edges: steepness of the frame and of the background, grey levels a pixel, float32.
    """

    deviation: np.ndarray
    weak: np.ndarray
    strong: np.ndarray
    moving: np.ndarray
    edges: np.ndarray
    background_edges: np.ndarray


class BackgroundModel:
    """Mean and flicker of each pixel of a working picture.

    Args:
        pixels: the first frame ``(height, width, 3)`` uint8.

    Attributes:
        mean: ``(height, width, 3)`` float32.
        frames: how many it has seen.
        to_anchor: ``(2, 3)`` maps the pixels of the last frame to those of the model.
    """

    def __init__(self, pixels: np.ndarray) -> None:
        shape = pixels.shape[:2]
        self.mean = pixels.astype(np.float32)
        self.frames = 1
        self.to_anchor = np.eye(2, 3)
        self._summed = np.eye(2, 3)  # where the camera is if each of its steps was right
        self._variance = np.full(shape, FLICKER, np.float32)
        self._known = np.ones(shape, bool)
        self._inside = np.ones(shape, bool)
        self._candidate = pixels.copy()
        self._stayed = np.zeros(shape, np.float32)
        self._foreground = np.zeros(shape, bool)
        self._past: list[np.ndarray] = []

    @property
    def moved(self) -> bool:
        """Whether the last frame was not taken from where the anchor was."""
        return not np.array_equal(self.to_anchor, np.eye(2, 3))

    def lay(self, pixels: np.ndarray, affine: np.ndarray | None) -> np.ndarray:
        """Return a frame as it looks from the anchor, ``(height, width, 3)`` uint8.

        Args:
            pixels: ``(height, width, 3)`` uint8.
            affine: the camera's motion since the last frame ``(2, 3)`` in working pixels, or None if it stood still.
        """
        height, width = self.mean.shape[:2]
        if affine is not None:
            self._follow(pixels, affine)
        rim = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float)
        if np.abs(rim @ self.to_anchor.T - rim[:, :2]).max() > DRIFT * width:
            self._lay_out_anew()
        if not self.moved:
            self._inside = np.ones((height, width), bool)
            return pixels
        inside = cv2.warpAffine(np.full((height, width), 255, np.uint8), self.to_anchor, (width, height))
        self._inside = cv2.erode(inside, np.ones((3, 3), np.uint8)) == 255
        return cv2.warpAffine(pixels, self.to_anchor, (width, height), flags=cv2.INTER_LINEAR)

    def compare(self, laid: np.ndarray) -> Difference:
        """Return how a laid frame differs from the background."""
        expected = self._relit(laid)
        self._change = _largest(cv2.absdiff(laid, expected)).astype(np.float32)
        grey, background = (cv2.cvtColor(one, cv2.COLOR_RGB2GRAY) for one in (laid, expected))
        edges = _steepness(background)
        slack = SLACK_MOVED if self.moved else SLACK
        tolerance = np.maximum(self._variance, FLICKER) + (slack * edges) ** 2
        deviation = self._change / np.sqrt(tolerance)
        deviation[~(self._inside & self._known)] = 0
        weak = deviation > WEAK
        weak[weak] = ~_shadowed(laid[weak], expected[weak])
        self._past = [*self._past[-PAST:], grey]
        since = cv2.absdiff(grey, self._past[0]).astype(np.float32)
        moving = since * since > WEAK**2 * tolerance
        return Difference(deviation, weak, weak & (deviation > STRONG), moving, _steepness(grey), edges)

    def stale(self, difference: Difference) -> bool:
        """Tell whether so much of the background is gone that the camera must have got lost."""
        edges = (difference.background_edges > EDGE) & self._inside & self._known
        held, gone = (
            cv2.resize(one.astype(np.float32), CELLS, interpolation=cv2.INTER_AREA)
            for one in (edges, edges & difference.weak)
        )
        some = held > LEAST_EDGES
        return bool(some.sum() > ENOUGH and (gone[some] > held[some] / 2).mean() > STALE)

    def learn(
        self, laid: np.ndarray, foreground: np.ndarray, ghosts: np.ndarray, patience: np.ndarray
    ) -> None:
        """Learn from the frame that was compared last.

        Args:
            laid: as `lay` returned it.
            foreground: mask of the objects, from which nothing is learned until they have stayed too long.
            ghosts: mask of what an object has left uncovered: background at once.
            patience: frames for which something may stay before it becomes background ``(height, width)``.
        """
        self.frames += 1
        rate = max(1 / self.frames, 1 / MEMORY)
        seen = _in_light(laid, 1 / self._gains)
        plain = (self._inside & ~foreground).astype(np.uint8)
        cv2.accumulateWeighted(seen, self.mean, rate, plain)
        cv2.accumulateWeighted(np.minimum(self._change**2, MOST_FLICKER), self._variance, rate, plain)
        stays = foreground & (_largest(cv2.absdiff(seen, self._candidate)) < ALIKE)
        self._stayed = np.where(stays, self._stayed + 1, np.maximum(self._stayed - FLICKED, 0)) * foreground
        cv2.copyTo(seen, (~stays).astype(np.uint8), self._candidate)
        taken = (self._inside & ~self._known) | ghosts | (self._stayed > patience)
        cv2.copyTo(seen.astype(np.float32), taken.astype(np.uint8), self.mean)
        self._variance[taken] = FLICKER
        self._stayed[taken] = 0
        self._known |= taken
        self._foreground = foreground & ~taken

    def _relit(self, laid: np.ndarray) -> np.ndarray:
        """Return the background in the light of a frame, and note it: exposure and white balance change all of it.

        The model is kept in the light of its first frame.  What stands before it, and what the camera has not seen
        yet, would otherwise fall behind when the light changes.
        """
        some = (slice(2, None, 4), slice(2, None, 4))
        usable = (self._inside & self._known & ~self._foreground)[some]
        self._gains = np.ones(3)
        if np.count_nonzero(usable) >= 50:
            ratios = (laid[some][usable] + BLACK) / (self.mean[some][usable] + BLACK)
            self._gains = np.clip(np.median(ratios, axis=0), 0.5, 2)
        return _in_light(cv2.convertScaleAbs(self.mean), self._gains)

    def _follow(self, pixels: np.ndarray, affine: np.ndarray) -> None:
        """Take the camera to be where a frame looks most like the background, at its edges.

        The camera's motion is summed up from frame to frame, and its errors with it.  The background itself tells
        whether the camera never left, is where it was last, has gone on from there, or is where the sum says.
        """
        step = cv2.invertAffineTransform(affine)
        self._summed = _composed(self._summed, step)
        places = [np.eye(2, 3), self.to_anchor, _composed(self.to_anchor, step), self._summed]
        edges = _steepness(cv2.cvtColor(cv2.convertScaleAbs(self.mean), cv2.COLOR_RGB2GRAY))
        edges[self._foreground | ~self._known] = 0
        rows, columns = np.nonzero(edges >= max(float(np.quantile(edges[::4, ::4], 0.8)), EDGE))
        some = slice(None, None, max(1, len(rows) // 2000))
        points = np.stack([columns[some], rows[some]], axis=1)
        if len(points) < 50:
            self.to_anchor = self._summed
            return
        misses = [self._miss(pixels, place, points) for place in places]
        best = 0
        for number, miss in enumerate(misses):
            if miss < CLEARLY * misses[best]:
                best = number
        self.to_anchor = places[best]
        if misses[best] < CLEARLY * misses[-1]:
            self._summed = self.to_anchor

    def _miss(self, pixels: np.ndarray, to_anchor: np.ndarray, points: np.ndarray) -> float:
        """Return by how many grey levels a frame, so laid, misses the background at points ``(n, 2)``."""
        back = cv2.invertAffineTransform(to_anchor)
        places = (points @ back[:, :2].T + back[:, 2]).astype(np.float32)
        seen = cv2.remap(pixels, places[:, None], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[
            :, 0
        ]
        off = seen - self.mean[points[:, 1], points[:, 0]]
        return float(np.minimum(np.abs(off - np.median(off, axis=0)).max(axis=1), 30).mean())

    def _lay_out_anew(self) -> None:
        """Make the last frame the anchor."""
        height, width = self.mean.shape[:2]
        back = cv2.invertAffineTransform(self.to_anchor)

        def warped(values: np.ndarray, interpolation: int = cv2.INTER_LINEAR) -> np.ndarray:
            return cv2.warpAffine(
                values, back, (width, height), flags=interpolation, borderMode=cv2.BORDER_REPLICATE
            )

        known = cv2.warpAffine(self._known.astype(np.uint8), back, (width, height), flags=cv2.INTER_NEAREST)
        self._known = known > 0
        self.mean, self._variance, self._candidate, self._stayed = (
            warped(one) for one in (self.mean, self._variance, self._candidate, self._stayed)
        )
        self._foreground = warped(self._foreground.astype(np.uint8), cv2.INTER_NEAREST) > 0
        self._past = [warped(one) for one in self._past]
        self._summed = _composed(back, self._summed)
        self.to_anchor = np.eye(2, 3)


def _composed(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Return the map ``(2, 3)`` that does ``first``, then ``second``."""
    return np.concatenate(
        [second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2:] + second[:, 2:]], axis=1
    )


def _in_light(pixels: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Return a picture ``(height, width, 3)`` uint8 with each channel ``(3,)`` so many times as bright."""
    levels = (np.arange(256)[:, None] + BLACK) * gains - BLACK
    return cv2.LUT(pixels, np.clip(np.rint(levels), 0, 255).astype(np.uint8)[:, None])


def _largest(pixels: np.ndarray) -> np.ndarray:
    """Return the largest of the three channels (NumPy's ``max(axis=2)`` takes 20 times as long)."""
    red, green, blue = cv2.split(pixels)
    return cv2.max(cv2.max(red, green), blue)


def _steepness(grey: np.ndarray) -> np.ndarray:
    across, down = (cv2.Sobel(grey, cv2.CV_32F, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1)))
    return cv2.magnitude(across, down)


def _shadowed(seen: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Tell which pixels ``(n, 3)`` are the expected ones in less light: darker by one factor in every channel."""
    lit = expected + np.float32(BLACK)
    dim = seen + np.float32(BLACK)
    share = np.einsum("nc,nc->n", dim, lit) / np.einsum("nc,nc->n", lit, lit)
    off = np.abs(dim - share[:, None] * lit).max(axis=1)
    return (share > DARKEST) & (share < BRIGHTEST) & (off < TONE * share)
