"""Trains and tests MaxPool and NetVLAD.

Giancola et al., SoccerNet: A Scalable Dataset for Action Spotting in Soccer Videos, CVPR
Workshops 2018. The defaults are the original program's; the published configurations are presets:

    python Pooling/main.py --SoccerNet_path DATA --preset netvlad-v2

presets: 20 s chunks, batches of 256, suppression over 20 s, and
    maxpool-v1  --version 1 --pool MAX     --NMS_threshold 0.0  --model_name MAXPOOL_v1
    maxpool-v2  --version 2 --pool MAX     --NMS_threshold 0.0  --model_name MAXPOOL_v2
    netvlad-v1  --version 1 --pool NetVLAD --NMS_threshold 0.5  --model_name NETVLAD_v1
    netvlad-v2  --version 2 --pool NetVLAD --NMS_threshold 0.5  --model_name NETVLAD_v2
Flags that are given beside a preset win.
"""

import argparse

from common.errors import run_cli
from common.pooling.clip_program import run_clip_baseline
from common.training.argument_types import positive
from common.training.flags import (
    add_data_flags,
    add_device_flags,
    add_run_flags,
    add_training_flags,
    new_parser,
)
from Pooling.model import POOLS, PoolingModel

PRESETS = {
    f"{name.lower()}-v{version}": {
        "version": version,
        "pool": pool,
        "chunk_size": 20,
        "batch_size": 256,
        "NMS_window": 20,
        "NMS_threshold": threshold,
        "model_name": f"{name}_v{version}",
    }
    for name, pool, threshold in (("MAXPOOL", "MAX", 0.0), ("NETVLAD", "NetVLAD", 0.5))
    for version in (1, 2)
}


def parse_arguments() -> argparse.Namespace:
    """The published flags, and ours."""
    parser = new_parser("Pooling/main.py", __doc__ or "")
    add_data_flags(parser, features="ResNET_TF2_PCA512.npy")
    add_run_flags(parser, model_name="Pooling")
    add_training_flags(parser, batch_size=32, patience=10)
    add_device_flags(parser)
    add = parser.add_argument_group("pooling").add_argument
    # fmt: off
    add("--preset", choices=PRESETS, help="a published configuration, see above")
    add("--pool", default="MAX", choices=POOLS, help="pooling over the chunk")
    add("--chunk_size", type=positive, default=60, help="chunk and window, in seconds")
    add("--LRe", type=float, default=1e-6, help="no effect, as in the original")
    add("--NMS_window", type=positive, default=20, help="suppression, in seconds")
    add("--NMS_threshold", type=float, default=0.5, help="lowest confidence to report")
    # fmt: on
    preset = parser.parse_known_args()[0].preset
    parser.set_defaults(**PRESETS.get(preset, {}))
    return parser.parse_args()


def build_model(args: argparse.Namespace, features: int, classes: int) -> PoolingModel:
    """The network that the flags describe, for D features and C classes."""
    return PoolingModel(features, classes, args.chunk_size * args.framerate, args.pool)


def main() -> None:
    """Trains and tests; the original drops a window and never had one for the last frame."""
    run_clip_baseline(parse_arguments(), build_model, unscored_frames=2)


if __name__ == "__main__":
    run_cli(main)
