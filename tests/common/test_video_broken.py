"""Reading of videos that are damaged, cut short or none at all."""

from __future__ import annotations

import numpy as np
import pytest

from common.data.video import open_video
from common.errors import InputError
from tests.common.numbered_video import numbers, read, render


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.avi"])
def test_a_truncated_file_gives_what_it_has(tmp_path, name):
    options = {"movflags": "+faststart"} if name == "v.mp4" else {}
    path = render(tmp_path / name, noise=90, **options)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.6)])
    frames, video = read(path)
    found = numbers(frames)
    assert 25 <= len(found) < 45 and found[:-3] == list(range(len(found) - 3))
    assert found == sorted(set(found))  # of the last frames, those that lean on lost ones are missing
    assert video.damage == f"stopped at frame {len(frames)} of about 60: damaged or cut short"


def test_a_damaged_place_in_the_middle_is_passed(clip, tmp_path):
    data = bytearray(clip.read_bytes())
    place = len(data) // 2
    data[place : place + 400] = bytes(byte ^ 0xFF for byte in data[place : place + 400])
    path = tmp_path / "damaged.mp4"
    path.write_bytes(data)
    frames, video = read(path)
    found = [frame.seconds * 25 for frame in frames]
    assert 40 < len(frames) <= 60 and video.damage.endswith("frames were damaged: left out or patched up")
    assert numbers(frames)[:20] == list(range(20)) and numbers(frames)[-5:] == [55, 56, 57, 58, 59]
    assert found == sorted(found) and found[-1] == pytest.approx(59, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.mp4", b"", r"empty\.mp4: empty \(0 bytes\)"),
        ("letter.mp4", b"Dear Sir,\n" * 50, r"letter\.mp4: not a video but text"),
        ("letter.txt", b"Dear Sir,\n" * 50, r"letter\.txt: no video in it"),
        ("noise.mkv", np.random.default_rng(0).bytes(5000), r"noise\.mkv: not a video"),
    ],
)
def test_what_is_no_video(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        open_video(tmp_path / name)
    assert caught.value.hint and "\n" not in caught.value.message


def test_an_index_that_is_missing(tmp_path):
    path = render(tmp_path / "v.mp4", noise=90)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(InputError, match="its index"):
        open_video(path)


def test_an_unknown_kind_of_video(tmp_path):
    path = render(tmp_path / "v.mkv", frames=3)
    path.write_bytes(path.read_bytes().replace(b"V_MPEG4/ISO/AVC", b"V_MPEG4/ISO/XYZ"))
    with pytest.raises(InputError, match="no decoder"):
        open_video(path)


def test_no_such_file():
    with pytest.raises(InputError, match=r"nowhere\.mp4: no such file"):
        open_video("nowhere.mp4")


def test_ffmpeg_is_silent(clip, tmp_path, capfd):
    path = tmp_path / "cut.mp4"
    path.write_bytes(clip.read_bytes()[:-3000])
    assert read(path)[1].damage
    assert capfd.readouterr() == ("", "")
