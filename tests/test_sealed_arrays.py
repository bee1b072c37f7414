"""Sealed caches: what was not written like this is made anew; a stamp changes with its file."""

import os

import numpy as np
import orjson
import pytest

from common.calibration.sealed_arrays import map_sealed, stamp, write_sealed
from common.data.array_file import map_arrays, write_arrays

FACTS = {"version": 1, "digest": ["a", "b"], "box_picture": [720, 1280]}


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {
        "offsets": np.array([0, 2, 2, 5]),
        "boxes": rng.standard_normal((5, 4)).astype(np.float32),
        "many": rng.standard_normal((1 << 18, 3)),
        "nothing": np.empty((0, 3, 3)),
    }


def test_what_was_written_comes_back_mapped(tmp_path, arrays):
    write_sealed(tmp_path / "cache", arrays, FACTS)
    found, facts = map_sealed(tmp_path / "cache")
    assert facts == FACTS
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert np.array_equal(found[name], array)
        assert not found[name].flags.owndata


def test_no_file_and_a_file_without_a_seal_are_none(tmp_path, arrays):
    assert map_sealed(tmp_path / "cache") is None
    write_arrays(tmp_path / "cache", arrays, FACTS)
    assert map_sealed(tmp_path / "cache") is None


@pytest.mark.parametrize(
    "change",
    [
        {"offsets": np.array([0, 5, 2, 5])},
        {"offsets": np.array([0, 2, 2, 9])},
        {"offsets": np.array([-1, 2, 2, 5])},
        {"offsets": np.array([0, 5])},
        {"offsets": np.array(5)},
        {"offsets": np.array([0, 2, 2, 5], ">i8")},
        {"boxes": np.zeros((5, 4), np.float32)},
        {"boxes": np.zeros((5, 3), np.float32)},
        {"boxes": np.zeros((5, 4), np.int16)},
        {"many": np.zeros((1 << 18, 3))},
        {"nothing": np.empty((0, 4))},
        {"another": np.zeros(3)},
        {"boxes": None},
    ],
)
def test_other_arrays_are_none(tmp_path, arrays, change):
    write_sealed(tmp_path / "cache", arrays, FACTS)
    found, facts = map_arrays(tmp_path / "cache")
    changed = {name: array for name, array in {**found, **change}.items() if array is not None}
    write_arrays(tmp_path / "other", changed, facts)
    assert map_sealed(tmp_path / "other") is None


@pytest.mark.parametrize("place", [1, 70_000, 3_000_001, -2])
def test_one_other_byte_anywhere_is_found(tmp_path, arrays, place):
    path = tmp_path / "cache"
    write_sealed(path, {"many": arrays["many"]}, FACTS)
    content = bytearray(path.read_bytes())
    content[place - arrays["many"].nbytes if place > 0 else place] ^= 1
    path.write_bytes(content)
    assert map_arrays(path) is not None
    assert map_sealed(path) is None


@pytest.mark.parametrize("value", [None, [], {}, 7, "x", [None, None], [0.5, 3], [1e300, 1]])
@pytest.mark.parametrize("fact", [*FACTS, "seal", "another"])
def test_other_facts_are_none(tmp_path, arrays, fact, value):
    write_sealed(tmp_path / "cache", arrays, FACTS)
    found, facts = map_arrays(tmp_path / "cache")
    write_arrays(tmp_path / "other", found, {**facts, fact: value})
    assert map_sealed(tmp_path / "other") is None


@pytest.mark.parametrize("facts", [None, [], 3, "x"])
def test_facts_that_are_no_object_are_none(tmp_path, arrays, facts):
    write_sealed(tmp_path / "cache", arrays, FACTS)
    whole = (tmp_path / "cache").read_bytes()
    start = whole.index(b'"facts":') + 8
    stop = whole.index(b',"bytes"', start)
    text = orjson.dumps(facts).ljust(stop - start)  # a header of the same length
    (tmp_path / "cache").write_bytes(whole[:start] + text + whole[stop:])
    assert map_sealed(tmp_path / "cache") is None


@pytest.mark.parametrize("size", [10, 3_000_000])
@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_a_stamp_changes_with_content_of_the_same_size_and_time(tmp_path, size, place):
    path = tmp_path / "file"
    content = bytearray(size)
    path.write_bytes(content)
    state, before = path.stat(), stamp(path)
    assert stamp(path) == before
    content[{"first": 0, "middle": size // 2, "last": -1}[place]] = 1
    path.write_bytes(content)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert stamp(path)[:3] == before[:3]
    assert stamp(path) != before


def test_a_stamp_looks_at_the_time_that_no_program_sets(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(3_000_000))
    state, before = path.stat(), stamp(path)
    content = bytearray(3_000_000)
    content[100_000] = 1  # between the pieces that are read
    path.write_bytes(content)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert [each for each in stamp(path) if each not in before] == [path.stat().st_ctime_ns]
