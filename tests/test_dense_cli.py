"""Dense anchors through the shell: an epoch, a killed run, two processes, files of one's own."""

import json
import signal

import numpy as np
import pytest
import torch
from shell import (
    assert_one_sentence,
    assert_same_bits,
    caller,
    games_of,
    start_and_stop,
)

from common.data.data_set import DataSet
from common.data.events import SOCCERNET_V2
from common.errors import UserError
from common.results.kept_scores import read_scores
from common.results.suppression import Suppression
from common.synthetic.data_set import write_data_set
from common.training.checkpoints import load_weights, read_checkpoint, save_checkpoint
from common.training.distributed import Processes
from common.training.run import Run
from DenseAnchors.main import main
from DenseAnchors.model import DenseAnchorModel
from DenseAnchors.test import Scoring, spot_split

ARCHIVE = "results_spotting_test.zip"
SMALL = ["--features", "Synthetic.npy", "--chunk_size", "32", "--border", "8",
         "--trunk_channels", "64", "--chunks_per_epoch", "32", "--batch_size", "8",
         "--mixup", "2", "--dropout", "0.1", "--max_epochs", "2", "--split_test",
         "test"]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("dense") / "data"
    write_data_set(root, games=(1, 1, 2, 0), minutes=2, dim=16)
    return root


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """A folder in which a run was trained that nobody stopped."""
    folder, threads = tmp_path_factory.mktemp("dense_run"), torch.get_num_threads()
    words = ["--SoccerNet_path", data, *SMALL, "--model_name", "run", "--save_scores"]
    torch.set_num_threads(1)  # as in a process that is started by a test
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        main([*map(str, words)])
    torch.set_num_threads(threads)
    return folder


def test_epochs_end_with_an_archive_and_scores(trained):
    run = trained / "models/run"
    scores = json.loads((run / "results_test.json").read_text())
    assert 0 < scores["metrics"]["tight"]["a_mAP"] < 1
    header, *rows = (line.split(",") for line in (run / "curves.csv").read_text().splitlines())
    curves = {name: [row[column] for row in rows] for column, name in enumerate(header)}
    assert [float(rate) for rate in curves["learning_rate"]] == pytest.approx([1e-3, 1e-5])
    assert [bool(score) for score in curves["valid_a_mAP"]] == [False, True]
    assert float(curves["valid_loose"][1]) > float(curves["valid_a_mAP"][1]) > 0


def test_scores_are_kept_as_they_went_into_suppression(data, trained):
    game = games_of(data, "test")[0]
    halves = read_scores(trained / "models/run", "test", game)
    assert [half.shape for half in halves] == [(242, 17), (240, 17)]
    assert all(half.min() >= 0 and half.max() <= 1 for half in halves)


@pytest.fixture
def call(trained, monkeypatch, capsys):
    return caller(trained, monkeypatch, capsys, main)


def test_a_run_is_killed_and_goes_on_to_the_same_bits(data, trained, tmp_path, call):
    words = ["-m", "DenseAnchors.main", "--SoccerNet_path", data, *SMALL, "--model_name", "run"]
    code, _ = start_and_stop(tmp_path, words, signal.SIGKILL)
    assert code == -signal.SIGKILL
    call.cwd = tmp_path
    assert call("--model_name", "run", "--resume") == (0, "")
    one, another = trained / "models/run", tmp_path / "models/run"
    assert_same_bits(one, another)
    assert (one / ARCHIVE).read_bytes() == (another / ARCHIVE).read_bytes()


class OneOfTwo(Processes):
    """A process that waits for nobody."""

    def wait_for_all(self):
        pass


def test_two_processes_spot_as_one(data, trained, tmp_path):
    model = DenseAnchorModel(16, 17, 64, most_channels=64)
    load_weights(model, trained / "models/run/model.pth.tar")
    source = DataSet(root=data, features=("Synthetic.npy",), classes=SOCCERNET_V2)
    for rank in (1, 0):  # the first packs what both have written
        run = Run(folder=tmp_path, processes=OneOfTwo(rank, rank, 2))
        spot_split(run, source, model, "test", Scoring(16, 12), Suppression(16, 0.005, soft=True))
    assert (tmp_path / ARCHIVE).read_bytes() == (trained / "models/run" / ARCHIVE).read_bytes()


