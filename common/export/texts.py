"""The text files that a game's moments become, by their names."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.data.events import EventClasses
from common.data.games import check_relative_path
from common.errors import UserError, log
from common.export.earlier import ENDINGS
from common.spots.chapters import LEAST_CHAPTERS, LONGEST_TEXT, youtube
from common.spots.csv_table import csv_table
from common.spots.label_file import label_file
from common.spots.label_studio import Film, label_studio
from common.spots.moments import Moment
from common.spots.sportscode import sportscode
from common.spots.subtitles import srt, webvtt
from common.spots.timing import Timing, by_video, share_a_file


@dataclass(frozen=True, kw_only=True)
class Screening:
    """How the moments of games are shown in their videos.

    Attributes:
        kick_off_ms: of each half, in its video.
        lead_ms, lag_ms: before and after a spot; None: what suits the format.
        videos: by half; under None one that holds all halves. Empty: their names are not known.
        frame_rate: of a video in Label Studio.
    """

    kick_off_ms: tuple[int, ...] = ()
    lead_ms: int | None = None
    lag_ms: int | None = None
    videos: Mapping[int | None, Path]
    frame_rate: float = 25

    def timing(self, moments: Sequence[Moment], lead_ms: int, lag_ms: int) -> Timing:
        """Times of a game's moments; lead and lag are those that suit the format."""
        one_file = None in self.videos if self.videos else share_a_file(self.kick_off_ms, moments)
        return Timing(
            self.kick_off_ms,
            lead_ms if self.lead_ms is None else self.lead_ms,
            lag_ms if self.lag_ms is None else self.lag_ms,
            one_file,
        )


@dataclass(frozen=True)
class Subject:
    """A game that is written about.

    Attributes:
        game: its path.
        name: of its files.
        model: that made the detections, by name.
    """

    game: str
    name: str
    classes: EventClasses
    moments: Sequence[Moment]
    model: str


def _edit_lists(subject: Subject, screening: Screening) -> dict[str, str]:
    names = subject.classes.names
    return _of_videos(
        subject, screening, (10_000, 10_000), ENDINGS["sportscode"],
        lambda moments, timing: sportscode(moments, timing, names),
    )  # fmt: skip


def _webvtt(subject: Subject, screening: Screening) -> dict[str, str]:
    return _of_videos(subject, screening, (0, 4_000), ENDINGS["webvtt"], webvtt)


def _srt(subject: Subject, screening: Screening) -> dict[str, str]:
    return _of_videos(subject, screening, (0, 4_000), ENDINGS["srt"], srt)


def _youtube(subject: Subject, screening: Screening) -> dict[str, str]:
    """Of videos with enough chapters; says on the log which have too few, and which too many."""
    texts = _of_videos(subject, screening, (10_000, 10_000), ENDINGS["youtube"], youtube)
    for name, text in list(texts.items()):
        if (number := text.count("\n")) < LEAST_CHAPTERS:
            log.warning(
                "%s: not written, for YouTube shows chapters from %d on, and there are %d; a lower "
                "--threshold gives more", name, LEAST_CHAPTERS, number,
            )  # fmt: skip
            del texts[name]
        elif len(text) > LONGEST_TEXT:
            log.warning(
                "%s has %d characters, and a description on YouTube at most %d; a higher "
                "--threshold gives fewer chapters", name, len(text), LONGEST_TEXT,
            )  # fmt: skip
    return texts


def _of_videos(
    subject: Subject,
    screening: Screening,
    around: tuple[int, int],
    ending: str,
    write: Callable[[Sequence[Moment], Timing], str],
) -> dict[str, str]:
    """A text for each video, named after the game and its half."""
    timing = screening.timing(subject.moments, *around)
    return {
        f"{subject.name}{_tail(half)}{ending}": write(moments, timing)
        for half, moments in by_video(subject.moments, timing).items()
    }


def _tail(half: int | None) -> str:
    return "" if half is None else f"_{half}"


def _csv(subject: Subject, screening: Screening) -> dict[str, str]:
    timing = screening.timing(subject.moments, 0, 0)
    return {f"{subject.name}.csv": csv_table(subject.game, subject.moments, timing)}


def _soccernet(subject: Subject, screening: Screening) -> dict[str, str]:
    game = check_relative_path(subject.game, "the list of games")
    return {f"{game}/{subject.classes.label_file}": label_file(subject.game, subject.moments)}


def _label_studio(subject: Subject, screening: Screening) -> dict[str, str]:
    timing = screening.timing(subject.moments, 0, 0)
    films = [
        Film(_film_name(subject, screening, half), half, tuple(moments))
        for half, moments in by_video(subject.moments, timing).items()
    ]
    rate = screening.frame_rate
    text = label_studio(subject.game, films, timing, frame_rate=rate, model=subject.model)
    return {f"{subject.name}.labelstudio.json": text}


def _film_name(subject: Subject, screening: Screening, half: int | None) -> str:
    path = screening.videos.get(half)
    return path.name if path else f"{subject.name}{_tail(half)}.mp4"


TEXTS: Mapping[str, Callable[[Subject, Screening], dict[str, str]]] = {
    "sportscode": _edit_lists,
    "csv": _csv,
    "webvtt": _webvtt,
    "srt": _srt,
    "youtube": _youtube,
    "labelstudio": _label_studio,
    "soccernet": _soccernet,
}


def require_other_files(names: Sequence[str], folder: Path, root: Path | None) -> None:
    """Raises UserError if a file would replace one of the data set's."""
    for name in names:
        path = folder / name
        if (
            root is not None
            and path.exists()
            and (root / name).exists()
            and path.samefile(root / name)
        ):
            raise UserError(
                f"{path} is of the data set itself; choose another --output, or merge corrections "
                "with python -m common.relabel"
            )
