"""Trains and tests dense anchors with displacement.

Soares, Shah and Biswas, Temporally Precise Action Spotting in Soccer Videos Using Dense Detection
Anchors, ICIP 2022. The README says where the defaults differ from the paper.

    python DenseAnchors/main.py --SoccerNet_path DATA --model_name DenseAnchors
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
from common.errors import UserError, run_cli
from common.results.given_files import FEATURES, VIDEOS, claim_outputs, given_files, open_given
from common.results.predictions import LEGACY_RESULT_FILE, RESULT_FILE
from common.results.suppression import KINDS, Suppression
from common.training.argument_types import MOST, confidence, rate, seconds, share, weight, whole
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
    from common.training.progress import TrainingSettings
    from common.training.run import Run
    from DenseAnchors.model import DenseAnchorModel
    from DenseAnchors.test import Scoring


def parse_arguments(
    argv: Sequence[str] | None = None, defaults: Mapping[str, Any] | None = None
) -> argparse.Namespace:
    """The flags that all baselines share, and ours, from `argv` or the command line.

    Args:
        defaults: of flags that are not given, instead of the usual ones.
    """
    parser = new_parser("DenseAnchors/main.py", __doc__ or "")
    add_data_flags(parser, features="ResNET_TF2_PCA512.npy", label_time="position")
    add_run_flags(parser, model_name="DenseAnchors")
    add_training_flags(
        parser, batch_size=32, patience=None, max_epochs=100,
        purpose="whole games, to select the best weights; the last epoch has one, too",
    )  # fmt: skip
    add_device_flags(parser)
    add_anchor_flags(parser)
    add_given_flags(parser)
    parser.set_defaults(**(defaults or {}))
    return parse_flags(parser, argv, told=defaults is not None)


def add_anchor_flags(parser: argparse.ArgumentParser) -> None:
    """Anchors, network, regularisation and what becomes of confidences."""
    add = parser.add_argument_group("dense anchors").add_argument
    # fmt: off
    add("--radius", type=seconds, default=3,
        help="around an event, in seconds, in which a frame is to be confident of it")
    add("--displacement_radius", type=seconds, default=6,
        help="around an event, in seconds, in which a frame is to know how far it is")
    add("--displacement_weight", type=weight, default=0.1,
        help="of the loss of displacements, beside that of confidences; 0: they are not learnt, "
        "with --displace no")
    add("--chunk_size", type=seconds, default=112,
        help="chunk, in seconds; made a multiple of 32 frames")
    add("--chunks_per_epoch", type=whole(1, 10**7), default=8192, help="chunks drawn to train on")
    add("--trunk_channels", type=whole(64, 8192), default=256,
        help="most channels of a level of the U-Net, which has 64, 128, …; 2048 in the paper")
    add("--networks", choices=("joint", "separate"), default="joint",
        help="one for confidences and displacements, or one for each")
    add("--scale", choices=("auto", "none", "largest", "rms"), default="auto",
        help="divide each feature by its largest magnitude in the training games, or all by their "
        "root mean square; auto: the first for more than 512 features, else none")
    add("--dropout", type=share, default=0.0,
        help="share of features, and of values inside the network, that are left out in training")
    add("--mixup", type=whole(0, 100), default=0, metavar="ALPHA",
        help="mix pairs of chunks in shares drawn from Beta(ALPHA, ALPHA); 0: not; 2 in the paper")
    add("--weight_decay", type=rate, default=2e-4,
        help="share of each weight that a step takes off it; falls as the learning rate does")
    add("--select_by", choices=("tight", "loose"), default="tight",
        help="average-mAP on whole games of --split_valid that selects the best weights")
    add("--border", type=seconds, default=14,
        help="at either end of a chunk, in seconds, left to its neighbours when a half is scored")
    add("--displace", choices=("yes", "no"), default="yes",
        help="move confidences to where their displacements point")
    add("--NMS", choices=KINDS, default="soft", help="suppression: hard takes away what is near a "
        "peak; soft lowers it, by as much as it is nearer than half a window")
    add("--NMS_window", type=seconds, default=8, help="suppression, in seconds")
    add("--NMS_threshold", type=confidence, default=0.005, help="lowest confidence to report")
    add("--save_scores", action="store_true", help="keep the confidences before suppression of "
        "tested splits, about 0.4 MB per game, for python -m common.ensemble")
    add("--legacy_names", action="store_true",
        help="write each result file also as Predictions-v2.json, the name of 2021")
    # fmt: on


def build_model(args: argparse.Namespace, features: int, classes: int) -> "DenseAnchorModel":
    """The network that the flags describe, for D features and C classes."""
    from DenseAnchors.model import MULTIPLE, DenseAnchorModel

    multiples = max(1, round(args.chunk_size * args.framerate / MULTIPLE))
    return DenseAnchorModel(
        features,
        classes,
        multiples * MULTIPLE,
        most_channels=args.trunk_channels,
        dropout=args.dropout,
        scaled=args.scale in ("largest", "rms") or (args.scale == "auto" and features > 512),
        separate=args.networks == "separate",
    )


def scoring_of(args: argparse.Namespace, chunk_frames: int) -> "Scoring":
    """How the flags want halves to be scored.

    Raises UserError for a border without an inside, and for displacements that are not learnt.
    """
    from DenseAnchors.test import Scoring

    if args.displace == "yes" and not args.displacement_weight:
        raise UserError(
            "--displacement_weight 0 learns no displacements to move confidences by; pass "
            "--displace no, too"
        )
    border = to_frames(args.border, args.framerate)
    if 2 * border >= chunk_frames:
        raise UserError(
            f"--border {args.border} leaves nothing of chunks of {chunk_frames / args.framerate:g} "
            "s, as two borders are as long; pass a shorter one, or a longer --chunk_size"
        )
    reach = to_frames(args.displacement_radius, args.framerate)
    return Scoring(border, reach, displaced=args.displace == "yes")


def training_settings(args: argparse.Namespace) -> "TrainingSettings":
    """How long, how large, from which seed."""
    from common.training.progress import TrainingSettings

    return TrainingSettings(
        learning_rate=args.LR,
        batch_size=args.batch_size,
        max_epochs=args.max_epochs,
        patience=MOST,  # the learning rate waits for nothing
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
    )


def suppression_of(args: argparse.Namespace) -> Suppression:
    """How the flags want detections to be made of confidences."""
    window_frames = to_frames(args.NMS_window, args.framerate)
    return Suppression(window_frames, args.NMS_threshold, soft=args.NMS == "soft")


def file_names(args: argparse.Namespace) -> tuple[str, ...]:
    """Under which names result files are written."""
    return (RESULT_FILE, LEGACY_RESULT_FILE) if args.legacy_names else (RESULT_FILE,)


def main(argv: Sequence[str] | None = None) -> None:
    """Trains on chunks, then spots in the games of the test splits, or in files of one's own."""
    args = parse_arguments(argv)
    if args.features_path or args.video_path:
        spot_given(argv)
        return
    suppression = suppression_of(args)
    data = data_set(args)

    from common.training.distributed import joined_processes
    from common.training.optimisation import seed_everything
    from common.training.run import fetch_files, load_best, start_run
    from DenseAnchors.test import spot_split
    from DenseAnchors.train import train

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
        scoring = scoring_of(args, model.chunk_frames)
        about = f"chunks of {model.chunk_frames} frames, {dimension} features"
        with start_run(
            run, model, about=about, settings=vars(args), training=not args.test_only,
            overwrite=args.overwrite, load_weights_from=args.load_weights, loglevel=args.loglevel,
        ):  # fmt: skip
            if not args.test_only:
                train(
                    run, data, model, training_settings(args), scoring=scoring,
                    radius=to_frames(args.radius, args.framerate), decay=args.weight_decay,
                    displacement_weight=args.displacement_weight,
                    chunks_per_epoch=args.chunks_per_epoch, mixup=args.mixup, scale=args.scale,
                    train_on=args.split_train, select_on=args.split_valid,
                    select_by=args.select_by, suppression=suppression, resident=args.resident,
                )  # fmt: skip
            if not (args.test_only and args.load_weights):
                load_best(run, model)
            for split in args.split_test:
                spot_split(
                    run, data, model, split, scoring, suppression, file_names=file_names(args),
                    save_scores=args.save_scores,
                )  # fmt: skip


