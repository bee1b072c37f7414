"""A few spots, as entries of labels and as corrections."""

from common.spots.corrections import Correction, origin_of
from common.spots.label_file import annotation_of
from common.spots.moments import Moment

GOAL = Moment(1, 61_500, "Goal", 0.9)
CORNER = Moment(1, 4_000, "Corner", 0.7)
FOUL = Moment(2, 30_000, "Foul", 0.6)
HAND = Moment(1, 90_000, "Goal", None, "not shown", "home")


def entry(moment, **further):
    return {**annotation_of(moment), **further}


def accept(now, was=None):
    return Correction(now, "accepted", origin_of(was or now))
