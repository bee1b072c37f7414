"""Trains and tests CALF with the players on a top view of the pitch.

Cioppa et al., Camera Calibration and Player Localization in SoccerNet-v2 and Investigation of their
Representations for Action Spotting, CVPR Workshops 2021. The visual classes are spotted with the
players, the others without, and the results are put together:

    python CALF_Calibration/main.py --SoccerNet_path DATA --model_name Calib --class_split both \\
        --backbone_feature 2DConv --backbone_player 3DConv --feature_multiplier 2 \\
        --calibration --calibration_field --calibration_cone
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

from CALF_Calibration.flags import add_player_flags
from common.calf.chunk_shape import ChunkShape
from common.calf.flags import add_result_flags, calf_parser
from common.calf.given_weights import require_classes, trained_features
from common.calf.k_parameters import k_frames, kept_k_frames, tell_k_parameters
from common.calibration.flags import add_branch_flags, check_calibration_flags, tell_idle_flags
from common.data.data_set import DataSet
from common.data.events import CLASS_SPLITS, event_classes, split_classes
from common.errors import UserError, counted, needs_extra, run_cli
from common.results.given_files import FEATURES, VIDEOS, claim_outputs, given_files, open_given
from common.results.predictions import LEGACY_RESULT_FILE, RESULT_FILE
from common.results.run_record import TRAINED
from common.results.suppression import Suppression
from common.training.argument_types import not_negative
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

    from CALF_Calibration.dataset import Players
    from CALF_Calibration.frozen_features import FrozenNetwork
    from CALF_Calibration.loss import Criterion
    from CALF_Calibration.model import PlayerBranch, TopViewModel
    from common.calibration.top_view import TopView
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
    parser = calf_parser("CALF_Calibration/main.py", __doc__ or "", "CALF_Calibration")
    add_branch_flags(parser, "3DConv")
    add_player_flags(parser)
    add = parser.add_argument
    add("--dist_graph_player", type=not_negative, default=25, help="no effect, as in the original")
    add("--with_dense", action="store_true",
        help="with --with_resnet: one layer over its vectors in place of a pyramid")  # fmt: skip
    add_result_flags(parser)
    add_given_flags(parser)
    parser.set_defaults(**(defaults or {}))
    args = parse_flags(parser, argv, told=defaults is not None)
    check_calibration_flags(args.dim_representation_c, args.with_dropout)
    if args.backbone_player not in (None, "3DConv"):
        raise UserError(f"--backbone_player must be 3DConv, found {args.backbone_player}")
    return args


def drawn_view(args: argparse.Namespace) -> "TopView":
    """How the flags want a frame to be drawn."""
    with needs_extra("calibration", "drawing a top view"):  # before there is anything to lose
        import cv2  # noqa: F401

    from common.calibration.top_view import TopView

    return TopView(
        width=args.dim_representation_w,
        height=args.dim_representation_h,
        player=args.dim_representation_player,
        calibration=args.calibration,
        field=args.calibration_field,
        cone=args.calibration_cone,
        physic=args.calibration_physic,
        trail=args.with_trail,
        teacher=args.teacher,
        published=args.protocol == "published",
        margin=args.pitch_margin,
    )


def frozen_network(args: argparse.Namespace) -> "FrozenNetwork":
    """The network that the flags want top views to be seen through."""
    from CALF_Calibration.frozen_features import FrozenNetwork

    return FrozenNetwork(args.with_resnet, args.resnet_weights, args.protocol == "published")


def build_players(args: argparse.Namespace) -> "Players":
    """How the flags want players to be read; None without --backbone_player."""
    from CALF_Calibration.dataset import PlayersByTopView, PlayersByVector

    if args.backbone_player is None:
        return None
    view = drawn_view(args)
    if not args.with_resnet:
        return PlayersByTopView(view, args.cache_dir, grey_tests=view.published)
    return PlayersByVector(frozen_network(args).file_name(view), view, args.cache_dir)


def build_branch(args: argparse.Namespace, width: int, receptive_frames: int) -> "PlayerBranch":
    """How the flags want the network to see players."""
    from CALF_Calibration.model import DenseBranch, FeatureBranch, PictureBranch

    if not args.with_resnet:
        return PictureBranch(width, receptive_frames)
    vectors = frozen_network(args).dimension
    if args.with_dense:
        return DenseBranch(width, vectors)
    return FeatureBranch(vectors, width, receptive_frames)


def build_model(
    args: argparse.Namespace, features: int, classes: int, *, with_players: bool = True
) -> "TopViewModel":
    """The network that the flags describe, for D features and C classes.

    Args:
        with_players: otherwise one that looks at the features alone, whatever the flags say.
    """
    from CALF_Calibration.model import TopViewModel
    from common.calibration.branches import branch_width

    shape = ChunkShape(
        to_frames(args.chunk_size, args.framerate),
        to_frames(args.receptive_field, args.framerate),
        args.num_detections,
    )
    has_players = with_players and args.backbone_player is not None
    has_features = not with_players or args.backbone_feature is not None
    width = branch_width(args.feature_multiplier, features=has_features, players=has_players)
    return TopViewModel(
        features,
        classes,
        shape,
        capsule=args.dim_capsule,
        multiplier=args.feature_multiplier,
        feature_branch=has_features,
        player_branch=build_branch(args, width, shape.receptive_frames) if has_players else None,
        dropout=args.with_dropout,
    )


def build_criterion(
    args: argparse.Namespace, k_frames: "NDArray[np.int64]", device: "torch.device"
) -> "Criterion":
    """What the flags want to be minimised, for context parameters [4, C]."""
    import torch

    from CALF_Calibration.loss import Criterion

    return Criterion(
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


def new_run(
    args: argparse.Namespace, name: str, processes: "Processes", classes: tuple[str, ...]
) -> "Run":
    """Where the flags want it to happen, in models/<name>."""
    from common.training.device import choose_device
    from common.training.run import Run

    return Run(
        folder=Path("models", name),
        device=choose_device(args.device, args.GPU, processes.local_rank),
        precision=args.precision,
        capture=args.capture,
        processes=processes,
        published=args.protocol == "published",
        resume=args.resume,
        classes=classes,
    )


def data_set(args: argparse.Namespace, class_split: str | None) -> DataSet:
    """The data set that the flags describe, with all classes or those of a split."""
    return DataSet(
        root=args.SoccerNet_path,
        features=tuple(args.features),
        classes=split_classes(event_classes(args.SoccerNet_path, args.version), class_split),
        framerate=args.framerate,
        label_time=args.label_time,
        gt_time=args.gt_time,
        dimension=args.feature_dim,
        most_games=args.tiny,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Trains and tests one model, or one for each class split."""
    args = parse_arguments(argv)
    if args.features_path or args.video_path:
        spot_given(argv)
        return
    tell_idle_flags(vars(args))
    if args.class_split == "both":
        train_and_test_pair(args)
    else:
        train_and_test(args, args.model_name, args.class_split)


