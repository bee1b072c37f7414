"""Trains and tests NetVLAD++ and its family.

Giancola and Ghanem, Temporally-Aware Feature Pooling for Action Spotting in Video Broadcasts,
CVPR Workshops 2021. The defaults are the published configuration.

    python TemporallyAwarePooling/main.py --SoccerNet_path DATA --model_name NetVLAD++
"""

import argparse
from functools import partial
from pathlib import Path

from common.checkpoints import BEST_FILE, load_weights
from common.data_files import require_files
from common.device import Device, choose_device, describe
from common.distributed import Processes, joined_processes
from common.download import download
from common.errors import UserError, run_cli
from common.events import EventClasses, event_classes
from common.fit import Fit, FitSettings, adam, seed_everything
from common.flags import (
    add_data_flags,
    add_device_flags,
    add_run_flags,
    add_training_flags,
    new_parser,
    positive,
)
from common.games import games_at_hand, list_games
from common.run_folder import log, open_run, record_settings, start_log
from common.split_results import publish_split
from TemporallyAwarePooling.dataset import (
    ClipDataset,
    ResidentClips,
    open_game,
    resident_if_it_fits,
    training_clips,
)
from TemporallyAwarePooling.model import POOLS, PROJECTED, TemporallyAwareModel
from TemporallyAwarePooling.test import Spotting, spot_split
from TemporallyAwarePooling.train import train_epoch, validate


def parse_arguments() -> argparse.Namespace:
    """The published flags, and ours."""
    parser = new_parser("TemporallyAwarePooling/main.py", __doc__ or "")
    add_data_flags(parser, features="ResNET_TF2.npy")
    add_run_flags(parser, model_name="NetVLAD++")
    add_training_flags(parser, batch_size=256, patience=10)
    add_device_flags(parser)
    add = parser.add_argument_group("NetVLAD++").add_argument
    # fmt: off
    add("--pool", default="NetVLAD++", choices=POOLS, help="++: past and future pooled apart")
    add("--vocab_size", type=positive, default=64, help="clusters, of past and future together")
    add("--window_size", type=positive, default=15, help="window, in seconds")
    add("--proj-dim", default=str(PROJECTED), metavar="E",
        help="reduce features to E by a learned layer unless they have E already; none: never")
    add("--NMS_window", type=positive, default=30, help="suppression, in seconds")
    add("--NMS_threshold", type=float, default=0.0, help="lowest confidence to report")
    add("--resident", choices=("auto", "yes", "no"), default="auto",
        help="keep all training features on the device; auto: on a CUDA card if they fit")
    # fmt: on
    return parser.parse_args()


def main() -> None:
    """Runs what the flags ask for, in one process or in those that torchrun started."""
    args = parse_arguments()
    with joined_processes(args.device) as processes:
        device = choose_device(args.device, args.GPU, processes.local_rank)
        spotting = Spotting(
            device,
            args.framerate,
            args.NMS_window * args.framerate,
            args.NMS_threshold,
            args.precision,
            published=args.protocol == "published",
        )
        classes = event_classes(args.SoccerNet_path, args.version)
        prepare_data(args, classes, processes)
        run = Path("models") / args.model_name
        model = build_model(args, classes).to(device)
        if args.load_weights:  # now: it may be a file that --overwrite takes away
            load_weights(model, args.load_weights)
        prepare_run(args, run, processes)
        log.info("device: %s, %s", describe(device), args.precision)
        parameters = sum(p.numel() for p in model.parameters())
        log.info("model: %s, %d features, %d parameters", args.pool, model.features, parameters)
        if not args.test_only:
            train(args, run, model, classes, device, processes)
        if not (args.test_only and args.load_weights):
            content = load_weights(model, run / BEST_FILE)
            log.info("testing the weights of epoch %s", content.get("epoch", "?"))
        for split in args.split_test:
            games = games_at_hand(args.SoccerNet_path, [split])
            spot_split(
                model, args.SoccerNet_path, games, args.features, classes,
                run / f"outputs_{split}", spotting, processes,
            )  # fmt: skip
            if processes.is_main:
                publish_split(run, split, args.SoccerNet_path, games, classes, args.gt_time)


