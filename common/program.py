"""What the `main` of every baseline does alike once its flags are read.

The argparse namespace stops in these programs; everything below takes plain named values.
"""

import argparse
from pathlib import Path

import torch
from torch import nn

from common.checkpoints import BEST_FILE, load_weights
from common.data_files import require_files
from common.device import describe
from common.distributed import Processes
from common.download import download
from common.errors import UserError
from common.events import EventClasses
from common.features import open_game
from common.fit import FitSettings
from common.games import games_at_hand, list_games
from common.run_folder import log, open_run, record_settings, start_log


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


def feature_dimension(args: argparse.Namespace) -> int:
    """D of the features as they are on disk."""
    split = args.split_test[0] if args.test_only else args.split_train[0]
    games = games_at_hand(args.SoccerNet_path, [split])
    if not games:
        raise UserError(f"the split {split} holds no games; check splits.json")
    first, *_ = open_game(args.SoccerNet_path, games[0], args.features, 1, args.feature_dim)
    return first.dimension


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


def log_model(model: nn.Module, what: str, device: torch.device, precision: str) -> None:
    """Says what computes, where, and how large it is."""
    log.info("device: %s, %s", describe(device), precision)
    log.info("model: %s, %d parameters", what, sum(p.numel() for p in model.parameters()))


def load_best(model: nn.Module, run: Path) -> None:
    """Puts the run's best weights into the model, and says from which epoch they are."""
    content = load_weights(model, run / BEST_FILE)
    log.info("testing the weights of epoch %s", content.get("epoch", "?"))
