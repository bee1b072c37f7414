"""Where the players of a half are in the picture, their colours, and how the camera stood.

The box and calibration files are JSON of tens of MB per half. They are parsed once into arrays and
kept in a cache file, which is mapped into memory from then on.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.calibration.player_json import is_parsed, parse_players
from common.calibration.sealed_arrays import map_sealed, stamp, write_sealed
from common.errors import UserError, log

# Names without the number of the half, as today and in older releases.
BOX_FILES = ("player_boundingbox_maskrcnn.json", "HQ_25_player_bbox.json")
CALIBRATION_FILES = (
    "field_calib_ccbv.json",
    "field_calibration_ccbv.json",
    "HQ_25calibration.json",
)
TEACHER_FILES = ("HQ_25_teacher_calibration.json",)
CONFIDENT, TEACHER_CONFIDENT = 0.75, 0.45  # calibrations from this confidence on are used

_VERSION = 2  # of the cache file
warned_folders: set[Path] = set()  # of caches that cannot be written to: one warning each


@dataclass(frozen=True)
class Players:
    """Boxes and camera of each frame of a half, at the rate of the features.

    Frames behind the end of either list have no boxes, or no camera.
    """

    offsets: NDArray[np.int64]  # [n + 1], where the boxes of each frame begin
    boxes: NDArray  # [K, 4] x1, y1, x2, y2 in pixels of the box picture
    colours: NDArray  # [K, 3], 0…255, in the order of the file
    inverses: NDArray[np.float64]  # [m, 3, 3] from picture to pitch; NaN where there is none
    confidences: NDArray[np.float64]  # [m] of the calibration, 0…1; -1 where there is none
    box_picture: tuple[int, int]  # height, width
    camera_picture: tuple[int, int]
    digest: str = ""  # of the files

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray], facts: Mapping[str, Any]) -> "Players":
        """Players of arrays and picture sizes, as `parse_players` gives them."""
        return cls(
            arrays["offsets"],
            arrays["boxes"],
            arrays["colours"],
            arrays["inverses"],
            arrays["confidences"],
            tuple(facts["box_picture"]),
            tuple(facts["camera_picture"]),
            "".join(facts.get("digest", "")),
        )

    def first(self, frames: int) -> "Players":
        """The same without the boxes of frames behind so many."""
        return replace(self, offsets=self.offsets[: frames + 1])

    def calibrated(self, frames: NDArray[np.int64], confident: float) -> NDArray[np.bool_]:
        """Whether the camera of each of these frames is known well enough."""
        known = frames < len(self.confidences)
        at = np.minimum(frames, len(self.confidences) - 1)
        if not len(self.confidences):
            return known
        found = (self.confidences[at] >= confident) & np.isfinite(self.inverses[at, 0, 0])
        return known & found

    def boxes_of(self, frames: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Numbers of the boxes in these frames, and for each its place among `frames`."""
        last = len(self.offsets) - 1
        begin = self.offsets[np.minimum(frames, last)]
        count = self.offsets[np.minimum(frames + 1, last)] - begin
        place = np.repeat(np.arange(len(frames)), count)
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        return np.repeat(begin, count) + within, place


