"""Photographs of digits, composed: MNIST's strokes as ink on paper, under a lamp, seen by a camera.

Each effect is drawn from its own range and they are combined at random, so that a reader that copes with one
at a time and fails on two together is found out.  Nothing here uses the product's own segmentation.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

__all__ = ["Scene", "compose", "letter_strokes", "thing_strokes"]

PENS = ((25, 25, 30), (30, 50, 150), (60, 110, 200), (170, 35, 35), (20, 100, 60), (95, 95, 95))
PAPERS = ((245, 245, 240), (235, 228, 205), (205, 205, 205), (225, 232, 240))
BOARDS = ((30, 32, 30), (35, 70, 55), (25, 35, 80))
CHALKS = ((235, 235, 235), (240, 225, 130), (235, 180, 190))


@dataclass(frozen=True)
class Scene:
    """A composed photograph and where on it the digits are.

    Args:
        pixels: ``(height, width, 3)`` uint8 RGB.
        boxes: ``(n, 4)`` float: (x, y, width, height) of the digits' ink in pixels.
        effects: names of what was done, for telling failures apart.
    """

    pixels: np.ndarray
    boxes: np.ndarray
    effects: frozenset[str]


def compose(digits: np.ndarray, random: np.random.Generator, *, touching: float = 0.0) -> Scene:
    """Write a row of digits on a page and photograph it.

    Args:
        digits: ``(n, 28, 28)`` uint8, light on dark, in the order they are written.
        random: of everything.
        touching: chance that a digit's ink runs into its left neighbour's.
    """
    effects: set[str] = set()
    tall = int(random.integers(40, 180) if len(digits) == 1 else random.integers(30, 110))
    strokes = [_stroke(digit, tall, random) for digit in digits]
    coverage, boxes = _row(strokes, tall, touching, random)
    if touching:
        effects.add("touching")
    # The sheet goes on beyond what the camera will see of it.
    beyond = int(0.3 * max(coverage.shape))
    inner = np.array([beyond, beyond, *coverage.shape[::-1]])
    coverage, boxes = np.pad(coverage, beyond), boxes + [beyond, beyond, 0, 0]
    height, width = coverage.shape
    chalk = random.random() < 0.25
    ground, pen = _colours(chalk, random)
    effects.add("light on dark" if chalk else "dark on light")
    page = np.broadcast_to(np.float32(ground), (height, width, 3)).copy()
    page += _texture((height, width), random)[..., None] * random.uniform(1, 5)
    ruling = str(random.choice(["plain", "plain", "ruled", "squared"]))
    effects.add(ruling)
    if ruling != "plain":
        _rule(page, tall, ruling, ground, random)
    density = random.uniform(0.7, 1.0) if chalk or sum(pen) < 250 else 1.0
    grain = 1 - 0.25 * np.clip(_texture((height, width), random), 0, 2)[..., None] * random.uniform(0, 1)
    alpha = coverage[..., None] * density * grain
    page = page * (1 - alpha) + np.float32(pen) * alpha
    page, boxes = _view(page, inner, boxes, random)
    page *= _light(page.shape[:2], random, effects)[..., None]
    if random.random() < 0.6:
        effects.add("blur")
        page = cv2.GaussianBlur(page, (0, 0), random.uniform(0.3, 0.03 * tall + 0.3))
    page += random.normal(size=page.shape).astype(np.float32) * random.uniform(0, 7)
    pixels = np.clip(page, 0, 255).astype(np.uint8)
    if random.random() < 0.7:
        effects.add("jpeg")
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(40, 95))]
        pixels = cv2.imdecode(cv2.imencode(".jpg", pixels[..., ::-1], quality)[1], cv2.IMREAD_COLOR)[
            ..., ::-1
        ]
    return Scene(np.ascontiguousarray(pixels), boxes, frozenset(effects))


def letter_strokes(font: str, letters: str, random: np.random.Generator) -> np.ndarray:
    """Return one letter of ``letters`` as ``(28, 28)`` uint8 strokes, set in the TrueType file ``font``."""
    face = ImageFont.truetype(font, 80)
    canvas = Image.new("L", (140, 140))
    ImageDraw.Draw(canvas).text((70, 70), str(random.choice(list(letters))), 255, face, anchor="mm")
    return cv2.resize(np.asarray(canvas), (28, 28), interpolation=cv2.INTER_AREA)


def thing_strokes(random: np.random.Generator) -> np.ndarray:
    """Return a blob, a scribble, a star or a spiral as ``(28, 28)`` uint8."""
    canvas = np.zeros((112, 112), np.uint8)
    kind = random.integers(4)
    if kind == 0:
        angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        radius = 30 + 8 * np.sin(angles * random.integers(2, 6) + random.uniform(0, 6))
        outline = 56 + radius[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        cv2.fillPoly(canvas, [outline.astype(np.int32)], 255)
    elif kind == 1:
        cv2.polylines(canvas, [random.integers(16, 96, (12, 2)).astype(np.int32)], False, 255, 6, cv2.LINE_AA)
    elif kind == 2:
        points = int(random.integers(5, 8))
        angles = np.linspace(0, 2 * np.pi, 2 * points, endpoint=False) + random.uniform(0, 1)
        radius = np.where(np.arange(2 * points) % 2, 16, 42)[:, None]
        outline = 56 + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        cv2.polylines(canvas, [outline.astype(np.int32)], True, 255, 6, cv2.LINE_AA)
    else:
        angles = np.linspace(0, random.uniform(4, 6) * np.pi, 200)
        radius = (angles / angles[-1] * 44)[:, None]
        outline = 56 + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        cv2.polylines(canvas, [outline.astype(np.int32)], False, 255, 6, cv2.LINE_AA)
    return cv2.resize(canvas, (28, 28), interpolation=cv2.INTER_AREA)


def _stroke(digit: np.ndarray, tall: int, random: np.random.Generator) -> np.ndarray:
    """Enlarge a 28×28 digit to ``tall`` pixels of ink coverage, with a thinner or thicker pen."""
    rows, columns = np.where(digit > 40)
    cut = np.pad(digit[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1], 2)
    scale = tall / 20 * random.uniform(0.9, 1.1)
    big = cv2.resize(cut.astype(np.float32) / 255, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    big = cv2.GaussianBlur(big, (0, 0), 0.35 * scale)
    # The level that is called ink moves the outline: at 0.25 a felt tip, at 0.65 a fine pen.
    level = random.uniform(0.25, 0.65) * big.max()
    return np.clip((big - level) * 4 * scale / big.max() / 2 + 0.5, 0, 1)


def _row(
    strokes: list[np.ndarray], tall: int, touching: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Set the strokes side by side, some nearly touching, on a page with wide or narrow margins."""
    gaps = random.uniform(0.05, random.uniform(0.2, 0.9), len(strokes)) * tall
    inner = [max(random.uniform(0.1, 2.0), 0.1) * tall for _ in range(4)]
    left = float(inner[0])
    height = int(inner[1] + inner[2] + 1.5 * tall)
    width = int(left + sum(stroke.shape[1] for stroke in strokes) + gaps.sum() + inner[3])
    page, boxes = np.zeros((height, width), np.float32), []
    before: tuple[np.ndarray, int, int] | None = None
    for stroke, gap in zip(strokes, gaps, strict=True):
        x = int(left)
        y = int(np.clip(inner[1] + random.uniform(-0.06, 0.06) * tall, 0, height - stroke.shape[0]))
        if before and random.random() < touching:
            x = _meeting(before, stroke, y, tall, random) or x
        window = page[y : y + stroke.shape[0], x : x + stroke.shape[1]]
        np.maximum(window, stroke[: window.shape[0], : window.shape[1]], out=window)
        rows, columns = np.where(stroke > 0.5)
        boxes.append((x + columns.min(), y + rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1))
        before = (stroke, x, y)
        left = x + columns.max() + gap
    return page, np.array(boxes, np.float32)


