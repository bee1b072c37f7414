"""How well clips are classified: mean average precision over the classes."""

import numpy as np
import pytest

from common.pooling.clip_map import clip_map


def test_clip_map_is_the_mean_over_classes_without_background():
    targets = np.array([[0, 1, 0], [1, 0, 0], [0, 1, 1], [1, 0, 0]], np.float32)
    scores = np.array([[9, 3, 0], [0, 2, 5], [0, 1, 4], [0, 0, 1]], np.float32)
    assert clip_map(scores, targets) == pytest.approx(((1 + 2 / 3) / 2 + 1 / 2) / 2)


def test_clip_map_counts_a_class_without_clips_as_0():
    targets = np.array([[0, 1, 0], [1, 0, 0]], np.float32)
    scores = np.array([[0, 3, 1], [0, 2, 5]], np.float32)
    assert clip_map(scores, targets) == 0.5
