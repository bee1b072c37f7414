"""How far a run is, read from what it writes."""

import json

import pytest

from common.reproduce.progress import EpochsDone, duration, progress_of


def write_run(folder, epochs, most=None):
    folder.mkdir(parents=True, exist_ok=True)
    rows = "".join(f"{n},0.5,{10 + n}\n" for n in range(epochs))
    (folder / "curves.csv").write_text(f"epoch,train_loss,seconds\n{rows}")
    if most:
        settings = {"settings": {"max_epochs": most}}
        (folder / "settings_train.json").write_text(json.dumps(settings))


def test_epochs_and_the_time_that_is_left_at_most(tmp_path):
    assert str(progress_of(tmp_path / "absent")) == "before its first epoch"
    write_run(tmp_path, 3)
    assert str(progress_of(tmp_path)) == "after 3 epochs"
    write_run(tmp_path, 3, most=20)
    assert progress_of(tmp_path) == EpochsDone(3, 20, 11.0)
    assert str(progress_of(tmp_path)) == "epoch 4 of at most 20, at most 3 min left"
    write_run(tmp_path, 20, most=20)
    assert str(progress_of(tmp_path)) == "trained, after 20 epochs"


def test_of_several_models_in_a_run_the_one_at_work(tmp_path):
    write_run(tmp_path / "visual", 9, most=9)
    write_run(tmp_path / "nonvisual", 1)
    (tmp_path / "settings_train.json").write_text('{"settings": {"max_epochs": 9}}')
    assert str(progress_of(tmp_path)) == "epoch 2 of at most 9, at most 80 s left"


@pytest.mark.parametrize("text", ["", "epoch\n1\n", "epoch,seconds\n1,x\n", "epoch,seconds\n1\n"])
def test_curves_that_cannot_be_read_are_no_reason_to_stop(tmp_path, text):
    (tmp_path / "curves.csv").write_text(text)
    (tmp_path / "settings_train.json").write_text("{")
    assert str(progress_of(tmp_path)) == "before its first epoch"


def test_durations():
    found = [duration(s) for s in (0, 89, 90, 3600, 5400, 86400)]
    assert found == ["0 s", "89 s", "2 min", "60 min", "1.5 h", "24.0 h"]
