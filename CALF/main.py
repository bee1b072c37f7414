"""Trains and tests CALF.

Cioppa et al., A Context-Aware Loss Function for Action Spotting in Soccer Videos, CVPR 2020; on 17
classes Deliège et al., SoccerNet-v2, CVPR Workshops 2021. The defaults are the published
configuration.

    python CALF/main.py --SoccerNet_path DATA --model_name CALF_v2
    python CALF/main.py --SoccerNet_path DATA --model_name CALF_v2 --test_only --challenge
    python CALF/main.py --features_path 1_ResNET_TF2_PCA512.npy --load_weights model.pth.tar
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

from common.calf.chunk_shape import ChunkShape
from common.calf.flags import add_result_flags, calf_parser
from common.calf.given_weights import require_classes, trained_features
from common.calf.k_parameters import k_frames, kept_k_frames, tell_k_parameters
from common.data.data_set import DataSet
from common.data.events import event_classes
from common.errors import counted, run_cli
from common.results.given_files import FEATURES, VIDEOS, claim_outputs, given_files, open_given
from common.results.predictions import LEGACY_RESULT_FILE, RESULT_FILE
from common.results.run_record import TRAINED
from common.results.suppression import Suppression
from common.training.flags import to_frames
from common.training.recorded_flags import parse_flags
from common.training.trained_settings import (
    require_as_trained,
    trained_classes,
    trained_settings,
)
from common.video.flags import add_given_flags
from common.video.own_videos import VideoFeatures, choose_video_features, open_videos

if TYPE_CHECKING:  # --help does not wait for torch
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from CALF.loss import Criterion
    from CALF.model import ContextAwareModel
    from common.training.distributed import Processes
    from common.training.progress import TrainingSettings
    from common.training.run import Run


def parse_arguments(
    argv: Sequence[str] | None = None, defaults: Mapping[str, Any] | None = None
) -> argparse.Namespace:
    """The published flags, and ours, from `argv` or the command line.

    Args:
        defaults: of flags that are not given, instead of the published ones.
    """
    parser = calf_parser("CALF/main.py", __doc__ or "", "CALF")
    parser.add_argument(
        "--segmentation_loss",
        default="clean",
        choices=("clean", "legacy"),
        help="form of the context-aware loss, and so what the segmentation means: clean, high for "
        "an action, or legacy, low, as in the released weights",
    )
    add_result_flags(parser)
    add_given_flags(parser)
    parser.set_defaults(**(defaults or {}))
    return parse_flags(parser, argv, told=defaults is not None)


def build_model(args: argparse.Namespace, features: int, classes: int) -> "ContextAwareModel":
    """The network that the flags describe, for D features and C classes."""
    from CALF.model import ContextAwareModel

    shape = ChunkShape(
        to_frames(args.chunk_size, args.framerate),
        to_frames(args.receptive_field, args.framerate),
        args.num_detections,
    )
    return ContextAwareModel(features, classes, shape, args.dim_capsule)


def build_criterion(
    args: argparse.Namespace, k_frames: "NDArray[np.int64]", device: "torch.device"
) -> "Criterion":
    """What the flags want to be minimised, for context parameters [4, C]."""
    import torch

    from CALF.loss import Criterion, context_aware_loss
    from common.calf.legacy_context_loss import legacy_context_loss

    losses = {"clean": context_aware_loss, "legacy": legacy_context_loss}
    return Criterion(
        segmentation_loss=losses[args.segmentation_loss],
        k_frames=torch.from_numpy(k_frames).float().to(device),
        weight_segmentation=args.loss_weight_segmentation,
        weight_detection=args.loss_weight_detection,
        lambda_coord=args.lambda_coord,
        lambda_noobj=args.lambda_noobj,
        published=args.protocol == "published",
    )


def training_settings(args: argparse.Namespace) -> "TrainingSettings":
    """How long, how large, from which seed."""
    from common.training.progress import TrainingSettings

    return TrainingSettings(
        learning_rate=args.LR,
        batch_size=args.batch_size,
        max_epochs=args.max_epochs,
        patience=args.patience,
        evaluation_frequency=args.evaluation_frequency,
        seed=args.seed,
        workers=args.max_num_worker,
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
        most_games=args.tiny,
    )


def suppression_of(args: argparse.Namespace) -> Suppression:
    """How the flags want detections to be made of confidences."""
    window_frames = to_frames(args.NMS_window, args.framerate)
    return Suppression(window_frames, args.NMS_threshold, soft=args.NMS == "soft")


def file_names(args: argparse.Namespace) -> tuple[str, ...]:
    """Under which names result files are written."""
    return (RESULT_FILE, LEGACY_RESULT_FILE) if args.legacy_names else (RESULT_FILE,)


def main(argv: Sequence[str] | None = None) -> None:
    """Trains on chunks, then spots in the games of the test splits, or in one file."""
    args = parse_arguments(argv)
    if args.features_path or args.video_path:
        spot_given(argv)
        return
    suppression = suppression_of(args)
    data = data_set(args)

    from CALF.test import spot_split
    from CALF.train import train
    from common.training.distributed import joined_processes
    from common.training.optimisation import seed_everything
    from common.training.run import fetch_files, load_best, start_run

    tested = ["challenge"] if args.challenge else args.split_test
    trained = [] if args.test_only else [args.split_train, args.split_valid]
    with joined_processes(args.device) as processes:
        run = new_run(args, processes, data.classes.names)
        if args.download:
            fetch_files(data, [*chain(*trained), *tested], processes)
        data.require_files(tested, trained)
        dimension = data.measure(next(chain(*trained, tested)))
        data = replace(data, dimension=dimension)
        for split in dict.fromkeys(chain(*trained, tested)):  # each has games, of such features
            data.measure(split)
        k = None if args.test_only else k_frames(data.classes.names, args.framerate, args.k_params)
        kept = kept_k_frames(run.folder / TRAINED if run.resume else None, data.classes.names, k)
        seed_everything(args.seed)
        model = build_model(args, dimension, len(data.classes)).to(run.device)
        with start_run(
            run, model,
            about=f"{dimension} features, {counted(len(data.classes), 'class', 'classes')}",
            settings={**vars(args), "split_test": tested, **kept}, training=not args.test_only,
            overwrite=args.overwrite, load_weights_from=args.load_weights, loglevel=args.loglevel,
        ):  # fmt: skip
            if k is not None:
                tell_k_parameters(data.classes.names, args.k_params)
                train(
                    run, data, model, training_settings(args), build_criterion(args, k, run.device),
                    k_frames=k, chunks_per_epoch=args.chunks_per_epoch, train_on=args.split_train,
                    select_on=args.split_valid, watched=tested if args.watch_test else (),
                    suppression=suppression, resident=args.resident,
                )  # fmt: skip
            if not (args.test_only and args.load_weights):
                load_best(run, model)
            for split in tested:
                spot_split(
                    run, data, model, split, suppression, plots=args.plots,
                    file_names=file_names(args), inverted=args.segmentation_loss == "legacy",
                )  # fmt: skip


def spot_given(argv: Sequence[str] | None) -> None:
    """Spots in the files of --features_path or --video_path, as the run recorded its settings."""
    from CALF.test import spot_files
    from common.results.spots_table import tell_spots
    from common.training.checkpoints import BEST_FILE, load_weights, read_checkpoint
    from common.training.distributed import Processes
    from common.training.run_folder import refuse_other_weights

    args = parse_arguments(argv, {})
    of_backbone = args.precision  # that of the run is its network's alone
    weights = args.load_weights or Path("models", args.model_name, BEST_FILE)
    trained = trained_settings(weights, vars(args), "CALF/main.py")
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
    require_classes(state, data.classes.names, weights)
    model = build_model(args, args.feature_dim or trained_features(state), len(data.classes))
    load_weights(model.to(run.device), weights, run.classes)
    if given.flag == FEATURES:
        halves = open_given(given, model.features)
    else:
        how = video_features(args, of_backbone, model.features, weights.parent)
        halves = open_videos(given, run.folder, how, run.device, download=args.download)
    claim_outputs(run.folder, given, vars(args), data.classes.names)
    suppression = suppression_of(args)
    written = spot_files(
        run, data, model, given, halves, suppression, file_names=file_names(args),
        inverted=args.segmentation_loss == "legacy",
    )  # fmt: skip
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
