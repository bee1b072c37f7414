"""A miniature SoccerNet: invented games in the official layout, to try and to test everything on.

The events come in the real proportions (`game.py`), and the baselines can learn from the
features (`signals.py`). A game depends on the seed, its split, its number in that split
and the sizes asked for, and on nothing else.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.random import Generator
from numpy.typing import NDArray
from tqdm import tqdm

from common.calibration.players import player_files
from common.data.events import SOCCERNET_V1, SOCCERNET_V2, V2_NAMES
from common.data.games import OFFICIAL_SPLITS, read_splits
from common.errors import UserError
from common.files import write_bytes, write_json, written_whole
from common.synthetic.game import CHAMPIONSHIPS, HALVES, Game, draw_game, part_generator
from common.synthetic.players import draw_players, draw_tracked_players
from common.synthetic.signals import draw_codebook, draw_features
from common.synthetic.tracking import TrackedMatch

FEATURE_FILE = "Synthetic.npy"
_LEAST_FEATURES, _LEAST_BESIDE_PLAYERS = 16, 2  # per frame, that tell events apart
_PLAYERS_PART = 2  # parts of a game's randomness come after those of its halves

# Labels of SoccerNet-v1 for those classes of v2 that it has.
V1_LABELS = {
    "Goal": "soccer-ball",
    "Substitution": "substitution-in",
    "Yellow card": "y-card",
    "Red card": "r-card",
    "Yellow->red card": "yr-card",
}


def write_data_set(
    out: Path,
    games: Sequence[int],
    minutes: float,
    dim: int,
    *,
    seed: int = 0,
    framerate: float = 2,
    overwrite: bool = False,
    players: bool = False,
    tracking: TrackedMatch | None = None,
) -> dict[str, list[str]]:
    """Writes a data set to the folder `out`; returns the game paths of each split.

    `splits.json` comes last: a folder without it was interrupted.

    Args:
        out: the data root; must be new or empty, unless `overwrite`.
        games: number of train, valid, test and challenge games. The last have no labels.
        minutes: length of a half before stoppage time.
        dim: features per frame D, from 16 on; in fewer the events look alike, and only `players`
            tell them apart: then from 2 on.
        seed: another seed is another world, with other meanings of the features.
        framerate: frames per second; need not be whole.
        overwrite: write into a folder that holds files, replacing those of the same name.
        players: also write box and calibration files, about 14 MB per game of full length.
        tracking: write these files, too, but of the people of a real match. They know nothing of
            the invented spots, which then show in the features alone.
    """
    check_games(games, minutes, seed)
    if tracking is not None:
        tracking.check_minutes(minutes)
    _check_features(dim, framerate, players and tracking is None)
    claim_folder(out, overwrite)
    codebook = draw_codebook(part_generator(seed, len(OFFICIAL_SPLITS), 0, 0), dim)
    splits: dict[str, list[str]] = {split: [] for split in OFFICIAL_SPLITS}
    todo = [(split, index) for split, n in enumerate(games) for index in range(n)]
    for split, index in tqdm(todo, desc="writing games", unit="game", disable=None):
        game = draw_game(seed, split, index, minutes)
        folder = out / game.path
        for half in HALVES:
            rng = part_generator(seed, split, index, half)
            features = _half_features(rng, codebook, game, half, framerate)
            with written_whole(folder / f"{half}_{FEATURE_FILE}") as path, path.open("wb") as file:
                np.save(file, features)
            if players or tracking is not None:
                rng = part_generator(seed, split, index, _PLAYERS_PART + half)
                _write_players(
                    rng, folder, game, half=half, rows=len(features), framerate=framerate,
                    tracking=tracking,
                )  # fmt: skip
        write_labels(folder, game, split)
        splits[OFFICIAL_SPLITS[split]].append(game.path)
    write_json(out / "splits.json", splits)
    return splits


def _write_players(
    rng: Generator,
    folder: Path,
    game: Game,
    *,
    half: int,
    rows: int,
    framerate: float,
    tracking: TrackedMatch | None,
) -> None:
    """The box file and the calibration file of a half."""
    if tracking is None:
        contents = draw_players(rng, game.events, half=half, rows=rows, framerate=framerate)
    else:
        contents = draw_tracked_players(
            rng, tracking.halves[half - 1], game.events, half=half, rows=rows, framerate=framerate
        )
    for name, content in zip(player_files(), contents, strict=True):
        write_bytes(folder / f"{half}_{name}", orjson.dumps(content))


def write_labels(folder: Path, game: Game, split: int) -> None:
    """The label files of a game of this split number; challenge games have none."""
    if OFFICIAL_SPLITS[split] != "challenge":
        write_json(folder / SOCCERNET_V2.label_file, labels_v2(game))
        write_json(folder / SOCCERNET_V1.label_file, labels_v1(game))


def labels_v2(game: Game) -> dict[str, Any]:
    """Content of the game's `Labels-v2.json`: 17 classes."""
    annotations = [
        {
            "gameTime": _clock(half, ms),
            "label": V2_NAMES[event],
            "position": str(ms),
            "team": _team(V2_NAMES[event], home),
            "visibility": "visible" if visible else "not shown",
        }
        for half, ms, event, home, visible in _rows(game)
    ]
    return _label_file(game, annotations)


