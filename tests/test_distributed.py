"""Processes that the environment speaks of: those of torchrun, one, or nonsense."""

import json

import pytest
from shell import python

from common.errors import UserError, run_cli
from common.training.distributed import Processes, is_first_process, joined_processes

WHOLE = {
    "WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "29511",
}  # fmt: skip


@pytest.fixture
def surroundings(monkeypatch):
    def put(variables):
        for name in WHOLE:
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return put


@pytest.mark.parametrize(
    "variables", [{}, {"WORLD_SIZE": "1"}, {"WORLD_SIZE": ""}, {"RANK": "3"}, {"RANK": "x"}]
)
def test_one_process_needs_no_group(surroundings, variables):
    surroundings(variables)
    with joined_processes("cpu") as processes:
        assert processes == Processes()
    assert is_first_process()


@pytest.mark.parametrize("size", ["two", "0", "-1", "1.5", "9" * 30, "\u0662", "2 3"])
def test_a_world_that_is_no_number_is_told(surroundings, size):
    surroundings({"WORLD_SIZE": size})
    with (
        pytest.raises(UserError, match=r"WORLD_SIZE is .*no number of processes"),
        joined_processes("cpu"),
    ):
        pass
    with pytest.raises(UserError, match="WORLD_SIZE"):
        is_first_process()


@pytest.mark.parametrize("missing", [name for name in WHOLE if name != "WORLD_SIZE"])
def test_a_world_without_its_companions_is_told(surroundings, missing):
    surroundings({name: value for name, value in WHOLE.items() if name != missing})
    with (
        pytest.raises(UserError, match=rf"WORLD_SIZE is 2, but {missing} is not set"),
        joined_processes("cpu"),
    ):
        pass


@pytest.mark.parametrize(
    ("name", "value"),
    [("RANK", "x"), ("RANK", "2"), ("LOCAL_RANK", "-1"), ("MASTER_PORT", "http")],
)
def test_companions_that_make_no_sense_are_told(surroundings, name, value):
    surroundings({**WHOLE, name: value})
    with (
        pytest.raises(UserError, match=rf"{name} is .*start with torchrun, or unset WORLD_SIZE"),
        joined_processes("cpu"),
    ):
        pass


def test_the_summary_of_torchrun_ends_with_the_sentence(tmp_path):
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    program = ["-m", "TemporallyAwarePooling.main", "--SoccerNet_path", tmp_path / "nowhere"]
    process = python(tmp_path, *words, *program)
    assert process.returncode != 0
    end = "\n".join(process.stderr.splitlines()[-12:])
    assert "expected the data folder at" in end
    assert "check --SoccerNet_path" in end


def test_a_report_that_cannot_be_written_costs_nothing(tmp_path, monkeypatch, capsys):
    def main():
        raise UserError("a sentence")

    for report in (tmp_path / "there.json", tmp_path / "no" / "such" / "folder"):
        monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(report))
        with pytest.raises(SystemExit):
            run_cli(main)
        assert capsys.readouterr().err == "error: a sentence\n"
    content = json.loads((tmp_path / "there.json").read_text())
    assert content["message"]["message"] == "a sentence"
