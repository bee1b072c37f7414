"""main.py through the shell on a tiny data set: train, test, stop, resume, and all that goes wrong.

A process of its own costs seconds to import torch. What needs none (a wrong flag, a damaged file)
is run in this one, through the same `run_cli`.
"""

import json
import logging
import os
import shutil
import signal
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from shell import (
    WAIT,
    assert_one_sentence,
    assert_same_bits,
    caller,
    games_of,
    python,
    start_and_stop,
    succeeds,
)

import common.evaluate
from common.results.run_record import TRAINED
from common.synthetic.data_set import write_data_set
from common.training.checkpoints import BEST_FILE, LAST_FILE, read_checkpoint, save_checkpoint
from TemporallyAwarePooling import main as program

FILE = "Synthetic.npy"
SMALL = ["--features", FILE, "--vocab_size", "4", "--batch_size", "8", "--device", "cpu"]
MODULE = ["-m", "TemporallyAwarePooling.main"]
READY = "results_test.json", "results_spotting_test.zip", "report_test.png"


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("embedded") / "data"
    write_data_set(root, games=(3, 2, 2, 1), minutes=4, dim=32)
    return root


@pytest.fixture
def own_data(data, tmp_path):
    """A copy to be damaged."""
    return shutil.copytree(data, tmp_path / "data")


def flags(root, name, *more):
    return ["--SoccerNet_path", root, "--model_name", name, *SMALL, *more]


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """Runs main() in this process, in a folder of its own: `here(*flags)` -> (code, stderr)."""
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    return caller(cwd, monkeypatch, capsys, program.main)


# A whole run.


@pytest.fixture(scope="module")
def trained(data, repo_root, tmp_path_factory):
    """Folder of a run of two epochs, started as a script from another folder."""
    cwd = tmp_path_factory.mktemp("elsewhere")
    script = repo_root / "TemporallyAwarePooling" / "main.py"
    process = succeeds(cwd, script, *flags(data, "tiny", "--max_epochs", 2))
    (cwd / "stdout").write_text(process.stdout)
    return cwd / "models" / "tiny"


def test_a_run_leaves_settings_log_curves_checkpoints_and_results(trained, data):
    settings = json.loads((trained / "settings_train.json").read_text())
    assert settings["settings"]["max_epochs"] == 2
    assert settings["settings"]["pool"] == "NetVLAD++"
    assert settings["command"][0] == "TemporallyAwarePooling/main.py"
    assert settings["packages"]["torch"] == torch.__version__
    (log,) = trained.glob("????-??-??_??-??-??.log")
    printed = (trained.parents[1] / "stdout").read_text()
    reduced = "model: NetVLAD++, 32 features, reduced to 512 by a learned layer, "
    for line in (reduced, "epoch 1: train_loss", "epoch 2: train_loss", "testing the weights of"):
        assert line in log.read_text()
        assert line in printed
    header, *rows = (trained / "curves.csv").read_text().splitlines()
    assert header == "epoch,train_loss,valid_loss,learning_rate,seconds"
    assert [row.split(",")[0] for row in rows] == ["1", "2"]
    assert list((trained / "tensorboard").glob("events.out.tfevents.*"))
    assert (trained / "report_test.png").read_bytes().startswith(b"\x89PNG\r\n")
    assert read_checkpoint(trained / LAST_FILE)["epoch"] == 2
    losses = [float(row.split(",")[2]) for row in rows]
    assert read_checkpoint(trained / BEST_FILE)["best_loss"] == min(losses)
    assert not list(trained.rglob("*.tmp"))


