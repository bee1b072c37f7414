"""Features of a half: any shape and dtype of numbers, files side by side, refusals by name."""

import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from common.data.array_file import write_arrays
from common.data.features import (
    HalfFeatures,
    check_finite,
    missing_files,
    open_array,
    open_features,
    open_half,
)
from common.errors import UserError

RNG = np.random.default_rng(0)


def save(folder, name, array, half=1):
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{half}_{name}", array)
    return array


def rows(count, dim):
    return RNG.standard_normal((count, dim)).astype(np.float32)


def test_rows_of_one_file(tmp_path):
    array = save(tmp_path, "A.npy", rows(20, 6))
    half = open_half(tmp_path, 1, ["A.npy"], dimension=6)
    assert (half.frames, half.dimension) == (20, 6)
    np.testing.assert_array_equal(half.rows(0, 20), array)
    np.testing.assert_array_equal(half.rows(3, 9), array[3:9])
    assert half.rows(5, 5).shape == (0, 6)


def test_rows_are_copies_and_the_file_stays_on_disk(tmp_path):
    array = save(tmp_path, "A.npy", rows(20, 6))
    half = open_half(tmp_path, 1, ["A.npy"])
    half.rows(0, 20)[:] = 0
    np.testing.assert_array_equal(half.rows(0, 20), array)
    array = open_array(tmp_path / "1_A.npy")
    assert type(array) is np.ndarray
    assert not array.flags.owndata and not array.flags.writeable


def test_each_half_has_its_own_file(tmp_path):
    save(tmp_path, "A.npy", rows(20, 6))
    second = save(tmp_path, "A.npy", rows(12, 6), half=2)
    assert open_half(tmp_path, 2, ["A.npy"]).frames == 12
    np.testing.assert_array_equal(open_half(tmp_path, 2, ["A.npy"]).rows(0, 12), second)


def test_files_side_by_side_are_joined_along_features(tmp_path):
    a, b = save(tmp_path, "A.npy", rows(1000, 3)), save(tmp_path, "B.npy", rows(995, 5))
    half = open_half(tmp_path, 1, ["A.npy", "B.npy"], dimension=8)
    # As long as the shortest: backbones with temporal context give a few rows less.
    assert (half.frames, half.dimension) == (995, 8)
    np.testing.assert_array_equal(half.rows(0, 995), np.hstack([a[:995], b]))
    swapped = open_half(tmp_path, 1, ["B.npy", "A.npy"])
    np.testing.assert_array_equal(swapped.rows(7, 9), np.hstack([b[7:9], a[7:9]]))


def test_files_of_very_different_length_are_refused_side_by_side(tmp_path):
    save(tmp_path, "A.npy", rows(1000, 3))
    save(tmp_path, "B.npy", rows(500, 5))
    with pytest.raises(UserError, match=r"1_A\.npy and .*1_B\.npy have 1000 and 500 rows"):
        open_half(tmp_path, 1, ["A.npy", "B.npy"])


def test_wrong_dimension_is_refused_with_both_numbers(tmp_path):
    save(tmp_path, "A.npy", rows(20, 6))
    with pytest.raises(UserError, match=r"1_A\.npy has 6 features per frame, expected 512"):
        open_half(tmp_path, 1, ["A.npy"], dimension=512)


@pytest.mark.parametrize("dtype", ["float16", "float64", "int16", "uint8", ">f4"])
def test_other_numbers_become_float32(tmp_path, dtype):
    array = save(tmp_path, "A.npy", (10 * np.abs(rows(20, 6))).astype(dtype))
    read = open_half(tmp_path, 1, ["A.npy"]).rows(0, 20)
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, array.astype(np.float32))


@pytest.mark.parametrize("shape", [(20, 1, 6), (1, 20, 6), (20, 6, 1, 1), (1, 20, 1, 6)])
def test_axes_of_length_one_are_dropped(tmp_path, shape):
    array = save(tmp_path, "A.npy", rows(20, 6).reshape(shape))
    half = open_half(tmp_path, 1, ["A.npy"])
    assert (half.frames, half.dimension) == (20, 6)
    np.testing.assert_array_equal(half.rows(0, 20), array.reshape(20, 6))


