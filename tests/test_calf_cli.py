"""CALF/main.py through the shell on a tiny data set: train, test, stop, resume, one feature file.

What all baselines do alike with damaged files and folders is tested with NetVLAD++.
"""

import csv
import json
import shutil
import signal
import zipfile

import numpy as np
import pytest
import torch
from shell import (
    assert_one_sentence,
    assert_same_bits,
    caller,
    games_of,
    python,
    start_and_stop,
    succeeds,
)

from CALF import main as program
from common.data.events import V2_NAMES
from common.operating_point import main as operating_point
from common.synthetic.data_set import write_data_set
from common.training.checkpoints import BEST_FILE, LAST_FILE, read_checkpoint

FILE = "Synthetic.npy"
SIZES = ["--chunk_size", "30", "--receptive_field", "10", "--dim_capsule", "4",
         "--num_detections", "5"]  # fmt: skip
SMALL = ["--features", FILE, *SIZES, "--batch_size", "8", "--chunks_per_epoch", "48",
         "--device", "cpu"]  # fmt: skip
MODULE = ["-m", "CALF.main"]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("calf") / "data"
    write_data_set(root, games=(3, 2, 2, 1), minutes=4, dim=32)
    return root


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """Runs main() in this process, in a folder of its own: `here(*flags)` -> (code, stderr)."""
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    return caller(cwd, monkeypatch, capsys, program.main)


def flags(root, name, *more):
    return ["--SoccerNet_path", root, "--model_name", name, *SMALL, *more]


def curves(run):
    with (run / "curves.csv").open(newline="") as file:
        return list(csv.DictReader(file))


# A whole run.


@pytest.fixture(scope="module")
def trained(data, repo_root, tmp_path_factory):
    """Folder of a run of four epochs, started as a script from another folder."""
    cwd = tmp_path_factory.mktemp("elsewhere")
    more = ["--max_epochs", 4, "--evaluation_frequency", 2, "--watch_test", "--legacy_names",
            "--plots"]  # fmt: skip
    process = succeeds(cwd, repo_root / "CALF" / "main.py", *flags(data, "tiny", *more))
    (cwd / "stdout").write_text(process.stdout)
    return cwd / "models" / "tiny"


def test_a_run_scores_whole_games_and_selects_by_them(trained):
    rows = curves(trained)
    assert list(rows[0])[:3] == ["epoch", "train_loss", "valid_loss"]
    scores = [row["valid_a_mAP"] for row in rows]
    assert [bool(score) for score in scores] == [False, False, True, False]  # epoch 3, as published
    assert [bool(row["test_a_mAP"]) for row in rows] == [False, False, True, False]
    assert read_checkpoint(trained / BEST_FILE)["epoch"] == 3
    assert read_checkpoint(trained / LAST_FILE)["epoch"] == 4
    assert "testing the weights of epoch 3" in (trained.parents[1] / "stdout").read_text()
    results = json.loads((trained / "results_test.json").read_text())
    assert results["metrics"]["loose"]["a_mAP"] == float(rows[2]["test_a_mAP"])


def test_result_files_archive_and_legacy_names(trained, data):
    for split in ("test", "challenge"):
        games = games_of(data, split)
        with zipfile.ZipFile(trained / f"results_spotting_{split}.zip") as archive:
            assert archive.namelist() == [f"{game}/results_spotting.json" for game in games]
        for game in games:
            folder = trained / f"outputs_{split}" / game
            text = (folder / "results_spotting.json").read_bytes()
            assert (folder / "Predictions-v2.json").read_bytes() == text
            content = json.loads(text)
            assert content["UrlLocal"] == game
            rows = [(int(e["half"]), int(e["position"])) for e in content["predictions"]]
            assert rows == sorted(rows)
            assert {half for half, _ in rows} == {1, 2}


def test_figures_of_one_game_of_each_split(trained, data):
    for split in ("test", "challenge"):
        drawn = sorted((trained / f"outputs_{split}").rglob("*.png"))
        folder = trained / f"outputs_{split}" / games_of(data, split)[0]
        assert drawn == [folder / f"{half}_segmentation.png" for half in (1, 2)]
        assert all(path.read_bytes().startswith(b"\x89PNG\r\n") for path in drawn)


