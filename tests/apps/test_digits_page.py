"""The page reader on rendered pages; the network is replaced by an oracle that knows the rendered digits."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from apps.digits.drawing import annotate, steps
from apps.digits.glyphs import Piece, framed
from apps.digits.page import find_digits, read_page
from apps.digits.prediction import read
from apps.digits.segmentation import find_ink, is_light_on_dark, pen_width
from common.predictor import load

FONT = font_manager.findfont("DejaVu Sans")


def letter(shape: tuple[int, int], sign: str, x: int, y: int, height: int, pen: float) -> np.ndarray:
    """Draw ``sign`` with its foot at (x, y): ``(height, width)`` uint8 coverage; ``pen`` fattens the font."""
    canvas = Image.new("L", shape[::-1])
    face = ImageFont.truetype(FONT, round(height / 0.73))
    ImageDraw.Draw(canvas).text((x, y), sign, 255, face, anchor="ls", stroke_width=pen)
    return np.asarray(canvas)


def write(
    page: np.ndarray, text: str, x: int, y: int, height: int, pen: float = 0, colour=30
) -> list[tuple[int, ...]]:
    """Write ``text`` with its feet at ``y``, a digit apart from the next; return the digits' boxes."""
    boxes = []
    for sign in text:
        ink = letter(page.shape[:2], sign, x, y, height, pen)
        rows, columns = np.where(ink > 127)
        boxes.append((columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1))
        alpha = ink[..., None] / 255 if page.ndim == 3 else ink / 255
        page[:] = (page * (1 - alpha) + np.array(colour) * alpha).astype(np.uint8)
        x = int(columns.max() + 0.5 * height)
    return boxes


def blank(height: int = 240, width: int = 480, level: int = 225) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 3, (height, width))
    return np.clip(level + noise, 0, 255).astype(np.uint8)


def lit(page: np.ndarray) -> np.ndarray:
    """Light the page from one side and let a shadow fall across it."""
    y, x = np.mgrid[0 : page.shape[0], 0 : page.shape[1]] / max(page.shape[:2])
    light = 1 - 0.4 * x - 0.3 / (1 + np.exp(-(y + 0.3 * x - 0.3) * 60))
    return (page * (light if page.ndim == 2 else light[..., None])).astype(np.uint8)


@pytest.fixture(scope="module")
def classify():
    """Nearest template by correlation over rendered digits in two sizes: an oracle, not a network."""
    templates, labels = [], []
    for digit in "0123456789":
        for pen in (0, 2, 4):
            ink = letter((160, 160), digit, 40, 120, 80, pen) > 127
            rows, columns = np.where(ink)
            cut = ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
            picture = framed(Piece(0, 0, cut))
            # Centring rounds to whole pixels, so that a glyph may stand one beside its template.
            for shift in ((y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)):
                templates.append(np.roll(picture, shift, (0, 1)).ravel())
                labels.append(int(digit))
    templates = np.stack(templates)
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)

    def oracle(images: np.ndarray) -> np.ndarray:
        assert images.dtype == np.float32 and images.shape[1:] == (28, 28, 1)
        flat = images.reshape(len(images), -1)
        alike = flat / (np.linalg.norm(flat, axis=1, keepdims=True) + 1e-6) @ templates.T
        best = np.stack([alike[:, np.array(labels) == digit].max(axis=1) for digit in range(10)], axis=1)
        # Sure of what it knows, near uniform on anything unlike every template.
        return 60 * (best - 0.8).clip(0)

    return oracle


