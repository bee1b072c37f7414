"""A half of a match for the cameras: where ball and people are at any time, and who shows what."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from common.data.events import V2_NAMES
from common.synthetic.camera import MAIN_CAMERA, look_at
from common.synthetic.film.plays import OTHER_ASSISTANT, OWN_ASSISTANT, Play, Pose, draw_play
from common.synthetic.game import Game
from common.synthetic.players import ball_track, people_tracks, smooth

STEPS = 10  # positions of people and cameras per second; between them they go straight
_WALKING_SECONDS = 3.0  # to and from where a play wants everybody
_QUICKEST_WALK = 0.3
_ZONE = np.array([3.0, 2.0])  # metres that the ball may leave the middle before the camera follows
_FOCAL, _FOCAL_AT = 2300.0, 84.0  # focal length in pixels at so many metres


@dataclass(frozen=True)
class StagedPlay:
    """A play in its half: seconds and teams of the half, metres as the pitch lies.

    `begin` and `end` bound the time in which anything follows the play; `who` says which person of
    the half (0-10 home, 11-21 away) each person of the play is.
    """

    begin: float
    end: float
    time: float
    event: str
    home: bool
    visible: bool
    play: Play
    sign: float
    who: NDArray[np.int64]

    def weights(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """How much of the positions at these times are the play's, 0 to 1."""
        stands, leaves = self.time - self.play.before, self.time + self.play.after
        walk_in = min(_WALKING_SECONDS, max(_QUICKEST_WALK, (self.time - self.begin) / 2))
        walk_out = min(_WALKING_SECONDS, max(_QUICKEST_WALK, (self.end - self.time) / 2))
        start = max(self.begin, stands - walk_in)
        stop = min(self.end, leaves + walk_out)
        rise, fall = (times - start) / walk_in, (stop - times) / walk_out
        return np.clip(np.minimum(rise, fall), 0, 1)

    def ball(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where the play wants the ball: [T, 3]."""
        path = self.play.ball
        age = times - self.time
        places = np.stack([np.interp(age, path[:, 0], path[:, k]) for k in (1, 2, 3)], axis=1)
        return places * (self.sign, self.sign, 1)

    def people(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where the play wants the people `who[:23]`: [T, 23, 2]."""
        moments = np.array([moment for moment, _ in self.play.stations])
        places = np.stack([place for _, place in self.play.stations])
        age = np.clip(times - self.time, moments[0], moments[-1])
        after = np.clip(np.searchsorted(moments, age), 1, max(1, len(moments) - 1))
        if len(moments) == 1:
            return np.repeat(places * self.sign, len(times), axis=0)
        part = (age - moments[after - 1]) / (moments[after] - moments[after - 1])
        between = places[after - 1] + part[:, None, None] * (places[after] - places[after - 1])
        return between * self.sign


class MatchHalf:
    """Tracks of one half.

    Attributes:
        game: of which it is a half.
        half: 1 or 2.
        framerate: of the video, frames per second.
        frames: number of frames T.
        plays: in the order of time.
        ball: metres and height in each frame, [T, 3].
    """

    def __init__(self, rng: Generator, game: Game, *, half: int, framerate: float) -> None:
        self.game, self.half, self.framerate = game, half, framerate
        seconds = game.half_seconds[half - 1]
        self.frames = max(1, round(seconds * framerate))
        self.plays = _stage(rng, game, half, seconds)
        self._goals = _goal_times(game, half)
        self._begins = np.array([play.begin for play in self.plays])
        self.ball = _ball(rng, self.plays, self.frames, framerate)
        steps = int(seconds * STEPS) + 2
        nearest = np.minimum(np.arange(steps) * framerate / STEPS, self.frames - 1).astype(int)
        ball = self.ball[nearest]
        self._people = _people(rng, self.plays, ball[:, :2], home_right=half == 1)
        self._focus, self._focal = _follow(ball)

    def people_at(
        self, times: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Places of the 25 people in metres, and metres per second: [n, 25, 2] each."""
        step, part = self._steps(times)
        before, after = self._people[step], self._people[step + 1]
        return before + part[:, None, None] * (after - before), (after - before) * STEPS

    def ball_at(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Place of the ball and its height in metres in the frames at these times, [n, 3]."""
        frames = np.floor(np.round(times * self.framerate, 6)).astype(int)
        return self.ball[np.clip(frames, 0, self.frames - 1)]

    def cameras_at(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """The main camera, [n, 3, 4], to pixels of PICTURE; it stands still for many frames."""
        step, part = self._steps(times)
        focus = self._focus[step] + part[:, None] * (self._focus[step + 1] - self._focus[step])
        focal = self._focal[step] + part * (self._focal[step + 1] - self._focal[step])
        focus, focal = np.rint(focus * 10) / 10, np.rint(focal / 10) * 10
        return look_at(MAIN_CAMERA, np.c_[focus, np.zeros(len(focus))], focal)

    def play_at(self, time: float) -> StagedPlay | None:
        """The play that everybody follows at this time."""
        number = int(np.searchsorted(self._begins, time, "right")) - 1
        if number < 0 or time >= self.plays[number].end:
            return None
        return self.plays[number]

    def poses_at(self, time: float) -> dict[int, str]:
        """Who shows what at this time: person of the half to kind of pose."""
        play = self.play_at(time)
        return {} if play is None else {
            int(play.who[pose.person]): pose.kind
            for pose in play.play.poses
            if _holds(pose, time - play.time)
        }  # fmt: skip

    def score_at(self, time: float) -> tuple[int, int]:
        """Goals of the home and the away team up to this time, those of the first half included."""
        home, away = (bisect_right(goals, time) for goals in self._goals)
        return home, away

    def _steps(self, times: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The step before each time, and how far on to the next it is, 0 to 1."""
        place = np.clip(times * STEPS, 0, len(self._people) - 1.001)
        step = place.astype(np.int64)
        return step, place - step


def _goal_times(game: Game, half: int) -> tuple[list[float], list[float]]:
    """When the home and the away team score, in seconds of this half; earlier ones below 0."""
    events = game.events
    goals = (events.event == V2_NAMES.index("Goal")) & (events.half <= half)
    seconds = np.where(events.half == half, events.milliseconds / 1000, -1.0)
    return seconds[goals & events.home].tolist(), seconds[goals & ~events.home].tolist()


def _holds(pose: Pose, age: float) -> bool:
    return pose.begin <= age < pose.end


def _stage(rng: Generator, game: Game, half: int, seconds: float) -> list[StagedPlay]:
    """The plays of a half; each has the time up to the middle between its neighbours."""
    events = game.events
    numbers = np.flatnonzero(events.half == half)
    times = events.milliseconds[numbers] / 1000
    middles = [-_WALKING_SECONDS, *((times[1:] + times[:-1]) / 2), seconds + _WALKING_SECONDS]
    staged = []
    for place, (number, time) in enumerate(zip(numbers, times, strict=True)):
        home, event = bool(events.home[number]), V2_NAMES[events.event[number]]
        play = draw_play(rng, event, game.home_team if home else game.away_team)
        right = home == (half == 1)  # the home team attacks to the right in the first half
        us, them = np.arange(11), np.arange(11, 22)
        assistants = [OWN_ASSISTANT, OTHER_ASSISTANT]
        who = np.r_[us, them, 22, assistants] if home else np.r_[them, us, 22, assistants[::-1]]
        staged.append(
            StagedPlay(
                begin=max(middles[place], time - play.before - _WALKING_SECONDS),
                end=min(middles[place + 1], time + play.after + _WALKING_SECONDS),
                time=float(time), event=event, home=home, visible=bool(events.visible[number]),
                play=play, sign=1.0 if right else -1.0, who=who,
            )
        )  # fmt: skip
    return staged


def _ball(
    rng: Generator, plays: Sequence[StagedPlay], frames: int, framerate: float
) -> NDArray[np.float64]:
    """The ball in each frame, [T, 3]: it wanders, but for the plays."""
    ball = np.zeros((frames, 3))
    ball[:, :2] = ball_track(rng, [], frames, framerate)
    for play in plays:
        span = slice(max(0, int(play.begin * framerate)), int(play.end * framerate) + 1)
        times = np.arange(frames)[span] / framerate
        weight = play.weights(times)[:, None]
        ball[span] += weight * (play.ball(times) - ball[span])
    return ball


def _people(
    rng: Generator, plays: Sequence[StagedPlay], ball: NDArray[np.float64], home_right: bool
) -> NDArray[np.float64]:
    """Everybody at each step, [S, 25, 2]: two formations, but for the plays."""
    people = people_tracks(rng, [], ball, STEPS, home_right)
    for play in plays:
        span = slice(max(0, int(play.begin * STEPS)), int(play.end * STEPS) + 1)
        times = np.arange(len(people))[span] / STEPS
        moved = people[span][:, play.who[:23]]
        weight = play.weights(times)[:, None, None]
        people[span, play.who[:23]] = moved + weight * (play.people(times) - moved)
    return people


def _follow(ball: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What the main camera looks at, [S, 2], and its focal length, [S].

    Whoever turns it moves only when the ball is about to leave the middle of the picture.
    """
    wanted = smooth(ball[:, :2], 0.8 * STEPS)
    wanted = np.stack([wanted[:, 0].clip(-43, 43), 0.75 * wanted[:, 1] - 2], axis=1)
    focus, here = np.empty_like(wanted), wanted[0].copy()
    for step, place in enumerate(wanted):
        away = place - here
        here += away - np.clip(away, -_ZONE, _ZONE)
        focus[step] = here
    focus = smooth(focus, 0.8 * STEPS)
    distance = np.linalg.norm(np.c_[focus, np.zeros(len(focus))] - MAIN_CAMERA, axis=1)
    return focus, _FOCAL * (distance / _FOCAL_AT) ** 0.7
