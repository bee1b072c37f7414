"""Trains and tests CALF with the players on a top view of the pitch.

Cioppa et al., Camera Calibration and Player Localization in SoccerNet-v2 and Investigation of their
Representations for Action Spotting, CVPR Workshops 2021. The visual classes are spotted with the
players, the others without, and the results are put together:

    python CALF_Calibration/main.py --SoccerNet_path DATA --model_name Calib --class_split both \\
        --backbone_feature 2DConv --backbone_player 3DConv --feature_multiplier 2 \\
        --calibration --calibration_field --calibration_cone
"""

import argparse
from functools import partial

from CALF_Calibration.dataset import PlayersByTopView, PlayersByVector
from CALF_Calibration.flags import add_player_flags, drawn_view, frozen_network
from CALF_Calibration.model import DenseBranch, PictureBranch, PyramidBranch
from common.calf.flags import add_result_flags, calf_parser
from common.calf.half_inputs import Sight
from common.calibration.flags import add_branch_flags, check_calibration_flags
from common.calibration.program import run_calibration_baseline
from common.calibration.two_branches import BuildBranch
from common.errors import UserError, run_cli


def parse_arguments() -> argparse.Namespace:
    """The published flags, and ours."""
    parser = calf_parser("CALF_Calibration/main.py", __doc__ or "", "CALF_Calibration")
    add_branch_flags(parser, "3DConv")
    add_player_flags(parser)
    parser.add_argument(
        "--dist_graph_player", type=int, default=25, help="no effect, as in the original"
    )
    parser.add_argument(
        "--with_dense",
        action="store_true",
        help="with --with_resnet: one layer over its vectors in place of a pyramid",
    )
    add_result_flags(parser)
    args = parser.parse_args()
    check_calibration_flags(args)
    if args.backbone_player not in (None, "3DConv"):
        raise UserError(f"--backbone_player must be 3DConv, found {args.backbone_player}")
    return args


def player_branch(args: argparse.Namespace) -> BuildBranch | None:
    """How the network sees the players."""
    if args.backbone_player is None:
        return None
    if not args.with_resnet:
        return PictureBranch
    branch = DenseBranch if args.with_dense else PyramidBranch
    return partial(branch, vectors=frozen_network(args).dimension)


def sight(args: argparse.Namespace) -> Sight | None:
    """How the network's inputs are read."""
    if args.backbone_player is None:
        return None
    if not args.with_resnet:
        return PlayersByTopView(drawn_view(args), args.cache_dir)
    view = drawn_view(args)
    return PlayersByVector(frozen_network(args).file_name(view), view, args.cache_dir)


def main() -> None:
    """Trains and tests one model, or one for each class split."""
    run_calibration_baseline(parse_arguments(), player_branch, sight)


if __name__ == "__main__":
    run_cli(main)