def test_testing_again_and_the_challenge_flag(trained, data, here):
    here.cwd = trained.parents[1]
    names = [f"results_spotting_{split}.zip" for split in ("test", "challenge")]
    before = {name: (trained / name).read_bytes() for name in names}
    for name in names:
        (trained / name).unlink()
    assert here(*flags(data, "tiny", "--test_only", "--challenge")) == (0, "")
    assert not (trained / names[0]).exists()
    assert here(*flags(data, "tiny", "--test_only", "--split_test", "test")) == (0, "")
    assert {name: (trained / name).read_bytes() for name in names} == before


def test_the_protocols_differ_in_testing(trained, data, here):
    weights = ["--test_only", "--load_weights", trained / BEST_FILE, "--split_test", "test"]
    found = {}
    for protocol in ("corrected", "published"):
        assert here(*flags(data, protocol, *weights, "--protocol", protocol)) == (0, "")
        run = here.cwd / "models" / protocol
        found[protocol] = (run / "results_spotting_test.zip").read_bytes()
    assert found["corrected"] == (trained / "results_spotting_test.zip").read_bytes()
    assert found["published"] != found["corrected"]


# One feature file.


@pytest.mark.parametrize("frames", [1, 59, 60, 61, 500])
def test_a_feature_file_of_any_length_is_spotted_and_drawn(trained, here, tmp_path, frames):
    path = tmp_path / "my video.npy"
    rows = np.random.default_rng(0).standard_normal((frames, 32))
    np.save(path, rows.astype(np.float32))
    words = ["--features_path", path, "--load_weights", trained / BEST_FILE, *SIZES]
    assert here(*words, "--model_name", "one", "--device", "cpu") == (0, "")
    folder = here.cwd / "models/one/outputs_my video"
    content = json.loads((folder / "results_spotting.json").read_text())
    assert list(content) == ["predictions"]
    last = max((int(entry["position"]) for entry in content["predictions"]), default=0)
    assert last < frames * 500
    assert (folder / "1_segmentation.png").read_bytes().startswith(b"\x89PNG\r\n")
    assert sorted(path.name for path in folder.iterdir()) == [
        "1_segmentation.png", "results_spotting.json"
    ]  # fmt: skip


@pytest.mark.parametrize("half", [1, 2])
def test_a_feature_file_with_the_weights_of_a_run_and_in_either_polarity(trained, data, here, half):
    game = games_of(data, "test")[0]
    path = data / game / f"{half}_{FILE}"
    here.cwd = trained.parents[1]
    words = ["--features_path", path, "--model_name", "tiny", "--legacy_names"]
    figures = []
    for form in ("clean", "legacy"):  # sizes are those of the run
        assert here(*words, "--segmentation_loss", form) == (0, "")
        folder = trained / f"outputs_{path.parent.name}_{path.stem}"
        figures.append((folder / f"{half}_segmentation.png").read_bytes())
    assert figures[0] != figures[1]
    spotted = json.loads((folder / "Predictions-v2.json").read_text())["predictions"]
    in_test = json.loads((trained / "outputs_test" / game / "results_spotting.json").read_text())
    assert spotted == [each for each in in_test["predictions"] if each["half"] == str(half)]


def test_a_feature_file_with_other_settings_than_its_run_is_refused(trained, data, here):
    path = data / games_of(data, "test")[0] / f"1_{FILE}"
    here.cwd = trained.parents[1]
    words = ["--features_path", path, "--model_name", "tiny"]
    result = here(*words, "--framerate", 5)
    assert_one_sentence(result, here.cwd, "was trained with --framerate 2, now 5; leave out")


def test_the_detections_of_a_feature_file_can_be_thresholded(trained, data, here):
    path = data / games_of(data, "test")[0] / f"1_{FILE}"
    here.cwd = trained.parents[1]
    assert here("--features_path", path, "--model_name", "tiny") == (0, "")
    name = f"{path.parent.name}_{path.stem}"
    words = [trained, "--threshold", 0.3, "--apply", name, "--write"]
    assert here(*words, main=operating_point) == (0, "")
    kept = json.loads((trained / f"detections_{name}" / "results_spotting.json").read_text())
    everything = json.loads((trained / f"outputs_{name}" / "results_spotting.json").read_text())
    expected = [e for e in everything["predictions"] if float(e["confidence"]) >= 0.3]
    assert len(kept["predictions"]) == len(expected)
    with zipfile.ZipFile(trained / f"detections_{name}.zip") as archive:
        assert archive.namelist() == ["results_spotting.json"]


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_a_split_without_games_is_one_sentence_before_anything_is_written(
    data, here, tmp_path, split
):
    own_data = shutil.copytree(data, tmp_path / "own data")
    splits = json.loads((own_data / "splits.json").read_text())
    (own_data / "splits.json").write_text(json.dumps({**splits, split: []}))
    result = here(*flags(own_data, "run"))
    assert_one_sentence(result, here.cwd, split, "holds no games")
    assert not (here.cwd / "models").exists()


