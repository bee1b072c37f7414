"""A game to its result file: windows slid along each half, then suppression over --NMS_window."""

from common.pooling.window_spotting import score_half, spot_game, spot_split
from common.results.spotting import Spotting

__all__ = ["Spotting", "score_half", "spot_game", "spot_split"]
