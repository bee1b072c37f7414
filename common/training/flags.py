"""The command-line flags that all baselines share. Published names do not change."""

import argparse
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from common.data.games import default_tested
from common.training.argument_types import (
    above_zero,
    not_negative,
    place,
    positive,
    rate,
    seed,
    threads,
    whole,
)

PROTOCOLS = ("corrected", "published")
PRECISIONS = ("fp32", "bf16")
CAPTURE = ("auto", "on", "off")


class _Parser(argparse.ArgumentParser):
    """Takes flags by their whole name only: what is refused, or recorded, has one spelling."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **{**settings, "allow_abbrev": False})

    def error(self, message: str) -> NoReturn:
        """Ends the program; of words that fill the screen only the beginning is shown."""
        super().error(re.sub(r"(\S{60})\S{40,}", r"\1…", message))


def new_parser(
    program: str, description: str, usage: str = "%(prog)s [flags]"
) -> argparse.ArgumentParser:
    """The parser of every program and command.

    Its help shows the defaults and keeps the lines of a description that has several.
    """
    lines = description if "\n" in description else textwrap.fill(description, 79)
    return _Parser(program, description=lines, formatter_class=_Formatter, usage=usage)


def parse_flags(
    parser: argparse.ArgumentParser, argv: Sequence[str] | None = None
) -> argparse.Namespace:
    """The flags in `argv`, or of the command line, with what depends on the data filled in."""
    settings = vars(parser.parse_args(argv))
    return argparse.Namespace(**settings | data_defaults(settings))


def data_defaults(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What of the settings depends on the data and was not given: data root and tested splits.

    Files that are to be spotted in have their root beside them and no splits; without any data the
    root stays None.
    """
    root, found = settings["SoccerNet_path"], {}
    given = settings.get("features_path") or settings.get("video_path")
    if root is None and given:
        root = found["SoccerNet_path"] = given[0].parent
    if given:
        found["split_test"] = []
    elif settings["split_test"] is None:
        found["split_test"] = default_tested(root, complete=settings["download"])
    return found


def to_frames(seconds: float, framerate: float) -> int:
    """Seconds as a number of frames: the nearest one, at least 1."""
    return max(1, int(seconds * framerate + 0.5))


class _Formatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Leaves out defaults that say nothing, or that the help has in brackets itself."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        default, text = action.default, action.help or ""
        if action.required and action.option_strings:
            return f"{text} (required)"
        if default is None or isinstance(default, bool) or default == [] or text.endswith("]"):
            return action.help
        if isinstance(default, list):
            return f"{text} (default: {' '.join(map(str, default))})"
        return super()._get_help_string(action)


def add_data_flags(
    parser: argparse.ArgumentParser, features: str, label_time: str = "gameTime"
) -> None:
    """Where the data is and which part of it to use; `label_time` is the default of that flag."""
    add = parser.add_argument_group("data").add_argument
    # fmt: off
    add("--SoccerNet_path", type=place, metavar="DATA", help="data root")
    add("--features", nargs="+", default=[features], metavar="FILE",
        help="feature files without the half's number; several are joined side by side")
    add("--feature_dim", "--num_features", type=positive, metavar="D",
        help="features per frame to insist on; else as found")
    add("--framerate", type=above_zero, default=2, help="feature rows per second")
    add("--version", type=int, default=2, choices=(1, 2),
        help="SoccerNet labels: 1 (3 classes) or 2 (17); a classes.json at the root goes first")
    add("--split_train", nargs="+", default=["train"], metavar="SPLIT", help="games to train on")
    add("--split_valid", nargs="+", default=["valid"], metavar="SPLIT", help="games to select on")
    add("--split_test", nargs="+", metavar="SPLIT", help="games to spot in, each split by itself "
        "(default: test challenge, as far as the data has them)")
    add("--label-time", choices=("gameTime", "position"), default=label_time,
        help="clock of training labels: whole seconds as published, or milliseconds")
    add("--gt-time", choices=("position", "gameTime"), default="position",
        help="clock of the annotations in the metric: milliseconds, or seconds as in 2021")
    add("--download", action="store_true", help="fetch missing labels and features first")
    # fmt: on


def add_run_flags(parser: argparse.ArgumentParser, model_name: str) -> None:
    """What to do and where to keep it."""
    group = parser.add_argument_group("run")
    add = group.add_argument
    # fmt: off
    add("--model_name", default=model_name, help="results go to models/<model_name>/")
    add("--test_only", action="store_true", help="do not train; test the weights of this "
        "run, with the settings that it recorded")
    add("--load_weights", type=place, metavar="FILE",
        help="checkpoint to start from, or with --test_only to test")
    earlier = group.add_mutually_exclusive_group().add_argument
    earlier("--resume", action="store_true", help="go on with a run that was stopped, with the "
        "settings that it recorded")
    earlier("--overwrite", action="store_true", help="replace the run of this name, as soon as "
        "the new one has a checkpoint")
    add("--protocol", choices=PROTOCOLS, default="corrected",
        help="published: repeat also those quirks of the original that move numbers")
    add("--loglevel", default="INFO", type=str.upper,
        choices=("DEBUG", "INFO", "WARNING", "ERROR"), help="least important lines to log")
    # fmt: on


def add_training_flags(
    parser: argparse.ArgumentParser,
    batch_size: int,
    patience: int | None,
    evaluation_frequency: int = 10,
    purpose: str = "for the log only",
    max_epochs: int = 1000,
) -> None:
    """Optimiser and schedule.

    Args:
        patience: None where the learning rate falls linearly, and nothing is waited for.
        purpose: of the slow validations.
    """
    ends = (
        "ends after --max_epochs, or when the learning rate has fallen to 1e-8 and --patience\n"
        "more epochs bring no lower validation loss"
    )
    if patience is None:
        ends = (
            "ends after --max_epochs, over which the learning rate falls linearly to 1 %; a run\n"
            "that goes on with another number has the rate of that one from there on"
        )
    add = parser.add_argument_group("training", ends).add_argument
    # fmt: off
    add("--max_epochs", type=positive, default=max_epochs, help="epochs at most")
    add("--batch_size", type=positive, default=batch_size, help="items, over all processes")
    add("--LR", type=rate, default=1e-3, help="learning rate of Adam")
    if patience is not None:
        add("--patience", type=not_negative, default=patience,
            help="epochs without a lower validation loss before the learning rate falls tenfold")
    add("--evaluation_frequency", type=positive, default=evaluation_frequency,
        help=f"epochs between slow validations ({purpose})")
    add("--seed", type=seed, default=0, help="of weights, order and dropout")
    # fmt: on


def add_device_flags(parser: argparse.ArgumentParser) -> None:
    """Where and how to compute."""
    add = parser.add_argument_group("device").add_argument
    # fmt: off
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    add("--GPU", type=whole(-1, 1023), default=-1,
        help="number of the CUDA card in nvidia-smi, as published; -1: --device")
    add("--precision", choices=PRECISIONS, default="fp32", help="of matrix products")
    add("--resident", choices=("auto", "yes", "no"), default="auto",
        help="keep all training features on the device; auto: on a CUDA card if they fit")
    add("--capture", choices=CAPTURE, default="auto", help="record a training step on a CUDA card "
        "and launch it whole; the numbers are the same; auto: where it can be done")
    add("--max_num_worker", type=threads, default=4, help="threads that read ahead; 0: none")
    # fmt: on
