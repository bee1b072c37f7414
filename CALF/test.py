"""A game to its result file: overlapping chunks, put together again, then suppression over 20 s."""

from common.calf.spotting import Spotting, detect, score_half, spot_game

__all__ = ["Spotting", "detect", "score_half", "spot_game"]