@pytest.mark.parametrize("split", ["test", "challenge"])
def test_the_archive_holds_the_result_files_of_the_split(trained, data, split):
    games = games_of(data, split)
    with zipfile.ZipFile(trained / f"results_spotting_{split}.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"{game}/results_spotting.json" for game in games]
        for game in games:
            text = archive.read(f"{game}/results_spotting.json")
            path = trained / f"outputs_{split}" / game / "results_spotting.json"
            assert path.read_bytes() == text
            content = json.loads(text)
            assert content["UrlLocal"] == game
            assert {each["half"] for each in content["predictions"]} == {"1", "2"}


def test_the_challenge_split_is_written_and_not_scored(trained):
    assert not (trained / "results_challenge.json").exists()
    assert not (trained / "report_challenge.png").exists()
    assert "challenge: no labels here, so no scores" in (
        trained.parents[1] / "stdout"
    ).read_text()  # fmt: skip


def test_scores_are_those_of_the_evaluator_on_the_archive(trained, data, tmp_path):
    archive, out = trained / "results_spotting_test.zip", tmp_path / "scores.json"
    process = succeeds(
        tmp_path, "-m", "common.evaluate", "--SoccerNet_path", data, "--Predictions_path", archive,
        "--output", out,
    )  # fmt: skip
    ours = json.loads((trained / "results_test.json").read_text())
    theirs = json.loads(out.read_text())
    assert ours["metrics"] == theirs["metrics"]
    assert ours["split"] == theirs["split"] == "test"
    assert 0 < ours["metrics"]["loose"]["a_mAP"] < 1
    assert "Yellow->red card" in process.stdout


def test_testing_again_gives_the_same_files(trained, data, here):
    before = {name: (trained / name).read_bytes() for name in READY}
    checkpoints = {name: (trained / name).read_bytes() for name in (BEST_FILE, LAST_FILE)}
    for name in READY:
        (trained / name).unlink()
    here.cwd = trained.parents[1]
    assert here(*flags(data, "tiny", "--test_only", "--split_test", "test")) == (0, "")
    for name in READY[:2]:
        assert (trained / name).read_bytes() == before[name]
    assert (trained / "report_test.png").read_bytes().startswith(b"\x89PNG\r\n")
    assert json.loads((trained / "settings_test.json").read_text())["settings"]["test_only"]
    assert {name: (trained / name).read_bytes() for name in checkpoints} == checkpoints


def test_a_checkpoint_can_be_tested_under_another_name(trained, data, here):
    weights = trained / BEST_FILE
    code, complaint = here(
        *flags(data, "other", "--test_only", "--load_weights", weights, "--split_test", "test")
    )
    assert (code, complaint) == (0, "")
    run = here.cwd / "models" / "other"
    assert (run / READY[0]).read_bytes() == (trained / READY[0]).read_bytes()
    assert (run / READY[1]).read_bytes() == (trained / READY[1]).read_bytes()
    assert not (run / BEST_FILE).exists()


def test_other_splits_can_be_spotted_and_are_scored_by_their_own_labels(trained, data, here):
    weights = ["--load_weights", trained / BEST_FILE, "--split_test", "valid", "train"]
    code, complaint = here(*flags(data, "other", "--test_only", *weights))
    assert (code, complaint) == (0, "")
    for split, n_games in (("valid", 2), ("train", 3)):
        results = json.loads((here.cwd / f"models/other/results_{split}.json").read_text())
        assert (results["split"], results["games"]) == (split, n_games)


def test_files_of_other_games_stay_out_of_the_archive(trained, data, here):
    run = shutil.copytree(trained, here.cwd / "models" / "tiny")
    stale = run / "outputs_test" / "league" / "season" / "no longer there"
    stale.mkdir(parents=True)
    (stale / "results_spotting.json").write_text("{}")
    assert here(*flags(data, "tiny", "--test_only", "--split_test", "test")) == (0, "")
    assert (run / READY[1]).read_bytes() == (trained / READY[1]).read_bytes()


# Runs that are in the way.


def test_an_existing_run_is_not_trained_over(trained, data, here):
    run = shutil.copytree(trained, here.cwd / "models" / "tiny")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    result = here(*flags(data, "tiny", "--max_epochs", 1))
    assert_one_sentence(result, here.cwd, "models/tiny", "--resume", "--test_only", "--overwrite")
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_an_existing_run_is_replaced_when_told_to_also_from_its_own_weights(trained, data, here):
    run = shutil.copytree(trained, here.cwd / "models" / "tiny")
    more = ["--overwrite", "--load_weights", run / BEST_FILE, "--split_test", "challenge"]
    code, complaint = here(*flags(data, "tiny", "--max_epochs", 1, "--LR", "1e-30", *more))
    assert (code, complaint) == (0, "")
    old, new = (read_checkpoint(each / BEST_FILE) for each in (trained, run))
    assert new["epoch"] == 1
    for name, tensor in old["state_dict"].items():
        assert torch.allclose(tensor, new["state_dict"][name], rtol=0, atol=1e-12)
    assert len((run / "curves.csv").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        (["--resume"], "--resume"),  # and --overwrite
        (["--max_num_worker", "-1"], "--max_num_worker"),
        (["--patience", "-1"], "--patience"),
        (["--seed", "-1"], "--seed"),
        (["--LR", "-0.1"], "--LR"),
        (["--LR", "nan"], "--LR"),
        (["--batch_size", "0"], "--batch_size"),
        (["--NMS_window", "0"], "--NMS_window"),
        (["--pool", "VLAD"], "--pool"),
        (["--loglevel", "loud"], "--loglevel"),
    ],
)
def test_a_wrong_flag_is_named_before_anything_is_touched(trained, data, here, words, flag):
    run = shutil.copytree(trained, here.cwd / "models" / "tiny")
    code, complaint = here(*flags(data, "tiny", "--overwrite", *words))
    assert code == 2
    assert f"error: argument {flag}: " in complaint
    assert (run / LAST_FILE).read_bytes() == (trained / LAST_FILE).read_bytes()


