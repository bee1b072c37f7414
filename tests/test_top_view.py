"""Top views: recorded and printed pictures in every option, and what is corrected about them."""

import json

import numpy as np
import pytest
import torch

from common.calf.chunk_shape import ChunkShape
from common.calf.half_rows import chunk_starts
from common.calibration.pitch import image_to_pitch
from common.calibration.pitch_drawing import (
    exact_field,
    large_drawing,
    published_field,
    scale_drawing,
)
from common.calibration.player_json import parse_players
from common.calibration.players import BOX_FILES, CALIBRATION_FILES, Players
from common.calibration.top_view import TopView
from common.calibration.top_view_rows import PlayersByTopView, TopViewRows
from common.data.features import Half, HalfFeatures
from common.data.frame_rows import window_rows
from common.errors import UserError

CAMERA = 2 * np.array([[12, -5.12, 640], [0, 3, 330], [0, -0.008, 1]])
OPTIONS = {
    "boxes": {"calibration": False},
    "calib": {},
    "field_cone": {"field": True, "cone": True},
    "physic": {"field": True, "cone": True, "physic": True},
    "trail": {"trail": 2},
    "big": {"width": 96, "height": 48, "player": 4, "cone": True},
}


def on_pitch(**options):
    return TopView(**{"calibration": True, **options})


def published(**options):
    return on_pitch(published=True, **options)


def make_players(frames, confidences, camera=CAMERA):
    """Players from frames of (boxes, colours) and a confidence each."""
    counts = [len(boxes) for boxes, _ in frames]
    boxes = [box for boxes, _ in frames for box in boxes]
    colours = [colour for _, colours in frames for colour in colours]
    inverses = image_to_pitch(np.repeat(camera[None], len(confidences), axis=0))
    return Players(
        np.append(0, np.cumsum(counts)),
        np.array(boxes, float).reshape(-1, 4),
        np.array(colours, float).reshape(-1, 3),
        inverses,
        np.array(confidences, float),
        (720, 1280),
        (720, 1280),
    )


@pytest.fixture
def printed():
    """The four frames of the printed numbers, as a sequence of period 4."""
    first = (
        [[600, 300, 620, 345], [900.3, 210.2, 921.9, 260.7], [100, 400, 131, 470],
         [300, 500, 360, 640], [1000, 100, 1010, 130]],
        [(200, 30.5, 40.9), (10, 220, 15), (254.9, 255, 0), (90, 91, 92), (1, 2, 3)],
    )  # fmt: skip
    third = (first[0][:1], first[1][:1])
    fourth = (
        [[640, 320, 650, 350], [650, 330, 662, 352]],
        [(200, 30.5, 40.9), (10, 20, 30)],
    )
    return make_players([first, ([], []), third, fourth] * 3, [0.9, 0.9, 0.5, 0.75] * 3)


@pytest.fixture(scope="module")
def recorded_players(golden):
    files = golden("calibration_files.json")
    players = {}
    for half in (1, 2):
        contents = [
            content if isinstance(content, str) else json.dumps(content)
            for content in (
                files[f"{half}_{BOX_FILES[0]}"],
                files[f"{half}_{CALIBRATION_FILES[0]}"],
            )
        ]
        players[half] = Players.of_arrays(
            *parse_players([c.encode() for c in contents], ["b", "c"])
        )
    return players


@pytest.mark.parametrize("half", [1, 2])
@pytest.mark.parametrize("case", OPTIONS)
def test_recorded_pictures(golden, recorded_players, case, half):
    recorded = golden("topview.npz")
    if f"{case}_h{half}" not in recorded:
        pytest.skip("this half was not recorded")
    expected = recorded[f"{case}_h{half}"]
    frames = np.arange(len(expected))
    assert np.array_equal(published(**OPTIONS[case]).draw(recorded_players[half], frames), expected)


def test_recorded_field(golden):
    recorded = golden("topview.npz")
    field = published_field(64, 32, to_scale=False)
    top, left = recorded["field_image_position"]
    assert np.array_equal(field[top : top + 30, left : left + 60], recorded["field_image"][..., 0])
    assert field.sum() == recorded["field_image"][..., 0].sum()


@pytest.mark.parametrize(
    ("drawing", "white", "total", "shown"),
    [(large_drawing, 953, 58093, 486), (scale_drawing, 831, 50126, 399)],
)
def test_printed_drawings(drawing, white, total, shown):
    image = drawing()
    assert image.shape == (68, 105)
    assert int((image == 255).sum()) == white
    assert int((image > 0).sum()) == white
    field = published_field(64, 32, drawing is scale_drawing)
    assert abs(int(field.sum()) - total) <= 486  # one level per pixel between library versions
    assert int((field > 0).sum()) == shown
    if drawing is large_drawing:  # its first row, two thin corners and the middle line
        row = [253, 255, 88, *[90] * 26, 109]
        assert np.abs(field[0, 1:61].astype(int) - [*row, *row[::-1]]).max() <= 1


