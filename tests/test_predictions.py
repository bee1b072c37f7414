"""Result files: the writer's text, the strict reader, trees of files, the submission zip."""

import json
import os
import tracemalloc
import unicodedata
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.data.events import V1_NAMES, V2_NAMES
from common.errors import UserError
from common.results.json_tree import JsonTree
from common.results.predictions import (
    RESULT_FILE,
    format_game,
    frame_to_milliseconds,
    guess_file_name,
    milliseconds_to_frame,
    parse_detections,
    write_game,
    write_zip,
)

NUMBER_OF = {name: number for number, name in enumerate(V2_NAMES)}
ENTRY = {"label": "Corner", "position": "424500", "half": "2", "confidence": "0.84"}


def parse(*entries, lenient=False):
    content = json.dumps({"predictions": entries}).encode()
    return parse_detections(content, "game/results.json", NUMBER_OF, lenient)


def of_half(half, frames, events, confidences):
    return half, np.array(frames, np.int64), np.array(events, np.int64), np.array(confidences)


def by_half(read, framerate):
    """What `format_game` takes, from what `parse_detections` gives."""
    for half in (1, 2):
        ours = read.half == half
        yield half, read.frames(framerate)[ours], read.event[ours], read.confidence[ours]


# Writing.


def test_text_of_a_result_file():
    scores = np.array([0.99, 0.114090994], np.float32)
    halves = [of_half(1, [9, 1000], [0, 16], scores), of_half(2, [849], [13], scores[:1] * 0)]
    assert format_game("A/B/C d - e", halves, V2_NAMES, 2).decode() == (
        """{
    "UrlLocal": "A/B/C d - e",
    "predictions": [
        {
            "gameTime": "1 - 0:4",
            "label": "Penalty",
            "position": "4500",
            "half": "1",
            "confidence": "0.9900000095367432"
        },
        {
            "gameTime": "1 - 8:20",
            "label": "Yellow->red card",
            "position": "500000",
            "half": "1",
            "confidence": "0.11409099400043488"
        },
        {
            "gameTime": "2 - 7:4",
            "label": "Corner",
            "position": "424500",
            "half": "2",
            "confidence": "0.0"
        }
    ]
}"""
    )


def test_text_of_a_game_without_detections():
    expected = '{\n    "UrlLocal": "a/b/c",\n    "predictions": []\n}'
    assert format_game("a/b/c", [], V2_NAMES, 2).decode() == expected
    assert format_game("a/b/c", [of_half(1, [], [], [])], V2_NAMES, 2).decode() == expected


def test_text_is_what_json_dump_writes():
    halves = [of_half(1, [3], [0], [0.5])]
    text = format_game('a/b/"c" \\ d', halves, ['"quoted" \\ class'], 2).decode()
    assert text == json.dumps(json.loads(text), indent=4)
    assert json.loads(text)["predictions"][0]["label"] == '"quoted" \\ class'


@pytest.mark.parametrize(
    "case",
    [
        "tap_v2", "tap_v1", "pool_v2", "pool_v1", "calf_all", "calib_all", "calib_visual",
        "calib_nonvisual",
    ],
)  # fmt: skip
def test_recorded_files_are_read_and_written_again_byte_for_byte(golden, case):
    text = golden("prediction_files.json")[case]
    names = V1_NAMES if case.endswith("v1") else V2_NAMES
    read = parse_detections(text.encode(), case, {name: i for i, name in enumerate(names)})
    assert len(read) == len(json.loads(text)["predictions"]) and read.unknown == 0
    again = format_game("A/B/C d - e", list(by_half(read, 2)), names, 2)
    assert again.decode() == text


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 2]),
            st.integers(0, 14_399),
            st.integers(0, 16),
            st.floats(0, 1, width=32),
        )
    ),
    st.sampled_from([1, 2, 5, 10, 25]),
)
def test_what_is_written_is_read_again(rows, framerate):
    rows.sort(key=lambda row: row[0])
    halves = []
    for half in (1, 2):
        ours = [row[1:] for row in rows if row[0] == half]
        halves.append(of_half(half, *(zip(*ours, strict=True) if ours else ([], [], []))))
    content = format_game("a/b/c", halves, V2_NAMES, framerate)
    read = parse_detections(content, "", NUMBER_OF)
    columns = read.half, read.frames(framerate), read.event, read.confidence
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == rows


