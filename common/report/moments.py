"""The page beside a report that shows its errors in the video."""

from dataclasses import dataclass, replace
from pathlib import Path

from common.files import write_bytes
from common.report.run import ReportedRun
from common.results.scored_run import ScoredRun, find_results
from common.spots.run_games import find_games
from common.watch.page import PAGE_FILE, page
from common.watch.page_data import page_data
from common.watch.videos import GivenVideos


@dataclass(frozen=True)
class WatchPage:
    """Where the moments of a report's errors can be seen: a file beside it, and its games.

    `games` tells the number of each game there; those without results are absent.
    """

    page: str
    games: dict[str, int]


def write_watch_page(
    folder: Path, path: Path, run: ScoredRun, reported: ReportedRun, videos: GivenVideos,
    *, tolerance: float, version: int | None,
) -> WatchPage:  # fmt: skip
    """Writes the page of a report's games, with its thresholds; says what the report needs of it.

    Args:
        folder: of the report.
        path: of the run, as it was given.
        run, reported: the same run.

    Raises:
        UserError: as `page_data`.
    """
    where = {"SoccerNet_path": run.root, "version": version}
    found = find_games(path, run.split, **where)  # type: ignore[arg-type]
    results = find_results(path, run.split, **where)  # type: ignore[arg-type]
    there = results.predictions
    games = tuple(game for game in run.games if f"{game}/{results.file}" in there)
    found = replace(found, games=games)
    limits = reported.measures.thresholds.tolist()
    data = page_data(
        found, dict(zip(run.classes.names, limits, strict=True)), videos, folder / PAGE_FILE,
        tolerance=tolerance, framerate=run.framerate,
    )  # fmt: skip
    write_bytes(folder / PAGE_FILE, page(data).encode())
    return WatchPage(PAGE_FILE, {game: number for number, game in enumerate(games)})
