"""Commands that are printed run in any shell, from any folder."""

import json
import os
import shlex
import subprocess
import sys

import pytest
from shell import environment

import common.evaluate
from common.results.typed_commands import ROOT, typed, typed_here

PRINT = (
    "import json, os, sys, common; print(json.dumps([os.getcwd(), common.__file__, sys.argv[1:]]))"
)


@pytest.mark.parametrize("there", [True, False])
def test_folder_words_and_code_are_the_same_from_anywhere(tmp_path, there):
    folder = tmp_path / "it's a $HOME `folder`"
    if there:
        folder.mkdir()
    words = ["two words", "$HOME", "a;b", "\"'", ""]
    line = typed(["-c", PRINT, *words], folder)
    assert folder.is_dir() == there
    for _ in range(2):
        done = subprocess.run(["sh", "-c", line], cwd="/", env=environment(), capture_output=True)
        assert json.loads(done.stdout) == [str(folder), str(ROOT / "common/__init__.py"), words]


def test_without_a_folder_it_runs_where_it_is_pasted(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "somewhere")
    monkeypatch.chdir("/")
    line = typed(["-c", PRINT])
    assert "/somewhere " in line  # a relative entry would be another one elsewhere
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, env=environment(), capture_output=True)
    assert json.loads(done.stdout)[:2] == [str(tmp_path), str(ROOT / "common/__init__.py")]


def test_a_hint_is_short_where_python_is_this_one(tmp_path, monkeypatch):
    beside = tmp_path / "bin"  # a `python` that is another environment's, or none
    beside.mkdir()
    (beside / "python").symlink_to(sys.executable)
    own = os.path.dirname(sys.executable)  # noqa: PTH120
    short = "python -m TemporallyAwarePooling.main --SoccerNet_path 'my data' --features "
    monkeypatch.setitem(sys.modules, "__main__", common.evaluate)
    monkeypatch.chdir(tmp_path)
    words = [*shlex.split(short)[1:4], str(tmp_path / "my data"), "--features"]
    for path, python_path, is_short in (
        (own, "", True), (f"{own}:{beside}", "", True), (str(beside), "", False), ("", "", False),
        (own, str(ROOT), False),
    ):  # fmt: skip
        monkeypatch.setenv("PATH", path)
        monkeypatch.setenv("PYTHONPATH", python_path)
        assert typed_here(words) == (short.strip() if is_short else typed(words))
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.setenv("PATH", own)
    monkeypatch.setitem(sys.modules, "__main__", type(sys)("somebody's"))
    assert typed_here(words) == typed(words)
