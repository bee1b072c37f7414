"""The average and the PCA that make 512 values of a frame's 2048: recovered, fitted or converted.

    python -m common.pca recover --full 1_ResNET_TF2.npy 2_ResNET_TF2.npy \\
        --reduced 1_ResNET_TF2_PCA512.npy 2_ResNET_TF2_PCA512.npy -o pca512.npz
    python -m common.pca fit */1_own.npy */2_own.npy --dim 512 -o own512.npz
    python -m common.pca convert average_512_TF2.pkl pca_512_TF2.pkl -o pca512.npz
    python -m common.pca apply own512.npz */1_own.npy */2_own.npy

`recover` needs the two public forms of one game, and gives the reduction that the released features
were made with; `convert` gives the same from the original's files, of which nothing is run.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from common.data.features import HalfFeatures, open_features
from common.errors import UserError, counted, run_cli
from common.files import written_whole
from common.training.argument_types import file_to_write, place, positive
from common.training.flags import new_parser
from common.video.feature_notes import read_note, write_note
from common.video.reduction import Reduction, read_reduction, write_reduction

if TYPE_CHECKING:
    from common.video.pca_fitting import Pair

_BLOCK_ROWS = 512
_ROUNDING = 1e-3  # of the deviation of all values


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The words in `argv`, or in the command line."""
    parser = new_parser("python -m common.pca", __doc__ or "", usage="%(prog)s TASK …")
    tasks = parser.add_subparsers(
        dest="task", metavar="TASK", required=True, prog="python -m common.pca"
    )

    def new_task(name: str, text: str) -> argparse.ArgumentParser:
        return tasks.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")

    # fmt: off
    task = new_task("recover", "from features and their reduced form, by least squares")
    for flag, required, text in (
        ("--full", True, "features as they were, one file a half"),
        ("--reduced", True, "the same halves reduced, in the same order"),
        ("--check_full", False, "halves of another game, to check on; every tenth row of the first "
         "is checked on in any case"),
        ("--check_reduced", False, "these halves reduced"),
    ):
        task.add_argument(flag, type=place, nargs="+", required=required, default=[],
                          metavar="FILE", help=text)
    _add_output(task)
    task = new_task("fit", "from own features")
    task.add_argument("features", type=place, nargs="+", metavar="FILE", help="any number of them")
    task.add_argument("--dim", type=positive, default=512, metavar="E",
                      help="values to keep of a row (default: 512)")
    _add_output(task)
    task = new_task("convert", "from the original's two pickles, of which nothing is run")
    task.add_argument("average", type=place, metavar="AVERAGE", help="average_512_TF2.pkl")
    task.add_argument("pca", type=place, metavar="PCA", help="pca_512_TF2.pkl")
    _add_output(task)
    task = new_task("apply", "reduce feature files that are there")
    task.add_argument("pca", type=place, metavar="NPZ", help="file that another task wrote")
    task.add_argument("features", type=place, nargs="+", metavar="FILE",
                      help="of 1_own.npy the reduced form is 1_own_PCA512.npy, beside it")
    task.add_argument("--overwrite", action="store_true", help="replace those that are there")
    # fmt: on
    args = parser.parse_args(argv)
    if args.task != "apply" and args.output.suffix != ".npz":
        parser.error(
            f"argument -o/--output: expected a name that ends in .npz, found {args.output}"
        )
    return args


def _add_output(task: argparse.ArgumentParser) -> None:
    add = task.add_argument
    add("-o", "--output", type=file_to_write, required=True, metavar="NPZ", help="file to write")


def main(argv: Sequence[str] | None = None) -> None:
    """Does one task and tells what came of it."""
    args = parse_arguments(argv)
    if args.task == "apply":
        apply(read_reduction(args.pca), args.features, args.overwrite)
        return
    if args.task == "recover":
        reduction = _recover(
            _pairs(args.full, args.reduced, "--full", "--reduced"),
            _pairs(args.check_full, args.check_reduced, "--check_full", "--check_reduced"),
        )
    elif args.task == "fit":
        reduction = _fit(args.features, args.dim)
    else:
        from common.video.old_pickles import read_published

        reduction = read_published(args.average, args.pca)
    write_reduction(args.output, reduction)
    print(f"{args.output}: {len(reduction.average)} values to {reduction.dimension}")


