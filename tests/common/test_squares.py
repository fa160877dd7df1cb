"""Pictures of any size and kind as squares; what cannot be read is named and the rest goes on."""

import time

import numpy as np
import pytest
from PIL import Image

from common.data import squares
from common.data.squares import ahead, decode_square, read_squares, side_for, sizes_of, square
from common.errors import InputError, UserError


def test_the_whole_picture_is_in_the_square():
    wide = np.zeros((20, 80, 3), np.uint8)
    wide[:, :40, 0] = 200
    small = square(wide, 16)
    assert small.shape == (16, 16, 3)
    assert (small[:, :8, 0] == 200).all() and (small[:, 8:] == 0).all()
    assert square(small, 16) is small
    large = square(small, 64)
    assert large.shape == (64, 64, 3) and large[10, 10, 0] == 200


def test_grey_pictures_get_three_channels():
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    for pixels in (grey, grey[..., None]):
        np.testing.assert_array_equal(square(pixels, 8), np.stack([grey] * 3, axis=-1))


def test_the_side_suits_most_of_the_pictures():
    assert side_for([(32, 32)] * 3) == 32 and side_for([(28, 28), (8, 8)]) == 32
    assert side_for([(64, 48), (60, 64), (900, 900)]) == 64
    assert side_for([(500, 375), (640, 480)]) == 128


def test_every_kind_of_file_becomes_a_square_and_the_broken_are_named(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (40, 50, 3), "uint8")
    image = Image.fromarray(pixels)
    image.save(tmp_path / "a.png")
    image.convert("CMYK").save(tmp_path / "b.jpg")
    image.convert("L").save(tmp_path / "c.png")
    Image.fromarray(pixels[..., 0].astype(np.uint16) * 257).save(tmp_path / "d.png")
    image.save(tmp_path / "e.gif", save_all=True, append_images=[image.rotate(90)])
    image.convert("RGBA").save(tmp_path / "überlang ☂.png")
    Image.new("RGB", (8, 8), "red").save(tmp_path / "g.png")
    Image.new("RGB", (4500, 3000), "blue").save(tmp_path / "h.jpg")
    (tmp_path / "broken.jpg").write_bytes((tmp_path / "b.jpg").read_bytes()[:200])
    (tmp_path / "empty.jpg").touch()
    files = sorted(tmp_path.iterdir())
    done = []
    found = read_squares(files, 32, lambda n, total, remark: done.append((n, total)))
    assert found.images.shape == (8, 32, 32, 3) and done[-1] == (10, 10)
    assert [files[place].name for place in found.kept] == [
        f.name for f in files if f.name not in ("broken.jpg", "empty.jpg")
    ]
    assert [file for file, _ in found.failures] == [str(tmp_path / "broken.jpg"), str(tmp_path / "empty.jpg")]
    assert "damaged" in found.failures[0][1] and "0 bytes" in found.failures[1][1]
    by_name = {files[place].name: image for place, image in zip(found.kept, found.images, strict=True)}
    assert (by_name["g.png"] == [255, 0, 0]).all()
    assert np.abs(by_name["h.jpg"].astype(int) - [0, 0, 254]).max() < 4
    np.testing.assert_array_equal(by_name["a.png"], square(pixels, 32))
    assert len(sizes_of(files)) == 8 and (8, 8) in sizes_of(files)


def test_notes_name_what_the_eye_might_miss(tmp_path):
    image = Image.new("RGB", (900, 600), "green")
    image.save(tmp_path / "a.gif", save_all=True, append_images=[Image.new("RGB", (900, 600), "red")])
    image.save(tmp_path / "b.png")
    assert decode_square(tmp_path / "a.gif", 32)[1] == ("first frame of 2 (animated GIF)",)
    assert decode_square(tmp_path / "b.png", 32)[1] == ()
    with pytest.raises(InputError, match="no such file"):
        decode_square(tmp_path / "c.png", 32)


def test_more_than_the_memory_holds_is_refused_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(squares, "MEMORY", 10_000)
    with pytest.raises(UserError, match="10 pictures of 32×32"):
        read_squares([tmp_path / "nothing.png"] * 10, 32)


def test_work_is_done_side_by_side_and_comes_in_order():
    def slow(number):
        time.sleep(0.05 if number % 2 else 0.0)
        return number

    drawn = []
    results = ahead(slow, ((drawn.append(n) or n,) for n in range(40)), depth=8)
    assert next(results) == 0 and len(drawn) == 8
    assert list(results) == list(range(1, 40))
