"""Helpers of the tests that run a baseline's program, in a process of its own or in this one."""

import json
import logging
import os
import subprocess
import sys
import time

import pytest
import torch

from common.errors import run_cli
from common.training.checkpoints import BEST_FILE, LAST_FILE, read_checkpoint

WAIT = 240  # seconds, for processes that may have to share a core


def environment():
    # One thread in each process: they may run side by side, and sums keep their order.
    return os.environ | {"OMP_NUM_THREADS": "1"}


def python(cwd, *words, **settings):
    """Runs Python with these words to its end."""
    return subprocess.run(
        [sys.executable, *map(str, words)], cwd=cwd, env=environment(), capture_output=True,
        text=True, timeout=WAIT, **settings,
    )  # fmt: skip


def succeeds(cwd, *words):
    process = python(cwd, *words)
    assert process.returncode == 0, process.stdout + process.stderr
    assert "Traceback" not in process.stderr
    return process


def long_script(repo_root, name, *words):
    """What a script of `tests/long` prints that ends well."""
    paths = {"PYTHONPATH": f"{repo_root}:{repo_root / 'tests'}"}
    done = subprocess.run(
        [sys.executable, repo_root / "tests" / "long" / name, *words], env=environment() | paths,
        capture_output=True, text=True, timeout=4 * WAIT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def start_and_stop(cwd, words, number, run="run"):
    """Starts Python with these words and sends it a signal after the first epoch of training.

    Returns (code, stderr).
    """
    words = [sys.executable, *map(str, words)]
    process = subprocess.Popen(
        words, cwd=cwd, env=environment(), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip
    last, deadline = cwd / "models" / run / LAST_FILE, time.monotonic() + WAIT
    try:
        while not last.exists():
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline, "no checkpoint came"
            time.sleep(0.005)
        time.sleep(0.05)  # into the next epoch
        process.send_signal(number)
        _, complaint = process.communicate(timeout=WAIT)
    finally:
        process.kill()
        process.wait()
    return process.returncode, complaint


def caller(cwd, monkeypatch, capsys, main):
    """A function that runs `main` in this process, in the folder `cwd`: words -> (code, stderr)."""

    def run(*words, main=main):
        monkeypatch.chdir(run.cwd)
        monkeypatch.setattr(sys, "argv", ["main.py", *map(str, words)])
        try:
            with pytest.raises(SystemExit) as end:
                run_cli(main)
        finally:
            log = logging.getLogger("spotting")
            for handler in list(log.handlers):
                log.removeHandler(handler)
                handler.close()
        return end.value.code, capsys.readouterr().err

    run.cwd = cwd
    return run


def games_of(root, split):
    return json.loads((root / "splits.json").read_text())[split]


def assert_one_sentence(result, cwd, *words, code=2):
    found, complaint = result
    assert found == code
    assert complaint.startswith("error: ")
    assert complaint.count("error: ") == 1
    assert "Traceback" not in complaint
    for word in words:
        assert str(word) in complaint
    assert not list(cwd.rglob("*.tmp"))


def assert_same_bits(one, another, names=(BEST_FILE, LAST_FILE)):
    for name in names:
        mine, theirs = (read_checkpoint(run / name) for run in (one, another))
        assert mine["epoch"] == theirs["epoch"]
        assert mine["best_loss"] == theirs["best_loss"]
        assert mine["state_dict"].keys() == theirs["state_dict"].keys()
        for key, tensor in mine["state_dict"].items():
            assert torch.equal(tensor, theirs["state_dict"][key]), (name, key)
        for number, state in mine["optimizer"]["state"].items():
            for key, tensor in state.items():
                assert torch.equal(tensor, theirs["optimizer"]["state"][number][key])
