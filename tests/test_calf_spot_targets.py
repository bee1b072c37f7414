"""Slots of spots: recordings, and that a spot comes back from where it was put."""

import numpy as np
import pytest

from common.calf.spot_targets import decode_spots, spot_targets


@pytest.mark.parametrize("case", ["usual", "overfull", "empty"])
def test_recorded_targets(golden, case):
    recorded = golden("timestamp_targets.npz")
    found = spot_targets(recorded[f"{case}_labels"], int(recorded[f"{case}_detections"]))
    assert np.array_equal(found, recorded[f"{case}_targets"].astype(np.float32))


def test_slots_are_filled_by_time_then_class_and_no_more_than_there_are():
    shifts = np.ones((2, 10, 3), np.int16)
    for frame, event in ((7, 0), (2, 2), (2, 1), (9, 1)):
        shifts[1, frame, event] = 0
    targets = spot_targets(shifts, 3)
    assert not targets[0].any()
    expected = [[1, 0.2, 0, 1, 0], [1, 0.2, 0, 0, 1], [1, 0.7, 1, 0, 0]]
    assert np.allclose(targets[1], expected, atol=1e-7)


@pytest.mark.parametrize("frames", [16, 23, 60, 240, 241, 999, 3000])
def test_every_frame_comes_back_from_its_target(frames):
    shifts = np.ones((1, frames, 1), np.int16)
    shifts[0, :, 0] = 0
    targets = spot_targets(shifts, frames)
    assert np.array_equal(decode_spots(targets, frames), np.ones((1, frames, 1)))


def test_the_original_decodes_a_frame_too_early_and_keeps_the_last_of_a_cell():
    spots = np.array([[[0.9, 0.5, 0, 1], [0.4, 0.5, 0, 1], [0.7, 1.0, 1, 0]]], np.float32)
    published, corrected = decode_spots(spots, 10, published=True), decode_spots(spots, 10)
    assert published[0, 4, 1] == np.float32(0.4)
    assert corrected[0, 5, 1] == np.float32(0.9)
    assert published[0, 9, 0] == corrected[0, 9, 0] == np.float32(0.7)
    assert (published >= 0).sum() == (corrected >= 0).sum() == 2


def test_nothing_spotted_is_minus_one():
    assert (decode_spots(np.zeros((2, 0, 5), np.float32), 8) == -1).all()
