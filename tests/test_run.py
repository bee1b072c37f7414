"""A run: how it begins, what it refuses before anything is touched, and its best weights."""

import json
import logging
from dataclasses import replace

import pytest
import torch
from torch import nn

from common.data.data_set import DataSet
from common.data.events import SOCCERNET_V1, SOCCERNET_V2
from common.errors import UserError
from common.results.run_record import TESTED, TRAINED
from common.training import run as module
from common.training.checkpoints import BEST_FILE, LAST_FILE, save_checkpoint
from common.training.distributed import Processes
from common.training.run import Run, fetch_files, load_best, start_run

SETTINGS = {"features": ["A.npy", "B.npy"], "window_size": 15, "LR": 0.1, "pca": None}


@pytest.fixture(autouse=True)
def no_handlers_left():
    yield
    log = logging.getLogger("spotting")
    for handler in list(log.handlers):
        log.removeHandler(handler)
        handler.close()


@pytest.fixture
def run(tmp_path):
    return Run(folder=tmp_path / "models" / "run")


def start(run, model=None, **how):
    how = {"about": "a line", "settings": SETTINGS, "training": True} | how
    with start_run(run, model or nn.Linear(4, 2), **how):
        pass


def save_weights(path, model, **further):
    save_checkpoint(path, {"state_dict": model.state_dict(), **further})


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_is_one_process_on_the_cpu_unless_told_otherwise(run):
    assert (run.device, run.precision) == (torch.device("cpu"), "fp32")
    assert run.processes == Processes()
    assert not run.published and not run.resume


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)]
)
def test_matrix_products_run_at_its_precision(run, precision, dtype):
    one = torch.ones(2, 2)
    with replace(run, precision=precision).autocast():
        assert (one @ one).dtype == dtype
    assert (one @ one).dtype == torch.float32


# How it begins.


@pytest.mark.parametrize(("training", "record"), [(True, TRAINED), (False, TESTED)])
def test_it_leaves_a_log_and_a_record_and_tells_what_it_is(run, training, record, capsys):
    if not training:
        save_weights(run.folder / BEST_FILE, nn.Linear(4, 2))
    start(run, training=training)
    assert json.loads((run.folder / record).read_text())["settings"] == SETTINGS
    names = {path.name for path in run.folder.iterdir() if path.suffix != ".log"}
    assert names - {BEST_FILE} == {record}
    (log,) = run.folder.glob("????-??-??_??-??-??.log")
    for text in (log.read_text(), capsys.readouterr().out):
        first = text.splitlines()[0]  # as the original, which logs its parameters before all else
        assert first.endswith("settings: features A.npy B.npy, window_size 15, LR 0.1, pca None")
        assert "device: cpu (" in text and "), fp32" in text
        assert "model: a line, 10 parameters" in text


def test_the_log_has_the_level_that_is_asked_for(run, capsys):
    start(run, loglevel="error")
    assert capsys.readouterr().out == ""


def test_an_earlier_run_is_in_the_way_unless_told_what_to_do(run):
    for name in (BEST_FILE, LAST_FILE):
        save_weights(run.folder / name, nn.Linear(4, 2))
    before = files(run.folder)
    with pytest.raises(UserError, match="already holds a trained run; pass --resume"):
        start(run)
    assert files(run.folder) == before
    with pytest.raises(UserError, match="no state to resume from"):
        start(replace(run, resume=True))
    assert files(run.folder) == before
    start(run, overwrite=True)  # until it has a checkpoint
    assert {
        path: content for path, content in files(run.folder).items() if path in before
    } == before
    assert not (run.folder / TRAINED).exists()


def test_weights_of_a_run_that_is_to_be_replaced_are_loaded(run):
    theirs, ours = nn.Linear(4, 2), nn.Linear(4, 2)
    save_weights(run.folder / BEST_FILE, theirs)
    start(run, ours, overwrite=True, load_weights_from=run.folder / BEST_FILE)
    assert torch.equal(ours.weight, theirs.weight)


@pytest.mark.parametrize("training", [True, False])
def test_weights_that_do_not_fit_are_refused_before_a_folder_is_made(run, tmp_path, training):
    save_weights(tmp_path / "x", nn.Linear(5, 2))
    with pytest.raises(UserError, match=r"weight is \(2, 5\), expected \(2, 4\)"):
        start(run, training=training, load_weights_from=tmp_path / "x")
    assert not run.folder.exists()


def test_only_the_first_process_writes(run):
    second = replace(run, processes=Processes(1, 1, 1))
    start(second)
    assert not run.folder.exists()


# What it needs and what it leaves.


def test_the_best_weights_of_a_run_are_loaded_and_their_epoch_is_told(run, caplog):
    caplog.set_level("INFO", "spotting")
    theirs, ours = nn.Linear(4, 2), nn.Linear(4, 2)
    save_weights(run.folder / BEST_FILE, theirs, epoch=7)
    load_best(run, ours)
    assert torch.equal(ours.weight, theirs.weight)
    assert "testing the weights of epoch 7" in caplog.messages
    save_weights(run.folder / BEST_FILE, theirs)
    load_best(run, ours)
    assert "testing the weights of epoch ?" in caplog.messages


def test_a_run_that_was_never_trained_has_no_best_weights(run):
    with pytest.raises(UserError, match=f"expected a checkpoint at {run.folder / BEST_FILE}"):
        load_best(run, nn.Linear(4, 2))


@pytest.mark.parametrize("classes", [SOCCERNET_V1, SOCCERNET_V2], ids=["v1", "v2"])
def test_what_the_splits_lack_is_fetched_by_the_first_process(tmp_path, monkeypatch, classes):
    asked = []
    monkeypatch.setattr(module, "download", lambda *words: asked.append(words))
    data = DataSet(root=tmp_path, features=("A.npy", "B.npy"), classes=classes)
    splits = ["train", "valid", "train", "test"]
    fetch_files(data, splits, Processes(), ["boxes.json"])
    fetch_files(data, splits, Processes(1, 1, 1))
    expected = (["train", "valid", "test"], ["A.npy", "B.npy", "boxes.json"])
    assert asked == [(tmp_path, *expected, classes.label_file, 2)]
