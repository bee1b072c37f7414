"""The spots of one file: results, the spots.json of common.spot, labels, or corrections."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from common.data.events import MOST_HALVES, V2_NAMES, EventClasses, event_classes
from common.data.games import check_relative_path
from common.errors import UserError
from common.files import parse_json, read_whole
from common.results.operating_points import POINT_FILE, saved_classes
from common.spots.corrections import OPEN, REJECTED, is_corrections, parse_corrections
from common.spots.moments import Moment
from common.spots.parsing import parse_annotations, parse_spots, tell_left_out
from common.spots.spotted_games import SpottedGames, published_classes


def open_file_of_spots(
    path: Path, SoccerNet_path: Path | None, version: int | None
) -> SpottedGames:
    """The game of one file, with the classes that it names unless data root or version tell them.

    Of corrections, what somebody has accepted, moved or added counts as annotated by hand and has
    no confidence; what was rejected is left out. Annotations of labels count as spots.

    Args:
        path: results_spotting.json, spots.json of common.spot, labels, or corrections.
        SoccerNet_path: data root, with the game's annotations.
        version: of SoccerNet, 1 or 2.

    Raises:
        UserError: the file is none of these, or malformed.
    """
    content, source = read_whole(path, "spots"), str(path)
    parsed = parse_json(content, source)
    outputs = [each for each in path.resolve().parents if each.name.startswith("outputs_")]
    run = outputs[0].parent if outputs else None
    read, labels = _reader(parsed, content, source)
    if SoccerNet_path is not None:
        classes = event_classes(SoccerNet_path, version or 2)
    elif version is not None:
        classes = published_classes(version)
    else:
        classes = EventClasses(_ordered(labels, run), halves=MOST_HALVES)
    game = _game_of(parsed.get("game") or parsed.get("UrlLocal"), source)
    root = SoccerNet_path if game else None
    if not game:
        game = outputs[0].name.removeprefix("outputs_") if outputs else path.stem
    return SpottedGames(game, classes, (game,), root, run, lambda _: read(classes=classes))


def _reader(parsed: Any, content: bytes, source: str) -> tuple[Any, set[str]]:
    """What reads the spots of a file, given classes, and the labels that it names.

    Raises UserError for a file of another kind.
    """
    if is_corrections(parsed):
        moments = kept_by_hand(content, source)
        return partial(_of_classes, moments, source), {each.label for each in moments}
    fields = parsed if isinstance(parsed, dict) else {}
    if isinstance(fields.get("spots"), list):
        content = _as_result_file(fields["spots"], source)
        return partial(parse_spots, content, source), _named(fields["spots"], "class")
    for key, parse in (("predictions", parse_spots), ("annotations", parse_annotations)):
        if isinstance(fields.get(key), list):
            return partial(parse, content, source), _named(fields[key], "label")
    raise UserError(
        f'{source} has no list "predictions", "spots" or "annotations"; give a result file, '
        "labels, or a run"
    )


def kept_by_hand(content: bytes, source: str) -> list[Moment]:
    """The spots of a file of corrections that were not rejected; see `open_file_of_spots`."""
    return [
        each.moment if each.state == OPEN else replace(each.moment, confidence=None)
        for each in parse_corrections(content, source).spots
        if each.state != REJECTED
    ]


def _of_classes(moments: Sequence[Moment], source: str, classes: EventClasses) -> list[Moment]:
    others = (each.label for each in moments if each.label not in classes.names)
    tell_left_out(source, Counter(others))
    return [each for each in moments if each.label in classes.names]


def _named(entries: Sequence[Any], key: str) -> set[str]:
    found = (each.get(key) for each in entries if isinstance(each, dict))
    return {label for label in found if isinstance(label, str)}


def _game_of(url: Any, source: str) -> str:
    """The game that a file names; empty where it names none."""
    game = url.rstrip("/") if isinstance(url, str) else ""
    return check_relative_path(game, source) if game else ""


def _as_result_file(spots: list[Any], source: str) -> bytes:
    """The spots.json of common.spot, as a result file."""
    import orjson

    try:
        entries = [
            {"half": each["half"], "position": each["milliseconds"], "label": each["class"],
             "confidence": str(each["confidence"])}
            for each in spots
        ]  # fmt: skip
    except (KeyError, TypeError) as error:
        raise UserError(f"{source} holds a spot without {error}; spot once more") from None
    return orjson.dumps({"predictions": entries})


def _ordered(labels: set[str], run: Path | None) -> tuple[str, ...]:
    """Classes in the order of the run's thresholds, or of SoccerNet-v2; others by name.

    A file without a spot names none, and has those of the run or of SoccerNet-v2.
    """
    first: Sequence[str] = V2_NAMES
    if run is not None and (path := run / POINT_FILE).is_file():
        first = saved_classes(path)
    if labels.isdisjoint(first) and labels:
        return tuple(sorted(labels))
    return (*first, *sorted(labels - {*first}))