@pytest.mark.parametrize("shape", [(4, 5, 6), (20, 6, 2, 1), (1, 1, 6), (20, 1, 1), (1, 1, 1)])
def test_other_arrays_of_more_axes_are_refused_with_their_shape(tmp_path, shape):
    save(tmp_path, "A.npy", np.ones(shape, np.float32))
    with pytest.raises(UserError, match=re.escape(f"found the shape {shape}")):
        open_half(tmp_path, 1, ["A.npy"])


def test_an_array_that_seems_to_be_transposed_is_told_as_that(tmp_path):
    save(tmp_path, "A.npy", rows(6, 20))
    with pytest.raises(UserError, match=r"has 20 features .* expected 6; .*save it transposed"):
        open_half(tmp_path, 1, ["A.npy"], dimension=6)


def test_column_order_on_disk_does_not_matter(tmp_path):
    array = save(tmp_path, "A.npy", np.asfortranarray(rows(20, 6)))
    np.testing.assert_array_equal(open_half(tmp_path, 1, ["A.npy"]).rows(2, 9), array[2:9])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_first_row_that_is_not_finite_is_named(tmp_path, value):
    array = rows(20, 6)
    array[[13, 17], 2] = value
    save(tmp_path, "A.npy", array)
    half = open_half(tmp_path, 1, ["A.npy"])
    assert np.isfinite(half.rows(0, 13)).all()
    for start in (0, 10, 13):
        with pytest.raises(UserError, match=r"1_A\.npy: row 13 holds NaN or infinity"):
            half.rows(start, 20)


def test_opposite_infinities_do_not_hide_each_other(tmp_path):
    array = rows(20, 6)
    array[4, 0], array[4, 1] = np.inf, -np.inf
    save(tmp_path, "A.npy", array)
    with np.errstate(all="raise"), pytest.raises(UserError, match="row 4 "):
        open_half(tmp_path, 1, ["A.npy"]).rows(0, 20)


def test_finite_rows_whose_sum_overflows_pass(tmp_path):
    array = save(tmp_path, "A.npy", np.full((20, 6), 3e38, np.float32))
    half = open_half(tmp_path, 1, ["A.npy"])
    with np.errstate(all="raise"):
        check_finite(array, half, 0)


def test_file_that_is_cut_off_is_refused(tmp_path):
    save(tmp_path, "A.npy", rows(20, 6))
    path = tmp_path / "1_A.npy"
    whole = path.read_bytes()
    for length in (len(whole) - 1, 200, 40, 0):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match=r"1_A\.npy is cut off or is not a \.npy array"):
            open_array(path)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(5400, np.float32),
        np.float32(1),
        np.zeros((2, 3), complex),
        np.zeros((2, 3), bool),
        np.array([["a", "b"]]),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(tmp_path, array):
    save(tmp_path, "A.npy", array)
    with pytest.raises(UserError, match=r"1_A\.npy must hold one array of numbers \[frames, feat"):
        open_array(tmp_path / "1_A.npy")


def test_pickled_objects_are_refused_unopened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (tmp_path.joinpath("sprung").touch, ())

    path = tmp_path / "1_A.npy"
    for array in (np.array([Trap()], object), np.array([["a", None]], object)):
        np.save(path, array, allow_pickle=True)
        with pytest.raises(UserError, match=r"1_A\.npy must hold one array of numbers .* \|O;"):
            open_array(path)
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(UserError, match=r"1_A\.npy is cut off or is not a \.npy array"):
        open_array(path)
    assert not (tmp_path / "sprung").exists()


def test_archive_under_the_name_of_an_array_is_refused(tmp_path):
    with (tmp_path / "1_A.npy").open("wb") as file:
        np.savez(file, a=rows(2, 3))
    with pytest.raises(UserError, match=r"it is a zip or \.npz archive"):
        open_array(tmp_path / "1_A.npy")


