"""Reading of video files that are whole: every container, pixel format, size and start."""

from __future__ import annotations

import itertools
import struct
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from common.data.video import open_video
from common.errors import InputError
from tests.common.numbered_video import HEIGHT, WIDTH, numbers, picture, read, render

SHARED = Path(__file__).parents[3] / "shared" / "data" / "video"


def test_a_file_is_read_frame_by_frame(clip):
    frames, video = read(clip)
    assert (video.width, video.height, video.rate, video.frames) == (WIDTH, HEIGHT, 25, 60)
    assert not video.live and not video.has_sound and video.notes == () and video.damage == ""
    assert video.name == str(clip)
    assert numbers(frames) == [frame.number for frame in frames] == list(range(60))
    np.testing.assert_allclose([frame.seconds for frame in frames], np.arange(60) / 25, atol=1e-6)
    assert frames[0].pixels.dtype == np.uint8 and frames[0].pixels.shape == (HEIGHT, WIDTH, 3)
    difference = frames[9].pixels[HEIGHT // 2 + 4 :].astype(int) - picture(9)[HEIGHT // 2 + 4 :]
    assert np.abs(difference[:, 8:32]).max() < 12 and np.abs(difference[:, 48:72]).max() < 12


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("v.mkv", "libx264"),
        ("v.avi", "libx264"),  # B-frames in a container without presentation times
        ("v.ts", "libx264"),
        ("v.h264", "libx264"),  # no container, no times
        ("v.mpg", "mpeg2video"),
        ("v.webm", "libvpx-vp9"),
        ("odd name: 50%d.mov", "mpeg4"),
        ("v.gif", "gif"),
    ],
)
def test_every_container(tmp_path, name, codec):
    path = render(tmp_path / name, frames=30, codec=codec, pixels="rgb8" if codec == "gif" else "yuv420p")
    frames, video = read(path)
    assert numbers(frames) == list(range(30)) and video.damage == ""
    np.testing.assert_allclose([frame.seconds for frame in frames], np.arange(30) / 25, atol=1e-3)