def spot_given(argv: Sequence[str] | None) -> None:
    """Spots in the files of --features_path or --video_path, as the run recorded its settings."""
    from common.results.spots_table import tell_spots
    from common.training.checkpoints import BEST_FILE, load_weights, read_checkpoint
    from common.training.distributed import Processes
    from common.training.run_folder import refuse_other_weights
    from DenseAnchors.model import trained_features
    from DenseAnchors.test import spot_files

    args = parse_arguments(argv, {})
    of_backbone = args.precision  # that of the run is its network's alone
    weights = args.load_weights or Path("models", args.model_name, BEST_FILE)
    trained = trained_settings(weights, vars(args), "DenseAnchors/main.py")
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
    dimension = args.feature_dim or trained_features(read_checkpoint(weights)["state_dict"])
    model = build_model(args, dimension, len(data.classes)).to(run.device)
    scoring = scoring_of(args, model.chunk_frames)
    load_weights(model, weights, run.classes)
    if given.flag == FEATURES:
        halves = open_given(given, model.features)
    else:
        how = video_features(args, of_backbone, model.features, weights.parent)
        halves = open_videos(given, run.folder, how, run.device, download=args.download)
    claim_outputs(run.folder, given, vars(args), data.classes.names)
    written = spot_files(
        run, data, model, given.name, halves, scoring, suppression_of(args),
        file_names=file_names(args),
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
