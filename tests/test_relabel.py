"""`python -m common.relabel`: what comes back from people becomes labels, beside the original."""

import json

import orjson
import pytest

from common.data.events import SOCCERNET_V2
from common.data.labels import read_labels
from common.errors import UserError
from common.export.__main__ import main as export
from common.relabel.__main__ import main, parse_arguments
from common.results.run_record import record_settings
from common.spots.corrections import Correction, Corrections, Origin, format_corrections
from common.spots.moments import Moment
from common.spots.run_games import find_games

GAMES = ("league/season/One 1 - 0 Two", 'league/season/\u05d0 <b>"x" \U0001f9b7')
SPOTS = [Moment(1, 2_000, "Goal", 0.9), Moment(1, 14_500, "Corner", 0.7),
         Moment(2, 1_500, "Goal", 0.6)]  # fmt: skip


@pytest.fixture
def run(tmp_path):
    """A run that spotted in two games; the second has labels, and both have features."""
    root, run = tmp_path / "data", tmp_path / "models" / "Mine"
    entries = [
        {"label": m.label, "position": str(m.position_ms), "half": str(m.half),
         "confidence": str(m.confidence)} for m in SPOTS
    ]  # fmt: skip
    for game in GAMES:
        folder = run / "outputs_test" / game
        folder.mkdir(parents=True)
        (folder / "results_spotting.json").write_bytes(orjson.dumps({"predictions": entries}))
        (root / game).mkdir(parents=True)
        (root / game / "1_Mine.npy").write_bytes(b"rows")
    annotation = {"gameTime": "1 - 00:14", "label": "Corner", "position": "14100", "by": "Ann"}
    labels = {"UrlLocal": GAMES[1], "annotations": [annotation], "gameScore": ["1", "0"]}
    (root / GAMES[1] / "Labels-v2.json").write_bytes(orjson.dumps(labels))
    (root / "splits.json").write_bytes(orjson.dumps({"test": GAMES}))
    record_settings(run, {"SoccerNet_path": str(root), "version": 2}, "test")
    return run


@pytest.fixture
def root(run):
    return run.parent.parent / "data"


def relabel(root, *words):
    main([*map(str, words), "--SoccerNet_path", str(root)])


def annotations(run, root, game):
    read = find_games(run, SoccerNet_path=root).read(game).annotations
    return [(m.half, m.position_ms, m.label) for m in read]


