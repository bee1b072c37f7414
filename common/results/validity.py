"""Whether result files are as the evaluation server needs them."""

import codecs
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from common.data.events import EventClasses
from common.data.label_tally import other_version
from common.errors import UserError, counted
from common.files import parse_json
from common.results.json_tree import JsonTree, folder_above, top_folder_advice
from common.results.predictions import RESULT_FILE, Detections, parse_detections
from common.results.reading import HALF_MINUTES

_MOST_LISTED = 10
_CLOCK = re.compile(r"[0-9] - ([0-9]{1,3}):([0-9]{1,2})")
_FIELDS = ("gameTime", "label", "position", "half", "confidence")

# What predictions can be, and what that means.
_ERRORS = {
    "half": ("in a half that the games do not have", "write halves from 1 on"),
    "finite": ("with a confidence that is not finite", "the evaluator drops or misplaces them"),
}
_NOTES = {
    "range": ("with a confidence outside [0, 1]", "the evaluator ignores those below 0"),
    "late": (f"beyond {HALF_MINUTES} minutes", "the evaluator moves them to the end of the half"),
    "twice": ("with class, half and position of another", "the evaluator counts the last of them"),
    "strings": ("with values that are not strings", "all published ones are; numbers count, too"),
    "clock": (
        "whose gameTime and position are apart by more than 1 s",
        "the position counts, in ms",
    ),
    "fields": ("with a field less or more", f"published ones have {', '.join(_FIELDS)}"),
}


