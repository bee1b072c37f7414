"""The command-line flags about players, and what they ask for."""

import argparse
from pathlib import Path

from CALF_Calibration.frozen_features import KINDS, FrozenNetwork
from common.calibration.flags import add_calibration_flags
from common.calibration.top_view import TopView


def add_player_flags(parser: argparse.ArgumentParser) -> None:
    """What the player branch sees."""
    add_calibration_flags(parser)
    add = parser.add_argument_group("top view as vectors").add_argument
    # fmt: off
    add("--with_resnet", type=int, default=0, choices=(0, *KINDS),
        help="see each top view through a frozen ImageNet network: ResNet-18 or -34, or "
        "EfficientNet-b4 (4); 0: see the picture itself")
    add("--resnet_weights", type=Path, metavar="FILE",
        help="its weights in torchvision's layout; else they are fetched once")
    add("--calibration_physic", action="store_true",
        help="a channel each for players, footprint and lines, instead of colours")
    add("--with_trail", type=int, default=0, metavar="FRAMES",
        help="draw the players of so many frames before and after, fading")
    # fmt: on


def top_view(args: argparse.Namespace) -> TopView:
    """How the flags want a frame to be drawn."""
    return TopView(
        args.dim_representation_w,
        args.dim_representation_h,
        args.dim_representation_player,
        args.calibration,
        args.calibration_field,
        args.calibration_cone,
        args.calibration_physic,
        args.with_trail,
        args.teacher,
        args.protocol == "published",
    )


def frozen_network(args: argparse.Namespace) -> FrozenNetwork:
    """The network that the flags want top views to be seen through."""
    return FrozenNetwork(args.with_resnet, args.resnet_weights, args.protocol == "published")
