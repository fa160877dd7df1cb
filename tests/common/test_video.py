"""Reading of videos: every kind of source, and every way a file can be broken."""

from __future__ import annotations

import functools
import http.server
import itertools
import socket
import struct
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from common.data.video import open_video, stream
from common.errors import InputError, UsageError

WIDTH, HEIGHT = 80, 48
SHARED = Path(__file__).parents[3] / "shared" / "data" / "video"


def picture(number, width=WIDTH, height=HEIGHT):
    """A frame that tells its number (8 bits, black and white, in the upper half) and which side is up."""
    pixels = np.zeros((height, width, 3), np.uint8)
    for bit in range(8):
        columns = slice(bit * width // 8, (bit + 1) * width // 8)
        pixels[: height // 2, columns] = 255 * (number >> bit & 1)
    pixels[height // 2 :, : width // 2] = (220, 40, 40)
    pixels[height // 2 :, width // 2 :] = (40, 60, 200)
    return pixels


def number_of(pixels):
    height, width = pixels.shape[:2]
    return sum(int(pixels[height // 4, (2 * bit + 1) * width // 16, 1] > 127) << bit for bit in range(8))


def render(
    path,
    *,
    frames=60,
    codec="libx264",
    pixels="yuv420p",
    size=(WIDTH, HEIGHT),
    times=None,
    noise=0,
    **options,
):
    """Write a video with PyAV alone: 25 frames per second, or at ``times`` in milliseconds."""
    random = np.random.default_rng(0)
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        stream.codec_context.gop_size = 12
        if times is not None:
            stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        for number in range(frames):
            drawn = picture(number, *size)
            dirt = random.integers(0, noise + 1, drawn.shape) * (drawn == 0)
            frame = av.VideoFrame.from_ndarray((drawn + dirt).astype(np.uint8), "rgb24")
            if times is not None:
                frame.pts, frame.time_base = times[number], stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def read(source, **options):
    with open_video(source, **options) as video:
        return list(video), video


def numbers(frames):
    return [number_of(frame.pixels) for frame in frames]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Sixty frames of H.264 with B-frames and key frames, the index in front."""
    return render(tmp_path_factory.mktemp("clip") / "clip.mp4", noise=90, movflags="+faststart")


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


def test_a_folder_of_pictures(tmp_path):
    for number in (0, 2, 9, 10, 11):
        Image.fromarray(picture(number)).save(tmp_path / f"frame{number}.png")
    (tmp_path / "frame9.png").write_bytes(b"\x89PNG but damaged")
    Image.fromarray(picture(11, 160, 96)).save(tmp_path / "frame11.png")
    (tmp_path / "readme.txt").write_text("five pictures")
    frames, video = read(tmp_path, folder_rate=10)
    assert numbers(frames) == [0, 2, 10, 11] and [frame.number for frame in frames] == [0, 1, 3, 4]
    np.testing.assert_allclose([frame.seconds for frame in frames], [0, 0.1, 0.3, 0.4])
    assert (video.frames, video.rate, video.width) == (5, 10, WIDTH) and video.damage.startswith("1 or more")
    assert "scaled" in video.notes[0] and frames[3].pixels.shape == (HEIGHT, WIDTH, 3)
    assert numbers(read(tmp_path, start_seconds=0.06)[0]) == [10, 11]


def test_folders_without_frames(tmp_path):
    with pytest.raises(InputError, match="no pictures in this folder"):
        open_video(tmp_path)
    (tmp_path / "a.png").write_bytes(b"\x89PNG but damaged")
    with pytest.raises(InputError, match="no frame in it can be decoded"):
        open_video(tmp_path)
    with pytest.raises(UsageError, match="0 frames per second"):
        open_video(tmp_path, folder_rate=0)


class Camera:
    """Gives three pictures, then is unplugged."""

    def __init__(self, number):
        self.number = number
        self.left = 3

    def isOpened(self):
        return self.number == 1

    def get(self, _):
        return 0.0

    def read(self):
        self.left -= 1
        return self.left >= 0, picture(self.left)[:, :, ::-1]

    def release(self):
        self.left = -1


@pytest.mark.parametrize("source", [1, "1", "/dev/video1"])
def test_a_camera(monkeypatch, source):
    monkeypatch.setattr("cv2.VideoCapture", Camera)
    frames, video = read(source)
    assert numbers(frames) == [2, 1, 0] and frames[0].seconds == 0 < frames[2].seconds
    np.testing.assert_array_equal(frames[0].pixels, picture(2))
    assert video.live and video.frames is None and video.rate == 30
    assert video.damage == "stopped at frame 3: the camera gives no more pictures"
    with pytest.raises(UsageError, match="camera 1: a live source has no start"):
        open_video(source, start_seconds=2)


def test_a_camera_that_is_not_there(capfd):
    with pytest.raises(InputError, match="camera 77: not there"):
        open_video(77)
    assert capfd.readouterr() == ("", "")


def test_an_address(clip, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(clip.parent))
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{server.server_port}"
        frames, video = read(f"http://user:secret@{address}/clip.mp4")
        assert numbers(frames) == list(range(60)) and not video.live
        assert video.name == f"http://{address}/clip.mp4"
        with pytest.raises(InputError, match=r"missing\.mp4: cannot be read .*404"):
            open_video(f"http://{address}/missing.mp4")
        server.shutdown()


def test_an_address_that_does_not_answer(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(stream, "NETWORK_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(InputError, match="no answer within 0.3 seconds"):
            open_video(f"http://127.0.0.1:{port}/v.mp4")
    with pytest.raises(InputError, match=r"^rtsp://127\.0\.0\.1:\d+/v: cannot be read"):
        open_video(f"rtsp://user:secret@127.0.0.1:{port}/v")


def test_ffmpeg_is_silent(clip, tmp_path, capfd):
    path = tmp_path / "cut.mp4"
    path.write_bytes(clip.read_bytes()[:-3000])
    assert read(path)[1].damage
    assert capfd.readouterr() == ("", "")


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