@pytest.mark.parametrize(
    ("options", "sums"),
    [
        ({}, [(1856, 2020, 220), (0, 0, 0), (0, 0, 0), (440, 140, 200)]),
        ({"field": True}, [(59281, 59445, 57645), (58093,) * 3, (0, 0, 0), (58533, 58233, 58293)]),
        ({"cone": True}, [(10781, 10945, 9145), (8925,) * 3, (0, 0, 0), (9365, 9065, 9125)]),
        ({"field": True, "cone": True},
         [(67051, 67215, 65415), (65863,) * 3, (0, 0, 0), (66303, 66003, 66063)]),
        ({"field": True, "cone": True, "physic": True},
         [(3060, 478890, 58093), (0, 478890, 58093), (0, 0, 0), (1530, 478890, 58093)]),
    ],
)  # fmt: skip
def test_printed_sums(printed, options, sums):
    pictures = published(**options).draw(printed, np.arange(4))
    assert [tuple(picture.sum(axis=(0, 1)).tolist()) for picture in pictures] == sums


def test_printed_squares(printed):
    first, _, _, last = published().draw(printed, np.arange(4))
    for rows, columns, colour in (((16, 18), (31, 33), (200, 30, 40)),
                                  ((9, 11), (47, 49), (10, 220, 15)),
                                  ((25, 27), (11, 13), (254, 255, 0))):  # fmt: skip
        assert (first[slice(*rows), slice(*columns)] == colour).all()
    assert (last[17:19, 32] == (200, 30, 40)).all()
    assert (last[17:19, 33:35] == (10, 20, 30)).all()


def test_printed_trail(printed):
    pictures = published(trail=2).draw(printed, np.arange(4))
    assert int(pictures[0].sum()) == 4096
    assert pictures[1].sum(axis=(0, 1)).tolist() == [1238, 814, 274]
    assert not pictures[2].any()
    assert pictures[3].sum(axis=(0, 1)).tolist() == [1539, 1464, 321]


@pytest.mark.parametrize("old", [False, True])
def test_a_trail_ends_with_the_half_whatever_the_length_of_the_list_of_boxes(printed, old):
    view, half, start = on_pitch(published=old, trail=2), np.array([0]), np.array([0])
    pictures = []
    for players in (printed, printed.first(6)):
        rows = TopViewRows([players], np.array([6]), view)
        pictures.append(rows.take(half, start, 6)[0].numpy())
        kept = rows.keep_on(torch.device("cpu"))
        assert np.array_equal(kept.take(half, start, 6)[0], pictures[-1])
    assert np.array_equal(*pictures)
    assert not np.array_equal(pictures[0][0][-1], view.draw(printed, np.array([5]))[0])


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("old", [False, True])
def test_frames_are_drawn_alike_alone_and_together_in_any_order(printed, options, old):
    view = on_pitch(published=old, **options)
    order = np.array([3, 0, 11, 0, 7, 2])
    together = view.draw(printed, order)
    for picture, frame in zip(together, order, strict=True):
        assert np.array_equal(picture, view.draw(printed, np.array([frame]))[0])
    assert view.draw(printed, np.array([], int)).shape == (0, view.height, view.width, 3)


def test_recorded_pixels(golden):
    """A player whose feet are at each recorded point is drawn around the recorded pixel."""
    recorded = golden("projection.npz")
    camera = np.linalg.inv(recorded["inverse_homography"])
    for (u, v, _), (column, row, _) in zip(recorded["image"], recorded["pixel"], strict=True):
        players = make_players([([[u, v - 9, u, v]], [(10, 20, 30)])], [0.9], camera)
        expected = np.zeros((32, 64), bool)
        if 1 <= column < 63 and 1 <= row < 31:
            expected[row - 1 : row + 1, column - 1 : column + 1] = True
        drawn = published().draw(players, np.array([0]))[0].any(axis=2)
        assert np.array_equal(drawn, expected)


def player_at(x, y, colour=(10, 20, 30)):
    u, v, w = CAMERA @ (x, y, 1)
    box = [u / w - 5, v / w - 20, u / w + 5, v / w]
    return make_players([([box], [colour])], [0.9])


def centre_of(picture):
    rows, columns = np.nonzero(picture.any(axis=2))
    return columns.mean() + 0.5, rows.mean() + 0.5


@pytest.mark.parametrize("place", [(0, 0), (-30, 12), (41, -20), (52, 33), (-52, -33)])
def test_players_and_lines_lie_on_the_same_grid(place):
    x, y = place
    found = centre_of(on_pitch().draw(player_at(x, y), np.array([0]))[0])
    assert found[0] == pytest.approx(64 * (0.95 * x / 105 + 0.5), abs=0.75)
    assert found[1] == pytest.approx(32 * (0.95 * y / 68 + 0.5), abs=0.75)


def test_the_original_shifts_players_and_drops_those_at_two_edges():
    shifted = centre_of(published().draw(player_at(0, 0), np.array([0]))[0])
    straight = centre_of(on_pitch().draw(player_at(0, 0), np.array([0]))[0])
    assert shifted[0] - straight[0] >= 1
    for place in ((52, 0), (0, 33)):
        assert not published().draw(player_at(*place), np.array([0])).any()
        assert on_pitch().draw(player_at(*place), np.array([0])).any()


