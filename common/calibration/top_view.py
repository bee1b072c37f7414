"""Top views: the pitch, what the camera sees of it, and the players, a small picture per frame."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.calibration.pitch import LENGTH, WIDTH, footprint, near_pitch, to_pitch
from common.calibration.pitch_drawing import exact_field, published_field
from common.calibration.players import CONFIDENT, TEACHER_CONFIDENT, Players
from common.errors import UserError, needs_extra

_LARGEST = 4096  # pixels, of a side
_LONGEST_TRAIL = 1000  # frames
_FARTHEST = 1 << 20  # pixels from the picture that an outline may reach
_WHITE = (255, 255, 255)
_PIXEL = np.dtype("V3")  # red, green and blue as one item


@dataclass(frozen=True, kw_only=True)
class TopView:
    """What is drawn, and how large.

    Attributes:
        width, height: of the picture, in pixels.
        player: side of a player's square, in pixels, even.
        calibration: on the pitch; otherwise boxes as they lie in the broadcast picture.
        field, cone: draw pitch lines; the outline of what the camera sees.
        physic: a channel per information, players, footprint, lines, instead of colours.
        trail: draw the players of so many frames before and after, fading.
        teacher: the thresholds and the drawing that go with the teacher network's calibration.
        published: the original's mapping, drawing and cropping.
        margin: leave out who stands farther than so many metres from the pitch; None draws all.
    """

    width: int = 64
    height: int = 32
    player: int = 2
    calibration: bool = False
    field: bool = False
    cone: bool = False
    physic: bool = False
    trail: int = 0
    teacher: bool = False
    published: bool = False
    margin: float | None = None

    def __post_init__(self) -> None:
        if not 2 <= self.player <= _LARGEST or self.player % 2:
            raise UserError(
                "--dim_representation_player must be an even number of pixels, at most "
                f"{_LARGEST}, found {self.player}"
            )
        if min(self.width, self.height) < 28 or max(self.width, self.height) > _LARGEST:
            raise UserError(
                "--dim_representation_w and --dim_representation_h must be from 28 to "
                f"{_LARGEST} pixels, found {self.width} and {self.height}"
            )
        if not 0 <= self.trail <= _LONGEST_TRAIL:
            raise UserError(
                f"--with_trail must be from 0 to {_LONGEST_TRAIL} frames, found {self.trail}"
            )

    @property
    def confident(self) -> float:
        """Confidence from which a calibration is used."""
        return TEACHER_CONFIDENT if self.teacher else CONFIDENT

    def draw(
        self, players: Players, frames: NDArray[np.int64], background: int = 0
    ) -> NDArray[np.uint8]:
        """Pictures of these frames: [n, height, width, 3].

        A frame without a usable calibration shows nothing but the background, as does one that
        lies behind the half.
        """
        empty = np.full((self.height, self.width, 3), background, np.uint8)
        if not self.calibration:
            images = np.repeat(empty[None], len(frames), axis=0)
            self._draw_boxes(images, players, frames)
            return images
        known = players.calibrated(frames, self.confident)
        if self.published:  # which leaves frames behind the list of boxes black
            known &= frames < len(players.offsets) - 1
        images = np.stack([empty, self._pitch(empty)])[known.astype(np.intp)]
        shown = np.flatnonzero(known)
        inverses = players.inverses[frames[shown]]  # [m, 3, 3]
        if self.cone:
            self._draw_outlines(images, shown, inverses, players.camera_picture)
        for offset, strength in self._trail(frames[shown], len(players.offsets) - 1):
            self._draw_players(images, shown, inverses, players, frames[shown] + offset, strength)
        self._draw_players(images, shown, inverses, players, frames[shown])
        return images

    def _pitch(self, empty: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture of a pitch without players."""
        pitch = empty.copy()
        if self.field and self.published:
            lines = published_field(self.width, self.height, self.teacher)
        elif self.field:
            lines = exact_field(self.width, self.height)
        else:
            return pitch
        pitch[:, :, 2 if self.physic else slice(None)] = lines if self.physic else lines[..., None]
        return pitch

    def _pixels(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Columns and rows of points on the pitch: the pixel corner nearest to each.

        The original cuts off decimals, and lays players two pixels right of and below the lines.
        """
        centre = 0.525 if self.published else 0.5
        column = self.width * (0.95 * x / LENGTH + centre)
        row = self.height * (0.95 * y / WIDTH + centre)
        return (
            (np.trunc(column), np.trunc(row)) if self.published else (np.rint(column), np.rint(row))
        )

    def _draw_outlines(
        self,
        images: NDArray[np.uint8],
        shown: NDArray[np.int64],
        inverses: NDArray[np.float64],
        picture: tuple[int, int],
    ) -> None:
        """The footprint of the camera: its outline in white, or filled in channel 1."""
        with needs_extra("calibration", "drawing a top view"):
            import cv2
        x, y = footprint(inverses, *picture, self.published)
        column, row = self._pixels(x, y)  # [m, 4] each
        corners = np.stack([column, row], axis=2)
        drawable = np.isfinite(corners).all(axis=(1, 2))
        corners = np.clip(corners[drawable], -_FARTHEST, _FARTHEST).astype(np.int32)
        # One call of the library's per frame, three microseconds each.
        for place, polygon in zip(shown[drawable].tolist(), corners, strict=True):
            if self.physic:
                channel = np.zeros((self.height, self.width), np.uint8)
                cv2.fillPoly(channel, [polygon], 255)
                images[place, :, :, 1] = channel
            else:
                cv2.polylines(images[place], [polygon], True, _WHITE)

    def _trail(
        self, frames: NDArray[np.int64], count: int
    ) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Offsets and strengths of the neighbouring frames, in the order of time.

        The strength falls to 1 / (trail + 1) at either end. At the start of a half the original
        reads the strengths from the first on, whatever the number of frames before.
        """
        k = self.trail
        for offset in range(-k, k + 1):
            strength = np.full(len(frames), 1 - abs(offset) / (k + 1))
            if self.published:
                place = np.minimum(frames, k) + offset  # among the frames that there are
                strength = 1 - np.abs(np.clip(place, 0, 2 * k) - k) / (k + 1)
            inside = (frames + offset >= 0) & (frames + offset < count)
            if k:
                yield offset, np.where(inside, strength, 0.0)

    def _draw_players(
        self,
        images: NDArray[np.uint8],
        shown: NDArray[np.int64],
        inverses: NDArray[np.float64],
        players: Players,
        frames: NDArray[np.int64],
        strength: NDArray[np.float64] | None = None,
    ) -> None:
        """A square at the foot of each box of `frames`, seen by the cameras of `shown`."""
        if strength is not None:
            kept = strength > 0
            shown, inverses, frames, strength = (
                shown[kept], inverses[kept], frames[kept], strength[kept]
            )  # fmt: skip
        number, place = players.boxes_of(frames)
        box = players.boxes[number]
        middle = np.trunc((box[:, 0].astype(np.float64) + box[:, 2]) / 2)
        x, y, _ = to_pitch(inverses[place], middle, box[:, 3].astype(np.float64))
        column, row = self._pixels(x, y)
        r = self.player // 2
        with np.errstate(invalid="ignore"):
            inside = (column - r >= 0) & (column + r < self.width)
            inside &= (row - r >= 0) & (row + r < self.height)
            if not self.published:  # also those that the border of the picture cuts
                inside = (column > -r) & (column < self.width + r)
                inside &= (row > -r) & (row < self.height + r)
        if self.margin is not None:
            inside &= near_pitch(x, y, self.margin)
        colour = np.full((len(number), 3), 255.0) if self.physic else players.colours[number]
        if strength is not None:
            colour = colour * strength[place, None]
        painted = np.trunc(colour[inside]).astype(np.uint8)
        self._paint(
            images,
            shown[place[inside]],
            row[inside].astype(int),
            column[inside].astype(int),
            painted,
        )

    def _paint(
        self,
        images: NDArray[np.uint8],
        image: NDArray[np.int64],
        row: NDArray[np.int64],
        column: NDArray[np.int64],
        colour: NDArray[np.uint8],
    ) -> None:
        """Squares of `player` pixels, later ones over earlier ones."""
        offsets = np.arange(self.player) - self.player // 2
        rows = row[:, None] + offsets  # [k, P]
        columns = column[:, None] + offsets
        pixel = (image[:, None] * self.height + rows)[..., None] * self.width  # [k, P, 1]
        pixel = pixel + columns[:, None]  # [k, P, P]
        owner = np.repeat(np.arange(len(row)), self.player**2)
        kept: slice | NDArray[np.bool_] = slice(None)
        if not self.published:  # squares may reach over the border
            rows_fit = ((rows >= 0) & (rows < self.height))[..., None]
            kept = (rows_fit & ((columns >= 0) & (columns < self.width))[:, None]).ravel()
        pixel, owner = pixel.ravel()[kept], owner[kept]
        if self.physic:
            images.reshape(-1, 3)[pixel, 0] = colour[owner, 0]
            return
        # Of equal places numpy keeps the last. A pixel as one item: ten times faster than three.
        images.reshape(-1).view(_PIXEL)[pixel] = colour.reshape(-1).view(_PIXEL)[owner]

    def _draw_boxes(
        self, images: NDArray[np.uint8], players: Players, frames: NDArray[np.int64]
    ) -> None:
        """Boxes as they lie in the broadcast picture, later ones over earlier ones."""
        number, place = players.boxes_of(frames)
        box = players.boxes[number]
        height, width = players.box_picture
        scale = np.array([width / self.width, height / self.height] * 2)
        last = np.array([self.width - 1, self.height - 1] * 2)
        left, top, right, bottom = np.clip(np.trunc(box / scale), 0, last).astype(int).T
        colour = np.trunc(players.colours[number]).astype(np.uint8)
        order = np.arange(len(number)) - np.searchsorted(place, place)  # inside its frame
        rows, columns = np.arange(self.height)[:, None], np.arange(self.width)
        for turn in range(int(order.max(initial=-1)) + 1):  # the k-th box of all frames at once
            k = np.flatnonzero(order == turn)
            covered = (rows >= top[k, None, None]) & (rows < bottom[k, None, None])
            covered = covered & (columns >= left[k, None, None]) & (columns < right[k, None, None])
            at, y, x = np.nonzero(covered)  # [k, H, W]
            images[place[k][at], y, x] = colour[k][at]
