"""The match simulation: who stands where, what the camera sees of them, how surely."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import orjson
import pytest

from common.calibration.pitch import LENGTH, WIDTH, to_pitch
from common.calibration.players import CONFIDENT, player_files, read_players
from common.data.events import V2_NAMES
from common.synthetic.camera import PICTURE
from common.synthetic.game import GameEvents
from common.synthetic.players import draw_players
from common.synthetic.scenes import SCENES

ROWS, FRAMERATE = 1200, 2


def events_of(*names, visible=True):
    """Events of the home team in half 1, a minute apart."""
    count = len(names)
    return GameEvents(
        np.ones(count, int),
        60_000 * (1 + np.arange(count)),
        np.array([V2_NAMES.index(event) for event in names], int),
        np.ones(count, bool),
        np.full(count, visible),
    )


def filmed(*names, seed=0, half=1, visible=True):
    """The players of a half as a program reads them from its files."""
    rng = np.random.default_rng(seed)
    contents = draw_players(
        rng, events_of(*names, visible=visible), half=half, rows=ROWS, framerate=FRAMERATE
    )
    with TemporaryDirectory() as folder:
        for name, content in zip(player_files(), contents, strict=True):
            (Path(folder) / f"{half}_{name}").write_bytes(orjson.dumps(content))
        return read_players(Path(folder), half)


def places(players, frame):
    """Metres at which the people of a frame stand: x, y."""
    number, _ = players.boxes_of(np.array([frame]))
    box = players.boxes[number].astype(float)
    inverses = np.repeat(players.inverses[frame][None], len(box), axis=0)
    x, y, _ = to_pitch(inverses, (box[:, 0] + box[:, 2]) / 2, box[:, 3])
    return x, y


def test_the_files_have_an_entry_per_frame_and_lie_in_the_picture():
    players = filmed("Corner", "Penalty")
    assert len(players.offsets) - 1 == len(players.confidences) == ROWS
    assert players.box_picture == players.camera_picture == PICTURE
    height, width = PICTURE
    assert (players.boxes >= 0).all()
    assert (players.boxes[:, [0, 2]] <= width).all() and (players.boxes[:, [1, 3]] <= height).all()
    assert (players.boxes[:, 0] < players.boxes[:, 2]).all()
    assert 8 < len(players.boxes) / ROWS < 25
    assert ((players.colours >= 0) & (players.colours <= 255)).all()


def test_sure_cameras_put_players_onto_the_pitch():
    players = filmed()
    frames = np.arange(ROWS)
    sure = np.flatnonzero(players.calibrated(frames, CONFIDENT))
    assert 0.5 < len(sure) / ROWS < 0.95  # the others drop out
    x, y = map(np.concatenate, zip(*(places(players, frame) for frame in sure), strict=True))
    on_pitch = (np.abs(x) < LENGTH / 2 + 4) & (np.abs(y) < WIDTH / 2 + 4)
    assert on_pitch.mean() > 0.95


def test_replays_hide_events_that_are_not_shown():
    shown, hidden = filmed("Corner"), filmed("Corner", visible=False)
    frame = 120
    assert shown.calibrated(np.array([frame]), 0.0).all()
    assert hidden.confidences[frame] < CONFIDENT
    boxes = hidden.boxes[hidden.boxes_of(np.array([frame]))[0]]
    assert len(boxes) == 3
    assert (boxes[:, 3] - boxes[:, 1] > 300).all()  # from near


@pytest.mark.parametrize(
    ("event", "region", "least"),
    [
        ("Corner", lambda x, y: (np.abs(x) > 38) & (np.abs(y) < 15), 9),
        ("Penalty", lambda x, y: (np.abs(x) > 28) & (np.abs(x) < 38) & (np.abs(y) < 20), 8),
        ("Yellow card", lambda x, y: np.hypot(x - np.median(x), y - np.median(y)) < 8, 7),
    ],
)
def test_formations_betray_the_event(event, region, least):
    def crowd(players, frame):
        return region(*places(players, frame)).sum()

    at_event, elsewhere = [], []
    for seed in range(8):
        players = filmed(event, seed=seed)
        frames = np.array([120, 600])  # at the event, and when nothing happens
        if players.calibrated(frames, CONFIDENT).all():
            at_event.append(crowd(players, frames[0]))
            elsewhere.append(crowd(players, frames[1]))
    assert len(at_event) >= 3
    assert np.median(at_event) >= least
    assert np.median(at_event) > np.median(elsewhere) + 3


def test_every_visual_class_has_a_scene_of_two_teams_and_a_referee():
    rng = np.random.default_rng(0)
    for name, scene in SCENES.items():
        ball, attackers, defenders, referee = scene(rng)
        assert attackers.shape == defenders.shape == (11, 2), name
        assert ball.shape == referee.shape == (2,)


def test_the_seed_decides():
    one, same, other = filmed("Corner"), filmed("Corner"), filmed("Corner", seed=1)
    assert np.array_equal(one.boxes, same.boxes)
    assert not np.array_equal(one.boxes[:100], other.boxes[:100])
