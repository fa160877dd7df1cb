"""How well photographs are read: composed, real, tiny, and of things that are no digit.

    python -m tests.benchmarks.bench_photos --model digits/cnn

The composed photographs use MNIST's test digits (``compose_photos``); nothing was chosen on them.  The real
ones lie in ``../shared/data/digits_photos`` beside the checkout, or where ``--photos`` says, and are left out
where that folder is absent.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from apps.digits.page import Page, read_page
from common.data.images import decode
from tests.benchmarks.compose_photos import compose, letter_strokes, thing_strokes
from tests.benchmarks.results import conditions, publish, table

PHOTOS = Path(__file__).parents[3] / "shared" / "data" / "digits_photos"
LETTERS = "AEFGHJKMNPQRTWXYaefhkmnrtwx"
Classify = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Reader:
    """A network with the card's temperature and thresholds, as the application reads with it."""

    classify: Classify
    temperature: float = 1.0
    unsure_below: float = 0.8
    reject_below: float = 0.5

    def __call__(self, pixels: np.ndarray) -> Page:
        return read_page(
            pixels,
            self.classify,
            unsure_below=self.unsure_below,
            reject_below=self.reject_below,
            temperature=self.temperature,
        )


def evaluate(
    read: Reader,
    digits: np.ndarray,
    labels: np.ndarray,
    *,
    singles: int = 200,
    lines: int = 60,
    pairs: int = 100,
    others: int = 50,
    seed: int = 0,
    photos: Path = PHOTOS,
) -> dict[str, tuple[int, int]]:
    """Read everything and count.

    Args:
        read: the reader.
        digits: ``(n, 28, 28)`` uint8 MNIST test pictures, and their ``labels``.
        singles, lines, pairs: how many photographs of one digit, of a row of five, of two that touch.
        others: how many of letters, and of things, which should be refused.
        seed: of the composition.
        photos: folder of real photographs; left out where it is absent.

    Returns:
        for each part (right, of how many).
    """
    results = {
        "MNIST as PNG": _plain(read, digits[:1000], labels[:1000]),
        "one digit, composed": _composed(read, digits, labels, 1, singles, seed),
        "five digits, composed (whole row)": _composed(read, digits, labels, 5, lines, seed),
        "five digits, some touching (whole row)": _composed(read, digits, labels, 5, lines, seed, 0.2),
        "two digits that touch (both)": _composed(read, digits, labels, 2, pairs, seed, 1.0),
        "scikit-learn 8x8": _tiny(read),
        "letters refused or unsure": _refused(read, seed, others, letters=True),
        "blobs, stars, spirals refused or unsure": _refused(read, seed, others, letters=False),
    }
    if photos.is_dir():
        results["photographs, one digit"] = _photographs(read, photos, "single")
        results["photographs, several digits"] = _photographs(read, photos, "lines")
    return results


def said(page: Page) -> str:
    """Return the labels read, line by line, whatever their status."""
    return "\n".join("".join(str(reading.label) for reading in line) for line in page.lines)


def _plain(read: Reader, digits: np.ndarray, labels: np.ndarray) -> tuple[int, int]:
    right = sum(said(read(digit)) == str(label) for digit, label in zip(digits, labels, strict=True))
    return right, len(digits)


def _composed(
    read: Reader,
    digits: np.ndarray,
    labels: np.ndarray,
    length: int,
    count: int,
    seed: int,
    touching: float = 0.0,
) -> tuple[int, int]:
    right = 0
    for number in range(count):
        random = np.random.default_rng((seed, length, number))
        chosen = random.integers(len(digits), size=length)
        page = read(compose(digits[chosen], random, touching=touching).pixels)
        right += said(page) == "".join(map(str, labels[chosen]))
    return right, count


def _tiny(read: Reader) -> tuple[int, int]:
    from sklearn.datasets import load_digits

    tiny = load_digits()
    pixels = (tiny.images * (255 / 16)).astype(np.uint8)
    chosen = range(0, len(pixels), 4)
    right = sum(said(read(pixels[index])) == str(tiny.target[index]) for index in chosen)
    return right, len(chosen)


def _refused(read: Reader, seed: int, count: int, *, letters: bool) -> tuple[int, int]:
    """Count composed photographs on which nothing at all is passed as a sure digit."""
    from matplotlib import font_manager

    font = font_manager.findfont("DejaVu Sans Mono:bold")
    refused = 0
    for number in range(count):
        random = np.random.default_rng((seed, 99, number))
        strokes = letter_strokes(font, LETTERS, random) if letters else thing_strokes(random)
        page = read(compose(strokes[None], random).pixels)
        refused += all(reading.status != "ok" for line in page.lines for reading in line)
    return refused, count


def _photographs(read: Reader, photos: Path, folder: str) -> tuple[int, int]:
    with (photos / "labels.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["file"].startswith(folder)]
    right = 0
    for row in rows:
        page = read(decode(photos / row["file"]).pixels)
        right += page.text.replace("\n", " ") == row["text"]
    return right, len(rows)


def main() -> None:
    """Measure one model and publish the table."""
    from common.data.datasets import load as load_data
    from common.predictor import load

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="digits/cnn")
    parser.add_argument("--photos", type=Path, default=PHOTOS, metavar="DIR")
    options = parser.parse_args()
    began = time.perf_counter()
    test = load_data("mnist").test
    model = load(options.model)
    said_by_card = model.card.calibration
    known = ("temperature", "unsure_below", "reject_below")
    read = Reader(model.logits, **{name: said_by_card[name] for name in known if name in said_by_card})
    results = evaluate(read, test.images[..., 0], test.targets, photos=options.photos)
    rows = [(part, f"{right} of {count}", f"{right / count:.1%}") for part, (right, count) in results.items()]
    text = (
        f"`python -m tests.benchmarks.bench_photos --model {options.model}`, "
        f"{time.perf_counter() - began:.0f} s\n\n{table(('pictures', 'right', 'share'), rows)}\n\n"
        f"{conditions(['opencv-python', 'numpy'])}"
    )
    publish("digits photos", text)


if __name__ == "__main__":
    main()
