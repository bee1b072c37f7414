"""Tasks of Label Studio: spots as single frames of a `TimelineLabels` control on a video."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor
from typing import Any
from xml.sax.saxutils import quoteattr

from common.spots.label_file import as_json
from common.spots.moments import Moment
from common.spots.timing import Timing, game_time
from common.spots.wording import confidence_number

CONTROL, OBJECT = "spots", "video"
_KIND = "timelinelabels"


@dataclass(frozen=True)
class Film:
    """A video of a game as Label Studio knows it.

    Attributes:
        video: its name or address, the value of $video.
        half: whose video it is; None: all halves are in it.
        moments: of this video.
    """

    video: str
    half: int | None
    moments: tuple[Moment, ...]


def label_studio(
    game: str, films: Sequence[Film], timing: Timing, *, frame_rate: float, model: str
) -> str:
    """A game's videos as tasks to import: detections are predictions, annotations annotations.

    Frames count from 1: floor(file_ms * frame_rate / 1000) + 1, in doubles, multiplied first. What
    was written stands in data.exported once more with its milliseconds, so that what nobody moves
    comes back exactly. JSON as `as_json`.

    Args:
        frame_rate: that of the Video tag, see `labelling`.
        model: told as the model_version of the predictions.
    """
    return as_json([_task(game, film, timing, frame_rate, model) for film in films])


def labelling(classes: Iterable[str], frame_rate: float) -> str:
    """The labelling interface, to paste into the settings of a project."""
    labels = "".join(f"    <Label value={quoteattr(name)}/>\n" for name in classes)
    rate = _plain(frame_rate)
    return (
        f'<View>\n  <TimelineLabels name="{CONTROL}" toName="{OBJECT}">\n{labels}'
        f'  </TimelineLabels>\n  <Video name="{OBJECT}" value="$video" frameRate="{rate}"/>\n'
        "</View>\n"
    )


def frame_of(file_ms: int, frame_rate: float) -> int:
    """The frame on screen, counted from 1."""
    return floor(file_ms * frame_rate / 1000) + 1


def middle_ms(frame: int, frame_rate: float) -> int:
    """The middle of a frame, counted from 1, in milliseconds of the file."""
    return floor((frame - 0.5) * 1000 / frame_rate + 0.5)


def _plain(number: float) -> float:
    return int(number) if float(number).is_integer() else number


def _task(game: str, film: Film, timing: Timing, rate: float, model: str) -> dict[str, Any]:
    ordered = sorted(film.moments, key=timing.file_ms)
    numbered = [(number, each) for number, each in enumerate(ordered, 1)]
    found = [_region(n, each, timing, rate) for n, each in numbered if each.confidence is not None]
    known = [_region(n, each, timing, rate) for n, each in numbered if each.confidence is None]
    task: dict[str, Any] = {
        "data": {
            "video": film.video,
            "game": game,
            "half": film.half,
            "kick_off_ms": list(timing.kick_off_ms),
            "frame_rate": _plain(rate),
            "exported": [_exported(n, each, timing, rate) for n, each in numbered],
        }
    }
    if found or not known:
        task["predictions"] = [{"model_version": model, "result": found}]
    if known:
        task["annotations"] = [{"result": known}]
    return task


def _region(number: int, moment: Moment, timing: Timing, rate: float) -> dict[str, Any]:
    frame = frame_of(timing.file_ms(moment), rate)
    region: dict[str, Any] = {
        "id": str(number),
        "from_name": CONTROL,
        "to_name": OBJECT,
        "type": _KIND,
        "value": {"ranges": [{"start": frame, "end": frame}], _KIND: [moment.label]},
        "meta": {"text": [game_time(moment.half, moment.position_ms)]},
    }
    if moment.confidence is not None:
        region["score"] = confidence_number(moment.confidence)
    return region


def _exported(number: int, moment: Moment, timing: Timing, rate: float) -> dict[str, Any]:
    return {
        "id": str(number),
        "frame": frame_of(timing.file_ms(moment), rate),
        "half": moment.half,
        "position": moment.position_ms,
        "label": moment.label,
        "confidence": confidence_number(sure) if (sure := moment.confidence) is not None else None,
        "visibility": moment.visibility,
        "team": moment.team,
    }
