"""What exports hold, read back by the readers of others; with names that try to be more."""

import csv
import io
import json
import re
import unicodedata
from itertools import pairwise
from pathlib import PurePosixPath, PureWindowsPath
from xml.etree import ElementTree

import pytest
import webvtt as webvtt_reader
from hypothesis import given, settings
from hypothesis import strategies as st
from kloppy import sportscode as kloppy_reader

from common.data.events import V2_NAMES, EventClasses
from common.errors import UserError
from common.spots.chapters import SHORTEST_SECONDS, chapters, youtube
from common.spots.csv_table import COLUMNS, csv_table
from common.spots.file_names import file_name, file_names
from common.spots.label_file import label_file
from common.spots.label_studio import Film, frame_of, label_studio, labelling, middle_ms
from common.spots.moments import Moment, in_order
from common.spots.parsing import parse_annotations
from common.spots.sportscode import read_sportscode, sportscode
from common.spots.subtitles import srt, webvtt
from common.spots.timing import Timing
from common.spots.wording import confidence_number, confidence_text, percent

HOSTILE = (
    "Goal \"'quoted'\"",
    "<script>alert(1)</script>",
    "tooth \U0001f9b7 \U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\u202e\u05e9\u05e2\u05e8",
    "../../etc/passwd",
    "C:\\con",
    "a & b --> c {d}",
    "=1+1",
    "Yellow->red card",
)
TIMING = Timing((12_500, 20_250), 10_000, 5_000)
GAME = [
    Moment(1, 1_007, "Kick-off", 0.87654),
    Moment(1, 61_500, "Goal", 0.25, "not shown", "home"),
    Moment(1, 61_500, "Corner", None, "visible"),
    *(Moment(1, 100_000 + 20_000 * n, name, n / 10) for n, name in enumerate(HOSTILE)),
]

moment = st.builds(
    Moment,
    half=st.integers(1, 9),
    position_ms=st.integers(0, 9_000_000),
    label=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12),
    confidence=st.none() | st.floats(0, 1),
    visibility=st.sampled_from([None, "visible", "not shown"]),
    team=st.sampled_from([None, "home", "away"]),
)


def test_confidences_are_written_alike_everywhere():
    assert confidence_text(0.87654) == "0.8765" and confidence_text(1.0) == "1.0000"
    assert confidence_text(0.00005) == "0.0001" and confidence_text(None) == ""
    assert confidence_text(-0.25) == "-0.2500" and confidence_text(1e-9) == "0.0000"
    assert json.dumps([confidence_number(n) for n in (1.0, 0.87654, 1e-9)]) == "[1, 0.8765, 0]"
    assert percent(0.8749) == " (87%)" and percent(None) == ""
    assert percent(1e308) == f" ({int(1e308)}00%)" and confidence_number(-1e305) == -int(1e305)
    assert confidence_text(1e308) == f"{int(1e308)}.0000"


def test_kloppy_reads_sportscode_back(tmp_path):
    path = tmp_path / "game.xml"
    path.write_bytes(sportscode(GAME, TIMING, V2_NAMES).encode("ascii"))
    codes = kloppy_reader.load(str(path)).codes
    assert [code.code for code in codes] == [each.label for each in GAME]
    for number, (code, each) in enumerate(zip(codes, GAME, strict=True), 1):
        start, end = TIMING.span_ms(each)
        assert code.code_id == str(number)
        assert code.start_timestamp.total_seconds() == pytest.approx(start / 1000, abs=1e-9)
        assert code.end_timestamp.total_seconds() == pytest.approx(end / 1000, abs=1e-9)
        labels = {"half": 1, "position": each.position_ms, "class": each.label}
        labels["clock"] = f"{each.position_ms // 60000:02d}:{each.position_ms // 1000 % 60:02d}"
        if each.confidence is not None:
            labels["confidence"] = round(each.confidence, 4)
        if each.visibility:
            labels["visibility"] = each.visibility
        if each.team:
            labels["team"] = each.team
        assert code.labels == labels


def test_each_code_has_one_row_in_the_order_of_the_classes():
    text = sportscode([*GAME, *GAME], TIMING, V2_NAMES)
    rows = ElementTree.fromstring(text).findall("ROWS/row")
    named = [row.findtext("code") for row in rows]
    assert named[:4] == ["Kick-off", "Goal", "Corner", "Yellow->red card"]
    assert named[4:] == [name for name in HOSTILE if name not in V2_NAMES]
    every = sportscode([Moment(1, 0, name) for name in V2_NAMES], TIMING, V2_NAMES)
    rows = ElementTree.fromstring(every).findall("ROWS/row")
    colours = [tuple(int(row.findtext(c)) for c in "RGB") for row in rows]
    assert len({*colours}) == len(V2_NAMES)
    assert all(0 <= shade <= 65535 for colour in colours for shade in colour)
    assert colours[0] == (54998, 17733, 16705)  # 214, 69 and 65 of 255, of 65535 that is


