"""The films of a game, and what is known about their frames: boxes and calibrations."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.random import Generator
from numpy.typing import NDArray

from common.calibration.players import player_files
from common.files import write_bytes
from common.synthetic.camera import PICTURE
from common.synthetic.film.camera_crew import CameraCrew, FilmFrame
from common.synthetic.film.figures import Colour
from common.synthetic.film.match_half import MatchHalf
from common.synthetic.film.stadium import FILM
from common.synthetic.film.video_file import exact_rate, write_video
from common.synthetic.game import HALVES, Game, part_generator
from common.synthetic.players import calibration_file
from common.video.sampling import counted_frames

VIDEO_FILE = "224p.mkv"
# Parts of a game's randomness, after those of `game.part_generator`.
_LOOKS_PART, _FILM_PART, _CALIBRATION_PART = 5, 5, 7  # the last two plus the half


def film_game(
    folder: Path,
    game: Game,
    *,
    seed: int,
    split: int,
    index: int,
    video_fps: float,
    players_framerate: float | None = None,
) -> None:
    """Writes the films of both halves; at `players_framerate` also boxes and calibrations.

    Args:
        folder: of the game.
        seed, split, index: which game it is; see `game.part_generator`.
        video_fps: frames per second of the films.
        players_framerate: rows per second of the box and calibration files; None writes none.
    """
    crew = CameraCrew(part_generator(seed, split, index, _LOOKS_PART))
    rate = exact_rate(video_fps)
    for half in HALVES:
        rng = part_generator(seed, split, index, _FILM_PART + half)
        match = MatchHalf(rng, game, half=half, framerate=float(rate))
        notes = _Notes(crew, match, players_framerate)
        write_video(folder / f"{half}_{VIDEO_FILE}", notes.pictures(rng), rate)
        if players_framerate is not None:
            rng = part_generator(seed, split, index, _CALIBRATION_PART + half)
            contents = notes.box_file(), notes.calibration_file(rng)
            for name, content in zip(player_files(), contents, strict=True):
                write_bytes(folder / f"{half}_{name}", orjson.dumps(content))


class _Notes:
    """Takes down, while a half is filmed, what the frames of the feature rows show."""

    def __init__(self, crew: CameraCrew, match: MatchHalf, framerate: float | None) -> None:
        self._crew, self._match, self._framerate = crew, match, framerate or 0.0
        self._rows = (
            set(counted_frames(match.frames, match.framerate / framerate).tolist())
            if framerate
            else set()
        )
        self._boxes: list[dict[str, Any]] = []
        self._homographies: list[NDArray[np.float64]] = []
        self._elsewhere: list[bool] = []

    def pictures(self, rng: Generator) -> Iterator[NDArray[np.uint8]]:
        """The pictures of the half, each as soon as it is drawn."""
        for number, frame in enumerate(self._crew.film(rng, self._match)):
            if number in self._rows:
                self._boxes.append(frame_boxes(frame, self._crew.kits.shirts))
                self._homographies.append(frame.camera[:, [0, 1, 3]])
                self._elsewhere.append(frame.shot is not None)
            yield frame.picture

    def box_file(self) -> dict[str, Any]:
        size = [len(self._boxes), *PICTURE, 3]
        return {"size": size, "fps": self._framerate, "predictions": self._boxes}

    def calibration_file(self, rng: Generator) -> dict[str, Any]:
        homographies = np.array(self._homographies).reshape(-1, 3, 3)
        elsewhere = np.array(self._elsewhere, bool)
        return calibration_file(rng, homographies, elsewhere, self._framerate)


def frame_boxes(frame: FilmFrame, shirts: list[Colour]) -> dict[str, Any]:
    """A frame's entry in the box file: boxes in pixels of PICTURE, colours of the shirts."""
    scale = np.array([PICTURE[1] / FILM[1], PICTURE[0] / FILM[0]] * 2)
    boxes = (np.array(frame.boxes, float).reshape(-1, 4) * scale).round(4)
    colours = [list(map(float, shirts[person])) for person in frame.people]
    return {"bboxes": boxes.tolist(), "colors": colours}
