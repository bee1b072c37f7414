"""Pieces of the page's tables: names that may break, and the axis above the strips."""

import html

import numpy as np
import pytest

from common.report.page_tables import axis_ticks, breakable


@pytest.mark.parametrize("largest", [0, 0.004, 0.3, 1, 4.2, 9.99, 26, 31.4, 50, 99.99, 100, 131])
def test_axis_reaches_from_0_to_the_largest_score(largest):
    ticks = axis_ticks(largest)
    assert ticks[0] == 0
    assert ticks[-1] >= largest
    assert 3 <= len(ticks) <= 6
    assert np.allclose(np.diff(ticks), ticks[1])
    assert all(len(f"{tick:g}") <= 3 for tick in ticks)


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        ("NetVLAD++_seed0", ["NetVLAD++_", "seed0"]),
        ("models/a-b.c", ["models/", "a-", "b.", "c"]),
        ("_x", ["_", "x"]),
        ("Ünï cödé", ["Ünï ", "cödé"]),
        ("whole", ["whole"]),
        ("", []),
        ("<b>&", ["&lt;", "b&gt;&amp;"]),
    ],
)
def test_names_break_behind_their_separators_only(name, pieces):
    assert breakable(name).split("<wbr>") == (pieces or [""])
    assert html.unescape(breakable(name).replace("<wbr>", "")) == name
