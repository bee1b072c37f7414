"""Spots in videos or feature files of one's own, by a run that is trained.

    python -m common.spot models/NetVLAD++ 1_224p.mkv 2_224p.mkv

Settings, classes and framerate are those that the run recorded; its own program does the work.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from common.errors import UserError, run_cli
from common.results.confidences import lowest_kept, require_confidence
from common.results.given_files import FEATURES, VIDEOS, find_outputs
from common.results.predictions import RESULT_FILE
from common.results.run_record import TRAINED, programs, read_record, recorded_program
from common.results.typed_commands import ROOT
from common.training.argument_types import file_to_write, place, threshold
from common.training.flags import new_parser
from common.video.flags import add_backbone_flags


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags in `argv`, or in the command line."""
    parser = new_parser(
        "python -m common.spot", __doc__ or "", usage="%(prog)s RUN INPUT [INPUT2 …] [flags]"
    )
    add = parser.add_argument
    # fmt: off
    add("run", type=place, metavar="RUN", help="run folder models/<model_name>")
    add("inputs", type=place, nargs="+", metavar="INPUT",
        help="videos, or feature files (.npy), each a half of one game: 1_… and 2_…, else in "
        "their order")
    add("--threshold", type=threshold,
        help="show spots from this confidence on; auto: from the thresholds that "
        "common.operating_point has saved in the run [auto if there are any, else 0.5]")
    add("--json", type=file_to_write, metavar="FILE",
        help="where to write the shown spots as JSON [spots.json beside all detections]")
    add("--csv", type=file_to_write, metavar="FILE", help="and as CSV [spots.csv there]")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    # fmt: on
    group = parser.add_argument_group("videos")
    group.add_argument("--download", action="store_true", help="fetch the backbone's weights")
    add_backbone_flags(group)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Starts the run's program on the files, then shows and writes what it found."""
    args = parse_arguments(argv)
    if args.json and args.csv and args.json.resolve() == args.csv.resolve():
        raise UserError(f"--json and --csv are the same file, {args.csv}; give each its own")
    flag = kind_of(args.inputs)
    program, folder = program_of(args.run), started_in(args.run)
    require_confidence(args.threshold or 0, args.run)
    words = [sys.executable, str(program), "--model_name", name_of(args.run, folder)]
    words += [f"--{flag}", *map(_absolute, args.inputs), "--device", args.device]
    words += ["--backbone", args.backbone] if args.backbone else []
    for name in ("backbone_weights", "pca"):
        if path := getattr(args, name):
            words += [f"--{name}", _absolute(path)]
    words += ["--download"] if args.download else []
    env = os.environ | {"PYTHONPATH": _search_path(program)}
    done = subprocess.run(words, cwd=folder, env=env, stdout=subprocess.PIPE, check=False)
    if done.returncode:  # it has said why
        return done.returncode if done.returncode > 0 else 1
    from common.results.spots_table import point_of, show_spots, write_spots

    name, classes = find_outputs(args.run, flag, args.inputs)
    outputs = args.run / f"outputs_{name}"
    point, where = point_of(args.run, classes, args.threshold, lowest_kept(args.run, name))
    spots = show_spots(outputs / RESULT_FILE, classes, point, where)
    files = args.json or outputs / "spots.json", args.csv or outputs / "spots.csv"
    about = {"run": str(args.run), "files": [str(path) for path in args.inputs]}
    write_spots(spots, classes, about, *files)
    print("all detections, and what is shown here:", outputs / RESULT_FILE, *files, sep="\n  ")
    return 0


def kind_of(inputs: Sequence[Path]) -> str:
    """The flag that takes these files. Raises UserError for videos and features together."""
    kinds = {FEATURES if path.suffix.lower() == ".npy" else VIDEOS for path in inputs}
    if len(kinds) > 1:
        raise UserError(
            "expected videos or feature files (.npy), found both; start the command once for each"
        )
    return kinds.pop()


def program_of(run: Path) -> Path:
    """The program that trained a run. Raises UserError where its record names none."""
    if not run.is_dir():
        found, advice = "none", ""
        if run.is_file() and (run.parent / TRAINED).is_file():
            found, advice = "a file of a run", f"; give its folder, {run.parent}"
        elif run.is_file():
            found, advice = "a file", "; the run comes first: python -m common.spot RUN INPUT"
        raise UserError(
            f"expected a run folder models/<model_name> at {run}, found {found}{advice}"
        )
    if not (run / TRAINED).is_file():
        raise UserError(
            f"{run} has no {TRAINED}, which tells its program and settings; for weights without a "
            "record start the program itself, with --load_weights and --features_path or "
            "--video_path"
        )
    name = recorded_program(read_record(run / TRAINED))
    if name not in programs():
        raise UserError(
            f"{run / TRAINED} names {name} as the program of the run, expected one of "
            f"{', '.join(sorted(programs()))}; start the program itself, with --features_path or "
            "--video_path"
        )
    return ROOT / name


def started_in(run: Path) -> Path:
    """The folder that holds the models/ of a run. Raises UserError where the run lies elsewhere."""
    above = Path(_absolute(run)).parents
    models = next((folder for folder in above if folder.name == "models"), None)
    if models is None:
        raise UserError(
            f"expected a run folder models/<model_name>, found {run}; move it below a folder "
            "of the name models"
        )
    return models.parent


def name_of(run: Path, folder: Path) -> str:
    """The --model_name of a run below `folder`/models: a name, or a path."""
    return Path(_absolute(run)).relative_to(folder / "models").as_posix()


def _absolute(path: Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100 - keeps links


def _search_path(program: Path) -> str:
    """PYTHONPATH with the root of the program before all others."""
    return os.pathsep.join(
        filter(None, [str(program.parents[1]), os.environ.get("PYTHONPATH", "")])
    )


if __name__ == "__main__":
    run_cli(main)
