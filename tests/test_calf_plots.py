"""Figures of a half: any length, with and without annotations."""

import numpy as np
import pytest
from PIL import Image

from common.calf.plots import draw_classes, draw_half
from common.results.suppression import Peaks

NAMES = ("pass", "shot", "save")
HOSTILE = ("$\\frac{", "a^b_{c", "_$x$")


@pytest.mark.parametrize("frames", [1, 300, 14_000])
@pytest.mark.parametrize("annotated", [None, (np.array([0, 5]), np.array([0, 2]))])
def test_a_half_is_drawn_whatever_its_length(tmp_path, frames, annotated):
    rng = np.random.default_rng(0)
    score = rng.random((frames, 3)).astype(np.float32)
    event = np.array([0, 2])
    peaks = Peaks(np.array([0, frames - 1]), event, np.array([0.2, 0.9], np.float32))
    path = draw_half(
        tmp_path / "half.png", score, peaks, names=NAMES, framerate=2, title="a game",
        annotated=annotated,
    )  # fmt: skip
    with Image.open(path) as picture:
        assert picture.width > 1000
        assert len(picture.convert("L").getcolors(1 << 20)) > 20  # something is drawn


def test_names_are_words(tmp_path):
    peaks = Peaks(np.array([3]), np.array([1]), np.array([0.9], np.float32))
    path = draw_half(
        tmp_path / "half.png", np.zeros((9, 3), np.float32), peaks, names=HOSTILE, framerate=2,
        title="$a$ game_{",
    )  # fmt: skip
    assert path.is_file()


def test_of_hundreds_of_classes_few_are_drawn(tmp_path):
    score = np.zeros((60, 500), np.float32)
    peaks = Peaks(np.array([3]), np.array([499]), np.array([0.9], np.float32))
    path = draw_half(
        tmp_path / "half.png", score, peaks, names=[f"c{c}" for c in range(500)], framerate=2,
        title="a game", annotated=(np.array([5]), np.array([300])),
    )  # fmt: skip
    with Image.open(path) as picture:
        assert picture.height < 2500


@pytest.mark.parametrize("frames", [1, 500])
def test_each_class_has_a_picture_with_stars_where_the_network_is_sure(tmp_path, frames):
    event = np.array([0, 1, 2])
    sure = Peaks(np.array([0, 0, frames - 1]), event, np.array([0.33, 0.345, 0.9], np.float32))
    unsure = Peaks(sure.frame, event, np.full(3, 0.335, np.float32))
    score = np.full((frames, 3), 0.5, np.float32)
    drawn = {}
    for name, peaks in (("sure", sure), ("unsure", unsure)):
        folder = draw_classes(tmp_path / name, score, peaks, names=NAMES, framerate=2)
        assert sorted(path.name for path in folder.iterdir()) == ["0.png", "1.png", "2.png"]
        drawn[name] = [(folder / f"{c}.png").read_bytes() for c in range(3)]
    assert [a != b for a, b in zip(*drawn.values(), strict=True)] == [False, True, True]
