"""Clips and reels: moments as pieces of their videos."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from common.errors import UserError, counted, log
from common.spots.file_names import file_name
from common.spots.moments import Moment
from common.spots.timing import Timing, clock
from common.video.excerpts import Excerpt, NoPicturesError, VideoSource, look_at

WriteFilm = Callable[[Path, Sequence[Excerpt], Mapping[Path, VideoSource]], float]


def sources_of(videos: Mapping[int | None, Path]) -> dict[Path, VideoSource]:
    """What has to be known of the videos. Raises UserError for what is none."""
    return {path: look_at(path) for path in videos.values()}


def pieces_of(
    moments: Iterable[Moment],
    timing: Timing,
    videos: Mapping[int | None, Path],
    sources: Mapping[Path, VideoSource],
) -> list[tuple[Moment, Excerpt]]:
    """The piece of its video that each moment is shown in, by half and position.

    Moments behind the end of their video are left out, which the log says.

    Raises:
        UserError: a moment's half has no video.
    """
    pieces = []
    behind = 0
    for moment in sorted(moments, key=lambda each: (each.half, each.position_ms)):
        video = videos.get(None if timing.one_file else moment.half)
        if video is None:
            raise UserError(
                f"there are spots in half {moment.half} and no video of it; give --video a file "
                "for each half, or one file and --kick_off of each half in it"
            )
        start, end = (ms / 1000 for ms in timing.span_ms(moment))
        last = sources[video].facts.seconds
        if start < last:
            pieces.append((moment, Excerpt(video, start, min(end, last))))
        else:
            behind += 1
    if behind:
        log.warning("%s behind the end of the video: left out", counted(behind, "spot"))
    return pieces


def write_clips(
    folder: Path,
    pieces: Sequence[tuple[Moment, Excerpt]],
    sources: Mapping[Path, VideoSource],
    write: WriteFilm,
    done: Callable[[], object],
) -> list[str]:
    """Writes a file for each piece, named by number, half, time and class. Returns the names.

    The log names pieces of which nothing can be decoded.

    Args:
        done: called after each.
    """
    written = []
    for number, (moment, excerpt) in enumerate(pieces, 1):
        at = clock(moment.position_ms).replace(":", "m")
        name = f"{number:03d}_{moment.half}_{at}s_{file_name(moment.label)}.mp4"
        try:
            write(folder / name, [excerpt], sources)
            written.append(name)
        except NoPicturesError as error:
            log.warning("%s: %s", name, error)
        done()
    return written


def joined(excerpts: Iterable[Excerpt]) -> list[Excerpt]:
    """Pieces in their order, those that overlap or touch the one before as one: nothing twice."""
    found: list[Excerpt] = []
    for each in excerpts:
        before = found[-1] if found else None
        if before and before.video == each.video and before.start <= each.start <= before.end:
            found[-1] = Excerpt(each.video, before.start, max(before.end, each.end))
        else:
            found.append(each)
    return found
