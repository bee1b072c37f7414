"""From features to detections: halves of all lengths, precision, one file, several processes."""

import json

import numpy as np
import pytest
import torch

from CALF.model import ContextAwareModel
from CALF.test import score_half, spot_files, spot_game
from CALF.train import score_games
from CALF_Calibration import test as calibration
from CALF_Calibration_GCN import test as graphs
from common.calf.chunk_shape import ChunkShape
from common.calf.detections import HalfScores
from common.calf.half_rows import chunk_starts, frame_owners
from common.calf.spot_targets import decode_spots
from common.data.data_set import DataSet
from common.data.events import EventClasses
from common.data.frame_rows import window_rows
from common.errors import UserError
from common.evaluate import evaluate
from common.results.game_score import GameScore
from common.results.given_files import given_files, open_given
from common.results.predictions import format_game, write_game
from common.results.suppression import Suppression
from common.training.distributed import Processes
from common.training.run import Run

SHAPE = ChunkShape(48, 16, 6)
NAMES = ("pass", "shot", "save")
KEPT = Suppression(40)

pytestmark = pytest.mark.usefixtures("one_thread")


def run_in(folder, **settings):
    return Run(folder=folder, **settings)


def data_of(root, **settings):
    return DataSet(root=root, features=("F.npy",), classes=EventClasses(NAMES), **settings)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return ContextAwareModel(12, 3, SHAPE, 4).eval()


@pytest.fixture
def root(tmp_path):
    """Games of one class list, with halves of all sorts of lengths."""
    rng = np.random.default_rng(0)
    for game, frames in (("g/one", (200, 301)), ("g/two", (47, 1)), ("g/long", (2500, 60))):
        (tmp_path / game).mkdir(parents=True)
        for half, n in enumerate(frames, 1):
            rows = rng.standard_normal((n, 12)).astype(np.float32)
            np.save(tmp_path / game / f"{half}_F.npy", rows)
        annotations = [
            {
                "gameTime": f"{half} - {second // 60:02}:{second % 60:02}",
                "label": NAMES[c],
                "position": f"{second}000",
            }
            for half in (1, 2)
            for second in range(0, frames[half - 1] // 2, 9)
            for c in [second % 3]
        ]
        text = json.dumps({"annotations": annotations})
        (tmp_path / game / "Labels-v2.json").write_text(text)
    return tmp_path


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize(("game", "half"), [("g/one", 0), ("g/one", 1), ("g/long", 0)])
def test_a_half_is_scored_chunk_by_chunk(model, root, published, game, half):
    _, number, features = data_of(root).open_game(game)[half]
    assert number == half + 1
    found = score_half(run_in(root, published=published), model, features)
    starts = chunk_starts(features.frames, SHAPE, published)
    rows = features.rows(0, features.frames)[window_rows(starts, 48, features.frames)]
    with torch.inference_mode():
        segmentation, spots = (output.numpy() for output in model(torch.from_numpy(rows)))
    chunk, position = frame_owners(features.frames, SHAPE, published)
    assert np.allclose(found.segmentation, segmentation[chunk, position], rtol=0, atol=1e-6)
    expected = decode_spots(spots, 48, published)[chunk, position]
    assert np.allclose(found.cells, expected, rtol=0, atol=1e-6)
    assert (found.cells >= 0).any()


@pytest.mark.parametrize("published", [False, True])
def test_halves_shorter_than_a_chunk_are_scored(model, root, published):
    for _, _, features in data_of(root).open_game("g/two"):
        scores = score_half(run_in(root, published=published), model, features)
        assert scores.cells.shape == scores.segmentation.shape == (features.frames, 3)
        assert np.isfinite(scores.segmentation).all()


def test_precision_moves_scores_a_little(model, root):
    features = data_of(root).open_game("g/one")[0].features
    exact = score_half(run_in(root), model, features).segmentation
    rough = score_half(run_in(root, precision="bf16"), model, features).segmentation
    assert 0 < np.abs(exact - rough).max() < 0.05


def test_a_suppression_that_cannot_work_is_refused_at_once():
    with pytest.raises(UserError, match="--NMS_window"):
        Suppression(1)


def test_text_of_a_file_of_its_own_has_no_game(model, root, tmp_path):
    run = run_in(tmp_path / "run")
    given = given_files([root / "g/one/1_F.npy"], 2)
    results, _ = spot_files(run, data_of(root), model, given, open_given(given), KEPT)
    assert results == tmp_path / "run/outputs_one_1_F/results_spotting.json"
    content = json.loads(results.read_text())
    assert list(content) == ["predictions"]
    assert {entry["half"] for entry in content["predictions"]} == {"1"}
    (of_half,) = spot_game(run, model, data_of(root).open_game("g/one")[:1], KEPT)
    assert len(content["predictions"]) == len(of_half.frame) > 0


@pytest.mark.parametrize("gt_time", ["position", "gameTime"])
def test_scores_in_memory_are_the_evaluators_on_result_files(model, root, tmp_path, gt_time):
    data, games, run = data_of(root, gt_time=gt_time), ["g/one", "g/two"], run_in(root)
    found = score_games(run, model, {"valid": GameScore(data, games)}, KEPT)
    for game in games:
        peaks = spot_game(run, model, data.open_game(game), KEPT)
        detections = [(number, *each) for number, each in enumerate(peaks, 1)]
        write_game(tmp_path / "out", game, format_game(game, detections, NAMES, 2))
    (root / "splits.json").write_text(json.dumps({"test": games}))
    (root / "classes.json").write_text(json.dumps(list(NAMES)))
    expected = evaluate(root, tmp_path / "out", split="test", gt_time=gt_time)["a_mAP"]
    assert found == {"valid": expected}
    assert expected > 0


def test_processes_deal_out_the_games_and_agree(model, root):
    scored = {"valid": GameScore(data_of(root), ["g/one", "g/two"])}
    alone = score_games(run_in(root), model, scored, KEPT)
    sent = {}

    class Remembering(Processes):
        def gather(self, value):
            sent[self.rank] = value
            return [sent.get(rank, []) for rank in range(self.world_size)]

    score_games(run_in(root, processes=Remembering(0, 0, 2)), model, scored, KEPT)
    both = score_games(run_in(root, processes=Remembering(1, 1, 2)), model, scored, KEPT)
    assert both == alone
    assert [[game for game, _ in sent[rank]] for rank in (0, 1)] == [["g/one"], ["g/two"]]


# What is drawn.


@pytest.mark.parametrize("module", [calibration, graphs])
@pytest.mark.parametrize("way", ["a game", "files of one's own"])
def test_the_older_loss_has_the_action_low_and_pictures_high(root, monkeypatch, module, way):
    said = HalfScores(np.full((5, 3), 0.2, np.float32), np.full((5, 3), -1, np.float32))
    drawn = []
    monkeypatch.setattr(module, "score_half", lambda *_: said)
    monkeypatch.setattr(module, "draw_half", lambda path, score, *_, **__: drawn.append(score))
    run, net = run_in(root / "run"), torch.nn.Identity()
    if way == "a game":
        module.draw_game(
            run, data_of(root), None, net, out=root / "out", game="g/one", suppression=KEPT
        )
    else:
        files = given_files([root / "g/one/1_F.npy", root / "g/one/2_F.npy"], 2)
        module.spot_files(run, data_of(root), net, files, open_given(files), KEPT)
    assert len(drawn) == 2
    assert all(np.allclose(score, 0.8) for score in drawn)
