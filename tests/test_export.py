"""`python -m common.export`: which files it writes, and that they stay where they belong."""

import csv
import json

import av
import orjson
import pytest
import webvtt as webvtt_reader
from kloppy import sportscode as kloppy_reader
from small_videos import write_video

from common.errors import UserError
from common.export.__main__ import main, parse_arguments
from common.export.films import joined, write_clips
from common.results.run_record import record_settings
from common.spots.moments import Moment
from common.video.excerpts import Excerpt, NoPicturesError

PLAIN = "league/season/One 1 - 0 Two"
HOSTILE = 'league/season/<script>"it\'s" \U0001f9b7 \u202eab: *?|'
SPOTS = [(1, 2_000, "Goal", 0.9), (1, 14_500, "Corner", 0.7), (1, 3_000, "Foul", 0.2),
         (2, 1_500, "Goal", 0.6)]  # fmt: skip


@pytest.fixture
def run(tmp_path):
    """A run folder with results of two games of a data root, one of which has labels."""
    root, run = tmp_path / "data", tmp_path / "models" / "Mine"
    entries = [
        {"label": label, "position": str(ms), "half": str(half), "confidence": str(sure)}
        for half, ms, label, sure in SPOTS
    ]
    for game in (PLAIN, HOSTILE):
        (root / game).mkdir(parents=True)
        folder = run / "outputs_test" / game
        folder.mkdir(parents=True)
        (folder / "results_spotting.json").write_bytes(orjson.dumps({"predictions": entries}))
    annotation = {"gameTime": "1 - 00:02", "label": "Goal", "position": "2345"}
    labels = root / PLAIN / "Labels-v2.json"
    labels.write_bytes(orjson.dumps({"annotations": [annotation]}))
    (root / "splits.json").write_bytes(orjson.dumps({"test": [PLAIN, HOSTILE]}))
    record_settings(run, {"SoccerNet_path": str(root), "version": 2}, "test")
    return run


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def export(run, *words):
    main([str(run), "--format", *map(str, words)])


def test_each_game_and_half_has_its_file(run, capsys):
    export(run, "sportscode", "csv", "webvtt", "srt", "labelstudio", "soccernet")
    out = run / "exports"
    name = "league_season_One 1 - 0 Two"
    halves = [f"{name}_{half}.{ending}" for half in (1, 2) for ending in ("srt", "vtt", "xml")]
    whole = [f"{name}.csv", f"{name}.labelstudio.json", "labelling.xml"]
    assert {*halves, *whole, f"{PLAIN}/Labels-v2.json"} <= {*files(out)}
    assert len(files(out)) == 19 and files(run.parent.parent / "data") == [
        f"{PLAIN}/Labels-v2.json", "splits.json"
    ]  # fmt: skip
    assert "6 spots of 2 games at or above 0.5" in capsys.readouterr().out
    codes = kloppy_reader.load(str(out / f"{name}_1.xml")).codes
    assert [code.code for code in codes] == ["Goal", "Corner"]
    spans = [(c.start_timestamp.total_seconds(), c.end_timestamp.total_seconds()) for c in codes]
    assert spans == [(0, 12), (4.5, 24.5)]
    (cue,) = webvtt_reader.read(str(out / f"{name}_2.vtt"))
    assert (cue.start, cue.end, cue.text) == ("00:00:01.500", "00:00:05.500", "Goal (60%)")


def test_names_are_text_and_stay_below_the_folder(run, tmp_path):
    out = tmp_path / "out"
    before = {*files(tmp_path)}
    export(run, "sportscode", "csv", "labelstudio", "--output", out, "--game", "script")
    new = {*files(tmp_path)} - before
    assert len(new) == 5 and all(name.count("/") == 1 for name in new)
    (table,) = out.glob("*.csv")
    with table.open(newline="", encoding="utf-8") as file:
        assert {row["game"] for row in csv.DictReader(file)} == {HOSTILE}
    (tasks,) = out.glob("*.labelstudio.json")
    assert {task["data"]["game"] for task in json.loads(tasks.read_text())} == {HOSTILE}


