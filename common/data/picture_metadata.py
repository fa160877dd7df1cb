"""What a picture file holds beside its colours, and writing a changed picture with it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageCms, ImageOps

from common.data.images import check_writable
from common.files import replacing

__all__ = ["Metadata", "read_metadata", "write_with"]

_ORIENTATION_TAG = 0x0112
_TRANSPARENT = frozenset({"PNG", "WEBP", "TIFF"})  # formats that are written with transparency


@dataclass(frozen=True)
class Metadata:
    """What is kept of a picture.

    Args:
        alpha: opacity ``(h, w)`` uint8, upright; None where all is opaque.
        exif: the block of camera data, its orientation upright; empty for none.
        profile: of colours (ICC), empty for none or for one that is not of RGB.
    """

    alpha: np.ndarray | None = None
    exif: bytes = b""
    profile: bytes = b""


def read_metadata(path: str | Path) -> Metadata:
    """Return what a picture that ``decode`` can read holds beside its colours; what is damaged is left out."""
    with Image.open(path) as image:
        profile = image.info.get("icc_profile") or b""
        alpha = None
        if image.has_transparency_data:
            layer = np.asarray(ImageOps.exif_transpose(image).convert("RGBA"))[..., 3]
            alpha = layer if layer.min() < 255 else None
        try:
            exif = image.getexif()
            if exif and _ORIENTATION_TAG in exif:
                exif[_ORIENTATION_TAG] = 1
            block = exif.tobytes() if exif else b""
        except (OSError, SyntaxError, ValueError, TypeError):
            block = b""
    return Metadata(alpha, block, profile if _is_of_rgb(profile) else b"")


def write_with(path: Path, pixels: np.ndarray, metadata: Metadata) -> Path:
    """Write uint8 RGB pixels, in sRGB, with what was kept of the picture they were made of; return the path.

    Opacity is brought to the size of the pixels; a format without it puts what is transparent on white.

    Raises:
        InputError: the suffix names no format that can be written.
    """
    form = check_writable(path)
    image = Image.fromarray(pixels)
    if metadata.profile:
        source, target = (
            ImageCms.createProfile("sRGB"),
            ImageCms.ImageCmsProfile(io.BytesIO(metadata.profile)),
        )
        image = ImageCms.profileToProfile(image, source, target, outputMode="RGB") or image
    if metadata.alpha is not None:
        size = pixels.shape[1], pixels.shape[0]
        image.putalpha(Image.fromarray(cv2.resize(metadata.alpha, size, interpolation=cv2.INTER_AREA)))
        if form not in _TRANSPARENT:
            paper = Image.new("RGBA", size, "white")
            image = Image.alpha_composite(paper, image).convert("RGB")
    kept = {"exif": metadata.exif, "icc_profile": metadata.profile}
    with replacing(path) as temporary:
        image.save(temporary, form, quality=94, **{name: value for name, value in kept.items() if value})
    return path


def _is_of_rgb(profile: bytes) -> bool:
    if not profile:
        return False
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.xcolor_space.strip() == "RGB"
    except (ImageCms.PyCMSError, OSError, ValueError):
        return False
