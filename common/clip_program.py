"""The body of the pooling baselines' `main`: what they do alike once their flags are read.

The argparse namespace stops here; everything below takes plain named values.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

from common.checkpoints import BEST_FILE, load_weights
from common.clip_data import ClipDataset, ResidentClips, resident_if_it_fits, training_clips
from common.clip_training import train_epoch, validate
from common.data_files import require_files
from common.device import Device, choose_device, describe
from common.distributed import Processes, joined_processes
from common.download import download
from common.errors import UserError
from common.events import EventClasses, event_classes
from common.features import open_game
from common.fit import Fit, FitSettings, adam, seed_everything
from common.games import games_at_hand, list_games
from common.run_folder import log, open_run, record_settings, start_log
from common.split_results import publish_split
from common.window_model import WindowModel
from common.window_spotting import Spotting, spot_split

# Builds a baseline's network from its flags, D, and C.
BuildModel = Callable[[argparse.Namespace, int, int], WindowModel]


def add_clip_flags(parser: argparse.ArgumentParser) -> None:
    """A flag that only programs of clips have."""
    parser.add_argument(
        "--resident",
        choices=("auto", "yes", "no"),
        default="auto",
        help="keep all training features on the device; auto: on a CUDA card if they fit",
    )


def run_clip_baseline(
    args: argparse.Namespace, build_model: BuildModel, unscored_frames: int
) -> None:
    """Trains and tests as the flags ask, in one process or in those that torchrun started.

    Args:
        unscored_frames: how many frames at the end of a half the original does not score; with
            `--protocol published` neither do we.
    """
    published = args.protocol == "published"
    with joined_processes(args.device) as processes:
        device = choose_device(args.device, args.GPU, processes.local_rank)
        spotting = Spotting(
            device,
            args.framerate,
            args.NMS_window * args.framerate,
            args.NMS_threshold,
            args.precision,
            published,
            unscored_frames if published else 0,
        )
        classes = event_classes(args.SoccerNet_path, args.version)
        _prepare_data(args, classes, processes)
        run = Path("models") / args.model_name
        dimension = _feature_dimension(args)
        seed_everything(args.seed)
        model = build_model(args, dimension, len(classes)).to(device)
        if args.load_weights:  # now: it may be a file that --overwrite takes away
            load_weights(model, args.load_weights)
        _prepare_run(args, run, processes)
        log.info("device: %s, %s", describe(device), args.precision)
        parameters = sum(p.numel() for p in model.parameters())
        log.info("model: %s, %d features, %d parameters", args.pool, dimension, parameters)
        if not args.test_only:
            _train(args, run, model, classes, device, processes)
        if not (args.test_only and args.load_weights):
            content = load_weights(model, run / BEST_FILE)
            log.info("testing the weights of epoch %s", content.get("epoch", "?"))
        for split in args.split_test:
            games = games_at_hand(args.SoccerNet_path, [split])
            out = run / f"outputs_{split}"
            spot_split(
                model, args.SoccerNet_path, games, args.features, classes, out, spotting, processes
            )
            if processes.is_main:
                publish_split(run, split, args.SoccerNet_path, games, classes, args.gt_time)


def _prepare_data(args: argparse.Namespace, classes: EventClasses, processes: Processes) -> None:
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


def _prepare_run(args: argparse.Namespace, run: Path, processes: Processes) -> None:
    """Opens the run folder, its log and its record of settings."""
    if processes.is_main:
        open_run(run, training=not args.test_only, resume=args.resume, overwrite=args.overwrite)
        start_log(run, args.loglevel)
        record_settings(run, vars(args), "test" if args.test_only else "train")
    processes.wait_for_all()


def _feature_dimension(args: argparse.Namespace) -> int:
    """D of the features as they are on disk."""
    split = args.split_test[0] if args.test_only else args.split_train[0]
    games = games_at_hand(args.SoccerNet_path, [split])
    if not games:
        raise UserError(f"the split {split} holds no games; check splits.json")
    first, *_ = open_game(args.SoccerNet_path, games[0], args.features, 1, args.feature_dim)
    return first.dimension


def _train(
    args: argparse.Namespace,
    run: Path,
    model: WindowModel,
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
