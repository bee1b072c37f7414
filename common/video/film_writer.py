"""Pieces of videos into one new file, encoded anew: exact to the picture."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from common.files import written_whole
from common.video.excerpts import Excerpt, NoPicturesError, VideoSource, heard, shown

if TYPE_CHECKING:
    import av

_UNIT = Fraction(1, 90_000)  # of timestamps: all usual rates, and uneven ones to 0.01 ms
_QUALITY, _SPEED = "20", "veryfast"  # x264's constant rate factor, and its preset
_RATES = (48_000, 44_100, 32_000, 24_000, 22_050, 16_000)  # samples per second that players play
_KEY_SECONDS = 2  # between key frames at most, so that a click into a clip is quick


def write_film(
    path: Path, excerpts: Sequence[Excerpt], sources: Mapping[Path, VideoSource]
) -> float:
    """Writes pieces of videos one behind the other as mp4: h264, and AAC if any has sound.

    Pictures keep their times; those of all pieces get the size of the first piece's video, and are
    turned as it says. The file is written whole or not at all. Returns its seconds.

    Args:
        sources: of the pieces' videos.

    Raises:
        NoPicturesError: not one picture of the pieces can be decoded.
    """
    import av

    used = [sources[each.video] for each in excerpts]
    options = {"movflags": "+faststart"}
    with written_whole(path) as temporary:
        with av.open(
            f"file:{temporary}", "w", format="mp4", container_options=options
        ) as container:
            film = _Film(container, used)
            for each, source in zip(excerpts, used, strict=True):
                film.add(source, each)
            if film.ticks:
                film.close()
        if not film.ticks:
            raise NoPicturesError(
                f"no picture of {excerpts[0].video} from second {excerpts[0].start:g} to "
                f"{excerpts[0].end:g} can be decoded; give an undamaged video"
            )
    return float(film.ticks * _UNIT)


class _Film:
    """A file that is being written; `ticks` is its length so far."""

    def __init__(
        self, container: "av.container.OutputContainer", used: Sequence[VideoSource]
    ) -> None:
        self.ticks = 0
        self._container, like = container, used[0]
        rate = Fraction(like.facts.rate).limit_denominator(1001)
        stream: Any = container.add_stream("libx264", rate=rate)
        stream.width, stream.height = (side - side % 2 for side in like.size)
        stream.pix_fmt = "yuv420p"
        # Pictures are stored as they are shown: lengths of mp4 are told in the order of storing.
        stream.options = {"crf": _QUALITY, "preset": _SPEED, "bf": "0"}
        stream.codec_context.time_base = _UNIT
        stream.codec_context.gop_size = max(1, round(_KEY_SECONDS * rate))
        if like.aspect:
            stream.codec_context.sample_aspect_ratio = like.aspect
        if like.rotation and hasattr(stream, "set_display_rotation"):  # not in older PyAV
            stream.set_display_rotation(like.rotation)
        self._stream, self._voice, self._samples = stream, None, 0
        self._lengths: dict[int, int] = {}  # timestamp -> ticks on screen
        if sound := next((source.sound for source in used if source.sound), None):
            self._rate = next((each for each in _RATES if each <= sound[0]), _RATES[-1])
            self._channels = min(2, sound[1])
            self._layout = "mono" if self._channels == 1 else "stereo"
            voice: Any = container.add_stream("aac", rate=self._rate, layout=self._layout)
            self._voice = voice

    def add(self, source: VideoSource, excerpt: Excerpt) -> None:
        """Puts a piece behind what is there."""
        before = self.ticks
        for begin, end, frame in shown(source, excerpt.start, excerpt.end):
            stamp = before + round((begin - excerpt.start) / _UNIT)
            until = before + round((end - excerpt.start) / _UNIT)
            if until <= stamp:
                continue
            # Where nothing could be decoded, the picture before stays.
            stamp, self.ticks = self.ticks, until
            self._lengths[stamp] = until - stamp
            self._show(frame, stamp)
        if self._voice is not None and self.ticks > before:
            seconds = float((self.ticks - before) * _UNIT)
            stop = excerpt.start + seconds
            for block in heard(source, excerpt.start, stop, self._rate, self._channels):
                self._say(block)

    def _show(self, frame: Any, stamp: int) -> None:
        stream = self._stream
        even = frame.reformat(width=stream.width, height=stream.height, format="yuv420p")
        even.pts, even.time_base, even.pict_type = stamp, _UNIT, 0
        self._mux(stream.encode(even))

    def _say(self, block: NDArray[np.float32]) -> None:
        import av

        voice: Any = self._voice
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(block), format="fltp", layout=self._layout
        )
        frame.sample_rate, frame.pts = self._rate, self._samples
        frame.time_base = Fraction(1, self._rate)
        self._samples += block.shape[1]
        self._container.mux(voice.encode(frame))

    def _mux(self, packets: Sequence[Any]) -> None:
        """Writes pictures with their lengths: a file's last picture has no other after it."""
        for packet in packets:
            packet.duration = self._lengths.pop(packet.pts, packet.duration)
            self._container.mux(packet)

    def close(self) -> None:
        """Writes what the encoders still hold."""
        self._mux(self._stream.encode())
        if self._voice is not None:
            self._container.mux(self._voice.encode())
