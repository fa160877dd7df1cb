"""Sources by name and folder; framing; splits that are stratified, seeded and disjoint."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from common.data.datasets import EMBEDDED, Split, is_prepared, load
from common.data.folders import read_image_folder, read_pictures
from common.data.framing import frame, mass_centred
from common.errors import InputError, UserError


def test_embedded_digits_are_real_and_framed():
    dataset = load(EMBEDDED)
    assert dataset.spec.counts == {"train": 1437, "test": 360} and dataset.spec.shape == (28, 28, 1)
    assert dataset.spec.fingerprint == load(EMBEDDED).spec.fingerprint
    assert dataset.spec.fingerprint != load(EMBEDDED, seed=1).spec.fingerprint
    images = dataset.train.images[..., 0].astype(float)
    centre = (images * np.arange(28)).sum((1, 2)) / images.sum((1, 2))
    assert np.abs(centre - 14).max() < 0.7
    assert images[:, [0, -1]].max() == 0


def test_mnist_is_the_original(mnist):
    assert mnist.spec.counts == {"train": 60000, "test": 10000}
    counts = np.bincount(mnist.train.targets).tolist()
    assert counts == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert mnist.train.images.mean() / 255 == pytest.approx(0.1307, abs=1e-4)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 0.5))
def test_halves_are_stratified_and_disjoint(seed, share):
    targets = np.repeat(np.arange(4), [40, 80, 20, 60])
    split = Split(np.arange(200, dtype="uint8").reshape(-1, 1, 1, 1), targets)
    one, two = split.halves(share, seed)
    together = np.concatenate([one.images, two.images]).ravel()
    assert sorted(together) == list(range(200))
    wanted = np.array([40, 80, 20, 60]) * share
    assert np.abs(np.bincount(two.targets, minlength=4) - wanted).max() <= 1


def test_few_labels():
    dataset = load(EMBEDDED).limited(100, 0)
    assert len(dataset.train) == 100 and dataset.spec.counts == {"train": 100, "test": 360}
    assert np.bincount(dataset.train.targets).min() >= 9
    with pytest.raises(UserError, match="--train-size 5"):
        load(EMBEDDED).limited(5, 0)


def test_mnist_pictures_are_already_in_their_frame(mnist):
    """Framing a picture of MNIST again moves it by no more than a pixel's rounding."""
    pictures = mnist.train.images[:200, ..., 0].astype("float32") / 255
    again = np.stack([frame(picture) for picture in pictures])
    overlap = np.minimum(pictures, again).sum((1, 2)) / np.maximum(pictures, again).sum((1, 2))
    assert np.median(overlap) > 0.85


@settings(max_examples=30, deadline=None)
@given(st.integers(5, 120), st.integers(5, 120), st.integers(0, 60), st.integers(0, 60))
def test_frame_fits_any_ink_into_the_box(height, width, top, left):
    ink = np.zeros((220, 220), "float32")
    ink[top : top + height, left : left + width] = 0.7
    framed = frame(ink)
    rows, columns = np.where(framed > 0.05)
    assert framed.max() == pytest.approx(1, abs=1e-3) and framed.shape == (28, 28)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (19, 20, 21)
    assert abs(rows.mean() - 14) < 1.01 and abs(columns.mean() - 14) < 1.01


def test_empty_ink_gives_an_empty_frame():
    assert frame(np.zeros((9, 9))).sum() == 0
    assert mass_centred(np.zeros((20, 20)), 28).sum() == 0


@pytest.fixture
def folder(tmp_path):
    draw = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for number in range(6):
            pixels = draw.integers(0, 255, (30, 40, 3), dtype="uint8")
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    return tmp_path


def test_folder_of_colour_pictures(folder):
    images, targets, classes = read_image_folder(folder, side=16, channels=3)
    assert images.shape == (12, 16, 16, 3) and classes == ("cat", "dog")
    assert targets.tolist() == [0] * 6 + [1] * 6


def test_dark_strokes_on_paper_become_bright_on_black(folder):
    page = np.full((50, 50), 240, "uint8")
    page[10:40, 22:27] = 20
    Image.fromarray(page).save(folder / "cat" / "stroke.png")
    images, targets, _ = read_image_folder(folder, side=28, channels=1)
    stroke = images[6, ..., 0]
    assert stroke[:3].max() == 0 and stroke[14, 13:15].min() > 200


@pytest.mark.parametrize(
    "spoil,message",
    [
        (lambda f: (f / "cat" / "0.png").write_bytes(b""), "0.png"),
        (lambda f: [p.unlink() for p in list((f / "dog").glob("*"))[:4]], "class 'dog'"),
        (lambda f: (f / "dog").rename(f / "cat" / "dog"), "1 sub-folders"),
    ],
)
def test_bad_folders_are_one_line(folder, spoil, message):
    spoil(folder)
    with pytest.raises(InputError, match=message):
        read_image_folder(folder, side=28, channels=1)


def test_pictures_without_classes(folder):
    assert read_pictures(folder / "cat").shape == (6, 28, 28, 1)
    with pytest.raises(InputError, match="no pictures"):
        read_pictures(folder)


def test_a_prepared_set_is_seen_with_and_without_a_configuration(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    for place in ("plain/1.0.0", "reviews/plain_text/1.0.0"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "dataset_info.json").write_text("{}")
    assert is_prepared("plain") and is_prepared("reviews")
    assert not is_prepared("other")
