"""Trains and tests CALF with the players of each frame as a graph.

Cioppa et al., Camera Calibration and Player Localization in SoccerNet-v2 and Investigation of their
Representations for Action Spotting, CVPR Workshops 2021. One of the ten published runs:

    python CALF_Calibration_GCN/main.py --SoccerNet_path DATA --model_name calib_GCN_run_0 \\
        --backbone_feature 2DConv --backbone_player resGCN-14 --dist_graph_player 25 \\
        --calibration --feature_multiplier 2 --class_split visual --seed 0
"""

import argparse
from functools import partial

from CALF_Calibration_GCN.dataset import PlayersByGraph, PlayersByTopView
from CALF_Calibration_GCN.graph_networks import NAMES
from CALF_Calibration_GCN.model import GraphBranch, PictureBranch
from CALF_Calibration_GCN.player_graph import GraphOptions
from common.calf.flags import add_result_flags, calf_parser
from common.calf.half_inputs import Sight
from common.calibration.flags import (
    add_branch_flags,
    add_calibration_flags,
    check_calibration_flags,
    top_view,
)
from common.calibration.program import run_calibration_baseline
from common.calibration.two_branches import BuildBranch
from common.errors import run_cli
from common.training.argument_types import rate


def parse_arguments() -> argparse.Namespace:
    """The published flags, and ours."""
    parser = calf_parser("CALF_Calibration_GCN/main.py", __doc__ or "", "CALF_Calibration_GCN")
    add_branch_flags(parser, f"3DConv, {NAMES}")
    add_calibration_flags(parser)
    add = parser.add_argument_group("graph").add_argument
    # fmt: off
    add("--dist_graph_player", type=rate, default=25, metavar="METRES",
        help="players nearer than this are neighbours")
    add("--calibration_confidence", action="store_true",
        help="nodes know how sure the calibration is")
    add("--pitch_margin", type=rate, metavar="METRES",
        help="leave out who stands farther than this from the pitch; else spectators are nodes")
    add("--relative_positions", action="store_true",
        help="without --calibration: places from -1 to 1 in the picture, instead of pixels / 50")
    # fmt: on
    add_result_flags(parser)
    args = parser.parse_args()
    check_calibration_flags(args)
    return args


def graph_options(args: argparse.Namespace) -> GraphOptions:
    """How the flags want a graph to be built."""
    return GraphOptions(
        args.calibration,
        args.dist_graph_player,
        args.calibration_cone,
        args.calibration_confidence,
        args.teacher,
        args.protocol == "published",
        args.pitch_margin,
        args.relative_positions,
    )


def player_branch(args: argparse.Namespace) -> BuildBranch | None:
    """How the network sees the players."""
    if args.backbone_player in (None, "3DConv"):
        return PictureBranch if args.backbone_player else None
    nodes = graph_options(args).features
    return partial(GraphBranch, name=args.backbone_player, features=nodes)


def sight(args: argparse.Namespace) -> Sight | None:
    """How the network's inputs are read."""
    if args.backbone_player is None:
        return None
    if args.backbone_player == "3DConv":
        return PlayersByTopView(top_view(args), args.cache_dir)
    return PlayersByGraph(graph_options(args), args.cache_dir)


def main() -> None:
    """Trains and tests one model, or one for each class split."""
    run_calibration_baseline(parse_arguments(), player_branch, sight)


if __name__ == "__main__":
    run_cli(main)
