"""The command-line flags that both calibration baselines share. Published names do not change."""

import argparse
from collections.abc import Mapping
from typing import Any

from common.data.events import CLASS_SPLITS
from common.errors import UserError, log
from common.training.argument_types import finite, not_negative, pixels, place, rate, whole

# Flags that change nothing without another one.
_NEEDED = {
    "calibration": "backbone_player",
    "teacher": "backbone_player",
    "with_resnet": "backbone_player",
    "relative_positions": "backbone_player",
    "calibration_field": "calibration",
    "calibration_cone": "calibration",
    "calibration_physic": "calibration",
    "calibration_confidence": "calibration",
    "pitch_margin": "calibration",
    "with_trail": "calibration",
    "with_dense": "with_resnet",
    "resnet_weights": "with_resnet",
}


def add_calibration_flags(parser: argparse.ArgumentParser) -> None:
    """Branches, camera, and how players are drawn."""
    add = parser.add_argument_group("players").add_argument
    # fmt: off
    add("--calibration", action="store_true",
        help="project players to the pitch; else they stay where the broadcast picture has them")
    add("--calibration_field", action="store_true", help="draw the lines of the pitch")
    add("--calibration_cone", action="store_true", help="draw the outline of what the camera sees")
    add("--teacher", action="store_true",
        help="use the calibration of the teacher network, and the threshold that goes with it")
    add("--dim_representation_w", type=pixels, default=64, help="width of a top view, in pixels")
    add("--dim_representation_h", type=pixels, default=32, help="its height, in pixels")
    add("--dim_representation_c", type=pixels, default=3, help="its channels; must be 3")
    add("--dim_representation_player", type=pixels, default=2,
        help="side of a player's square, in pixels, even")
    add("--pitch_margin", type=rate, metavar="METRES",
        help="leave out who stands farther than this from the pitch; else spectators are seen, too")
    add("--cache_dir", type=place, metavar="FOLDER",
        help="where parsed box and calibration files are kept; else beside them")
    # fmt: on


def add_branch_flags(parser: argparse.ArgumentParser, player_branches: str) -> None:
    """Network and classes. `player_branches` tells what --backbone_player may be."""
    add = parser.add_argument_group("calibration").add_argument
    # fmt: off
    add("--backbone_feature", choices=("2DConv",), help="look at the frame features")
    add("--backbone_player", metavar="BRANCH", help=f"look at the players: {player_branches}")
    add("--feature_multiplier", type=whole(1, 64), default=1, metavar="M",
        help="all branches so many times as wide")
    add("--with_dropout", type=finite, default=0.0, metavar="P",
        help="probability that a training step goes without one of two branches")
    add("--class_split", choices=(*CLASS_SPLITS, "both"),
        help="spot the visual classes, or the others, or train and test both and merge them")
    add("--mode", type=not_negative, default=0, help="no effect, as in the original")
    # fmt: on


def check_calibration_flags(channels: int, dropout: float) -> None:
    """Raises UserError for values of flags that the network cannot have."""
    if channels != 3:
        raise UserError(f"--dim_representation_c must be 3, found {channels}")
    if not 0 <= dropout <= 1:
        raise UserError(f"--with_dropout must be from 0 to 1, found {dropout}")


def tell_idle_flags(settings: Mapping[str, Any]) -> None:
    """Says in the log which flags are given and change nothing, as one that they need is not."""
    for flag, needed in _NEEDED.items():
        if settings.get(flag) and not settings[needed]:
            log.warning("--%s has no effect without --%s", flag, needed)
    if settings["with_dropout"] and not (
        settings["backbone_feature"] and settings["backbone_player"]
    ):
        log.warning("--with_dropout has no effect on one branch alone")
