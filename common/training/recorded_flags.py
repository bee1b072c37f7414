"""Flags of a program beside those that the run was trained with: a run knows its settings.

With --resume and --test_only the flags that are not given are those of its record. One that is
given and differs is refused if it decides the result; what may change is in `FREE`.
"""

import argparse
import io
import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import redirect_stderr
from itertools import chain
from pathlib import Path
from typing import Any

from common.data.events import CLASS_SPLITS
from common.data.games import check_relative_path
from common.errors import UserError, log
from common.results.run_record import BEST_FILE, LAST_FILE, TRAINED, read_record, require_program
from common.training.flags import data_defaults

# What is asked of this start alone, and not a setting of the run; where it computes.
_OF_THIS_START = (
    "model_name", "test_only", "resume", "overwrite", "load_weights", "preset", "download",
    "challenge", "features_path", "video_path", "backbone", "backbone_weights", "pca", "help",
)  # fmt: skip
_WHERE = ("device", "GPU", "loglevel")
# Settings of a run that may change without making it another run, and where it is only tested.
FREE = (
    "SoccerNet_path", "feature_dim", "split_test", "max_epochs", "max_num_worker", "resident",
    "capture", "cache_dir", "plots", "legacy_names", "save_scores", "watch_test", "LRe", "mode",
)  # fmt: skip
FREE_IN_TESTING = (
    "NMS", "NMS_window", "border", "displace", "NMS_threshold", "gt_time", "precision", "tiny",
    "segmentation_loss",  # decides then how figures show what is spotted
)  # fmt: skip

# What is not looked at where files of one's own are spotted in.
_OF_SPLITS = (
    "test_only", "resume", "overwrite", "split_train", "split_valid", "split_test", "label_time",
    "gt_time", "tiny", "challenge", "watch_test", "save_scores", "features", "max_epochs",
    "batch_size", "LR", "patience", "evaluation_frequency", "seed", "resident", "capture",
    "chunks_per_epoch", "k_params", "lambda_coord", "lambda_noobj", "loss_weight_segmentation",
    "loss_weight_detection", "radius", "dropout", "mixup", "weight_decay", "select_by",
)  # fmt: skip


def parse_flags(
    parser: argparse.ArgumentParser,
    argv: Sequence[str] | None,
    given: Collection[str] = (),
    *,
    told: bool = False,
) -> argparse.Namespace:
    """The flags in `argv`, or of the command line; what is not given, from the run's record.

    What then depends on the data is filled in: `data_defaults`.

    Args:
        given: names that count as given beside those in `argv`, such as those of a preset.
        told: whether it has been said which of them are not looked at.

    Raises:
        UserError: no such run, its record does not read, or a flag contradicts it.
    """
    settings = _with_record(parser, argv, given)
    if not told:
        _tell_unused(settings, _named(parser, argv))
    return argparse.Namespace(**settings | data_defaults(settings))


def _with_record(
    parser: argparse.ArgumentParser, argv: Sequence[str] | None, given: Collection[str]
) -> dict[str, Any]:
    """The settings of this start, those of the run's record among them."""
    args = parser.parse_args(argv)
    _require_text(vars(args))
    check_relative_path(args.model_name, "--model_name")
    if args.resume and args.test_only:
        raise UserError(
            "--resume goes on with a training, --test_only tests what is trained; pass one of them"
        )
    if not args.resume and (not args.test_only or args.load_weights):
        return vars(args)
    folder = Path("models", args.model_name)
    file = _record_file(folder)
    if file is None:
        how, wanted = ("resume", LAST_FILE) if args.resume else ("test_only", BEST_FILE)
        if not any(any(folder.glob(f"**/{name}")) for name in (wanted, LAST_FILE)):
            raise UserError(
                f"there is no run to {how.partition('_')[0]} in {folder}{_others(folder)}; check "
                f"--model_name, or leave out --{how} to train a new run"
            )
        return vars(args)
    then = _recorded(parser, file, of_pair=file.parent != folder)
    told = _named(parser, argv) | set(given)
    free = {*FREE, *(() if args.resume else FREE_IN_TESTING)}
    contradictions = [
        f"{_flag(parser, name)} {_words(value)}, now {_words(getattr(args, name))}"
        for name, value in then.items()
        if name in told and name not in free and not _same(value, getattr(args, name))
    ]
    if contradictions:
        raise UserError(
            f"{folder} was trained with {', '.join(contradictions)}; leave out what differs (a run "
            "knows its settings), or pass another --model_name; to test its weights like this all "
            "the same --load_weights with its checkpoint and another --model_name"
        )
    taken = {name: value for name, value in then.items() if name not in told}
    return {**vars(args), **taken}