def labels_v1(game: Game) -> dict[str, Any]:
    """Content of the game's `Labels.json`: goals, cards and substitutions, to the second."""
    annotations = [
        {
            "gameTime": _clock(half, ms),
            "label": V1_LABELS[V2_NAMES[event]],
            "team": _team(V2_NAMES[event], home),
        }
        for half, ms, event, home, _ in _rows(game)
        if V2_NAMES[event] in V1_LABELS
    ]
    return _label_file(game, annotations)


def _rows(game: Game) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.tolist() for column in vars(game.events).values()), strict=True)


def _clock(half: int, milliseconds: int) -> str:
    return f"{half} - {milliseconds // 60000:02d}:{milliseconds // 1000 % 60:02d}"


def _label_file(game: Game, annotations: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "UrlLocal": f"{game.path}/",
        "UrlYoutube": "",
        "annotations": annotations,
        "gameAwayTeam": game.away_team,
        "gameDate": f"{game.kick_off:%d/%m/%Y - %H:%M}",
        "gameHomeTeam": game.home_team,
        "gameScore": game.score,
    }


def _team(label: str, home: bool) -> str:
    if label == "Ball out of play":
        return "not applicable"
    return "home" if home else "away"


def _half_features(
    rng: Generator, codebook: NDArray[np.float32], game: Game, half: int, framerate: float
) -> NDArray[np.float32]:
    events, here = game.events, game.events.half == half
    return draw_features(
        rng,
        codebook,
        rows=max(1, round(game.half_seconds[half - 1] * framerate)),
        framerate=framerate,
        seconds=events.milliseconds[here] / 1000,
        event=events.event[here],
        visible=events.visible[here],
    )


def check_games(games: Sequence[int], minutes: float, seed: int) -> None:
    """Raises UserError if no such games can be invented."""
    if len(games) != len(OFFICIAL_SPLITS) or min(games) < 0 or sum(games) == 0:
        found = " ".join(map(str, games))
        raise UserError(f"--games must be four numbers from 0 on, not all 0; found {found}")
    if not 0 < minutes <= 90:
        raise UserError(f"--minutes, per half, must be above 0 and at most 90; found {minutes:g}")
    if seed < 0:
        raise UserError(f"--seed must be 0 or more, found {seed}")


def _check_features(dim: int, framerate: float, players: bool) -> None:
    least = _LEAST_BESIDE_PLAYERS if players else _LEAST_FEATURES
    if dim < least:
        raise UserError(
            f"--dim must be {_LEAST_FEATURES} or more, with --players {_LEAST_BESIDE_PLAYERS} or "
            f"more, found {dim}; in fewer, the events look alike"
        )
    if not framerate >= 0.1:
        raise UserError(f"--framerate must be 0.1 or more frames per second, found {framerate:g}")


def left_games(out: Path, splits: Mapping[str, Sequence[str]]) -> list[str]:
    """Folders of invented games below `out` that are in none of these splits: an earlier run's."""
    written = {game for games in splits.values() for game in games}
    there = (path for name in CHAMPIONSHIPS for path in (out / name).glob("*/*") if path.is_dir())
    return sorted({path.relative_to(out).as_posix() for path in there} - written)


def claim_folder(out: Path, overwrite: bool) -> None:
    """Makes sure that `out` may be written to and does not count as complete; else UserError."""
    if out.exists() and not out.is_dir():
        raise UserError(f"--out must be a folder, but {out} is a file; choose another name")
    if out.is_dir() and any(out.iterdir()) and not overwrite:
        raise UserError(
            f"{out} is not empty; choose a new folder for --out, or write over what is there "
            "with --overwrite"
        )
    if (out / "splits.json").is_file():
        games = [game for split in read_splits(out).values() for game in split]
        if not all(game.startswith(CHAMPIONSHIPS) for game in games):
            raise UserError(f"{out} holds another data set; choose a new folder for --out")
        (out / "splits.json").unlink()  # it is rewritten when all else is there
