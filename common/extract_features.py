"""Features of own videos, or of all videos of a data root.

    python -m common.extract_features --path_video MATCH.mkv --path_features MATCH.npy
    python -m common.extract_features --SoccerNet_path DATA --split train valid --video 224p

By default it follows the rules that the released features were made by, two rows a second: frame i
of a video at r frames per row, counted from 1, is taken if i mod r < 1; it is resized to height 224
by the mean over areas, its middle 224 columns are kept, and the network sees it in the decoder's
order of colours, blue, green, red. Row k, from 0, shows the picture on screen at second (k + 1) / 2
of the video. With --start s above 0 the first row shows second s, the next one s + 1/2.
"""

import argparse
from collections.abc import Callable, Sequence
from functools import cache
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from common.data.features import open_features
from common.errors import UserError, counted, run_cli
from common.files import locked
from common.training.argument_types import (
    file_to_write,
    finite,
    framerate,
    place,
    rate,
    whole,
)
from common.training.flags import PRECISIONS, new_parser
from common.video.frames import TRANSFORMS
from common.video.game_videos import (
    FEATURE_NAMES,
    KINDS,
    HalfVideo,
    games_of,
    half_videos,
    require_folder,
)

if TYPE_CHECKING:
    from common.video.backbones import Backbone
    from common.video.making import Making
    from common.video.reduction import Reduction


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags in `argv`, or in the command line."""
    parser = new_parser("python -m common.extract_features", __doc__ or "")
    add = parser.add_argument_group("one video").add_argument
    # fmt: off
    add("--path_video", type=place, metavar="VIDEO", help="video to read")
    add("--path_features", type=file_to_write, metavar="FILE", help=".npy file to write")
    add("--start", type=finite, metavar="SECONDS", help="leave out what comes before")
    add("--duration", type=rate, metavar="SECONDS", help="take only so much, from the start on")
    add = parser.add_argument_group(
        "a data root", "writes {half}_{NAME}.npy beside each video; files that are there are kept, "
        "so the same\ncommand goes on where it was stopped, if they were made with its settings",
    ).add_argument
    add("--SoccerNet_path", type=place, metavar="DATA", help="data root")
    add("--split", nargs="+", metavar="SPLIT", help="games to take [all that are there]")
    add("--video", choices=KINDS, default="224p", help="files to take: {half}_224p.mkv and so on, "
        "else {half}.mkv; for HQ, a game's video.ini tells start and duration")
    add("--name", help="NAME of the features [ResNET_TF2 of resnet152, else the backbone's]")
    add = parser.add_argument_group("how").add_argument
    add("--overwrite", action="store_true", help="replace features that are there")
    add("--FPS", type=framerate, default=2.0, help="rows per second")
    add("--transform", choices=TRANSFORMS, default="crop",
        help="crop: height 224, middle 224 columns; resize256crop224: height 256, middle square; "
        "resize: the whole picture squeezed")
    add("--backbone", choices=FEATURE_NAMES, default="resnet152", help="network that sees frames")
    add("--backbone_weights", type=place, metavar="FILE",
        help="its weights: of resnet152 Keras' .h5 file; efficientnet-lite0 brings its own")
    add("--download", action="store_true", help="fetch its weights if they are not there")
    add("--pca", type=place, metavar="FILE", help="reduce rows by this .npz of common.pca")
    add("--both", action="store_true", help="with --pca: write the full rows, too; the reduced "
        "ones go to {NAME}_PCA{number}.npy")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    add("--GPU", type=whole(-1, 1023), default=-1,
        help="number of the CUDA card in nvidia-smi, as published; -1: --device")
    add("--precision", choices=PRECISIONS, default="fp32", help="of matrix products")
    # fmt: on
    args = parser.parse_args(argv)
    if (complaint := _complaint(args)) is not None:
        parser.error(complaint)
    return args


def _complaint(args: argparse.Namespace) -> str | None:
    """What does not fit together in the flags."""
    if (args.path_video is None) == (args.SoccerNet_path is None):
        return "give either --path_video and --path_features, or --SoccerNet_path"
    if (args.path_video is None) != (args.path_features is None):
        return "--path_video and --path_features belong together"
    if args.SoccerNet_path and (args.start is not None or args.duration is not None):
        return "--start and --duration are for one video; those of a data root stand in video.ini"
    if args.start is not None and args.start < 0:
        return f"expected --start from 0 on, found {args.start:g}"
    if args.both and args.pca is None:
        return "--both needs --pca FILE"
    if args.name and not args.name.replace("-", "").replace("_", "").isalnum():
        return f"expected letters, digits, - and _ for --name, found {args.name!r}"
    return None


Extract = Callable[[HalfVideo, Path], int]  # features of a half, or a part of it, to a file: rows


def main(argv: Sequence[str] | None = None) -> int:
    """Extracts what is missing, a line per video; 1 if some of a data root could not be."""
    args = parse_arguments(argv)
    reduction = None
    if args.pca:
        from common.video.reduction import read_reduction

        reduction = read_reduction(args.pca)
    suffix = "" if reduction is None else f"_PCA{len(reduction.components)}"
    open_one = cache(lambda: _open_backbone(args, reduction))  # once, and only if need be
    making = _making(args, reduction)

    def extract_one(video: HalfVideo, out: Path) -> int:
        from common.video.extraction import extract

        return extract(
            video.path,
            out,
            open_one(),
            sampling=video.sampling(args.FPS),
            transform=args.transform,
            reduction=reduction,
            reduced_out=_beside(out, suffix) if args.both else None,
        )

    if args.path_video:
        return _extract_video(args, suffix, extract_one, making)
    names = [(args.name or FEATURE_NAMES[args.backbone]) + suffix]
    if args.both:
        names.insert(0, names[0].removesuffix(suffix))
    halves = _halves(args.SoccerNet_path, args.split, args.video, names)
    if args.overwrite or not all(path.is_file() for half in halves for path in half.wanted):
        open_one()  # what is wrong with it is wrong for all
    return _extract_halves(halves, extract_one, making, args.overwrite)


def _making(args: argparse.Namespace, reduction: "Reduction | None") -> "Making":
    from common.video.making import Making

    return Making(
        backbone=args.backbone,
        weights=args.backbone_weights,
        framerate=args.FPS,
        transform=args.transform,
        precision=args.precision,
        reduction=reduction,
    )


def _extract_video(
    args: argparse.Namespace, suffix: str, extract_one: Extract, making: "Making"
) -> int:
    """One video, as the flags say."""
    from common.video.decoding import look_through

    out: Path = args.path_features
    wanted = [out, *([_beside(out, suffix)] if args.both else [])]
    look_through(args.path_video)  # before weights are fetched
    video = HalfVideo(1, args.path_video, args.start, args.duration)
    rows, done, known = _rows_of(video, wanted, extract_one, making, args.overwrite)
    advice = "; --overwrite replaces them" if done == "kept" else ""
    unknown = "" if known else "; nothing tells how they were made"
    print(f"{' and '.join(map(str, wanted))}: {counted(rows, 'row')} {done}{unknown}{advice}")
    return 0


class _Half(NamedTuple):
    """A line of what is printed: a half, or what is wrong with its game."""

    title: str
    video: HalfVideo | None
    wanted: list[Path]
    complaint: str = ""


def _halves(
    root: Path, splits: list[str] | None, kind: str, names: Sequence[str]
) -> Sequence[_Half]:
    """The halves of all games, and the files that they are to become."""
    found = []
    for game in games_of(root, splits):
        try:
            require_folder(root, game)
            videos = half_videos(root / game, kind)
            if not videos:
                raise UserError(f"no {kind} video is there: expected 1_{kind}.mkv or 1.mkv")
        except UserError as error:
            found.append(_Half(game, None, [], str(error)))
            continue
        for video in videos:
            wanted = [root / game / f"{video.half}_{name}.npy" for name in names]
            found.append(_Half(f"{game} half {video.half}", video, wanted))
    return found


def _extract_halves(
    halves: Sequence[_Half], extract_one: Extract, making: "Making", overwrite: bool
) -> int:
    """A line for each half, and at the end how many there were of each kind."""
    tally, unknown = dict.fromkeys(("extracted", "kept", "failed"), 0), 0
    for half in halves:
        done, line = "failed", f"failed: {half.complaint}"
        if half.video:
            try:
                rows, done, known = _rows_of(
                    half.video, half.wanted, extract_one, making, overwrite
                )
                line = f"{counted(rows, 'row')} {done}"
                unknown += not known
            except UserError as error:
                line = f"failed: {error}"
        tally[done] += 1
        print(f"{half.title}: {line}", flush=True)
    if unknown:
        fit = "they are as long and as wide as those that were asked for"
        print(f"of {unknown} kept nothing tells how they were made; {fit}")
    print(", ".join(f"{number} {done}" for done, number in tally.items()))
    return int(tally["failed"] > 0)


class _Done(NamedTuple):
    """Rows of a half's features; extracted or kept; whether it is known how they were made."""

    rows: int
    done: str
    known: bool


