"""Small data sets of boxed pictures, drawn for the tests."""

import json

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 80, 60


def paint(path, box=None, *, size=(WIDTH, HEIGHT), seed=None, **options):
    """Write a picture of large soft spots, another for each name, with a red box; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(sum(map(ord, path.name)) if seed is None else seed)
    spots = Image.fromarray(draw.integers(0, 150, (5, 5, 3), dtype=np.uint8))
    pixels = np.array(spots.resize(size, Image.Resampling.BICUBIC))
    if box is not None:
        x, y, width, height = box
        pixels[y : y + height, x : x + width] = (255, 0, 0)
    Image.fromarray(pixels).save(path, **options)
    return path


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
    return path


def voc(name, *objects, size=(WIDTH, HEIGHT)):
    """An XML file; each object is (label, xmin, ymin, xmax, ymax[, more XML])."""
    rows = "".join(
        f"<object><name>{label}</name>{''.join(more)}<bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax>"
        f"<ymax>{d}</ymax></bndbox></object>"
        for label, a, b, c, d, *more in objects
    )
    stated = (
        f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>" if size else ""
    )
    return f"<annotation><filename>{name}</filename>{stated}{rows}</annotation>"


def kinds(data):
    return sorted(problem.kind for problem in data.problems)


def one(data):
    (entry,) = data.pictures
    return entry


def red_hull(pixels):
    """The upright hull of what is red."""
    pixels = pixels.astype(int)
    rows, columns = np.nonzero((pixels[..., 0] > 190) & (pixels[..., 1:] < 90).all(axis=-1))
    return [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]


def devkit(root, pictures, **lists):
    """Write a development kit: {stem: XML or None}, and lists of stems."""
    for stem, text in pictures.items():
        paint(root / "JPEGImages" / f"{stem}.jpg")
        if text is not None:
            write(root / "Annotations" / f"{stem}.xml", text)
    for name, stems in lists.items():
        write(root / "ImageSets" / "Main" / f"{name}.txt", "".join(f"{stem}\n" for stem in stems))
    return root


def yolo(root, names, rows, *, images="images", labels="labels", **more):
    """Write pictures with their rows, and data.yaml with ``names`` as text."""
    for name, text in rows.items():
        paint(root / images / name)
        if text is not None:
            write((root / labels / name).with_suffix(".txt"), text)
    if names is not None:
        write(
            root / "data.yaml",
            f"names: {names}\n" + "".join(f"{key}: {value}\n" for key, value in more.items()),
        )
    return root


def coco(images, annotations, categories=((7, "dog"), (3, "guide dog"))):
    return {
        "images": [
            {"id": number, "file_name": name, **(more[0] if more else {})} for number, name, *more in images
        ],
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for number, name in categories],
    }


def mark(picture, category, box, **more):
    return {"image_id": picture, "category_id": category, "bbox": box, **more}
