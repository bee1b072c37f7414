"""Trains and tests NetVLAD++ and its family.

Giancola and Ghanem, Temporally-Aware Feature Pooling for Action Spotting in Video Broadcasts,
CVPR Workshops 2021. The defaults are the published configuration.

    python TemporallyAwarePooling/main.py --SoccerNet_path DATA --model_name NetVLAD++
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from common.data.data_set import DataSet
from common.data.events import event_classes
from common.errors import UserError, run_cli
from common.results.suppression import Suppression
from common.training.argument_types import confidence, positive, seconds, whole
from common.training.flags import (
    add_data_flags,
    add_device_flags,
    add_run_flags,
    add_training_flags,
    new_parser,
    to_frames,
)
from common.training.recorded_flags import parse_flags

if TYPE_CHECKING:  # --help does not wait for torch
    from TemporallyAwarePooling.model import TemporallyAwareModel

POOLS = ("NetVLAD", "NetVLAD++", "NetRVLAD", "NetRVLAD++", "MAX", "MAX++", "AVG", "AVG++")


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The published flags, and ours, from `argv` or the command line."""
    parser = new_parser("TemporallyAwarePooling/main.py", __doc__ or "")
    add_data_flags(parser, features="ResNET_TF2.npy")
    add_run_flags(parser, model_name="NetVLAD++")
    add_training_flags(parser, batch_size=256, patience=10)
    add_device_flags(parser)
    add = parser.add_argument_group("NetVLAD++").add_argument
    # fmt: off
    add("--pool", default="NetVLAD++", choices=POOLS, help="++: past and future pooled apart")
    add("--vocab_size", type=whole(1, 65_536), default=64,
        help="clusters, of past and future together")
    add("--window_size", type=seconds, default=15, help="window, in seconds")
    add("--proj-dim", default="512", metavar="E",
        help="reduce features to E by a learned layer unless they have E already; none: never")
    add("--LRe", type=float, default=1e-6, help="no effect, as in the original")
    add("--NMS_window", type=seconds, default=30, help="suppression, in seconds")
    add("--NMS_threshold", type=confidence, default=0.0, help="lowest confidence to report")
    # fmt: on
    return parse_flags(parser, argv)


def build_model(args: argparse.Namespace, features: int, classes: int) -> "TemporallyAwareModel":
    """The network that the flags describe, for D features and C classes."""
    from TemporallyAwarePooling.model import TemporallyAwareModel

    try:
        project_to = None if args.proj_dim == "none" else positive(args.proj_dim)
    except (ValueError, argparse.ArgumentTypeError):
        raise UserError(f"--proj-dim must be a number or none, found {args.proj_dim}") from None
    return TemporallyAwareModel(
        features,
        classes,
        to_frames(args.window_size, args.framerate),
        pool=args.pool,
        clusters=args.vocab_size,
        project_to=project_to,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Trains on clips, then slides the window along the games of the test splits."""
    args = parse_arguments(argv)
    suppression = Suppression(to_frames(args.NMS_window, args.framerate), args.NMS_threshold)
    data = DataSet(
        root=args.SoccerNet_path, features=tuple(args.features), framerate=args.framerate,
        classes=event_classes(args.SoccerNet_path, args.version), dimension=args.feature_dim,
        label_time=args.label_time, gt_time=args.gt_time,
    )  # fmt: skip

    from common.training.device import choose_device
    from common.training.distributed import joined_processes
    from common.training.optimisation import seed_everything
    from common.training.progress import TrainingSettings
    from common.training.run import Run, fetch_files, load_best, start_run
    from TemporallyAwarePooling.test import spot_split
    from TemporallyAwarePooling.train import train

    trained = [] if args.test_only else [args.split_train, args.split_valid]
    with joined_processes(args.device) as processes:
        run = Run(
            folder=Path("models", args.model_name), precision=args.precision, processes=processes,
            device=choose_device(args.device, args.GPU, processes.local_rank),
            published=args.protocol == "published", resume=args.resume,
            capture=args.capture, classes=data.classes.names,
        )  # fmt: skip
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
                spot_split(run, data, model, split, suppression)


if __name__ == "__main__":
    run_cli(main)
