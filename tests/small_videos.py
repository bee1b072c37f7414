"""Videos for tests: each picture tells its number, in bands of dark and light across its width."""

from fractions import Fraction
from functools import cache

import av
import numpy as np

BANDS = 12  # the first and the last say nothing; ten bits between them
PIXELS = {"mjpeg": "yuvj420p"}
SEEN = {"crop": (0, 224), "resize": (0, 224), "resize256crop224": (16, 256)}  # rows off, height


@cache
def texture(width, height):
    """What all pictures of a size have in common: [height * 3 / 2, width] of yuv420p."""
    y, x = np.mgrid[:height, :width]
    colours = [100 + (x[::2, ::2] * k) % 50 for k in (1, 2)]
    light = 70 + (7 * x + 13 * y) % 23
    flat = np.concatenate([plane.ravel() for plane in (light, *colours)]).astype(np.uint8)
    return flat.reshape(height * 3 // 2, width)


def planes(number, width, height):
    """A picture [height * 3 / 2, width] of yuv420p: brightness, and below it two colours."""
    bits = np.array([0, *((number >> np.arange(BANDS - 2)) & 1), 0], np.uint8)
    picture = texture(width, height).copy()
    picture[:height] += 100 * bits[np.arange(height) * BANDS // height, None]
    picture[height:] += np.uint8(number % 50)
    return picture


def number_of(frame, transform="crop"):
    """The number of the picture that a frame [224, 224, 3] was made of."""
    off, height = SEEN[transform]
    rows = ((np.arange(BANDS) + 0.5) / BANDS * height - off).astype(int)[1:-1]
    bits = frame[rows].mean(axis=(1, 2)) > 128
    return int((bits << np.arange(BANDS - 2)).sum())


def write_video(
    path, count, *, size=(398, 224), rate=25, codec="rawvideo", sound=0.0, times=None, rotation=0,
    options=None,
):  # fmt: skip
    """A video of `count` pictures, numbered from 1, with `sound` seconds of silence.

    `times` are the pictures' moments in units of 1/rate, if they do not come evenly; a negative one
    leaves its picture out. Returns the path.
    """
    rate = Fraction(rate)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        (stream.width, stream.height), stream.pix_fmt = size, PIXELS.get(codec, "yuv420p")
        stream.codec_context.color_range = 2 if codec == "mjpeg" else 0
        if rotation:
            stream.set_display_rotation(rotation)
        voice = container.add_stream("pcm_s16le", rate=8000, layout="mono") if sound else None
        for number in range(1, count + 1):
            moment = number - 1 if times is None else times[number - 1]
            if moment < 0:
                continue
            frame = av.VideoFrame.from_ndarray(planes(number, *size), format="yuv420p")
            frame.pts, frame.time_base = moment, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if voice:
            silence = np.zeros((1, int(sound * 8000)), np.int16)
            frame = av.AudioFrame.from_ndarray(silence, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 8000, 0
            container.mux(voice.encode(frame))
            container.mux(voice.encode())
    return path
