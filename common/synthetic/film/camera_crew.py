"""Frames of a half, one after another: what the broadcast shows, drawn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sin

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from common.synthetic.camera import look_at
from common.synthetic.film.cutting import REPLAY_SPEED, Shot, cut_shots
from common.synthetic.film.figures import CARDS, Box, Colour, Kits, draw_near, draw_person
from common.synthetic.film.graphics import Scoreboard, draw_banner, draw_board, draw_replay_sign
from common.synthetic.film.match_half import MatchHalf
from common.synthetic.film.plays import OTHER_ASSISTANT
from common.synthetic.film.stadium import FILM, TO_FILM, Stadium
from common.synthetic.players import TALL

_NEAREST = 2.0  # metres before a camera
_REPLAY_FOCAL = 75.0  # pixels of focal length per metre of distance
_FAR = 10_000  # pixels
_BLOCK = 256  # frames whose people and cameras are computed together
_BALL = 0.17  # metres: radius, half as large again as in life


@dataclass(frozen=True)
class FilmFrame:
    """A frame and what is in it.

    Attributes:
        time: seconds of the half, of the video.
        shot: what is shown instead of the main camera, or None.
        scoreboard: what it says.
        picture: [224, 398, 3], blue, green, red.
        camera: the main camera's projection [3, 4] to pixels of `camera.PICTURE`, also where the
            picture shows something else.
        boxes: of the people in the picture, pixels of the film, the nearest last.
        people: who they are, 0-24.
    """

    time: float
    shot: Shot | None
    scoreboard: str
    picture: NDArray[np.uint8]
    camera: NDArray[np.float64]
    boxes: list[Box]
    people: list[int]


@dataclass(frozen=True)
class _Look:
    """How a close-up looks.

    Attributes:
        person: who is seen, if it is not the person of the shot.
        mate_at: columns from the middle to a second person; 0 for none.
    """

    arms: str = ""
    on_grass: bool = False
    person: int | None = None
    scale: float = 0.9
    mate_at: int = 0
    mate_arms: str = ""


_CARD_LOOK = _Look(arms="one", on_grass=True)
_LOOKS = {
    "yellow": _CARD_LOOK,
    "red": _CARD_LOOK,
    "second yellow": _CARD_LOOK,
    "joy": _Look(arms="both", mate_at=80, mate_arms="both"),
    "sorrow": _Look(arms="head", on_grass=True),
    "flag": _Look(arms="one"),
    "board": _Look(arms="both", person=OTHER_ASSISTANT, scale=0.75, mate_at=70),
    "player": _Look(),
}


class CameraCrew:
    """Films the halves of one game.

    Attributes:
        kits: who wears what.
    """

    def __init__(self, looks: Generator) -> None:
        import cv2

        self._cv2 = cv2
        self.stadium, self.kits = Stadium(looks), Kits(looks)

    def film(self, rng: Generator, half: MatchHalf) -> Iterator[FilmFrame]:
        """All frames of a half, in the order of time."""
        shots = cut_shots(rng, half.plays, half.frames / half.framerate)
        board = Scoreboard(half.game.home_team, half.game.away_team)
        for first in range(0, half.frames, _BLOCK):
            times = np.arange(first, min(first + _BLOCK, half.frames)) / half.framerate
            shown = _shots_at(shots, times)
            cameras = half.cameras_at(times)
            views = _views(half, times, shown, cameras)
            for time, shot, camera, view in zip(times.tolist(), shown, cameras, views, strict=True):
                near = shot is not None and shot.kind != "replay"
                picture, boxes, people = (
                    self._near(time, shot) if shot is not None and near else self._wide(half, view)
                )
                text = board.text(half.half, time, half.score_at(time))
                self._lay_over(half, picture, time, shot)
                board.draw(self._cv2, picture, text)
                yield FilmFrame(time, shot, text, picture, camera, boxes, people)

    def _wide(
        self, half: MatchHalf, view: "_View"
    ) -> tuple[NDArray[np.uint8], list[Box], list[int]]:
        """The match as a camera sees it."""
        picture = self.stadium.background(view.camera)
        poses = half.poses_at(view.time)
        boxes, people = [], []
        for person in view.order:
            box = draw_person(
                self._cv2, picture, self.kits, person, foot=view.feet[person],
                tall=view.tall[person], stride=view.stride[person], pose=poses.get(person),
            )  # fmt: skip
            if box is not None:
                boxes.append(box)
                people.append(person)
        self._draw_ball(picture, view.camera, view.ball)
        return picture, boxes, people

    def _draw_ball(
        self, picture: NDArray[np.uint8], camera: NDArray[np.float64], ball: NDArray[np.float64]
    ) -> None:
        cv2, (x, y, z) = self._cv2, ball
        points = camera @ np.array([[x, y, z + _BALL, 1], [x, y, 0, 1]]).T
        if (points[2] < _NEAREST).any():
            return
        (u, shade_u), (v, shade_v) = np.rint(points[:2] / points[2]).astype(int).tolist()
        size = max(2, round(_BALL * float(np.hypot(*camera[0, :2])) / float(points[2, 0])))
        if z > 0.4:
            cv2.circle(picture, (shade_u, shade_v), 1, (30, 60, 30), -1)
        cv2.circle(picture, (u, v), size, (250, 250, 250), -1)

    def _near(self, time: float, shot: Shot) -> tuple[NDArray[np.uint8], list[Box], list[int]]:
        """Somebody from near, maybe with a second person behind him."""
        look = _LOOKS[shot.kind]
        start = round(60 + 40 * sin(0.5 * time + shot.person))
        ground = self.stadium.near[look.on_grass]
        picture = ground[:, start : start + FILM[1]].copy()
        middle = FILM[1] // 2 + round(6 * sin(2.1 * time))
        card = _card(shot.kind, time - shot.begin)
        seen = [(shot.person if look.person is None else look.person, middle, look.arms, 0.9)]
        if look.mate_at:  # behind; the first one steps aside
            mate = shot.person - 1 if shot.person % 11 else shot.person + 1
            first = (seen[0][0], middle - 35, look.arms, look.scale)
            seen = [(mate, middle + look.mate_at, look.mate_arms, 0.8), first]
        boxes = [
            draw_near(self._cv2, picture, self.kits, person, middle=at, arms=arms, scale=scale)
            for person, at, arms, scale in seen
        ]
        self._draw_held(picture, shot, middle, card)
        return picture, boxes, [person for person, *_ in seen]

    def _draw_held(
        self, picture: NDArray[np.uint8], shot: Shot, middle: int, card: Colour | None
    ) -> None:
        """What somebody from near holds: a card, a flag, the board of a substitution."""
        cv2 = self._cv2
        if card is not None:
            cv2.rectangle(picture, (middle + 40, 4), (middle + 72, 52), card, -1)
        elif shot.kind == "flag":
            cv2.line(picture, (middle + 54, 60), (middle + 60, 0), (60, 90, 120), 4)
            cv2.rectangle(picture, (middle + 58, 0), (middle + 112, 44), (0, 140, 255), -1)
            cv2.rectangle(picture, (middle + 58, 0), (middle + 85, 22), (30, 230, 250), -1)
        elif shot.kind == "board":
            numbers = 2 + shot.person % 11, 12 + (5 * shot.person) % 11
            draw_board(cv2, picture, numbers, middle - 35)

    def _lay_over(
        self, half: MatchHalf, picture: NDArray[np.uint8], time: float, shot: Shot | None
    ) -> None:
        play = half.play_at(time)
        banner = play.play.banner if play is not None and play.visible else None
        if play is not None and banner is not None and banner[0] <= time - play.time < banner[1]:
            draw_banner(self._cv2, picture, banner[2])
        if shot is not None and shot.kind == "replay":
            draw_replay_sign(self._cv2, picture, time - shot.begin, shot.end - time)


def _card(kind: str, age: float) -> Colour | None:
    """The colour of a card that is held up in a close-up of this kind and age."""
    if kind == "second yellow":
        return CARDS["yellow" if age < 1.2 else "red"]
    return CARDS.get(kind)


@dataclass(frozen=True)
class _View:
    """A time of the match as a camera sees it: metres, pixels of the film.

    Attributes:
        camera: to pixels of the film, [3, 4].
        feet, tall: pixels where each person stands, and his height.
        stride: how far his legs are apart, -1 to 1.
        order: people before the camera, the farthest first.
    """

    time: float
    camera: NDArray[np.float64]
    ball: NDArray[np.float64]
    feet: list[tuple[int, int]]
    tall: list[int]
    stride: list[float]
    order: list[int]


def _views(
    half: MatchHalf,
    times: NDArray[np.float64],
    shown: Sequence[Shot | None],
    cameras: NDArray[np.float64],
) -> Iterator[_View]:
    """What the main camera, or that of a replay, sees at each of these times of the video."""
    times, cameras = times.copy(), cameras.copy()
    replays = [n for n, shot in enumerate(shown) if shot is not None and shot.kind == "replay"]
    for n in replays:
        shot = shown[n]
        assert shot is not None
        times[n] = shot.source + REPLAY_SPEED * (times[n] - shot.begin)
        cameras[n] = _replay_camera(half.ball_at(times[n : n + 1])[0])
    cameras = TO_FILM @ cameras
    places, speeds = half.people_at(times)
    feet = np.einsum("nij,nkj->nki", cameras[:, :, :2], places) + cameras[:, None, :, 3]
    heads = feet + TALL * cameras[:, None, :, 2]  # [n, 25, 3]
    before = np.minimum(feet[..., 2], heads[..., 2]) > _NEAREST
    with np.errstate(divide="ignore", invalid="ignore"):
        tall = feet[..., 1] / feet[..., 2] - heads[..., 1] / heads[..., 2]
        at = np.where(before[..., None], feet[..., :2] / feet[..., 2:], -_FAR)
    at, tall = np.rint(at).clip(-_FAR, _FAR).astype(int), np.where(before, tall, 0)
    pace = np.minimum(1, np.hypot(speeds[..., 0], speeds[..., 1]) / 4)
    stride = pace * np.sin(9 * times[:, None] + 2.4 * np.arange(places.shape[1]))
    order = np.argsort(-feet[..., 2], axis=1, kind="stable")
    rows = zip(times.tolist(), cameras, half.ball_at(times), at.tolist(),
               np.rint(tall).astype(int).tolist(), stride.tolist(), order.tolist(),
               strict=True)  # fmt: skip
    yield from (_View(*row) for row in rows)


def _shots_at(shots: Sequence[Shot], times: NDArray[np.float64]) -> list[Shot | None]:
    """The shot at each time, None where it is the main camera's."""
    begins = [shot.begin for shot in shots]
    numbers = np.searchsorted(begins, times, "right") - 1
    return [
        shots[k] if k >= 0 and time < shots[k].end else None
        for k, time in zip(numbers.tolist(), times.tolist(), strict=True)
    ]


def _replay_camera(ball: NDArray[np.float64]) -> NDArray[np.float64]:
    """A lower camera nearer to the ball: [3, 4]."""
    x, y, z = ball.tolist()
    position = np.array([0.7 * x, 52.0, 10.0])
    focus = np.array([[x, y - 1, 0.5 * z]])
    focal = _REPLAY_FOCAL * np.linalg.norm(focus - position, axis=1)
    return look_at(position, focus, focal)[0]
