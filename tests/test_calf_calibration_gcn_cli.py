"""CALF_Calibration_GCN/main.py through the shell on a tiny data set with players."""

import json
import shutil

import numpy as np
import pytest
import torch
from shell import assert_one_sentence, assert_same_bits, caller, games_of, succeeds

from CALF_Calibration_GCN import main as program
from CALF_Calibration_GCN.dataset import PlayersByGraph
from CALF_Calibration_GCN.player_graph import GraphOptions
from common.data.array_file import map_arrays, write_arrays
from common.data.events import CLASS_SPLITS, V2_NAMES
from common.data.features import Half, open_half
from common.synthetic.data_set import write_data_set
from common.training.checkpoints import BEST_FILE, read_checkpoint

FILE = "Synthetic.npy"
SMALL = ["--features", FILE, "--chunk_size", "30", "--receptive_field", "10", "--dim_capsule", "4",
         "--num_detections", "5", "--batch_size", "8", "--chunks_per_epoch", "16",
         "--max_epochs", "1", "--device", "cpu"]  # fmt: skip
GRAPH = ["--backbone_feature", "2DConv", "--backbone_player", "resGCN-2", "--calibration"]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("graphs") / "data"
    write_data_set(root, games=(2, 1, 1, 1), minutes=3, dim=24, players=True)
    return root


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """Runs main() in this process, in a folder of its own: `here(*flags)` -> (code, stderr)."""
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    return caller(cwd, monkeypatch, capsys, program.main)


def flags(root, name, *more):
    return ["--SoccerNet_path", root, "--model_name", name, *SMALL, *more]


def scores(run):
    return json.loads((run / "results_test.json").read_text())["metrics"]["loose"]


@pytest.fixture(scope="module")
def pair(data, repo_root, tmp_path_factory):
    """Folder of the merged run of both class splits, started as a script."""
    cwd = tmp_path_factory.mktemp("pair")
    more = [*GRAPH, "--class_split", "both", "--plots", "--feature_multiplier", "2"]
    succeeds(cwd, repo_root / "CALF_Calibration_GCN/main.py", *flags(data, "pair", *more))
    return cwd / "models" / "pair"


def test_both_splits_are_trained_merged_scored_and_drawn(pair, data):
    assert list(scores(pair)["per_class"]) == list(V2_NAMES)
    parts = [scores(pair / part)["a_mAP"] for part in CLASS_SPLITS]
    assert scores(pair)["a_mAP"] == pytest.approx((8 * parts[0] + 9 * parts[1]) / 17, abs=1e-12)
    folder = pair / "visual" / "outputs_test" / games_of(data, "test")[0]
    assert sorted(path.name for path in folder.glob("*.png")) == [
        f"{half}_{what}.png" for half in (1, 2)
        for what in ("graphs", "segmentation", "side_by_side")
    ]  # fmt: skip
    names = read_checkpoint(pair / "visual" / BEST_FILE)["state_dict"]
    assert "layers.1.conv.t" in names
    assert "edge_encoder.weight" in names


@pytest.mark.parametrize(
    "words",
    [
        ["--backbone_player", "GCN", "--calibration"],
        ["--backbone_player", "EdgeConvGCN", "--calibration", "--calibration_cone",
         "--calibration_confidence", "--dist_graph_player", "10"],
        ["--backbone_player", "DynamicEdgeConvGCN", "--backbone_feature", "2DConv"],
        ["--backbone_player", "resGCN-3"],  # no calibration: no edges at all
        ["--backbone_player", "3DConv", "--calibration", "--calibration_field"],
        ["--backbone_feature", "2DConv", "--class_split", "nonvisual"],
        [*GRAPH, "--protocol", "published", "--with_dropout", "0.5", "--precision", "bf16"],
    ],
    ids=lambda words: " ".join(words[:2]),
)  # fmt: skip
def test_configurations_run_through(data, here, words):
    assert here(*flags(data, "run", *words, "--split_test", "test")) == (0, "")
    assert 0 <= scores(here.cwd / "models/run")["a_mAP"] < 1


def test_caches_change_no_bit_and_can_be_thrown_away(data, here, tmp_path):
    words = [*GRAPH, "--split_test", "test", "--max_epochs", "2"]
    for name in ("first", "second"):
        assert here(*flags(data, name, *words, "--cache_dir", tmp_path / "cache")) == (0, "")
    assert len(list((tmp_path / "cache").rglob("*_graphs_*.cache"))) == 8
    shutil.rmtree(tmp_path / "cache")
    third = flags(data, "third", *words, "--cache_dir", tmp_path / "cache")
    assert here(*third, "--max_num_worker", 0) == (0, "")
    runs = [here.cwd / "models" / name for name in ("first", "second", "third")]
    assert_same_bits(runs[0], runs[1])
    assert_same_bits(runs[0], runs[2])


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("nodes", lambda nodes: nodes[:, :5].copy()),
        ("offsets", lambda offsets: offsets[::-1].copy()),
        ("edge_offsets", lambda offsets: offsets[:-1]),
        ("edges", lambda edges: edges.T.copy()),
    ],
)
def test_graphs_of_a_cache_that_does_not_hang_together_are_built_anew(data, tmp_path, name, change):
    folder = data / games_of(data, "train")[0]
    half = Half(folder, 1, open_half(folder, 1, [FILE]))
    players = PlayersByGraph(GraphOptions(calibration=True), tmp_path)
    (first,) = players.open([half], training=True).graphs
    (cache,) = tmp_path.rglob("*_graphs_*.cache")
    arrays, facts = map_arrays(cache)
    write_arrays(cache, arrays | {name: change(arrays[name])}, facts)
    (again,) = players.open([half], training=True).graphs
    for each in ("nodes", "offsets", "edges", "edge_offsets"):
        assert np.array_equal(getattr(again, each), getattr(first, each))


def test_the_published_protocol_builds_other_graphs_only_where_the_original_does(data, tmp_path):
    folder = data / games_of(data, "train")[0]
    halves = [Half(folder, half, open_half(folder, half, [FILE])) for half in (1, 2)]
    players = PlayersByGraph(GraphOptions(calibration=True, published=True), tmp_path)
    learnt = players.open(halves, training=True).graphs
    for half, graphs in zip(halves, learnt, strict=True):
        (tested,) = players.open([half], training=False).graphs
        for name in ("nodes", "offsets", "edges", "edge_offsets"):
            # No confidence lies exactly on the threshold here.
            assert np.array_equal(getattr(tested, name), getattr(graphs, name))
    assert len({path.name for path in tmp_path.rglob("*_graphs_*.cache")}) == 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--backbone_player", "GAT"], "--backbone_player must be 3DConv, GCN"),
        (["--backbone_player", "resGCN-1000"], "resGCN-<layers> (up to 999)"),
        ([], "needs a branch"),
        ([*GRAPH, "--teacher"], "HQ_25_teacher_calibration.json"),
    ],
)
def test_what_cannot_work_is_one_sentence(data, here, words, told):
    assert_one_sentence(here(*flags(data, "run", *words)), here.cwd, told)


@pytest.mark.parametrize("distance", ["0", "-3", "nan"])
def test_a_distance_must_be_metres(data, here, distance):
    code, complaint = here(*flags(data, "run", *GRAPH, "--dist_graph_player", distance))
    assert code == 2
    assert "error: argument --dist_graph_player: " in complaint