def content_of(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


ALL = [(m.half, m.position_ms, m.label) for m in SPOTS]


@pytest.mark.parametrize(
    ("kind", "pattern", "words"),
    [
        ("sportscode", "*.xml", []),
        ("sportscode", "*.xml", ["--kick_off", 5, 60, "--lead", 3, "--lag", "2.5"]),
        ("labelstudio", "*.labelstudio.json", []),
        ("soccernet", "league/season/*/Labels-v2.json", []),
    ],
)
def test_what_nobody_changed_comes_back(run, root, tmp_path, capsys, kind, pattern, words):
    """Each format, exported and given back: both games hold all spots, and the original nothing."""
    before = content_of(root)
    out, new = tmp_path / "out", tmp_path / "new"
    export([str(run), "--format", kind, "--output", str(out), *map(str, words)])
    files = sorted(out.glob(pattern))
    if kind == "labelstudio":
        for path in files:
            tasks = json.loads(path.read_text())
            back = [{**task, "annotations": task["predictions"]} for task in tasks]
            path.write_text(json.dumps(back))
    relabel(root, *files, "--output", new, *words)
    assert annotations(run, new, GAMES[0]) == ALL
    second = annotations(run, new, GAMES[1])
    assert content_of(root) == before
    if kind == "soccernet":  # a label file is the whole truth: Ann's corner was moved to ours
        assert second == ALL
    else:  # our corner is Ann's, which stays where it is
        assert second == [ALL[0], (1, 14_100, "Corner"), ALL[2]]
        assert "3 accepted, 0 moved, 0 relabelled, 0 rejected, 0 added" in capsys.readouterr().out
    labels = orjson.loads((new / GAMES[1] / "Labels-v2.json").read_bytes())
    assert labels["gameScore"] == ["1", "0"] and labels["annotations"][1]["by"] == "Ann"


def test_the_new_root_is_whole_and_its_own(run, root, tmp_path, capsys):
    """Corrections of one game: the other files are there, and writing there changes no original."""
    was = Origin(1, 14_100, "Corner")
    spots = (
        Correction(Moment(1, 15_000, "Corner"), "accepted", was),
        Correction(Moment(2, 7_000, "Penalty"), "added", None),
        Correction(Moment(1, 2_000, "Goal", 0.9), "rejected", Origin(1, 2_000, "Goal")),
    )
    path, new = tmp_path / "c.json", tmp_path / "new"
    path.write_text(format_corrections(Corrections(GAMES[1], spots)))
    before = content_of(root)
    new.mkdir()  # an empty folder will do
    relabel(root, path, "--output", new)
    assert [each.name for each in tmp_path.glob(".*")] == []
    assert "1 moved, 0 relabelled, 1 rejected, 1 added" in capsys.readouterr().out
    assert {*content_of(new)} == {*before}
    assert (new / GAMES[0] / "1_Mine.npy").read_bytes() == b"rows"
    assert annotations(run, new, GAMES[1]) == [(1, 15_000, "Corner"), (2, 7_000, "Penalty")]
    assert len(read_labels(new / GAMES[1] / "Labels-v2.json", SOCCERNET_V2)) == 2
    relabel(new, path, "--overwrite", "--game", GAMES[0])  # a first label file
    assert annotations(run, new, GAMES[0]) == [(1, 15_000, "Corner"), (2, 7_000, "Penalty")]
    assert content_of(root) == before
    relabel(root, path, "--overwrite")
    assert annotations(run, root, GAMES[1]) == [(1, 15_000, "Corner"), (2, 7_000, "Penalty")]


def test_the_interface_of_label_studio_is_no_edit_list(run, root, tmp_path, caplog, capsys):
    out = tmp_path / "out"
    export([str(run), "--format", "sportscode", "labelstudio", "--output", str(out), "--game", "1"])
    interface = out / "labelling.xml"
    for content in (interface.read_text(), f'<?xml version="1.0"?>\n{interface.read_text()}'):
        interface.write_text(content)
        relabel(root, *sorted(out.glob("*.xml")), "--overwrite")
        assert annotations(run, root, GAMES[0]) == ALL
    assert caplog.text.count("labelling.xml: the labelling interface of Label Studio") == 2
    first = next(out.glob("*_1.xml"))
    back = first.rename(out / "back.xml")
    relabel(root, back, interface, "--overwrite", "--game", GAMES[0],
            "--exported", back, interface)  # fmt: skip
    assert "no list of this name" not in caplog.text


def test_deleted_instances_are_counted_by_what_was_exported(run, root, tmp_path, capsys):
    out = tmp_path / "out"
    export([str(run), "--format", "sportscode", "--output", str(out), "--game", "One"])
    path = next(out.glob("*_1.xml"))
    text = path.read_text()
    less = tmp_path / path.name
    less.write_text(text[: text.index("<instance>")] + text[text.rindex("<instance>") :])
    relabel(root, less, "--overwrite", "--exported", path)
    assert "1 accepted, 0 moved, 0 relabelled, 1 rejected" in capsys.readouterr().out
    assert annotations(run, root, GAMES[0]) == ALL[1:2]


@pytest.mark.parametrize(
    ("name", "content", "words", "sentence"),
    [
        ("c.json", "[]", [], "holds other JSON; expected corrections, labels or tasks of Label"),
        ("c.csv", "game,half", [], "is text that begins with .*or an edit list of Sportscode"),
        ("c.json", "", [], "is an empty file; expected corrections"),
        ("labelling.xml", "<View>\n</View>", [], "nobody has corrected anything in .*labelling"),
        ("c.json", '{"annotations": []}', [], 'has no "UrlLocal"'),
        ("c.json", '{"annotations": [], "UrlLocal": "../x"}', [], "may lead out"),
        ("c.json", '{"annotations": [], "UrlLocal": "l/s/g"}', [], "expected the game l/s/g in"),
        ("c.xml", "<file/>", [], "no game of .* has the name of c.xml"),
        ("c.xml", "<file/>", ["--game", GAMES[0]], "no ALL_INSTANCES"),
        ("c.xml", "<file/>", ["--kick_off", "1", "2", "3"], "for each half, 2 at most, found 3"),
        (
            "c.json",
            '[{"data": {"game": "g", "half": 1, "frame_rate": 25, "kick_off_ms": [],'
            ' "exported": []}}]',
            [],
            "nobody has corrected anything in .*c.json",
        ),
    ],
)
def test_what_is_wrong_is_told_and_nothing_written(root, tmp_path, name, content, words, sentence):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(UserError, match=sentence):
        relabel(root, path, "--output", tmp_path / "new", *words)
    assert not (tmp_path / "new").exists()


def test_an_output_is_new_and_outside(root, tmp_path):
    for place, sentence in (
        (root / "new", "lies in the data root"),
        (root.parent, "is there already"),
        (root / "splits.json", "found a file"),
    ):
        with pytest.raises(UserError, match=sentence):
            relabel(root, tmp_path / "c.json", "--output", place)
    with pytest.raises(SystemExit):
        parse_arguments(["c.json", "--SoccerNet_path", str(root)])  # neither place is named


def corrections(path, *spots, game=GAMES[0]):
    path.write_text(format_corrections(Corrections(game, spots)))
    return path


def accepted(moment, label, position_ms=2_000):
    return Correction(moment, "accepted", Origin(1, position_ms, label))


def test_a_label_file_says_all_even_of_two_that_are_near(run, root, tmp_path):
    """Half a second away from one that stays as it is."""
    path = root / GAMES[1] / "Labels-v2.json"
    content = orjson.loads(path.read_bytes())
    content["annotations"].append({"gameTime": "1 - 00:14", "label": "Corner", "position": "14600"})
    back = tmp_path / "Labels-v2.json"
    back.write_bytes(orjson.dumps(content))
    relabel(root, back, "--overwrite")
    assert annotations(run, root, GAMES[1]) == [(1, 14_100, "Corner"), (1, 14_600, "Corner")]


def test_the_same_file_twice_counts_once(run, root, tmp_path, capsys):
    spots = [accepted(SPOTS[0], "Goal"), Correction(Moment(2, 7, "Penalty"), "added", None)]
    paths = [corrections(tmp_path / f"{n}.json", *spots) for n in (1, 2)]
    relabel(root, *paths, "--overwrite")
    assert "1 accepted, 0 moved, 0 relabelled, 0 rejected, 1 added" in capsys.readouterr().out
    assert annotations(run, root, GAMES[0]) == [ALL[0], (2, 7, "Penalty")]


def test_files_that_contradict_each_other_change_nothing(root, tmp_path):
    one = corrections(tmp_path / "1.json", accepted(SPOTS[0], "Goal"))
    gone = Correction(SPOTS[0], "rejected", Origin(1, 2_000, "Goal"))
    two = corrections(tmp_path / "2.json", gone)
    before = content_of(root)
    for paths in ((one, two), (two, one)):
        with pytest.raises(UserError, match=r"json say different things of 'Goal' at 1 - 00:02"):
            relabel(root, *paths, "--overwrite")
    assert content_of(root) == before


def test_one_list_that_was_handed_out_says_nothing_of_the_other_half(run, root, tmp_path, caplog):
    """Annotations of half 1 are not deleted by the list of half 2."""
    relabel(root, corrections(tmp_path / "c.json", accepted(SPOTS[0], "Goal"),
                              accepted(SPOTS[2], "Goal")), "--overwrite")  # fmt: skip
    out, words = tmp_path / "out", ["--game", "One", "--annotations"]
    export([str(run), "--format", "sportscode", "--output", str(out), *words])
    one, two = sorted(out.glob("*.xml"))
    relabel(root, one, two, "--overwrite", "--exported", one)
    assert annotations(run, root, GAMES[0]) == [ALL[0], ALL[2]]
    assert "what was deleted is not known" in caplog.text and two.name in caplog.text


def test_a_list_that_may_be_of_two_games_is_not_guessed(root, tmp_path):
    alike = ["league/season/A", "league/season_A"]
    for game in alike:
        (root / game).mkdir(parents=True)
    (root / "splits.json").write_text(json.dumps({"test": alike}))
    path = tmp_path / "league_season_A_1.xml"
    path.write_text("<file><ALL_INSTANCES/></file>")
    with pytest.raises(UserError, match="may be of 2 games"):
        relabel(root, path, "--overwrite")
    relabel(root, path, "--overwrite", "--game", alike[1])
    assert (root / alike[1] / "Labels-v2.json").is_file()


def test_an_output_that_is_a_link_is_made_where_it_leads(run, root, tmp_path):
    path = corrections(tmp_path / "c.json", accepted(SPOTS[0], "Goal"))
    (tmp_path / "empty").mkdir()
    for name in ("empty", "nowhere"):
        link = tmp_path / f"to_{name}"
        link.symlink_to(name)
        relabel(root, path, "--output", link)
        assert link.is_symlink() and (tmp_path / name / "splits.json").is_file()


def test_labels_of_version_1_keep_their_words(root, tmp_path):
    """What common.export makes of them, and what comes back: a yellow card stays one."""
    labels = [{"gameTime": "1 - 00:02", "label": "y-card", "team": "home"},
              {"gameTime": "1 - 00:09", "label": "soccer-ball", "team": "away"}]  # fmt: skip
    path = root / GAMES[0] / "Labels.json"
    path.write_text(json.dumps({"UrlLocal": GAMES[0], "annotations": labels}))
    out = tmp_path / "out"
    export([str(path), "--version", "1", "--format", "soccernet", "--output", str(out)])
    back = out / GAMES[0] / "Labels.json"
    content = json.loads(back.read_text())
    assert [each["label"] for each in content["annotations"]] == ["y-card", "soccer-ball"]
    content["annotations"][0]["label"] = "r-card"  # of the same class
    back.write_text(json.dumps(content))
    relabel(root, back, "--version", "1", "--overwrite")
    after = json.loads(path.read_text())["annotations"]
    assert after == [{**labels[0], "label": "r-card"}, labels[1]]
