"""The file of corrections: it comes back as it was written, and says where it is wrong."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import UserError
from common.spots.corrections import (
    Correction,
    Corrections,
    Origin,
    format_corrections,
    origin_of,
    parse_corrections,
)
from common.spots.moments import Moment

text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
moment = st.builds(
    Moment, st.integers(1, 9), st.integers(0, 2**53), text, st.none() | st.floats(0, 1),
    st.none() | text, st.none() | text,
)  # fmt: skip
origin = st.builds(Origin, st.integers(1, 9), st.integers(0, 2**53), text)
correction = st.one_of(
    st.builds(Correction, moment, st.sampled_from(["accepted", "rejected", "open"]), origin),
    st.builds(Correction, moment, st.just("added"), st.none()),
)


@settings(max_examples=40, deadline=None)
@given(text, st.lists(correction, max_size=4))
def test_what_is_written_comes_back(game, spots):
    written = Corrections(game, tuple(spots))
    assert parse_corrections(format_corrections(written).encode(), "x") == written


def test_what_was_done_is_told_apart():
    goal = Moment(1, 5_000, "Goal", 0.9)
    kept = Correction(goal, "accepted", origin_of(goal))
    assert not (kept.moved or kept.relabelled)
    moved = Correction(goal, "accepted", Origin(1, 4_999, "Goal"))
    assert moved.moved and not moved.relabelled
    other = Correction(goal, "accepted", Origin(2, 5_000, "Corner"))
    assert other.moved and other.relabelled
    added = Correction(goal, "added", None)
    assert not (added.moved or added.relabelled)


GOOD = {"half": 1, "position": 5, "label": "Goal", "confidence": None, "state": "added",
        "from": None}  # fmt: skip


def file_of(spot, **further):
    content = {"format": "soccer-spots-corrections", "version": 1, "game": "g", "spots": [spot]}
    return json.dumps({**content, **further}).encode()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"[]", 'does not say "format"'),
        (file_of(GOOD, version=2), "version 2"),
        (file_of(GOOD, game=3), 'no "game"'),
        (file_of(3), "spot 0: expected an object"),
        (file_of({**GOOD, "half": True}), "half: expected a number from 1 to 9"),
        (file_of({**GOOD, "position": 1.5}), "position: expected whole milliseconds"),
        (file_of({**GOOD, "position": -1}), "position: expected whole milliseconds"),
        (file_of({**GOOD, "label": ""}), "label: expected a class name"),
        (file_of({**GOOD, "confidence": "0.5"}), "confidence: expected a number or null"),
        (file_of({**GOOD, "state": "moved"}), "state: expected one of accepted"),
        (file_of({**GOOD, "state": "open"}), "from: expected null for an added"),
        (file_of({**GOOD, "from": GOOD}), "from: expected null for an added"),
        (file_of({**GOOD, "state": "open", "from": 3}), "from: expected an object"),
        (file_of({**GOOD, "team": 1}), "team: expected a text or null"),
    ],
)
def test_what_is_wrong_is_told(content, sentence):
    assert parse_corrections(file_of(GOOD), "x").spots[0].state == "added"
    with pytest.raises(UserError, match=f"^x.*{sentence}"):
        parse_corrections(content, "x")
