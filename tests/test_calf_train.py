"""What all three training loops draw and score in each epoch."""

import csv
import json

import pytest
from shell import caller

import CALF.dataset
import CALF.main
import CALF_Calibration.dataset
import CALF_Calibration.main
import CALF_Calibration_GCN.dataset
import CALF_Calibration_GCN.main
from common.synthetic.data_set import write_data_set

FLAGS = ["--features", "Synthetic.npy", "--chunk_size", "30", "--receptive_field", "10",
         "--dim_capsule", "4", "--num_detections", "5", "--batch_size", "8",
         "--chunks_per_epoch", "9", "--split_test", "challenge", "--device", "cpu"]  # fmt: skip
ALONE = ["--backbone_feature", "2DConv"]
BASELINES = {
    "CALF": (CALF.main.main, CALF.dataset, []),
    "CALF_Calibration": (CALF_Calibration.main.main, CALF_Calibration.dataset, ALONE),
    "CALF_Calibration_GCN": (CALF_Calibration_GCN.main.main, CALF_Calibration_GCN.dataset, ALONE),
}

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("loops") / "data"
    write_data_set(root, games=(1, 1, 0, 1), minutes=2, dim=16)
    return root


@pytest.mark.parametrize("protocol", ["corrected", "published"])
@pytest.mark.parametrize("baseline", BASELINES)
def test_training_draws_anew_and_validation_only_in_the_original(
    data, tmp_path, monkeypatch, capsys, baseline, protocol
):
    main, dataset, own = BASELINES[baseline]
    drawn, draw = [], dataset.Chunks.draw

    def noted(chunks, count, *seed):
        drawn.append((count, seed))
        return draw(chunks, count, *seed)

    monkeypatch.setattr(dataset.Chunks, "draw", noted)
    here = caller(tmp_path, monkeypatch, capsys, main)
    words = [*FLAGS, *own, "--max_epochs", 3, "--seed", 5, "--protocol", protocol]
    assert here("--SoccerNet_path", data, "--model_name", "run", *words) == (0, "")
    assert {count for count, _ in drawn} == {9}
    training, validation = [seed for _, seed in drawn[::2]], [seed for _, seed in drawn[1::2]]
    assert len(training) == len(validation) == 3
    assert len(set(training)) == 3
    assert len(set(validation)) == (3 if protocol == "published" else 1)
    assert not set(training) & set(validation)
    assert {seed[0] for seed in training + validation} == {5}


@pytest.mark.parametrize("baseline", BASELINES)
def test_whole_games_are_scored_in_thorough_epochs_only(
    data, tmp_path, monkeypatch, capsys, baseline
):
    main, _, own = BASELINES[baseline]
    here = caller(tmp_path, monkeypatch, capsys, main)
    words = [*FLAGS, *own, "--max_epochs", 4, "--evaluation_frequency", 2]
    assert here("--SoccerNet_path", data, "--model_name", "run", *words) == (0, "")
    with (tmp_path / "models/run/curves.csv").open(newline="") as file:
        scores = [row["valid_a_mAP"] for row in csv.DictReader(file)]
    assert [bool(score) for score in scores] == [False, False, True, False]  # as published


@pytest.mark.parametrize("baseline", BASELINES)
def test_a_watched_split_selects_nothing_whatever_its_name(
    data, tmp_path, monkeypatch, capsys, baseline
):
    root = tmp_path / "data"
    root.mkdir()
    splits = json.loads((data / "splits.json").read_text())
    (root / "splits.json").write_text(json.dumps({**splits, "holdout": splits["train"]}))
    for folder in data.iterdir():
        if folder.is_dir():
            (root / folder.name).symlink_to(folder)
    main, _, own = BASELINES[baseline]
    here = caller(tmp_path, monkeypatch, capsys, main)
    words = [*FLAGS, *own, "--max_epochs", 2, "--evaluation_frequency", 1, "--NMS_window", 2]
    words += ["--SoccerNet_path", root, "--split_valid", "holdout", "--split_test", "valid"]
    rows = {}
    for name, further in (("plain", []), ("watched", ["--watch_test"])):
        assert here("--model_name", name, *words, *further) == (0, "")
        with (tmp_path / "models" / name / "curves.csv").open(newline="") as file:
            rows[name] = list(csv.DictReader(file))[-1]
    assert rows["plain"]["valid_a_mAP"] == rows["watched"]["valid_a_mAP"]
    tested = json.loads((tmp_path / "models/watched/results_valid.json").read_text())
    scores = tested["metrics"]["loose"]["a_mAP"]
    assert (
        float(rows["watched"]["watched_valid_a_mAP"])
        == scores
        != float(rows["watched"]["valid_a_mAP"])
    )
