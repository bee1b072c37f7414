"""The evaluator equals the SoccerNet package's on random files, whatever these hold."""

import inspect

import numpy as np
import pytest

from common.data.events import V1_NAMES, V2_NAMES
from common.evaluate import evaluate
from common.metric.average_map import TOLERANCES_SECONDS

V1_LABELS = (
    "y-card", "r-card", "yr-card", "substitution-in", "soccer-ball", "soccer-ball-own", "corner",
    "Substitution", "Yellow card",
)  # fmt: skip


@pytest.fixture(scope="module")
def module():
    """The package's module, its import's traces undone."""
    before = np.geterr()
    module = pytest.importorskip("SoccerNet.Evaluation.ActionSpotting")
    np.seterr(**before)
    return module


@pytest.fixture(scope="module")
def package(module):
    """The package's `evaluate`, without its progress bars."""

    def run(*args, **settings):
        with np.errstate(divide="ignore", invalid="ignore"), pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "tqdm", lambda items: items)
            return module.evaluate(*args, **settings)

    return run


def some(rng, choices):
    return choices[rng.integers(len(choices))]


def random_time(rng, last_ms):
    """Half and milliseconds; now and then a half that no game has."""
    half = 3 if rng.random() < 0.03 else int(rng.integers(1, 3))
    return half, int(rng.integers(last_ms))


def random_annotation(rng, version, names, last_ms):
    half, milliseconds = random_time(rng, last_ms)
    minutes, seconds = divmod(milliseconds // 1000, 60)
    annotation = {
        "gameTime": f"{half} - {minutes:02}:{seconds:02}",
        "label": some(rng, V1_LABELS if version == 1 else [*names, "Not a class"]),
    }
    # Version 1 has whole seconds only, version 2 milliseconds; and both have exceptions.
    if rng.random() < (0.9 if version == 2 else 0.1):
        annotation["position"] = some(rng, [str(milliseconds), milliseconds])
    if rng.random() < 0.1:
        annotation["position"] = some(rng, ["7199999", "7200000", 7_300_000, 8_000_000])
    if rng.random() < 0.9:
        annotation["visibility"] = some(rng, ["visible", "not shown", "not shown", "else"])
    return annotation


def random_prediction(rng, version, names, last_ms, coarse):
    half, position = random_time(rng, last_ms)
    if rng.random() < 0.05:
        position = some(rng, [-1, -499, -500, -600, -3_000_000, 7_199_999, 7_200_000, 7_300_000])
    confidence = float(rng.integers(9) / 8 if coarse else rng.random())
    if rng.random() < 0.08:
        confidence = some(rng, [-0.25, -1, -2, "nan", 0, 1, 1.5, 1e-3])
    written = some(rng, [str, lambda value: value])
    return {
        "label": some(rng, names if version == 1 else [*names, "Not a class"]),
        "position": written(position),
        "half": written(half),
        "confidence": written(confidence),
    }


def random_case(rng):
    """Annotations and predictions per game, class names, version: many spots in little time."""
    version = 1 if rng.random() < 0.15 else 2
    names = V1_NAMES
    if version == 2:
        names = rng.choice(V2_NAMES, some(rng, [1, 1, 2, 3]), replace=False).tolist()
    games = [f"l/s/g{i}" for i in range(rng.integers(1, 4))]
    last_ms = some(rng, [3_000, 20_000, 120_000, 600_000])
    n_spots, n_detections = some(rng, [3, 8, 15, 40]), some(rng, [5, 15, 40, 120])
    if rng.random() < 0.05:
        n_spots, n_detections = some(rng, [(0, 5), (3, 0), (0, 0)])
    coarse = rng.random() < 0.5  # many equal confidences
    annotations = {
        game: [random_annotation(rng, version, names, last_ms) for _ in range(n_spots)]
        for game in games
    }
    predictions = {
        game: [random_prediction(rng, version, names, last_ms, coarse) for _ in range(n_detections)]
        for game in games
    }
    return annotations, predictions, names, version


def test_it_takes_the_arguments_of_the_package_in_their_order_with_their_defaults(module):
    theirs, ours = (
        {name: each.default for name, each in inspect.signature(function).parameters.items()}
        for function in (module.evaluate, evaluate)
    )
    assert list(ours)[: len(theirs)] == list(theirs)
    # The label file follows the version; the number of classes has no effect in either.
    other = {name for name, default in theirs.items() if ours[name] != default}
    assert other == {"label_files", "num_classes"}


@pytest.mark.parametrize("seed", range(16))  # `make proof` has many more
def test_equals_the_package_on_random_cases(package, write_tree, tmp_path, seed):
    rng = np.random.default_rng(seed)
    for case in range(10):
        annotations, predictions, names, version = random_case(rng)
        label_file = "Labels.json" if version == 1 else "Labels-v2.json"
        result_file = some(rng, ["results_spotting.json", "Predictions-v2.json"])
        where = [f"{what}{case}{some(rng, ['', '.zip'])}" for what in ("labels", "results")]
        arguments = {
            "SoccerNet_path": write_tree(tmp_path / where[0], annotations, label_file),
            "Predictions_path": write_tree(tmp_path / where[1], predictions, result_file),
            "prediction_file": result_file,
            "label_files": label_file,
            "dataset": None,
            "version": version,
            "EVENT_DICTIONARY": {name: i for i, name in enumerate(names)},
            "framerate": some(rng, [1, 2, 2, 5]),
            # The package takes long over many tolerances.
            "metric": rng.choice(list(TOLERANCES_SECONDS), p=[0.06, 0.14] + [0.16] * 5),
        }
        expected = package(**arguments)
        found = evaluate(**arguments, lenient=True)
        told = f"seed {seed}, case {case}, {arguments}"
        assert list(found) == list(expected)
        for key, value in expected.items():
            if value is None:
                assert found[key] is None, told
            else:
                np.testing.assert_allclose(
                    found[key], value, rtol=0, atol=1e-12, err_msg=f"{key}, {told}"
                )
