"""Flags that are not given are those of the run's record; those that contradict it are refused."""

import argparse
import json
from pathlib import Path

import pytest

from common.errors import UserError
from common.results.run_record import BEST_FILE, TRAINED, record_settings
from common.training.flags import (
    add_data_flags,
    add_device_flags,
    add_run_flags,
    add_training_flags,
    new_parser,
)
from common.training.recorded_flags import changes, parse_flags
from common.video.flags import add_given_flags


def parser_of_a_baseline() -> argparse.ArgumentParser:
    parser = new_parser("program", "about")
    add_data_flags(parser, features="F.npy")
    add_run_flags(parser, model_name="run")
    add_training_flags(parser, batch_size=32, patience=10)
    add_device_flags(parser)
    parser.add_argument("--pool", default="MAX", choices=("MAX", "AVG"))
    parser.add_argument("--proj-dim", default="512")
    parser.add_argument("--k_params", type=Path)
    parser.add_argument("--calibration", action="store_true")
    parser.add_argument("--NMS_window", type=int, default=20)
    parser.add_argument("--NMS_threshold", type=float, default=0.0)
    parser.add_argument("--plots", type=int, nargs="?", const=1, default=0)
    return parser


def parse(*words, given=()):
    return parse_flags(parser_of_a_baseline(), list(map(str, words)), given)


