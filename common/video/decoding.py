"""Video files through PyAV: what their headers and packets tell, and their pictures one by one."""

import errno
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.errors import UserError, log, needs_extra
from common.files import kind_of_content, open_file

if TYPE_CHECKING:
    import av

_HEAD_BYTES = 512
_OF_CONTENT = (errno.EPERM, errno.EDOM)  # -1 is what decoders say for want of a better error
_NO_STAMP = -(1 << 63)
_LONGEST_GAP = 600.0  # seconds; timestamps that jump by more were set anew
_SKIPPING = ("h264",)  # codecs of which frames that no other refers to need not be decoded
_ALL_DECODED = 128  # packets at the beginning, by which a decoder learns how frames are reordered


@dataclass(frozen=True)
class VideoFacts:
    """What can be known of a video without decoding it.

    Attributes:
        rate: frames per second of its header.
        length: seconds of the file, of sound and pictures, as its header says; None: it does not.
        times: seconds of its frames, sorted, from the first one on.
        stamps: their timestamps, sorted, if each frame has one of its own.
    """

    rate: float
    length: float | None
    times: NDArray[np.float64]
    stamps: NDArray[np.int64] | None = None

    @property
    def seconds(self) -> float:
        """How long there are pictures."""
        return float(self.times[-1]) + 1 / self.rate


class Picture(NamedTuple):
    """A decoded frame: its number from 1 on, and the seconds between which it is on screen."""

    number: int
    begin: float
    end: float
    frame: "av.VideoFrame"


def require_decoder() -> None:
    """Raises UserError where the packages that decode and resize are missing."""
    with needs_extra("video", "decoding a video"):
        import av
        import cv2
    del av, cv2


@contextmanager
def open_video(path: Path) -> Iterator[tuple[Any, Any]]:
    """The container of a video, and its first stream of pictures.

    Raises:
        UserError: no file, no video, nothing but sound, pictures that cannot be decoded here, or
            the package that decodes is missing.
    """
    with needs_extra("video", "decoding a video"):
        import av
    with open_file(path, "a video") as file:
        head = file.read(_HEAD_BYTES)
    try:
        container = av.open(f"file:{path}", metadata_errors="replace")
    except av.error.FFmpegError as error:
        raise UserError(
            f"{path} cannot be opened as a video ({_reason(error)}; it is {kind_of_content(head)}, "
            f"{path.stat().st_size} bytes); give a whole video file, such as .mkv or .mp4"
        ) from None
    with container:
        cover = av.stream.Disposition.attached_pic
        streams = [each for each in container.streams.video if not each.disposition & cover]
        if not streams:
            found = "only sound" if container.streams.audio else "none"
            raise UserError(f"expected pictures in {path}, found {found}; give a video file")
        stream = streams[0]
        if stream.codec_context is None:
            raise UserError(
                f"no decoder is here for the pictures in {path}; re-encode it, for example: ffmpeg "
                "-i VIDEO -c:v libx264 NEW.mkv"
            )
        stream.thread_type = "AUTO"
        yield container, stream


def look_through(path: Path) -> VideoFacts:
    """Reads a video's header and packets. Raises UserError as `open_video`, and if it is empty."""
    with open_video(path) as (container, stream):
        rate = float(stream.guessed_rate or stream.average_rate or 0)
        found, of_decoding = array("q"), False
        for packet in packets_of(container, stream):
            if packet.size and not packet.is_discard:
                stamp = packet.dts if packet.pts is None else packet.pts
                found.append(_NO_STAMP if stamp is None else stamp)
                of_decoding |= packet.pts is None
        unit, length = stream.time_base, _shown_length(container.duration)
    if not found:
        raise UserError(f"{path} holds no frames; give a video that is whole")
    stamps = np.sort(np.array(found))
    own = not of_decoding and bool((np.diff(stamps) > 0).all())
    if stamps[0] != _NO_STAMP:
        times = (stamps - stamps[0]) * float(unit or 0)
    else:  # a bare stream of pictures
        times = np.arange(len(stamps)) / (rate or np.inf)
    if not rate and times[-1] > 0:
        rate = (len(times) - 1) / float(times[-1])
    if not rate and len(times) > 1:
        raise UserError(
            f"{path} has neither a frame rate nor timestamps; put it into a container, for "
            "example: ffmpeg -r 25 -i VIDEO -c copy NEW.mkv"
        )
    return VideoFacts(rate or 1.0, length, times, stamps if own else None)


