"""Reading of videos that are no files: folders of pictures, cameras and addresses."""

from __future__ import annotations

import functools
import http.server
import socket
import threading

import numpy as np
import pytest
from PIL import Image

from common.data.video import open_video, stream
from common.errors import InputError, UsageError
from tests.common.numbered_video import HEIGHT, WIDTH, numbers, picture, read


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
