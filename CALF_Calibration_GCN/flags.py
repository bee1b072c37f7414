"""The command-line flags about graphs."""

import argparse
from collections.abc import Mapping
from typing import Any

from common.errors import log
from common.training.argument_types import rate

NETWORKS = "GCN, EdgeConvGCN, DynamicEdgeConvGCN or resGCN-<layers> (up to 999), such as resGCN-14"
# Flags that one kind of branch alone looks at, and what they are if nobody gives them.
_OF_GRAPHS = {"dist_graph_player": 25, "calibration_confidence": False, "relative_positions": False}
_OF_TOP_VIEWS = {
    "calibration_field": False,
    "dim_representation_w": 64,
    "dim_representation_h": 32,
    "dim_representation_player": 2,
}


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


def tell_flags_of_the_other_branch(settings: Mapping[str, Any]) -> None:
    """Says in the log which flags are given that the player branch in use does not look at."""
    branch = settings["backbone_player"]
    if branch is None:
        return
    others = _OF_GRAPHS if branch == "3DConv" else _OF_TOP_VIEWS
    for flag, usual in others.items():
        if settings[flag] != usual:
            log.warning("--%s has no effect with --backbone_player %s", flag, branch)
    if branch != "3DConv" and settings["relative_positions"] and settings["calibration"]:
        log.warning("--relative_positions has no effect with --calibration")
