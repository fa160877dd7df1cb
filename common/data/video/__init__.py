"""Videos: the one place that reads and writes them.

    with open_video("in.mp4") as video, VideoWriter(Path("out.mp4"), video.width, video.height, video.rate) as out:
        for frame in video:
            out.write(frame.pixels, frame.seconds)

FFmpeg, through PyAV, decodes and encodes; what it leaves open (rotation, odd sizes, times that vary, sound, damage) is
settled here.
"""

from common.data.video.reading import VIDEO_SUFFIXES, Frame, VideoReader, open_video
from common.data.video.writing import VideoWriter

__all__ = ["VIDEO_SUFFIXES", "Frame", "VideoReader", "VideoWriter", "open_video"]