@settings(max_examples=40, deadline=None)
@given(st.lists(moment, max_size=5), st.lists(st.text(min_size=1, max_size=5), max_size=2))
def test_sportscode_is_ascii_and_reads_back(moments, odd):
    """Any text at all makes a valid file; what XML can hold comes back."""
    written = [*moments, *(Moment(1, 0, name) for name in odd)]
    content = sportscode(written, TIMING, V2_NAMES).encode("ascii")
    read = read_sportscode(content, "x.xml")
    ordered = sorted(moments, key=TIMING.file_ms)
    if not odd:
        names = [re.sub("[\x7f-\x9f\u2028\u2029]", " ", m.label) for m in ordered]
        names = [re.sub("[\ufffe\uffff]", "\ufffd", name) for name in names]
        assert [each.code for each in read] == names
        assert [int(each.labels["position"]) for each in read] == [m.position_ms for m in ordered]
        assert [(each.start_ms, each.end_ms) for each in read] == [*map(TIMING.span_ms, ordered)]


BOMB = b'<!DOCTYPE f [<!ENTITY a "b">]><file><ALL_INSTANCES></ALL_INSTANCES></file>'
INSTANCE = "<file><ALL_INSTANCES><instance>{}</instance></ALL_INSTANCES></file>"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{}", "not valid XML"),
        (b"<html></html>", "no ALL_INSTANCES"),
        (BOMB, "declares a document type"),
        (BOMB.decode().encode("utf-16"), "declares a document type"),
        (INSTANCE.format("<start>x</start>").encode(), "instance 1.*<start>, found 'x'"),
        (INSTANCE.format("<start>nan</start>").encode(), "instance 1.*<start>, found 'nan'"),
        (INSTANCE.format("<start>0</start><end>1</end>").encode(), "instance 1 has no code"),
    ],
)
def test_files_that_are_no_edit_lists_are_told(content, sentence):
    with pytest.raises(UserError, match=f"x.xml.*{sentence}"):
        read_sportscode(content, "x.xml")


def test_csv_holds_all_fields():
    table = csv_table("league/=game", [*GAME, Moment(2, 500, "Goal", 0.5)], TIMING)
    rows = list(csv.reader(io.StringIO(table)))
    assert tuple(rows[0]) == COLUMNS
    assert rows[2] == ["league/=game", "1", "01:01", "61500", "74.000", "Goal", "0.2500",
                       "not shown", "home"]  # fmt: skip
    assert rows[-1][3:5] == ["500", "20.750"]
    assert [row[5].removeprefix("'") for row in rows[1:-1]] == [m.label for m in GAME]
    assert all(not re.match(r"[=+\-@\t\r]", field) for row in rows for field in row)


def seconds(text):
    hours, minutes, rest = text.replace(",", ".").split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(rest)


@pytest.mark.parametrize(("write", "read"), [(webvtt, "from_string"), (srt, "from_srt")])
def test_subtitles_pass_a_parser(write, read, tmp_path):
    path = tmp_path / "game.srt"
    path.write_text(write([*GAME, Moment(1, 5_400_000, "Late", 1.0)], TIMING), encoding="utf-8")
    source = path.read_text(encoding="utf-8") if read == "from_string" else path
    cues = list(getattr(webvtt_reader, read)(source))
    assert len(cues) == len(GAME) + 1
    for cue, each in zip(cues, GAME, strict=False):
        assert (seconds(cue.start), seconds(cue.end)) == pytest.approx(
            [ms / 1000 for ms in TIMING.span_ms(each)]
        )
        assert "<" not in cue.raw_text and len(cue.lines) == 1
    assert cues[0].text == "Kick-off (88%)" and cues[-1].text == "Late (100%)"
    assert cues[-1].start == "01:30:02.500"


