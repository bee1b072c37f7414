"""Moments as a label file of SoccerNet, `Labels-v2.json`."""

import json
from collections.abc import Iterable
from typing import Any

from common.spots.moments import Moment
from common.spots.timing import game_time

UNKNOWN_TEAM, UNKNOWN_VISIBILITY = "not applicable", "visible"


def annotation_of(moment: Moment) -> dict[str, str]:
    """An entry of a label file: texts only, keys in the published order.

    A team or visibility that nobody has said is "not applicable" and "visible". What was read as
    "y-card" is written so, too.
    """
    return {
        "gameTime": game_time(moment.half, moment.position_ms),
        "label": moment.written or moment.label,
        "position": str(moment.position_ms),
        "team": moment.team or UNKNOWN_TEAM,
        "visibility": moment.visibility or UNKNOWN_VISIBILITY,
    }


def label_file(game: str, moments: Iterable[Moment]) -> str:
    """A game's moments as `Labels-v2.json`, by half and position; confidences are not kept."""
    ordered = sorted(moments, key=lambda each: (each.half, each.position_ms))
    annotations = [annotation_of(each) for each in ordered]
    return as_json({"UrlLocal": f"{game}/", "UrlYoutube": "", "annotations": annotations})


def as_json(value: Any) -> str:
    """As JSON.stringify(value, null, 4) writes it, and \\n; no floats but those of `wording`."""
    return json.dumps(value, indent=4, ensure_ascii=False) + "\n"
