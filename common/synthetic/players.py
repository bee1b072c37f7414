"""Invented players: a small match simulation, filmed by a camera that pans and zooms.

Two teams keep their formations around a ball that wanders. Around an event of a visual class they
stand as its rules want them: a penalty empties the box, a corner fills it. What the camera sees of
them becomes boxes with team colours; the camera itself becomes a homography per frame, known more
or less surely, and not at all during replays. Events that are not shown happen during replays.
"""

from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from common.calibration.pitch import WIDTH
from common.data.events import V2_NAMES
from common.synthetic.camera import MAIN_CAMERA, PICTURE, look_at, project
from common.synthetic.game import GameEvents
from common.synthetic.scenes import FORMATION, SCENES, Scene, presence
from common.synthetic.tracking import TrackedHalf, watched

_PLAYERS = 2 * len(FORMATION)
_OFFICIALS = 3  # a referee and two assistants
_KITS = np.array([(40, 40, 190), (200, 170, 40), (20, 20, 20)], float)  # home, away, officials
_WORN = np.repeat([0, 1, 2], [11, 11, _OFFICIALS])  # by the people of the simulation
_CLOSE = 3  # people in the picture of a replay
TALL = 1.8
_WAYPOINT_SECONDS = 6.0
_REPLAYS_PER_MINUTE, _REPLAY_SECONDS = 0.8, (4.0, 10.0)
_BOX_SHARE = 0.95  # probability that a player in the picture gets a box