UNUSUAL = [
    "--features", "A.npy", "B.npy", "--framerate", 25, "--LR", "1e-05", "--label-time", "position",
    "--proj-dim", "none", "--calibration", "--SoccerNet_path", "my data", "--max_epochs", 3,
    "--k_params", "k.json", "--NMS_threshold", "-0.25", "--split_test", "valid", "--pool", "AVG",
]  # fmt: skip


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Folder of a run with `UNUSUAL` flags; the tests run where it was started."""
    monkeypatch.chdir(tmp_path)
    record_settings(tmp_path / "models/run", vars(parse(*UNUSUAL)), "train")
    return tmp_path / "models/run"


@pytest.mark.parametrize("how", ["--resume", "--test_only"])
def test_a_run_of_another_program_names_it(trained, how):
    record = json.loads((trained / TRAINED).read_text())
    (trained / TRAINED).write_text(json.dumps(record | {"command": ["Pooling/main.py"]}))
    with pytest.raises(UserError, match=r"is a run of Pooling/main\.py, and this is program"):
        parse(how)


@pytest.mark.parametrize("how", ["--resume", "--test_only"])
def test_a_run_knows_its_settings(trained, how):
    expected = {**vars(parse(*UNUSUAL)), how[2:]: True}
    assert vars(parse(how)) == expected
    assert vars(parse(how, *UNUSUAL)) == expected
    assert vars(parse(how, "--k_params", Path.cwd() / "k.json"))["k_params"].name == "k.json"


@pytest.mark.parametrize("how", ["--resume", "--test_only"])
@pytest.mark.parametrize(
    "words",
    [
        ["--features", "A.npy"],
        ["--framerate", "2"],  # the default, but given
        ["--label-time", "gameTime"],
        ["--protocol", "published"],
        ["--split_train", "valid"],
        ["--LR", "0.001"],
        ["--seed", "1"],
        ["--patience", "3"],
        ["--pool", "MAX"],
        ["--proj-dim", "512"],
        ["--k_params", "other.json"],
    ],
    ids=lambda words: words[0],
)
def test_a_flag_that_decides_the_result_and_differs_is_refused_by_name(trained, how, words):
    before = (trained / TRAINED).read_bytes()
    with pytest.raises(UserError, match=f"was trained with {words[0]} .*, now") as error:
        parse(how, *words)
    assert "\n" not in str(error.value)
    assert str(error.value).count(", now") == 1
    assert (trained / TRAINED).read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        ["--max_epochs", "9"], ["--device", "cpu"], ["--GPU", "0"], ["--max_num_worker", "0"],
        ["--loglevel", "ERROR"], ["--resident", "no"], ["--plots", "2"], ["--download"],
        ["--split_test", "test"], ["--SoccerNet_path", "elsewhere"],
    ],
    ids=lambda words: words[0],
)  # fmt: skip
def test_what_does_not_decide_may_change(trained, words):
    for how in ("--resume", "--test_only"):
        args = parse(how, *words)
        assert vars(args) == {**vars(parse(*UNUSUAL, *words)), how[2:]: True}


@pytest.mark.parametrize("words", [["--NMS_window", "9"], ["--gt-time", "gameTime"]])
def test_how_detections_are_scored_may_change_in_a_test_alone(trained, words):
    assert parse("--test_only", *words).test_only
    with pytest.raises(UserError, match=f"was trained with {words[0]}"):
        parse("--resume", *words)


def test_other_weights_are_tested_with_the_flags_as_given(trained):
    args = parse("--test_only", "--load_weights", "w", "--pool", "MAX")
    assert (args.framerate, args.pool) == (2, "MAX")


def test_flags_of_a_preset_count_as_given(trained):
    parser = parser_of_a_baseline()
    parser.set_defaults(pool="MAX")
    with pytest.raises(UserError, match="was trained with --pool AVG, now MAX"):
        parse_flags(parser, ["--resume"], given=("pool",))


def test_a_run_is_trained_on_or_tested(trained):
    with pytest.raises(UserError, match="--test_only tests what is trained; pass one of them"):
        parse("--resume", "--test_only")


def test_a_mistyped_name_is_no_new_run(trained):
    with pytest.raises(UserError, match=r"no run to resume in models/rum \(there are run\)"):
        parse("--resume", "--model_name", "rum")
    with pytest.raises(UserError, match=r"no run to test in models/rum \(there are run\); check"):
        parse("--test_only", "--model_name", "rum")


def test_weights_without_a_record_are_tested_with_the_flags_as_given(trained):
    for place in ("models/given", "models/pair/visible"):
        Path(place).mkdir(parents=True)
        (Path(place) / BEST_FILE).touch()
        name = Path(place).parts[1]
        assert parse("--test_only", "--model_name", name, "--pool", "MAX").pool == "MAX"
        with pytest.raises(UserError, match="no run to resume"):
            parse("--resume", "--model_name", name)
    assert not (trained.parent / "rum").exists()


@pytest.mark.parametrize("part", ["visual", "nonvisual"])
def test_a_pair_that_was_stopped_early_is_known_by_the_record_of_a_part(trained, part):
    parser = parser_of_a_baseline()
    parser.add_argument("--class_split", choices=("visual", "nonvisual", "both"))
    settings = {**vars(parse(*UNUSUAL)), "class_split": part, "model_name": f"pair/{part}"}
    record_settings(trained.parent / "pair" / part, settings, "train")
    args = parse_flags(parser, ["--resume", "--model_name", "pair"])
    assert (args.class_split, args.framerate, args.model_name) == ("both", 25, "pair")
    args = parse_flags(parser, ["--resume", "--model_name", f"pair/{part}"])
    assert (args.class_split, args.framerate, args.model_name) == (part, 25, f"pair/{part}")


def test_a_pair_that_is_being_replaced_is_known_by_the_newest_record(trained):
    parser = parser_of_a_baseline()
    parser.add_argument("--class_split", choices=("visual", "nonvisual", "both"))
    pair = trained.parent / "pair"
    for part, rate in ((".", "0.5"), ("nonvisual", "0.5"), ("visual", "0.25")):
        settings = vars(parse(*UNUSUAL, "--LR", rate))
        split = "both" if part == "." else part
        record_settings(pair / part, {**settings, "class_split": split}, "train")
    args = parse_flags(parser, ["--resume", "--model_name", "pair"])
    assert (args.class_split, args.LR) == ("both", 0.25)
    (pair / BEST_FILE).touch()  # the run of one model, with others below it
    assert parse_flags(parser, ["--resume", "--model_name", "pair"]).LR == 0.5


@pytest.mark.parametrize("name", ["", "..", "../x", "/x", "a/../../x", "~/x", "a\\b", "x/", "."])
@pytest.mark.parametrize("how", [[], ["--resume"], ["--test_only"], ["--overwrite"]])
def test_a_name_that_leads_out_of_the_folder_of_runs_is_refused(tmp_path, monkeypatch, name, how):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="--model_name holds the path"):
        parse("--model_name", name, *how)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "entries",
    [
        {"framerate": "abc"}, {"framerate": [2, 3]}, {"framerate": True}, {"framerate": -1.5},
        {"pool": "VLAD"}, {"calibration": 3}, {"LR": "-1"}, {"plots": {"a": 1}},
        {"version": "2"}, {"version": 7}, {"split_test": "test"}, {"class_split": "all"},
        {"SoccerNet_path": 3}, {"model_name": []}, {"split_test": [1]},
    ],
    ids=str,
)  # fmt: skip
def test_a_record_that_does_not_read_is_named(trained, entries):
    content = json.loads((trained / TRAINED).read_text())
    content["settings"].update(entries)
    (trained / TRAINED).write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"models/run/settings_train\.json does not read") as error:
        parse("--resume")
    assert "\n" not in str(error.value)


def test_what_changed_is_told():
    then = {"max_epochs": 3, "device": "cpu", "split_test": ["a", "b"], "resume": False, "old": 1}
    now = {"max_epochs": 5, "device": "cpu", "split_test": ["a"], "resume": True, "new": 1}
    assert changes(then, now) == ["--max_epochs 5 (was 3)", "--split_test a (was a b)"]
    assert changes(then, then) == []
    assert changes({"dist_graph_player": 25}, {"dist_graph_player": 25.0}) == []


def test_names_that_no_record_can_hold_are_refused_before_the_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"--model_name a.*udcff is not UTF-8"):
        parse_flags(parser_of_a_baseline(), ["--SoccerNet_path", "d", "--model_name", "a\udcff"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--features_path", "x.npy", "--LR", 1, "--overwrite", "--split_test", "valid"],
         "with --features_path nothing looks at --overwrite, --split_test, --LR"),
        (["--video_path", "x.mkv", "--label-time", "position", "--framerate", 5],
         "with --video_path nothing looks at --label_time"),
        (["--features_path", "x.npy", "--NMS_window", 9, "--SoccerNet_path", "d"], None),
        (["--test_only", "--overwrite", "--split_test", "valid", "--LR", 1],
         "with --test_only nothing looks at --overwrite"),
        (["--overwrite", "--LR", 1], None),
    ],
)  # fmt: skip
def test_flags_that_nothing_looks_at_are_told_once(
    tmp_path, monkeypatch, caplog, words, sentence
):  # fmt: skip
    monkeypatch.chdir(tmp_path)
    weights = tmp_path / "models" / "run" / "model.pth.tar"
    weights.parent.mkdir(parents=True)
    weights.touch()
    parser = parser_of_a_baseline()
    add_given_flags(parser)
    words = list(map(str, words))
    for told in (False, True):
        parse_flags(parser, words, told=told)
    warnings = [each.getMessage() for each in caplog.records if "nothing looks" in each.message]
    assert warnings == [sentence] * (sentence is not None)
