"""The body of every baseline's `main`: prepare, build, train, test.

The argparse namespace stops in the programs; everything below takes plain named values.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import nn

from common.data.events import EventClasses, event_classes
from common.data.features import open_game
from common.data.fetching import download
from common.data.games import games_at_hand, list_games
from common.data.wanted_files import require_files
from common.errors import UserError
from common.results.run_record import check_same_inputs, record_settings
from common.results.spotting import Spotting
from common.results.suppression import check_suppression
from common.training.checkpoints import BEST_FILE, load_weights
from common.training.device import choose_device, describe
from common.training.distributed import Processes, joined_processes
from common.training.fit import FitSettings, seed_everything
from common.training.run_folder import log, open_run, start_log

Model = TypeVar("Model", bound=nn.Module)


@dataclass(frozen=True)
class Place:
    """Where a run happens: its folder, device, classes and processes."""

    run: Path
    device: torch.device
    classes: EventClasses
    processes: Processes


@dataclass(frozen=True)
class Steps(Generic[Model]):
    """What makes one baseline's program different from another's.

    Attributes:
        build: the network for D features and C classes.
        describe: its kind, for the log.
        train: leaves its best weights in the run's folder.
        test: writes and scores what it finds in a split.
        narrow: the classes to learn, of those that the data set has.
        check_game: files that a game needs beside features and labels, and lacks.
        further_files: their names without the number of the half, as they are downloaded.
        inputs: settings that decide, beside the features, what the network sees.
    """

    build: Callable[[int, int], Model]
    describe: Callable[[Model], str]
    train: Callable[[Place, Model], None]
    test: Callable[[Place, Model, str], None]
    narrow: Callable[[EventClasses], EventClasses] = lambda classes: classes
    check_game: Callable[[Path, EventClasses], list[Path]] = lambda folder, classes: []
    further_files: Sequence[str] = ()
    inputs: Sequence[str] = ()


def run_baseline(args: argparse.Namespace, steps: Steps[Model]) -> None:
    """Trains and tests as the flags ask, in one process or in those that torchrun started."""
    check_suppression(args.NMS_window * args.framerate, args.NMS_threshold)
    with joined_processes(args.device) as processes:
        device = choose_device(args.device, args.GPU, processes.local_rank)
        classes = steps.narrow(event_classes(args.SoccerNet_path, args.version))
        place = Place(Path("models") / args.model_name, device, classes, processes)
        _prepare_data(args, classes, processes, steps)
        dimension = _feature_dimension(args)
        seed_everything(args.seed)
        model = steps.build(dimension, len(classes)).to(device)
        if args.load_weights:  # now: it may be a file that --overwrite takes away
            load_weights(model, args.load_weights)
        if args.test_only and not args.load_weights:
            check_same_inputs(place.run, vars(args), ("features", "framerate", *steps.inputs))
        _prepare_run(args, place)
        parameters = sum(p.numel() for p in model.parameters())
        log.info("device: %s, %s", describe(device), args.precision)
        log.info("model: %s, %d parameters", steps.describe(model), parameters)
        if not args.test_only:
            steps.train(place, model)
        if not (args.test_only and args.load_weights):
            content = load_weights(model, place.run / BEST_FILE)
            log.info("testing the weights of epoch %s", content.get("epoch", "?"))
        for split in args.split_test:
            steps.test(place, model, split)


def _prepare_data(
    args: argparse.Namespace, classes: EventClasses, processes: Processes, steps: Steps
) -> None:
    """Makes sure that all files are there, before hours are spent; downloads only when told to."""
    trained_on = () if args.test_only else (args.split_train, args.split_valid)
    labelled = [split for splits in trained_on for split in splits]
    root, features = args.SoccerNet_path, args.features
    if args.download and processes.is_main:
        splits = list(dict.fromkeys((*labelled, *args.split_test)))
        wanted = [*features, *steps.further_files]
        download(root, splits, wanted, classes.label_file, classes.halves)
    processes.wait_for_all()
    require_files(root, args.split_test, features, None, classes.halves)
    require_files(root, labelled, features, classes.label_file, classes.halves)
    for splits in trained_on:
        list_games(root, splits)  # which refuses to count a game twice
    games = games_at_hand(root, [*dict.fromkeys((*labelled, *args.split_test))])
    if lacking := [path for game in games for path in steps.check_game(root / game, classes)]:
        raise UserError(
            f"{len(lacking)} files beside the features are missing, such as {lacking[0]}; fetch "
            f"them with: python -m common.download --SoccerNet_path {root} --features "
            f"{' '.join(steps.further_files)}"
        )


def _feature_dimension(args: argparse.Namespace) -> int:
    """D of the features as they are on disk."""
    split = args.split_test[0] if args.test_only else args.split_train[0]
    games = games_at_hand(args.SoccerNet_path, [split])
    if not games:
        raise UserError(f"the split {split} holds no games; check splits.json")
    first, *_ = open_game(args.SoccerNet_path, games[0], args.features, 1, args.feature_dim)
    return first.dimension


def _prepare_run(args: argparse.Namespace, place: Place) -> None:
    """Opens the run folder, its log and its record of settings."""
    run = place.run
    if place.processes.is_main:
        open_run(run, training=not args.test_only, resume=args.resume, overwrite=args.overwrite)
        start_log(run, args.loglevel)
        record_settings(run, vars(args), "test" if args.test_only else "train")
    place.processes.wait_for_all()


def spotting_settings(
    args: argparse.Namespace, device: torch.device, unscored_frames: int = 0
) -> Spotting:
    """What the flags ask of spotting.

    Args:
        unscored_frames: how many frames at the end of a half the original does not score; with
            `--protocol published` neither do we.
    """
    published = args.protocol == "published"
    return Spotting(
        device,
        args.framerate,
        args.NMS_window * args.framerate,
        args.NMS_threshold,
        args.precision,
        published,
        unscored_frames if published else 0,
    )


def fit_settings(args: argparse.Namespace) -> FitSettings:
    """What the training flags ask of the loop."""
    return FitSettings(
        batch_size=args.batch_size,
        max_epochs=args.max_epochs,
        patience=args.patience,
        evaluation_frequency=args.evaluation_frequency,
        seed=args.seed,
        workers=args.max_num_worker,
    )
