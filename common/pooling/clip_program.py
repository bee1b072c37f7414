"""The body of the pooling baselines' `main`."""

import argparse
from collections.abc import Callable
from functools import partial

from common.data.frame_rows import resident_if_it_fits
from common.data.games import games_at_hand
from common.pooling.clip_data import ClipDataset, training_clips
from common.pooling.clip_training import train_epoch, validate
from common.pooling.window_model import WindowModel
from common.pooling.window_spotting import spot_split
from common.results.split_results import publish_split
from common.training.batches import equal_epochs, shuffled_epochs
from common.training.fit import Fit, adam
from common.training.program import Place, Steps, fit_settings, run_baseline, spotting_settings
from common.training.run_folder import log

# Builds a baseline's network from its flags, D, and C.
BuildModel = Callable[[argparse.Namespace, int, int], WindowModel]


def run_clip_baseline(
    args: argparse.Namespace, build_model: BuildModel, unscored_frames: int
) -> None:
    """Trains and tests as the flags ask.

    Args:
        unscored_frames: see `spotting_settings`.
    """
    steps = Steps(
        build=partial(build_model, args),
        describe=lambda model: f"{args.pool}, {model.features} features",
        train=partial(_train, args),
        test=partial(_test, args, unscored_frames),
        inputs=("window_size", "chunk_size"),
    )
    run_baseline(args, steps)


def _train(args: argparse.Namespace, place: Place, model: WindowModel) -> None:
    """Trains on clips of the training games, selects on those of the validation games."""

    def clips_of(splits: list[str]) -> ClipDataset:
        games = games_at_hand(args.SoccerNet_path, splits)
        clips, left_out = training_clips(
            args.SoccerNet_path,
            games,
            args.features,
            place.classes,
            model.window_frames,
            args.framerate,
            args.label_time,
            model.features,
            args.protocol == "published",
        )
        clips.rows = resident_if_it_fits(clips.rows, place.device, args.resident)
        log.info("%s: %d games, %d clips", " + ".join(splits), len(games), len(clips))
        if left_out:
            log.warning("%d spots lie behind the last clip of their half: left out", left_out)
        return clips

    optimizer = adam(model, args.LR)
    fit = Fit(
        place.run,
        model,
        optimizer,
        shuffled_epochs(clips_of(args.split_train), args.seed),
        equal_epochs(clips_of(args.split_valid)),
        fit_settings(args),
        place.device,
        place.processes,
        args.resume,
    )
    shared = place.processes.share_gradients(model)
    fit.run(
        partial(train_epoch, shared, optimizer, precision=args.precision),
        partial(validate, model, precision=args.precision),
    )


def _test(
    args: argparse.Namespace, unscored_frames: int, place: Place, model: WindowModel, split: str
) -> None:
    """Writes and scores the results of a split."""
    root, out = args.SoccerNet_path, place.run / f"outputs_{split}"
    games = games_at_hand(root, [split])
    spotting = spotting_settings(args, place.device, unscored_frames)
    spot_split(model, root, games, args.features, place.classes, out, spotting, place.processes)
    if place.processes.is_main:
        publish_split(place.run, split, root, games, place.classes, args.gt_time)
