"""A game to its result file, as in CALF; each frame's graph goes through the network once."""

from common.calf.spotting import detect, score_half, spot_game
from common.results.spotting import Spotting

__all__ = ["Spotting", "detect", "score_half", "spot_game"]
