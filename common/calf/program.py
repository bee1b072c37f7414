"""The body of the CALF family's `main`."""

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch

from common.calf.chunk_data import ChunkDataset, drawn_epochs, training_chunks
from common.calf.chunk_shape import ChunkShape
from common.calf.criterion import Criterion, SegmentationLoss
from common.calf.evaluation import GameEvaluator
from common.calf.k_parameters import k_frames
from common.calf.plots import draw_half
from common.calf.spotting import Spotting, detect, score_half, spot_game
from common.calf.spotting_model import SpottingModel
from common.calf.training import train_epoch, validate
from common.checkpoints import BEST_FILE, load_weights
from common.device import choose_device
from common.distributed import Processes, joined_processes
from common.errors import UserError
from common.events import EventClasses, event_classes
from common.features import HalfFeatures, open_array, open_game
from common.fit import Fit, adam, seed_everything
from common.frame_rows import resident_if_it_fits
from common.games import games_at_hand
from common.labels import read_labels
from common.predictions import LEGACY_RESULT_FILE, RESULT_FILE, write_game
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

# Builds a baseline's network from its flags, D, C and the sizes of a chunk.
BuildModel = Callable[[argparse.Namespace, int, int, ChunkShape], SpottingModel]

_SCORE = "valid_a_mAP"
_ADAM_EPS = 1e-7
_TRAINING_DRAWS, _VALIDATION_DRAWS = 0, 1  # part of the seed of drawn chunks


def run_calf_baseline(
    args: argparse.Namespace,
    build_model: BuildModel,
    segmentation_losses: Mapping[str, SegmentationLoss],
) -> None:
    """Trains and tests as the flags ask, in one process or in those that torchrun started."""
    with joined_processes(args.device) as processes:
        device = choose_device(args.device, args.GPU, processes.local_rank)
        spotting = Spotting(
            device,
            args.framerate,
            args.NMS_window * args.framerate,
            args.NMS_threshold,
            args.precision,
            args.protocol == "published",
        )
        shape = ChunkShape(
            args.chunk_size * args.framerate,
            args.receptive_field * args.framerate,
            args.num_detections,
        )
        classes = event_classes(args.SoccerNet_path, args.version)
        if args.features_path:
            _spot_file(args, build_model, classes, shape, spotting)
            return
        args.split_test = ["challenge"] if args.challenge else args.split_test
        prepare_data(args, classes, processes)
        run = Path("models") / args.model_name
        dimension = feature_dimension(args)
        seed_everything(args.seed)
        model = build_model(args, dimension, len(classes), shape).to(device)
        if args.load_weights:  # now: it may be a file that --overwrite takes away
            load_weights(model, args.load_weights)
        prepare_run(args, run, processes)
        log_model(model, f"{dimension} features, {len(classes)} classes", device, args.precision)
        if not args.test_only:
            criterion = _criterion(args, segmentation_losses, classes, device)
            _train(args, run, model, criterion, classes, spotting, processes)
        if not (args.test_only and args.load_weights):
            load_best(model, run)
        for split in args.split_test:
            _test(args, run, split, model, classes, spotting, processes)


def _criterion(
    args: argparse.Namespace,
    segmentation_losses: Mapping[str, SegmentationLoss],
    classes: EventClasses,
    device: torch.device,
) -> Criterion:
    parameters = k_frames(classes.names, args.framerate, args.k_params)
    return Criterion(
        segmentation_losses[args.segmentation_loss],
        torch.from_numpy(parameters).float().to(device),
        args.loss_weight_segmentation,
        args.loss_weight_detection,
        args.lambda_coord,
        args.lambda_noobj,
        args.protocol == "published",
    )


