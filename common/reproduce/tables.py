"""The published tables as data: `tables.toml` in each baseline's folder.

Each `[table.<name>]` is a command; each of its `[[table.<name>.row]]` a published number and the
arguments that repeat it. What a row does not say, its table says for all. docs/reproduce.md lists
the keys.
"""

import math
import shlex
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from common.errors import UserError
from common.files import read_whole
from common.metric.average_map import KINDS, TOLERANCES_SECONDS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
FILE = "tables.toml"
# Flags that the rows' own keys and the command set.
_TAKEN = ("--SoccerNet_path", "--features", "--seed", "--gt-time", "--model_name", "--resume",
          "--overwrite", "--test_only", "--challenge")  # fmt: skip
_KEYS: dict[str, type | tuple[type, ...]] = {
    "name": str, "arguments": str, "features": list, "seeds": list, "split": str, "metric": str,
    "clock": str, "part": str, "published": (int, float), "visible": (int, float),
    "unshown": (int, float), "runs": int, "spread": (int, float), "statistic": str, "source": str,
    "note": str, "per_class": dict, "kind": str,
}  # fmt: skip
_ROW_ONLY = ("name", "kind", "published", "visible", "unshown", "spread", "per_class")
_TABLE_ONLY = ("title", "order", "prepare", "row")


@dataclass(frozen=True)
class Row:
    """A published number and how to repeat it. Numbers are average-mAP in %.

    Attributes:
        arguments: flags of the baseline's main.py, without data, seed and name.
        seeds: one run each.
        kind: of spots: all, visible or unshown.
        clock: of the annotations, `--gt-time`.
        part: folder below the run's that holds the results, of programs that train several models.
        published: None where nobody has published one.
        runs: of how many runs the published number is the mean.
        spread: standard deviation over those runs, where published.
        statistic: mean, or best: which of our runs the number is to be compared with.
    """

    name: str
    arguments: tuple[str, ...]
    features: tuple[str, ...]
    seeds: tuple[int, ...]
    split: str
    metric: str
    clock: str
    kind: str = "all"
    part: str = ""
    published: float | None = None
    runs: int = 1
    spread: float | None = None
    statistic: str = "mean"
    source: str = ""
    note: str = ""
    per_class: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """Rows under a title.

    Attributes:
        order: names of rows from the best to the worst, as published.
        prepare: module and flags of a program that the data need before the first run.
    """

    name: str
    title: str
    rows: tuple[Row, ...]
    order: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()


def find_tables(baseline: str, root: Path) -> dict[str, Table]:
    """The tables of a baseline's folder, by name. Raises UserError if there are none."""
    known = sorted(path.parent.name for path in root.glob(f"*/{FILE}"))
    if baseline not in known:
        raise UserError(f"no baseline {baseline!r} with a {FILE}; choose of {', '.join(known)}")
    return read_tables(root / baseline / FILE)


