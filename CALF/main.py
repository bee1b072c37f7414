"""Trains and tests CALF.

Cioppa et al., A Context-Aware Loss Function for Action Spotting in Soccer Videos, CVPR 2020; on 17
classes Deliège et al., SoccerNet-v2, CVPR Workshops 2021. The defaults are the published
configuration.

    python CALF/main.py --SoccerNet_path DATA --model_name CALF_v2
    python CALF/main.py --SoccerNet_path DATA --model_name CALF_v2 --test_only --challenge
    python CALF/main.py --features_path 1_ResNET_TF2_PCA512.npy --load_weights model.pth.tar
"""

import argparse

from CALF.loss import context_aware_loss
from CALF.model import ContextAwareModel
from common.calf.chunk_shape import ChunkShape
from common.calf.flags import add_result_flags, calf_parser
from common.calf.legacy_context_loss import legacy_context_loss
from common.calf.program import run_calf_baseline
from common.errors import run_cli

SEGMENTATION_LOSSES = {"clean": context_aware_loss, "legacy": legacy_context_loss}


def parse_arguments() -> argparse.Namespace:
    """The published flags, and ours."""
    parser = calf_parser("CALF/main.py", __doc__ or "", "CALF")
    parser.add_argument(
        "--segmentation_loss",
        default="clean",
        choices=SEGMENTATION_LOSSES,
        help="form of the context-aware loss, and so what the segmentation means: clean, high for "
        "an action, or legacy, low, as in the released weights",
    )
    add_result_flags(parser)
    return parser.parse_args()


def build_model(
    args: argparse.Namespace, shape: ChunkShape, features: int, classes: int
) -> ContextAwareModel:
    """The network that the flags describe, for D features and C classes."""
    return ContextAwareModel(features, classes, shape, args.dim_capsule)


def main() -> None:
    """Trains and tests."""
    run_calf_baseline(parse_arguments(), build_model, SEGMENTATION_LOSSES)


if __name__ == "__main__":
    run_cli(main)