def _train(
    args: argparse.Namespace,
    run: Path,
    model: SpottingModel,
    criterion: Criterion,
    classes: EventClasses,
    spotting: Spotting,
    processes: Processes,
) -> None:
    """Trains on chunks of the training games, selects on whole validation games."""

    def chunks_of(splits: list[str]) -> ChunkDataset:
        games = games_at_hand(args.SoccerNet_path, splits)
        chunks = training_chunks(
            args.SoccerNet_path,
            games,
            args.features,
            classes,
            criterion.k_frames.cpu().numpy().astype(np.int64),
            model.shape,
            args.framerate,
            args.label_time,
            model.features,
            spotting.published,
        )
        chunks.rows = resident_if_it_fits(chunks.rows, spotting.device, args.resident)
        spots = int((chunks.anchors.last < 0).sum())
        log.info(
            "%s: %d games, %d spots, %d stretches without any",
            " + ".join(splits),
            len(games),
            spots,
            len(chunks.anchors.last) - spots,
        )
        return chunks

    def evaluator(splits: list[str]) -> GameEvaluator:
        games = games_at_hand(args.SoccerNet_path, splits)
        return GameEvaluator(
            args.SoccerNet_path, games, args.features, classes, spotting, args.gt_time
        )

    evaluators = {_SCORE: evaluator(args.split_valid)}
    if args.watch_test:
        evaluators |= {f"{s}_a_mAP": evaluator([s]) for s in args.split_test if s != "challenge"}

    def evaluate() -> dict[str, float]:
        return {name: each.a_map(model, name, processes) for name, each in evaluators.items()}

    # On a CPU the step is one of many small operations, unless they are fused.
    fused = spotting.device.type in ("cpu", "cuda")
    optimizer = adam(model, args.LR, eps=_ADAM_EPS, fused=fused)
    count, seed = args.chunks_per_epoch, args.seed
    fit = Fit(
        run,
        model,
        optimizer,
        drawn_epochs(chunks_of(args.split_train), count, seed, _TRAINING_DRAWS),
        # The original validates on other chunks in each epoch, which makes the schedule noisy.
        drawn_epochs(
            chunks_of(args.split_valid), count, seed, _VALIDATION_DRAWS, anew=spotting.published
        ),
        fit_settings(args),
        spotting.device,
        processes,
        args.resume,
        select_by=_SCORE,
    )
    shared = processes.share_gradients(model)
    fit.run(
        partial(train_epoch, shared, optimizer, criterion, precision=args.precision),
        partial(validate, model, criterion, evaluate, precision=args.precision),
    )


def _test(
    args: argparse.Namespace,
    run: Path,
    split: str,
    model: SpottingModel,
    classes: EventClasses,
    spotting: Spotting,
    processes: Processes,
) -> None:
    """Writes, scores and draws the results of a split."""
    root, out = args.SoccerNet_path, run / f"outputs_{split}"
    games = games_at_hand(root, [split])
    model.eval()
    for game in processes.deal_out(games, out.name):
        halves = open_game(root, game, args.features, classes.halves, model.features)
        text = spot_game(model, game, halves, classes.names, spotting)
        for name in _file_names(args):
            write_game(out, game, text, name)
    processes.wait_for_all()
    if not processes.is_main:
        return
    publish_split(run, split, root, games, classes, args.gt_time)
    for game in Processes().deal_out(games[: args.plots], f"{split} plots"):
        halves = open_game(root, game, args.features, classes.halves, model.features)
        _draw_game(args, out / game, model, game, halves, classes, spotting)
    if args.plots:
        log.info("%s: drawn below %s", split, out / games[0])


def _file_names(args: argparse.Namespace) -> tuple[str, ...]:
    return (RESULT_FILE, LEGACY_RESULT_FILE) if args.legacy_names else (RESULT_FILE,)


def _draw_game(
    args: argparse.Namespace,
    folder: Path,
    model: SpottingModel,
    title: str,
    halves: list[HalfFeatures],
    classes: EventClasses,
    spotting: Spotting,
) -> None:
    """Draws each half into `folder`, with the annotations where there are any."""
    label_file = args.SoccerNet_path / title / classes.label_file
    labels = read_labels(label_file, classes) if label_file.is_file() else None
    for number, half in enumerate(halves, 1):
        score, cells = score_half(model, half, spotting)
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
            detect(cells, spotting),
            classes.names,
            args.framerate,
            f"{title}, half {number}" if len(halves) > 1 else title,
            annotated,
        )


def _spot_file(
    args: argparse.Namespace,
    build_model: BuildModel,
    classes: EventClasses,
    shape: ChunkShape,
    spotting: Spotting,
) -> None:
    """Spots in one feature file of any length, taken as one half without labels."""
    array = open_array(args.features_path)
    half = HalfFeatures((args.features_path,), (array,), len(array))
    if args.feature_dim and half.dimension != args.feature_dim:
        raise UserError(
            f"{args.features_path} has {half.dimension} features per frame, expected "
            f"{args.feature_dim}; give it the features that the weights were trained on"
        )
    model = build_model(args, half.dimension, len(classes), shape).to(spotting.device).eval()
    run = Path("models") / args.model_name
    load_weights(model, args.load_weights or run / BEST_FILE)
    folder = run / f"outputs_{args.features_path.stem}"
    text = spot_game(model, None, [half], classes.names, spotting)
    for name in _file_names(args):
        write_game(folder.parent, folder.name, text, name)
    _draw_game(args, folder, model, args.features_path.name, [half], classes, spotting)
    print(f"{half.frames} frames: detections and figure in {folder}")