def test_kick_offs_behind_each_other_make_one_file(run, tmp_path):
    out = tmp_path / "out"
    words = ("sportscode", "csv", "--game", "One", "--output", out, "--lead", 1, "--lag", "0.5")
    export(run, *words, "--kick_off", 10, 100)
    (path,) = out.glob("*.xml")
    starts = [code.start_timestamp.total_seconds() for code in kloppy_reader.load(str(path)).codes]
    assert starts == [11, 23.5, 100.5]
    export(run, *words, "--kick_off", 10, 20)  # the corner is later: two videos
    assert len(list(out.glob("*_[12].xml"))) == 2
    (table,) = out.glob("*.csv")
    assert "00:01,1500,21.500,Goal" in table.read_text()


def test_thresholds_and_annotations(run, tmp_path):
    out = tmp_path / "out"
    export(run, "csv", "--output", out, "--threshold", "0.1", "--game", "One")
    (table,) = out.glob("*.csv")
    assert table.read_text().count("\n") == 5
    export(run, "csv", "--output", out, "--annotations", "--game", "One")
    assert table.read_text().splitlines()[1].endswith(",1,00:02,2345,2.345,Goal,,,")


def test_too_few_chapters_are_told_and_not_written(run, tmp_path, caplog):
    export(run, "youtube", "--output", tmp_path / "out", "--game", "One", "--lead", 0)
    assert files(tmp_path / "out") == [] and "YouTube shows chapters from 3 on" in caplog.text
    export(run, "youtube", "--output", tmp_path / "out", "--game", "One", "--lead", 0,
           "--kick_off", 10, 100)  # fmt: skip
    (path,) = (tmp_path / "out").iterdir()
    assert path.read_text() == "0:00 Start\n0:12 Goal\n0:24 Corner\n1:41 Goal\n"


def test_labels_of_the_data_are_never_replaced(run):
    root = run.parent.parent / "data"
    before = (root / PLAIN / "Labels-v2.json").read_bytes()
    with pytest.raises(UserError, match=r"common\.relabel"):
        export(run, "csv", "soccernet", "--output", root)
    assert (root / PLAIN / "Labels-v2.json").read_bytes() == before
    assert list(root.glob("*.csv")) == []


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    return [
        write_video(folder / f"{half}_224p.mp4", 400, size=(64, 48), codec="libx264")
        for half in (1, 2)
    ]


def lengths(folder):
    found = {}
    for path in sorted(folder.rglob("*.mp4")):
        with av.open(str(path)) as container:
            frames = sum(1 for _ in container.decode(video=0))
            found[path.name] = frames, round(float(container.duration / 1e6), 3)
    return found


def test_clips_and_a_reel_are_cut_from_the_videos(run, videos, tmp_path, caplog):
    out = tmp_path / "out"
    words = ("--output", out, "--game", "One", "--lead", 1, "--lag", "0.2")
    export(run, "clips", "reel", *words, "--video", *videos)
    assert lengths(out) == {
        "001_1_00m02s_Goal.mp4": (30, 1.2),
        "002_1_00m14s_Corner.mp4": (31, 1.2),  # from the middle of a picture on
        "003_2_00m01s_Goal.mp4": (31, 1.2),
        "league_season_One 1 - 0 Two_reel.mp4": (92, 3.6),
    }
    assert len(list((out / "league_season_One 1 - 0 Two").iterdir())) == 3
    export(run, "clips", *words, "--video", videos[0], "--kick_off", 1, 30)
    assert "1 spot behind the end" in caplog.text


def test_clips_of_an_earlier_export_make_place(run, videos, tmp_path, caplog):
    out = tmp_path / "out"
    words = ("--output", out, "--game", "One", "--lead", 1, "--lag", "0.2", "--video", *videos)
    export(run, "reel", *words)
    export(run, "clips", *words, "--cut", "keyframes")
    folder = out / "league_season_One 1 - 0 Two"
    own = ["001_1_00m02s_Goal_best.mp4", "001_1_00m02s_Mine.mp4", "best.mp4", "notes.txt"]
    for name in own:
        (folder / name).write_bytes(b"of a person")
    export(run, "clips", *words, "--cut", "keyframes", "--threshold", "0.8")
    assert files(folder) == sorted([*own, "001_1_00m02s_Goal.mp4"])
    assert "2 clips of an earlier export removed" in caplog.text
    export(run, "clips", "reel", *words, "--cut", "keyframes", "--threshold", "0.99")
    assert files(out) == [f"{folder.name}/{name}" for name in own]


