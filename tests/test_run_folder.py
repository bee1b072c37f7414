"""The folder of a run: who may claim it, its log, its curves."""

import json
import logging

import pytest

from common.errors import UserError
from common.training.checkpoints import BEST_FILE, LAST_FILE
from common.training.run_folder import (
    files_of_run,
    log,
    refuse_claim,
    remove_results,
    replaced,
    start_log,
    write_curves,
)

PLAIN = {"training": True, "resume": False, "overwrite": False}


def trained_run(folder, names=(BEST_FILE, LAST_FILE, "curves.csv", "notes.txt")):
    for name in (*names, "tensorboard/events.1"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def names_in(folder):
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_only_the_parts_of_a_pair_are_in_the_way_of_a_run(tmp_path):
    for name in ("seed1", "visual"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "last.pth.tar").write_text(json.dumps(name))
        how = {"training": True, "resume": False, "overwrite": False}
        if name == "seed1":  # a run of its own, below this one
            refuse_claim(tmp_path, **how)
        else:
            with pytest.raises(UserError, match="holds the runs of class splits"):
                refuse_claim(tmp_path, **how)


def test_a_checkpoint_without_a_state_to_resume_from_is_not_replaced(tmp_path):
    best = tmp_path / "model.pth.tar"
    best.write_bytes(b"somebody's weights")
    with pytest.raises(UserError, match=r"no last\.pth\.tar to resume from"):
        refuse_claim(tmp_path, training=True, resume=True, overwrite=False)
    assert best.read_bytes() == b"somebody's weights"
    refuse_claim(tmp_path, training=False, resume=False, overwrite=False)


def test_nothing_is_made_by_asking(tmp_path):
    for how in ({}, {"resume": True}, {"overwrite": True}, {"training": False}):
        refuse_claim(tmp_path / "models" / "run", **PLAIN | how)
        assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("name", [BEST_FILE, LAST_FILE])
def test_a_trained_run_is_left_as_it_is(tmp_path, name):
    trained_run(tmp_path, [name])
    with pytest.raises(UserError, match="already holds a trained run") as error:
        refuse_claim(tmp_path, **PLAIN)
    for flag in ("--resume", "--test_only", "--overwrite", "--model_name"):
        assert flag in str(error.value)
    assert names_in(tmp_path) == {name, "events.1"}


def test_nothing_of_an_earlier_run_goes_by_asking(tmp_path):
    trained_run(tmp_path)
    for how in ({"resume": True}, {"training": False, "overwrite": True}, {"overwrite": True}):
        refuse_claim(tmp_path, **PLAIN | how)
    assert names_in(tmp_path) == {BEST_FILE, LAST_FILE, "curves.csv", "notes.txt", "events.1"}


def test_only_what_a_training_wrote_makes_room(tmp_path):
    trained_run(tmp_path)
    with replaced(tmp_path, files_of_run(tmp_path)):
        (tmp_path / LAST_FILE).write_text("new")
    assert names_in(tmp_path) == {LAST_FILE, "notes.txt"}
    assert (tmp_path / LAST_FILE).read_text() == "new"


RESULTS = (
    "results_test.json", "results_spotting_test.zip", "report_test.png", "settings_test.json",
    "outputs_test/league/game/results_spotting.json", "settings_file_x.json",
    "scores_test/league/game.scores",
    "operating_point.json",
)  # fmt: skip


def test_results_go_with_the_weights_that_they_are_of(tmp_path):
    trained_run(tmp_path, [BEST_FILE, *RESULTS, "my_results.txt"])
    before = names_in(tmp_path)
    with pytest.raises(OSError, match="full"), replaced(tmp_path, files_of_run(tmp_path)):
        raise OSError("the disk is full")
    assert names_in(tmp_path) == before
    assert all((tmp_path / name).read_text() == name for name in RESULTS)
    with replaced(tmp_path, files_of_run(tmp_path)):
        (tmp_path / LAST_FILE).write_text("new")
    assert names_in(tmp_path) == {LAST_FILE, "my_results.txt"}
    trained_run(tmp_path, RESULTS)
    (tmp_path / "outputs_x").symlink_to(tmp_path / "tensorboard")
    remove_results(tmp_path)
    assert names_in(tmp_path) == {LAST_FILE, "my_results.txt", "events.1"}


def test_an_earlier_run_comes_back_if_the_new_one_cannot_be_written(tmp_path):
    trained_run(tmp_path, [BEST_FILE, "curves.csv", "notes.txt"])
    before = {path: path.read_text() for path in tmp_path.rglob("*.*")}
    with pytest.raises(OSError, match="full"), replaced(tmp_path, files_of_run(tmp_path)):
        (tmp_path / LAST_FILE).write_text("new")
        (tmp_path / BEST_FILE).write_text("new")
        raise OSError("the disk is full")
    assert {path: path.read_text() for path in tmp_path.rglob("*.*")} == before


# Log and curves.


@pytest.fixture
def clean_log():
    yield
    for handler in list(log.handlers):
        log.removeHandler(handler)
        handler.close()


def test_the_log_goes_to_the_screen_and_to_the_newest_run_alone(tmp_path, clean_log, capsys):
    for name in ("one", "another"):
        (tmp_path / name).mkdir()
        start_log(tmp_path / name, "warning")
        log.info("not told")
        log.warning("told in %s", name)
    assert capsys.readouterr().out == "told in one\ntold in another\n"
    for name in ("one", "another"):
        (file,) = (tmp_path / name).glob("????-??-??_??-??-??.log")
        assert file.read_text().split(maxsplit=2)[2] == f"WARNING told in {name}\n"


def test_an_unknown_level_is_refused(tmp_path, clean_log):
    with pytest.raises(UserError, match="unknown --loglevel 'loud'; choose DEBUG"):
        start_log(tmp_path, "loud")
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_cannot_be_written_is_no_silent_loss(tmp_path, clean_log, monkeypatch):
    def full(self, record):
        try:
            raise OSError(28, "No space left on device")
        except OSError:
            self.handleError(record)

    monkeypatch.setattr(logging.FileHandler, "emit", full)
    start_log(tmp_path)
    with pytest.raises(OSError, match="No space"):
        log.error("a line")


def test_curves_have_a_column_for_every_number_that_an_epoch_had(tmp_path):
    write_curves(tmp_path, [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25, "slow": 1.0}])
    expected = "epoch,loss,slow\n1,0.5,\n2,0.25,1.0\n"
    assert (tmp_path / "curves.csv").read_text() == expected
