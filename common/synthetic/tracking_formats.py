"""Files of tracking data: whose they are, told by their content, and kloppy's dataset of them."""

import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from common.errors import UserError, counted, needs_extra

# What the description of a match holds near its beginning, by provider: one of these sets of words.
_MARKS: dict[str, list[tuple[bytes, ...]]] = {
    "SkillCorner": [(b'"pitch_length"', b'"home_team"')],
    "Sportec": [(b"<MatchInformation",)],
    "TRACAB": [(b"<TracabMetaData",), (b"<OptaMetaData",), (b"PitchLongSide",)],
    "Metrica": [(b"FIFADataTransferFormat",)],
}
_FRAMES = b'"FrameData"'  # TRACAB's positions repeat the description behind them
_HAWK_EYE, _PLAYERS = b'"heId"', b'"jerseyNumber"'  # in all its files; in those of the players
_BEGINNING = 1 << 18  # bytes
_EXPECTED = (
    "expected the description of a match and its positions by SkillCorner (JSON, JSON lines), "
    "Sportec/DFL (XML), TRACAB (XML or JSON, dat) or Metrica (EPTS), two CSV files by Metrica, or "
    "as many files of the ball as of the players' centroids by Hawk-Eye"
)
_METRES = "secondspectrum"  # kloppy's name for metres from the centre spot, y upward


def open_dataset(paths: Sequence[Path]) -> Any:
    """The dataset of kloppy, in metres from the centre spot, of the files of a match in any order.

    Raises:
        UserError: kloppy is not installed, the files are of no format that is known, or broken.
    """
    with needs_extra("tracking", "--tracking"):
        from kloppy import hawkeye, metrica, skillcorner, sportec, tracab
    heads = {path: _head(path) for path in paths}
    provider, groups = _recognise(heads)
    load = {
        "SkillCorner": skillcorner.load,
        "Sportec": sportec.load_tracking,
        "TRACAB": tracab.load,
        "Metrica": metrica.load_tracking_epts,
        "Metrica CSV": metrica.load_tracking_csv,
        "Hawk-Eye": hawkeye.load,
    }[provider]
    try:
        with warnings.catch_warnings(), ExitStack() as files:
            warnings.simplefilter("ignore")  # sizes and sides that are not told: see tracked_match
            if provider == "Hawk-Eye":  # of which it wants paths
                rest = [path for path in heads if not any(path in group for group in groups)]
                return load(*groups, *rest, coordinates=_METRES)
            opened = [files.enter_context(path.open("rb")) for group in groups for path in group]
            return load(*opened, coordinates=_METRES)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # what is wrong in a file comes out as any of them
        reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}"
        names = " and ".join([*map(str, heads)][:2])
        raise UserError(f"{names} cannot be read as {provider} tracking data ({reason})") from None


def _head(path: Path) -> bytes:
    if not path.is_file():
        raise UserError(f"expected a file of tracking data at {path}, found none; see --tracking")
    with path.open("rb") as file:
        return file.read(_BEGINNING)


def _recognise(heads: Mapping[Path, bytes]) -> tuple[str, list[list[Path]]]:
    """Provider and files, in the groups that kloppy takes: the description or the ball first."""
    paths = sorted(heads)
    ours = [path for path in paths if _HAWK_EYE in heads[path]]
    players = [path for path in ours if _PLAYERS in heads[path]]
    balls = [path for path in ours if path not in players]
    if players and len(balls) == len(players) and len(paths) <= len(ours) + 1:
        return "Hawk-Eye", [balls, players]  # names sort both in the order of minutes
    found = [
        (provider, path)
        for path in paths
        for provider, sets in _MARKS.items()
        if _FRAMES not in heads[path]
        and any(all(word in heads[path] for word in words) for words in sets)
    ]
    if len(paths) == 2 and len({path for _, path in found}) == 1:
        provider, description = found[0]
        return provider, [[description], [path for path in paths if path != description]]
    lines = {path: heads[path].partition(b"\n")[0] for path in paths}
    home = [path for path in paths if b",Home," in lines[path]]
    away = [path for path in paths if b",Away," in lines[path]]
    if len(paths) == 2 and len(home) == len(away) == 1:
        return "Metrica CSV", [home, away]
    names = ", ".join(path.name for path in paths)
    described = ""
    if len(found) == len(paths) == 1:
        described = f", the description of {found[0][0]} without its frames"
    elif found:
        described = f", {counted(len(found), 'description')} among them"
    raise UserError(f"--tracking: {_EXPECTED}; found {names}{described}")