def test_texts_of_an_earlier_export_are_told_and_stay(run, tmp_path, caplog):
    out, name = tmp_path / "out", "league_season_One 1 - 0 Two"
    words = ("youtube", "srt", "--output", out, "--game", "One", "--lead", 0)
    export(run, *words, "--kick_off", 10, 100)  # one video
    assert "earlier" not in caplog.text
    (out / f"{name}_other.srt").write_text("")
    export(run, *words)
    told = [line.args[0].name for line in caplog.records if "was not written now" in line.msg]
    assert told == [f"{name}.srt", f"{name}.youtube.txt"]
    assert {*told} <= {*files(out)}
    caplog.clear()
    export(run, *words)
    export(run, "csv", *words[2:])  # another format says nothing of these
    assert len([line for line in caplog.records if "was not written now" in line.msg]) == 2


def test_a_game_has_no_more_kick_offs_than_halves(run, tmp_path):
    with pytest.raises(UserError, match="one number for each half, 2 at most, found 3"):
        export(run, "csv", "--output", tmp_path / "out", "--kick_off", "1", "2", "3")
    assert not (tmp_path / "out").exists()


def test_clips_need_the_videos_of_one_game(run, videos):
    for words, sentence in (
        (["--game", "One"], "give --video FILE"),
        (["--video", *videos], "there are 2 games; give a folder"),
        (["--game", "One", "--video", videos[0]], "spots in half 2 and no video"),
    ):
        with pytest.raises(UserError, match=sentence):
            export(run, "clips", *words)


def test_videos_are_found_beside_the_data_in_a_folder_and_by_a_template(
    run, videos, tmp_path, caplog
):
    root, films = run.parent.parent / "data", tmp_path / "films"
    words = ("--lead", 1, "--lag", "0.2", "--cut", "keyframes")
    (films / PLAIN).mkdir(parents=True)
    for folder in (root / PLAIN, films / PLAIN):
        for video in videos:
            (folder / video.name).symlink_to(video)
    made = []
    for number, more in enumerate((
        (),
        ("--video", films),
        ("--video", films / "{game}" / "{half}_224p.mp4"),
        ("--game", "One", "--video", films / PLAIN),
    )):  # fmt: skip
        out = tmp_path / str(number)
        export(run, "clips", *words, "--output", out, *more)
        made.append(files(out))
    assert made == [made[0]] * 4 and len(made[0]) == 3
    assert caplog.text.count("<script>") == 3  # the other game has none: told
    export(run, "labelstudio", "--output", tmp_path / "a", "--game", "One", "--video", films)
    (text,) = [each.read_text() for each in (tmp_path / "a").glob("*.labelstudio.json")]
    assert '"1_224p.mp4"' in text


def test_pieces_that_overlap_are_shown_once(tmp_path):
    one, two = tmp_path / "1", tmp_path / "2"
    pieces = [Excerpt(one, 0, 5), Excerpt(one, 4, 6), Excerpt(one, 6, 7), Excerpt(two, 6, 8),
              Excerpt(two, 9, 10)]  # fmt: skip
    assert joined(pieces) == [Excerpt(one, 0, 7), Excerpt(two, 6, 8), Excerpt(two, 9, 10)]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--lead", "-1"], "expected seconds from 0"),
        (["--kick_off", "99999"], "expected seconds from 0"),
        (["--lag", "x"], "expected a finite number"),
        (["--format", "pdf"], "invalid choice: 'pdf'"),
    ],
)
def test_flags_are_checked(words, sentence, capsys):
    with pytest.raises(SystemExit):
        parse_arguments(["run", "--format", "csv", *words])
    assert sentence in capsys.readouterr().err


def test_clips_that_cannot_be_decoded_are_told_and_the_others_written(tmp_path, caplog):
    def write(path, excerpts, sources):
        if excerpts[0].start == 1:
            raise NoPicturesError("no picture of it")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"film")

    pieces = [(Moment(1, 1_000 * n, "a/b"), Excerpt(tmp_path / "v", n, n + 1)) for n in (1, 2)]
    done = []
    assert write_clips(tmp_path / "c", pieces, {}, write, lambda: done.append(1)) == [
        "002_1_00m02s_a_b.mp4"
    ]
    assert files(tmp_path / "c") == ["002_1_00m02s_a_b.mp4"] and len(done) == 2
    assert "001_1_00m01s_a_b.mp4: no picture of it" in caplog.text
