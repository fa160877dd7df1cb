"""Pictures with boxed objects, as detectors learn from them: Pascal VOC, COCO and YOLO, read, checked and written.

    data = open_boxed("bloodcells")            # the format is guessed, data.notes[0] says which
    for entry in data.parts["train"]:
        pixels, boxes = entry.read()           # boxes: x, y, width, height
    check("bloodcells", deep=True).problems    # what a person should look at
    convert(data, Path("bloodcells-coco"), "coco")

A broken row never stops a reader: it is left out and told in ``data.problems``.
"""

from common.data.boxed.annotated import KINDS, Annotated, AnnotatedSet, Problem
from common.data.boxed.checking import CheckReport, check
from common.data.boxed.coco import read_coco
from common.data.boxed.opening import READERS, open_boxed
from common.data.boxed.voc import read_voc
from common.data.boxed.writing import WRITERS, Conversion, convert
from common.data.boxed.yolo import read_yolo

__all__ = [
    "KINDS",
    "READERS",
    "WRITERS",
    "Annotated",
    "AnnotatedSet",
    "CheckReport",
    "Conversion",
    "Problem",
    "check",
    "convert",
    "open_boxed",
    "read_coco",
    "read_voc",
    "read_yolo",
]
