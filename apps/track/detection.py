"""What is there in a frame: the interface of detectors, and one that finds whatever moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from apps.track.camera_motion import Motion
from common import boxes as box_tools
from common.registry import Registry

__all__ = ["Detections", "Detector", "MotionDetector", "detectors"]

WIDTH = 480  # pixels of the working picture


@dataclass(frozen=True)
class Detections:
    """Objects found in one frame.

    Args:
        boxes: ``(N, 4)`` float32, see `common.boxes`, in pixels of the frame.
        confidences: ``(N,)`` float32 in [0, 1].
        labels: what each is.
    """

    boxes: np.ndarray
    confidences: np.ndarray
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.boxes)


class Detector(Protocol):
    def __call__(self, pixels: np.ndarray, motion: Motion) -> Detections: ...


detectors: Registry[Callable[[], Detector]] = Registry("detector")

WARM_UP = 10
MEMORY = 50  # frames
ABSORB = 40
HELD = 250
NOISE = 4.0
STRONG, WEAK = 4.5, 2.5
SLACK_STILL, SLACK = 0.25, 0.6
DRIFT = 0.05
LEAST_AREA = 0.0006


@detectors.named("motion")
class MotionDetector:
    def __init__(self) -> None:
        self._b = None

    def __call__(self, pixels, motion, held=None):
        h, w = pixels.shape[:2]
        s = min(1.0, WIDTH / w)
        img = cv2.resize(pixels, None, fx=s, fy=s, interpolation=cv2.INTER_AREA) if s < 1 else pixels
        img = cv2.GaussianBlur(img, (3, 3), 0)
        self.debug = None
        if self._b is None or motion.cut or self._b.shape != img.shape:
            self._start(img)
            return _none()
        valid = None
        still = motion.still
        if not still:
            a = motion.affine.copy()
            a[:, 2] *= s
            # frame t-1 -> anchor is self._to; frame t -> anchor = self._to o a^-1
            self._to = _compose(self._to, cv2.invertAffineTransform(a))
        H, W = img.shape[:2]
        rim = np.array([[0, 0, 1], [W, 0, 1], [0, H, 1], [W, H, 1]], float)
        if np.abs(rim @ self._to.T - rim[:, :2]).max() > DRIFT * W:
            self._reanchor()
        moved = not (self._to == np.eye(2, 3)).all()
        if moved:
            cur = cv2.warpAffine(img, self._to, (W, H), flags=cv2.INTER_LINEAR)
            valid = (
                cv2.erode(
                    cv2.warpAffine(np.full((H, W), 255, np.uint8), self._to, (W, H), flags=cv2.INTER_NEAREST),
                    np.ones((3, 3)),
                    borderType=cv2.BORDER_CONSTANT,
                    borderValue=0,
                )
                > 0
            )
        else:
            cur, valid = img, np.ones((H, W), bool)
        cur = cur.astype(np.float32)
        # gain
        sub = (slice(2, None, 4), slice(2, None, 4))
        ok = valid[sub] & ~self._fg[sub] & (self._age[sub] > 0)
        if ok.sum() > 50:
            g = np.median((cur[sub][ok] + 8) / (self._b[sub][ok] + 8), axis=0)
        else:
            g = np.ones(3)
        g = np.clip(g, 0.5, 2).astype(np.float32)
        exp = (self._b + 8) * g - 8
        diff = np.abs(cur - exp).max(axis=2)
        grey = self._b.mean(axis=2)
        gx = cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=0.125)
        gy = cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=0.125)
        grad = np.hypot(gx, gy)
        slack = SLACK if moved else SLACK_STILL
        sigma = np.sqrt(self._v + NOISE**2 + (slack * grad * 2) ** 2)
        d = diff / sigma
        seen = valid & (self._age >= WARM_UP)
        d = np.where(seen, d, 0)
        strong = d > STRONG
        weak = d > WEAK
        weak &= ~self._shadow(cur, exp, d, grad)
        mask = cv2.morphologyEx(weak.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (11, 11)))
        n, lab, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        nstrong = np.bincount(lab.ravel(), (strong & (weak)).ravel(), n)
        gI = cur.mean(axis=2)
        gradI = np.hypot(
            cv2.Sobel(gI, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(gI, cv2.CV_32F, 0, 1, scale=0.125)
        )
        boxes, conf = [], []
        fg = np.zeros((H, W), bool)
        ghosts = np.zeros((H, W), bool)
        for k in range(1, n):
            x, y, bw, bh, area = stats[k]
            if area < LEAST_AREA * H * W or nstrong[k] < 0.15 * area:
                continue
            y0, y1, x0, x1 = max(y - 2, 0), min(y + bh + 2, H), max(x - 2, 0), min(x + bw + 2, W)
            m = (lab[y0:y1, x0:x1] == k).astype(np.uint8)
            ring = cv2.dilate(m, np.ones((3, 3), np.uint8)) - cv2.erode(
                m, np.ones((5, 5), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=1
            )
            r = ring > 0
            ei = gradI[y0:y1, x0:x1][r].mean()
            eb = grad[y0:y1, x0:x1][r].mean()
            edge = ei / (ei + eb + 1e-6)
            contrast = d[y0:y1, x0:x1][m > 0].mean()
            fg[y0:y1, x0:x1] |= m > 0
            if edge < 0.4:
                ghosts[y0:y1, x0:x1] |= m > 0
            c = (1 - np.exp(-contrast / 4)) * np.clip((edge - 0.3) / 0.3, 0, 1)
            boxes.append((x, y, bw, bh))
            conf.append(c)
            if self.debug is None:
                self.debug = []
            self.debug.append((x, y, bw, bh, edge, contrast))
        self.mask = mask
        self._update(cur, valid, fg, ghosts, exp, diff, held, s)
        if not boxes:
            return _none()
        b = np.array(boxes, np.float32)
        if moved:
            inv = cv2.invertAffineTransform(self._to)
            c = box_tools.centers(b) @ inv[:, :2].T + inv[:, 2]
            b = np.concatenate([c - b[:, 2:] / 2, b[:, 2:]], 1)
        b = b / s
        return Detections(b.astype(np.float32), np.array(conf, np.float32), ("moving",) * len(b))

    def _shadow(self, cur, exp, d, grad):
        ratio = (cur + 8) / (exp + 8)
        mean = ratio.mean(axis=2)
        spread = ratio.max(axis=2) - ratio.min(axis=2)
        return (mean > 0.55) & (mean < 0.97) & (spread < 0.08)

    def _start(self, img):
        f = img.astype(np.float32)
        self._b = f
        H, W = f.shape[:2]
        self._v = np.full((H, W), 25.0, np.float32)
        self._age = np.ones((H, W), np.float32)
        self._c = f.copy()
        self._stay = np.zeros((H, W), np.float32)
        self._fg = np.zeros((H, W), bool)
        self._to = np.eye(2, 3)

    def _reanchor(self):
        H, W = self._v.shape
        m = cv2.invertAffineTransform(self._to)

        def wp(a, v=0.0):
            return cv2.warpAffine(a, m, (W, H), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

        ok = cv2.warpAffine(np.full((H, W), 255, np.uint8), m, (W, H), flags=cv2.INTER_NEAREST) > 0
        self._b, self._v, self._c, self._stay = wp(self._b), wp(self._v), wp(self._c), wp(self._stay)
        self._age = np.where(ok, wp(self._age), 0).astype(np.float32)
        self._fg = cv2.warpAffine(self._fg.astype(np.uint8), m, (W, H)) > 0
        self._to = np.eye(2, 3)

    def _update(self, cur, valid, fg, ghosts, exp, diff, held, s):
        bg = valid & ~fg
        new = valid & (self._age == 0)
        self._b[new] = cur[new]
        rate = np.where(bg, 1 / np.minimum(self._age + 1, MEMORY), 0).astype(np.float32)
        self._b += rate[..., None] * (cur - self._b)
        self._v += rate * (np.minimum(diff, 20) ** 2 - self._v)
        self._age[bg] += 1
        same = np.abs(cur - self._c).max(axis=2) < 12
        self._stay = np.where(fg & same, self._stay + 1, 0)
        self._c += np.where(fg & same, 0.1, 1.0)[..., None].astype(np.float32) * (cur - self._c)
        limit = np.full(fg.shape, ABSORB, np.float32)
        if held is not None:
            for l, t, r, b in np.rint(box_tools.corners(np.asarray(held)) * s).astype(int):
                limit[max(t, 0) : max(b, 0), max(l, 0) : max(r, 0)] = HELD
        take = (self._stay > limit) | ghosts
        self._b[take] = cur[take]
        self._age[take] = WARM_UP
        self._stay[take] = 0
        self._fg = fg & ~take


def _compose(a, b):
    return np.concatenate([a[:, :2] @ b[:, :2], (a[:, :2] @ b[:, 2:] + a[:, 2:])], 1)


def _none():
    return Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), ())
