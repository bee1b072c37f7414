"""Pictures to an h264 file."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.files import written_whole

_SPEED, _QUALITY = "ultrafast", "25"  # x264's preset, and its constant rate factor
_SECONDS_BETWEEN_KEYS = 5


def exact_rate(framerate: float) -> Fraction:
    """Frames per second as a fraction: 25 is 25, 29.97 and 23.976 are 30000/1001 and 24000/1001."""
    broadcast = Fraction(1000 * round(framerate * 1.001), 1001)
    if framerate != round(framerate) and abs(broadcast - Fraction(framerate)) < Fraction(1, 200):
        return broadcast
    return Fraction(framerate).limit_denominator(1000)


def write_video(path: Path, pictures: Iterable[NDArray[np.uint8]], rate: Fraction) -> int:
    """Writes pictures [height, width, 3] (blue, green, red; even sides) as h264 in Matroska.

    The file is written whole or not at all. The same pictures give the same bytes: one encoder
    thread, and nothing of the moment in the file. Returns the number of frames.
    """
    import av
    import cv2

    count = 0
    with (
        written_whole(path) as temporary,
        av.open(
            f"file:{temporary}", "w", format="matroska", options={"fflags": "+bitexact"}
        ) as file,
    ):
        stream = file.add_stream("libx264", rate=rate)
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1
        stream.options = {
            "preset": _SPEED, "crf": _QUALITY, "flags": "+bitexact",
            "g": str(max(1, round(_SECONDS_BETWEEN_KEYS * rate))),
        }  # fmt: skip
        for picture in pictures:
            if not count:
                stream.height, stream.width = picture.shape[:2]
            planes: Any = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts = count
            file.mux(stream.encode(frame))
            count += 1
        file.mux(stream.encode())
    return count