@pytest.mark.parametrize("framerate", [1, 2, 5, 10, 25, 12.5, 25 / 16, 29.97, 0.5])
def test_every_frame_of_two_hours_survives_milliseconds(framerate):
    frames = np.arange(int(7200 * framerate))
    milliseconds = frame_to_milliseconds(frames, framerate)
    assert milliseconds.dtype == np.int64
    read = (framerate * (milliseconds / 1000)).astype(np.int64)
    np.testing.assert_array_equal(read, frames)
    assert (milliseconds - 1000 * frames / framerate).max() < 1.5
    if framerate in (1, 2):
        published = frame_to_milliseconds(frames, framerate, published=True)
        np.testing.assert_array_equal(milliseconds, published)


def test_clock_and_position_of_a_rate_that_is_not_whole(framerate=12.5):
    halves = [of_half(1, [938], [0], [0.5])]
    entry = json.loads(format_game("a", halves, V2_NAMES, framerate))["predictions"][0]
    assert (entry["gameTime"], entry["position"]) == ("1 - 1:15", "75040")


def test_a_position_with_a_point_is_refused_as_the_official_evaluator_does():
    with pytest.raises(UserError, match=r"expected whole milliseconds, found '1000\.0'"):
        parse(ENTRY | {"position": "1000.0"})


@pytest.mark.parametrize(("framerate", "lost"), [(1, 0), (2, 0), (5, 193), (10, 389), (25, 9570)])
def test_published_positions_lose_frames_at_higher_rates(framerate, lost):
    frames = np.arange(7200 * framerate)
    milliseconds = frame_to_milliseconds(frames, framerate, published=True)
    read = (framerate * (milliseconds / 1000)).astype(np.int64)
    assert (read != frames).sum() == lost
    if framerate == 25:
        assert np.flatnonzero(read != frames)[:3].tolist() == [29, 57, 58]


@pytest.mark.parametrize(("framerate", "other"), [(1, 0), (2, 0), (5, 0), (10, 0), (25, 9174)])
def test_frames_are_those_of_whole_arithmetic_but_for_some_at_25_fps(framerate, other):
    milliseconds = np.arange(7_200_001)
    exact = framerate * milliseconds // 1000
    apart = np.flatnonzero(milliseconds_to_frame(milliseconds, framerate) != exact)
    assert len(apart) == other
    if other:
        assert apart[:3].tolist() == [1160, 2280, 2320]


# Reading.


def test_fields_in_file_order():
    read = parse(ENTRY, {"label": "Goal", "position": 1000.7, "half": 1, "confidence": 1e-3})
    assert read.half.tolist() == [2, 1]
    assert read.milliseconds.tolist() == [424500, 1000]
    assert read.frames(2).tolist() == [849, 2]
    assert read.event.tolist() == [13, 2]
    assert read.confidence.tolist() == [0.84, 0.001]


@pytest.mark.parametrize("text", ["-0.5", "7", "1e-3", "-0", "1_0", "+.5", "9" * 99])
def test_any_number_is_a_confidence(text):
    entries = ENTRY | {"confidence": text}, ENTRY | {"confidence": 0.25}, ENTRY
    for some in (entries[:1], entries[:2], entries[::2]):
        expected = [float(entry["confidence"]) for entry in some]
        np.testing.assert_array_equal(parse(*some).confidence, expected)


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1e400", "-1e999"])
def test_confidences_that_are_not_finite_are_refused_unless_asked_for(text):
    with pytest.raises(UserError, match="prediction 1, field confidence: expected a finite"):
        parse(ENTRY, ENTRY | {"confidence": text})
    content = json.dumps({"predictions": [ENTRY | {"confidence": text}]}).encode()
    for how in ({"lenient": True}, {"any_confidence": True}):
        read = parse_detections(content, "the file", NUMBER_OF, **how)
        np.testing.assert_array_equal(read.confidence, [float(text)])


def test_confidences_are_read_to_the_last_bit():
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 0x3FF0_0000_0000_0000, 20_000)  # all doubles from 0 to 1
    expected = [*bits.view(np.float64).tolist(), *rng.random(20_000, np.float32).tolist()]
    read = parse(*(ENTRY | {"confidence": repr(value)} for value in expected))
    assert read.confidence.tolist() == expected


@pytest.mark.parametrize("texts", [["true"], ["null"], ["0.1,0.2"], ["[1", "2]", "3,4"], ['"1"']])
def test_json_that_is_no_number_is_no_confidence(texts):
    with pytest.raises(UserError, match="prediction 1, field confidence"):
        parse(ENTRY, *(ENTRY | {"confidence": text} for text in texts))


def test_unknown_classes_are_left_out_and_counted():
    others = [ENTRY | {"label": label} for label in ("corner", "card", 5, None)]
    read = parse(*others, ENTRY)
    assert read.event.tolist() == [13] and read.milliseconds.tolist() == [424500]
    assert read.unknown == 4
    assert read.unknown_labels == {"corner": 1, "card": 1, "5": 1, "None": 1}