# Interruptions.

LONG = ["--max_epochs", 6, "--batch_size", 2, "--split_test", "challenge"]


@pytest.fixture(scope="module")
def left_alone(data, tmp_path_factory):
    cwd = tmp_path_factory.mktemp("left alone")
    succeeds(cwd, *MODULE, *flags(data, "run", *LONG, "--max_num_worker", 0))
    return cwd / "models" / "run"


def test_a_killed_run_resumed_ends_with_the_same_bits(data, left_alone, tmp_path):
    words = flags(data, "run", *LONG)
    code, _ = start_and_stop(tmp_path, [*MODULE, *words], signal.SIGKILL)
    assert code == -signal.SIGKILL
    run = tmp_path / "models" / "run"
    assert 1 <= read_checkpoint(run / LAST_FILE)["epoch"] < 6
    process = succeeds(tmp_path, *MODULE, *words, "--resume")
    assert "resuming after epoch" in process.stdout
    assert_same_bits(run, left_alone)
    assert (run / BEST_FILE).read_bytes() == (left_alone / BEST_FILE).read_bytes()
    archive = "results_spotting_challenge.zip"
    assert (run / archive).read_bytes() == (left_alone / archive).read_bytes()


def test_sigterm_ends_with_one_sentence_and_the_resumed_run_with_the_same_bits(
    data, left_alone, tmp_path
):
    words = flags(data, "run", *LONG)
    result = start_and_stop(tmp_path, [*MODULE, *words], signal.SIGTERM)
    assert_one_sentence(result, tmp_path, "stopped by SIGTERM in epoch", "--resume", code=130)
    run = tmp_path / "models" / "run"
    assert read_checkpoint(run / LAST_FILE)["epoch"] < 6
    succeeds(tmp_path, *MODULE, *words, "--resume", "--max_num_worker", 2)
    assert_same_bits(run, left_alone)


def test_sigterm_outside_training_takes_temporary_files_along(here):
    from common.files import written_whole

    def main():
        with written_whole(here.cwd / "file") as temporary:
            temporary.write_text("half")
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(WAIT)

    before = signal.getsignal(signal.SIGTERM)
    assert_one_sentence(here(main=main), here.cwd, "stopped by SIGTERM", code=130)
    assert list(here.cwd.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) == before


def test_the_number_of_reading_threads_changes_no_bit(data, here):
    for workers in (0, 4):
        more = ["--max_epochs", 1, "--split_test", "challenge", "--max_num_worker", workers]
        assert here(*flags(data, f"by {workers}", *more)) == (0, "")
    runs = [here.cwd / "models" / f"by {workers}" for workers in (0, 4)]
    assert_same_bits(*runs)
    assert (runs[0] / BEST_FILE).read_bytes() == (runs[1] / BEST_FILE).read_bytes()


