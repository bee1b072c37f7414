"""MaxPool of both pooling baselines is one network: trained alike, it gives the same bits.

The two share functions and repeat sequences; this test is what holds the sequences together.
"""

import json
import logging
import zipfile

import numpy as np
import pytest
import torch
from shell import assert_same_bits, games_of

import Pooling.main
import Pooling.model
import Pooling.test
import TemporallyAwarePooling.main
import TemporallyAwarePooling.model
import TemporallyAwarePooling.test
from common.data.data_set import DataSet
from common.data.events import EventClasses
from common.data.features import HalfFeatures
from common.evaluate import evaluate
from common.results.predictions import RESULT_FILE, format_game, milliseconds_to_frame
from common.results.suppression import Suppression, suppress
from common.synthetic.data_set import write_data_set
from common.training.run import Run

ALIKE = [
    "--features", "Synthetic.npy", "--pool", "MAX", "--batch_size", "16", "--LR", "0.01",
    "--seed", "5", "--NMS_window", "12", "--NMS_threshold", "0.05", "--patience", "3",
    "--max_epochs", "2", "--evaluation_frequency", "1", "--device", "cpu", "--loglevel", "WARNING",
]  # fmt: skip
TWINS = {
    "Pooling": (Pooling.main.main, ["--chunk_size", "20"]),
    "TemporallyAwarePooling": (
        TemporallyAwarePooling.main.main,
        ["--window_size", "20", "--proj-dim", "none"],
    ),
}

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("twins") / "data"
    write_data_set(root, games=(2, 1, 1, 1), minutes=3, dim=16)
    return root


@pytest.fixture
def train_both(data, tmp_path, monkeypatch):
    """Trains and tests the twins with these flags; returns their folders."""

    def train(*words):
        monkeypatch.chdir(tmp_path)
        for name, (main, own) in TWINS.items():
            main(["--SoccerNet_path", str(data), "--model_name", name, *ALIKE, *own, *words])
            log = logging.getLogger("spotting")
            for handler in list(log.handlers):
                log.removeHandler(handler)
                handler.close()
        return [tmp_path / "models" / name for name in TWINS]

    return train


def curves(folder):
    """All numbers of the training but the seconds."""
    header, *rows = (line.split(",") for line in (folder / "curves.csv").read_text().splitlines())
    column = header.index("seconds")
    return [[*row[:column], *row[column + 1 :]] for row in (header, *rows)]


def test_trained_from_one_seed_they_have_the_same_bits_and_write_the_same_archives(train_both):
    one, another = train_both()
    assert_same_bits(one, another)
    assert curves(one) == curves(another)
    assert "clip_mAP" in curves(one)[0]
    for name in ("results_spotting_test.zip", "results_spotting_challenge.zip"):
        assert (one / name).read_bytes() == (another / name).read_bytes()
        with zipfile.ZipFile(one / name) as archive:
            assert b'"confidence"' in archive.read(archive.namelist()[0])


def test_in_files_of_ones_own_they_spot_the_same(train_both, data, tmp_path):
    folders = train_both("--max_epochs", "1")
    game = games_of(data, "test")[0]
    files = [str(data / game / f"{half}_Synthetic.npy") for half in (1, 2)]
    found = []
    for folder, (main, _) in zip(folders, TWINS.values(), strict=True):
        main(["--model_name", folder.name, "--device", "cpu", "--features_path", *files])
        (path,) = folder.glob("outputs_*_Synthetic/results_spotting.json")
        found.append(path.read_bytes())
    assert found[0] == found[1] and b'"half": "2"' in found[0]


def test_taken_up_again_they_still_have_the_same_bits(train_both):
    train_both("--max_epochs", "1", "--split_test", "challenge")
    assert_same_bits(*train_both("--resume", "--split_test", "challenge"))


def test_by_the_published_protocol_they_learn_the_same(train_both):
    """Their archives may differ: by that protocol the originals leave out different numbers of
    frames at the end of a half, two and one, as the next test says.
    """
    one, another = train_both("--protocol", "published")
    assert_same_bits(one, another)
    assert curves(one) == curves(another)


def small_twins():
    """The twins with the same weights, for 8 features, 3 classes and windows of 10 frames."""
    torch.manual_seed(0)
    ours = Pooling.model.PoolingModel(8, 3, 10, pool="MAX").eval()
    theirs = TemporallyAwarePooling.model.TemporallyAwareModel(
        8, 3, 10, pool="MAX", project_to=None
    ).eval()
    theirs.load_state_dict(ours.state_dict())
    return (Pooling.test, ours), (TemporallyAwarePooling.test, theirs)


def test_by_the_published_protocol_one_scores_a_frame_less(tmp_path):
    (_, ours), (_, theirs) = small_twins()
    rows = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
    half = HalfFeatures.of_rows(rows)
    for published, lengths in ((False, (60, 60)), (True, (58, 59))):
        run = Run(folder=tmp_path, published=published)
        one = Pooling.test.score_half(run, ours, half)
        another = TemporallyAwarePooling.test.score_half(run, theirs, half)
        assert (len(one), len(another)) == lengths
        assert np.array_equal(one, another[: len(one)])


@pytest.mark.parametrize("published", [False, True])
def test_features_at_25_a_second_are_scored_on_a_time_line_of_two(tmp_path, published):
    rng, game, names = np.random.default_rng(3), "l/s/g", ("A", "B", "C")
    (tmp_path / game).mkdir(parents=True)
    (tmp_path / "splits.json").write_text(json.dumps({"test": [game]}))
    (tmp_path / "classes.json").write_text(json.dumps(names))
    for half in (1, 2):
        np.save(tmp_path / game / f"{half}_F.npy", rng.normal(size=(2000, 8)).astype(np.float32))
    annotations = [
        {"gameTime": f"{half} - 00:{ms // 1000:02}", "label": name, "position": str(ms)}
        for half in (1, 2) for name in names for ms in rng.choice(60_000, 9).tolist()
    ]  # fmt: skip
    (tmp_path / game / "Labels-v2.json").write_text(json.dumps({"annotations": annotations}))
    data = DataSet(
        root=tmp_path, features=("F.npy",), classes=EventClasses(names), framerate=25, dimension=8
    )
    for number, (steps, model) in enumerate(small_twins()):
        run = Run(folder=tmp_path / f"{number}", published=published)
        steps.spot_split(run, data, model, "test", Suppression(12))
        text = (run.folder / "outputs_test" / game / RESULT_FILE).read_text()
        scored = json.loads((run.folder / "results_test.json").read_text())["metrics"]["loose"]
        at_2, at_25 = (
            evaluate(tmp_path, run.folder / "outputs_test", framerate=rate)["a_mAP"]
            for rate in (2, 25)
        )
        assert scored["a_mAP"] == at_2 != at_25
        halves = [
            (half.number, *suppress(steps.score_half(run, model, half.features), 12, 0.0))
            for half in data.open_game(game)
        ]
        assert text.encode() == format_game(game, halves, names, 25, published)
        frames = halves[0][1]
        truncated = (frames / 25 * 1000).astype(int)
        again = milliseconds_to_frame(truncated, 25)
        assert (again != frames).any()  # which is what the protocols differ in
        positions = [int(entry["position"]) for entry in json.loads(text)["predictions"]]
        assert (positions[: len(frames)] == truncated.tolist()) == published
