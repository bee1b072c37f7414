"""Several arrays in one file: round trips, alignment, damaged and foreign files."""

import numpy as np
import pytest

from common.data.array_file import map_arrays, write_arrays


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {
        "doubles": rng.standard_normal((7, 3, 3)),
        "singles": rng.standard_normal((5, 4)).astype(np.float32),
        "offsets": np.arange(11),
        "nothing": np.empty((0, 4)),
        "bytes": rng.integers(0, 255, 3).astype(np.uint8),
    }


def test_arrays_and_facts_come_back_mapped(tmp_path, arrays):
    path = tmp_path / "deep" / "file"
    facts = {"version": 3, "size": [720, 1280], "name": "é"}
    write_arrays(path, arrays, facts)
    found, told = map_arrays(path)
    assert told == facts
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert np.array_equal(found[name], array)
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert not found[name].flags.owndata
        assert not found[name].flags.writeable
        assert found[name].ctypes.data % 64 == 0
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_file_may_hold_nothing(tmp_path):
    write_arrays(tmp_path / "file", {}, {})
    assert map_arrays(tmp_path / "file") == ({}, {})


def test_what_is_no_such_file_is_none(tmp_path, arrays):
    path = tmp_path / "file"
    assert map_arrays(path) is None
    assert map_arrays(tmp_path) is None
    write_arrays(path, arrays, {})
    whole = path.read_bytes()
    for content in (b"", b"SPOT", whole[:20], whole[:-1], whole + b"x", b"X" + whole[1:]):
        path.write_bytes(content)
        assert map_arrays(path) is None


def test_a_header_cannot_ask_for_objects_or_reach_out_of_the_file(tmp_path, arrays):
    path = tmp_path / "file"
    write_arrays(path, arrays, {})
    whole = path.read_bytes()
    assert whole.count(b'"<f8"') == 2
    path.write_bytes(whole.replace(b'"<f8"', b'"|O8"'))
    assert map_arrays(path) is None
    path.write_bytes(whole.replace(b"[7,3,3]", b"[9,9,9]"))
    assert map_arrays(path) is None