def train_and_test(
    args: argparse.Namespace, name: str, class_split: str | None, *, with_players: bool = True
) -> None:
    """Trains a model on chunks, then spots in the games of the test splits."""
    from CALF_Calibration.test import spot_split
    from CALF_Calibration.train import train
    from common.training.distributed import joined_processes
    from common.training.optimisation import seed_everything
    from common.training.run import load_best, start_run

    suppression = suppression_of(args)
    data, players = data_set(args, class_split), build_players(args) if with_players else None
    tested = ["challenge"] if args.challenge else args.split_test
    trained = [] if args.test_only else [args.split_train, args.split_valid]
    with joined_processes(args.device) as processes:
        run = new_run(args, name, processes, data.classes.names)
        require_files(args, data, players, processes)
        dimension = data.measure(next(chain(*trained, tested)))
        data = replace(data, dimension=dimension)
        for split in dict.fromkeys(chain(*trained, tested)):  # each has games, of such features
            data.measure(split)
        k = None if args.test_only else k_frames(data.classes.names, args.framerate, args.k_params)
        kept = kept_k_frames(run.folder / TRAINED if run.resume else None, data.classes.names, k)
        seed_everything(args.seed)
        model = build_model(args, dimension, len(data.classes), with_players=with_players)
        model = model.to(run.device)
        with start_run(
            run, model,
            about=f"{dimension} features, {counted(len(data.classes), 'class', 'classes')}",
            settings={**recorded(args, name, class_split, with_players), **kept},
            training=not args.test_only, overwrite=args.overwrite,
            load_weights_from=args.load_weights, loglevel=args.loglevel,
        ):  # fmt: skip
            if k is not None:
                tell_k_parameters(data.classes.names, args.k_params)
                train(
                    run, data, players, model, training_settings(args),
                    criterion=build_criterion(args, k, run.device), k_frames=k,
                    suppression=suppression, chunks_per_epoch=args.chunks_per_epoch,
                    train_on=args.split_train,
                    select_on=args.split_valid, watched=tested if args.watch_test else (),
                    resident=args.resident,
                )  # fmt: skip
            if not (args.test_only and args.load_weights):
                load_best(run, model)
            for split in tested:
                spot_split(
                    run, data, players, model, split, suppression=suppression, plots=args.plots,
                    file_names=file_names(args),
                )  # fmt: skip