@dataclass
class Findings:
    """What `validate` found: errors make a submission invalid, warnings and notes do not."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    predictions: list[int] = field(default_factory=list)  # per game that could be read
    confidences: tuple[float, float] = (np.inf, -np.inf)  # lowest and highest finite one
    games: set[str] = field(default_factory=set)  # that have a result file, expected or not

    @property
    def valid(self) -> bool:
        """Whether there are no errors."""
        return not self.errors


def validate(
    path: Path, games: Sequence[str], classes: EventClasses, file_name: str = RESULT_FILE
) -> Findings:
    """Checks a zip or a folder of result files {game}/{file_name} for exactly these games.

    Raises UserError if there is neither a zip nor a folder at `path`.
    """
    if not path.exists():
        raise UserError(f"expected a zip file or a folder of result files at {path}, found neither")
    findings = Findings()
    try:
        tree = JsonTree(path)
    except UserError as error:
        findings.errors.append(str(error))
        return findings
    members = _find_members(tree, games, file_name, findings)
    problems: dict[str, dict[str, int]] = {}  # kind -> game -> number of predictions
    for game, member in members.items():
        try:
            found = _check_game(tree.read(member), member, game, classes, findings)
        except UserError as error:
            findings.errors.append(str(error))
            continue
        for kind, number in found.items():
            problems.setdefault(kind, {})[game] = number
    for kinds, sentences in ((_ERRORS, findings.errors), (_NOTES, findings.notes)):
        sentences += [_sentence(problems[k], *kinds[k]) for k in kinds if k in problems]
    if findings.predictions and not any(findings.predictions):
        findings.warnings.append("there is not a single prediction: this would score 0")
    return findings


def _find_members(
    tree: JsonTree, games: Sequence[str], file_name: str, findings: Findings
) -> dict[str, str]:
    """The result file of each expected game that has one; adds what is wrong with the layout."""
    wanted = {f"{game}/{file_name}": game for game in games}
    members, prefixes, others = {}, set(), []
    for name in tree.files():
        above = folder_above(name, wanted)
        if above is None and not name.isascii():
            _check_spelling(name, wanted, findings)
        if above is None:
            others.append(name)
            continue
        path = name.removeprefix(above)
        if wanted[path] in members:
            findings.errors.append(f"{path} is there twice; keep one of them")
        members[wanted[path]] = name
        prefixes.add(above)
    findings.errors += [top_folder_advice(above, tree.root) for above in sorted(prefixes - {""})]
    _check_encoding(tree, members.values(), findings)
    _check_games(members, others, games, file_name, findings)
    return members


def _check_spelling(name: str, wanted: Collection[str], findings: Findings) -> None:
    """Adds an error if a file would be wanted in another Unicode form (é as one letter, or two)."""
    forms = {unicodedata.normalize("NFC", path): path for path in wanted}
    meant = forms.get(unicodedata.normalize("NFC", name))
    if meant is not None:
        findings.errors.append(
            f"{name} looks like {meant} and is spelled with other Unicode letters (accents apart, "
            "as macOS writes them); rename its folders as the split has them"
        )


def _check_encoding(tree: JsonTree, members: Collection[str], findings: Findings) -> None:
    """Adds an error if names are UTF-8 and the zip does not say so, which the evaluator goes by."""
    others = {name: stored for name in members if (stored := tree.stored_name(name)) != name}
    if others:
        name, stored = next(iter(others.items()))
        findings.errors.append(
            f"names that the zip does not declare to be UTF-8: {len(others)}, such as {name}, "
            f"which the evaluator would read as {stored}; pack it again with a tool that declares "
            "them, such as common.results.predictions.write_zip"
        )


def _check_games(
    members: Mapping[str, str],
    others: Sequence[str],
    games: Sequence[str],
    file_name: str,
    findings: Findings,
) -> None:
    parted = [name.rpartition("/")[::2] for name in others]
    extra = [folder for folder, file in parted if file == file_name]
    findings.games = {*members, *extra}
    missing = [game for game in games if game not in members]
    absent = set(missing)
    renamed = [file for folder, file in parted if folder in absent]
    if missing and renamed:
        findings.errors.append(
            f"games of the split without a {file_name}: {len(missing)}; they have files such as "
            f"{renamed[0]}: rename them, or pass --Prediction_file"
        )
    elif missing:
        findings.errors.append(
            f"games of the split without a {file_name}: {len(missing)}; a game without "
            f'detections needs one, too, with "predictions": []{_listed(missing)}'
        )
    if extra:
        findings.errors.append(
            f"games that are not of the split: {len(extra)}; leave them out{_listed(extra)}"
        )
    if unread := ["/".join(part) for part in parted if part[1] != file_name]:
        example = unread[0].lstrip("/")
        findings.notes.append(f"files that nobody reads: {len(unread)}, such as {example}")


def _check_game(
    content: bytes, source: str, game: str, classes: EventClasses, findings: Findings
) -> dict[str, int]:
    """Problems of one result file: kind -> number of predictions.

    Raises UserError naming file, prediction and field when one cannot be read.
    """
    number_of = {name: number for number, name in enumerate(classes.names)}
    read = parse_detections(content, source, number_of, any_confidence=True)
    if content.startswith(codecs.BOM_UTF8):
        findings.errors.append(
            f"{source} begins with a byte order mark, which the evaluator does not read; write it "
            "as UTF-8 without one"
        )
    parsed = parse_json(content, source)
    entries = parsed["predictions"]
    if read.unknown:
        labels = sorted(read.unknown_labels)
        findings.errors.append(_unknown_sentence(source, read.unknown, labels, classes))
    if (url := parsed.get("UrlLocal")) != game:
        findings.notes.append(f"{source}: UrlLocal is {url!r}; the evaluator does not read it")
    findings.predictions.append(len(entries))
    if (finite := read.confidence[np.isfinite(read.confidence)]).size:
        lowest, highest = findings.confidences
        findings.confidences = min(lowest, finite.min()), max(highest, finite.max())
    found = {**array_problems(read, classes.halves), **_form_problems(entries)}
    return {kind: number for kind, number in found.items() if number}


def array_problems(read: Detections, halves: int = 2) -> dict[str, int]:
    """Number of detections of one game with each kind of problem."""
    finite = np.isfinite(read.confidence)
    cells = np.stack([read.half, read.event, read.milliseconds])
    return {
        "half": int(((read.half < 1) | (read.half > halves)).sum()),
        "finite": int((~finite).sum()),
        "range": int((finite & ((read.confidence < 0) | (read.confidence > 1))).sum()),
        "late": int((read.milliseconds >= HALF_MINUTES * 60_000).sum()),
        "twice": len(read) - np.unique(cells, axis=1).shape[1],
    }


def _form_problems(entries: Sequence[dict[str, Any]]) -> dict[str, int]:
    return {
        "strings": sum(not all(isinstance(v, str) for v in e.values()) for e in entries),
        "fields": sum(e.keys() != set(_FIELDS) for e in entries),
        "clock": sum(map(_is_apart, entries)),
    }


def _is_apart(entry: dict[str, Any]) -> bool:
    """Whether the two clocks of a prediction, if it has both, tell another time."""
    clock = _CLOCK.fullmatch(str(entry.get("gameTime")))
    if clock is None:
        return False
    minutes, seconds = map(int, clock.groups())
    return abs(60 * minutes + seconds - int(entry["position"]) / 1000) > 1


def _unknown_sentence(
    source: str, number: int, labels: Sequence[str], classes: EventClasses
) -> str:
    shown = ", ".join(map(repr, labels[:3]))
    return (
        f"{source}: {counted(number, 'prediction')} of classes that do not exist ({shown}); "
        f"expected {', '.join(classes.names)}{other_version(labels, classes)}"
    )


def _sentence(numbers: Mapping[str, int], what: str, meaning: str) -> str:
    first = next(iter(numbers))
    where = first if len(numbers) == 1 else f"{len(numbers)} games, the first of them {first}"
    return f"predictions {what}: {sum(numbers.values())} in {where}; {meaning}"


def _listed(games: Sequence[str]) -> str:
    shown = "".join(f"\n  {game}" for game in games[:_MOST_LISTED])
    more = len(games) - _MOST_LISTED
    return f":{shown}" + (f"\n  and {more} more" if more > 0 else "")


def verdict(findings: Findings) -> str:
    """The last line: VALID or INVALID, and what was read."""
    numbers = findings.predictions
    line = f"{counted(len(numbers), 'game')}, {counted(sum(numbers), 'prediction')}"
    lowest, highest = findings.confidences
    if lowest <= highest:
        line += f", {min(numbers)} to {max(numbers)} per game, confidence {lowest:.4f}"
        line += f" to {highest:.4f}"
    if findings.valid:
        return f"VALID: {line}"
    return f"INVALID: {counted(len(findings.errors), 'error')}; {line}"
