"""The body of the pooling baselines' `main`."""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

from common.batches import equal_epochs, shuffled_epochs
from common.checkpoints import load_weights
from common.clip_data import ClipDataset, training_clips
from common.clip_training import train_epoch, validate
from common.device import Device, choose_device
from common.distributed import Processes, joined_processes
from common.events import EventClasses, event_classes
from common.fit import Fit, adam, seed_everything
from common.frame_rows import resident_if_it_fits
from common.games import games_at_hand
from common.program import (
    feature_dimension,
    fit_settings,
    load_best,
    log_model,
    prepare_data,
    prepare_run,
)
from common.run_folder import log
from common.split_results import publish_split
from common.window_model import WindowModel
from common.window_spotting import Spotting, spot_split

# Builds a baseline's network from its flags, D, and C.
BuildModel = Callable[[argparse.Namespace, int, int], WindowModel]


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
        prepare_data(args, classes, processes)
        run = Path("models") / args.model_name
        dimension = feature_dimension(args)
        seed_everything(args.seed)
        model = build_model(args, dimension, len(classes)).to(device)
        if args.load_weights:  # now: it may be a file that --overwrite takes away
            load_weights(model, args.load_weights)
        prepare_run(args, run, processes)
        log_model(model, f"{args.pool}, {dimension} features", device, args.precision)
        if not args.test_only:
            _train(args, run, model, classes, device, processes)
        if not (args.test_only and args.load_weights):
            load_best(model, run)
        for split in args.split_test:
            games = games_at_hand(args.SoccerNet_path, [split])
            out = run / f"outputs_{split}"
            spot_split(
                model, args.SoccerNet_path, games, args.features, classes, out, spotting, processes
            )
            if processes.is_main:
                publish_split(run, split, args.SoccerNet_path, games, classes, args.gt_time)


def _train(
    args: argparse.Namespace,
    run: Path,
    model: WindowModel,
    classes: EventClasses,
    device: Device,
    processes: Processes,
) -> None:
    """Trains on clips of the training games, selects on those of the validation games."""

    def clips_of(splits: list[str]) -> ClipDataset:
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
        clips.rows = resident_if_it_fits(clips.rows, device, args.resident)
        log.info("%s: %d games, %d clips", " + ".join(splits), len(games), len(clips))
        if left_out:
            log.warning("%d spots lie behind the last clip of their half: left out", left_out)
        return clips

    optimizer = adam(model, args.LR)
    fit = Fit(
        run,
        model,
        optimizer,
        shuffled_epochs(clips_of(args.split_train), args.seed),
        equal_epochs(clips_of(args.split_valid)),
        fit_settings(args),
        device,
        processes,
        args.resume,
    )
    shared = processes.share_gradients(model)
    fit.run(
        partial(train_epoch, shared, optimizer, precision=args.precision),
        partial(validate, model, precision=args.precision),
    )