def open_players(
    game_folder: Path, half: int, cache_dir: Path | None = None, teacher: bool = False
) -> Players:
    """Players of a half, from the cache file if it is there and of these files, else from JSON.

    Args:
        cache_dir: folder for cache files, laid out as the data; None keeps them beside the data.
        teacher: read the calibration of the teacher network.

    Raises:
        UserError: a file is missing or malformed.
    """
    sources = _sources(game_folder, half, teacher)
    name = f".{half}_players{'_teacher' if teacher else ''}.cache"
    cache = cache_folder(game_folder, cache_dir) / name
    stamps = [stamp(path) for path in sources]
    found = map_sealed(cache)
    if found and not _is_ours(*found):  # whoever sealed it
        found = None
    if found and found[1].get("version") == _VERSION and found[1].get("stamp") == stamps:
        return Players.of_arrays(*found)
    contents = [path.read_bytes() for path in sources]
    digest = [hashlib.blake2b(content, digest_size=16).hexdigest() for content in contents]
    if found and found[1].get("digest") == digest:
        arrays, facts = found  # copied or touched, but the same
    else:
        arrays, facts = parse_players(contents, [str(path) for path in sources])
    facts = {**facts, "version": _VERSION, "stamp": stamps, "digest": digest}
    try:
        write_sealed(cache, arrays, facts)
    except OSError as error:
        if cache.parent.parent not in warned_folders:
            warned_folders.add(cache.parent.parent)
            log.warning(
                "cannot keep %s (%s): boxes are parsed anew in each run; give --cache_dir a folder "
                "that can be written to",
                cache,
                error.strerror,
            )
        return Players.of_arrays(arrays, facts)
    return Players.of_arrays(*(map_sealed(cache) or (arrays, facts)))


def _is_ours(arrays: Mapping[str, NDArray], facts: Mapping[str, Any]) -> bool:
    """Whether a cache holds what `open_players` keeps."""
    digest = facts.get("digest")
    texts = isinstance(digest, list) and all(isinstance(each, str) for each in digest)
    return texts and is_parsed(arrays, facts)


def read_players(game_folder: Path, half: int) -> Players:
    """Players of a half from JSON, leaving no cache file behind. Raises as `open_players`."""
    sources = _sources(game_folder, half)
    contents = [path.read_bytes() for path in sources]
    return Players.of_arrays(*parse_players(contents, [str(path) for path in sources]))


def _sources(folder: Path, half: int, teacher: bool = False) -> tuple[Path, Path]:
    """The box file and the calibration file of a half."""
    calibrations = TEACHER_FILES if teacher else CALIBRATION_FILES
    return _find(folder, half, BOX_FILES), _find(folder, half, calibrations)


def player_files(teacher: bool = False) -> tuple[str, str]:
    """Names of box and calibration file as of today, without the half's number."""
    return BOX_FILES[0], (TEACHER_FILES if teacher else CALIBRATION_FILES)[0]


def refuse_players(branch: str | None, teacher: bool) -> None:
    """Raises UserError for a network that looks at players, of which features and videos show none.

    Args:
        branch: that looks at them; None: the network sees features alone.
    """
    if branch is None:
        return
    names = " and ".join(f"{{1,2}}_{name}" for name in player_files(teacher))
    raise UserError(
        f"this network looks at players (--backbone_player {branch}), and files given one by one "
        f"show none: it needs {names} beside the features in the folder of a game, also where they "
        'lie beside the video; name that game in a splits.json, {"mine": ["league/season/game"]}, '
        "labels are not needed, and spot with --SoccerNet_path, --test_only and --split_test mine "
        "(commands in docs/own_video.md); networks without --backbone_player need no players"
    )


def missing_player_files(game_folder: Path, halves: int, teacher: bool = False) -> list[Path]:
    """Box and calibration files that a game lacks, by their names of today."""
    calibrations = TEACHER_FILES if teacher else CALIBRATION_FILES
    return [
        game_folder / f"{half}_{names[0]}"
        for half in range(1, halves + 1)
        for names in (BOX_FILES, calibrations)
        if not any((game_folder / f"{half}_{name}").is_file() for name in names)
    ]


def _find(folder: Path, half: int, names: Sequence[str]) -> Path:
    for name in names:
        if (path := folder / f"{half}_{name}").is_file():
            return path
    raise UserError(
        f"expected {folder / f'{half}_{names[0]}'}, found no such file; put it there, or leave out "
        "--backbone_player"
    )


def cache_folder(game_folder: Path, cache_dir: Path | None) -> Path:
    """Where cache files of a game lie: beside its data, or as deep below `cache_dir`."""
    if cache_dir is None:
        return game_folder
    return cache_dir.joinpath(*game_folder.resolve().parts[-3:])  # league, season and game
