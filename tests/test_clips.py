"""Where clips lie in a half and what is true of each, against recordings and printed numbers."""

import json

import numpy as np
import pytest

from common.data.events import SOCCERNET_V1, SOCCERNET_V2
from common.data.frame_rows import window_rows
from common.data.labels import parse_labels
from common.pooling.clips import clip_targets, count_clips

RECORDED_FRAMES = {"L/S/first": (611, 647), "L/S/second": (720, 601)}


@pytest.mark.parametrize(
    "key",
    [
        "last_101_30_30_0",
        "last_120_30_30_0",
        "last_121_30_30_0",
        "last_20_30_30_0",
        "last_97_1_30_15",
        "last_64_1_7_3",
        "last_53_10_16_4",
    ],
)
def test_recorded_rows_of_clips_and_of_sliding_windows(golden, key):
    expected = golden("feats2clip.npz")[key]
    frames, stride, length, offset = map(int, key.split("_")[1:])
    starts = stride * np.arange(count_clips(frames, stride, published=True)) - offset
    assert np.array_equal(window_rows(starts, length, frames), expected)


@pytest.mark.parametrize("classes", [SOCCERNET_V1, SOCCERNET_V2], ids=["v1", "v2"])
@pytest.mark.parametrize(
    ("key", "clip_frames"), [("tap_train", 30), ("pool_train", 40)], ids=["15 s", "20 s"]
)
def test_recorded_targets(golden, classes, key, clip_frames):
    version = "v1" if classes is SOCCERNET_V1 else "v2"
    recorded = golden("label_vectors.npz")
    targets, first_frames = [], []
    for game, files in golden("label_files.json").items():
        content = files[classes.label_file]
        text = content if isinstance(content, str) else json.dumps(content)
        labels = parse_labels(text.encode(), game, classes)
        for half, frames in enumerate(RECORDED_FRAMES[game], 1):
            ours = labels.half == half
            n = count_clips(frames, clip_frames, published=True)
            spots = labels.frames(2)[ours]
            targets.append(clip_targets(spots, labels.event[ours], n, clip_frames, len(classes)))
            first_frames.append(clip_frames * np.arange(n))
    assert np.array_equal(np.concatenate(targets), recorded[f"{key}_{version}"])
    if key == "tap_train":
        expected = recorded[f"tap_train_first_frame_{version}"]
        assert np.array_equal(np.concatenate(first_frames), expected)


def test_the_last_row_alone_made_no_clip_in_the_original():
    assert count_clips(41, 40, published=True) == 1
    rows = window_rows(np.array([0]), 40, 41)
    assert np.array_equal(rows, [np.arange(40)])


@pytest.mark.parametrize(
    ("frames", "published", "corrected"),
    [(1, 0, 1), (2, 1, 1), (39, 1, 1), (40, 1, 1), (41, 1, 2), (42, 2, 2), (80, 2, 2), (81, 2, 3)],
)
def test_number_of_clips(frames, published, corrected):
    assert count_clips(frames, 40, published=True) == published
    assert count_clips(frames, 40) == corrected


@pytest.mark.parametrize("clip_frames", [1, 7, 30, 40])
def test_corrected_clips_cover_every_row_and_none_lies_behind_the_half(clip_frames):
    for frames in range(1, 130):
        starts = clip_frames * np.arange(count_clips(frames, clip_frames))
        assert set(window_rows(starts, clip_frames, frames).ravel()) == set(range(frames))
        assert starts[-1] < frames


def test_first_and_last_window_of_a_half_of_715_rows():
    published = 715 - 1
    rows = window_rows(np.arange(published) - 30 // 2, 30, 715)
    assert len(rows) == 714
    assert rows[0].tolist() == [0] * 16 + list(range(1, 15))
    assert rows[713].tolist() == list(range(698, 715)) + [714] * 13


def test_a_half_of_one_row_fills_its_windows_with_it():
    assert window_rows(np.array([-15, 0]), 30, 1).tolist() == [[0] * 30] * 2


def test_several_classes_in_a_clip_and_a_spot_behind_the_last_clip():
    spots, events = np.array([10, 12, 12, 59, 95]), np.array([1, 0, 1, 0, 1])
    assert clip_targets(spots, events, 3, 30, 2).tolist() == [[0, 1, 1], [0, 1, 0], [1, 0, 0]]


def test_without_spots_all_is_background():
    nothing = np.empty(0, np.int64)
    targets = clip_targets(nothing, nothing, 2, 30, 3)
    assert targets.dtype == np.float32
    assert targets.tolist() == [[1, 0, 0, 0]] * 2


def test_a_spot_on_a_border_belongs_to_the_clip_that_begins_there():
    assert clip_targets(np.array([30]), np.array([0]), 2, 30, 1).tolist() == [[1, 0], [0, 1]]