def test_files_of_ones_own_are_spotted_in_with_the_recorded_settings(data, trained, call):
    game = data / games_of(data, "test")[0]
    files = [game / f"{half}_Synthetic.npy" for half in (1, 2)]
    assert call("--features_path", *files, "--model_name", "run") == (0, "")
    outputs = [path for path in trained.glob("models/run/outputs_*") if game.name in path.name]
    own = json.loads((outputs[0] / "results_spotting.json").read_text())["predictions"]
    tested = trained / "models/run/outputs_test" / game.relative_to(data) / "results_spotting.json"
    assert own == json.loads(tested.read_text())["predictions"]


def test_other_weights_do_not_spot_in_the_name_of_a_run(data, trained, tmp_path, call):
    other, file = tmp_path / "other.pth.tar", data / games_of(data, "test")[0] / "1_Synthetic.npy"
    save_checkpoint(other, {**read_checkpoint(trained / "models/run/model.pth.tar"), "epoch": 7})
    words = ["--load_weights", other, "--model_name", "run", *SMALL]
    found = call("--features_path", file, *words)
    assert_one_sentence(found, trained, "holds other weights than its own", "another --model_name")


def test_several_feature_files_lie_side_by_side_and_wide_ones_are_scaled(
    data, tmp_path, call, monkeypatch
):
    for path in [*data.rglob("[12]_Synthetic.npy")]:
        rows = np.load(path)
        np.save(path.with_name(f"{path.name[0]}_Wide.npy"), np.tile(100 * rows, (1, 32)))
    call.cwd = tmp_path
    words = ["--SoccerNet_path", data, *SMALL, "--features", "Synthetic.npy", "Wide.npy",
             "--model_name", "wide", "--max_epochs", "1",
             "--displacement_weight", "0", "--displace", "no"]  # fmt: skip
    assert call(*words) == (0, "")
    state = read_checkpoint(tmp_path / "models/wide/model.pth.tar")["state_dict"]
    largest = state["scale"]
    learnt = {name: bool(state[f"networks.0.heads.{name}.layer.bias"].any())
              for name in ("confidence", "displacement")}  # fmt: skip
    assert learnt == {"confidence": True, "displacement": False}
    assert len(largest) == 33 * 16 and torch.allclose(largest[16:32], 100 * largest[:16])

    def read_again(*_):
        raise AssertionError("all features were read to learn what the run has recorded")

    monkeypatch.setattr("DenseAnchors.train.magnitudes", read_again)
    assert call("--model_name", "wide", "--resume") == (0, "")


def test_flags_reach_training_and_scoring(data, tmp_path, monkeypatch):
    seen = {}
    monkeypatch.setattr("DenseAnchors.train.train", lambda *_, **settings: seen.update(settings))
    monkeypatch.chdir(tmp_path)
    words = ["--radius", "2", "--displacement_radius", "5", "--displacement_weight", "0.25",
             "--weight_decay", "0.01", "--scale", "rms", "--displace", "no", "--mixup", "3",
             "--select_by", "loose", "--NMS", "hard", "--NMS_window", "6", "--NMS_threshold", "0.1",
             "--chunks_per_epoch", "40"]  # fmt: skip
    with pytest.raises(UserError, match=r"model.pth.tar"):  # there is nothing to test
        main(["--SoccerNet_path", str(data), *SMALL, *words])
    expected = {
        "radius": 4, "displacement_weight": 0.25, "decay": 0.01, "scale": "rms", "mixup": 3,
        "select_by": "loose", "chunks_per_epoch": 40, "train_on": ["train"],
        "select_on": ["valid"], "scoring": Scoring(16, 10, displaced=False),
        "suppression": Suppression(12, 0.1, soft=False),
    }  # fmt: skip
    assert {name: seen[name] for name in expected} == expected


def test_what_cannot_work_is_one_sentence(data, tmp_path, call):
    call.cwd = tmp_path
    words = ["--SoccerNet_path", data, *SMALL, "--border", "16"]
    assert_one_sentence(call(*words), tmp_path, "--border 16", "32 s")
    words = ["--SoccerNet_path", data, *SMALL, "--displacement_weight", "0"]
    assert_one_sentence(call(*words), tmp_path, "--displacement_weight 0", "--displace no")
    for flag, value in ("--dropout", "1"), ("--trunk_channels", "10"), ("--mixup", "-1"):
        code, complaint = call("--SoccerNet_path", data, flag, value)
        assert code == 2 and "expected a" in complaint
