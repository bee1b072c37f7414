"""The command-line flags about players."""

import argparse

from common.calibration.flags import add_calibration_flags
from common.training.argument_types import place, whole

FROZEN_NETWORKS = (18, 34, 4)  # ResNet-18, ResNet-34, EfficientNet-b4


def add_player_flags(parser: argparse.ArgumentParser) -> None:
    """What the player branch sees."""
    add_calibration_flags(parser)
    add = parser.add_argument_group("top view as vectors").add_argument
    # fmt: off
    add("--with_resnet", type=int, default=0, choices=(0, *FROZEN_NETWORKS),
        help="see each top view through a frozen ImageNet network: ResNet-18 or -34, or "
        "EfficientNet-b4 (4); 0: see the picture itself")
    add("--resnet_weights", type=place, metavar="FILE",
        help="its weights in torchvision's layout; else they are fetched once")
    add("--calibration_physic", action="store_true",
        help="a channel each for players, footprint and lines, instead of colours")
    add("--with_trail", type=whole(0, 1000), default=0, metavar="FRAMES",
        help="draw the players of so many frames before and after, fading")
    # fmt: on
