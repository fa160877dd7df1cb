"""Writing of videos: what is in the file, what is not, and that there is never half of one."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from common.data.video import VideoWriter, open_video, writing
from common.errors import UsageError, UserError
from tests.common.numbered_video import HEIGHT, WIDTH, number_of, picture

EVERY = (".mp4", ".mov", ".mkv", ".webm", ".gif")


def write(path, frames=30, *, size=(WIDTH, HEIGHT), rate=25.0, times=None, **options):
    with VideoWriter(path, *size, rate, **options) as video:
        for number in range(frames):
            video.write(picture(number, *size), None if times is None else times[number])
    return video


def tone(path, codec="aac", video="libx264", seconds=3, frequency=440):
    """Write a video of ``seconds`` with a sine tone that falls silent after one second."""
    rate = 48000
    with av.open(str(path), "w") as container:
        pictures = container.add_stream(video, rate=25)
        pictures.width, pictures.height, pictures.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = container.add_stream(codec, rate=rate)
        sound.layout = "mono"
        container.start_encoding()
        for number in range(25 * seconds):
            frame = av.VideoFrame.from_ndarray(picture(number), "rgb24")
            container.mux(pictures.encode(frame))
        size = sound.codec_context.frame_size or 1024
        resampler = av.AudioResampler(sound.format.name, "mono", rate, frame_size=size)
        time = np.arange(rate * seconds) / rate
        wave = (20000 * np.sin(2 * np.pi * frequency * time) * (time < 1)).astype(np.int16)
        samples = av.AudioFrame.from_ndarray(wave[None], "s16", "mono")
        samples.sample_rate, samples.pts, samples.time_base = rate, 0, Fraction(1, rate)
        for frame in [*resampler.resample(samples), *resampler.resample(None)]:
            container.mux(sound.encode(frame))
        for stream in (pictures, sound):
            container.mux(stream.encode(None))
    return path


def heard(path):
    """Return when the tone ends and when the sound ends, in seconds."""
    with av.open(str(path)) as container:
        frames = list(container.decode(container.streams.audio[0]))
    loud = [frame for frame in frames if np.abs(frame.to_ndarray().astype(float)).mean() > 0.05]
    return tuple(group[-1].time + group[-1].samples / group[-1].sample_rate for group in (loud, frames))


@pytest.mark.parametrize("suffix", EVERY)
def test_there_and_back(tmp_path, suffix):
    path = tmp_path / "new folder" / f"v{suffix}"
    written = write(path)
    assert (written.written, written.notes) == (30, ()) and [*path.parent.iterdir()] == [path]
    with open_video(path) as video:
        frames = list(video)
    assert (video.width, video.height, video.rate, video.damage) == (WIDTH, HEIGHT, 25, "")
    assert [number_of(frame.pixels) for frame in frames] == list(range(30))
    for frame in frames:
        inside = np.s_[HEIGHT // 2 + 8 : -4, 4 : WIDTH // 2 - 8]
        assert np.abs(frame.pixels[inside].astype(int) - picture(0)[inside]).max() < 12


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [(".mp4", "h264"), (".mov", "h264"), (".mkv", "h264"), (".webm", "vp9"), (".gif", "gif")],
)
def test_the_codec(tmp_path, suffix, codec):
    write(tmp_path / f"v{suffix}", 3)
    with av.open(str(tmp_path / f"v{suffix}")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == codec
        if codec == "h264":
            assert (
                stream.codec_context.pix_fmt == "yuv420p" and stream.codec_context.colorspace == 6
            )  # BT.601


def test_a_browser_finds_the_index_first(tmp_path):
    write(tmp_path / "v.mp4", 3)
    data = (tmp_path / "v.mp4").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("suffix", EVERY)
@pytest.mark.parametrize("size", [(33, 47), (1, 1)])
def test_odd_sizes(tmp_path, suffix, size):
    """H.264 gets its last column and row twice; nothing is cut off or scaled."""
    path = tmp_path / f"v{suffix}"
    write(path, 2, size=size)
    frame = next(iter(open_video(path))).pixels
    grown = (size[0] + 1, size[1] + 1) if suffix in (".mp4", ".mov", ".mkv") else size
    assert frame.shape == (grown[1], grown[0], 3)
    if size != (1, 1):
        expected = picture(0, *size).astype(int)[30:, :12]
        assert np.abs(frame[30 : size[1], :12] - expected).max() < 12
        assert np.abs(frame[-1, 20:].astype(int) - (40, 60, 200)).max() < 25


@pytest.mark.parametrize(
    ("suffix", "tick"), [(".mp4", 1e-4), (".mkv", 1e-3), (".webm", 1e-3), (".gif", 1e-2)]
)
def test_times_are_kept(tmp_path, suffix, tick):
    times = np.array([0, 0.04, 0.1, 0.5, 0.533, 2, 2.05])
    path = tmp_path / f"v{suffix}"
    write(path, 7, times=7 + times)  # the first frame becomes the beginning
    np.testing.assert_allclose([frame.seconds for frame in open_video(path)], times, atol=tick)
    with av.open(str(path)) as container:
        assert container.duration / 1e6 == pytest.approx(2.09, abs=0.02)


def test_times_that_stand_still_go_on(tmp_path):
    write(tmp_path / "v.mp4", 4, times=[0, 0.2, 0.2, 0.1])
    seconds = [frame.seconds for frame in open_video(tmp_path / "v.mp4")]
    assert seconds == sorted(set(seconds)) and seconds[-1] == pytest.approx(0.2, abs=1e-3)


@pytest.mark.parametrize("rate", [12.5, 24000 / 1001, 30000 / 1001, 60])
def test_rates(tmp_path, rate):
    write(tmp_path / "v.mp4", rate=rate)
    with open_video(tmp_path / "v.mp4") as video:
        seconds = [frame.seconds for frame in video]
    assert video.rate == pytest.approx(rate, abs=1e-3) and video.frames == 30
    np.testing.assert_allclose(seconds, np.arange(30) / rate, atol=2e-5)


def test_a_fast_gif_says_that_it_is_slower(tmp_path):
    assert "plays slower" in write(tmp_path / "v.gif", 3, rate=60).notes[0]


@pytest.mark.parametrize(
    ("source", "codec", "video", "suffix"),
    [
        ("s.mp4", "aac", "libx264", ".mp4"),
        ("s.mp4", "aac", "libx264", ".mkv"),
        ("s.ts", "aac", "libx264", ".mov"),
        ("s.avi", "libmp3lame", "mpeg4", ".mp4"),
        ("s.mkv", "libopus", "libx264", ".webm"),
        ("s.mpg", "mp2", "mpeg2video", ".mp4"),
    ],
)
def test_sound_is_copied_as_long_as_the_pictures_last(tmp_path, source, codec, video, suffix):
    sound, path = tone(tmp_path / source, codec, video), tmp_path / f"v{suffix}"
    assert write(path, 45, sound_from=sound).notes == ()
    assert heard(path) == pytest.approx((1, 1.8), abs=0.06)
    with av.open(str(path)) as new, av.open(str(sound)) as old:
        copied, original = ({bytes(p) for p in c.demux(c.streams.audio[0]) if p.size} for c in (new, old))
        assert copied if source == "s.ts" else copied < original  # ADTS headers of a transport stream go


@pytest.mark.parametrize("timed", [True, False])
def test_sound_from_a_later_start(tmp_path, timed):
    sound, path = tone(tmp_path / "s.mp4"), tmp_path / "v.mp4"
    times = 0.6 + np.arange(25) / 25
    write(path, 25, sound_from=sound, **({"times": times} if timed else {"start_seconds": 0.6}))
    assert heard(path) == pytest.approx((0.4, 1.0), abs=0.06)
    with open_video(path) as video:
        assert video.has_sound and sum(1 for _ in video) == 25


@pytest.mark.parametrize(
    ("suffix", "codec", "reason"),
    [
        (".webm", "aac", "cannot hold aac"),
        (".gif", "aac", "cannot hold aac"),
        (".mp4", "pcm_s16le", "cannot hold pcm"),
    ],
)
def test_sound_that_cannot_be_copied_is_said(tmp_path, suffix, codec, reason):
    sound = tone(tmp_path / "s.avi", codec, "mpeg4")
    written = write(tmp_path / f"v{suffix}", 5, sound_from=sound)
    assert "without sound" in written.notes[0] and reason in written.notes[0]
    with open_video(tmp_path / f"v{suffix}") as video:
        assert sum(1 for _ in video) == 5 and not video.has_sound


def test_sources_without_sound(tmp_path):
    write(tmp_path / "mute.mp4", 3)
    assert write(tmp_path / "v.mp4", 3, sound_from=tmp_path / "mute.mp4").notes == ()
    assert write(tmp_path / "v.mp4", 3, sound_from=tmp_path).notes == ()  # a folder of pictures
    written = write(tmp_path / "v.mp4", 3, sound_from=tmp_path / "nowhere.mp4")
    assert "nowhere.mp4 cannot be read" in written.notes[0]


def test_an_exception_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), VideoWriter(tmp_path / "v.mp4", WIDTH, HEIGHT, 25) as video:
        video.write(picture(0))
        raise ZeroDivisionError
    assert not [*tmp_path.iterdir()]


def test_an_exception_leaves_the_old_file(tmp_path):
    path = tmp_path / "v.mp4"
    write(path, 4)
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt), VideoWriter(path, WIDTH, HEIGHT, 25) as video:
        video.write(picture(0))
        raise KeyboardInterrupt
    assert path.read_bytes() == before and [*tmp_path.iterdir()] == [path]


def test_an_interruption_that_is_caught_keeps_what_there_is(tmp_path):
    with VideoWriter(tmp_path / "v.mp4", WIDTH, HEIGHT, 25) as video:
        try:
            for number in range(5):
                video.write(picture(number))
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            pass
    assert sum(1 for _ in open_video(tmp_path / "v.mp4")) == 5


def test_no_frames_no_file(tmp_path):
    with pytest.raises(UserError, match=r"v\.mp4: not written, for there was no frame"):
        write(tmp_path / "v.mp4", 0)
    assert not [*tmp_path.iterdir()]


def test_frames_that_do_not_arrive_are_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_count_frames", lambda _: 2)
    with pytest.raises(UserError, match="only 2 of 3 frames"):
        write(tmp_path / "v.mp4", 3)
    assert not [*tmp_path.iterdir()]


def test_a_video_may_replace_its_own_source(tmp_path):
    path = tone(tmp_path / "v.mp4")
    with open_video(path) as source, VideoWriter(path, WIDTH, HEIGHT, source.rate, sound_from=path) as video:
        for frame in source:
            video.write(frame.pixels, frame.seconds)
    with open_video(path) as again:
        assert sum(1 for _ in again) == 75 and again.has_sound


@pytest.mark.parametrize("name", ["v.wmv", "v", "v.png"])
def test_unknown_suffixes(tmp_path, name):
    with pytest.raises(UsageError, match="cannot be written") as caught:
        VideoWriter(tmp_path / name, WIDTH, HEIGHT, 25)
    assert all(suffix in caught.value.hint for suffix in EVERY)


def test_what_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(UserError, match=r"v\.mp4: cannot be written"):
        write(tmp_path / "file" / "v.mp4")
    with pytest.raises(UsageError, match="a folder has this name"):
        write(tmp_path / "folder.mp4")
    for rate in (0, -1, float("nan"), 1e9):
        with pytest.raises(UsageError, match="frames per second"):
            write(tmp_path / "v.mp4", rate=rate)
    with VideoWriter(tmp_path / "v.mp4", WIDTH, HEIGHT, 25) as video:
        for wrong in (picture(0)[1:], picture(0).astype(float), picture(0)[..., 0]):
            with pytest.raises(ValueError, match="expected uint8 of shape"):
                video.write(wrong)
        video.write(picture(0)[:, ::-1])


@pytest.mark.parametrize(("suffix", "left"), [(".mp4", "mpeg4"), (".webm", "libvpx")])
def test_an_ffmpeg_without_the_best_encoder(tmp_path, monkeypatch, suffix, left):
    monkeypatch.setattr(writing, "_available", lambda encoder: encoder == left)
    path = tmp_path / f"v{suffix}"
    assert f"written by {left}" in write(path, rate=29.97).notes[0]
    assert [number_of(frame.pixels) for frame in open_video(path)] == list(range(30))


def test_ffmpeg_is_silent(tmp_path, capfd):
    for suffix in EVERY:
        write(tmp_path / f"v{suffix}", 3)
    assert capfd.readouterr() == ("", "")


def test_suffixes_of_any_case(tmp_path):
    write(Path(tmp_path / "V.MP4"), 2)
    assert (tmp_path / "V.MP4").stat().st_size > 0