def test_another_seed_gives_other_weights_and_cannot_be_resumed(data, here):
    more = ["--max_epochs", 1, "--split_test", "challenge"]
    for seed in (0, 1):
        assert here(*flags(data, f"seed {seed}", *more, "--seed", seed)) == (0, "")
    one, another = (
        read_checkpoint(here.cwd / "models" / f"seed {seed}" / BEST_FILE) for seed in (0, 1)
    )
    assert not torch.equal(one["state_dict"]["fc.weight"], another["state_dict"]["fc.weight"])
    before = (here.cwd / "models/seed 1" / TRAINED).read_bytes()
    result = here(*flags(data, "seed 1", *more, "--resume", "--seed", 0))
    assert_one_sentence(result, here.cwd, "was trained with --seed 1, now 0")
    assert (here.cwd / "models/seed 1" / TRAINED).read_bytes() == before


def test_a_run_goes_on_and_is_tested_without_its_flags(data, here):
    unusual = ["--window_size", 10, "--split_test", "valid", "--pool", "MAX", "--seed", 3]
    assert here(*flags(data, "run", *unusual, "--max_epochs", 1)) == (0, "")
    run = here.cwd / "models" / "run"
    before = {name: (run / name).read_bytes() for name in (BEST_FILE, "results_valid.json")}
    for how in ("--test_only", "--resume"):
        (run / "results_valid.json").unlink()
        assert here(how, "--model_name", "run", "--device", "cpu") == (0, "")
        assert {name: (run / name).read_bytes() for name in before} == before
    assert here("--resume", "--model_name", "run", "--max_epochs", 2) == (0, "")
    assert read_checkpoint(run / LAST_FILE)["epoch"] == 2
    settings = json.loads((run / TRAINED).read_text())["settings"]
    assert (settings["pool"], settings["max_epochs"], settings["seed"]) == ("MAX", 2, 3)
    for how in ("--test_only", "--resume"):
        result = here(how, "--model_name", "run", "--pool", "AVG", "--LR", "0.5")
        assert_one_sentence(result, here.cwd, "--LR 0.001, now 0.5", "--pool MAX, now AVG")
        result = here(how, "--model_name", "ruin")
        assert_one_sentence(result, here.cwd, "models/ruin (there are run)")
    assert not (here.cwd / "models" / "ruin").exists()


def test_a_replaced_run_stays_until_the_new_one_has_a_checkpoint(trained, own_data, here):
    run = shutil.copytree(trained, here.cwd / "models" / "tiny")
    names = (BEST_FILE, LAST_FILE, "curves.csv", TRAINED)
    before = {name: (run / name).read_bytes() for name in names}
    more = ["--overwrite", "--max_epochs", 1]
    for spoil in (
        lambda: put_nan(feature_file(own_data, "valid", game=1)),
        lambda: narrow(feature_file(own_data, "valid", game=1)),
        lambda: label_file(own_data, "train", game=1).write_text('{"annotations": {}}'),
    ):
        spoil()
        assert here(*flags(own_data, "tiny", *more))[0] == 2
        assert {name: (run / name).read_bytes() for name in names} == before
    assert here(*flags(own_data, "tiny", *more, "--LR", "1e30"))[0] == 2
    assert {name: (run / name).read_bytes() for name in names} == before


@pytest.mark.parametrize(
    "words",
    [
        ["--pool", "MAX++", "--framerate", "1", "--window_size", "15"],  # odd window, 7 + 8 rows
        ["--pool", "NetRVLAD", "--proj-dim", "none", "--vocab_size", "3"],
        ["--pool", "AVG", "--protocol", "published", "--resident", "yes", "--precision", "bf16"],
        ["--label-time", "position", "--gt-time", "gameTime", "--evaluation_frequency", "1"],
    ],
    ids=lambda words: words[1],
)
def test_options_run_through(data, here, words):
    assert here(*flags(data, "run", "--max_epochs", 2, *words)) == (0, "")
    results = json.loads((here.cwd / "models/run/results_test.json").read_text())
    assert 0 < results["metrics"]["loose"]["a_mAP"] < 1
    if "--evaluation_frequency" in words:
        assert "clip_mAP" in (here.cwd / "models/run/curves.csv").read_text()


