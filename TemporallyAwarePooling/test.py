"""A game to its result file: windows slid along each half, then suppression over 30 s."""

from common.spotting import Spotting
from common.window_spotting import score_half, spot_game, spot_split

__all__ = ["Spotting", "score_half", "spot_game", "spot_split"]
