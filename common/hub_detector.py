"""Detectors of KerasHub, with what they have learned from COCO, behind the interface of our own.

``hub:dfine_nano_coco`` and the like are fetched once by KerasHub; ``hub:FOLDER`` opens a preset on this disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from common import artifact
from common.boxes import clipped, from_corners
from common.data.boxed.geometry import Example, letterbox
from common.data.squares import square
from common.detector import HUB, LIMIT, Detector, Found
from common.devices import import_tensorflow
from common.errors import MissingExtra, UsageError, UserError, nearest

if TYPE_CHECKING:
    import keras

__all__ = ["HubDetector", "open_hub_detector"]

THRESHOLD = 0.4  # score from which an object counts
FAINTEST = 0.05  # score of what is asked for at all
# In the order of COCO's ids; these count from 1 to 90 and leave out ten.
COCO = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant",
    "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard",
    "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange", "broccoli",
    "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed", "dining table", "toilet",
    "tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink",
    "refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip
LEFT_OUT = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)


class HubDetector(Detector):
    """A detector of KerasHub, ready to be asked.

    Args:
        name: as it was asked for.
        task: a ``keras_hub.models.ObjectDetector`` with its preprocessor.
    """

    def __init__(self, name: str, task: keras.Model) -> None:
        converter = task.preprocessor.image_converter
        side = int(converter.image_size[0])
        super().__init__(_card(name, task, side), lambda pictures: task.predict(pictures, verbose=0), side)
        self._format = task.bounding_box_format
        self._keeps_aspect = bool(converter.pad_to_aspect_ratio)
        decoder = task.prediction_decoder
        decoder.confidence_threshold, decoder.max_detections = FAINTEST, LIMIT

    def __call__(self, pixels: np.ndarray, *, threshold: float | None = None) -> Found:
        """Find the objects in a picture; as ``Detector``."""
        return self.together([pixels], threshold=threshold)[0]

    def together(self, pictures: Sequence[np.ndarray], *, threshold: float | None = None) -> list[Found]:
        """Find the objects in several pictures at once; as ``Detector``."""
        least = self.threshold if threshold is None else threshold
        coloured = [
            pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2) for pixels in pictures
        ]
        fitted = [self._fitted(pixels) for pixels in coloured]
        raw: Any = self._runner(np.stack([seen for seen, _, _ in fitted]))
        found = []
        for row, (pixels, (_, scale, offset)) in enumerate(zip(coloured, fitted, strict=True)):
            count = int(np.squeeze(raw["num_detections"][row]))
            boxes = from_corners(_corners(raw["boxes"][row, :count], self._format, self.side))
            boxes = (boxes - [*offset, 0, 0]) / [*scale, *scale]
            there = clipped(boxes, pixels.shape[1], pixels.shape[0])
            kept = (there[:, 2:] > 0).all(axis=1) & (raw["confidence"][row, :count] >= least)
            surest = np.flatnonzero(kept)[np.argsort(-raw["confidence"][row, :count][kept], kind="stable")]
            found.append(
                Found(
                    there[surest].astype(np.float32),
                    raw["confidence"][row, surest].astype(np.float32),
                    raw["labels"][row, surest].astype(np.int64),
                )
            )
        return found

    def _fitted(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the square that the network sees, float32 0 to 255, and the scale and offset (x, y) of the picture."""
        side = self.side
        if self._keeps_aspect:
            example, frame = letterbox(Example(pixels), side)
            return example.pixels.astype(np.float32), np.full(2, frame.scale), np.array(frame.offset, float)
        height, width = pixels.shape[:2]
        return (
            square(pixels, side).astype(np.float32),
            np.array([side / width, side / height]),
            np.zeros(2),
        )


def open_hub_detector(reference: str) -> HubDetector:
    """Load a detector of KerasHub; it brings the size of its pictures along.

    Args:
        reference: ``hub:NAME`` or ``hub:FOLDER``.

    Raises:
        UsageError: there is no such preset.
        MissingExtra: KerasHub is not installed.
        UserError: KerasHub cannot load it.
    """
    name = reference.removeprefix(HUB)
    import_tensorflow()
    try:
        import keras_hub
    except ImportError as error:
        raise MissingExtra(reference, "hub") from error
    if not Path(name).is_dir() and name not in keras_hub.models.ObjectDetector.presets:
        presets = list(keras_hub.models.ObjectDetector.presets)
        raise UsageError(
            f"KerasHub has no detector {name!r}{nearest(name, presets)}",
            f"it has {', '.join(presets)}; or the folder of a preset",
        )
    try:
        return HubDetector(reference, keras_hub.models.ObjectDetector.from_preset(name))
    except OSError as error:
        raise UserError(
            f"{reference} is not on this disk, and there is no way to kaggle.com, from where KerasHub fetches it once",
            "try again with a network; hub:FOLDER opens the folder of a preset",
        ) from error
    except Exception as error:  # KerasHub raises whatever Keras or its own reader raise.
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(
            f"{reference} cannot be loaded: {said[0][:150]}", "is it the folder of a detector's preset?"
        ) from error


def _card(name: str, task: keras.Model, side: int) -> artifact.Card:
    return artifact.Card(
        app="objects", network=name, arguments={}, classes=_names(int(task.num_classes)), input_shape=(side, side, 3),
        preprocessing="KerasHub's own", activation="sigmoid", calibration={"threshold": THRESHOLD, "overlap": 1.0},
        metrics={}, data={"name": "COCO"}, command="", seed=0,
    )  # fmt: skip


def _names(classes: int) -> tuple[str, ...]:
    """Return the classes of a network by the number of its outputs: COCO's 80, or one for each of its ids from 0."""
    if classes == len(COCO):
        return COCO
    if classes == len(COCO) + len(LEFT_OUT) + 1:
        names = iter(COCO)
        return tuple("background" if i == 0 else "" if i in LEFT_OUT else next(names) for i in range(classes))
    return tuple(f"class {number}" for number in range(classes))


def _corners(boxes: np.ndarray, form: str, side: int) -> np.ndarray:
    """Return left, top, right, bottom ``(n, 4)`` in pixels of the square of boxes in one of Keras' formats."""
    import keras

    corners = keras.utils.bounding_boxes.convert_format(
        boxes.astype(np.float32), source=form, target="xyxy", height=side, width=side
    )
    return np.asarray(corners, np.float64)