def prepare_data(args: argparse.Namespace, classes: EventClasses, processes: Processes) -> None:
    """Makes sure that all files are there, before hours are spent; downloads only when told to."""
    trained_on = () if args.test_only else (args.split_train, args.split_valid)
    labelled = [split for splits in trained_on for split in splits]
    root, features = args.SoccerNet_path, args.features
    if args.download and processes.is_main:
        splits = list(dict.fromkeys((*labelled, *args.split_test)))
        download(root, splits, features, classes.label_file, classes.halves)
    processes.wait_for_all()
    require_files(root, args.split_test, features, None, classes.halves)
    require_files(root, labelled, features, classes.label_file, classes.halves)
    for splits in trained_on:
        list_games(root, splits)  # which refuses to count a game twice


def prepare_run(args: argparse.Namespace, run: Path, processes: Processes) -> None:
    """Opens the run folder, its log and its record of settings."""
    if processes.is_main:
        open_run(run, training=not args.test_only, resume=args.resume, overwrite=args.overwrite)
        start_log(run, args.loglevel)
        record_settings(run, vars(args), "test" if args.test_only else "train")
    processes.wait_for_all()


def build_model(args: argparse.Namespace, classes: EventClasses) -> TemporallyAwareModel:
    """The network for the features as they are on disk, with weights drawn from the seed."""
    split = args.split_test[0] if args.test_only else args.split_train[0]
    games = games_at_hand(args.SoccerNet_path, [split])
    if not games:
        raise UserError(f"the split {split} holds no games; check splits.json")
    first, *_ = open_game(args.SoccerNet_path, games[0], args.features, 1, args.feature_dim)
    try:
        project_to = None if args.proj_dim == "none" else positive(args.proj_dim)
    except (ValueError, argparse.ArgumentTypeError):
        raise UserError(f"--proj-dim must be a number or none, found {args.proj_dim}") from None
    seed_everything(args.seed)
    return TemporallyAwareModel(
        first.dimension,
        len(classes),
        args.window_size * args.framerate,
        args.pool,
        args.vocab_size,
        project_to,
    )


def train(
    args: argparse.Namespace,
    run: Path,
    model: TemporallyAwareModel,
    classes: EventClasses,
    device: Device,
    processes: Processes,
) -> None:
    """Trains on clips of the training games, selects on those of the validation games."""

    def clips_of(splits: list[str]) -> ClipDataset | ResidentClips:
        games = games_at_hand(args.SoccerNet_path, splits)
        clips, left_out = training_clips(
            args.SoccerNet_path,
            games,
            args.features,
            classes,
            model.window_frames,
            args.framerate,
            args.label_time,
            model.features,
            args.protocol == "published",
        )
        log.info("%s: %d games, %d clips", " + ".join(splits), len(games), len(clips))
        if left_out:
            log.warning("%d spots lie behind the last clip of their half: left out", left_out)
        return resident_if_it_fits(clips, device, args.resident)

    optimizer = adam(model, args.LR)
    settings = FitSettings(
        batch_size=args.batch_size,
        max_epochs=args.max_epochs,
        patience=args.patience,
        evaluation_frequency=args.evaluation_frequency,
        seed=args.seed,
        workers=args.max_num_worker,
    )
    fit = Fit(
        run,
        model,
        optimizer,
        clips_of(args.split_train),
        clips_of(args.split_valid),
        settings,
        device,
        processes,
        args.resume,
    )
    shared = processes.share_gradients(model)
    fit.run(
        partial(train_epoch, shared, optimizer, precision=args.precision),
        partial(validate, model, precision=args.precision),
    )


if __name__ == "__main__":
    run_cli(main)
