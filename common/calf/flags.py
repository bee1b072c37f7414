"""The command-line flags of the CALF family. Published names do not change."""

import argparse

from common.results.suppression import KINDS
from common.training.argument_types import (
    confidence,
    not_negative,
    place,
    positive,
    rate,
    seconds,
    whole,
)
from common.training.flags import (
    add_data_flags,
    add_device_flags,
    add_run_flags,
    add_training_flags,
    new_parser,
)


def calf_parser(program: str, description: str, model_name: str) -> argparse.ArgumentParser:
    """A parser with everything that the family has in common, but for the flags of results."""
    parser = new_parser(program, description)
    add_data_flags(parser, features="ResNET_TF2_PCA512.npy")
    add_run_flags(parser, model_name=model_name)
    add_training_flags(
        parser,
        batch_size=32,
        patience=25,
        evaluation_frequency=20,
        purpose="whole games, to select the best weights",
    )
    add_device_flags(parser)
    add_chunk_flags(parser)
    return parser


def add_chunk_flags(parser: argparse.ArgumentParser) -> None:
    """Chunks, network and losses."""
    add = parser.add_argument_group("CALF").add_argument
    # fmt: off
    add("--chunk_size", type=seconds, default=120, help="chunk, in seconds")
    add("--receptive_field", type=seconds, default=40,
        help="reach of the network in time, in seconds; less than half of a chunk")
    add("--chunks_per_epoch", type=whole(1, 10**7), default=18000,
        help="chunks drawn to train on, and as many to validate on")
    add("--dim_capsule", type=whole(1, 4096), default=16, metavar="P", help="size of a capsule")
    add("--num_detections", type=whole(1, 4096), default=15, metavar="N",
        help="spots per chunk at most")
    add("--k_params", "--K_params", type=place, metavar="FILE",
        help='context parameters, JSON {"class": [K1, K2, K3, K4], …} in seconds; without it the '
        "published ones of SoccerNet-v2, which are of soccer: python -m CALF.fit_k_params finds "
        "those of other data, none below 10 s")
    add("--lambda_coord", type=rate, default=5.0, help="weight of a spot's time in its loss")
    add("--lambda_noobj", type=rate, default=0.5, help="weight of an empty slot's confidence")
    add("--loss_weight_segmentation", type=rate, default=0.000367, help="weight of segmentation")
    add("--loss_weight_detection", type=rate, default=1.0, help="weight of spotting")
    add("--tiny", type=positive, metavar="GAMES", help="only so many games of each split")
    add("--NMS", choices=KINDS, default="hard", help="suppression: hard takes away what is near a "
        "peak; soft lowers it, by as much as it is nearer than half a window")
    add("--NMS_window", type=seconds, default=20, help="suppression, in seconds")
    add("--NMS_threshold", type=confidence, default=0.0, help="lowest confidence to report")
    # fmt: on


def add_result_flags(parser: argparse.ArgumentParser) -> None:
    """What is spotted and how it is shown."""
    add = parser.add_argument_group("results").add_argument
    # fmt: off
    add("--challenge", action="store_true", help="as --split_test challenge, as published")
    add("--watch_test", action="store_true",
        help="score the test splits, too, with every slow validation (for the log only)")
    add("--legacy_names", action="store_true",
        help="write each result file also as Predictions-v2.json, the name of 2021")
    add("--plots", type=not_negative, nargs="?", const=1, default=0, metavar="GAMES",
        help="draw what the network says of so many games of each tested split (one, if no "
        "number is given)")
    # fmt: on