def test_a_challenge_without_games_is_not_asked_for_by_default(trained, data, here, tmp_path):
    own_data = shutil.copytree(data, tmp_path / "own data")
    splits = json.loads((own_data / "splits.json").read_text())
    (own_data / "splits.json").write_text(json.dumps({**splits, "challenge": []}))
    words = flags(own_data, "run", "--test_only", "--load_weights", trained / BEST_FILE)
    assert here(*words)[0] == 0
    assert [p.name for p in (here.cwd / "models/run").glob("*.zip")] == [
        "results_spotting_test.zip"
    ]
    assert_one_sentence(here(*words, "--challenge"), here.cwd, "challenge holds no games")


def test_a_feature_file_that_does_not_fit_is_one_sentence(trained, here, tmp_path):
    path = tmp_path / "video.npy"
    words = ["--features_path", path, "--load_weights", trained / BEST_FILE, *SIZES]
    assert_one_sentence(here(*words), here.cwd, path, "found no such file")
    np.save(path, np.zeros((9, 16), np.float32))
    assert_one_sentence(here(*words), here.cwd, "has 16 features per frame, expected 32")
    result = here(*words, "--num_features", 16)
    assert_one_sentence(result, here.cwd, BEST_FILE, "conv_1.weight is (128, 1, 1, 32)")
    np.save(path, np.full((9, 32), np.nan, np.float32))
    assert_one_sentence(here(*words), here.cwd, "row 0 holds NaN")
    assert_one_sentence(here("--features_path", path, *SIZES), here.cwd, "expected a checkpoint at")


# Interruptions, processes.

LONG = ["--max_epochs", 5, "--evaluation_frequency", 2, "--split_test", "challenge"]


@pytest.fixture(scope="module")
def left_alone(data, tmp_path_factory):
    cwd = tmp_path_factory.mktemp("left alone")
    succeeds(cwd, *MODULE, *flags(data, "run", *LONG, "--max_num_worker", 0))
    return cwd / "models" / "run"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_stopped_run_resumed_ends_with_the_same_bits(data, left_alone, tmp_path, number):
    words = flags(data, "run", *LONG)
    result = start_and_stop(tmp_path, [*MODULE, *words], number)
    if number == signal.SIGTERM:
        assert_one_sentence(result, tmp_path, "stopped by SIGTERM", "--resume", code=130)
    run = tmp_path / "models" / "run"
    assert 0 <= read_checkpoint(run / LAST_FILE)["epoch"] < 5
    succeeds(tmp_path, *MODULE, *words, "--resume")
    assert_same_bits(run, left_alone)
    assert (run / BEST_FILE).read_bytes() == (left_alone / BEST_FILE).read_bytes()
    archive = "results_spotting_challenge.zip"
    assert (run / archive).read_bytes() == (left_alone / archive).read_bytes()


def test_two_processes_train_and_test_as_one(data, here):
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    more = ["--max_epochs", 2, "--evaluation_frequency", 1, "--plots"]
    process = succeeds(here.cwd, *words, *MODULE, *flags(data, "pair", *more))
    run = here.cwd / "models" / "pair"
    assert process.stdout.count("epoch 1: train_loss") == 1
    last = curves(run)[-1]
    assert all(np.isfinite(float(value)) for value in last.values())
    assert len(list((run / "outputs_test").rglob("results_spotting.json"))) == 2
    assert not list(run.rglob("*.tmp"))
    weights = ["--test_only", "--load_weights", run / BEST_FILE, "--split_test", "test", "valid"]
    assert here(*flags(data, "single", *weights)) == (0, "")
    alone = here.cwd / "models/single"
    for name in ("results_test.json", "results_spotting_test.zip"):
        assert (alone / name).read_bytes() == (run / name).read_bytes()
    # The score that selected the weights came from both processes.
    scored = json.loads((alone / "results_valid.json").read_text())["metrics"]["loose"]["a_mAP"]
    assert read_checkpoint(run / BEST_FILE)["epoch"] == 2
    assert scored == float(last["valid_a_mAP"])


def test_the_number_of_reading_threads_changes_no_bit(data, here):
    for workers in (0, 4):
        more = ["--max_epochs", 1, "--split_test", "challenge", "--max_num_worker", workers]
        assert here(*flags(data, f"by {workers}", *more)) == (0, "")
    runs = [here.cwd / "models" / f"by {workers}" for workers in (0, 4)]
    assert_same_bits(*runs)