def test_a_second_loop_goes_on(clip):
    with open_video(clip) as video:
        first = numbers(itertools.islice(video, 3))
        assert first + numbers(itertools.islice(video, 2)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("pixels", "codec"),
    [
        ("gray", "ffv1"),
        ("yuv420p10le", "libx264"),
        ("yuv444p", "libx264"),
        ("yuvj420p", "mjpeg"),
        ("bgr0", "ffv1"),
    ],
)
def test_any_pixels_become_rgb(tmp_path, pixels, codec):
    frames, _ = read(render(tmp_path / "v.mkv", frames=3, codec=codec, pixels=pixels))
    expected = picture(2)
    if pixels == "gray":
        expected = np.repeat((expected @ [0.299, 0.587, 0.114])[..., None], 3, axis=-1)
    corner = np.s_[HEIGHT // 2 + 8 : -8, 8:32]
    assert numbers(frames) == [0, 1, 2]
    assert np.abs(frames[2].pixels[corner].astype(int) - expected[corner]).max() < 10


def test_transparent_parts_become_white_paper(tmp_path):
    path = tmp_path / "v.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "bgra"
        layer = np.full((16, 16, 4), (200, 0, 0, 255), np.uint8)
        layer[:8, :, 3], layer[:8, :8, 3] = 128, 0
        container.mux(stream.encode(av.VideoFrame.from_ndarray(layer, "rgba").reformat(format="bgra")))
        container.mux(stream.encode(None))
    pixels = read(path)[0][0].pixels
    assert pixels[0, 0].tolist() == [255, 255, 255] and pixels[15, 0].tolist() == [200, 0, 0]
    np.testing.assert_allclose(pixels[0, 15], np.array([200, 0, 0]) / 2 + 127.5, atol=1)


@pytest.mark.parametrize("size", [(33, 47), (1, 1), (7, 2)])
def test_odd_sizes_are_kept(tmp_path, size):
    frames, video = read(
        render(
            tmp_path / "v.mkv", frames=2, codec="ffv1", pixels="bgr0" if size[0] < 9 else "yuv420p", size=size
        )
    )
    assert (video.width, video.height) == size and frames[0].pixels.shape == (size[1], size[0], 3)


ONE = 1 << 16


@pytest.mark.parametrize(
    ("matrix", "turned"),
    [
        ((0, ONE, -ONE, 0), lambda p: np.rot90(p, -1)),  # a telephone held upright
        ((-ONE, 0, 0, -ONE), lambda p: np.rot90(p, 2)),
        ((0, -ONE, ONE, 0), lambda p: np.rot90(p)),
        ((-ONE, 0, 0, ONE), lambda p: p[:, ::-1]),  # a mirrored one
        ((0, ONE, ONE, 0), lambda p: p.transpose(1, 0, 2)),
    ],
)
def test_rotation_is_undone(clip, tmp_path, matrix, turned):
    data = bytearray(clip.read_bytes())
    place = data.index(b"tkhd") + 44  # ISO/IEC 14496-12, 8.3.2: the track header's matrix
    assert struct.unpack(">9i", data[place : place + 36]) == (ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30)
    a, b, c, d = matrix
    data[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path = tmp_path / "turned.mp4"
    path.write_bytes(data)
    (frames, video), (plain, _) = read(path), read(clip)
    np.testing.assert_array_equal(frames[5].pixels, turned(plain[5].pixels))
    assert (video.height, video.width) == frames[5].pixels.shape[:2] == turned(plain[5].pixels).shape[:2]


def test_times_of_a_variable_rate(tmp_path):
    times = [0, 40, 50, 300, 301, 1900, 2000]
    frames, _ = read(render(tmp_path / "v.mkv", frames=7, times=times))
    np.testing.assert_allclose([frame.seconds for frame in frames], np.array(times) / 1000, atol=1e-4)


def test_a_change_of_size_in_mid_stream(tmp_path):
    parts = [render(tmp_path / f"{size[0]}.h264", frames=5, size=size) for size in ((80, 48), (160, 96))]
    path = tmp_path / "joined.h264"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    frames, video = read(path)
    assert {frame.pixels.shape for frame in frames} == {(48, 80, 3)}
    assert numbers(frames) == [0, 1, 2, 3, 4] * 2 and "scaled" in video.notes[0]


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.avi", "v.mpg", "v.h264"])
@pytest.mark.parametrize("start", [0.4, 1.37, 2.36])
def test_a_later_start_is_exact(tmp_path, name, start):
    path = render(tmp_path / name, codec="mpeg2video" if name == "v.mpg" else "libx264", noise=90)
    everything, _ = read(path)
    frames, video = read(path, start_seconds=start)
    expected = [frame for frame in everything if frame.seconds >= start - 1e-6]
    assert numbers(frames) == numbers(expected)
    assert [frame.number for frame in frames] == list(range(len(expected)))
    np.testing.assert_array_equal(frames[0].pixels, expected[0].pixels)
    assert frames[0].seconds == pytest.approx(expected[0].seconds, abs=1e-4)
    assert video.damage == ""
    if name in ("v.mp4", "v.mkv"):  # whose headers know
        assert abs(video.frames - len(expected)) <= 1


def test_a_start_after_the_end(clip):
    with pytest.raises(InputError, match=r"clip\.mp4: no frame at or after 5 s"):
        open_video(clip, start_seconds=5)


def test_pictures_are_not_kept(tmp_path):
    program = (
        "import resource, sys\n"
        "from common.data.video import open_video\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for frame in open_video(sys.argv[1]):\n"
        "    if frame.number == 30: before = peak()\n"
        "print(frame.number + 1, peak() - before)"
    )
    path = render(tmp_path / "v.avi", frames=120, size=(800, 480), codec="mpeg4")
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    frames, growth = map(int, done.stdout.split())
    assert frames == 120 and growth < 50_000  # kilobytes; 90 frames are 100,000


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data/video")
@pytest.mark.parametrize(
    ("name", "frames", "size"),
    [
        ("bikes.mp4", 250, (640, 272)),
        ("carphone_pristine.mp4", 120, (176, 144)),
        ("car-detection.mp4", 377, (768, 432)),
    ],
)
def test_real_videos(name, frames, size):
    with open_video(SHARED / name) as video:
        assert sum(1 for _ in video) == frames == video.frames and video.damage == ""
        assert (video.width, video.height) == size
