"""Results of two models put together: order, games and classes that do not fit."""

import json
import os
import zipfile

import pytest

from common.errors import UserError
from common.merge_predictions import main, merge
from common.results.json_tree import JsonTree
from common.results.predictions import LEGACY_RESULT_FILE

ONE = [("1", 2000, "Corner", "0.5"), ("2", 0, "Corner", "0.25")]
TWO = [("1", 500, "Goal", "0.125"), ("1", 2000, "Foul", "1e-05"), ("2", 0, "Goal", "0.75")]


def entries(rows):
    return [
        {"gameTime": f"{half} - 0:{ms // 1000}", "label": label, "position": str(ms), "half": half,
         "confidence": confidence}
        for half, ms, label, confidence in rows
    ]  # fmt: skip


@pytest.fixture
def write(tmp_path, write_tree):
    def to(name, games, file="results_spotting.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        return write_tree(tmp_path / name, {g: entries(r) for g, r in games.items()}, file)

    return to


@pytest.mark.parametrize("kind", ["", ".zip"])
@pytest.mark.parametrize("out", ["out", "out.zip"])
def test_entries_of_both_sorted_by_half_position_and_class(tmp_path, write, kind, out):
    inputs = [
        write(f"a{kind}", {"L/S/g": ONE, "L/S/h": []}),
        write(f"b{kind}", {"L/S/g": TWO, "L/S/h": TWO}),
    ]
    assert merge(inputs, tmp_path / out) == ["L/S/g", "L/S/h"]
    tree = JsonTree(tmp_path / out)
    content = json.loads(tree.read("L/S/g/results_spotting.json"))
    assert content["UrlLocal"] == "L/S/g"
    assert [(e["half"], int(e["position"]), e["label"]) for e in content["predictions"]] == [
        ("1", 500, "Goal"), ("1", 2000, "Corner"), ("1", 2000, "Foul"), ("2", 0, "Corner"),
        ("2", 0, "Goal"),
    ]  # fmt: skip
    assert sorted(map(str, content["predictions"])) == sorted(map(str, entries(ONE + TWO)))
    text = tree.read("L/S/g/results_spotting.json").decode()
    assert text.splitlines()[1].startswith('    "UrlLocal"')
    assert text.splitlines()[4].startswith('            "gameTime"')
    assert not list(tmp_path.rglob("*.tmp"))


def test_what_else_files_say_of_a_game_stays(tmp_path, write):
    inputs = [write(name, {"g/a/m": rows}) for name, rows in (("a", ONE), ("b", TWO))]
    for path, said, rows in (
        (inputs[0], {"UrlLocal": "g/a/m/", "model": "first"}, ONE),
        (inputs[1], {"UrlLocal": "elsewhere", "model": "second", "epoch": 7}, TWO),
    ):
        text = json.dumps({**said, "predictions": entries(rows)})
        (path / "g/a/m/results_spotting.json").write_text(text)
    merge(inputs, tmp_path / "out")
    content = json.loads((tmp_path / "out/g/a/m/results_spotting.json").read_text())
    assert len(content.pop("predictions")) == len(ONE) + len(TWO)
    assert content == {"UrlLocal": "g/a/m/", "model": "first", "epoch": 7}


def test_file_names_of_2021_are_kept(tmp_path, write):
    inputs = [write(n, {"g/a/m": r}, LEGACY_RESULT_FILE) for n, r in (("a", ONE), ("b", TWO))]
    merge(inputs, tmp_path / "out")
    assert (tmp_path / "out/g/a/m" / LEGACY_RESULT_FILE).is_file()


def test_other_games_are_named(tmp_path, write):
    inputs = [write("a", {"L/S/g": ONE, "L/S/x": ONE}), write("b", {"L/S/g": TWO})]
    with pytest.raises(UserError, match=r"hold different games: 1 game .* such as L/S/x"):
        merge(inputs, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_class_in_both_is_named(tmp_path, write):
    inputs = [write("a", {"g/a/m": ONE}), write("b", {"g/a/m": [*TWO, ONE[0]]})]
    with pytest.raises(UserError, match="both hold 'Corner'"):
        merge(inputs, tmp_path / "out")


@pytest.mark.parametrize(
    ("one", "other", "twice"),
    [
        ("visual", "visual", "Corner"),
        ("visual", "nonvisual", None),
        ("both", "nonvisual", "Ball out of play"),
        ("visual", None, None),
        (None, None, None),
    ],
)
def test_runs_of_the_same_classes_are_refused_without_detections(
    tmp_path, write, one, other, twice
):
    inputs = []
    for name, class_split in (("a", one), ("b", other)):
        inputs.append(write(f"{name}/results_spotting_test.zip", {"g/a/m": []}))
        if class_split:
            content = {"settings": {"SoccerNet_path": str(tmp_path), "class_split": class_split}}
            (tmp_path / name / "settings_train.json").write_text(json.dumps(content))
    if twice is None:
        assert merge(inputs, tmp_path / "out") == ["g/a/m"]
        return
    with pytest.raises(UserError, match=f"both hold '{twice}'"):
        merge(inputs, tmp_path / "out")


def test_one_input_twice_is_refused(tmp_path, write):
    with pytest.raises(UserError, match="given twice"):
        merge([write("a", {"g/a/m": []}), tmp_path / "b" / ".." / "a"], tmp_path / "out")


def test_files_that_are_no_results_are_named(tmp_path, write):
    inputs = [write("a", {"g/a/m": ONE}), write("b", {"g/a/m": TWO})]
    path = inputs[1] / "g/a/m/results_spotting.json"
    for text, told in (
        ("{", "not valid JSON"),
        ("[]", 'no list "predictions"'),
        ('{"predictions": [{"half": "1"}]}', "prediction 0, field position"),
        (json.dumps({"predictions": [*entries(ONE), {**entries(TWO)[0], "position": []}]}),
         "prediction 2, field position: expected whole milliseconds"),
        (json.dumps({"predictions": [{**entries(TWO)[0], "label": 5}]}), "field label"),
        (json.dumps({"predictions": [{**entries(TWO)[0], "label": {}}]}), "field label"),
        (json.dumps({"predictions": [{**entries(TWO)[0], "half": None}]}), "field half"),
    ):  # fmt: skip
        path.write_text(text)
        with pytest.raises(UserError, match=told):
            merge(inputs, tmp_path / "out")
    with pytest.raises(UserError, match="found neither"):
        merge([inputs[0], tmp_path / "nowhere"], tmp_path / "out")


def test_the_program(tmp_path, write, capsys):
    inputs = [write("a", {"g/a/m": ONE}), write("b", {"g/a/m": TWO})]
    out = tmp_path / "out.zip"
    main([*map(str, inputs), "-o", str(out)])
    assert capsys.readouterr().out == f"merged 1 game into {out}\n"


def test_an_output_that_is_an_input_is_refused(tmp_path, write):
    inputs = [write("run/a", {"L/S/g": ONE}), write("run/b", {"L/S/g": TWO})]
    for out in (inputs[1], tmp_path / "run"):
        with pytest.raises(UserError, match="would overwrite what is merged"):
            merge(inputs, out)
    assert JsonTree(inputs[1]).names() == ["L/S/g/results_spotting.json"]


def test_a_whole_run_or_one_input_alone_is_no_pair_of_results(tmp_path, write):
    one, two = write("run/outputs_test", {"L/S/g": ONE}), write("b", {"L/S/g": TWO})
    with pytest.raises(UserError, match="run is the folder of a run; give the results of one"):
        merge([tmp_path / "run", two], tmp_path / "out")
    with pytest.raises(UserError, match="give two or more"):
        merge([one], tmp_path / "out")


def test_names_that_are_not_utf8_are_named(tmp_path, write):
    inputs = [write("a", {"L/S/g": ONE}), write("b", {"L/S/g": TWO})]
    for path in inputs:
        (path / "L/S/g").rename(os.fsdecode(os.fsencode(path / "L/S/") + b"/caf\xe9"))
    with pytest.raises(UserError, match="name is not UTF-8"):
        merge(inputs, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_output_inside_an_input_is_refused(tmp_path, write):
    inputs = [write("a", {"L/S/g": ONE}), write("b", {"L/S/g": TWO})]
    with pytest.raises(UserError, match="would overwrite what is merged"):
        merge(inputs, inputs[1] / "merged")


def test_an_archive_in_capitals_is_an_archive(tmp_path, write):
    merge([write("a", {"L/S/g": ONE}), write("b", {"L/S/g": TWO})], tmp_path / "OUT.ZIP")
    assert zipfile.ZipFile(tmp_path / "OUT.ZIP").namelist() == ["L/S/g/results_spotting.json"]


def test_a_folder_above_the_games_is_told(tmp_path, write):
    inputs = [write("a.zip", {"top/L/S/g": ONE}), write("b", {"L/S/g": TWO})]
    for order in (inputs, inputs[::-1]):
        with pytest.raises(UserError, match=r"in the folder top/ of .*a\.zip"):
            merge(order, tmp_path / "out")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_game_twice_in_a_zip_is_refused(tmp_path, write):
    inputs = [write("a.zip", {"L/S/g": ONE}), write("b", {"L/S/g": TWO})]
    with zipfile.ZipFile(inputs[0], "a") as archive:
        archive.writestr("L/S/g/results_spotting.json", '{"predictions": []}')
    with pytest.raises(UserError, match="twice"):
        merge(inputs, tmp_path / "out")
