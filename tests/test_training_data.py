"""A training that goes on learns from the games that it began with, in all six programs."""

import importlib
import json

import pytest
from shell import assert_one_sentence, caller

from common.synthetic.data_set import write_data_set
from common.training.checkpoints import LAST_FILE, read_checkpoint, save_checkpoint

CHUNKS = ["--chunk_size", "30", "--chunks_per_epoch", "9"]
CALF = [*CHUNKS, "--receptive_field", "10", "--dim_capsule", "4", "--num_detections", "5"]
PROGRAMS = {
    "CALF": CALF,
    "CALF_Calibration": [*CALF, "--backbone_feature", "2DConv"],
    "CALF_Calibration_GCN": [*CALF, "--backbone_feature", "2DConv"],
    "DenseAnchors": [*CHUNKS, "--border", "8", "--trunk_channels", "64"],
    "Pooling": ["--chunk_size", "20"],
    "TemporallyAwarePooling": ["--vocab_size", "8"],
}
FLAGS = ["--features", "Synthetic.npy", "--model_name", "run", "--split_test", "challenge",
         "--batch_size", "8", "--device", "cpu"]  # fmt: skip

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("games") / "data"
    write_data_set(root, games=(2, 2, 0, 1), minutes=1, dim=16)
    return root


@pytest.fixture
def cut(data):
    """Changes the games of a split for as long as the test lasts."""
    file = data / "splits.json"
    content = file.read_text()
    splits = json.loads(content)
    yield lambda name, games: file.write_text(json.dumps({**splits, name: games(splits[name])}))
    file.write_text(content)


@pytest.mark.parametrize("baseline", PROGRAMS)
def test_other_games_are_refused(data, cut, tmp_path, monkeypatch, capsys, baseline):
    main = importlib.import_module(f"{baseline}.main").main
    here = caller(tmp_path, monkeypatch, capsys, main)
    words = ["--SoccerNet_path", data, *FLAGS, *PROGRAMS[baseline], "--max_epochs", 1]
    assert here(*words) == (0, "")
    last = tmp_path / "models/run" / LAST_FILE
    before = last.read_bytes()
    for split, purpose in (("train", "training"), ("valid", "validation")):
        cut(split, lambda games: games[::-1])  # as many items, and as many spots
        resumed = here("--model_name", "run", "--resume", "--max_epochs", 2)
        assert_one_sentence(resumed, tmp_path, f"the {purpose} data have changed", "--overwrite")
    assert last.read_bytes() == before
    content = read_checkpoint(last)
    del content["progress"]["data"]  # as earlier versions wrote it
    save_checkpoint(last, content)
    assert here("--model_name", "run", "--resume", "--max_epochs", 2) == (0, "")
    assert set(read_checkpoint(last)["progress"]["data"]) == {"training", "validation"}
