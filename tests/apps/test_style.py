"""Style transfer from the command line, by a small random network: that it is painted, not how well."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image, ImageCms

from apps.style import running
from apps.style.options import StyleOptions
from apps.style.steadiness import Steadiness
from common.data.video import VideoWriter, open_video
from common.layers import vgg_stages
from tests.apps.plain_pictures import shown, write_pictures
from tests.common.test_features import write_features

DRAW = np.random.default_rng(5)


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    """A network whose maps are the colours and their opposites, smaller at each stage."""
    picture = keras.Input((None, None, 3))
    maps = vgg_stages(picture, filters=6, stages=3, norm=False)
    network = keras.Model(picture, list(maps.values()), name="features")
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel, bias = layer.get_weights()
            kernel[:] = 0
            for to in range(kernel.shape[3]):
                first = layer.name == "conv1_1"
                kernel[1, 1, to % 3 if first else to % kernel.shape[2], to] = -1 if first and to >= 3 else 1
            layer.set_weights([kernel, bias])
    return write_features(tmp_path_factory.mktemp("f") / "f", network)


@pytest.fixture
def pictures(tmp_path):
    write_pictures(tmp_path)


@pytest.fixture
def paint(features, cnnapps, pictures):
    """Run `style run` fast and quietly with the small network."""

    def call(*arguments):
        return cnnapps("style", "run", *arguments, "--features", features, "--quality", "fast", "-q")

    return call


def test_a_picture_takes_the_style_and_keeps_what_it_shows(paint):
    code, out, err = paint("c.png", "red.png", "--strength", 3, "--json")
    assert code == 0, err
    (made,) = json.loads(out)
    assert made["path"] == "c.styled.png" and made["size"] == [48, 32] and np.isfinite(made["loss"])
    result = shown("c.styled.png")
    assert result[..., 0].mean() > result[..., 2].mean() + 25, "red, as the style is"
    assert result[:, 28:].mean() > result[:, :20].mean() + 15, "brighter on the right, as the content is"
    asked = json.loads(Path("c.styled.png.json").read_text())
    assert asked["options"]["styles"] == ["red.png"] and asked["stopped"] is None
    assert paint("c.png", "red.png", "--strength", 3)[0] == 0
    np.testing.assert_array_equal(shown("c-2.styled.png"), result)  # the same seed; nothing overwritten


def test_strength_and_weights_say_how_much(paint):
    redness = {}
    for name, arguments in {
        "weak": ("--strength", 0.05),
        "usual": (),
        "half": ("blue.png",),
        "mostly": ("blue.png", "--style-weight", 9, "--style-weight", 1),
    }.items():
        code, _, err = paint("c.png", "red.png", *arguments, "-o", f"{name}.png")
        assert code == 0, err
        result = shown(f"{name}.png").mean(axis=(0, 1))
        redness[name] = result[0] - result[2]
    assert redness["weak"] < redness["usual"] - 5
    assert redness["half"] < redness["mostly"] - 5


def test_colours_are_kept_where_asked(paint):
    for how in ("luminance", "histogram"):
        assert paint("c.png", "red.png", "--preserve-color", how, "-o", f"{how}.png")[0] == 0
        result = shown(f"{how}.png")
        assert np.abs(result[..., 0] - result[..., 2]).mean() < 12, "grey, as the content is"


def test_begun_from_coloured_noise_grey_pictures_come_out_grey(paint, tmp_path):
    draw = np.random.default_rng(1)
    for name in ("grey.png", "brush.png"):
        Image.fromarray(draw.integers(0, 255, (32, 32), np.uint8)).save(tmp_path / name)
    code, out, err = paint("grey.png", "brush.png", "--init", "noise", "--json")
    assert code == 0, err
    assert np.ptp(shown(json.loads(out)[0]["path"]), axis=2).mean() < 43  # half of the noise's


def test_painted_where_the_mask_says_and_nowhere_else(paint, tmp_path):
    mask = np.zeros((32, 48), np.uint8)
    mask[:, :16] = 255
    Image.fromarray(mask).save(tmp_path / "m.png")
    assert paint("c.png", "red.png", "--mask", "m.png", "-o", "x.png")[0] == 0
    before, after = shown("c.png"), shown("x.png")
    np.testing.assert_allclose(after[:, 34:], before[:, 34:], atol=1)
    assert after[:, :8, 0].mean() > after[:, :8, 2].mean() + 20
    # One style a region, darkest first, after black.
    mask[:, 32:] = 120
    Image.fromarray(mask).save(tmp_path / "n.png")
    assert paint("c.png", "blue.png", "red.png", "--mask", "n.png", "-o", "y.png")[0] == 0
    after = shown("y.png")
    assert after[:, :10, 0].mean() > after[:, :10, 2].mean() + 20, "white: the second style"
    assert after[:, 40:, 2].mean() > after[:, 40:, 0].mean() + 20, "grey: the first"
    np.testing.assert_allclose(after[:, 24], before[:, 24], atol=6)


def test_a_folder_a_sheet_and_a_film(paint, tmp_path):
    (tmp_path / "many").mkdir()
    for number in range(2):
        Image.fromarray(DRAW.integers(0, 255, (20, 30, 3), np.uint8)).save(tmp_path / f"many/{number}.jpg")
    code, out, err = paint("many", "red.png", "-o", "made", "--compare", "--progress-gif", "--json")
    assert code == 0, err
    first, second = json.loads(out)
    assert (first["path"], second["path"]) == ("made/0.styled.jpg", "made/1.styled.jpg")
    assert first["also"] == ["made/0.styled.progress.gif", "made/0.styled.compare.jpg"]
    assert 5 < Image.open("made/0.styled.progress.gif").n_frames <= 48
    sheet = Image.open("made/0.styled.compare.jpg")
    assert sheet.height == 20 and sheet.width == 30 + 8 + 20 + 8 + 30


def test_stopped_pictures_are_kept_and_gone_on_with(paint, features, cnnapps, tmp_path):
    options = StyleOptions("c.png", ("red.png",), quality="fast", features=str(features))
    calls = []

    def stop(done, total, remark):
        calls.append(done)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(running.Interrupted, match="c.styled.png is as far as it came"):
        list(running.run(options, progress=stop))
    begun = json.loads((tmp_path / "c.styled.png.json").read_text())
    assert begun["stopped"] == {"scale": 0, "step": 3}
    code, out, err = cnnapps("style", "run", "--resume", "c.styled.png", "--json", "-q")
    assert code == 0, err
    assert json.loads(out)[0]["path"] == "c.styled.png"
    assert json.loads((tmp_path / "c.styled.png.json").read_text())["loss"] < begun["loss"]
    code, _, err = cnnapps("style", "run", "--resume", "c.styled.png", "-q")
    assert code == 1 and "is finished" in err
    code, _, err = cnnapps("style", "run", "--resume", "red.png", "-q")
    assert code == 1 and "cannot be read" in err


def test_opacity_camera_data_and_colour_profile_are_kept(paint, tmp_path):
    alpha = np.zeros((32, 48), np.uint8)
    alpha[8:24] = 255
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "a camera", 6  # make; turned by a quarter
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    picture = Image.fromarray(np.dstack([DRAW.integers(0, 255, (32, 48, 3), np.uint8), alpha]))
    picture.save(tmp_path / "t.png", exif=exif, icc_profile=profile.tobytes())
    assert paint("t.png", "red.png")[0] == 0
    result = Image.open("t.styled.png")
    assert result.mode == "RGBA" and result.size == (32, 48), "upright"
    assert (np.asarray(result)[:, 8:24, 3] == 255).all() and (np.asarray(result)[:, :7, 3] == 0).all()
    kept = result.getexif()
    assert kept[0x010F] == "a camera" and kept[0x0112] == 1
    assert ImageCms.ImageCmsProfile(BytesIO(result.info["icc_profile"]))
    assert paint("t.png", "red.png", "-o", "t.jpg")[0] == 0
    assert shown("t.jpg")[:, :6].min() > 240, "a format without opacity puts it on white"


@pytest.mark.parametrize(
    "arguments,code,message",
    [
        ((), 2, "no picture to paint"),
        (("c.png",), 2, "no picture of a style"),
        (("c.png", "red.png", "--match", "grams"), 2, "known: gram, wasserstein, both"),
        (("c.png", "red.png", "--quality", "great"), 2, "known: fast, good, best"),
        (("c.png", "red.png", "--preserve-color", "hue"), 2, "known: none, luminance, histogram"),
        (("c.png", "red.png", "--size", "9"), 2, "out of range"),
        (("c.png", "red.png", "--strength", "0"), 2, "out of range"),
        (("c.png", "red.png", "--style-weight", "1", "--style-weight", "2"), 2, "2 weights for 1 styles"),
        (("c.png", "red.png", "blue.png", "--mask", "flat.png"), 1, "1 flat colours for 2 styles"),
        (("c.png", "red.png", "--mask", "flat.png"), 1, "nowhere white"),
        (("c.png", "nothing.png"), 1, "no such file"),
        (("c.png", "broken.png"), 1, "not a picture but text"),
        (("dot.png", "red.png"), 1, "1x1 is too small"),
        (("c.png", "dot.png"), 1, "1x1 is too small"),
        (("c.png", "red.png", "-o", "x.txt"), 1, "cannot be written"),
        (("c.png", "red.png", "--features", "nowhere"), 1, "no model"),
        (("c.png", "--resume", "c.png"), 2, "as it was begun"),
    ],
)
def test_wrong_requests_are_one_line_and_write_nothing(
    features, pictures, cnnapps, tmp_path, arguments, code, message
):
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    Image.new("L", (48, 32)).save(tmp_path / "flat.png")
    (tmp_path / "broken.png").write_text("no picture")
    before = sorted(tmp_path.iterdir())
    given = arguments if "--features" in arguments else (*arguments, "--features", features)
    found, out, err = cnnapps("style", "run", *given, "-q")
    assert (found, out, err.count("\n")) == (code, "", 1), err
    assert message in err
    assert sorted(tmp_path.iterdir()) == before


def test_greyscale_flat_and_large_pictures_and_the_same_twice(paint, tmp_path):
    Image.new("L", (40, 24), 128).save(tmp_path / "grey.png")
    Image.new("RGB", (700, 30), (0, 90, 0)).save(tmp_path / "wide.jpg")
    for arguments in (
        ("grey.png", "red.png"),
        ("c.png", "grey.png"),
        ("c.png", "c.png"),
        ("wide.jpg", "red.png"),
    ):
        code, _, err = paint(*arguments, "--size", 64, "-o", "x.png")
        assert code == 0, err
        assert np.isfinite(shown("x.png")).all()


def test_what_the_memory_does_not_hold_is_made_smaller_and_said(paint, features, cnnapps, monkeypatch):
    monkeypatch.setattr("common.devices.free_memory", lambda: 4_000_000)
    code, out, err = cnnapps(
        "style",
        "run",
        "c.png",
        "red.png",
        "--size",
        96,
        "--features",
        features,
        "--quality",
        "fast",
        "--json",
    )
    assert code == 0, err
    size = json.loads(out)[0]["size"]
    assert 16 <= size[0] < 96 and f"{size[0]} instead of 96 pixels" in err


def _scene() -> np.ndarray:
    rough = DRAW.integers(0, 255, (12, 16, 3), np.uint8)
    scene = np.asarray(Image.fromarray(rough).resize((128, 96), Image.Resampling.BICUBIC))
    return scene.astype(np.float32) / 255


def test_what_moves_is_carried_along_and_what_is_new_is_not():
    scene = _scene()
    steadiness = Steadiness()
    assert steadiness.carried(scene) is None
    painted = 1 - scene
    steadiness.keep(scene, painted)
    moved = np.roll(scene, 3, axis=1)
    moved[40:60, 50:80] = 1 - moved[40:60, 50:80]  # something new stands in front
    found, holds = steadiness.carried(moved)
    inside = (slice(10, 30), slice(20, 110))
    assert holds[inside].mean() > 0.8 and holds[45:55, 55:75].mean() < 0.2
    assert np.abs(found[inside] - (1 - moved)[inside]).mean() < 0.03
    assert steadiness.carried(DRAW.random(scene.shape).astype(np.float32)) is None, "another shot"


def test_flat_ground_moves_as_the_camera_does():
    scene, strokes, flat = _scene(), _scene(), (slice(20, 76), slice(40, 96))
    last, now = scene.copy(), np.roll(scene, 3, axis=1)
    for frame in (last, now):  # grain that is another one in each frame
        frame[flat] = 0.5 + 0.04 * DRAW.standard_normal((56, 56, 1))
    steadiness = Steadiness()
    steadiness.keep(last, strokes)
    found, holds = steadiness.carried(now)
    inside = (slice(35, 61), slice(55, 81))
    assert holds[inside].mean() > 0.9
    moved, stayed = np.roll(strokes, 3, axis=1), strokes
    assert np.abs(found - moved)[inside].mean() < 0.4 * np.abs(stayed - moved)[inside].mean()


def test_a_video_is_painted_frame_by_frame_and_steadily(paint, tmp_path):
    rough = Image.fromarray(DRAW.integers(0, 255, (6, 9, 3), np.uint8)).resize(
        (52, 36), Image.Resampling.BICUBIC
    )
    scene = np.asarray(rough)
    with VideoWriter(tmp_path / "v.mp4", 48, 32, 10) as writer:
        for number in range(3):
            writer.write(np.ascontiguousarray(scene[2:34, number : number + 48]))
    code, out, err = paint("v.mp4", "red.png", "--json")
    assert code == 0, err
    assert json.loads(out)[0]["path"] == "v.styled.mp4"
    with open_video(tmp_path / "v.styled.mp4") as reader:
        frames = [frame.pixels.astype(float) for frame in reader]
        assert reader.rate == pytest.approx(10) and [f.shape for f in frames] == [(32, 48, 3)] * 3
    assert frames[2][..., 0].mean() > frames[2][..., 2].mean()
    code, _, err = paint("v.mp4", "red.png", "--compare")
    assert code == 2 and "of pictures" in err
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    code, _, err = paint("bad.mp4", "red.png")
    assert code == 1 and err.count("\n") == 1
