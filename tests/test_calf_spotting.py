"""From features to detections: result files as recorded, suppression, evaluation, figures."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from CALF.model import ContextAwareModel
from common.calf import spotting as module
from common.calf.chunk_shape import ChunkShape
from common.calf.evaluation import GameEvaluator
from common.calf.half_inputs import FeatureInputs
from common.calf.half_rows import chunk_starts, frame_owners
from common.calf.plots import draw_half
from common.calf.spot_targets import decode_spots
from common.calf.spotting import Spotting, detect, score_half, spot_game
from common.data.events import V2_NAMES, EventClasses
from common.data.features import open_game
from common.data.frame_rows import window_rows
from common.errors import UserError
from common.evaluate import evaluate
from common.results.predictions import format_game, write_game
from common.results.suppression import Peaks, suppress
from common.training.distributed import Processes

CPU = torch.device("cpu")
SHAPE = ChunkShape(48, 16, 6)
NAMES = ("pass", "shot", "save")
GAME = "A/B/C d - e"
NONVISUAL = [V2_NAMES.index(name) for name in (
    "Goal", "Substitution", "Offside", "Shots on target", "Shots off target", "Clearance",
    "Ball out of play", "Foul", "Indirect free-kick")]  # fmt: skip
VISUAL = [c for c in range(17) if c not in NONVISUAL]

pytestmark = pytest.mark.usefixtures("one_thread")


def spotting_of(published=False, nms_frames=40):
    return Spotting(CPU, 2, nms_frames, published=published)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return ContextAwareModel(12, 3, SHAPE, 4).eval()


@pytest.fixture
def root(tmp_path):
    """Games of one class list, with halves of all sorts of lengths."""
    rng = np.random.default_rng(0)
    for game, frames in (("g/one", (200, 301)), ("g/two", (47, 1))):
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


@pytest.mark.parametrize("case", ["sparse", "dense", "odd", "ties"])
def test_recorded_suppression(golden, case):
    recorded = golden("nms_calf.npz")
    cells = recorded[f"{case}_in"]
    peaks = suppress(cells, int(recorded[f"{case}_delta"]), 0.0)
    left = np.full(cells.shape, -1.0)
    left[peaks.frame, peaks.event] = peaks.confidence
    assert np.array_equal(left, recorded[f"{case}_out"])


def test_the_printed_suppression_is_lopsided():
    cells = np.full((300, 1), -1, np.float32)
    for frame, confidence in ((121, 0.3412345), (141, 0.9), (160, 0.5), (161, 0.45)):
        cells[frame, 0] = confidence
    assert detect(cells, spotting_of()).frame.tolist() == [141, 161]


@pytest.mark.parametrize(
    ("case", "classes"),
    [("calf_all", range(17)), ("calib_all", range(17)), ("calib_visual", VISUAL),
     ("calib_nonvisual", NONVISUAL)],
)  # fmt: skip
def test_recorded_result_files_character_by_character(golden, case, classes):
    scores, texts = golden("prediction_scores.npz"), golden("prediction_files.json")
    names = [V2_NAMES[c] for c in classes]
    detections = []
    for half in (1, 2):
        cells = scores[f"{case}_h{half}"]
        frame, event = np.nonzero(cells >= 0)  # by frame, then class
        # These were written from single precision; the original's suppression widens them first.
        confidence = np.array([float(str(value)) for value in cells[frame, event]])
        detections.append((half, frame, event, confidence))
    assert format_game(GAME, detections, names, 2, published=True).decode() == texts[case]


def test_detections_come_by_frame_then_class():
    cells = np.full((200, 3), -1, np.float32)
    for frame, event, confidence in ((150, 0, 0.2), (10, 2, 0.9), (10, 1, 0.1), (80, 0, 0.99)):
        cells[frame, event] = confidence
    peaks = detect(cells, spotting_of())
    found = list(zip(peaks.frame, peaks.event, strict=True))
    assert found == [(10, 1), (10, 2), (80, 0), (150, 0)]


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize("half", [0, 1])
def test_a_half_is_scored_chunk_by_chunk(model, root, published, half, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK_CHUNKS", 3)
    features = open_game(root, "g/one", ["F.npy"], 2)[half]
    found = score_half(model, FeatureInputs(features), spotting_of(published))
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
    for features in open_game(root, "g/two", ["F.npy"], 2):
        scores = score_half(model, FeatureInputs(features), spotting_of(published))
        assert scores.cells.shape == scores.segmentation.shape == (features.frames, 3)
        assert np.isfinite(scores.segmentation).all()


def test_precision_moves_scores_a_little(model, root):
    features = open_game(root, "g/one", ["F.npy"], 2)[0]
    exact = score_half(model, FeatureInputs(features), spotting_of()).segmentation
    rough = score_half(
        model, FeatureInputs(features), Spotting(CPU, 2, 40, precision="bf16")
    ).segmentation
    assert 0 < np.abs(exact - rough).max() < 0.05


def test_a_suppression_that_cannot_work_is_refused_at_once():
    with pytest.raises(UserError, match="--NMS_window"):
        Spotting(CPU, 2, 1)


def test_text_of_a_file_of_its_own_has_no_game(model, root):
    halves = [FeatureInputs(open_game(root, "g/one", ["F.npy"], 2)[0])]
    content = json.loads(spot_game(model, None, halves, NAMES, spotting_of()))
    assert list(content) == ["predictions"]
    assert {entry["half"] for entry in content["predictions"]} == {"1"}


@pytest.mark.parametrize("gt_time", ["position", "gameTime"])
def test_scores_in_memory_are_the_evaluators_on_result_files(model, root, tmp_path, gt_time):
    classes, games = EventClasses(NAMES), ["g/one", "g/two"]
    evaluator = GameEvaluator(root, games, ["F.npy"], classes, spotting_of(), gt_time)
    found = evaluator.a_map(model, "valid")
    for game in games:
        halves = [FeatureInputs(half) for half in open_game(root, game, ["F.npy"], 2)]
        write_game(tmp_path / "out", game, spot_game(model, game, halves, NAMES, spotting_of()))
    (root / "splits.json").write_text(json.dumps({"test": games}))
    (root / "classes.json").write_text(json.dumps(list(NAMES)))
    expected = evaluate(root, tmp_path / "out", split="test", gt_time=gt_time)["a_mAP"]
    assert found == expected > 0


def test_processes_deal_out_the_games_and_agree(model, root):
    classes, games = EventClasses(NAMES), ["g/one", "g/two"]
    evaluator = GameEvaluator(root, games, ["F.npy"], classes, spotting_of())
    alone = evaluator.a_map(model, "valid")
    sent = {}

    class Remembering(Processes):
        def gather(self, value):
            sent[self.rank] = value
            return [sent.get(rank, []) for rank in range(self.world_size)]

    evaluator.a_map(model, "valid", Remembering(0, 0, 2))
    assert evaluator.a_map(model, "valid", Remembering(1, 1, 2)) == alone


@pytest.mark.parametrize("frames", [1, 300, 14_000])
@pytest.mark.parametrize("annotated", [None, (np.array([0, 5]), np.array([0, 2]))])
def test_a_half_is_drawn_whatever_its_length(tmp_path, frames, annotated):
    rng = np.random.default_rng(0)
    score = rng.random((frames, 3)).astype(np.float32)
    event = np.array([0, 2])
    peaks = Peaks(np.array([0, frames - 1]), event, np.array([0.2, 0.9], np.float32))
    path = draw_half(tmp_path / "half.png", score, peaks, NAMES, 2, "a game", annotated)
    with Image.open(path) as picture:
        assert picture.width > 1000
        assert len(picture.convert("L").getcolors(1 << 20)) > 20  # something is drawn