# Options and what can be wrong.


@pytest.mark.parametrize(
    "words",
    [
        ["--protocol", "published", "--evaluation_frequency", "1"],
        ["--segmentation_loss", "legacy", "--resident", "yes", "--precision", "bf16"],
        ["--framerate", "1", "--label-time", "position", "--loss_weight_detection", "2"],
    ],
    ids=lambda words: words[1],
)
def test_options_run_through(data, here, words):
    assert here(*flags(data, "run", "--max_epochs", 2, *words)) == (0, "")
    results = json.loads((here.cwd / "models/run/results_test.json").read_text())
    assert 0 <= results["metrics"]["loose"]["a_mAP"] < 1


def test_other_classes_need_parameters_and_take_them_from_a_file(data, here, tmp_path):
    root = shutil.copytree(data, tmp_path / "data")
    (root / "classes.json").write_text('["Ball out of play", "Corner", "Save"]')
    result = here(*flags(root, "own"))
    assert_one_sentence(result, here.cwd, "no context parameters for Save", "--k_params")
    path = tmp_path / "k.json"
    path.write_text(
        json.dumps({name: [-9, -4, 4, 9] for name in ("Ball out of play", "Corner", "Save")})
    )
    more = ["--max_epochs", 1, "--k_params", path, "--overwrite"]
    assert here(*flags(root, "own", *more)) == (0, "")
    results = json.loads((here.cwd / "models/own/results_test.json").read_text())
    assert list(results["metrics"]["loose"]["per_class"]) == ["Ball out of play", "Corner", "Save"]


def test_parameters_that_were_edited_end_a_resumption(data, here, tmp_path):
    path = tmp_path / "k.json"
    seconds = {name: [-9, -4, 4, 9] for name in V2_NAMES}
    path.write_text(json.dumps(seconds))
    words = flags(data, "run", "--k_params", path)
    assert here(*words, "--max_epochs", 1) == (0, "")
    path.write_text(json.dumps({**seconds, "Goal": [-9, -4, 4, 20]}))
    last = here.cwd / "models/run" / LAST_FILE
    before = last.read_bytes()
    result = here(*words, "--max_epochs", 2, "--resume")
    assert_one_sentence(result, here.cwd, "[-18, -8, 8, 18] frames of 'Goal', now [-18, -8, 8, 40]")
    assert last.read_bytes() == before
    path.write_text(json.dumps(seconds))
    assert here(*words, "--max_epochs", 2, "--resume") == (0, "")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--chunk_size", "20", "--receptive_field", "10"], "more than twice --receptive_field"),
        (["--k_params", "none.json"], "none.json"),
        (["--num_features", "512"], "has 32 features per frame, expected 512"),
        (["--features", "Other.npy"], "files of test, challenge are missing"),
    ],
)
def test_what_cannot_work_is_one_sentence_before_anything_is_computed(data, here, words, told):
    assert_one_sentence(here(*flags(data, "run", *words)), here.cwd, told)
    assert not (here.cwd / "models/run" / LAST_FILE).exists()


def test_weights_of_other_sizes_are_named(trained, data, here):
    words = ["--test_only", "--load_weights", trained / BEST_FILE, "--receptive_field", "12"]
    assert_one_sentence(here(*flags(data, "run", *words)), here.cwd, "conv_p_1.weight is")


def test_bad_features_end_training_with_their_file_and_row(data, here, tmp_path):
    root = shutil.copytree(data, tmp_path / "data")
    path = root / games_of(root, "train")[1] / f"2_{FILE}"
    rows = np.load(path)
    rows[:, 3] = np.nan
    np.save(path, rows)
    result = here(*flags(root, "run", "--max_epochs", 1))
    assert_one_sentence(result, here.cwd, path, "holds NaN or infinity")


def test_help_tells_units_and_defaults(repo_root):
    text = python(repo_root, "CALF/main.py", "--help").stdout
    published = (
        "chunks_per_epoch dim_capsule lambda_coord lambda_noobj K_params num_features GPU "
        "loss_weight_segmentation loss_weight_detection max_num_worker evaluation_frequency "
        "challenge load_weights framerate chunk_size receptive_field test_only loglevel patience"
    )
    for flag in published.split():
        assert f"--{flag}" in text
    squeezed = " ".join(text.split())
    assert "chunk, in seconds (default: 120)" in squeezed
    assert "whole games, to select the best weights) (default: 20)" in squeezed
