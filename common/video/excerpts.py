"""Pieces of videos, picture by picture and sample by sample, found without decoding what is before.

Seconds count from the first picture of a video, as those of spots do.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from common.errors import UserError
from common.video.decoding import (
    VideoFacts,
    frames_of,
    look_through,
    open_video,
    packets_of,
    pictures,
)

if TYPE_CHECKING:
    import av

_BACK_SECONDS = (1.0, 15.0, None)  # how far before a piece decoding begins; None: at the beginning
_LONGEST_GAP = 600.0  # seconds; timestamps that jump by more were set anew
_SOUND_GAP = 0.05  # seconds without sound that are a gap, and no rounding


class NoPicturesError(UserError):
    """Nothing of a piece can be decoded."""


@dataclass(frozen=True)
class Excerpt:
    """A piece of a video, from `start` to `end` seconds."""

    video: Path
    start: float
    end: float


@dataclass(frozen=True)
class VideoSource:
    """A video that pieces are cut from.

    Attributes:
        zero: time of its first picture on the clock of the container, in seconds.
        unit: length of a unit of timestamps, in seconds.
        size: width and height in pixels.
        aspect: of a pixel, width to height; None: square, or not known.
        rotation: degrees that its pictures are to be turned anticlockwise.
        sound: samples per second and number of channels; None: it has no sound.
    """

    path: Path
    facts: VideoFacts
    zero: float
    unit: Fraction
    size: tuple[int, int]
    aspect: Fraction | None
    rotation: float
    sound: tuple[int, int] | None

    def seekable(self) -> bool:
        """Whether timestamps tell which picture is which."""
        times = self.facts.times
        jumps = len(times) > 1 and bool(np.diff(times).max() > _LONGEST_GAP)
        return self.facts.stamps is not None and not jumps

    def rows(self, start: float, end: float) -> tuple[int, int]:
        """Numbers, from 0 on, of the pictures on screen from `start` to `end`: first, and stop."""
        times = self.facts.times
        first = max(0, int(np.searchsorted(times, start, "right")) - 1)
        return first, max(first + 1, int(np.searchsorted(times, end, "left")))


def look_at(path: Path) -> VideoSource:
    """What has to be known of a video. Raises UserError as `look_through`."""
    facts = look_through(path)
    with open_video(path) as (container, stream):
        unit = Fraction(stream.time_base or 1)
        stamps = facts.stamps
        begin = int(stamps[0]) if stamps is not None else stream.start_time or 0
        sounds = [each for each in container.streams.audio if each.codec_context is not None]
        voice = sounds[0].codec_context if sounds else None
        known = voice is not None and voice.sample_rate and voice.channels
        turned = (getattr(frame, "rotation", 0) for frame in _frames(container, stream))
        rotation = float(next(turned, 0) or 0)
        aspect = stream.codec_context.sample_aspect_ratio
        return VideoSource(
            path, facts, float(begin * unit), unit,
            (stream.codec_context.width, stream.codec_context.height),
            Fraction(aspect) if aspect else None, rotation,
            (voice.sample_rate, voice.channels) if known and voice is not None else None,
        )  # fmt: skip


def shown(
    source: VideoSource, start: float, end: float
) -> Iterator[tuple[float, float, "av.VideoFrame"]]:
    """The pictures on screen from `start` to `end`: from when to when, within these, and each.

    The first is the one that is on screen at `start`. None come from behind the end of the video;
    what cannot be decoded is left out.
    """
    end = min(end, source.facts.seconds)
    if start >= end:
        return
    found = _sought(source, start, end) if source.seekable() else _in_sequence(source, start, end)
    before: tuple[float, Any] | None = None
    for begin, frame in found:
        if before is not None and begin > start:
            yield max(before[0], start), begin, before[1]
        before = begin, frame
    if before is not None:
        yield max(before[0], start), end, before[1]


def _sought(source: VideoSource, start: float, end: float) -> Iterator[tuple[float, Any]]:
    """Times and pictures by seeking: those of `VideoSource.rows`, as far as they can be decoded."""
    first, stop = source.rows(start, end)
    times, stamps = source.facts.times, source.facts.stamps
    assert stamps is not None
    for back in _BACK_SECONDS:
        found = False
        for frame in _decoded(source, first, back):
            row = int(np.searchsorted(stamps, frame.pts)) if frame.pts is not None else -1
            if not found and row > first and back is not None:
                break  # sought too late: a key frame may be shown later than it is stored
            found = True
            if row >= stop:
                return
            if row >= first:
                yield float(times[row]), frame
        if found:
            return


def _decoded(source: VideoSource, row: int, back: float | None) -> Iterator[Any]:
    """Decodes from `back` seconds before a picture on."""
    stamps = source.facts.stamps
    assert stamps is not None
    with open_video(source.path) as (container, stream):
        if back is not None:
            stamp = max(int(stamps[0]), int(stamps[row]) - int(back / source.unit))
            container.seek(stamp, stream=stream, backward=True)
        yield from _frames(container, stream)


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    """What of a stream can be decoded."""
    for packet in packets_of(container, stream):
        yield from frames_of(packet) or ()


def _in_sequence(source: VideoSource, start: float, end: float) -> Iterator[tuple[float, Any]]:
    """Times and pictures by decoding all that is before."""
    for picture in pictures(source.path, source.facts):
        if picture.begin >= end:
            return
        if picture.end > start:
            yield picture.begin, picture.frame


def heard(
    source: VideoSource, start: float, end: float, rate: int, channels: int
) -> Iterator[NDArray[np.float32]]:
    """The sound from `start` to `end` in blocks [channels, n], round((end - start) * rate) in all.

    Where there is none, it is silent.
    """
    wanted, done = round((end - start) * rate), 0
    for at, block in _sound(source, start, end, rate, channels):
        gap = at - done
        if gap > _SOUND_GAP * rate:
            gap = min(gap, wanted - done)
            yield np.zeros((channels, gap), np.float32)
            done += gap
        elif gap < 0 and done == 0:  # before the piece
            block = block[:, -gap:]
        block = block[:, : wanted - done]
        if block.shape[1]:
            yield block
            done += block.shape[1]
        if done >= wanted:
            return
    if done < wanted:
        yield np.zeros((channels, wanted - done), np.float32)


def _sound(
    source: VideoSource, start: float, end: float, rate: int, channels: int
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Blocks of sound, each with the number of its first sample, counted from `start`."""
    if source.sound is None:
        return
    import av

    layout = "mono" if channels == 1 else "stereo"
    resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)
    with open_video(source.path) as (container, _):
        voice = next(each for each in container.streams.audio if each.codec_context is not None)
        begin = source.zero + start
        container.seek(int((begin - 1) * av.time_base), backward=True)
        origin: float | None = None
        for frame in _frames(container, voice):
            if frame.time is not None and frame.time - begin > end - start:
                return
            for even in resampler.resample(frame):
                at = even.time if even.time is not None else origin or 0.0
                origin = at + even.samples / rate
                yield round((at - begin) * rate), even.to_ndarray().astype(np.float32, copy=False)