# Two processes.


def test_two_processes_leave_one_set_of_files_and_test_as_one(data, here):
    # 102 clips in batches of 8: the last has 6, three for each.
    more = ["--max_epochs", 1, "--evaluation_frequency", 1]
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    process = succeeds(here.cwd, *words, *MODULE, *flags(data, "pair", *more))
    run = here.cwd / "models" / "pair"
    assert process.stdout.count("epoch 1: train_loss") == 1
    header, row = (run / "curves.csv").read_text().splitlines()
    values = dict(zip(header.split(","), map(float, row.split(",")), strict=True))
    assert np.isfinite(list(values.values())).all()
    assert 0 < values["valid_loss"] < 1
    assert {path.name for path in run.iterdir() if path.suffix != ".log"} == {
        BEST_FILE, LAST_FILE, "curves.csv", "settings_train.json", "tensorboard", "outputs_test",
        "outputs_challenge", "results_spotting_challenge.zip", *READY,
    }  # fmt: skip
    assert len(list(run.glob("*.log"))) == 1
    assert len(list((run / "tensorboard").iterdir())) == 1
    assert not list(run.rglob("*.tmp"))
    weights = ["--test_only", "--load_weights", run / BEST_FILE, "--split_test", "test"]
    assert here(*flags(data, "single", *weights)) == (0, "")
    for name in READY[:2]:
        assert (here.cwd / "models/single" / name).read_bytes() == (run / name).read_bytes()


# What can be wrong with the data.


def feature_file(root, split, game=0, half=1):
    return root / games_of(root, split)[game] / f"{half}_{FILE}"


def label_file(root, split, game=0):
    return root / games_of(root, split)[game] / "Labels-v2.json"


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-1000])


def put_nan(path, row=77):
    rows = np.load(path)
    rows[row, 3] = np.nan
    np.save(path, rows)


def narrow(path):
    np.save(path, np.load(path)[:, :16])


def test_a_truncated_feature_file_in_a_real_process(own_data, tmp_path):
    path = feature_file(own_data, "train", game=1)
    cut_off(path)
    process = python(tmp_path, *MODULE, *flags(own_data, "run"))
    result = process.returncode, process.stderr
    assert_one_sentence(result, tmp_path, path, "is cut off")
    assert len(process.stderr.splitlines()) == 1


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("split", "game", "damage", "words"),
    [
        ("train", 0, cut_off, ["is cut off", "download or extract it again"]),
        ("train", 2, put_nan, ["row 77"]),
        ("valid", 1, put_nan, ["row 77"]),
        ("train", 1, narrow, ["has 16 features per frame, expected 32"]),
        ("valid", 0, narrow, ["has 16 features per frame, expected 32"]),
        ("train", 1, lambda path: path.write_bytes(b""), ["is cut off or is not a .npy array"]),
        ("valid", 1, lambda path: path.unlink(), ["1 of the", "are missing"]),
        ("challenge", 0, lambda path: path.unlink(), ["1 of the", "are missing"]),
    ],
)
def test_damaged_features_found_while_training(own_data, here, split, game, damage, words):
    path = feature_file(own_data, split, game, half=2)
    damage(path)
    result = here(*flags(own_data, "run", "--max_epochs", 1))
    assert_one_sentence(result, here.cwd, path, *words)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (cut_off, ["is cut off"]),
        (put_nan, ["row 77"]),
        (narrow, ["has 16 features per frame, expected 32"]),
        (lambda path: path.unlink(), ["1 of the", "are missing"]),
    ],
)
def test_damaged_features_found_while_testing(trained, own_data, here, damage, words):
    path = feature_file(own_data, "test", game=1, half=2)
    damage(path)
    weights = ["--load_weights", trained / BEST_FILE]
    result = here(*flags(own_data, "run", "--test_only", *weights))
    assert_one_sentence(result, here.cwd, path, *words)
    assert not (here.cwd / "models/run/results_test.json").exists()
    assert not (here.cwd / "models/run/results_spotting_test.zip").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"annotations": [{"gameTime": "1 - 00:70", "label": "Goal"}]}', ["annotation 0", "70"]),
        ('{"annotations": [{"gameTime": "3 - 00:07", "label": "Goal"}]}', ["a half from 1 to 2"]),
        ('{"annotations": [{"label": "Goal"}]}', ["annotation 0", "gameTime"]),
        ('{"annotations": {}}', ["is not a label file"]),
        ('{"annotations": [', ["is not valid JSON"]),
        (None, ["1 of the", "are missing"]),
    ],
)
def test_labels_that_are_malformed_or_missing(own_data, here, content, words):
    path = label_file(own_data, "valid", game=1)
    path.unlink() if content is None else path.write_text(content)
    result = here(*flags(own_data, "run", "--max_epochs", 1))
    assert_one_sentence(result, here.cwd, path, *words)


