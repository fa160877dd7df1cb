"""Pictures from files: the one place that decodes them.

Whatever a camera, a scanner or a drawing program writes comes out as 8-bit RGB or grey, upright, opaque and
of a bounded size.  Pillow is the decoder; what it leaves open (orientation, transparency, 16 bits, colour
profiles, pictures too large for the memory) is settled here, and what was done is said in ``notes``.
"""

from __future__ import annotations

import glob
import io
import re
import struct
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from common.errors import InputError
from common.files import replacing

__all__ = [
    "MAX_PIXELS",
    "MAX_SIDE",
    "SUFFIXES",
    "Picture",
    "check_writable",
    "decode",
    "find_pictures",
    "no_pillow_limit",
    "write_picture",
]

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".pbm"}
)
MAX_PIXELS = 500_000_000
MAX_MEMORY = 1_300_000_000  # bytes that decoding one picture may hold
MAX_SIDE = 4000

_READABLE = "PNG, JPEG, GIF, BMP, TIFF and WebP can be read"
# EXIF 2.32, tag 0x0112: how the stored picture must be turned to stand upright.
_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow's decoders raise on damaged files, beside OSError.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, MemoryError)
_lock = threading.Lock()
_lifted: dict[str, Any] = {}  # Pillow's limit and how many are decoding without it


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Args:
        pixels: uint8, ``(height, width, 3)`` RGB or ``(height, width)`` grey.
        name: the file's path, or "<bytes>".
        notes: what was done that the eye might miss, such as "first frame of 4 (animated GIF)" or
            "shrunk from 20000x20000".
    """

    pixels: np.ndarray
    name: str
    notes: tuple[str, ...] = ()


def decode(
    source: str | Path | bytes,
    *,
    grey: bool = False,
    max_pixels: int = MAX_PIXELS,
    max_side: int = MAX_SIDE,
) -> Picture:
    """Read one picture.

    Args:
        source: path of a file, or the file's bytes.
        grey: return luma (ITU-R BT.601) instead of RGB.
        max_pixels: larger pictures are refused before they are decoded (decompression bombs).
        max_side: pictures with a longer side are shrunk by a whole factor while they are decoded.

    Raises:
        InputError: no such file, empty, damaged, not a picture, or more than ``max_pixels`` or ``MAX_MEMORY``.
    """
    name, stream = _open(source)
    with stream, no_pillow_limit():
        try:
            image = Image.open(stream)
        except UnidentifiedImageError as error:
            raise InputError(f"{name}: not a picture{_what_it_is(stream)}", _READABLE) from error
        except _DAMAGE as error:
            raise InputError(
                f"{name}: damaged picture ({_first_line(error)})", "save or copy it again"
            ) from error
        size = image.size
        if size[0] * size[1] > max_pixels:
            raise InputError(
                f"{name}: {size[0]}x{size[1]} is more than the limit of {max_pixels / 1e6:g} million pixels",
                "shrink it first",
            )
        memory = _memory(image, grey, max_side)
        if memory > MAX_MEMORY:
            raise InputError(
                f"{name}: {size[0]}x{size[1]} would take {memory / 1e9:.1f} GB to decode, the limit is "
                f"{MAX_MEMORY / 1e9:g} GB",
                "shrink it first",
            )
        try:
            notes = _frame_notes(image)
            upright, profile = _orientation(image), image.info.get("icc_profile")
            # JPEG decodes at 1/2, 1/4 or 1/8 for free; other formats ignore the request.
            image.draft("L" if grey else "RGB", (max_side, max_side))
            image.load()
            small = _opaque_and_small(image, max_side)
        except _DAMAGE as error:
            raise InputError(
                f"{name}: damaged picture ({_first_line(error)})", "save or copy it again"
            ) from error
    if profile:
        small = _in_srgb(small, profile)
    small = small.convert("L" if grey else "RGB")
    if upright is not None:
        small = small.transpose(upright)
    if max(size) > max_side:
        notes += (f"shrunk from {size[0]}x{size[1]}",)
    return Picture(np.array(small), name, notes)


def find_pictures(paths: Iterable[str | Path]) -> list[Path]:
    """Expand files, folders and quoted patterns into picture files, in natural order (2 before 10).

    Args:
        paths: files are taken as they are; of a folder, and of the folders in it, every file with a picture's
            suffix; a pattern (``"scans/*.jpg"``, ``**`` for any depth) whatever it matches.

    Raises:
        InputError: a path that does not exist, a folder without pictures, a pattern that matches nothing.
    """
    found: dict[Path, None] = {}
    for given in paths:
        path = Path(given)
        if path.is_dir():
            matches = [file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file()]
            problem = InputError(f"{given}: no pictures in this folder", _READABLE)
        elif path.exists():
            matches, problem = [path], InputError(f"{given}: no picture", _READABLE)
        elif glob.has_magic(str(given)):
            matches = [
                Path(match) for match in glob.glob(str(given), recursive=True) if Path(match).is_file()
            ]
            problem = InputError(f"{given}: no file matches this pattern", "check the folder and the suffix")
        else:
            raise InputError(f"{given}: no such file or folder", "check the path")
        if not matches:
            raise problem
        found.update(dict.fromkeys(sorted(matches, key=_natural)))
    return list(found)


def check_writable(path: Path) -> str:
    """Return the format that the suffix names.

    Raises:
        InputError: the suffix names no format that can be written.
    """
    form = Image.registered_extensions().get(path.suffix.lower(), "")
    if form not in Image.SAVE:
        raise InputError(f"{path}: {path.suffix or 'no suffix'} cannot be written", "use .png or .jpg")
    return form


def write_picture(path: Path, pixels: np.ndarray) -> Path:
    """Write uint8 pixels, grey or RGB, under a temporary name first; return the path.

    Raises:
        InputError: the suffix names no format that can be written.
    """
    form = check_writable(path)
    with replacing(path) as temporary:
        Image.fromarray(pixels).save(temporary, form, quality=92)
    return path


def _natural(path: Path) -> list[tuple[int, int | str]]:
    parts = re.split(r"(\d+)", str(path).lower())
    return [(0, int(part)) if part.isdigit() else (1, part) for part in parts if part]


def _open(source: str | Path | bytes) -> tuple[str, BinaryIO]:
    """Return a name for messages and an open, non-empty stream."""
    if isinstance(source, bytes):
        if not source:
            raise InputError("empty (0 bytes)", "nothing came in")
        return "the picture", io.BytesIO(source)
    name = str(source)
    try:
        stream = open(source, "rb")  # noqa: SIM115  decode() closes it
    except FileNotFoundError as error:
        raise InputError(f"{name}: no such file", "check the path") from error
    except IsADirectoryError as error:
        raise InputError(f"{name}: a folder, not a picture", "name a file in it") from error
    except OSError as error:
        raise InputError(f"{name}: cannot be opened ({error.strerror})", "check its permissions") from error
    if not stream.peek(1):
        stream.close()
        raise InputError(f"{name}: empty (0 bytes)", "save or copy it again")
    return name, stream


@contextmanager
def no_pillow_limit() -> Iterator[None]:
    """Lift Pillow's own, process-wide and lower limit while ``decode`` applies ``max_pixels``, in any thread."""
    with _lock:
        if not _lifted:
            _lifted["limit"], Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        _lifted["users"] = _lifted.get("users", 0) + 1
    try:
        yield
    finally:
        with _lock:
            _lifted["users"] -= 1
            if not _lifted["users"]:
                Image.MAX_IMAGE_PIXELS = _lifted["limit"]
                _lifted.clear()