def without(key):
    return {name: value for name, value in ENTRY.items() if name != key}


@pytest.mark.parametrize(
    ("entry", "field", "found"),
    [
        *((without(field), field, None) for field in ENTRY),
        *(
            (ENTRY | {"position": value}, "position", value)
            for value in ("1000.5", "", "abc", None, [], "-1", -500, "9" * 400)
        ),
        *((ENTRY | {"half": value}, "half", value) for value in ("first", "1.0", None, "0", -1)),
        *((ENTRY | {"confidence": value}, "confidence", value) for value in ("", "high", None, [])),
        (ENTRY | {"label": ["Corner"]}, "label", ["Corner"]),
        ("Corner", "half", "Corner"),
        (None, "half", None),
    ],
)
def test_malformed_field_is_named(entry, field, found):
    with pytest.raises(UserError) as error:
        parse(ENTRY, entry, ENTRY)
    sentence = str(error.value)
    assert sentence.startswith(f"game/results.json: prediction 1, field {field}: expected ")
    assert sentence.endswith(f"found {found!r}")


def test_lenient_lets_pass_what_the_package_does():
    odd = [ENTRY | {"position": "-600"}, ENTRY | {"half": "0"}, ENTRY | {"half": "3"}]
    read = parse(*odd, lenient=True)
    assert read.milliseconds.tolist() == [-600, 424500, 424500]
    assert read.half.tolist() == [2, 0, 3]


@pytest.mark.parametrize("half", ["0", "3", "-1"])
def test_lenient_reads_no_confidence_where_nothing_counts(half):
    odd = [ENTRY | {"half": half, "confidence": "0,4"}, ENTRY | {"half": half, "confidence": "0.4"}]
    read = parse(*odd, ENTRY, lenient=True)
    assert np.isnan(read.confidence[0]) and read.confidence[1] == 0.4
    with pytest.raises(UserError, match="prediction 0, field confidence"):
        parse(ENTRY | {"confidence": "0,4"}, lenient=True)


@pytest.mark.parametrize("nothing", ["{}", '""'])
def test_lenient_finds_nothing_in_what_is_empty(nothing):
    content = f'{{"predictions": {nothing}}}'.encode()
    with pytest.raises(UserError, match="no list"):
        parse_detections(content, "f", NUMBER_OF)
    assert len(parse_detections(content, "f", NUMBER_OF, lenient=True)) == 0


def test_numbers_beyond_any_array_entry_stay_far_away():
    entries = [ENTRY | {"position": value} for value in ("9" * 30, 1e300, "424500")]
    assert (parse(*entries).frames(25) > 10**12).tolist() == [True, True, False]


@pytest.mark.parametrize("content", [b"[]", b"{}", b'{"predictions": {}}', b'{"annotations": []}'])
def test_other_json_is_no_result_file(content):
    with pytest.raises(UserError, match='the-file has no list "predictions"'):
        parse_detections(content, "the-file", NUMBER_OF)


def test_no_predictions_give_empty_arrays():
    read = parse()
    assert len(read) == 0 and read.frames(2).dtype == np.int64 and read.event.dtype == np.int64


# Trees of files and the zip.


@pytest.fixture
def results(tmp_path):
    """Result files of two games of a split and of a stale one."""
    folder = tmp_path / "outputs_test"
    for game in ("l/s/b", "l/s/a", "l/s/stale"):
        write_game(folder, game, format_game(game, [], V2_NAMES, 2))
    return folder


def test_written_game_lies_in_its_folder(results):
    path = write_game(results, "x/y/z", b"{}")
    assert path == results / "x" / "y" / "z" / RESULT_FILE
    assert path.read_bytes() == b"{}"
    assert write_game(results, "x/y/z", b"[]", "other.json").name == "other.json"


def test_zip_holds_exactly_the_games_asked_for_in_order(results, tmp_path):
    path = tmp_path / "deep" / "results_spotting_test.zip"
    write_zip(path, results, ["l/s/b", "l/s/a"])
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [f"l/s/b/{RESULT_FILE}", f"l/s/a/{RESULT_FILE}"]
        assert archive.testzip() is None
        assert (
            archive.read(f"l/s/a/{RESULT_FILE}") == (results / "l/s/a" / RESULT_FILE).read_bytes()
        )
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_DEFLATED}
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_zip_of_the_same_results_is_the_same_byte_for_byte(results, tmp_path):
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    write_zip(first, results, ["l/s/a", "l/s/b"])
    for path in results.rglob("*.json"):
        os.utime(path, (1, 1))
        path.chmod(0o600)
    write_zip(second, results, ["l/s/a", "l/s/b"])
    assert first.read_bytes() == second.read_bytes()