def overlap(a, b) -> float:
    """Intersection over union of two (x, y, width, height) boxes."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(w, 0) * max(h, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


@pytest.mark.parametrize("height", [24, 60, 150])
@pytest.mark.parametrize("pen", [0, 0.03])
def test_boxes_cover_the_digits(height, pen):
    page = blank(240, 900)
    pen *= height
    expected = write(page, "2753", 40, 200, height, pen)
    found = find_digits(page)
    assert len(found) == 4
    for glyph, box in zip(found, expected, strict=True):
        assert overlap(glyph.box, box) > 0.7
        assert glyph.picture.shape == (28, 28) and glyph.picture.dtype == np.float32
        assert glyph.picture.min() >= 0 and glyph.picture.max() <= 1


def test_reading_order_and_lines(classify):
    page = blank(420, 640)
    write(page, "314", 300, 120, 60)
    write(page, "25", 60, 130, 60)
    write(page, "907", 90, 300, 60)
    read = read_page(page, classify)
    assert read.text == "25 314\n907"
    assert [reading.glyph.line for line in read.lines for reading in line] == [0] * 5 + [1] * 3


@pytest.mark.parametrize("turn", [-8, 8])
def test_sloping_lines_stay_lines(classify, turn):
    page = blank(600, 900)
    write(page, "1234567", 150, 250, 50)
    write(page, "8901234", 150, 370, 50)
    matrix = cv2.getRotationMatrix2D((450, 300), turn, 1.0)
    turned = cv2.warpAffine(page, matrix, (900, 600), borderMode=cv2.BORDER_REPLICATE)
    lines = ["".join(str(reading.label) for reading in line) for line in read_page(turned, classify).lines]
    assert lines == ["1234567", "8901234"]


def test_polarity_makes_no_difference(classify):
    page = blank()
    write(page, "4826", 40, 170, 80)
    assert not is_light_on_dark(page) and is_light_on_dark(255 - page)
    dark, light = read_page(page, classify), read_page(255 - page, classify)
    assert dark.text == light.text == "4826"


@pytest.mark.parametrize("zoom", [0.4, 2.0, 5.0])
def test_scale_makes_no_difference(zoom):
    page = blank()
    write(page, "4826", 40, 170, 80)
    large = cv2.resize(
        page, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    )
    before, after = find_digits(page), find_digits(large)
    assert len(before) == len(after) == 4
    for one, other in zip(before, after, strict=True):
        assert overlap(tuple(zoom * value for value in one.box), other.box) > 0.75
        assert np.corrcoef(one.picture.ravel(), other.picture.ravel())[0, 1] > 0.8


def test_uneven_light_and_shadow(classify):
    page = blank()
    write(page, "59370", 30, 150, 60)
    assert read_page(lit(page), classify).text == "59370"


@pytest.mark.parametrize("pen", [(40, 60, 160), (180, 40, 40), (30, 110, 60), (110, 110, 110)])
def test_coloured_pens(classify, pen):
    page = np.repeat(blank()[..., None], 3, axis=-1)
    write(page, "6150", 40, 160, 70, 0, pen)
    assert read_page(page, classify).text == "6150"


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("turn", [0, 3])
def test_rule_lines_are_not_ink(classify, squared, turn):
    page = blank(420, 640)
    for y in range(20, 420, 45):
        page[y : y + 2] = 120
    for x in range(15, 640, 45) if squared else ():
        page[:, x : x + 2] = 120
    write(page, "4826", 120, 240, 70)
    matrix = cv2.getRotationMatrix2D((320, 210), turn, 1.0)
    page = cv2.warpAffine(page, matrix, (640, 420), borderMode=cv2.BORDER_REPLICATE)
    assert read_page(page, classify).text == "4826"


def test_boxes_of_a_form_are_not_ink(classify):
    page = blank(300, 800)
    cv2.rectangle(page, (60, 80), (740, 200), 60, 2)
    for x in (196, 332, 468, 604):
        cv2.line(page, (x, 80), (x, 200), 60, 2)
    for number, digit in enumerate("48265"):
        write(page, digit, 100 + 136 * number, 170, 60)
    read = read_page(page, classify)
    assert [reading.label for line in read.lines for reading in line] == [4, 8, 2, 6, 5]


def test_touching_digits_are_parted(classify):
    page = blank()
    (first, second) = write(page, "25", 60, 160, 80)
    cv2.line(page, (first[0] + first[2] - 4, 157), (second[0] + 4, 157), 30, 7)
    assert len(find_digits(page)) == 1
    assert read_page(page, classify).text == "25"


def test_loose_bar_belongs_to_its_five():
    page = blank()
    cv2.line(page, (125, 95), (125, 135), 30, 7)
    cv2.ellipse(page, (150, 150), (35, 35), 0, -130, 130, 30, 7)
    cv2.line(page, (125, 75), (190, 75), 30, 7)
    found = find_digits(page)
    assert len(found) == 1
    assert found[0].box[1] <= 75 and found[0].box[1] + found[0].box[3] >= 183


def test_what_is_no_digit_is_said(classify):
    page = blank()
    write(page, "2", 40, 160, 80)
    write(page, "W", 150, 160, 80)
    read = read_page(page, classify)
    assert [reading.status for reading in read.lines[0]] == ["ok", "not a digit"]
    assert read.text == "2?"


def test_thresholds_and_temperature(classify):
    page = blank()
    write(page, "2", 40, 160, 80)
    probability = read_page(page, classify).lines[0][0].probability
    assert read_page(page, classify, unsure_below=probability + 1e-6).lines[0][0].status == "unsure"
    assert read_page(page, classify, reject_below=probability + 1e-6).lines[0][0].status == "not a digit"
    assert read_page(page, classify, temperature=50).lines[0][0].probability < 0.5 < probability


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_empty_page_has_no_digits(classify, level):
    read = read_page(np.full((300, 200), level, np.uint8), classify)
    assert read.lines == () and read.text == ""
    assert find_digits(blank()) == []


def test_a_picture_in_mnists_frame_is_taken_as_it_is():
    picture = np.zeros((28, 28), np.uint8)
    picture[:] = letter((28, 28), "3", 8, 24, 20, 0)
    picture[14, 14] = 77
    (glyph,) = find_digits(picture)
    np.testing.assert_array_equal(glyph.picture, np.float32(picture) / 255)


@pytest.mark.parametrize("width", [1, 3, 8, 20])
def test_pen_width_of_bars(width):
    mask = np.zeros((200, 60), bool)
    mask[20:180, 20 : 20 + width] = True
    assert pen_width(mask) == pytest.approx(width, rel=0.2, abs=1)


@pytest.mark.parametrize("pen", [1, 3, 40])
def test_framed_strokes_are_as_wide_as_mnists(pen):
    mask = np.zeros((400, 400), np.uint8)
    cv2.circle(mask, (200, 200), 150, 1, pen)
    rows, columns = np.where(mask)
    cut = mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] > 0
    picture = framed(Piece(0, 0, cut))
    across = picture[14, :14].sum()
    assert 1.6 < across < 4.4


def test_pen_is_brought_to_its_working_width():
    page = np.full((3000, 2200), 220, np.uint8)
    write(page, "4826", 300, 1500, 400)
    ink = find_ink(page)
    assert 4 < ink.pen < 13 and ink.scale < 0.4


def test_steps_and_annotation(classify):
    page = np.repeat(blank()[..., None], 3, axis=-1)
    write(page, "42", 40, 160, 80)
    pictures = steps(page)
    assert list(pictures) == ["grey", "even lighting", "ink", "components", "digits"]
    assert all(picture.dtype == np.uint8 for picture in pictures.values())
    assert np.unique(pictures["components"].reshape(-1, 3), axis=0).shape[0] == 3
    marked = annotate(page, read_page(page, classify))
    assert marked.shape == page.shape
    assert (np.abs(marked.astype(int) - (0, 158, 115)).sum(axis=-1) == 0).sum() > 100
    assert annotate(page[:60, :60], read_page(page[:60, :60], classify)).shape[0] >= 480


@pytest.mark.parametrize("size", [60, 80, 120])
def test_tops_of_printed_digits_in_a_row_are_no_ruled_line(size):
    picture = Image.new("L", (900, 300), 255)
    ImageDraw.Draw(picture).text((40, 60), "0234568", font=ImageFont.load_default(size), fill=0)
    predictor = load("digits/cnn")
    assert read(np.asarray(picture), predictor).text == "0234568"
