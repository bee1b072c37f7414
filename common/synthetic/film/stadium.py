"""The stadium as the cameras see it: pitch, stands and goals. Pictures are blue, green, red."""

from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from common.calibration.pitch import LENGTH, WIDTH
from common.synthetic.camera import PICTURE

FILM = (224, 398)  # height and width of the films in pixels
# From pixels of PICTURE to those of the films.
TO_FILM = np.diag([FILM[1] / PICTURE[1], FILM[0] / PICTURE[0], 1.0])

_PER_METRE = 8  # pixels of the drawn pitch
_PITCH_X, _PITCH_Y = (-66.0, 66.0), (-44.0, 52.0)  # metres that are drawn
_STAND_PER_METRE, _STAND_HEIGHT = 5, 24.0
_FAR_STAND, _END_STAND = -41.0, 63.0  # metres: y of the far stand, x of those behind the goals
_BOARD = 1.3  # metres: height of the advertising
_GOAL_HEIGHT, _GOAL_HALF_WIDTH, _GOAL_DEPTH = 2.44, 3.66, 2.2
_LINE_PIXELS = 2  # a quarter of a metre: broader than life, so that it is seen
_WHITE = (235, 240, 240)


class Stadium:
    """Draws the background of a camera's picture. What it looks like depends on the game.

    Attributes:
        near: blurred backgrounds of close-ups, [224, 398 + 120, 3] each: crowd, and grass.
    """

    def __init__(self, rng: Generator) -> None:
        import cv2

        self._cv2: Any = cv2
        grass = np.array([rng.integers(38, 62), rng.integers(112, 140), rng.integers(48, 80)])
        self._pitch = _draw_pitch(rng, cv2, grass, stripe=float(rng.choice([5.25, 7.5, 10.5])))
        self._stand = _draw_stand(rng, cv2)
        self._surround = tuple(int(value * 0.55) for value in grass)
        self._to_pitch = _texture_to_plane(_PER_METRE, _PITCH_X[0], _PITCH_Y[0])
        self._goals = _goal_lines()
        self._last: tuple[bytes, NDArray[np.uint8]] | None = None
        height, width = FILM
        crowd = cv2.resize(self._stand[:90, :208], (width + 120, height))
        turf = np.full((height, width + 120, 3), grass, np.uint8)
        turf[:, ::40] += 12
        self.near: tuple[NDArray[np.uint8], NDArray[np.uint8]] = (
            cv2.GaussianBlur(crowd, (31, 31), 0).astype(np.uint8),
            cv2.GaussianBlur(turf, (61, 61), 0).astype(np.uint8),
        )

    def background(self, camera: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Picture [224, 398, 3], new, of the empty stadium; `camera` [3, 4] leads to the film."""
        key = camera.tobytes()
        if self._last is None or self._last[0] != key:
            self._last = key, self._paint(camera)
        return self._last[1].copy()

    def _paint(self, camera: NDArray[np.float64]) -> NDArray[np.uint8]:
        cv2, (height, width) = self._cv2, FILM
        ground = camera[:, [0, 1, 3]] @ self._to_pitch
        picture: NDArray[np.uint8] = cv2.warpPerspective(
            self._pitch, ground, (width, height), flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT, borderValue=self._surround,
        )  # fmt: skip
        x, y = _PITCH_X
        self._raise_stand(picture, camera, (x, _FAR_STAND), (y, _FAR_STAND))
        for end in (-_END_STAND, _END_STAND):
            self._raise_stand(picture, camera, (end, _FAR_STAND), (end, _PITCH_Y[1]))
        self._draw_goals(picture, camera)
        return picture

    def _raise_stand(
        self,
        picture: NDArray[np.uint8],
        camera: NDArray[np.float64],
        start: tuple[float, float],
        stop: tuple[float, float],
    ) -> None:
        """Paints a stand on the ground line from `start` to `stop` (x, y)."""
        cv2, (height, width) = self._cv2, FILM
        ends = camera @ np.array([[*start, 0, 1], [*stop, 0, 1]], float).T  # [3, 2]
        if (ends[2] <= 1).any():  # partly behind the camera
            return
        u, v = ends[:2] / ends[2]
        (left, right), slope = np.clip(sorted(u), 0, width), (v[1] - v[0]) / (u[1] - u[0] + 1e-9)
        if right - left < 1:
            return
        lowest = max(v[0] + slope * (left - u[0]), v[0] + slope * (right - u[0]))
        rows = min(height, int(lowest) + 1)  # of the picture, that the stand can reach
        if rows <= 0:
            return
        along = (np.array(stop) - start) / np.linalg.norm(np.array(stop) - start)
        plane = np.stack(
            [camera[:, :2] @ along, camera[:, 2], camera[:, :2] @ np.array(start) + camera[:, 3]], 1
        )  # of metres along the line, and up
        texture = np.array(
            [[1 / _STAND_PER_METRE, 0, 0], [0, -1 / _STAND_PER_METRE, _STAND_HEIGHT], [0, 0, 1]]
        )
        cv2.warpPerspective(
            self._stand, plane @ texture, (width, rows), dst=picture[:rows],
            flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT,
        )  # fmt: skip

    def _draw_goals(self, picture: NDArray[np.uint8], camera: NDArray[np.float64]) -> None:
        cv2 = self._cv2
        for frame, net in self._goals:
            points = camera @ np.concatenate([frame, net]).T  # [3, n]
            if (points[2] <= 1).any():
                continue
            pixels = np.rint(points[:2] / points[2]).T.astype(np.int32)
            if (pixels[:, 0].max() < 0) or (pixels[:, 0].min() > FILM[1]):
                continue
            cv2.polylines(picture, pixels[4:].reshape(-1, 2, 2), False, (170, 175, 175), 1)
            cv2.polylines(picture, [pixels[:4]], False, (250, 250, 250), 2)


def _texture_to_plane(per_metre: float, left: float, top: float) -> NDArray[np.float64]:
    """From pixels of a texture to metres."""
    return np.array([[1 / per_metre, 0, left], [0, 1 / per_metre, top], [0, 0, 1]])


def _draw_pitch(
    rng: Generator, cv2: Any, grass: NDArray[np.int64], stripe: float
) -> NDArray[np.uint8]:
    """The pitch from above, with stripes, lines and what lies around it."""
    width, height = (int((high - low) * _PER_METRE) for low, high in (_PITCH_X, _PITCH_Y))
    x = _PITCH_X[0] + np.arange(width) / _PER_METRE
    light = 1 + 0.09 * np.where(np.floor(x / stripe) % 2, 1, -1)
    pitch = np.broadcast_to(grass * light[:, None], (height, width, 3))
    noise = cv2.GaussianBlur(rng.normal(0, 14, (height, width)).astype(np.float32), (9, 9), 0)
    pitch = np.clip(pitch + noise[..., None], 0, 255).astype(np.uint8)
    _draw_lines(cv2, pitch)
    return pitch


def _draw_lines(cv2: Any, pitch: NDArray[np.uint8]) -> None:
    def pixel(x: float, y: float) -> tuple[int, int]:
        return round((x - _PITCH_X[0]) * _PER_METRE), round((y - _PITCH_Y[0]) * _PER_METRE)

    def box(x1: float, x2: float, half_width: float) -> None:
        cv2.rectangle(pitch, pixel(x1, -half_width), pixel(x2, half_width), _WHITE, _LINE_PIXELS)

    end, radius = LENGTH / 2, round(9.15 * _PER_METRE)
    box(-end, end, WIDTH / 2)
    cv2.line(pitch, pixel(0, -WIDTH / 2), pixel(0, WIDTH / 2), _WHITE, _LINE_PIXELS)
    cv2.circle(pitch, pixel(0, 0), radius, _WHITE, _LINE_PIXELS, cv2.LINE_AA)
    cv2.circle(pitch, pixel(0, 0), 3, _WHITE, -1)
    for side in (-1, 1):
        box(side * end, side * (end - 16.5), 20.16)
        box(side * end, side * (end - 5.5), 9.16)
        cv2.circle(pitch, pixel(side * (end - 11), 0), 3, _WHITE, -1)
        angle = 180 if side > 0 else 0
        cv2.ellipse(pitch, pixel(side * (end - 11), 0), (radius, radius), angle, -53, 53, _WHITE,
                    _LINE_PIXELS, cv2.LINE_AA)  # fmt: skip


def _draw_stand(rng: Generator, cv2: Any) -> NDArray[np.uint8]:
    """A stand from the front: people in many colours, above them the roof, below advertising."""
    width = int((_PITCH_X[1] - _PITCH_X[0]) * _STAND_PER_METRE)
    height = int(_STAND_HEIGHT * _STAND_PER_METRE)
    colours = rng.integers(40, 190, (height // 2, width // 2, 3)) * rng.uniform(0.5, 1)
    stand = cv2.resize(colours.astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
    stand[::10] //= 2  # rows of seats
    stand[:18] = 40
    board = int(_BOARD * _STAND_PER_METRE)
    stand[-board:] = (60, 30, 30)
    for left in range(0, width, 60):
        stand[-board:, left : left + 60] = rng.integers(60, 230, 3)
    return stand


def _goal_lines() -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """For both goals: the frame as a path of 4 points, and ends of lines of the net, [n, 4]."""
    goals = []
    y, z = _GOAL_HALF_WIDTH, _GOAL_HEIGHT
    for side in (-1, 1):
        x, back = side * LENGTH / 2, side * (LENGTH / 2 + _GOAL_DEPTH)
        frame = np.array([[x, -y, 0, 1], [x, -y, z, 1], [x, y, z, 1], [x, y, 0, 1]])
        net = [
            point
            for across in np.linspace(-y, y, 7)
            for point in ((x, across, z, 1), (back, across, z, 1),
                          (back, across, z, 1), (back, across, 0, 1))
        ]  # fmt: skip
        for up in np.linspace(0, z, 4):
            net += [(back, -y, up, 1), (back, y, up, 1)]
        goals.append((frame, np.array(net)))
    return goals