def draw_players(
    rng: Generator, events: GameEvents, *, half: int, rows: int, framerate: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Content of the box file and of the calibration file of one half.

    Args:
        rng: all randomness of this half's players.
        events: those of the game.
        rows: number of frames T.
    """
    ours = events.half == half
    times = events.milliseconds[ours] / 1000
    names = [V2_NAMES[event] for event in events.event[ours]]
    attacks_right = events.home[ours] == (half == 1)
    scenes = [
        Scene(rng, time, name, right)
        for time, name, right in zip(times, names, attacks_right, strict=True)
        if name in SCENES
    ]
    ball = ball_track(rng, scenes, rows, framerate)  # [T, 2]
    people = people_tracks(rng, scenes, ball, framerate, home_right=half == 1)  # [T, 25, 2]
    hidden = times[~events.visible[ours]]
    replay = _replays(rng, hidden, rows, framerate)  # [T]
    cameras, homographies = _film(rng, ball, framerate)
    return (
        _box_file(rng, people, cameras, replay, framerate, _WORN),
        calibration_file(rng, homographies, replay, framerate),
    )


def draw_tracked_players(
    rng: Generator,
    tracked: TrackedHalf,
    events: GameEvents,
    *,
    half: int,
    rows: int,
    framerate: float,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """As `draw_players`, but people and ball move as in a half of a real match.

    A stretch of it is taken, from a whole second on, and filmed by the same camera. Of the events
    only those that are not shown matter, as replays; frames in which nobody is tracked are replays,
    too.

    Args:
        tracked: a half at least as long as `rows` at this framerate.
    """
    ours = events.half == half
    hidden = events.milliseconds[ours & ~events.visible] / 1000
    spare = int(tracked.seconds - (rows - 1) / framerate)
    times = rng.integers(0, spare + 1) + np.arange(rows) / framerate
    people, ball, present = tracked.at(times)
    absent = max(0, _CLOSE - people.shape[1])
    people = np.pad(people, ((0, 0), (0, absent), (0, 0)), constant_values=np.nan)
    worn = np.pad(tracked.kits, (0, absent))
    replay = _replays(rng, hidden, rows, framerate) | ~present
    cameras, homographies = _film(rng, watched(people, ball), framerate)
    return (
        _box_file(rng, people, cameras, replay, framerate, worn),
        calibration_file(rng, homographies, replay, framerate),
    )


def ball_track(
    rng: Generator, scenes: list[Scene], rows: int, framerate: float
) -> NDArray[np.float64]:
    """Where the ball is in each frame: [T, 2]."""
    count = int(rows / framerate / _WAYPOINT_SECONDS) + 2
    points = rng.normal(0, (20, 14), (count, 2)).clip((-48, -31), (48, 31))
    times = np.arange(count) * _WAYPOINT_SECONDS * framerate
    frame = np.arange(rows)
    ball = np.stack([np.interp(frame, times, column) for column in points.T], axis=1)
    for scene in scenes:
        frames, weight = presence(scene, rows, framerate)
        ball[frames] += weight[:, None] * (scene.ball - ball[frames])
    return ball


def people_tracks(
    rng: Generator,
    scenes: list[Scene],
    ball: NDArray[np.float64],
    framerate: float,
    home_right: bool,
) -> NDArray[np.float64]:
    """Home team, away team, referee, assistants: [T, 25, 2]."""
    rows = len(ball)
    people = np.empty((rows, _PLAYERS + _OFFICIALS, 2))
    shift = smooth(ball, 2 * framerate)[:, None] * (0.55, 0.35)
    sign = 1 if home_right else -1
    people[:, :11] = sign * FORMATION * (0.7, 1) + shift
    people[:, 11:22] = -sign * FORMATION * (0.7, 1) + shift
    people[:, [0, 11]] = np.array([[-49, 0], [49, 0]]) * sign + 0.05 * shift
    people[:, 22] = ball - (4, 6)
    people[:, 23] = np.stack([people[:, 1:5, 0].mean(axis=1), np.full(rows, -WIDTH / 2 - 1)], 1)
    people[:, 24] = np.stack([people[:, 12:16, 0].mean(axis=1), np.full(rows, WIDTH / 2 + 1)], 1)
    wander = smooth(rng.standard_normal((rows, people.shape[1] * 2)), 4 * framerate)
    people += 2.5 * wander.reshape(people.shape) * np.sqrt(4 * framerate)
    for scene in scenes:
        frames, weight = presence(scene, rows, framerate)
        # The attackers of a scene are the home team if they attack as it does.
        home_attacks = scene.attacks_right == home_right
        who = np.r_[0:11, 11:22, 22] if home_attacks else np.r_[11:22, 0:11, 22]
        moved = people[frames][:, who]
        people[frames.start : frames.stop, who] = moved + weight[:, None, None] * (
            scene.positions - moved
        )
    return people


def smooth(values: NDArray[np.float64], frames: float) -> NDArray[np.float64]:
    """Moving average over so many frames, along the first axis."""
    width = max(1, round(frames))
    padded = np.pad(values, ((width, width), *((0, 0),) * (values.ndim - 1)), mode="edge")
    total = np.cumsum(padded, axis=0)
    middle = width // 2
    return (total[width + middle :] - total[middle:-width])[: len(values)] / width


def _replays(
    rng: Generator, hidden: NDArray[np.float64], rows: int, framerate: float
) -> NDArray[np.bool_]:
    """Frames that show something else than the game: [T]."""
    minutes = rows / framerate / 60
    starts = rng.uniform(0, 60 * minutes, rng.poisson(_REPLAYS_PER_MINUTE * minutes))
    lengths = rng.uniform(*_REPLAY_SECONDS, len(starts))
    begins = np.concatenate([starts, hidden - 3])
    ends = np.concatenate([starts + lengths, hidden + 3])
    time = np.arange(rows) / framerate
    inside = np.zeros(rows, bool)
    for begin, end in zip(begins, ends, strict=True):
        inside[np.searchsorted(time, begin) : np.searchsorted(time, end)] = True
    return inside


def _film(
    rng: Generator, ball: NDArray[np.float64], framerate: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A camera that follows the ball: projections [T, 3, 4] and homographies [T, 3, 3]."""
    rows = len(ball)
    followed = smooth(ball, 3 * framerate)
    focus = np.stack(
        [followed[:, 0].clip(-40, 40), 0.35 * followed[:, 1] - 4, np.zeros(rows)], axis=1
    )
    zoom = smooth(rng.standard_normal((rows, 1)), 20 * framerate)[:, 0] * np.sqrt(20 * framerate)
    focal = 1900 * np.exp(0.15 * zoom)
    cameras = look_at(MAIN_CAMERA, focus, focal)
    return cameras, cameras[:, :, [0, 1, 3]]


def _box_file(
    rng: Generator,
    people: NDArray[np.float64],
    cameras: NDArray[np.float64],
    replay: NDArray[np.bool_],
    framerate: float,
    worn: NDArray[np.int64],
) -> dict[str, Any]:
    """Boxes and colours of those people [T, n, 2] whom the camera sees, in kits `worn` [n].

    Who is NaN is not there.
    """
    rows, count = people.shape[:2]
    feet, heads = project(cameras, people, 0), project(cameras, people, TALL)
    tall = feet[..., 1] - heads[..., 1]
    wide = tall * rng.uniform(0.32, 0.5, tall.shape)
    boxes = np.stack(
        [feet[..., 0] - wide / 2, heads[..., 1], feet[..., 0] + wide / 2, feet[..., 1]], axis=2
    )
    boxes += rng.normal(0, 0.8, boxes.shape)
    height, width = PICTURE
    middle = (boxes[..., 0] + boxes[..., 2]) / 2
    has_box = (middle > 0) & (middle < width) & (boxes[..., 3] > 30) & (boxes[..., 1] < height - 10)
    has_box &= rng.random(has_box.shape) < _BOX_SHARE
    colours = (_KITS[worn] + rng.normal(0, 12, (rows, count, 3))).clip(0, 255)
    # A replay shows a few people from near.
    has_box[replay] = False
    near = np.flatnonzero(replay)
    has_box[near, :_CLOSE] = True
    size = len(near), _CLOSE
    x, tops = rng.uniform(100, 1000, size), rng.uniform(50, 200, size)
    boxes[near, :_CLOSE] = np.stack([x, tops, x + 180, tops + 460], axis=2)
    boxes = boxes.clip(0, [width, height, width, height]).round(4)
    colours = colours.round(1)
    order = rng.random((rows, count)).argsort(axis=1)
    boxes, colours, has_box = (
        np.take_along_axis(values, order.reshape(rows, count, *(1,) * (values.ndim - 2)), axis=1)
        for values in (boxes, colours, has_box)
    )
    ends = np.cumsum(has_box.sum(axis=1))
    shown, tints = boxes[has_box].tolist(), colours[has_box].tolist()
    predictions = [
        {"bboxes": shown[begin:end], "colors": tints[begin:end]}
        for begin, end in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True)
    ]
    return {"size": [rows, *PICTURE, 3], "fps": framerate, "predictions": predictions}


def calibration_file(
    rng: Generator, homographies: NDArray[np.float64], replay: NDArray[np.bool_], framerate: float
) -> dict[str, Any]:
    """Sure for most frames of the game, unsure for some, and wrong during replays."""
    rows = len(homographies)
    confidence = rng.beta(20, 2, rows)
    unsure = rng.random(rows) < 0.06
    confidence[unsure] = rng.uniform(0.3, 0.8, int(unsure.sum()))
    confidence[replay] = rng.uniform(0, 0.7, int(replay.sum()))
    scaled = homographies / homographies[:, 2:, 2:]
    predictions = [
        [{"confidence": sure, "homography": homography}]
        for sure, homography in zip(
            confidence.round(6).tolist(), scaled.reshape(rows, 9).tolist(), strict=True
        )
    ]
    return {"size": [rows, *PICTURE, 3], "fps": framerate, "predictions": predictions}