def require_files(
    args: argparse.Namespace, data: DataSet, players: "Players", processes: "Processes"
) -> None:
    """Makes sure that all files are there, before hours are spent; downloads when told to."""
    from common.training.run import fetch_files

    tested = ["challenge"] if args.challenge else args.split_test
    trained = [] if args.test_only else [args.split_train, args.split_valid]
    further = players.files if players else ()
    if args.download:
        fetch_files(data, [*chain(*trained), *tested], processes, further)
    data.require_files(tested, trained)
    if players:
        data.require_further(chain(*trained, tested), players.missing_files, further)


def suppression_of(args: argparse.Namespace) -> Suppression:
    """How the flags want detections to be made of confidences."""
    window_frames = to_frames(args.NMS_window, args.framerate)
    return Suppression(window_frames, args.NMS_threshold, soft=args.NMS == "soft")


def file_names(args: argparse.Namespace) -> tuple[str, ...]:
    """Under which names result files are written."""
    return (RESULT_FILE, LEGACY_RESULT_FILE) if args.legacy_names else (RESULT_FILE,)


def recorded(
    args: argparse.Namespace, name: str, class_split: str | None, with_players: bool
) -> dict[str, Any]:
    """The settings of one model, as its run records them."""
    alone = {} if with_players else {"backbone_player": None, "backbone_feature": "2DConv"}
    tested = ["challenge"] if args.challenge else args.split_test
    own = {"model_name": name, "class_split": class_split, "split_test": tested, **alone}
    return {**vars(args), "segmentation_loss": "legacy", **own}


def train_and_test_pair(args: argparse.Namespace) -> None:
    """The visual classes with the players, as published the others without, and both together."""
    from common.calibration.both_splits import held_pair, publish_pair, require_pair
    from common.results.run_record import record_settings
    from common.training.distributed import is_first_process
    from common.training.run_folder import remove_results

    folder = Path("models", args.model_name)
    require_pair(
        folder, training=not args.test_only, resume=args.resume, overwrite=args.overwrite,
        load_weights=args.load_weights,
    )  # fmt: skip
    for part in () if args.test_only else CLASS_SPLITS:  # before hours are spent on the first
        k_frames(data_set(args, part).classes.names, args.framerate, args.k_params)
    with held_pair(folder):
        train_and_test(args, f"{args.model_name}/visual", "visual")
        if args.overwrite and not args.test_only and is_first_process():
            remove_results(folder)  # merged of a model that has just been replaced
        train_and_test(args, f"{args.model_name}/nonvisual", "nonvisual", with_players=False)
        if is_first_process():  # which has all results
            record_settings(folder, recorded(args, args.model_name, "both", True),
                            "test" if args.test_only else "train")  # fmt: skip
            for split in ["challenge"] if args.challenge else args.split_test:
                publish_pair(folder, split, data_set(args, None))


def spot_given(argv: Sequence[str] | None) -> None:
    """Spots in the files of --features_path or --video_path, as the run recorded its settings."""
    from CALF_Calibration.test import spot_files
    from common.calibration.both_splits import require_one_model
    from common.calibration.players import refuse_players
    from common.results.spots_table import tell_spots
    from common.training.checkpoints import BEST_FILE, load_weights, read_checkpoint
    from common.training.distributed import Processes
    from common.training.run_folder import refuse_other_weights

    args = parse_arguments(argv, {})
    of_backbone = args.precision  # that of the run is its network's alone
    weights = args.load_weights or Path("models", args.model_name, BEST_FILE)
    trained = trained_settings(weights, vars(args), "CALF_Calibration/main.py")
    args = parse_arguments(argv, trained)
    require_one_model(args.class_split, args.model_name)
    refuse_players(args.backbone_player, args.teacher)
    require_as_trained(vars(args), trained, weights.parent)
    data = data_set(args, args.class_split)
    data = replace(data, classes=trained_classes(weights, data.classes, data.root))
    run = new_run(args, args.model_name, Processes(), data.classes.names)
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