def pictures(
    path: Path, facts: VideoFacts, wanted: NDArray[np.bool_] | None = None
) -> Iterator[Picture]:
    """Decodes a video, picture by picture, in the order in which they are shown.

    Packets that cannot be decoded are left out, and the log says how many. Timestamps that go back
    or jump far ahead are taken to go on.

    Args:
        facts: of `look_through`.
        wanted: for each of its times whether that picture is needed; the others may be left out,
            where that is faster and changes nothing in those that are needed. None: all are.
    """
    before, number, begin, origin, first = None, 0, 0.0, None, None
    rate, stamps = facts.rate, facts.stamps
    for frame in _frames(path, stamps, wanted):
        stamp = begin + 1 / rate if before is not None else 0.0
        if frame.pts is not None:
            second = frame.time or 0.0
            if origin is None or not 0 <= second - origin - begin <= _LONGEST_GAP:
                origin = second - stamp
            stamp = second - origin
        if before is not None:
            yield Picture(number, begin, stamp, before)
        before, number, begin = frame, number + 1, stamp
        if stamps is not None and wanted is not None and frame.pts is not None:
            place = int(np.searchsorted(stamps, frame.pts))
            first = place if first is None else first
            number = place - first + 1
    if before is not None:
        yield Picture(number, begin, begin + 1 / rate, before)


def _frames(
    path: Path, stamps: NDArray[np.int64] | None, wanted: NDArray[np.bool_] | None
) -> Iterator["av.VideoFrame"]:
    with open_video(path) as (container, stream):
        needed = None
        if stamps is not None and wanted is not None and stream.codec_context.name in _SKIPPING:
            needed = {*stamps[wanted].tolist()}
        damaged = 0
        for read, packet in enumerate(packets_of(container, stream)):
            if needed is not None and read > _ALL_DECODED:
                skip = "NONREF" if packet.size and packet.pts not in needed else "DEFAULT"
                stream.codec_context.skip_frame = skip
            frames = frames_of(packet)
            damaged += frames is None
            yield from frames or ()
        if damaged:
            log.warning("%s: %d packets are damaged; what they showed is left out", path, damaged)


def frames_of(packet: Any) -> Sequence[Any] | None:
    """The frames, or the sound, that a packet completes; None if it cannot be decoded."""
    import av

    try:
        return packet.decode()
    except av.error.FFmpegError as error:
        _require_content(error)
        return None


def packets_of(container: Any, stream: Any) -> Iterator[Any]:
    """Packets of a stream, up to where the file can be read no more; the last one is empty."""
    import av

    try:
        yield from container.demux(stream)
    except av.error.FFmpegError as error:
        _require_content(error)
        log.warning("%s cannot be read to its end", container.name.removeprefix("file:"))


def _require_content(error: Exception) -> None:
    """Raises an error again if it is of disk or memory, and not of what stands in a video."""
    of_machine = isinstance(error, OSError) and error.errno not in _OF_CONTENT
    if of_machine or isinstance(error, MemoryError):
        raise error


def _shown_length(microseconds: int | None) -> float | None:
    """Seconds as ffmpeg prints them, in hundredths: the published length of a video."""
    if microseconds is None or microseconds <= 0:
        return None
    minutes, hundredths = divmod((microseconds + 5000) // 10_000, 6000)
    return 60.0 * minutes + hundredths / 100


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).lower()