def test_webvtt_holds_names_as_text():
    raw = [cue.raw_text for cue in webvtt_reader.from_string(webvtt(GAME, TIMING))]
    plain = [t.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") for t in raw]
    assert plain == [each.label + percent(each.confidence) for each in GAME]


def test_srt_leaves_nothing_that_players_take_for_commands():
    text = srt([Moment(1, 0, name) for name in HOSTILE], TIMING)
    assert not re.search(r"[<{}]", text)
    assert text.count("-->") == len(HOSTILE)


STAMP = re.compile(r"(?:(\d+):)?(\d?\d):(\d\d) (.+)")


@settings(max_examples=40, deadline=None)
@given(st.lists(moment, max_size=12), st.integers(0, 60_000))
def test_chapters_obey_the_rules_of_youtube(moments, lead):
    """0:00 first, rising, ten seconds each, one line each, no angle brackets."""
    timing = Timing((), lead, 0, one_file=True)
    text = youtube(moments, timing)
    lines = text.split("\n")
    assert lines.pop() == "" and lines[0].startswith("0:00 Start")
    parts = [STAMP.fullmatch(line).groups() for line in lines]
    times = [3600 * int(h or 0) + 60 * int(m) + int(s) for h, m, s, _ in parts]
    assert all(b - a >= SHORTEST_SECONDS for a, b in pairwise(times))
    assert times == [second for second, _ in chapters(moments, timing)]
    assert not re.search("[<>]", text)
    for each in moments:  # each is in the chapter that is on at its beginning
        start = timing.span_ms(each)[0] // 1000
        title = next(title for at, title in reversed(chapters(moments, timing)) if at <= start)
        name = each.label.translate(str.maketrans("<>", "\u2039\u203a"))
        assert re.sub("[\x7f-\x9f\u2028\u2029]", " ", name) in title


def test_chapters_of_ten_seconds_stand_alone_and_shorter_ones_join():
    def at(*seconds):
        return youtube([Moment(1, 1000 * s, f"{s}") for s in seconds], Timing(lead_ms=0))

    assert at(9, 20, 29) == "0:00 Start, 9\n0:20 20, 29\n"
    assert at(10, 20, 30) == "0:00 Start\n0:10 10\n0:20 20\n0:30 30\n"


def test_hours_are_told_from_one_on():
    assert youtube([Moment(1, 3_723_000, "Goal")], Timing()) == "0:00 Start\n1:01:53 Goal\n"


@settings(max_examples=40, deadline=None)
@given(st.lists(moment, max_size=6))
def test_labels_read_back(moments):
    """Our own reader finds what was written, as annotations."""
    names = tuple({each.label for each in moments}) or ("Goal",)
    content = label_file("league/game", moments).encode()
    read = parse_annotations(content, "x", EventClasses(names, halves=9))
    wanted = [
        Moment(m.half, m.position_ms, m.label, None, m.visibility or "visible",
               m.team or "not applicable") for m in moments
    ]  # fmt: skip
    assert in_order(read) == in_order(wanted)


def test_label_studio_tells_frames_and_kinds():
    film = Film("match.mp4", 1, tuple(GAME))
    text = label_studio("league/game", [film], TIMING, frame_rate=25, model="Mine")
    (task,) = json.loads(text)
    assert text == json.dumps([task], indent=4, ensure_ascii=False) + "\n"
    assert task["data"]["video"] == "match.mp4" and task["data"]["game"] == "league/game"
    found, known = task["predictions"][0]["result"], task["annotations"][0]["result"]
    assert [r["value"]["timelinelabels"] for r in known] == [["Corner"]]
    assert [r["value"]["timelinelabels"] for r in found] == [
        [m.label] for m in GAME if m.confidence is not None
    ]
    assert found[1]["value"]["ranges"] == [{"start": 1851, "end": 1851}]  # 74 s at 25 per second
    assert {r["type"] for r in found + known} == {"timelinelabels"}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**7), st.sampled_from([10, 24, 25, 29.97, 30, 59.94, 23.976]))
def test_the_middle_of_a_frame_is_in_it(file_ms, rate):
    frame = frame_of(file_ms, rate)
    assert frame_of(middle_ms(frame, rate), rate) == frame
    assert abs(middle_ms(frame, rate) - file_ms) <= 500 / rate + 1


def test_labelling_interface_holds_the_classes():
    root = ElementTree.fromstring(labelling(HOSTILE, 25.0))
    assert tuple(label.get("value") for label in root.iter("Label")) == HOSTILE
    control, video = root.find("TimelineLabels"), root.find("Video")
    assert control.get("toName") == video.get("name") and video.get("frameRate") == "25"


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=300) | st.sampled_from(HOSTILE))
def test_file_names_stay_in_their_folder(text):
    name = file_name(text)
    assert PurePosixPath(name).parts == (name,) and PureWindowsPath(name).parts == (name,)
    assert not PureWindowsPath(name).is_reserved() and not name.startswith((".", " "))
    assert 0 < len(name.encode()) <= 130
    assert not any(unicodedata.category(letter) == "Cc" for letter in name)
    assert not re.search('[\u061c\u202a-\u202e\u2066-\u2069/\\\\:*?"<>|]', name)


@pytest.mark.parametrize(
    "text", ["CON", "aux ", "nul.", "com1.xml", "COM\xb9", "lpt\xb2.x", "ConIn$"]
)
def test_names_that_windows_keeps_for_devices_are_other_ones(text):
    assert file_name(text) == f"_{text.rstrip('. ')}"


def test_file_names_differ_where_texts_do():
    names = file_names(["a/b", "a:b", "A_b", "é", "e\u0301", "x"])
    assert len({name.casefold() for name in names.values()}) == 6
    assert names["a/b"] == "a_b" and names["x"] == "x" and names["a:b"] == "a_b (2)"