def _rows_of(
    video: HalfVideo,
    wanted: Sequence[Path],
    extract_one: Extract,
    making: "Making",
    overwrite: bool,
) -> _Done:
    """Extracts the features of a video unless they are there.

    Raises UserError for files that are there and were made otherwise, unless told to replace them.
    """

    def kept() -> bool:
        return not overwrite and all(path.is_file() for path in wanted)

    folder = wanted[0].parent
    if not kept():
        with locked(folder):
            for left in (e for path in wanted for e in folder.glob(f".{escape(path.name)}.*.tmp")):
                left.unlink(missing_ok=True)  # of a process that died here
            if not kept():  # by another, meanwhile
                if not overwrite and not making.is_known(video, wanted):  # one of several
                    raise UserError(
                        f"some of {' and '.join(map(str, wanted))} is there, and nothing tells how "
                        "it was made; --overwrite replaces it, and under another name both stay"
                    )
                rows = extract_one(video, wanted[0])
                making.note(video, wanted)
                return _Done(rows, "extracted", known=True)
    known = making.is_known(video, wanted)
    return _Done(open_features(wanted[0]).frames, "kept", known)


def _beside(path: Path, suffix: str) -> Path:
    """The file of the reduced rows of those in `path`."""
    return path.with_name(f"{path.stem}{suffix}{path.suffix}")


def _open_backbone(args: argparse.Namespace, reduction: "Reduction | None") -> "Backbone":
    """The network. Raises UserError if the reduction is for rows of another one."""
    from common.training.device import choose_device
    from common.video.backbones import open_backbone
    from common.video.decoding import require_decoder

    require_decoder()
    backbone = open_backbone(
        args.backbone,
        choose_device(args.device, args.GPU),
        weights=args.backbone_weights,
        download=args.download,
        precision=args.precision,
    )
    if reduction is not None and len(reduction.average) != backbone.dimension:
        raise UserError(
            f"{args.pca} reduces rows of {len(reduction.average)} features, and {backbone.name} "
            f"gives {backbone.dimension}; give the one that was made of its rows"
        )
    return backbone


if __name__ == "__main__":
    run_cli(main)
