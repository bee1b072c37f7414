"""Pooling through the shell: both versions, released weights, conversion."""

import json
import subprocess
import sys
import zipfile

import pytest
import torch

from common.synthetic.data_set import write_data_set
from common.training.checkpoints import save_checkpoint
from Pooling.model import PoolingModel


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("pooling") / "data"
    write_data_set(root, (3, 2, 2, 1), minutes=4, dim=32)
    return root


@pytest.fixture(scope="session")
def data512(tmp_path_factory):
    root = tmp_path_factory.mktemp("pooling512") / "data"
    write_data_set(root, (0, 0, 1, 1), minutes=3, dim=512)
    return root


def run(folder, *words, module="Pooling.main"):
    command = [sys.executable, "-m", module, *map(str, words)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("preset", ["maxpool-v1", "netvlad-v2"])
def test_a_preset_trains_tests_and_writes_valid_archives(tmp_path, data, preset):
    done = run(
        tmp_path, "--SoccerNet_path", data, "--features", "Synthetic.npy", "--preset", preset,
        "--max_epochs", 2, "--model_name", "m",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "models/m/results_test.json").read_text())
    classes = {"maxpool-v1": 3, "netvlad-v2": 17}[preset]
    assert len(results["metrics"]["loose"]["per_class"]) == classes
    for split in ("test", "challenge"):
        archive = tmp_path / f"models/m/results_spotting_{split}.zip"
        version = preset[-1]
        checked = run(
            tmp_path, archive, "--split", split, "--SoccerNet_path", data, "--version", version,
            module="common.validate_submission",
        )  # fmt: skip
        assert checked.returncode == 0, checked.stdout
    if preset == "maxpool-v1":
        with zipfile.ZipFile(archive) as members:
            predictions = json.loads(members.read(members.namelist()[0]))["predictions"]
        assert {each["label"] for each in predictions} == {"card", "subs", "soccer"}


@pytest.mark.parametrize("name, pool", [("NETVLAD_v1", "NetVLAD"), ("MAXPOOL_v1", "MAX")])
def test_released_weights_are_tested_from_their_file(tmp_path, data512, shared, name, pool):
    weights = shared(f"data/released/{name}_model.pth.tar")
    done = run(
        tmp_path, "--SoccerNet_path", data512, "--features", "Synthetic.npy", "--version", 1,
        "--pool", pool, "--chunk_size", 20, "--NMS_threshold", 0.0, "--model_name", "m",
        "--test_only", "--load_weights", weights,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "models/m/results_spotting_challenge.zip").is_file()
    assert not (tmp_path / "models/m/model.pth.tar").exists()


def test_a_checkpoint_is_converted_there_and_back(tmp_path, shared):
    weights = shared("data/released/NETVLAD_v1_model.pth.tar")
    module = "common.convert_checkpoint"
    there = run(
        tmp_path, weights, "--to", "TemporallyAwarePooling", "-o", "tap.pth.tar", module=module
    )
    back = run(tmp_path, "tap.pth.tar", "--to", "Pooling", "-o", "back.pth.tar", module=module)
    assert (there.returncode, back.returncode) == (0, 0), there.stderr + back.stderr
    original, copy = (
        torch.load(path, map_location="cpu", weights_only=True)
        for path in (weights, tmp_path / "back.pth.tar")
    )
    assert copy["epoch"] == original["epoch"]
    for name, tensor in original["state_dict"].items():
        assert torch.equal(tensor, copy["state_dict"][name])


def test_weights_that_do_not_fit_are_one_sentence(tmp_path, shared):
    weights = shared("data/released/MAXPOOL_v1_model.pth.tar")
    done = run(tmp_path, weights, "--to", "Pooling", "-o", "x", module="common.convert_checkpoint")
    assert done.returncode == 2
    assert done.stderr.startswith("error: expected the weights of")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x").exists()


def test_a_conversion_does_not_write_over_what_it_reads(tmp_path):
    weights = tmp_path / "weights.pth.tar"
    network = PoolingModel(6, 3, 10, pool="NetVLAD")
    save_checkpoint(weights, {"state_dict": network.state_dict(), "epoch": 1})
    (tmp_path / "link.pth.tar").symlink_to(weights)
    before = weights.read_bytes()
    for output in (weights, "link.pth.tar"):
        words = [weights, "--to", "TemporallyAwarePooling", "-o", output]
        done = run(tmp_path, *words, module="common.convert_checkpoint")
        assert done.returncode == 2
        assert done.stderr.startswith("error: ") and "another name for -o" in done.stderr
    assert weights.read_bytes() == before
    done = run(tmp_path, tmp_path, "--to", "Pooling", "-o", "x", module="common.convert_checkpoint")
    assert done.returncode == 2 and "expected a checkpoint at" in done.stderr
    assert "found a folder" in done.stderr