def _pairs(full: list[Path], reduced: list[Path], one: str, other: str) -> "list[Pair]":
    from common.video.pca_fitting import Pair

    if len(full) != len(reduced):
        raise UserError(
            f"{one} has {counted(len(full), 'file')} and {other} has {len(reduced)}; give the same "
            "halves to both, in the same order"
        )
    return [Pair(open_features(x), open_features(y)) for x, y in zip(full, reduced, strict=True)]


def _recover(pairs: "list[Pair]", others: "list[Pair]") -> Reduction:
    """Recovers, tells how exact it is, and refuses what another game contradicts."""
    from common.video.pca_fitting import TOLERANCE, error_of, recover

    found = recover(pairs)
    print(
        f"recovered from {found.rows} rows; on those left out the largest error is "
        f"{found.error:.1g} of the deviation"
    )
    if found.undetermined:
        print(
            f"in {counted(found.undetermined, 'direction')} of {len(found.reduction.average)} "
            "these rows do not vary, and the map says nothing there; more games would tell"
        )
    if others:
        error = error_of(found.reduction, others)
        print(f"on the other halves: {error:.1g} of the deviation")
        if not error < TOLERANCE:
            raise UserError(
                f"the PCA does not hold for {others[0].full.paths[0]}: an error of {error:.1g} of "
                f"the deviation, expected below {TOLERANCE:g}; nothing is written. Give more games "
                "to --full and --reduced, or check that the files belong together"
            )
    return found.reduction


def _fit(files: list[Path], dimension: int) -> Reduction:
    from common.video.pca_fitting import fit

    fitted = fit([open_features(path) for path in files], dimension)
    print(
        f"fitted on {fitted.rows} rows of {counted(len(files), 'file')}; it keeps "
        f"{fitted.kept:.1%} of their variance"
    )
    return fitted.reduction


def apply(reduction: Reduction, files: Sequence[Path], overwrite: bool = False) -> None:
    """Writes the reduced form of each file beside it; those that are there stay, unless told.

    Raises UserError if a file is no features of the reduction's D, and, when all others are
    written, if files that are there hold something else than would be written.
    """
    others = []
    for path in files:
        out = path.with_name(f"{path.stem}_PCA{reduction.dimension}.npy")
        rows = _reduce(reduction, open_features(path, len(reduction.average)))
        if overwrite or not out.exists():
            with written_whole(out) as temporary, temporary.open("wb") as file:
                np.save(file, rows)
            write_note(out, {**read_note(path), "pca": reduction.digest})
            print(f"{out}: {counted(len(rows), 'row')}")
        elif _holds(out, rows):
            print(f"{out}: is there")
        else:
            print(f"{out}: is there, and holds something else")
            others.append(out)
    if others:
        raise UserError(
            f"{counted(len(others), 'file')} of {len(files)} (the first: {others[0]}) held other "
            "rows than this PCA makes, and stay as they are; --overwrite replaces them"
        )


def _holds(path: Path, rows: np.ndarray) -> bool:
    """Whether a file has these rows [T, E], up to rounding."""
    there = open_features(path)
    if (there.frames, there.dimension) != rows.shape:
        return False
    difference = np.abs(there.rows(0, len(rows)) - rows).max(initial=0)
    return bool(difference <= _ROUNDING * rows.std())


def _reduce(reduction: Reduction, half: HalfFeatures) -> np.ndarray:
    """The reduced rows [T, E] of a half, read in blocks."""
    rows = np.empty((half.frames, reduction.dimension), np.float32)
    for start in range(0, half.frames, _BLOCK_ROWS):
        stop = min(start + _BLOCK_ROWS, half.frames)
        rows[start:stop] = reduction(half.rows(start, stop))
    return rows


if __name__ == "__main__":
    run_cli(main)