def test_zip_with_a_missing_game_leaves_the_old_zip(results, tmp_path):
    path = tmp_path / "results.zip"
    write_zip(path, results, ["l/s/a"])
    before = path.read_bytes()
    with pytest.raises(FileNotFoundError):
        write_zip(path, results, ["l/s/b", "l/s/missing"])
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["outputs_test", "results.zip"]


def test_folder_and_zip_read_alike(results, tmp_path):
    games = ["l/s/a", "l/s/b", "l/s/stale"]
    write_zip(tmp_path / "results.zip", results, games)
    (results / "notes.txt").write_text("no JSON")
    for tree in (JsonTree(results), JsonTree(tmp_path / "results.zip")):
        assert sorted(tree.names()) == [f"{game}/{RESULT_FILE}" for game in games]
        assert f"l/s/a/{RESULT_FILE}" in tree and "l/s/a/other.json" not in tree
        assert json.loads(tree.read(f"l/s/b/{RESULT_FILE}"))["UrlLocal"] == "l/s/b"
        with pytest.raises(UserError, match=r"expected l/s/c/x\.json in .*, found no such file"):
            tree.read("l/s/c/x.json")


def test_links_to_folders_are_followed_but_not_in_circles(results, tmp_path):
    tree = tmp_path / "linked"
    tree.mkdir()
    (tree / "l").symlink_to(results / "l", target_is_directory=True)
    (results / "l" / "s" / "a" / "back").symlink_to(results / "l", target_is_directory=True)
    (results / "l" / "s" / "a" / "self").symlink_to("self")
    assert JsonTree(tree).names() == JsonTree(results).names() != []


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file_is_refused_unread(results, kind):
    path = results / "l" / "s" / "a" / RESULT_FILE
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    with pytest.raises(UserError, match=f"expected a file at .*, found a .*{kind}"):
        JsonTree(results).read(f"l/s/a/{RESULT_FILE}")


@pytest.mark.parametrize("written", ["NFC", "NFD"])
@pytest.mark.parametrize("packed", [False, True])
def test_names_are_found_in_another_unicode_form(tmp_path, write_tree, written, packed):
    game = unicodedata.normalize(written, "l/s/Müller é")
    tree = JsonTree(write_tree(tmp_path / ("r.zip" if packed else "r"), {game: []}, RESULT_FILE))
    for form in ("NFC", "NFD"):
        name = f"{unicodedata.normalize(form, game)}/{RESULT_FILE}"
        assert name in tree and json.loads(tree.read(name)) == {"predictions": []}
    assert f"l/s/Muller e/{RESULT_FILE}" not in tree


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_read_and_damage_is_named(tmp_path, compression):
    path = tmp_path / "r.zip"
    content = json.dumps(list(range(300))).encode()
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("a.json", content)
    assert JsonTree(path).read("a.json") == content
    data = bytearray(path.read_bytes())
    data[60:80] = bytes(20)
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"a\.json in .* cannot be unpacked"):
        JsonTree(path).read("a.json")


def test_unknown_compressions_and_names_that_are_not_utf8_are_named(tmp_path):
    path = tmp_path / "r.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("é.json", b"{}")
    whole = path.read_bytes()
    path.write_bytes(whole.replace("é".encode(), b"\xff\xfe"))
    with pytest.raises(UserError, match="a file name that is not UTF-8"):
        JsonTree(path)
    data = bytearray(whole)
    data[data.index(b"PK\1\2") + 10] = 98
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"cannot be unpacked .*not supported.*deflate"):
        JsonTree(path).read("é.json")


@pytest.mark.parametrize("stated", [True, False])
def test_no_more_is_unpacked_than_a_result_file_can_hold(tmp_path, monkeypatch, stated):
    monkeypatch.setattr("common.results.json_tree.MOST_UNPACKED_BYTES", 1 << 16)
    path = tmp_path / "r.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", b" " * (1 << 16))
        archive.writestr("b.json", b" " * (1 << 24))
    if not stated:  # the size in the directory is false
        data = bytearray(path.read_bytes())
        place = data.rindex(b"PK\1\2")
        data[place + 24 : place + 28] = (100).to_bytes(4, "little")
        path.write_bytes(data)
    tree = JsonTree(path)
    assert len(tree.read("a.json")) == 1 << 16
    with pytest.raises(UserError, match="more than 0 MiB" if stated else "cannot be unpacked"):
        tree.read("b.json")


