"""A game to its result file: overlapping chunks, put together again, then suppression over 20 s."""

from common.calf.spotting import detect, score_half, spot_game
from common.results.spotting import Spotting

__all__ = ["Spotting", "detect", "score_half", "spot_game"]
