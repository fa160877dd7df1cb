"""How well photographs are read: composed, real, tiny, and of things that are no digit.

    python tests/benchmarks/bench_photos.py --model digits/cnn

The composed photographs use MNIST's test digits (``compose_photos``); nothing was chosen on them.  The real
ones lie in ``../shared/data/digits_photos`` and are left out where that folder is absent.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np

from apps.digits.page import Page, read_page
from common.data.images import decode
from tests.benchmarks.compose_photos import compose, letter_strokes, thing_strokes

PHOTOS = Path(__file__).parents[3] / "shared" / "data" / "digits_photos"
LETTERS = "AEFGHJKMNPQRTWXYaefhkmnrtwx"
Classify = Callable[[np.ndarray], np.ndarray]


def evaluate(
    classify: Classify,
    digits: np.ndarray,
    labels: np.ndarray,
    *,
    singles: int = 500,
    lines: int = 200,
    seed: int = 0,
) -> dict[str, tuple[int, int]]:
    """Read everything and count.

    Args:
        classify: maps ``(n, 28, 28, 1)`` float32 to logits.
        digits: ``(n, 28, 28)`` uint8 MNIST test pictures, and their ``labels``.
        singles, lines: how many photographs of one digit, and of a row of five, are composed.
        seed: of the composition.

    Returns:
        for each part (right, of how many).
    """
    results = {
        "MNIST as PNG": _plain(classify, digits[:1000], labels[:1000]),
        "one digit, composed": _composed(classify, digits, labels, 1, singles, seed),
        "five digits, composed (whole row)": _composed(classify, digits, labels, 5, lines, seed),
        "scikit-learn 8x8": _tiny(classify),
        "letters refused": _refused(classify, seed, letters=True),
        "blobs, stars, spirals refused": _refused(classify, seed, letters=False),
    }
    if PHOTOS.is_dir():
        results["photographs, one digit"] = _photographs(classify, "single")
        results["photographs, several digits"] = _photographs(classify, "lines")
    return results


def said(page: Page) -> str:
    """Return the labels read, line by line, whatever their status."""
    return "\n".join("".join(str(reading.label) for reading in line) for line in page.lines)


def _plain(classify: Classify, digits: np.ndarray, labels: np.ndarray) -> tuple[int, int]:
    right = sum(
        said(read_page(digit, classify)) == str(label) for digit, label in zip(digits, labels, strict=True)
    )
    return right, len(digits)


def _composed(
    classify: Classify, digits: np.ndarray, labels: np.ndarray, length: int, count: int, seed: int
) -> tuple[int, int]:
    right = 0
    for number in range(count):
        random = np.random.default_rng((seed, length, number))
        chosen = random.integers(len(digits), size=length)
        page = read_page(compose(digits[chosen], random).pixels, classify)
        right += said(page) == "".join(map(str, labels[chosen]))
    return right, count


def _tiny(classify: Classify) -> tuple[int, int]:
    from sklearn.datasets import load_digits

    tiny = load_digits()
    pixels = (tiny.images * (255 / 16)).astype(np.uint8)
    chosen = range(0, len(pixels), 4)
    right = sum(said(read_page(pixels[index], classify)) == str(tiny.target[index]) for index in chosen)
    return right, len(chosen)


def _refused(classify: Classify, seed: int, *, letters: bool, count: int = 100) -> tuple[int, int]:
    """Count composed photographs on which nothing at all is passed as a sure digit."""
    from matplotlib import font_manager

    font = font_manager.findfont("DejaVu Sans Mono:bold")
    refused = 0
    for number in range(count):
        random = np.random.default_rng((seed, 99, number))
        strokes = letter_strokes(font, LETTERS, random) if letters else thing_strokes(random)
        page = read_page(compose(strokes[None], random).pixels, classify)
        refused += all(reading.status != "ok" for line in page.lines for reading in line)
    return refused, count


def _photographs(classify: Classify, folder: str) -> tuple[int, int]:
    with (PHOTOS / "labels.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["file"].startswith(folder)]
    right = 0
    for row in rows:
        page = read_page(decode(PHOTOS / row["file"]).pixels, classify)
        right += page.text.replace("\n", " ") == row["text"]
    return right, len(rows)


def main() -> None:
    """Print the table for one model."""
    from common.data.datasets import load as load_data
    from common.predictor import load

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="digits/cnn")
    test = load_data("mnist").test
    model = load(parser.parse_args().model)
    results = evaluate(model.logits, test.images[..., 0], test.targets)
    for part, (right, count) in results.items():
        print(f"{part:36} {right:5} of {count:5}  {right / count:7.2%}")


if __name__ == "__main__":
    main()