def read_tables(path: Path) -> dict[str, Table]:
    """Parses and checks a file of tables. Raises UserError naming file, table, row and key."""
    try:
        content = tomllib.loads(read_whole(path, "tables").decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid TOML: {error}") from None
    tables = content.get("table")
    if set(content) != {"table"} or not isinstance(tables, dict) or not tables:
        raise UserError(f"{path} must hold [table.<name>] and nothing else at its top")
    return {name: _table(name, table, f"{path}, table {name}") for name, table in tables.items()}


def _table(name: str, content: Any, where: str) -> Table:
    if not isinstance(content, dict) or not isinstance(content.get("row"), list):
        raise UserError(f"{where}: expected [[table.{name}.row]] entries, found none")
    shared = {key: value for key, value in content.items() if key not in _TABLE_ONLY}
    _check(shared, [key for key in _KEYS if key not in _ROW_ONLY], where)
    rows: list[Row] = []
    for number, entry in enumerate(content["row"], 1):
        entry_at = f"{where}, row {number}"
        _check(entry, list(_KEYS), entry_at)
        arguments = f"{shared.get('arguments', '')} {entry.get('arguments', '')}"
        rows += _rows({**shared, **entry, "arguments": arguments}, entry_at)
    names = [row.name for row in rows]
    twice = next((each for each, times in Counter(names).items() if times > 1), None)
    if twice:
        raise UserError(f"{where}: two rows are named {twice!r}; give each a name of its own")
    order = content.get("order", [])
    if not isinstance(order, list) or any(each not in names for each in order):
        raise UserError(f"{where}, order: expected a list of row names, found {order!r}")
    title, typed = content.get("title", name), content.get("prepare", "")
    for key, value in (("title", title), ("prepare", typed)):
        if not isinstance(value, str):
            raise UserError(f"{where}, {key}: expected a text, found {value!r}")
    prepare = _arguments(typed, f"{where}, prepare")
    return Table(name, title, tuple(rows), tuple(order), prepare)


def _check(content: Any, known: list[str], where: str) -> None:
    """Keys and types of a table's or a row's entries."""
    if not isinstance(content, dict):
        raise UserError(f"{where}: expected key = value lines, found {content!r}")
    for key, value in content.items():
        if key not in known:
            raise UserError(f"{where}: unknown key {key!r}; choose of {', '.join(known)}")
        if not isinstance(value, _KEYS[key]) or isinstance(value, bool):
            raise UserError(f"{where}, {key}: found {value!r}, which is of the wrong type")
    for key, choices in (
        ("metric", tuple(TOLERANCES_SECONDS)),
        ("clock", ("gameTime", "position")),
        ("statistic", ("mean", "best")),
        ("kind", KINDS),
    ):
        if content.get(key, choices[0]) not in choices:
            raise UserError(
                f"{where}, {key}: expected {' or '.join(choices)}, found {content[key]!r}"
            )
    for key in ("published", "visible", "unshown", "spread"):
        if not 0 <= content.get(key, 0) <= 100:
            raise UserError(f"{where}, {key}: expected a number in %, found {content[key]}")


def _rows(content: dict[str, Any], where: str) -> list[Row]:
    """The row, and one more for each of `visible` and `unshown` that it has a number for."""
    missing = [key for key in ("name", "features", "seeds", "split") if key not in content]
    if missing:
        raise UserError(f"{where}: {missing[0]!r} is missing, in the row and in its table")
    row = Row(
        name=content["name"],
        arguments=_arguments(content["arguments"], where),
        features=_all(str, content, "features", where),
        seeds=_all(int, content, "seeds", where),
        split=content["split"],
        metric=content.get("metric", "loose"),
        clock=content.get("clock", "position"),
        kind=content.get("kind", "all"),
        part=content.get("part", ""),
        published=content.get("published"),
        runs=content.get("runs", 1),
        spread=content.get("spread"),
        statistic=content.get("statistic", "mean"),
        source=content.get("source", ""),
        note=content.get("note", ""),
        per_class=_per_class(content.get("per_class", {}), where),
    )
    further = [
        replace(
            row,
            name=f"{row.name}, {kind}",
            kind=kind,
            published=content[kind],
            spread=None,
            per_class={},
        )
        for kind in KINDS[1:]
        if kind in content
    ]
    return [row, *further]


def _arguments(text: str, where: str) -> tuple[str, ...]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UserError(f"{where}, arguments: {error} in {text!r}") from None
    refuse_taken(words, f"{where}, arguments")
    return tuple(words)


def refuse_taken(words: Sequence[str], where: str, free: Sequence[str] = ()) -> None:
    """Raises UserError for flags that a row's keys or the command set, but for those in `free`.

    And for a request for help, after which a program ends well and has done nothing. No program
    takes abbreviations, so each flag has one name.
    """
    flags = [word.partition("=")[0] for word in words]
    asks = next((flag for flag in flags if flag == "--help" or flag.startswith("-h")), None)
    if asks:
        raise UserError(f"{where}: {asks} prints help and runs nothing; leave it out")
    taken = next((flag for flag in flags if flag in _TAKEN and flag not in free), None)
    if taken:
        raise UserError(f"{where}: {taken} is set by the command or by a key of the row")


def _all(kind: type, content: dict[str, Any], key: str, where: str) -> tuple[Any, ...]:
    values = content[key]
    right = all(type(value) is kind for value in values)
    if not values or not right or len(set(values)) < len(values):
        raise UserError(f"{where}, {key}: expected different {kind.__name__}s, found {values!r}")
    return tuple(values)


def _per_class(content: dict[str, Any], where: str) -> dict[str, float]:
    for name, value in content.items():
        if type(value) not in (int, float) or not math.isfinite(value):
            raise UserError(f"{where}, per_class: {name!r}: expected a number, found {value!r}")
    return content
