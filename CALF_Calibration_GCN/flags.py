"""The command-line flags about graphs."""

import argparse

from common.training.argument_types import rate

NETWORKS = "GCN, EdgeConvGCN, DynamicEdgeConvGCN or resGCN-<layers> (up to 999), such as resGCN-14"


def add_graph_flags(parser: argparse.ArgumentParser) -> None:
    """How the graph of a frame is built."""
    add = parser.add_argument_group("graph").add_argument
    # fmt: off
    add("--dist_graph_player", type=rate, default=25, metavar="METRES",
        help="players nearer than this are neighbours")
    add("--calibration_confidence", action="store_true",
        help="nodes know how sure the calibration is")
    add("--relative_positions", action="store_true",
        help="without --calibration: places from -1 to 1 in the picture, instead of pixels / 50")
    # fmt: on