@pytest.mark.parametrize("shape", [(0, 6), (5, 0)])
def test_empty_array_is_refused(tmp_path, shape):
    save(tmp_path, "A.npy", np.zeros(shape, np.float32))
    with pytest.raises(UserError, match=r"1_A\.npy holds no rows"):
        open_array(tmp_path / "1_A.npy")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a pointer of Git LFS"),
        (b"\n<!DOCTYPE html>\n<html>", "a web page"),
        (b"<?xml version='1.0'?>", "an XML page"),
        (b"0.1 0.2\n", "text that begins with '0.1 0.2'"),
        ("größer".encode() * 200, "text that begins with 'größergrößer"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"", "an empty file"),
        (bytes(range(1, 200)), "something else"),
    ],
)
def test_what_is_no_array_is_told_by_what_it_is(tmp_path, content, told):
    (tmp_path / "1_A.npy").write_bytes(content)
    with pytest.raises(UserError, match=re.escape(f"is not a .npy array (it is {told}")) as error:
        open_array(tmp_path / "1_A.npy")
    assert "pickle" not in str(error.value)


def test_flipped_bytes_of_a_header_raise_nothing_else_and_read_no_more_than_the_file(tmp_path):
    array = save(tmp_path, "A.npy", rows(50, 8))
    path = tmp_path / "1_A.npy"
    whole = path.read_bytes()
    header = len(whole) - array.nbytes
    random = np.random.default_rng(1)
    refused = 0
    for place, value in zip(
        random.integers(0, header, 3000), random.integers(0, 256, 3000), strict=True
    ):
        path.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
        try:
            assert open_array(path).nbytes == array.nbytes
        except UserError as error:
            refused += 1
            assert str(path) in str(error)
    assert refused > 1000


@pytest.mark.parametrize(
    "header",
    [
        b"\x01\x00\xff\xff" + b"1" * 70_000,
        b"\x02\x00\xff\xff\xff\xff'shape': (" + b"1" * 65_000,
        b"\x03\x00\x00\x01\x00\x00'shape': (" + b"9," * 5000 + b")",
        b"\x01\x00\x76\x00" + b"[" * 118,
        b"\x09\x00\x76\x00" + b" " * 118,
    ],
)
def test_headers_made_to_take_time_or_memory_are_refused(tmp_path, header):
    (tmp_path / "1_A.npy").write_bytes(b"\x93NUMPY" + header)
    with pytest.raises(UserError, match=r"is not a \.npy array"):
        open_array(tmp_path / "1_A.npy")


def test_pipes_devices_and_folders_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "1_A.npy")
    for path in (tmp_path / "1_A.npy", "/dev/zero"):
        with pytest.raises(UserError, match=r"found a (named pipe|device|socket)"):
            open_array(Path(path))
    with pytest.raises(UserError, match="found a folder; give the path of a file"):
        open_features(tmp_path)


def test_more_halves_open_than_there_are_descriptors(tmp_path):
    save(tmp_path, "A.npy", rows(20, 6))
    write_arrays(tmp_path / "cache", {"numbers": np.arange(5)}, {})
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from common.data.array_file import map_arrays\n"
        "from common.data.features import open_half\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))\n"
        "folder = Path(sys.argv[1])\n"
        "halves = [open_half(folder, 1, ['A.npy', 'A.npy']) for _ in range(3000)]\n"
        "caches = [map_arrays(folder / 'cache') for _ in range(3000)]\n"
        "assert all(half.rows(19, 20).shape == (1, 12) for half in halves)\n"
        "print(len(halves), sum(cache[0]['numbers'].sum() == 10 for cache in caches))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True)
    assert done.stdout == "3000 3000\n", done.stderr


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="Linux tells of maps")
def test_memory_is_given_back_when_nothing_looks_at_it(tmp_path):
    save(tmp_path, "A.npy", rows(20, 6))
    path = tmp_path / "1_A.npy"

    def maps():
        return Path("/proc/self/maps").read_text().count(str(path))

    view = open_array(path)[3:5]
    assert maps() == 1
    del view
    assert maps() == 0


@pytest.mark.parametrize("change", [-1, -200, 8])
def test_a_file_that_changes_its_size_while_it_is_mapped_is_named(tmp_path, change):
    save(tmp_path, "A.npy", rows(20, 6))
    half = open_half(tmp_path, 1, ["A.npy"])
    half.rows(0, 20)
    path = tmp_path / "1_A.npy"
    size = path.stat().st_size
    os.truncate(path, size + change)
    with pytest.raises(UserError, match=f"1_A.npy had {size} bytes .* now has {size + change}"):
        half.rows(0, 20)


