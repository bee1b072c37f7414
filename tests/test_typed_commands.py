"""Commands that are printed run in any shell, from any folder."""

import json
import subprocess

import pytest
from shell import environment

from common.results.typed_commands import ROOT, typed

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