def test_tree_that_is_neither_folder_nor_zip_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"expected a folder or a zip file at .*nowhere"):
        JsonTree(tmp_path / "nowhere")
    (tmp_path / "text").write_text("no zip")
    with pytest.raises(UserError, match="text is no whole zip file"):
        JsonTree(tmp_path / "text")


def test_zip_that_is_cut_off_is_refused(results, tmp_path):
    path = tmp_path / "results.zip"
    write_zip(path, results, ["l/s/a"])
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UserError, match="no whole zip file"):
        JsonTree(path)


def test_damaged_zip_member_is_named(results, tmp_path):
    path = tmp_path / "results.zip"
    name = f"l/s/a/{RESULT_FILE}"
    write_zip(path, results, ["l/s/a"])
    content = bytearray(path.read_bytes())
    begin = content.index(name.encode()) + len(name)
    for damage in (b"\xff" * 8, b"\x00" * 8):  # no deflate stream, and another one
        path.write_bytes(content[:begin] + damage + content[begin + 8 :])
        with pytest.raises(UserError, match=f"{name} in .* cannot be unpacked"):
            JsonTree(path).read(name)


@pytest.mark.parametrize(
    "name", ["../a.json", "/a.json", "a/../../b.json", "C:/a.json", "a\\..\\b.json", "~/a.json"]
)
def test_zip_member_that_would_leave_its_folder_is_refused(tmp_path, name):
    path = tmp_path / "results.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("l/s/a/results_spotting.json", "{}")
        archive.writestr(name, "{}")
    with pytest.raises(UserError) as error:
        JsonTree(path)
    assert repr(name) in str(error.value)


def test_zip_may_hold_folder_entries(tmp_path):
    path = tmp_path / "results.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("l/", "")
        archive.writestr("l/s/a/results_spotting.json", "{}")
    assert JsonTree(path).names() == ["l/s/a/results_spotting.json"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["Predictions-v2.json", "results_spotting.json", "a.json"], "results_spotting.json"),
        (["a.json", "Predictions-v2.json"], "Predictions-v2.json"),
        (["a.json"], "a.json"),
    ],
)
def test_guessed_file_name_is_the_published_one_if_it_is_there(tmp_path, files, expected):
    for file in files:
        write_game(tmp_path, "l/s/a", b"{}", file)
    # Files of the data root are no game's.
    (tmp_path / "classes.json").write_text("[]")
    assert guess_file_name(JsonTree(tmp_path)) == expected


def test_tree_without_files_of_games_is_refused(tmp_path):
    (tmp_path / "classes.json").write_text("[]")
    with pytest.raises(UserError, match="expected result files"):
        guess_file_name(JsonTree(tmp_path))


def test_names_in_utf8_are_found_without_the_flag_that_says_so(tmp_path):
    path = tmp_path / "r.zip"
    names = ["l/s/Málaga São/a.json", "l/s/plain/a.json"]
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"{}")
    data = bytearray(path.read_bytes())
    data[7] = data[data.index(b"PK\1\2") + 9] = 0  # the flags' high bytes
    path.write_bytes(data)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() != names
    tree = JsonTree(path)
    assert (tree.names(), tree.read(names[0])) == (names, b"{}")


def test_names_of_dos_stay_as_they_are(tmp_path):
    path = tmp_path / "r.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("l/s/Xlaga/a.json", b"{}")
    path.write_bytes(path.read_bytes().replace(b"Xlaga", b"\xa0laga"))
    assert JsonTree(path).names() == ["l/s/álaga/a.json"]


@pytest.mark.parametrize("size", [100, 1 << 20])
def test_bzip2_with_a_false_size_takes_no_memory(tmp_path, monkeypatch, size):
    monkeypatch.setattr("common.results.json_tree.MOST_UNPACKED_BYTES", 1 << 21)
    path = tmp_path / "r.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a", bytes(1 << 26))
    data = bytearray(path.read_bytes())
    place = data.rindex(b"PK\1\2")
    data[place + 24 : place + 28] = size.to_bytes(4, "little")
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match="unpacks to more than 2 MiB"):
            JsonTree(path).read("a")
        assert tracemalloc.get_traced_memory()[1] < 1 << 24
    finally:
        tracemalloc.stop()


def test_shadows_that_macos_packs_are_no_result_files(tmp_path):
    with zipfile.ZipFile(tmp_path / "r.zip", "w") as archive:
        archive.writestr("__MACOSX/l/s/a/._mine.json", b"\0\5\x16\7")
        archive.writestr("l/s/a/mine.json", b"{}")
    assert guess_file_name(JsonTree(tmp_path / "r.zip")) == "mine.json"
