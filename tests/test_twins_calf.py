"""CALF with the older loss and both calibration baselines without players are the same, bit by bit.

Their folders repeat each other's sequences so that each can be read and changed alone; this holds
them together.
"""

import csv
import zipfile

import pytest
from shell import assert_same_bits, caller, games_of

import CALF.main
import CALF_Calibration.main
import CALF_Calibration_GCN.main
from common.synthetic.data_set import write_data_set
from common.training.checkpoints import BEST_FILE, LAST_FILE, read_checkpoint

FLAGS = ["--features", "Synthetic.npy", "--chunk_size", "30", "--receptive_field", "10",
         "--dim_capsule", "4", "--num_detections", "5", "--batch_size", "8",
         "--chunks_per_epoch", "20", "--max_epochs", "2", "--evaluation_frequency", "1",
         "--watch_test", "--seed", "3", "--device", "cpu"]  # fmt: skip
ALONE = ["--backbone_feature", "2DConv", "--feature_multiplier", "1"]
PROGRAMS = {
    "CALF": (CALF.main.main, ["--segmentation_loss", "legacy"]),
    "CALF_Calibration": (CALF_Calibration.main.main, ALONE),
    "CALF_Calibration_GCN": (CALF_Calibration_GCN.main.main, ALONE),
}

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("twins") / "data"
    write_data_set(root, games=(2, 1, 1, 1), minutes=3, dim=24)
    return root


@pytest.fixture(params=["corrected", "published"])
def runs(data, tmp_path, monkeypatch, capsys, request):
    """Folders of the three runs of two epochs, from one seed."""
    here, folders = caller(tmp_path, monkeypatch, capsys, None), {}
    for name, (main, own) in PROGRAMS.items():
        words = ["--SoccerNet_path", data, "--model_name", name, *FLAGS, *own]
        assert here(*words, "--protocol", request.param, main=main) == (0, "")
        folders[name] = tmp_path / "models" / name
    return folders


def curves(run):
    with (run / "curves.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def test_weights_optimiser_curves_and_archives_are_equal(runs, data):
    one, *others = runs.values()
    rows = curves(one)
    assert len(rows) == 2
    (group,) = read_checkpoint(one / BEST_FILE)["optimizer"]["param_groups"]
    published = {
        "lr": 1e-3,
        "betas": (0.9, 0.999),
        "eps": 1e-7,
        "weight_decay": 0,
        "amsgrad": False,
    }
    assert {name: group[name] for name in published} == published
    assert float(rows[1]["valid_a_mAP"]) >= 0 <= float(rows[1]["test_a_mAP"])
    for another in others:
        assert_same_bits(one, another)
        for name in (BEST_FILE, LAST_FILE):
            mine, theirs = (read_checkpoint(run / name) for run in (one, another))
            assert list(mine["state_dict"]) == list(theirs["state_dict"])
            groups = [content["optimizer"]["param_groups"] for content in (mine, theirs)]
            assert groups[0] == groups[1]
            states = [content["optimizer"]["state"] for content in (mine, theirs)]
            assert states[0].keys() == states[1].keys()
            assert len(states[0]) == len(groups[0][0]["params"]) > 0
            assert all(bool(state["exp_avg_sq"].any()) for state in states[0].values())
        assert curves(another) == rows
        for split in ("test", "challenge"):
            archive = f"results_spotting_{split}.zip"
            assert (another / archive).read_bytes() == (one / archive).read_bytes()
        result = "results_test.json"
        assert (another / result).read_bytes() == (one / result).read_bytes()
    with zipfile.ZipFile(one / "results_spotting_challenge.zip") as archive:
        assert len(archive.namelist()) == len(games_of(data, "challenge")) > 0
