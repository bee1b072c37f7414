"""From what a network says of chunks to detections: recordings, order, result files."""

import numpy as np
import pytest

from common.calf.chunk_shape import ChunkShape
from common.calf.detections import detect, put_together
from common.calf.half_rows import chunk_starts, frame_owners
from common.calf.spot_targets import decode_spots
from common.data.events import V2_NAMES
from common.results.predictions import format_game
from common.results.suppression import Suppression, suppress

GAME = "A/B/C d - e"
NONVISUAL = [V2_NAMES.index(name) for name in (
    "Goal", "Substitution", "Offside", "Shots on target", "Shots off target", "Clearance",
    "Ball out of play", "Foul", "Indirect free-kick")]  # fmt: skip
VISUAL = [c for c in range(17) if c not in NONVISUAL]
USUAL = Suppression(40)


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
    assert detect(cells, USUAL).frame.tolist() == [141, 161]


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
    peaks = detect(cells, USUAL)
    found = list(zip(peaks.frame, peaks.event, strict=True))
    assert found == [(10, 1), (10, 2), (80, 0), (150, 0)]


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_detections_are_what_suppression_leaves(threshold):
    cells = np.random.default_rng(0).random((500, 4)).astype(np.float32)
    found = detect(cells, Suppression(12, threshold))
    left = suppress(cells, 12, threshold)
    assert sorted(zip(*found, strict=True)) == sorted(zip(*left, strict=True))
    assert found.confidence.min() >= threshold


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize("frames", [1, 47, 48, 49, 200])
def test_each_frame_has_the_scores_of_its_chunk(frames, published):
    shape = ChunkShape(48, 16, 6)
    rng = np.random.default_rng(0)
    M = len(chunk_starts(frames, shape, published))
    segmentation = rng.random((M, 48, 3)).astype(np.float32)
    spots = rng.random((M, 6, 5)).astype(np.float32)
    found = put_together(segmentation, spots, frames, shape, published)
    chunk, position = frame_owners(frames, shape, published)
    assert found.segmentation.shape == found.cells.shape == (frames, 3)
    assert np.array_equal(found.segmentation, segmentation[chunk, position])
    assert np.array_equal(found.cells, decode_spots(spots, 48, published)[chunk, position])
