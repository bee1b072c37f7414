"""Inputs that a fuzzer has made, read again: nothing but a UserError leaves a reader.

`tests/long/fuzz.py` makes them; what it once found stands in tests/fuzzed beside them.
"""

import json
import warnings

import numpy as np
import pytest
from foreign.corpus import FOLDER, corpus_of, file_of
from foreign.reader import Reader, fault_of, told, unheard
from foreign.readers import READERS
from foreign.recipes import BETWEEN, archive_of, plain, recipe_of, toml_of, with_tensors
from foreign.tree_changes import changed_tree

from common.errors import UserError


@pytest.fixture
def folders(tmp_path):
    """An empty folder for seeds, and one for the reader."""
    for name in ("seeds", "work"):
        (tmp_path / name).mkdir()
    return tmp_path / "seeds", tmp_path / "work"


@pytest.mark.parametrize("name", READERS)
@pytest.mark.usefixtures("one_thread")
def test_nothing_but_a_sentence_leaves_a_reader(name, folders):
    for package in READERS[name].needs:
        pytest.importorskip(package, reason="needs an extra")
    seeds, work = folders
    contents = [*READERS[name].seeds(seeds), *corpus_of(name)]
    with unheard():
        faults = {content: fault_of(READERS[name], content, work) for content in contents}
    assert {content: fault for content, fault in faults.items() if fault} == {}


def test_each_file_of_inputs_is_of_a_reader():
    assert {path.name for path in FOLDER.iterdir()} <= {file_of(name).name for name in READERS}


def ends_in(error):
    def read(content, folder):
        if isinstance(error, Warning):
            warnings.warn(error, stacklevel=1)
        else:
            raise error

    return Reader(read, lambda folder: [])


@pytest.mark.parametrize("error", [KeyError("x"), OSError(2, "x"), MemoryError(), RuntimeWarning()])
def test_anything_else_is_a_fault(tmp_path, error):
    assert fault_of(ends_in(error), b"", tmp_path).startswith(type(error).__name__)
    assert fault_of(ends_in(UserError("a sentence")), b"", tmp_path) == ""


def test_a_fault_is_known_by_the_place_in_the_project(tmp_path):
    reader = Reader(lambda content, folder: told(json.loads, content), lambda folder: [])
    fault = fault_of(reader, b"{", tmp_path)
    assert fault == "JSONDecodeError in tests/foreign/reader.py, told"


def test_archives_are_made_of_their_parts(tmp_path):
    members = {"a/b.json": b"{}", "c": bytes(range(255))}
    path = tmp_path / "it.zip"
    path.write_bytes(archive_of(recipe_of(members)))
    with np.load(path) as archive:  # which opens any zip
        assert {name: archive[name] for name in archive.files} == members


def test_trees_become_what_they_stand_for():
    from common.reproduce.tables import tomllib

    tree = {"a b": [1, -2.5, "é\n\"'", [], {"c": True}], "": {}}
    assert tomllib.loads(toml_of(tree).decode()) == tree
    tensors = {"w": {"tensor": [2, 0], "of": "int64"}, "7": [{"tensor": [], "of": "bool"}]}
    assert with_tensors(plain(tensors)) == tensors


def test_changed_trees_are_trees():
    tree = {"a": [{"b": 1, "c": "x"}, {"b": 2.5}], "d": None}
    content, whole = json.dumps(tree).encode(), set()
    for seed in range(300):
        found = changed_tree(content, 1000, seed, lambda *_: b"bytes")
        assert found == changed_tree(content, 1000, seed, lambda *_: b"bytes")
        if found != b"bytes":
            json.loads(found)
        assert changed_tree(content, 40, seed, lambda *_: b"bytes")[41:] == b""
        whole.add(found)
    assert len(whole) > 100


def test_of_parts_one_is_changed():
    parts = [b"name", b'{"a": [1, 2]}', b'["b"]']
    found = [changed_tree(BETWEEN.join(parts), 1000, seed, lambda *_: b"") for seed in range(100)]
    kept = [
        [a == b for a, b in zip(each.split(BETWEEN), parts, strict=True)] for each in found if each
    ]
    assert all(same[0] and sum(same) >= 2 for same in kept)
    assert [True, False, True] in kept and [True, True, False] in kept