def test_malformed_labels_of_the_test_split(trained, own_data, here):
    path = label_file(own_data, "test", game=1)
    path.write_text('{"annotations": [{"gameTime": "half past two", "label": "Goal"}]}')
    weights = ["--load_weights", trained / BEST_FILE]
    result = here(*flags(own_data, "run", "--test_only", *weights))
    assert_one_sentence(result, here.cwd, path, "half past two")
    assert not (here.cwd / "models/run/results_test.json").exists()


def test_a_wrong_data_root(here, tmp_path):
    result = here(*flags(tmp_path / "nowhere", "run"))
    assert_one_sentence(result, here.cwd, tmp_path / "nowhere", "--SoccerNet_path")
    assert list(here.cwd.iterdir()) == []


def test_a_data_root_without_any_of_the_games(here, tmp_path):
    result = here(*flags(tmp_path, "run"))
    assert_one_sentence(result, here.cwd, "are missing", "check --features and --SoccerNet_path")
    assert list(here.cwd.iterdir()) == []


@pytest.mark.parametrize("game", ["league/../../outside", "/etc", "a\\..\\b", "", 3])
def test_a_game_that_leads_out_of_the_data_root(own_data, here, game):
    splits = json.loads((own_data / "splits.json").read_text())
    splits["train"][0] = game
    (own_data / "splits.json").write_text(json.dumps(splits))
    result = here(*flags(own_data, "run"))
    told = "may lead out of its folder" if isinstance(game, str) else "holds 3 where a path is"
    assert_one_sentence(result, here.cwd, own_data / "splits.json", told)
    assert list(here.cwd.iterdir()) == []


def test_an_archive_whose_members_lead_out_of_a_folder(data, trained, here, tmp_path):
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../../outside/results_spotting.json", '{"predictions": []}')
    result = here(
        "--SoccerNet_path", data, "--Predictions_path", tmp_path / "evil.zip",
        main=common.evaluate.main,
    )  # fmt: skip
    assert_one_sentence(result, here.cwd, tmp_path / "evil.zip", "may lead out of its folder")


# What can be wrong with the settings.


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--feature_dim", 99], "has 32 features per frame, expected 99"),
        (["--framerate", 1, "--NMS_window", 1], "--NMS_window must span at least 2 frames"),
        (["--NMS_threshold", -1], "--NMS_threshold must be above -1"),
        (["--vocab_size", 5], "an even number of clusters, found --vocab_size 5"),
        (["--vocab_size", 1], "an even number of clusters, found --vocab_size 1"),
        (["--window_size", 1, "--framerate", 1], "windows of at least 2 frames, found 1"),
        (["--proj-dim", "some"], "--proj-dim must be a number or none, found some"),
        (["--proj-dim", "0"], "--proj-dim must be a number or none, found 0"),
        (["--device", "tpu"], "unknown device 'tpu'"),
        (["--split_train", "training"], "unknown split 'training'"),
        (["--split_test", "test", "tests"], "unknown split 'tests'"),
        (["--split_train", "train", "train"], "twice"),
        (["--features", "None.npy"], "are missing"),
        (["--load_weights", "none.pth.tar"], "expected a checkpoint at none.pth.tar"),
    ],
    ids=lambda words: " ".join(map(str, words)) if isinstance(words, list) else "",
)
def test_settings_that_cannot_work_are_refused_before_a_run_is_made(data, here, words, sentence):
    result = here(*flags(data, "run", *words))
    assert_one_sentence(result, here.cwd, sentence)
    assert list(here.cwd.iterdir()) == []


