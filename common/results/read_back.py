"""What a run has written, read again at its end: a disk that lost some of it is told of at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from common.errors import UserError
from common.files import read_json, read_whole
from common.results.json_tree import JsonTree
from common.results.predictions import RESULT_FILE

_ADVICE = (
    "the disk or the memory of this machine may be failing, or another program wrote there; check "
    "them, then test again with --test_only"
)


def read_back_archive(archive: Path, folder: Path, games: Sequence[str]) -> None:
    """Compares an archive with the result files that it was packed of, byte by byte.

    Args:
        folder: holds {game}/results_spotting.json.
        games: whose files the archive holds, and no others.

    Raises:
        UserError: naming the first file that is missing or other than it was written.
    """
    packed = JsonTree(archive)
    names = [f"{game}/{RESULT_FILE}" for game in games]
    if packed.files() != names:
        raise UserError(f"{archive} does not hold the files that it was packed of; {_ADVICE}")
    for name in names:
        if packed.read(name) != read_whole(folder / name, "a result file"):
            raise UserError(f"{name} in {archive} is not as in {folder}; {_ADVICE}")


def read_back_scores(path: Path, content: Any) -> None:
    """Compares a JSON file with what was to be written. Raises UserError where it differs."""
    written = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)
    if read_json(path) != orjson.loads(written):
        raise UserError(f"{path} does not hold the scores that were written; {_ADVICE}")
