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
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from common.data.data_set import DataSet
from common.data.events import event_classes
from common.errors import run_cli
from common.results.suppression import Suppression
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

if TYPE_CHECKING:  # --help does not wait for torch
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


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The published flags, and ours, from `argv` or the command line."""
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
    add("--NMS_window", type=seconds, default=20, help="suppression, in seconds")
    add("--NMS_threshold", type=confidence, default=0.5, help="lowest confidence to report")
    # fmt: on
    preset = parser.parse_known_args(argv)[0].preset
    parser.set_defaults(**PRESETS.get(preset, {}))
    return parse_flags(parser, argv, given=PRESETS.get(preset, ()))


def build_model(args: argparse.Namespace, features: int, classes: int) -> "PoolingModel":
    """The network that the flags describe, for D features and C classes."""
    from Pooling.model import PoolingModel

    return PoolingModel(
        features, classes, to_frames(args.chunk_size, args.framerate), pool=args.pool
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
    from Pooling.test import spot_split
    from Pooling.train import train

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