def _named(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> set[str]:
    """Names of the flags in `argv`, or in the command line."""
    unset = object()
    blank = argparse.Namespace(**dict.fromkeys(vars(parser.parse_args(argv)), unset))
    return {
        name for name, value in vars(parser.parse_args(argv, blank)).items() if value is not unset
    }


def _tell_unused(settings: Mapping[str, Any], named: Collection[str]) -> None:
    """Says in the log which flags are given that are not looked at, and why."""
    mode = next((name for name in ("features_path", "video_path") if settings.get(name)), None)
    unused = [name for name in _OF_SPLITS if name in named] if mode else []
    if settings["test_only"] and not mode:
        mode, unused = "test_only", [name for name in ("overwrite",) if name in named]
    if unused:
        flags = ", ".join(f"--{name}" for name in unused)
        log.warning("with --%s nothing looks at %s", mode, flags)


def _require_text(settings: Mapping[str, Any]) -> None:
    """Raises UserError if a flag holds bytes that are no text here: a record could not keep it."""
    for name, value in settings.items():
        try:
            _words(value).encode()
        except UnicodeEncodeError:
            shown = _words(value).encode(errors="backslashreplace").decode()
            raise UserError(
                f"--{name} {shown} is not UTF-8, which a run's record is written in; rename that "
                "file or folder, or set PYTHONUTF8=1 if its name is right"
            ) from None


def in_words(settings: Mapping[str, Any]) -> str:
    """All settings in a line: "features A.npy B.npy, LR 0.001"."""
    return ", ".join(f"{name} {_words(value)}" for name, value in settings.items())


def changes(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What of a run's settings is no longer as recorded: "--max_epochs 5 (was 3)"."""
    names = [name for name in recorded if name in now and name not in _OF_THIS_START]
    return [
        f"--{name} {_words(now[name])} (was {_words(recorded[name])})"
        for name in names
        if now[name] != recorded[name] and _words(now[name]) != _words(recorded[name])
    ]


def _record_file(folder: Path) -> Path | None:
    """The record of a run, or of the first of a pair's, which has the pair's flags.

    The pair's own is written when both are trained: until then it may be that of an earlier pair.
    """
    files = [*(folder / part / TRAINED for part in CLASS_SPLITS), folder / TRAINED]
    if any((folder / name).exists() for name in (LAST_FILE, BEST_FILE)):
        files.reverse()  # the run of one model, whatever lies below it
    return next((file for file in files if file.is_file()), None)


def _recorded(parser: argparse.ArgumentParser, file: Path, *, of_pair: bool) -> dict[str, Any]:
    """The settings of a record as the parser would give them.

    Raises UserError naming the file, or the program that trained the run.
    """
    record = read_record(file)
    require_program(record, parser.prog, file.parent)
    settings = record["settings"]
    if of_pair:
        settings = {**settings, "class_split": "both"}
    plain: dict[str, Any] = {}
    words: dict[str, list[str]] = {}
    for action in parser._actions:  # argparse has no other way from a name to its flag
        name, value = action.dest, settings.get(action.dest)
        if name not in settings or name in (*_OF_THIS_START, *_WHERE):
            continue
        if value is None or (isinstance(value, bool) and action.nargs == 0):
            plain[name] = value
        elif isinstance(value, list):
            words[name] = [action.option_strings[0], *map(str, value)]
        else:
            words[name] = [f"{action.option_strings[0]}={value}"]
    complaint = io.StringIO()
    try:
        with redirect_stderr(complaint):
            parsed = vars(parser.parse_args(list(chain(*words.values()))))
    except SystemExit:
        sentence = complaint.getvalue().rpartition("error: ")[2].strip()
        raise UserError(
            f"{file} does not read as the settings of this program ({sentence}); bring back the "
            "file as it was, or remove it and pass all flags"
        ) from None
    return {**plain, **{name: parsed[name] for name in words}}


def _others(folder: Path) -> str:
    there = sorted(file.parent.name for file in folder.parent.glob(f"*/{TRAINED}"))
    return f" (there are {', '.join(there[:10])})" if there else ""


def _flag(parser: argparse.ArgumentParser, name: str) -> str:
    return next(a.option_strings[0] for a in parser._actions if a.dest == name)


def _same(one: object, another: object) -> bool:
    if isinstance(one, Path) and isinstance(another, Path):
        return os.path.abspath(one) == os.path.abspath(another)  # noqa: PTH100 - keeps links
    return one == another


def _words(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
