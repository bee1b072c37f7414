"""Names from before the rooms still import."""

import importlib
import subprocess
import sys

import pytest

import common

MOVED = {
    "common.scored_run": ("common.results.scored_run", "read_run"),
    "common.comparison": ("common.compare.paired", "compare_runs"),
    "common.bootstrap": ("common.metric.bootstrap", "resample"),
    "common.predictions": ("common.results.predictions", "write_zip"),
    "common.games": ("common.data.games", "official_splits"),
    "common.flags": ("common.training.flags", "new_parser"),
    "common.nms": ("common.results.suppression", "suppress"),
}


@pytest.mark.parametrize("old", MOVED)
def test_old_names_are_the_same_modules(old):
    new, name = MOVED[old]
    module = importlib.import_module(old)
    assert module is importlib.import_module(new)
    assert module.__spec__.name == module.__name__ == new
    assert callable(getattr(module, name))


def test_from_import_of_an_old_name_in_a_fresh_process():
    words = "from common.scored_run import read_run; print(read_run.__module__)"
    process = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True)
    assert process.stdout.strip() == "common.results.scored_run"


def test_what_never_was_is_not_found():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("common.nothing")


def test_all_of_them_are_there():
    for old, new in common.MOVED.items():
        assert importlib.import_module(old).__name__ == new
