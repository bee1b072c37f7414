"""Results of models of disjoint classes as one: entry by entry, in the published layout."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from common.errors import UserError, counted
from common.files import parse_json
from common.results.json_tree import JsonTree, folder_above, top_folder_advice
from common.results.predictions import (
    RESULT_FILE,
    guess_file_name,
    parse_detections,
    write_game,
    write_zip,
)
from common.results.scored_run import recorded_classes


def merge(inputs: Sequence[Path], out: Path) -> list[str]:
    """Writes the merged result files to the folder or zip `out`; returns the games.

    Entries are sorted by half, position and class; all else stays as it is. Beside the entries that
    is what the first input says of a game, and what others say besides; a file that does not name
    its game ("UrlLocal") gets the path that it lies at.

    Raises:
        UserError: other games, the same class or file twice, or no result files; fewer than two
            inputs, whole run folders, or an output that is one of them or lies in one.
    """
    _check_paths(inputs, out)
    trees = [JsonTree(path) for path in inputs]
    files = [guess_file_name(tree) for tree in trees]
    games = [_games_of(tree, file) for tree, file in zip(trees, files, strict=True)]
    for path, found in zip(inputs[1:], games[1:], strict=True):
        if lone := sorted(set(games[0]) ^ set(found)):
            _refuse_top_folders(inputs, games)
            raise UserError(
                f"{inputs[0]} and {path} hold different games: {counted(len(lone), 'game')} in one "
                f"of them only, such as {lone[0]}"
            )
    contents = [
        {game: _document(tree, game, file) for game in found}
        for tree, file, found in zip(trees, files, games, strict=True)
    ]
    _check_disjoint(inputs, contents)
    merged = {game: _joined(game, [content[game] for content in contents]) for game in games[0]}
    _write(out, merged, files[0])
    return games[0]


def _check_paths(inputs: Sequence[Path], out: Path) -> None:
    if len(inputs) < 2:
        raise UserError(f"give two or more folders or zips to merge, found only {inputs[0]}")
    if len({path.resolve() for path in inputs}) < len(inputs):
        raise UserError("one of the inputs is given twice; models that are merged must differ")
    for path in inputs:
        if any(path.glob("results_spotting_*.zip")) or any(path.glob("outputs_*")):
            raise UserError(
                f"{path} is the folder of a run; give the results of one split in it, such as "
                f"{path}/results_spotting_test.zip"
            )
        place, result = path.resolve(), out.resolve()
        if result in (place, *place.parents) or place in result.parents:
            raise UserError(f"-o {out} would overwrite what is merged; choose another place")


def _games_of(tree: JsonTree, file: str) -> list[str]:
    """Games that have a file. Raises UserError for a name that no result file can hold."""
    files = [name for name in tree.names() if name.endswith(f"/{file}")]
    tree.require_one_of_each(files)
    games = [name.removesuffix(f"/{file}") for name in files]
    for game in games:
        if game != game.encode(errors="replace").decode():
            raise UserError(
                f"{tree.root} holds the folder {game!r}, whose name is not UTF-8; rename it"
            )
    return games


def _refuse_top_folders(inputs: Sequence[Path], games: Sequence[Sequence[str]]) -> None:
    """Raises UserError if an input has the games of another one in a folder."""
    for path, found in zip(inputs, games, strict=True):
        for others in games:
            wanted = set(others) - set(found)
            above = next(filter(None, (folder_above(game, wanted) for game in found)), None)
            if above is not None:
                raise UserError(top_folder_advice(above, path))


def _document(tree: JsonTree, game: str, file: str) -> dict[str, Any]:
    """A result file as it stands. Raises UserError for what is none."""
    source, content = f"{tree.root}/{game}/{file}", tree.read(f"{game}/{file}")
    parse_detections(content, source, {}, any_confidence=True)  # which refuses what is malformed
    document: dict[str, Any] = parse_json(content, source)
    for number, entry in enumerate(document["predictions"]):
        if not isinstance(entry["label"], str):
            raise UserError(
                f"{source}: prediction {number}, field label: expected a class name, found "
                f"{entry['label']!r}"
            )
    return document


def _check_disjoint(inputs: Sequence[Path], contents: Sequence[dict[str, dict[str, Any]]]) -> None:
    """Raises UserError if a class is spotted by two models, by detections or by their records."""
    path_of: dict[str, Path] = {}
    for path, content in zip(inputs, contents, strict=True):
        found = {entry["label"] for each in content.values() for entry in each["predictions"]}
        known = recorded_classes(path)
        labels = found | set(known.names if known else ())
        for label in sorted(labels):
            if label in path_of:
                raise UserError(
                    f"{path_of[label]} and {path} both hold {label!r}; models that are merged must "
                    "spot different classes"
                )
        path_of |= dict.fromkeys(labels, path)


def _joined(game: str, parts: Sequence[dict[str, Any]]) -> bytes:
    entries = sorted(
        (entry for part in parts for entry in part["predictions"]),
        key=lambda entry: (int(entry["half"]), int(entry["position"]), entry["label"]),
    )
    document: dict[str, Any] = {"UrlLocal": game}
    for part in reversed(parts):
        document |= part
    text = orjson.dumps({**document, "predictions": entries}, option=orjson.OPT_INDENT_2)
    # The published files are indented by four spaces; strings hold no newline.
    lines = text.split(b"\n")
    return b"\n".join(b" " * (len(line) - len(line.lstrip())) + line for line in lines)


def _write(out: Path, merged: dict[str, bytes], file: str) -> None:
    if out.suffix.lower() != ".zip":
        for game, content in merged.items():
            write_game(out, game, content, file)
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        for game, content in merged.items():
            write_game(Path(folder), game, content, RESULT_FILE)
        write_zip(out, Path(folder), merged)
