"""Rows of halves: windows held inside, and values that are checked once."""

import os

import numpy as np
import pytest
import torch

from common.data import frame_rows
from common.data.features import open_half
from common.data.frame_rows import MappedRows, ResidentRows, blocks_of, window_rows
from common.errors import UserError

CPU = torch.device("cpu")


@pytest.fixture
def halves(tmp_path):
    rng = np.random.default_rng(0)
    for half, frames in ((1, 50), (2, 7)):
        np.save(tmp_path / f"{half}_F.npy", rng.standard_normal((frames, 3)).astype(np.float32))
    return [open_half(tmp_path, half, ["F.npy"]) for half in (1, 2)]


def test_windows_are_held_inside_the_half():
    assert window_rows(np.array([-2, 3]), 4, 5).tolist() == [[0, 0, 0, 1], [3, 4, 4, 4]]
    several = window_rows(np.array([2, 2]), 4, np.array([[9], [4]]))
    assert several.tolist() == [[2, 3, 4, 5], [2, 3, 3, 3]]


@pytest.mark.parametrize("kind", [MappedRows, lambda halves: ResidentRows(halves, CPU)])
def test_rows_are_those_of_the_file_and_the_last_is_repeated(halves, kind):
    half, start = np.array([0, 1, 0, 1]), np.array([40, 0, 0, 6])
    taken = kind(halves).take(half, start, 12)
    for rows, number, first in zip(taken, half, start, strict=True):
        whole = halves[number].rows(0, halves[number].frames)
        expected = whole[window_rows(np.array([first]), 12, len(whole))[0]]
        assert np.array_equal(rows, expected)


def test_values_are_checked_when_they_are_first_read(halves, monkeypatch):
    checked = []
    original = frame_rows.check_finite
    monkeypatch.setattr(
        frame_rows, "check_finite", lambda *words: (checked.append(words[2]), original(*words))
    )
    rows, half = MappedRows(halves), np.array([0])
    for start in (0, 0, 5, 5, 30):
        rows.take(half, np.array([start]), 10)
    assert checked == [0, 5, 30]


def test_a_bad_value_is_told_each_time(tmp_path):
    array = np.zeros((20, 2), np.float32)
    array[11, 1] = np.inf
    np.save(tmp_path / "1_F.npy", array)
    rows = MappedRows([open_half(tmp_path, 1, ["F.npy"])])
    rows.take(np.array([0]), np.array([0]), 11)
    for _ in range(2):
        with pytest.raises(UserError, match=r"1_F.npy: row 11 holds NaN or infinity"):
            rows.take(np.array([0]), np.array([5]), 10)


def test_a_file_that_shrinks_is_named_before_it_is_read(tmp_path, halves):
    rows = MappedRows(halves)
    os.truncate(tmp_path / "2_F.npy", 200)
    rows.take(np.array([0]), np.array([0]), 4)
    with pytest.raises(
        UserError, match=r"2_F\.npy had .* bytes when it was opened and now has 200"
    ):
        rows.take(np.array([0, 1]), np.array([0, 0]), 4)


def test_blocks_are_the_rows_in_order(halves, monkeypatch):
    monkeypatch.setattr(frame_rows, "_BLOCK_ROWS", 16)
    blocks = list(blocks_of(halves[0], CPU))
    assert [len(block) for block in blocks] == [16, 16, 16, 2]
    assert np.array_equal(torch.cat(blocks), halves[0].rows(0, 50))
