"""The training figure: a panel and a scale for each run's loss, one panel for the scores."""

import numpy as np
import pytest

from common.metric.matching import Spots
from common.report.curve_figures import draw_offsets, draw_training
from common.report.errors_by_kind import judge


def curves(largest, **more):
    loss = largest / np.arange(1, 5)
    return {"epoch": np.arange(1.0, 5), "train_loss": loss, "valid_loss": 1.1 * loss, **more}


def losses(figure):
    return [axes for axes in figure.axes if axes.get_ylabel() == "loss"]


@pytest.mark.parametrize("name", ["run", "$a{^b_$", "a\\b", "[x]"])
def test_losses_of_two_runs_have_scales_of_their_own(tmp_path, name):
    figure = draw_training([curves(50), curves(0.5)], [name, "other"])
    figure.savefig(tmp_path / "drawn.svg")
    assert [axes.get_title(loc="left") for axes in losses(figure)] == [name, "other"]
    for axes, largest in zip(losses(figure), (50, 0.5), strict=True):
        assert largest < axes.get_ylim()[1] < 2 * largest
    assert len(figure.axes) == 2


def test_scores_of_two_runs_share_a_panel():
    score = np.array([np.nan, 0.2, np.nan, 0.3])
    figure = draw_training([curves(3), curves(50, valid_a_mAP=score)], ["a", "b"])
    assert len(figure.axes) == 3
    assert list(figure.axes[-1].get_lines()[0].get_ydata()) == [20, 30]


def test_distances_are_drawn_where_there_are_any():
    def spots(*frames):
        there = np.array(frames, int)
        return Spots(0 * there, there, 0 * there, np.ones(len(there)))

    near, none = (judge(spots(10), spots(*found), np.zeros(1)) for found in ([11], []))
    assert draw_offsets([none, none], ["a", "b"]) is None
    assert len(draw_offsets([none, near], ["a", "b"]).axes) == 1


def test_one_run_and_none():
    assert draw_training([None, None], ["a", "b"]) is None
    assert len(draw_training([curves(3)], ["a"]).axes) == 1
    alone = draw_training([None, curves(3)], ["a", "b"])
    assert [axes.get_title(loc="left") for axes in alone.axes] == ["b"]
