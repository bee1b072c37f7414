"""Trains and tests MaxPool and NetVLAD.

Giancola et al., SoccerNet: A Scalable Dataset for Action Spotting in Soccer Videos, CVPR
Workshops 2018. The defaults are the original program's; the published configurations are presets:

    python Pooling/main.py --SoccerNet_path DATA --preset netvlad-v2

presets: 20 s chunks, batches of 256, suppression over 20 s, and
    maxpool-v1  --version 1 --pool MAX     --NMS_threshold 0.0  --model_name MAXPOOL_v1
    maxpool-v2  --version 2 --pool MAX     --NMS_threshold 0.0  --model_name MAXPOOL_v2
    netvlad-v1  --version 1 --pool NetVLAD --NMS_threshold 0.5  --model_name NETVLAD_v1
    netvlad-v2  --version 2 --pool NetVLAD --NMS_threshold 0.5  --model_name NETVLAD_v2
Flags that are given beside a preset win.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:  # started as a file: the packages lie beside its folder
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common.data.data_set import DataSet
from common.data.events import event_classes
from common.errors import run_cli
from common.results.given_files import FEATURES, VIDEOS, claim_outputs, given_files, open_given
from common.results.predictions import LEGACY_RESULT_FILE, RESULT_FILE
from common.results.suppression import KINDS, Suppression
from common.training.argument_types import confidence, seconds
from common.training.flags import (
    add_data_flags,
    add_device_flags,
    add_run_flags,
    add_training_flags,
    new_parser,
    to_frames,
)
from common.training.recorded_flags import parse_flags
from common.training.trained_settings import (
    require_as_trained,
    trained_classes,
    trained_settings,
)
from common.video.flags import add_given_flags
from common.video.own_videos import VideoFeatures, choose_video_features, open_videos

if TYPE_CHECKING:  # --help does not wait for torch
    from common.training.distributed import Processes
    from common.training.run import Run
    from Pooling.model import PoolingModel

POOLS = ("MAX", "NetVLAD")
PRESETS = {
    f"{name.lower()}-v{version}": {
        "version": version,
        "pool": pool,
        "chunk_size": 20,
        "batch_size": 256,
        "NMS_window": 20,
        "NMS_threshold": threshold,
        "model_name": f"{name}_v{version}",
    }
    for name, pool, threshold in (("MAXPOOL", "MAX", 0.0), ("NETVLAD", "NetVLAD", 0.5))
    for version in (1, 2)
}


def parse_arguments(
    argv: Sequence[str] | None = None, defaults: Mapping[str, Any] | None = None
) -> argparse.Namespace:
    """The published flags, and ours, from `argv` or the command line.

    Args:
        defaults: of flags that are not given, instead of the published ones.
    """
    parser = new_parser("Pooling/main.py", __doc__ or "")
    add_data_flags(parser, features="ResNET_TF2_PCA512.npy")
    add_run_flags(parser, model_name="Pooling")
    add_training_flags(parser, batch_size=32, patience=10)
    add_device_flags(parser)
    add = parser.add_argument_group("pooling").add_argument
    # fmt: off
    add("--preset", choices=PRESETS, help="a published configuration, see above")
    add("--pool", default="MAX", choices=POOLS, help="pooling over the chunk")
    add("--chunk_size", type=seconds, default=60, help="chunk and window, in seconds")
    add("--LRe", type=float, default=1e-6, help="no effect, as in the original")
    add("--NMS", choices=KINDS, default="hard", help="suppression: hard takes away what is near a "
        "peak; soft lowers it, by as much as it is nearer than half a window")
    add("--NMS_window", type=seconds, default=20, help="suppression, in seconds")
    add("--NMS_threshold", type=confidence, default=0.5, help="lowest confidence to report")
    add("--save_scores", action="store_true", help="keep the confidences before suppression of "
        "tested splits, about 0.4 MB per game, for python -m common.ensemble")
    add("--legacy_names", action="store_true",
        help="write each result file also as Predictions-v2.json, the name of 2021")
    # fmt: on
    add_given_flags(parser)
    preset = parser.parse_known_args(argv)[0].preset
    parser.set_defaults(**{**(defaults or {}), **PRESETS.get(preset, {})})
    return parse_flags(parser, argv, given=PRESETS.get(preset, ()), told=defaults is not None)


def build_model(args: argparse.Namespace, features: int, classes: int) -> "PoolingModel":
    """The network that the flags describe, for D features and C classes."""
    from Pooling.model import PoolingModel

    return PoolingModel(
        features, classes, to_frames(args.chunk_size, args.framerate), pool=args.pool
    )


def new_run(args: argparse.Namespace, processes: "Processes", classes: tuple[str, ...]) -> "Run":
    """Where the flags want it to happen."""
    from common.training.device import choose_device
    from common.training.run import Run

    return Run(
        folder=Path("models", args.model_name),
        device=choose_device(args.device, args.GPU, processes.local_rank),
        precision=args.precision,
        capture=args.capture,
        processes=processes,
        published=args.protocol == "published",
        resume=args.resume,
        classes=classes,
    )


def data_set(args: argparse.Namespace) -> DataSet:
    """The data set that the flags describe."""
    return DataSet(
        root=args.SoccerNet_path,
        features=tuple(args.features),
        classes=event_classes(args.SoccerNet_path, args.version),
        framerate=args.framerate,
        label_time=args.label_time,
        gt_time=args.gt_time,
        dimension=args.feature_dim,
    )


def suppression_of(args: argparse.Namespace) -> Suppression:
    """How the flags want detections to be made of confidences."""
    window_frames = to_frames(args.NMS_window, args.framerate)
    return Suppression(window_frames, args.NMS_threshold, soft=args.NMS == "soft")


def file_names(args: argparse.Namespace) -> tuple[str, ...]:
    """Under which names result files are written."""
    return (RESULT_FILE, LEGACY_RESULT_FILE) if args.legacy_names else (RESULT_FILE,)


def main(argv: Sequence[str] | None = None) -> None:
    """Trains on clips, then slides the window along the games of the test splits."""
    args = parse_arguments(argv)
    if args.features_path or args.video_path:
        spot_given(argv)
        return
    suppression = suppression_of(args)
    data = data_set(args)

    from common.training.distributed import joined_processes
    from common.training.optimisation import seed_everything
    from common.training.progress import TrainingSettings
    from common.training.run import fetch_files, load_best, start_run
    from Pooling.test import spot_split
    from Pooling.train import train

    trained = [] if args.test_only else [args.split_train, args.split_valid]
    with joined_processes(args.device) as processes:
        run = new_run(args, processes, data.classes.names)
        if args.download:
            fetch_files(data, [*chain(*trained), *args.split_test], processes)
        data.require_files(args.split_test, trained)
        dimension = data.measure(next(chain(*trained, args.split_test)))
        data = replace(data, dimension=dimension)
        seed_everything(args.seed)
        model = build_model(args, dimension, len(data.classes)).to(run.device)
        with start_run(
            run, model, about=f"{args.pool}, {model.features} features", settings=vars(args),
            training=not args.test_only, overwrite=args.overwrite,
            load_weights_from=args.load_weights, loglevel=args.loglevel,
        ):  # fmt: skip
            if not args.test_only:
                settings = TrainingSettings(
                    learning_rate=args.LR, batch_size=args.batch_size, max_epochs=args.max_epochs,
                    patience=args.patience, evaluation_frequency=args.evaluation_frequency,
                    seed=args.seed, workers=args.max_num_worker,
                )  # fmt: skip
                train(run, data, model, settings, train_on=args.split_train,
                      select_on=args.split_valid, resident=args.resident)  # fmt: skip
            if not (args.test_only and args.load_weights):
                load_best(run, model)
            for split in args.split_test:
                spot_split(run, data, model, split, suppression, file_names=file_names(args),
                           save_scores=args.save_scores)  # fmt: skip


def spot_given(argv: Sequence[str] | None) -> None:
    """Spots in the files of --features_path or --video_path, as the run recorded its settings."""
    from common.results.spots_table import tell_spots
    from common.training.checkpoints import BEST_FILE, load_weights, read_checkpoint
    from common.training.distributed import Processes
    from common.training.run_folder import refuse_other_weights
    from Pooling.model import trained_features
    from Pooling.test import spot_files

    args = parse_arguments(argv, {})
    of_backbone = args.precision  # that of the run is its network's alone
    weights = args.load_weights or Path("models", args.model_name, BEST_FILE)
    trained = trained_settings(weights, vars(args), "Pooling/main.py")
    args = parse_arguments(argv, trained)
    require_as_trained(vars(args), trained, weights.parent)
    data = data_set(args)
    data = replace(data, classes=trained_classes(weights, data.classes, data.root))
    run = new_run(args, Processes(), data.classes.names)
    refuse_other_weights(run.folder, args.load_weights)
    given = given_files(
        args.features_path or args.video_path, data.classes.halves,
        FEATURES if args.features_path else VIDEOS,
    )  # fmt: skip
    state = read_checkpoint(weights)["state_dict"]
    dimension = args.feature_dim or trained_features(state, args.pool)
    model = build_model(args, dimension, len(data.classes)).to(run.device)
    load_weights(model, weights, run.classes)
    if given.flag == FEATURES:
        halves = open_given(given, model.features)
    else:
        how = video_features(args, of_backbone, model.features, weights.parent)
        halves = open_videos(given, run.folder, how, run.device, download=args.download)
    claim_outputs(run.folder, given, vars(args), data.classes.names)
    suppression = suppression_of(args)
    written = spot_files(
        run, data, model, given.name, halves, suppression, file_names=file_names(args)
    )
    tell_spots(halves, written, data.classes.names, weights.parent)


def video_features(
    args: argparse.Namespace, precision: str, needed: int, run: Path
) -> VideoFeatures:
    """How the flags want videos to become the features that the weights of `run` need."""
    return choose_video_features(
        needed,
        run,
        backbone=args.backbone,
        weights=args.backbone_weights,
        pca=args.pca,
        framerate=args.framerate,
        precision=precision,
    )


if __name__ == "__main__":
    run_cli(main)
