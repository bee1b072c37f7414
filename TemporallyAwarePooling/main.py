"""Trains and tests NetVLAD++ and its family.

Giancola and Ghanem, Temporally-Aware Feature Pooling for Action Spotting in Video Broadcasts,
CVPR Workshops 2021. The defaults are the published configuration.

    python TemporallyAwarePooling/main.py --SoccerNet_path DATA --model_name NetVLAD++
"""

import argparse

from common.errors import UserError, run_cli
from common.pooling.clip_program import run_clip_baseline
from common.training.argument_types import positive
from common.training.flags import (
    add_data_flags,
    add_device_flags,
    add_run_flags,
    add_training_flags,
    new_parser,
)
from TemporallyAwarePooling.model import POOLS, PROJECTED, TemporallyAwareModel


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
    add("--LRe", type=float, default=1e-6, help="no effect, as in the original")
    add("--NMS_window", type=positive, default=30, help="suppression, in seconds")
    add("--NMS_threshold", type=float, default=0.0, help="lowest confidence to report")
    # fmt: on
    return parser.parse_args()


def build_model(args: argparse.Namespace, features: int, classes: int) -> TemporallyAwareModel:
    """The network that the flags describe, for D features and C classes."""
    try:
        project_to = None if args.proj_dim == "none" else positive(args.proj_dim)
    except (ValueError, argparse.ArgumentTypeError):
        raise UserError(f"--proj-dim must be a number or none, found {args.proj_dim}") from None
    window_frames = args.window_size * args.framerate
    return TemporallyAwareModel(
        features, classes, window_frames, args.pool, args.vocab_size, project_to
    )


def main() -> None:
    """Trains and tests; the original has no window for the last frame of a half."""
    run_clip_baseline(parse_arguments(), build_model, unscored_frames=1)


if __name__ == "__main__":
    run_cli(main)