def _meeting(
    before: tuple[np.ndarray, int, int], stroke: np.ndarray, y: int, tall: int, random: np.random.Generator
) -> int | None:
    """Return the column at which ``stroke`` runs into the one before it, in one or two small places.

    It is pushed to the left until the ink meets, then up to two thirds of a pen's width further; digits that
    would run along each other, which nobody could read, are not made.
    """
    other, other_x, other_y = before
    top, bottom = max(y, other_y), min(y + stroke.shape[0], other_y + other.shape[0])
    left_ink, right_ink = other[top - other_y : bottom - other_y] > 0.5, stroke[top - y : bottom - y] > 0.5
    rows = left_ink.any(axis=1) & right_ink.any(axis=1)
    if not rows.any():
        return None
    ends = left_ink.shape[1] - 1 - left_ink[rows, ::-1].argmax(axis=1)
    meets = other_x + int((ends - right_ink[rows].argmax(axis=1)).max())
    for press in random.uniform(0.01, 0.08, 6) * tall:
        x = round(meets - press)
        shared = np.zeros(left_ink.shape, np.uint8)
        start = max(x - other_x, 0)
        count = min(left_ink.shape[1] - start, right_ink.shape[1])
        if x < other_x or count <= 0:
            continue
        shared[:, start : start + count] = left_ink[:, start : start + count] & right_ink[:, :count]
        count, _, stats, _ = cv2.connectedComponentsWithStats(cv2.dilate(shared, np.ones((3, 3), np.uint8)))
        short = stats[1:, cv2.CC_STAT_HEIGHT].max(initial=0) < 0.25 * tall
        if 2 <= count <= 3 and short and shared.sum() < (0.14 * tall) ** 2:
            return x
    return None


