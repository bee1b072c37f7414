"""Fetches SoccerNet's public files through its package, and verifies what arrived."""

import errno
import inspect
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from common.data.wanted_files import FEATURE_FILES, faulty_files, kind_of, not_offered, split_files
from common.errors import UserError, counted

# A call per game costs a request per file, and the hub limits them; one per split sees all games.
_MOST_SINGLE_GAMES = 20
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)
TRY_AGAIN = "run the same command again, it continues where it stopped"


def download(
    root: Path,
    splits: Sequence[str],
    feature_names: Sequence[str],
    label_file: str | None,
    halves: int = 2,
) -> list[Path]:
    """Fetches the files of the splits that are absent or damaged.

    Sound files stay as they are. One exception: where more than 20 games lack a file of the same
    name, the package brings that name up to date for the whole split.

    Args:
        root: the data folder, made if need be.
        feature_names: without the number of the half, e.g. "ResNET_TF2.npy".
        label_file: "Labels-v2.json", "Labels.json", or None for no labels; never of "challenge".

    Returns:
        What is still absent or damaged.

    Raises:
        UserError: the files cannot be had this way, or the hub cannot be reached or refuses.
    """
    if (root / "splits.json").is_file():
        raise UserError(
            f"{root} has a splits.json of its own, so its games are not SoccerNet's and cannot "
            "be downloaded; choose another folder, or take splits.json away"
        )
    made = [folder for folder in (root, *root.parents) if not folder.exists()]
    root.mkdir(parents=True, exist_ok=True)
    try:
        asked = _fetch_lacking(root, splits, feature_names, label_file, halves)
    finally:
        for folder in made:  # as far as nothing came into them
            if not any(folder.iterdir()):
                folder.rmdir()
    if not asked:
        return []
    still = faulty_files(asked)
    if len(still) == len(asked):
        print(
            "nothing sound arrived. The SoccerNet package reports no error when huggingface.co "
            f"cannot be reached: check the connection and the proxy, then {TRY_AGAIN}",
            file=sys.stderr,
        )
    return still


def _fetch_lacking(
    root: Path,
    splits: Sequence[str],
    feature_names: Sequence[str],
    label_file: str | None,
    halves: int,
) -> list[Path]:
    """Asks for what the splits lack; returns what that was."""
    lacking = {
        split: faulty_files(split_files(root, split, feature_names, label_file, halves))
        for split in splits
    }
    asked = [path for faulty in lacking.values() for path in faulty]
    if asked:
        downloader = open_downloader(root, asked)
        for split, faulty in lacking.items():
            with _set_aside([path for path in faulty if path.is_file()]):
                _fetch(downloader, root, split, faulty)
    return asked


def open_downloader(root: Path, asked: Sequence[Path]) -> Any:
    """The package's downloader, after all that can be said before it tries."""
    if names := not_offered(asked):
        raise UserError(
            f"{', '.join(names)}: Hugging Face does not have them, so they are not downloaded; it "
            f"has {', '.join(FEATURE_FILES)}. C3D, I3D, ResNET and the features at 5 and 25 "
            "frames per second were never moved there"
        )
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise UserError("HF_HUB_OFFLINE is set and forbids downloads; run: unset HF_HUB_OFFLINE")
    try:
        with np.errstate():  # parts of the package change it when they are imported
            from SoccerNet.Downloader import SoccerNetDownloader
    except ImportError as error:
        raise UserError(f"{error}; run: pip install SoccerNet==0.2.0") from None
    if "source" not in inspect.signature(SoccerNetDownloader.downloadGames).parameters:
        raise UserError("this SoccerNet is too old; run: pip install SoccerNet==0.2.0")
    gigabytes = sum(FEATURE_FILES.get(kind_of(path), 0) for path in asked) / 1000
    free = shutil.disk_usage(root).free / 1e9
    print(f"fetching {counted(len(asked), 'file')}, about {gigabytes:.1f} GB; {free:.1f} GB free")
    return SoccerNetDownloader(str(root))


def _fetch(downloader: Any, root: Path, split: str, paths: Sequence[Path]) -> None:
    """Asks the package for the files: game by game if they are few, else for the whole split."""
    games: dict[str, list[str]] = {}
    for path in paths:
        games.setdefault(path.parent.relative_to(root).as_posix(), []).append(path.name)
    names = sorted({path.name for path in paths})
    try:
        with np.errstate():
            if len(games) > _MOST_SINGLE_GAMES:
                downloader.downloadGames(files=names, split=[split], source="HuggingFace")
                return
            for game, files in games.items():
                downloader.downloadGame(game, files=files, spl=split, source="HuggingFace")
    except Exception as error:  # whatever the layers of a network client raise
        if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
            raise
        raise UserError(_explain(error)) from error


def _explain(error: Exception) -> str:
    """A sentence for what the package raises."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    status = getattr(getattr(error.__cause__, "response", None), "status_code", None)
    if status == 429:
        return f"huggingface.co got too many requests; wait five minutes, then {TRY_AGAIN}"
    if status in (401, 403):
        return (
            f"huggingface.co refuses access (HTTP {status}) to files that are public; an outdated "
            f"login may be in the way: run hf auth logout, then {TRY_AGAIN}"
        )
    if status is not None:
        return f"huggingface.co answers with an error (HTTP {status}); later {TRY_AGAIN}"
    if isinstance(error, LocalEntryNotFoundError):
        return f"huggingface.co cannot be reached; check connection and proxy, then {TRY_AGAIN}"
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    return f"the download broke off ({reason}); {TRY_AGAIN}"


@contextmanager
def _set_aside(damaged: Sequence[Path]) -> Iterator[None]:
    """Moves damaged files away, which the package would keep; back if no others came."""
    moved = {path: path.with_name(f"{path.name}.damaged") for path in damaged}
    for path, aside in moved.items():
        path.replace(aside)
    try:
        yield
    finally:
        for path, aside in moved.items():
            aside.unlink() if path.is_file() else aside.replace(path)
