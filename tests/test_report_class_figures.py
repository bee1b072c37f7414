"""Figures of a report by class: of hundreds some, which is said; names are words."""

from types import SimpleNamespace

import numpy as np
import pytest

from common.metric.average_map import TOLERANCES_SECONDS, AveragePrecision
from common.report.class_figures import (
    draw_all_precision_recall,
    draw_classes,
    draw_one_precision_recall,
    shown_classes,
)
from common.report.measures import CURVE_TOLERANCES
from common.report.svg import inline
from common.results.plain_figures import MOST_CLASSES

HOSTILE = ["$\\frac{", "a^b_{c", "_$x$", "<b>&'\"", "\\$"]


def measures(classes):
    rng = np.random.default_rng(0)
    scores = {
        metric: AveragePrecision(
            tolerances, rng.random((3, len(tolerances), classes)),
            np.arange(1, 3 * classes + 1).reshape(3, classes), np.ones((3, classes), int),
        )
        for metric, tolerances in TOLERANCES_SECONDS.items()
    }  # fmt: skip
    curves = rng.random((2, 3, len(CURVE_TOLERANCES), classes, 200))
    return SimpleNamespace(
        metrics=scores, curves=SimpleNamespace(precision=curves[0], recall=curves[1])
    )


def words_of(figure):
    return inline(figure, "figure", "words")


def test_names_are_words():
    runs = [measures(5)]
    for figure in (
        draw_classes(runs, [None], names=["run"], classes=HOSTILE),
        draw_all_precision_recall(runs, names=["run"], classes=HOSTILE),
    ):
        text = words_of(figure)
        for word in ("$\\frac{", "a^b_{c", "_$x$", "&lt;b&gt;&amp;'\"", "\\$"):
            assert f"{word}</text>" in text
        assert "annotated spots, of" not in text


@pytest.mark.parametrize("name", HOSTILE)
def test_the_name_of_a_run_is_a_word(name):
    runs = [measures(2), measures(2)]
    text = words_of(draw_classes(runs, [None] * 2, names=[name, "b"], classes=["c", "d"]))
    escaped = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert f"{escaped}, loose</text>" in text


def test_of_hundreds_of_classes_those_with_most_spots_are_drawn():
    runs, classes = [measures(500)], [f"class {number}" for number in range(500)]
    assert shown_classes(runs).tolist() == list(range(500 - MOST_CLASSES, 500))
    bounds = np.tile([0.2, 0.6], (500, 1))
    figure = draw_classes(runs, [bounds], names=["run"], classes=classes)
    assert figure.get_figheight() < 15
    text = words_of(figure)
    assert "class 499<" in text
    assert "class 1<" not in text
    assert f"the {MOST_CLASSES} classes with most annotated spots, of 500" in text


def test_a_panel_has_the_name_of_its_class():
    text = words_of(draw_one_precision_recall([measures(3)], 1, "_$x$"))
    assert "_$x$</text>" in text
