"""Detectors of KerasHub behind the interface of our own."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from common.detector import open_detector
from common.errors import UsageError, UserError
from common.hub_detector import COCO, HubDetector

SIDE = 64


class Task:
    """Answers as KerasHub does: two boxes, the fainter first, and rows that stand for none."""

    num_classes = 91

    def __init__(self, form: str, keeps_aspect: bool) -> None:
        converter = SimpleNamespace(image_size=(SIDE, SIDE), pad_to_aspect_ratio=keeps_aspect)
        self.preprocessor = SimpleNamespace(image_converter=converter)
        self.bounding_box_format = form
        self.prediction_decoder = SimpleNamespace()
        self.seen = np.zeros(0)

    def predict(self, pictures, verbose):
        self.seen = pictures
        # Left, top, right, bottom in the square: 8, 24, 24, 40; and one that is beyond the picture.
        boxes = np.array([[0, 60, 4, 64], [8, 24, 24, 40], [-1, -1, -1, -1]], np.float32)
        if self.bounding_box_format == "yxyx":
            boxes = boxes[:, [1, 0, 3, 2]]
        elif self.bounding_box_format == "rel_xyxy":
            boxes = boxes / SIDE
        n = len(pictures)
        return {
            "boxes": np.tile(boxes, (n, 1, 1)),
            "confidence": np.tile(np.float32([0.3, 0.8, -1]), (n, 1)),
            "labels": np.tile([90, 13, -1], (n, 1)),
            "num_detections": np.full(n, 2),
        }


@pytest.mark.parametrize("form", ["xyxy", "yxyx", "rel_xyxy"])
def test_boxes_come_back_into_the_picture(form):
    wide = np.zeros((32, 128, 3), np.uint8)
    stretched = HubDetector("hub:x", task := Task(form, keeps_aspect=False))
    [box] = stretched(wide).boxes
    np.testing.assert_allclose(box, [16, 12, 32, 8], atol=1e-4)
    assert task.seen.shape == (1, SIDE, SIDE, 3) and task.prediction_decoder.max_detections == 300
    fitted = HubDetector("hub:x", Task(form, keeps_aspect=True))
    found = fitted(wide, threshold=0.0)
    # The picture lies in rows 24 to 40 of the square; what is below it is no object of the picture.
    np.testing.assert_allclose(found.boxes, [[16, 0, 32, 32]], atol=1e-4)


def test_classes_are_those_of_coco_whether_counted_or_by_id():
    detector = HubDetector("hub:x", Task("xyxy", keeps_aspect=False))
    found = detector(np.zeros((64, 64), np.uint8), threshold=0.1)
    assert [detector.classes[kind] for kind in found.classes] == ["stop sign", "toothbrush"]
    assert list(found.scores) == pytest.approx([0.8, 0.3]) and len(COCO) == 80


def test_what_there_is_not_is_one_line(cnnapps, tmp_path, monkeypatch):
    pytest.importorskip("keras_hub", reason="the extra 'hub' is not installed")
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    with pytest.raises(UsageError, match="no detector 'dfine_nan_coco'; did you mean"):
        open_detector("hub:dfine_nan_coco")
    with pytest.raises(UsageError, match="its own size"):
        open_detector("hub:dfine_nano_coco", side=320)
    with pytest.raises(UserError, match="cannot be loaded"):
        open_detector(f"hub:{tmp_path}")


def test_a_real_preset_is_opened_from_its_folder(tmp_path, monkeypatch):
    keras_hub = pytest.importorskip("keras_hub", reason="the extra 'hub' is not installed")
    monkeypatch.setattr("common.hub_detector.FAINTEST", 0.0)  # random weights may be unsure of everything
    folder = tmp_path / "preset"
    _tiny(keras_hub).save_to_preset(str(folder))
    detector = open_detector(f"hub:{folder}")
    found = detector(np.random.default_rng(0).integers(0, 255, (48, 96, 3)).astype(np.uint8), threshold=0.0)
    assert detector.classes[0] == "person" and detector.side == SIDE
    assert len(found) and (np.diff(found.scores) <= 0).all() and found.boxes.dtype == np.float32
    assert (found.boxes[:, :2] + found.boxes[:, 2:] <= [96.01, 48.01]).all()


def _tiny(keras_hub):
    """A D-FINE with random weights, as small as it gets."""
    maps = keras_hub.models.HGNetV2Backbone(
        stem_channels=[3, 8, 8],
        stackwise_stage_filters=[
            [8, 8, 16, 1, 1, 3], [16, 8, 32, 1, 1, 3], [32, 16, 32, 1, 1, 5], [32, 16, 64, 1, 1, 5],
        ],
        apply_downsample=[False, True, True, True], use_lightweight_conv_block=[False, False, True, True],
        depths=[1, 1, 1, 1], hidden_sizes=[16, 32, 32, 64], embedding_size=8, use_learnable_affine_block=True,
        hidden_act="relu", image_shape=(SIDE, SIDE, 3), out_features=["stage3", "stage4"],
    )  # fmt: skip
    backbone = keras_hub.models.DFineBackbone(
        backbone=maps, decoder_in_channels=[16, 16], encoder_hidden_dim=16, num_denoising=0, num_labels=80,
        hidden_dim=16, learn_initial_query=False, num_queries=10, anchor_image_size=(SIDE, SIDE),
        feat_strides=[16, 32], num_feature_levels=2, encoder_in_channels=[32, 64], encode_proj_layers=[1],
        num_attention_heads=2, encoder_ffn_dim=16, num_encoder_layers=1, hidden_expansion=0.34, depth_multiplier=0.5,
        eval_idx=-1, num_decoder_layers=1, decoder_attention_heads=2, decoder_ffn_dim=16, decoder_n_points=[2, 2],
        lqe_hidden_dim=8, num_lqe_layers=1, out_features=["stage3", "stage4"], image_shape=(SIDE, SIDE, 3),
    )  # fmt: skip
    converter = keras_hub.layers.DFineImageConverter(image_size=(SIDE, SIDE), scale=1 / 255)
    return keras_hub.models.DFineObjectDetector(
        backbone=backbone, num_classes=80, bounding_box_format="yxyx",
        preprocessor=keras_hub.models.DFineObjectDetectorPreprocessor(image_converter=converter),
    )  # fmt: skip
