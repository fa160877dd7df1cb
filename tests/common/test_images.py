"""Decoding of pictures: every mode a camera or a program writes, and every way a file can be broken."""

from __future__ import annotations

import io
import struct
import threading
import zlib

import numpy as np
import pytest
from PIL import Image

from common.data.images import decode, find_pictures, no_pillow_limit
from common.errors import InputError


@pytest.fixture
def ramp() -> np.ndarray:
    """A 40×60 picture whose corners all differ, so that no turn goes unseen."""
    y, x = np.mgrid[0:40, 0:60]
    return np.stack([y * 6, x * 4, (x + y) * 2], axis=-1).astype(np.uint8)


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def test_rgb_and_grey(ramp, tmp_path):
    path = tmp_path / "ramp.png"
    Image.fromarray(ramp).save(path)
    picture = decode(path)
    np.testing.assert_array_equal(picture.pixels, ramp)
    assert picture.name == str(path) and picture.notes == ()
    luma = ramp @ np.array([0.299, 0.587, 0.114])
    assert np.abs(decode(path, grey=True).pixels - luma).max() <= 1


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, lambda p: p),
        (2, lambda p: p[:, ::-1]),
        (3, lambda p: p[::-1, ::-1]),
        (4, lambda p: p[::-1]),
        (5, lambda p: p.transpose(1, 0, 2)),
        (6, lambda p: np.rot90(p, -1)),
        (7, lambda p: p.transpose(1, 0, 2)[::-1, ::-1]),
        (8, lambda p: np.rot90(p)),
    ],
)
def test_exif_orientation(ramp, orientation, turned):
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = decode(encoded(Image.fromarray(ramp), exif=exif)).pixels
    np.testing.assert_array_equal(pixels, turned(ramp))


def test_transparency_becomes_white_paper(ramp):
    alpha = np.zeros((40, 60, 1), np.uint8)
    alpha[:, 30:] = 255
    pixels = decode(encoded(Image.fromarray(np.concatenate([ramp, alpha], axis=-1)))).pixels
    assert (pixels[:, :30] == 255).all()
    np.testing.assert_array_equal(pixels[:, 30:], ramp[:, 30:])


def test_transparent_palette():
    image = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    image.putpalette([10, 20, 30, 40, 50, 60])
    pixels = decode(encoded(image, transparency=1)).pixels
    np.testing.assert_array_equal(pixels[0], [[10, 20, 30], [255, 255, 255]])


def test_sixteen_bits_keep_their_range():
    values = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    pixels = decode(encoded(Image.fromarray(values)), grey=True).pixels
    np.testing.assert_allclose(pixels, values / 257, atol=0.51)


def test_one_bit():
    pixels = decode(encoded(Image.fromarray(np.eye(9, dtype=bool))), grey=True).pixels
    np.testing.assert_array_equal(pixels, 255 * np.eye(9))


def test_cmyk_jpeg():
    red = Image.new("RGB", (32, 32), (200, 30, 40)).convert("CMYK")
    pixels = decode(encoded(red, "JPEG")).pixels
    assert pixels.shape == (32, 32, 3)
    assert np.abs(pixels.astype(int) - (200, 30, 40)).max() < 6


def test_animation_gives_its_first_frame_and_says_so():
    frames = [Image.new("L", (8, 8), level) for level in (10, 90, 170, 250)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    picture = decode(data, grey=True)
    assert picture.notes == ("first frame of 4 (animated GIF)",)
    assert (picture.pixels == 10).all()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
def test_large_pictures_are_shrunk_and_keep_their_light(mode):
    y, x = np.mgrid[0:900, 0:1300]
    image = Image.fromarray((x * 255 // 1300).astype(np.uint8)).convert(mode)
    picture = decode(encoded(image), grey=True, max_side=200)
    assert picture.notes == ("shrunk from 1300x900",)
    assert max(picture.pixels.shape) <= 200
    expected = np.linspace(0, 255, picture.pixels.shape[1])
    np.testing.assert_allclose(picture.pixels.mean(axis=0), expected, atol=4)


def test_large_jpeg_is_turned_after_it_is_shrunk():
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = decode(encoded(Image.new("RGB", (1600, 400), "white"), "JPEG", exif=exif), max_side=200)
    assert picture.pixels.shape == (200, 50, 3)


def _bomb(width: int, height: int) -> bytes:
    """A PNG that claims to be huge, in a few bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def test_bomb_is_refused_with_the_limit_and_pillow_is_left_as_it_was():
    before = Image.MAX_IMAGE_PIXELS
    with pytest.raises(InputError, match="60000x60000 is more than the limit of 500 million pixels"):
        decode(_bomb(60000, 60000))
    assert before == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"hello, I am a note\n", "not a picture but text"),
        (b"%PDF-1.7\n\0", "but a PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (bytes(range(256)), "not a picture"),
        (_bomb(100, 100), "damaged"),
    ],
)
def test_what_is_no_picture_is_one_line_with_a_hint(content, words, tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        decode(path)
    assert caught.value.message.startswith(str(path))
    assert "\n" not in caught.value.message and caught.value.hint


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_truncated_file(kind, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (80, 80, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    path = tmp_path / "cut"
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"cut: (damaged|not a picture)"):
        decode(path)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        decode(tmp_path / "none.png")
    with pytest.raises(InputError, match="a folder"):
        decode(tmp_path)


def test_find_pictures_in_natural_order(tmp_path):
    for name in ("b10.png", "b2.png", "B1.JPG", "notes.txt"):
        (tmp_path / name).touch()
    names = [path.name for path in find_pictures([tmp_path])]
    assert names == ["B1.JPG", "b2.png", "b10.png"]
    assert [path.name for path in find_pictures([f"{tmp_path}/b*.png"])] == ["b2.png", "b10.png"]
    both = find_pictures([tmp_path / "b10.png", tmp_path])
    assert [path.name for path in both] == ["b10.png", "B1.JPG", "b2.png"]


def test_find_pictures_finds_nothing(tmp_path):
    for given, words in (
        (tmp_path, "no pictures"),
        (f"{tmp_path}/*.png", "no file matches"),
        ("nowhere", "no such"),
    ):
        with pytest.raises(InputError, match=words):
            find_pictures([given])


def test_pillows_limit_comes_back_after_the_last_of_several_threads():
    before = Image.MAX_IMAGE_PIXELS
    inside, leave = threading.Event(), threading.Event()

    def hold():
        with no_pillow_limit():
            inside.set()
            leave.wait(5)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(5)
    with no_pillow_limit():  # does not wait for the other
        assert Image.MAX_IMAGE_PIXELS is None
    assert Image.MAX_IMAGE_PIXELS is None
    leave.set()
    thread.join()
    assert before == Image.MAX_IMAGE_PIXELS
