"""The body of the CALF family's `main`."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from common.calf.chunk_data import ChunkDataset, drawn_epochs, training_chunks
from common.calf.chunk_shape import ChunkShape
from common.calf.criterion import Criterion, SegmentationLoss
from common.calf.evaluation import GameEvaluator
from common.calf.half_inputs import FeatureInputs, FeaturesOnly, HalfPlace, Sight, game_places
from common.calf.k_parameters import k_frames
from common.calf.plots import draw_half
from common.calf.spotting import detect, score_half, spot_game
from common.calf.spotting_model import SpottingModel
from common.calf.training import train_epoch, validate
from common.data.events import EventClasses, event_classes, split_classes
from common.data.features import HalfFeatures, open_array
from common.data.frame_rows import resident_if_it_fits
from common.data.games import games_at_hand
from common.data.labels import read_labels
from common.errors import UserError
from common.results.predictions import LEGACY_RESULT_FILE, RESULT_FILE, write_game
from common.results.split_results import publish_split
from common.results.spotting import Spotting
from common.training.checkpoints import BEST_FILE, load_weights
from common.training.device import choose_device
from common.training.distributed import Processes
from common.training.fit import Fit, adam
from common.training.program import Place, Steps, fit_settings, run_baseline, spotting_settings
from common.training.run_folder import log

# Builds a baseline's network from its flags, the sizes of a chunk, D, and C.
BuildModel = Callable[[argparse.Namespace, ChunkShape, int, int], SpottingModel]

_SCORE = "valid_a_mAP"
_ADAM_EPS = 1e-7
_TRAINING_DRAWS, _VALIDATION_DRAWS = 0, 1  # part of the seed of drawn chunks


def run_calf_baseline(
    args: argparse.Namespace,
    build_model: BuildModel,
    segmentation_losses: Mapping[str, SegmentationLoss],
    sight: Sight | None = None,
    class_split: str | None = None,
    inputs: Sequence[str] = (),
) -> None:
    """Trains and tests as the flags ask, or spots in one feature file.

    Args:
        sight: how the network's inputs are read; None: features alone.
        class_split: see `split_classes`.
        inputs: settings that decide, beside features and chunks, what the network sees.
    """
    sight = sight or FeaturesOnly()
    shape = ChunkShape(
        args.chunk_size * args.framerate,
        args.receptive_field * args.framerate,
        args.num_detections,
    )
    build = partial(build_model, args, shape)
    if args.features_path:
        _spot_file(args, build)
        return
    if args.challenge:
        args.split_test = ["challenge"]
    steps = Steps(
        build=build,
        describe=lambda model: f"{model.features} features, {model.classes} classes",
        train=partial(_train, args, segmentation_losses, sight),
        test=partial(_test, args, sight),
        narrow=partial(split_classes, split=class_split),
        check_game=sight.missing_files,
        further_files=sight.files,
        inputs=("chunk_size", "receptive_field", *inputs),
    )
    run_baseline(args, steps)


def _train(
    args: argparse.Namespace,
    segmentation_losses: Mapping[str, SegmentationLoss],
    sight: Sight,
    place: Place,
    model: SpottingModel,
) -> None:
    """Trains on chunks of the training games, selects on whole validation games."""
    parameters = k_frames(place.classes.names, args.framerate, args.k_params)
    spotting = spotting_settings(args, place.device)
    criterion = Criterion(
        segmentation_losses[args.segmentation_loss],
        torch.from_numpy(parameters).float().to(place.device),
        args.loss_weight_segmentation,
        args.loss_weight_detection,
        args.lambda_coord,
        args.lambda_noobj,
        spotting.published,
    )
    evaluators = _evaluators(args, place, spotting, sight)

    def evaluate() -> dict[str, float]:
        return {name: e.a_map(model, name, place.processes) for name, e in evaluators.items()}

    # On a CPU the step is one of many small operations, unless they are fused.
    optimizer = adam(model, args.LR, _ADAM_EPS, fused=place.device.type in ("cpu", "cuda"))
    count, seed = args.chunks_per_epoch, args.seed
    training, validation = (
        _chunks_of(args, splits, place, model, parameters, sight)
        for splits in (args.split_train, args.split_valid)
    )
    fit = Fit(
        place.run,
        model,
        optimizer,
        drawn_epochs(training, count, seed, _TRAINING_DRAWS),
        # The original validates on other chunks in each epoch, which makes the schedule noisy.
        drawn_epochs(validation, count, seed, _VALIDATION_DRAWS, anew=spotting.published),
        fit_settings(args),
        place.device,
        place.processes,
        args.resume,
        select_by=_SCORE,
    )
    shared = place.processes.share_gradients(model)
    fit.run(
        partial(train_epoch, shared, optimizer, criterion, precision=args.precision),
        partial(validate, model, criterion, evaluate, precision=args.precision),
    )


def _chunks_of(
    args: argparse.Namespace,
    splits: list[str],
    place: Place,
    model: SpottingModel,
    parameters: np.ndarray,
    sight: Sight,
) -> ChunkDataset:
    games = _games(args, splits)
    chunks = training_chunks(
        args.SoccerNet_path,
        games,
        args.features,
        place.classes,
        parameters,
        model.shape,
        args.framerate,
        args.label_time,
        model.features,
        args.protocol == "published",
        sight,
    )
    chunks.rows = resident_if_it_fits(chunks.rows, place.device, args.resident)
    spots = int((chunks.anchors.last < 0).sum())
    told = "%s: %d games, %d spots, %d stretches without any"
    rest = len(chunks.anchors.last) - spots
    log.info(told, " + ".join(splits), len(games), spots, rest)
    return chunks


def _games(args: argparse.Namespace, splits: list[str]) -> list[str]:
    """Games of the splits; with --tiny only the first few of each."""
    root = args.SoccerNet_path
    return [game for split in splits for game in games_at_hand(root, [split])[: args.tiny]]


def _evaluators(
    args: argparse.Namespace, place: Place, spotting: Spotting, sight: Sight
) -> dict[str, GameEvaluator]:
    """By the name of their score: one of the validation games, and of test splits if asked for."""
    wanted = {_SCORE: args.split_valid}
    if args.watch_test:
        wanted |= {f"{split}_a_mAP": [split] for split in args.split_test if split != "challenge"}
    root = args.SoccerNet_path
    return {
        name: GameEvaluator(
            root,
            _games(args, splits),
            args.features,
            place.classes,
            spotting,
            args.gt_time,
            sight,
        )
        for name, splits in wanted.items()
    }


def _test(
    args: argparse.Namespace, sight: Sight, place: Place, model: SpottingModel, split: str
) -> None:
    """Writes, scores and draws the results of a split."""
    root, out, classes = args.SoccerNet_path, place.run / f"outputs_{split}", place.classes
    games = _games(args, [split])
    spotting = spotting_settings(args, place.device)
    model.eval()

    def halves_of(game: str) -> list[HalfPlace]:
        return game_places(root / game, args.features, classes.halves, model.features)

    for game in place.processes.deal_out(games, out.name):
        halves = [sight.open(half) for half in halves_of(game)]
        text = spot_game(model, game, halves, classes.names, spotting)
        for name in _file_names(args):
            write_game(out, game, text, name)
    place.processes.wait_for_all()
    if not place.processes.is_main:
        return
    publish_split(place.run, split, root, games, classes, args.gt_time)
    for game in Processes().deal_out(games[: args.plots], f"{split} plots"):
        _draw_game(args, out / game, model, game, halves_of(game), classes, spotting, sight)
    if args.plots:
        log.info("%s: drawn below %s", split, out / games[0])


def _file_names(args: argparse.Namespace) -> tuple[str, ...]:
    return (RESULT_FILE, LEGACY_RESULT_FILE) if args.legacy_names else (RESULT_FILE,)


def _draw_game(
    args: argparse.Namespace,
    folder: Path,
    model: SpottingModel,
    title: str,
    halves: Sequence[HalfPlace],
    classes: EventClasses,
    spotting: Spotting,
    sight: Sight,
) -> None:
    """Draws each half into `folder`, with the annotations where there are any."""
    label_file = args.SoccerNet_path / title / classes.label_file
    labels = read_labels(label_file, classes) if label_file.is_file() else None
    for half in halves:
        number = half.number
        score, cells = score_half(model, sight.open(half), spotting)
        peaks = detect(cells, spotting)
        if args.segmentation_loss == "legacy":
            score = 1 - score
        annotated = None
        if labels is not None:
            ours = labels.half == number
            frames = labels.frames(args.framerate, args.gt_time)
            annotated = frames[ours], labels.event[ours]
        draw_half(
            folder / f"{number}_segmentation.png",
            score,
            peaks,
            classes.names,
            args.framerate,
            f"{title}, half {number}" if len(halves) > 1 else title,
            annotated,
        )
        sight.draw_moments(folder, half, peaks, classes.names, args.framerate)


def _spot_file(args: argparse.Namespace, build: Callable[[int, int], SpottingModel]) -> None:
    """Spots in one feature file of any length, taken as one half without labels."""
    classes = event_classes(args.SoccerNet_path, args.version)
    spotting = spotting_settings(args, choose_device(args.device, args.GPU))
    array = open_array(args.features_path)
    half = HalfFeatures((args.features_path,), (array,), len(array))
    if args.feature_dim and half.dimension != args.feature_dim:
        raise UserError(
            f"{args.features_path} has {half.dimension} features per frame, expected "
            f"{args.feature_dim}; give it the features that the weights were trained on"
        )
    model = build(half.dimension, len(classes)).to(spotting.device).eval()
    run = Path("models") / args.model_name
    load_weights(model, args.load_weights or run / BEST_FILE)
    folder = run / f"outputs_{args.features_path.stem}"
    text = spot_game(model, None, [FeatureInputs(half)], classes.names, spotting)
    for name in _file_names(args):
        write_game(folder.parent, folder.name, text, name)
    halves = [HalfPlace(args.features_path.parent, 1, half)]
    title, sight = args.features_path.name, FeaturesOnly()
    _draw_game(args, folder, model, title, halves, classes, spotting, sight)
    print(f"{half.frames} frames: detections and figure in {folder}")
