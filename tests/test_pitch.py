"""Pixels to metres: recordings, printed numbers, impossible cameras, the horizon."""

import numpy as np
import pytest

from common.calibration.pitch import footprint, image_to_pitch, to_pitch

PRINTED = 2 * np.array([[12, -5.12, 640], [0, 3, 330], [0, -0.008, 1]])


def project(homography, x, y):
    u, v, w = homography @ np.stack([x, y, np.ones_like(x)])
    return u / w, v / w


def test_recorded_projection(golden):
    recorded = golden("projection.npz")
    u, v = recorded["image"][:, :2].T
    inverses = np.broadcast_to(recorded["inverse_homography"], (len(u), 3, 3))
    x, y, _ = to_pitch(inverses, u, v)
    assert np.allclose(np.stack([x, y]), recorded["pitch"][:, :2].T, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("point", "place"),
    [
        ((0, 0), (-100.2667, -110)), ((1280, 0), (100.2667, -110)),
        ((1280, 720), (34.3379, 44.5205)), ((0, 720), (-34.3379, 44.5205)),
        ((610, 345), (-2.4479, 2.6042)), ((911, 260.7), (25.0452, -13.6267)),
        ((115, 470), (-36.5015, 20.7101)), ((330, 640), (-17.9433, 38.1773)),
        ((1005, 130), (42.4629, -49.5050)),
    ],
)  # fmt: skip
def test_printed_projections(point, place):
    u, v = np.array(point, float)[:, None]
    x, y, _ = to_pitch(image_to_pitch(PRINTED[None]), u, v)
    assert (x[0], y[0]) == pytest.approx(place, abs=1e-4)


def test_points_come_back_from_the_picture_whatever_the_scale_of_the_homography():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-50, 50, 30), rng.uniform(-30, 30, 30)
    for scale in (1.0, -3.0, 1e-4):
        u, v = project(PRINTED * scale, x, y)
        inverses = np.repeat(image_to_pitch(PRINTED[None] * scale), 30, axis=0)
        back = to_pitch(inverses, u, v)
        assert np.allclose(back[0], x, atol=1e-9)
        assert np.allclose(back[1], y, atol=1e-9)


@pytest.mark.parametrize(
    "homography",
    [np.zeros((3, 3)), np.ones((3, 3)), np.full((3, 3), np.nan), np.diag([1, 1, 0.0]),
     np.diag([np.inf, 1, 1])],
)  # fmt: skip
def test_what_is_no_camera_becomes_nan_and_leaves_the_others_alone(homography):
    inverses = image_to_pitch(np.stack([PRINTED, homography, PRINTED]))
    assert np.isnan(inverses[1]).all()
    assert np.allclose(inverses[0], np.linalg.inv(PRINTED / 2))
    assert np.array_equal(inverses[0], inverses[2])


def test_the_footprint_is_the_corners_of_the_picture_in_order():
    for published in (False, True):
        x, y = footprint(image_to_pitch(PRINTED[None]), 720, 1280, published)
        assert np.allclose(x[0], [-100.2667, 100.2667, 34.3379, -34.3379], atol=1e-4)
        assert np.allclose(y[0], [-110, -110, 44.5205, 44.5205], atol=1e-4)


def test_corners_above_the_horizon_are_taken_down_to_it():
    # A camera that looks up: its horizon is at a third of the picture.
    camera = np.array([[12, -5.12, 640], [0, -0.02 * 240, 330], [0, -0.02, 1]])
    inverses = image_to_pitch(camera[None])
    _, _, depth = to_pitch(np.repeat(inverses, 2, axis=0), np.zeros(2), np.array([0.0, 720.0]))
    assert depth[0] * depth[1] < 0
    x, y = footprint(inverses, 720, 1280)
    assert np.isfinite(x).all()
    behind_x, behind_y = footprint(inverses, 720, 1280, published=True)
    assert np.array_equal(x[0, 2:], behind_x[0, 2:])
    # Far out, and on the same side as the lower corners look to.
    sees = np.sign(y[0, 3] - 0.0)
    assert abs(y[0, 0]) > 20
    assert not np.allclose(y[0, :2], behind_y[0, :2])
    middle_x, middle_y, _ = to_pitch(inverses, np.array([640.0]), np.array([400.0]))
    assert min(y[0]) <= middle_y[0] <= max(y[0])
    assert min(x[0]) <= middle_x[0] <= max(x[0])
    assert sees in (-1, 1)


def test_a_camera_whose_lower_corners_see_no_pitch_has_no_footprint():
    tilted = np.array([[12, -5.12, 640], [0.5, -30, 330], [0.05, -0.05, 1]])
    x, _ = footprint(image_to_pitch(tilted[None]), 720, 1280)
    _, _, depth = to_pitch(image_to_pitch(np.repeat(tilted[None], 2, axis=0)),
                           np.array([0.0, 1280.0]), np.array([720.0, 720.0]))  # fmt: skip
    assert np.isnan(x).all() == (depth[0] * depth[1] <= 0)
