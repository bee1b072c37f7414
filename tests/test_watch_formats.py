"""The text formats of the page are those of common.export, byte for byte."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from common.spots.chapters import youtube
from common.spots.csv_table import csv_table
from common.spots.label_file import label_file
from common.spots.label_studio import Film, label_studio
from common.spots.moments import Moment, in_order
from common.spots.sportscode import sportscode
from common.spots.subtitles import srt, webvtt
from common.spots.timing import Timing
from common.watch.page import page

LABELS = ["Goal", "=1+1", 'a,"b"\r\n<i>&amp;</i> --> {x}', "\u05e9\u05dc\u05d5\u05dd \u202e",
          "\N{SOCCER BALL}\U0001f600 \uffff \ufb01", "\x00\x07\u2028tab\t\x7f"]  # fmt: skip
GAME = "@league/a,\"b\"/'c' \N{SOCCER BALL}"
CLASSES = LABELS[:4]


def moments():
    """A hundred, some at the same time, some before the video begins, some beyond an hour."""
    rng = np.random.default_rng(0)
    confidences = [None, 0.0, 1.0, 0.87654, 0.00005, 0.5, 1.2, -0.25, 0.1 + 0.2]
    return [
        Moment(
            int(rng.integers(1, 4)),
            int(rng.choice([0, 500, 1000, 3_599_999, 6_000_007, rng.integers(0, 5_400_000)])),
            LABELS[rng.integers(len(LABELS))],
            confidences[rng.integers(len(confidences))],
            (None, "visible", "not shown")[rng.integers(3)],
            (None, "home", "=away")[rng.integers(3)],
        )
        for _ in range(100)
    ]


@pytest.fixture(scope="module")
def formats(tab, tmp_path_factory):
    """Calls a function of the page: its name and arguments, moments and timing as it knows them."""
    empty = [[], [], [], []]
    game = {"name": GAME, "file": "game", "halves": 1, "detections": empty, "annotations": None,
            "others": [], "videos": {"files": [], "halves": []}}  # fmt: skip
    data = {"id": "x", "run": "run", "labelFile": "Labels-v2.json", "classes": ["a"],
            "thresholds": [0], "tolerance": 5, "framerate": 2, "lastFrame": 9, "frame": 0.04,
            "games": [game]}  # fmt: skip
    path = tmp_path_factory.mktemp("formats") / "watch.html"
    path.write_text(page(data))
    tab.open(path.as_uri())

    def told(value):
        if isinstance(value, Moment):
            fields = asdict(value)
            return {"ms": fields.pop("position_ms"), **fields}
        if isinstance(value, Timing):
            return {"kickOffs": value.kick_off_ms, "lead": value.lead_ms, "lag": value.lag_ms}
        if isinstance(value, Film):
            return {"video": value.video, "half": value.half, "moments": told(value.moments)}
        return [told(each) for each in value] if isinstance(value, list | tuple) else value

    def call(name, *values):
        return tab.run(f"{name}(...{json.dumps([told(value) for value in values])})")

    return call


@pytest.mark.parametrize(
    "timing", [Timing(), Timing((312_500, 3_700_001), 0, 3_000), Timing((0, 7), 600_000, 0)]
)
def test_texts_are_the_same(formats, timing):
    found = moments()
    assert formats("csvTable", GAME, found, timing) == csv_table(GAME, found, timing)
    assert formats("webvtt", found, timing) == webvtt(found, timing)
    assert formats("srt", found, timing) == srt(found, timing)
    assert formats("youtube", found, timing) == youtube(found, timing)
    assert formats("sportscode", found, timing, CLASSES) == sportscode(found, timing, CLASSES)
    assert formats("labelFile", GAME, found) == label_file(GAME, found)


@pytest.mark.parametrize("rate", [25, 29.97])
def test_label_studio_is_the_same(formats, rate):
    found, timing = moments(), Timing((312_500, 0))
    known = [each for each in found if each.confidence is None]
    films = [Film("1.mp4", 1, tuple(found)), Film("2.mp4", None, ()), Film("x", 3, tuple(known))]
    theirs = label_studio(GAME, films, timing, frame_rate=rate, model="run")
    assert formats("labelStudio", GAME, films, timing, rate, "run") == theirs


def test_nothing_is_written_the_same(formats):
    timing = Timing()
    assert formats("csvTable", GAME, [], timing) == csv_table(GAME, [], timing)
    assert formats("webvtt", [], timing) == webvtt([], timing)
    assert formats("srt", [], timing) == srt([], timing) == ""
    assert formats("youtube", [], timing) == youtube([], timing)
    assert formats("sportscode", [], timing, CLASSES) == sportscode([], timing, CLASSES)
    assert formats("labelFile", GAME, []) == label_file(GAME, [])


def test_the_order_is_that_of_python(formats):
    """By half, position and label; labels by code points, which JavaScript's order is not."""
    found = moments()
    mine = formats("inOrder", found)
    expected = [
        (each.half, each.position_ms, each.label, each.confidence) for each in in_order(found)
    ]
    assert [(e["half"], e["ms"], e["label"], e["confidence"]) for e in mine] == expected
