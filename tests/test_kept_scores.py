"""Confidences that are kept with a run come back, in half precision; what is none is told."""

import numpy as np
import pytest

from common.errors import UserError
from common.results.kept_scores import mean_scores, read_scores, write_scores


def test_scores_come_back(tmp_path):
    rng = np.random.default_rng(0)
    halves = [rng.random((frames, 3)).astype(np.float32) for frames in (50, 47)]
    write_scores(tmp_path, "test", "league/a game 1.5 - 2", halves)
    found = read_scores(tmp_path, "test", "league/a game 1.5 - 2")
    for one, another in zip(halves, found, strict=True):
        assert another.dtype == np.float32
        assert np.allclose(one, another, rtol=2**-11)
    size = (tmp_path / "scores_test/league/a game 1.5 - 2.scores").stat().st_size
    assert size < 2 * 3 * 97 + 1024


def test_what_is_not_there_or_damaged_is_told(tmp_path):
    with pytest.raises(UserError, match="--split_test valid --save_scores"):
        read_scores(tmp_path, "valid", "a/game")
    write_scores(tmp_path, "valid", "a/game", [np.zeros((3, 2), np.float32)])
    path = tmp_path / "scores_valid/a/game.scores"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(UserError, match="they do not read"):
        read_scores(tmp_path, "valid", "a/game")


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_refused(tmp_path, wrong):
    write_scores(tmp_path, "test", "a/game", [np.array([[0, wrong]], np.float32)])
    with pytest.raises(UserError, match="something else than finite scores"):
        read_scores(tmp_path, "test", "a/game")


def test_means_are_of_the_same_half_of_each_run():
    one, two = (
        [np.full((rows, 2), value + rows, np.float32) for rows in (3, 4)] for value in (0, 1)
    )
    found = mean_scores([one, two], "a/game")
    assert [half.shape for half in found] == [(3, 2), (4, 2)]
    assert [half.dtype for half in found] == [np.float32] * 2
    assert [float(half.min()) for half in found] == [float(h.max()) for h in found] == [3.5, 4.5]
    with pytest.raises(UserError, match="other frames or classes"):
        mean_scores([one, one[::-1]], "a/game")
    with pytest.raises(UserError, match="other frames or classes"):
        mean_scores([one, one[:1]], "a/game")