def _what_it_is(stream: BinaryIO) -> str:
    stream.seek(0)
    head = stream.read(512)
    if head[4:8] == b"ftyp":
        return " that can be read here (HEIC, AVIF or video)"
    if head.startswith(b"%PDF"):
        return " but a PDF"
    if b"<svg" in head:
        return " of pixels but a drawing (SVG)"
    if b"\0" not in head:
        return " but text"
    return ""


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0][:120] if lines else type(error).__name__


def _memory(image: Image.Image, grey: bool, max_side: int) -> int:
    """Return how many bytes Pillow and its decoder will hold of a picture that has not been decoded yet."""
    pixels = image.size[0] * image.size[1]
    if image.format in ("JPEG", "MPO"):
        if image.info.get("progressive"):
            return 6 * pixels  # libjpeg keeps the coefficients of the whole picture, 16 bits each
        factor = next((factor for factor in (8, 4, 2) if max(image.size) >= factor * max_side), 1)
        return (1 if grey else 4) * pixels // factor**2
    return (1 if image.mode in ("1", "L", "P") else 4) * pixels


def _frame_notes(image: Image.Image) -> tuple[str, ...]:
    # An MPO file is one photograph with previews or a second eye, not an animation.
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if frames == 1:
        return ()
    kind = "pages of a TIFF" if image.format == "TIFF" else f"animated {image.format}"
    return (f"first frame of {frames} ({kind})",)


def _orientation(image: Image.Image) -> Image.Transpose | None:
    try:
        return _UPRIGHT.get(image.getexif().get(_ORIENTATION_TAG, 1))
    except _DAMAGE:  # a broken EXIF block is no reason to refuse the picture
        return None


def _opaque_and_small(image: Image.Image, max_side: int) -> Image.Image:
    """Return L, RGB or CMYK, shrunk by a whole factor; a strip at a time, so that no second full copy exists."""
    factor = -(-max(image.size) // max_side)
    if factor == 1:
        return _opaque(image)
    width, height = image.size
    rows = factor * max(1, 1024 // factor)
    strips = [
        _opaque(image.crop((0, top, width, min(top + rows, height)))).reduce(factor)
        for top in range(0, height, rows)
    ]
    small = Image.new(strips[0].mode, (strips[0].width, sum(strip.height for strip in strips)))
    top = 0
    for strip in strips:
        small.paste(strip, (0, top))
        top += strip.height
    return small


def _opaque(image: Image.Image) -> Image.Image:
    """Bring any mode to L, RGB or CMYK of 8 bits; transparent parts become white paper."""
    if image.mode.startswith("I") or image.mode == "F":
        return _eight_bits(image)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        # Writing on nothing: light ink is put on black paper, dark ink on white.
        grey, opaque = (np.asarray(layer.convert(mode)) for mode in ("L", "RGBA"))
        inked = grey[opaque[..., 3] > 127]
        light = 0 < inked.size < grey.size and inked.min() > 127
        paper = Image.new("RGBA", layer.size, "black" if light else "white")
        return Image.alpha_composite(paper, layer).convert("RGB")
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Take the upper 8 of 16 bits; map floats, which have no known range, from [0, 1]."""
    values = np.asarray(image)
    scale = 255.0 if image.mode == "F" else 1 / 257
    return Image.fromarray(np.clip(values * scale + 0.5, 0, 255).astype(np.uint8))


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert from the picture's colour profile; one that does not fit the picture is ignored, as browsers do."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = "L" if image.mode == "L" else "RGB"
        if target == "L":
            return image
        converted = ImageCms.profileToProfile(
            image, source, ImageCms.createProfile("sRGB"), outputMode=target
        )
        return converted or image
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