@pytest.mark.parametrize(
    "options", [{}, {"physic": True}, {"trail": 1}, {"width": 96, "player": 4}]
)
@pytest.mark.parametrize("old", [False, True])
def test_who_stands_beside_the_pitch_can_be_left_out(options, old):
    beside, inside = player_at(-54.5, 0), player_at(-40, 10)  # 2 m behind the goal line
    view = on_pitch(published=old, **options)
    near = on_pitch(published=old, margin=1.9, **options)
    assert view.draw(beside, np.array([0])).any()
    assert not near.draw(beside, np.array([0])).any()
    wide = on_pitch(published=old, margin=2.1, **options)
    for players in (beside, inside):
        assert np.array_equal(wide.draw(players, np.array([0])), view.draw(players, np.array([0])))


def test_the_exact_field_is_to_scale_and_symmetric():
    field = exact_field(640, 320).astype(int)
    assert np.abs(field - field[:, ::-1]).max() <= 1
    assert np.abs(field - field[::-1]).max() <= 1
    columns = np.flatnonzero(field[160] > 128)  # along the middle of the pitch

    def at(x):
        return 640 * (0.95 * x / 105 + 0.5)

    for x in (-52.5, 0.0, 52.5, 52.5 - 16.5, 52.5 - 5.5, 9.15, -9.15):
        assert np.abs(columns + 0.5 - at(x)).min() <= 3, x
    small = exact_field(64, 32)
    assert small.shape == (32, 64)
    assert small.max() > 60


@pytest.mark.parametrize("physic", [False, True])
def test_a_footprint_that_reaches_to_the_horizon_is_drawn_and_the_frame_stays_whole(physic):
    camera = np.array([[12, -5.12, 640], [0, -4.8, 330], [0, -0.02, 1]])
    players = make_players([([], [])], [0.9], camera)
    picture = on_pitch(cone=True, physic=physic).draw(players, np.array([0]))
    assert picture.any()


def test_no_calibration_leaves_the_background():
    players = make_players([([], [])] * 3, [0.9, 0.2])
    pictures = on_pitch(field=True).draw(players, np.arange(5), background=7)
    assert pictures[0].any()
    assert (pictures[1:] == 7).all()


def test_frames_behind_the_boxes_still_show_the_pitch_but_not_in_the_original():
    players = make_players([([], [])], [0.9, 0.9])
    assert on_pitch(field=True).draw(players, np.array([1])).any()
    assert not published(field=True).draw(players, np.array([1])).any()


def test_boxes_outside_the_picture_draw_nothing():
    frames = [([[-500, -500, -400, -300], [2000, 900, 2100, 1000]], [(1, 2, 3), (4, 5, 6)])]
    for options in ({}, {"calibration": False}):
        assert not on_pitch(**options).draw(make_players(frames, [0.9]), np.array([0])).any()


@pytest.mark.parametrize(
    "size",
    [{"player": 3}, {"player": 0}, {"player": -2}, {"player": 10**9}, {"width": 20},
     {"width": 10**6}, {"height": 27}, {"height": 10**20}],
)  # fmt: skip
def test_sizes_that_cannot_be_drawn_are_refused(size):
    with pytest.raises(UserError, match="--dim_representation"):
        TopView(**size)


@pytest.fixture
def recorded_half(golden, tmp_path):
    """The recorded box and calibration files as the first half of a game of 96 frames."""
    for name, content in golden("calibration_files.json").items():
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / name).write_text(text)
    return Half(tmp_path, 1, HalfFeatures.of_rows(np.zeros((96, 1), np.float32)))


@pytest.mark.parametrize("case", ["boxes", "field_cone"])
def test_recorded_inputs_of_a_test(golden, recorded_half, case):
    """Without calibration the original tests on a grey background, and trains on a black one."""
    recorded = golden("topview.npz")[f"{case}_test_h1"]  # [4, 40, H, W, 3]
    starts = chunk_starts(96, ChunkShape(40, 12), True)

    def pictures(view, training):
        source = PlayersByTopView(view, grey_tests=view.published)
        rows = source.open([recorded_half], training=training)
        (found,) = rows.take(np.array([0]), np.array([0]), 96)
        return found[0].numpy()[window_rows(starts, 40, 96)]

    view = published(**OPTIONS[case])
    assert np.allclose(pictures(view, False) / 127 - 1, recorded, rtol=0, atol=1e-6)
    assert np.allclose(pictures(view, True) / 127 - 1, recorded, rtol=0, atol=1e-6) == (
        case != "boxes"
    )
    assert (pictures(on_pitch(**OPTIONS[case]), False) == 0).any()


@pytest.mark.parametrize("trail", [-3, -1, 1001, 10**9])
def test_trails_that_cannot_be_drawn_are_refused(trail):
    with pytest.raises(
        UserError, match=f"--with_trail must be from 0 to 1000 frames, found {trail}"
    ):
        TopView(trail=trail)
