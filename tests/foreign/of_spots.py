"""Readers of what people and their tools hand back: corrections, edit lists, tasks, spots."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import orjson

from common.data.events import SOCCERNET_V2, V2_NAMES
from common.export.texts import TEXTS, Screening, Subject
from common.relabel.labels import relabel
from common.relabel.reading import EditLists, read_corrections
from common.spots.corrections import (
    ACCEPTED,
    ADDED,
    Correction,
    Corrections,
    format_corrections,
    origin_of,
    parse_corrections,
)  # fmt: skip
from common.spots.file_names import file_name
from common.spots.label_file import label_file
from common.spots.label_studio import Film, label_studio
from common.spots.moments import Moment
from common.spots.run_games import find_games, thresholds_of
from common.spots.sportscode import sportscode
from common.spots.spotted_games import SpottedGames
from common.spots.timing import Timing
from common.watch.page_data import page_data
from common.watch.videos import GivenVideos
from foreign.reader import GAME, Reader, given, put, told

_MOMENTS = (
    Moment(1, 7320, "Goal", 0.75, "visible", "home"),
    Moment(1, 9000, "Foul"),
    Moment(2, 0, "Yellow->red card", 0.5),
)
_APART, _ONE_FILE = Timing(), Timing((1000, 3_000_000), one_file=True)


def _relabelled(name: str, content: bytes, folder: Path) -> None:
    """A file into the labels of a game, as common.relabel does it."""
    path = put(folder / name, content)
    put(folder / GAME / "Labels-v2.json", label_file(GAME, _MOMENTS).encode())
    put(folder / "splits.json", orjson.dumps({"train": [GAME]}))
    for game, timing in ((GAME, _APART), (GAME, _ONE_FILE), (None, _APART)):
        lists = EditLists(timing, (path,) if name.endswith(".xml") else ())
        read = told(read_corrections, [path], folder, SOCCERNET_V2, game, lists)
        for each, spots in (read or {}).items():
            told(relabel, folder, each, spots, SOCCERNET_V2, 1000)


def _corrections(content: bytes, folder: Path) -> None:
    _relabelled("corrections.json", content, folder)
    if (read := told(parse_corrections, content, "it")) is not None:
        format_corrections(read).encode()
    _single(content, folder)


def _correction_files(folder: Path) -> Sequence[bytes]:
    spots = [Correction(each, ACCEPTED, origin_of(each)) for each in _MOMENTS]
    spots.append(Correction(Moment(2, 5, "Corner"), ADDED, None))
    return [format_corrections(Corrections(GAME, tuple(spots))).encode()]


def _edit_lists(folder: Path) -> Sequence[bytes]:
    return [sportscode(_MOMENTS, timing, V2_NAMES).encode() for timing in (_APART, _ONE_FILE)]


def _tasks(folder: Path) -> Sequence[bytes]:
    found = []
    for half, timing in ((1, _APART), (None, _ONE_FILE)):
        film = Film("v.mp4", half, _MOMENTS)
        text = label_studio(GAME, [film], timing, frame_rate=25, model="run")
        tasks = orjson.loads(text)
        tasks[0]["annotations"] = [tasks[0]["predictions"][0]]
        found.append(orjson.dumps(tasks))
    return found


def _single(content: bytes, folder: Path) -> None:
    """One file of spots, as common.export and common.watch read it."""
    path = put(folder / "spots.json", content)
    for version in (None, 1, 2):
        if (found := told(find_games, path, version=version)) is not None:
            told(_exported, found)
            limits, _ = thresholds_of(found, None)
            told(page_data, found, limits, GivenVideos(()), folder / "page.html")


def _exported(found: SpottedGames) -> None:
    (game,) = found.games
    read = found.read(game)
    for screening in (Screening(videos={}), Screening(kick_off_ms=(0, 2_700_000), videos={})):
        moments = (*read.detections, *read.annotations)
        subject = Subject(game, file_name(game), found.classes, moments, found.name)
        for kind, write in TEXTS.items():
            for text in (told(write, subject, screening) or {}).values():
                assert isinstance(text.encode(), bytes), kind


def _single_files(folder: Path) -> Sequence[bytes]:
    spot = {"half": 1, "milliseconds": 7320, "class": "Goal", "confidence": 0.5}
    detection = {"half": "1", "position": "7320", "label": "Goal", "confidence": "0.5"}
    return [
        orjson.dumps({"game": GAME, "spots": [spot] * 2}),
        orjson.dumps({"UrlLocal": f"{GAME}/", "predictions": [detection] * 2}),
        label_file(GAME, _MOMENTS).encode(),
    ]


_XML = (
    "<instance>", "</instance>", "<!DOCTYPE", "<label>", "<group>half</group>", "<text>9</text>",
    "&#0;", 'encoding="utf-16"', "<start>1e999</start>", "<end>nan</end>", "<code>",
)  # fmt: skip
READERS = {
    "corrections": Reader(_corrections, _correction_files, ("state", "from", "accepted", "open")),
    "edit lists": Reader(partial(_relabelled, "game_1.xml"), _edit_lists, _XML),
    "tasks of Label Studio": Reader(
        partial(_relabelled, "tasks.json"), _tasks, ("timelinelabels", "kick_off_ms", "frame_rate")
    ),
    "labels handed back": Reader(
        partial(_relabelled, "labels.json"),
        given(label_file(GAME, _MOMENTS).encode(), label_file("/", _MOMENTS[:1]).encode()),
    ),
    "files of spots": Reader(_single, _single_files, ("milliseconds", "UrlLocal", "spots")),
}
