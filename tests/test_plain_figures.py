"""What all figures have in common: words are words, many classes are a choice of them."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from common.results.plain_figures import (
    MOST_CLASSES,
    chosen_classes,
    left_out,
    plain_figures,
    save_png,
    words,
)

HOSTILE = [
    "$x$",
    "$\\frac{",
    "a^b_{c",
    "$",
    "\\$",
    "$$",
    "\\mathrm{",
    "<b>&'\"",
    "%s {0}",
    "[b]x[/]",
]


@pytest.mark.parametrize("name", [*HOSTILE, "_lead", "\x00\udcff\n", "日本語", "", "x" * 400])
def test_any_name_can_be_drawn(tmp_path, name, recwarn):
    with plain_figures():
        figure = Figure(figsize=(3, 3), layout="constrained")
        figure.suptitle(words(name))
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], label=words(name, 20))
        axes.set_yticks([0], [words(name, 20)])
        legend = axes.legend()
        path = save_png(figure, tmp_path / "figure.png", 50)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert not recwarn.list
    assert [text.get_text() for text in legend.get_texts()] == [words(name, 20)]


@pytest.mark.parametrize("name", HOSTILE)
def test_what_can_be_printed_stays(name):
    assert words(name) == name


def test_names_are_cut_and_stay_in_one_line():
    assert words("a name with too many letters", 12) == "a name with…"
    assert words("two\nlines") == "two\ufffdlines"
    assert words("_x").endswith("_x")
    assert not words("_x").startswith("_")


def test_of_many_classes_those_of_most_weight_are_shown_in_their_order():
    assert chosen_classes(np.array([1, 5, 0, 5, 2]), 3).tolist() == [1, 3, 4]
    assert chosen_classes(np.zeros(17)).tolist() == list(range(17))
    assert len(chosen_classes(np.arange(500))) == MOST_CLASSES


def test_what_is_left_out_is_said():
    assert left_out(17, 17) == ""
    assert left_out(30, 500) == "the 30 classes with most annotated spots, of 500"
