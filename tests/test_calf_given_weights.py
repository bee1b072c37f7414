"""What weights of the CALF family tell: number of classes and of features."""

import numpy as np
import pytest

from common.calf.given_weights import require_classes, trained_features
from common.errors import UserError


def test_another_number_of_classes_is_one_sentence(tmp_path):
    weights = {"conv_class.bias": np.zeros(15 * 3), "conv_conf.bias": np.zeros(30)}
    require_classes(weights, ["a", "b", "c"], tmp_path)
    require_classes({}, ["a"], tmp_path)
    require_classes({name: np.zeros(()) for name in weights}, ["a"], tmp_path)
    with pytest.raises(UserError, match=r"trained on 3 classes, expected 4: a, b, c, …; pass"):
        require_classes(weights, ["a", "b", "c", "d"], tmp_path)


def test_the_first_layer_tells_the_number_of_features():
    assert trained_features({"conv_1.weight": np.zeros((128, 1, 1, 40))}) == 40
    assert trained_features({"fc.weight": np.zeros((3, 40))}) == 1
    assert trained_features({"conv_1.weight": np.zeros(())}) == 1