def test_a_file_that_is_replaced_or_removed_stays_readable(tmp_path):
    array = save(tmp_path, "A.npy", rows(20, 6))
    half = open_half(tmp_path, 1, ["A.npy"])
    (tmp_path / "1_A.npy").unlink()
    np.testing.assert_array_equal(half.rows(0, 20), array)


def test_missing_file_is_named(tmp_path):
    save(tmp_path, "A.npy", rows(20, 6))
    with pytest.raises(UserError, match=r"expected features at .*1_B\.npy, found no such file"):
        open_half(tmp_path, 1, ["A.npy", "B.npy"])


def test_missing_files_lists_every_absent_path_of_every_game(tmp_path):
    for half in (1, 2):
        save(tmp_path / "l/s/a", "A.npy", rows(2, 3), half)
    save(tmp_path / "l/s/b", "A.npy", rows(2, 3), half=1)
    (tmp_path / "l/s/b" / "Labels-v2.json").write_text("{}")
    games = ["l/s/a", "l/s/b"]
    labels, features = tmp_path / "l/s/a/Labels-v2.json", tmp_path / "l/s/b/2_A.npy"
    assert missing_files(tmp_path, games, 2, ["A.npy"], "Labels-v2.json") == [labels, features]
    assert missing_files(tmp_path, games, 2, ["A.npy"], None) == [features]
    assert missing_files(tmp_path, games, 1, ["A.npy"], None) == []
    assert missing_files(tmp_path, [], 2, ["A.npy"], "Labels-v2.json") == []


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "uint8"])
def test_rows_in_memory_are_a_half_like_any_other(tmp_path, dtype):
    array = save(tmp_path, "A.npy", (10 * np.abs(rows(20, 6))).astype(dtype))
    memory, disk = HalfFeatures.of_rows(array), open_half(tmp_path, 1, ["A.npy"])
    assert (memory.frames, memory.dimension) == (disk.frames, disk.dimension) == (20, 6)
    assert memory.rows(3, 17).dtype == np.float32
    np.testing.assert_array_equal(memory.rows(3, 17), disk.rows(3, 17))
    memory.rows(0, 20)[:] = 0
    np.testing.assert_array_equal(memory.rows(0, 20), disk.rows(0, 20))


def test_errors_about_rows_in_memory_have_a_name_for_them():
    array = rows(20, 6)
    array[13, 2] = np.nan
    with pytest.raises(UserError, match="features in memory: row 13 holds NaN"):
        HalfFeatures.of_rows(array).rows(0, 20)
    with pytest.raises(UserError, match="the backbone's output: row 13 holds NaN"):
        HalfFeatures.of_rows(array, "the backbone's output").rows(5, 20)


def test_one_file_is_a_half_of_its_own(tmp_path):
    array = save(tmp_path, "A.npy", rows(20, 6))
    half = open_features(tmp_path / "1_A.npy", dimension=6)
    assert (half.frames, half.dimension) == (20, 6)
    np.testing.assert_array_equal(half.rows(0, 20), array)
    with pytest.raises(UserError, match=r"1_A\.npy has 6 features per frame, expected 512; give"):
        open_features(tmp_path / "1_A.npy", dimension=512)
    with pytest.raises(UserError, match=r"expected features at .*2_A\.npy, found no such file"):
        open_features(tmp_path / "2_A.npy")


@pytest.mark.filterwarnings("error")
def test_numbers_beyond_float32_are_told_without_a_warning(tmp_path):
    rows = np.ones((5, 3))
    rows[2, 1] = 1e39
    np.save(tmp_path / "1_A.npy", rows)
    with pytest.raises(UserError, match="row 2 holds NaN or infinity, or more than float32 can"):
        open_half(tmp_path, 1, ["A.npy"]).rows(0, 5)


def test_more_features_than_frames_may_be_an_array_that_is_transposed(tmp_path):
    for half, shape in ((1, (6, 20)), (2, (20, 6))):
        np.save(tmp_path / f"{half}_A.npy", np.ones(shape, np.float32))
    with pytest.raises(UserError, match=r"has 20 features per frame, expected 7; .* transposed"):
        open_half(tmp_path, 1, ["A.npy"], dimension=7)
    with pytest.raises(UserError) as error:
        open_half(tmp_path, 2, ["A.npy"], dimension=7)
    assert "transposed" not in str(error.value)
