"""A miniature SoccerNet that can be seen: films of invented games, and what happens in them."""

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import active_children, connection, get_context, parent_process
from pathlib import Path
from types import FrameType

from tqdm import tqdm

from common.data.games import OFFICIAL_SPLITS
from common.errors import UserError
from common.files import write_json
from common.synthetic.data_set import check_games, claim_folder, write_labels
from common.synthetic.film.filming import film_game
from common.synthetic.game import CLOSEST_SEEN_MS, SPOTS_PER_MINUTE, Game, draw_game

_LOWEST_FPS, _HIGHEST_FPS = 5, 60
_MOST_SPOTS = 12  # per minute: one in five seconds


@dataclass(frozen=True, kw_only=True)
class League:
    """What is filmed, and how.

    Attributes:
        minutes: length of a half before stoppage time.
        seed: another seed, another world.
        video_fps: frames per second of the films, 5 to 60.
        spots_per_minute: on average, above 0, at most 12; real games have 2.45.
        players_framerate: rows per second of box and calibration files; None writes none.
    """

    minutes: float
    seed: int = 0
    video_fps: float = 25
    spots_per_minute: float = SPOTS_PER_MINUTE
    players_framerate: float | None = None

    def __post_init__(self) -> None:
        if not _LOWEST_FPS <= self.video_fps <= _HIGHEST_FPS:
            raise UserError(
                f"--video_fps must be from {_LOWEST_FPS} to {_HIGHEST_FPS} frames per second, "
                f"found {self.video_fps:g}"
            )
        if not 0 < self.spots_per_minute <= _MOST_SPOTS:
            raise UserError(
                f"--spots_per_minute must be above 0 and at most {_MOST_SPOTS}, "
                f"found {self.spots_per_minute:g}"
            )
        rate = self.players_framerate
        if rate is not None and not 0.1 <= rate <= self.video_fps:
            raise UserError(
                "--framerate, of the player files, must be from 0.1 to --video_fps "
                f"({self.video_fps:g}), found {rate:g}"
            )

    def game(self, split: int, index: int) -> Game:
        """Game `index` of split number `split`."""
        return draw_game(
            self.seed, split, index, self.minutes,
            spots_per_minute=self.spots_per_minute, closest_ms=CLOSEST_SEEN_MS,
        )  # fmt: skip

    def write_game(self, out: Path, split: int, index: int) -> str:
        """Writes a game's films, labels and player files below `out`; returns its path."""
        game = self.game(split, index)
        film_game(
            out / game.path, game, seed=self.seed, split=split, index=index,
            video_fps=self.video_fps, players_framerate=self.players_framerate,
        )  # fmt: skip
        write_labels(out / game.path, game, split)
        return game.path


def write_league(
    out: Path, games: Sequence[int], league: League, *, overwrite: bool = False, jobs: int = 1
) -> dict[str, list[str]]:
    """Films a data set into the folder `out`; returns the game paths of each split.

    `splits.json` comes last: a folder without it was interrupted. Files do not depend on `jobs`.

    Args:
        out: the data root; must be new or empty, unless `overwrite`.
        games: number of train, valid, test and challenge games. The last have no labels.
        overwrite: write into a folder that holds files, replacing those of the same name.
        jobs: games filmed at a time, each by a process of its own.
    """
    check_games(games, league.minutes, league.seed)
    claim_folder(out, overwrite)
    wanted = [(split, index) for split, count in enumerate(games) for index in range(count)]
    done = _one_by_one(out, league, wanted) if jobs == 1 else _together(out, league, wanted, jobs)
    for _ in tqdm(done, total=len(wanted), desc="filming games", unit="game", disable=None):
        pass
    splits: dict[str, list[str]] = {split: [] for split in OFFICIAL_SPLITS}
    for split, index in wanted:
        splits[OFFICIAL_SPLITS[split]].append(league.game(split, index).path)
    write_json(out / "splits.json", splits)
    return splits


def _one_by_one(out: Path, league: League, wanted: Sequence[tuple[int, int]]) -> Iterator[str]:
    for split, index in wanted:
        yield league.write_game(out, split, index)


def _together(
    out: Path, league: League, wanted: Sequence[tuple[int, int]], jobs: int
) -> Iterator[str]:
    """Films games in several processes; what was begun is tidied away if one of them fails."""
    workers = ProcessPoolExecutor(
        min(jobs, len(wanted)), mp_context=get_context("spawn"), initializer=_begin_worker
    )
    try:
        futures: list[Future[str]] = [
            workers.submit(_film_in_worker, league, out, split, index) for split, index in wanted
        ]
        for future in as_completed(futures):
            yield future.result()
    except BaseException:
        for child in active_children():
            child.terminate()
        raise
    finally:
        workers.shutdown(cancel_futures=True)


class _Worker:
    """What a process that films for another one does just now."""

    filming = stopped = False


def _film_in_worker(league: League, out: Path, split: int, index: int) -> str:
    if _Worker.stopped:  # the call was on its way
        raise KeyboardInterrupt
    _Worker.filming = True
    try:
        return league.write_game(out, split, index)
    finally:
        _Worker.filming = False


def _begin_worker() -> None:
    """Lets a process that films for another end with it, and tidy away when it is told to stop."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop_filming)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _stop_filming(number: int, frame: FrameType | None) -> None:
    _Worker.stopped = True
    if _Worker.filming:
        raise KeyboardInterrupt(signal.Signals(number).name)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
