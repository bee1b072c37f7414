"""Pieces of videos into one new file without decoding: they begin at key frames."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import UserError
from common.files import written_whole
from common.video.decoding import open_video, packets_of
from common.video.excerpts import Excerpt, VideoSource

_SPREAD_SECONDS = 2  # that sound may be stored behind its pictures
_BACK_SECONDS = (0.0, 15.0, 120.0)  # how far before a piece a key frame is looked for


def copy_film(
    path: Path, excerpts: Sequence[Excerpt], sources: Mapping[Path, VideoSource]
) -> float:
    """Writes pieces of one video one behind the other as mp4, without encoding anew.

    Each begins at the last key frame at or before its start, so it may be seconds longer than was
    asked for, and may end with a few more pictures, which others before them refer to. The file is
    written whole or not at all. Returns its seconds.

    Raises:
        UserError: pieces of several videos, a video without timestamps, or one whose pictures an
            mp4 cannot hold.
    """
    import av

    video = excerpts[0].video
    if any(each.video != video for each in excerpts):
        raise UserError(
            "without encoding anew only pieces of one video can be joined; pass --cut exact"
        )
    source = sources[video]
    if not source.seekable():
        raise UserError(f"{video} has no timestamps that tell its pictures; pass --cut exact")
    with written_whole(path) as temporary:
        try:
            with (
                open_video(video) as (container, stream),
                av.open(f"file:{temporary}", "w", format="mp4") as out,
            ):
                copies = _Copies(container, stream, out, source)
                for each in excerpts:
                    copies.add(each)
        except (av.error.FFmpegError, ValueError) as error:
            if isinstance(error, UserError | FileNotFoundError):
                raise
            raise UserError(
                f"{video} cannot be copied into an mp4 ({error}); pass --cut exact"
            ) from None
    return float(copies.seconds)


class _Copies:
    """The pictures and the sound of a video on their way into a file of `seconds` so far."""

    def __init__(self, container: Any, stream: Any, out: Any, source: VideoSource) -> None:
        self.seconds = Fraction(0)
        self._container, self._stream, self._out, self._source = container, stream, out, source
        assert source.facts.stamps is not None
        self._stamps = source.facts.stamps
        voices = [each for each in container.streams.audio if each.codec_context]
        self._wanted = [stream, *voices[:1]]
        self._copies = {each.index: out.add_stream_from_template(each) for each in self._wanted}

    def add(self, excerpt: Excerpt) -> None:
        """Copies the packets of a piece behind what is there."""
        first, stop = self._source.rows(excerpt.start, excerpt.end)
        begin, offset, over = Fraction(0), self.seconds, False
        copied, first_row, last_row = 0, 0, 0
        for packet in self._from_key(first):
            unit = Fraction(packet.time_base)
            of_pictures = packet.stream.index == self._stream.index
            if of_pictures:
                row = int(np.searchsorted(self._stamps, packet.pts))
                if not copied:
                    begin, first_row = packet.pts * unit, row
                # A picture is stored behind those that it refers to: none in between may lack.
                whole = copied > 0 and last_row - first_row + 1 == copied
                over |= whole and stop < len(self._stamps) and packet.dts >= self._stamps[stop]
                beyond = packet.dts * unit - begin - (self.seconds - offset)
                if over and (len(self._wanted) == 1 or beyond > _SPREAD_SECONDS):
                    return
            at = packet.pts * unit - begin
            # Pictures shown before the key frame refer to others, which are not copied.
            if at < 0 or (over and (of_pictures or at >= self.seconds - offset)):
                continue
            if of_pictures:
                copied, last_row = copied + 1, max(last_row, row)
                self.seconds = max(self.seconds, offset + at + (packet.duration or 0) * unit)
            shift = round((offset - begin) / unit)
            packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
            packet.stream = self._copies[packet.stream.index]
            self._out.mux(packet)

    def _from_key(self, row: int) -> Iterator[Any]:
        """Packets from the last key frame that is shown at or before a picture on; it is first."""
        stamps, begun = self._stamps, False
        for back in _BACK_SECONDS:
            stamp = max(int(stamps[0]), int(stamps[row]) - int(back / self._source.unit))
            self._container.seek(stamp, stream=self._stream, backward=True)
            for packet in packets_of(self._container, self._wanted):
                if packet.pts is None or packet.dts is None:
                    continue
                if not begun and packet.stream.index == self._stream.index and packet.is_keyframe:
                    if packet.pts > stamps[row]:
                        break
                    begun = True
                if begun:
                    yield packet
            if begun:
                return