def _colours(chalk: bool, random: np.random.Generator) -> tuple[tuple[int, ...], tuple[int, ...]]:
    grounds, pens = (BOARDS, CHALKS) if chalk else (PAPERS, PENS)
    return grounds[random.integers(len(grounds))], pens[random.integers(len(pens))]


def _texture(shape: tuple[int, int], random: np.random.Generator) -> np.ndarray:
    noise = random.normal(size=shape).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), random.uniform(0.8, 3.0))
    return soft / soft.std()


def _rule(
    page: np.ndarray, tall: int, ruling: str, ground: tuple[int, ...], random: np.random.Generator
) -> None:
    pitch = int(tall * random.uniform(0.45, 0.7) if ruling == "squared" else tall * random.uniform(1.3, 2.0))
    tint = np.float32(random.choice([(150, 170, 215), (170, 170, 170), (215, 160, 160)]))
    colour = np.float32(ground) * 0.5 + tint * 0.5
    width = max(1, round(tall * random.uniform(0.01, 0.03)))
    for y in range(int(random.integers(pitch)), page.shape[0], pitch):
        page[y : y + width] = colour
    if ruling == "squared":
        for x in range(int(random.integers(pitch)), page.shape[1], pitch):
            page[:, x : x + width] = colour


def _view(
    page: np.ndarray, inner: np.ndarray, boxes: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Turn the page by up to 10 degrees, tilt it away from the camera, and move the boxes with it."""
    left, top, width, height = map(int, inner)
    side = max(height, width)
    middle = (left + width / 2, top + height / 2)
    turn = np.vstack([cv2.getRotationMatrix2D(middle, random.uniform(-10, 10), 1.0), [0, 0, 1]])
    tilt = np.eye(3)
    tilt[2, :2] = random.uniform(-0.15, 0.15, 2) / side
    matrix = tilt @ turn
    corners = np.float32([left, top]) + np.float32([[0, 0], [width, 0], [width, height], [0, height]])
    moved = cv2.perspectiveTransform(corners[None], matrix)[0]
    low, high = moved.min(axis=0), moved.max(axis=0)
    matrix = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1.0]]) @ matrix
    size = tuple(int(value) for value in np.ceil(high - low))
    seen = cv2.warpPerspective(page, matrix, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
    x, y, w, h = boxes.T
    quads = np.stack([np.stack([x, x + w, x + w, x], 1), np.stack([y, y, y + h, y + h], 1)], axis=-1)
    quads = cv2.perspectiveTransform(quads.reshape(1, -1, 2).astype(np.float32), matrix).reshape(-1, 4, 2)
    low, high = quads.min(axis=1), quads.max(axis=1)
    return seen, np.concatenate([low, high - low], axis=1)


def _light(shape: tuple[int, int], random: np.random.Generator, effects: set[str]) -> np.ndarray:
    """A lamp to one side, and perhaps the soft or hard edge of a shadow."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    x, y = x / shape[1] - 0.5, y / shape[0] - 0.5
    angle = random.uniform(0, 2 * np.pi)
    across = x * np.cos(angle) + y * np.sin(angle)
    light = 0.85 + random.uniform(0, 0.5) * across
    if random.random() < 0.35:
        effects.add("shadow")
        softness = random.uniform(0.02, 0.3)
        angle = random.uniform(0, 2 * np.pi)
        edge = x * np.cos(angle) + y * np.sin(angle) - random.uniform(-0.3, 0.3)
        light *= 1 - random.uniform(0.15, 0.5) / (1 + np.exp(-edge / softness * 4))
    return np.clip(light, 0.15, 1.1)