def test_testing_a_run_that_was_never_trained(data, here):
    result = here(*flags(data, "run", "--test_only"))
    assert_one_sentence(result, here.cwd, "there is no run to test in models/run; ")
    words = flags(here.cwd / "absent", "run", "--test_only")  # told before the data are looked for
    assert_one_sentence(here(*words), here.cwd, "there is no run to test in models/run; ")


def test_weights_of_another_network_are_refused(trained, data, here):
    weights = ["--test_only", "--load_weights", trained / BEST_FILE]
    result = here(*flags(data, "run", *weights, "--vocab_size", 8))
    assert_one_sentence(result, here.cwd, trained / BEST_FILE, "pool_layer_before.clusters is")


def test_a_loss_that_blows_up_names_the_batch_and_leaves_no_checkpoint(data, trained, here):
    content = read_checkpoint(trained / BEST_FILE)
    content["state_dict"]["fc.bias"].fill_(3e38)
    save_checkpoint(here.cwd / "far.pth.tar", content)
    result = here(*flags(data, "run", "--load_weights", here.cwd / "far.pth.tar"))
    assert_one_sentence(result, here.cwd, "loss of batch 1 is not finite", "lower --LR")
    assert not (here.cwd / "models/run" / BEST_FILE).exists()


# Where nothing can be written.


def test_a_file_in_the_way_of_the_run_folder(data, here):
    (here.cwd / "models").write_text("in the way")
    result = here(*flags(data, "run"))
    assert_one_sentence(result, here.cwd, "a file is where a folder should be", "models")
    assert (here.cwd / "models").read_text() == "in the way"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs /proc")
def test_a_run_folder_where_the_system_makes_none(data, here, tmp_path):
    here.cwd = Path("/proc")
    assert_one_sentence(here(*flags(data, "run")), tmp_path, "models")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind root"
)
def test_a_run_folder_without_permission(data, here):
    here.cwd.chmod(0o500)
    result = here(*flags(data, "run"))
    here.cwd.chmod(0o700)
    assert_one_sentence(result, here.cwd, "permission denied", "models")


def no_space(*args):
    raise OSError(28, "No space left on device")


def test_a_disk_that_is_full_when_a_checkpoint_is_due(data, here, monkeypatch):
    monkeypatch.setattr(os, "fsync", no_space)
    monkeypatch.setattr("common.training.run_folder.write_bytes", lambda path, content: None)
    result = here(*flags(data, "run", "--max_epochs", 1))
    assert_one_sentence(result, here.cwd, "the disk is full")
    assert not (here.cwd / "models/run" / BEST_FILE).exists()


def test_a_disk_that_is_full_when_results_are_due_keeps_the_old_ones(
    trained, data, here, monkeypatch
):
    run = shutil.copytree(trained, here.cwd / "models" / "tiny")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    monkeypatch.setattr(os, "fsync", no_space)
    monkeypatch.setattr("common.training.run_folder.write_bytes", lambda path, content: None)
    result = here(*flags(data, "tiny", "--test_only"))
    assert_one_sentence(result, here.cwd, "the disk is full")
    after = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert {path: after[path] for path in before} == before


def test_a_log_that_cannot_be_written(data, here, monkeypatch):
    def emit(self, record):
        try:
            no_space()
        except OSError:
            self.handleError(record)

    monkeypatch.setattr(logging.FileHandler, "emit", emit)
    assert_one_sentence(here(*flags(data, "run")), here.cwd, "the disk is full")
