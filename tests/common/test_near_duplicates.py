"""Copies across parts are found, through lighter edits, and other pictures are not taken for copies."""

import io

import cv2
import numpy as np
from PIL import Image

from common.data.near_duplicates import alike_across


def photographs(count, seed):
    """Return smooth random pictures ``(count, 64, 64, 3)``: no two alike."""
    draw = np.random.default_rng(seed)
    coarse = draw.random((count, 6, 6, 3)).astype("float32")
    return np.stack([cv2.resize(one, (64, 64), interpolation=cv2.INTER_CUBIC) for one in coarse]).clip(0, 1)


def as_bytes(pictures):
    return (pictures * 255).round().astype("uint8")


def edited(picture):
    """Darken, shrink and recompress."""
    small = cv2.resize(as_bytes(picture * 0.8 + 0.05), (48, 48), interpolation=cv2.INTER_AREA)
    stream = io.BytesIO()
    Image.fromarray(small).resize((64, 64)).save(stream, "JPEG", quality=70)
    return np.asarray(Image.open(stream)) / 255


def test_copies_are_found_with_their_originals():
    train, test = photographs(200, 0), photographs(60, 1)
    for place, original in ((3, 17), (40, 99)):
        test[place] = train[original]
    test[50] = edited(train[120])
    test[51] = 0.5  # one tone
    train[5] = 0.5
    validation = photographs(20, 2)
    validation[7] = test[10]
    pairs = alike_across(
        {"train": as_bytes(train), "validation": as_bytes(validation), "test": as_bytes(test)}
    )
    found = {(pair.first, pair.second) for pair in pairs}
    assert found == {
        (("train", 17), ("test", 3)),
        (("train", 99), ("test", 40)),
        (("train", 120), ("test", 50)),
        (("validation", 7), ("test", 10)),
    }


def test_nothing_alike_nothing_said():
    assert alike_across({"train": as_bytes(photographs(300, 3)), "test": as_bytes(photographs(100, 4))}) == []
    assert (
        alike_across({"train": np.zeros((0, 64, 64, 3), "uint8"), "test": as_bytes(photographs(2, 5))}) == []
    )
