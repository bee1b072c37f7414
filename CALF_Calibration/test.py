"""A game to its result file, as in CALF; the players of each frame are drawn on the way."""

from common.calf.spotting import detect, score_half, spot_game
from common.results.spotting import Spotting

__all__ = ["Spotting", "detect", "score_half", "spot_game"]
