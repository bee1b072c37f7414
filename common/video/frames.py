"""Frames of a video as the released features took them, in batches, never many at once.

Which frames are taken stands in `common.video.sampling`. Each is resized and cropped to 224x224 and
keeps the order blue, green, red of its decoder: the released features were made like that.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from common.errors import UserError, log, needs_extra
from common.video.decoding import Picture, look_through, pictures
from common.video.sampling import RELEASED, RowCounter, Sampling, counting_rate

if TYPE_CHECKING:
    import av

SIDE = 224  # pixels, of what the networks see
TRANSFORMS = ("crop", "resize256crop224", "resize")
_WIDEST = 10  # times the other side; no camera's picture, and enlarged it would fill the memory


class SampledVideo:
    """The frames of a video that become rows.

    Attributes:
        expected_rows: about how many there will be.
    """

    def __init__(self, video: Path, sampling: Sampling = RELEASED, transform: str = "crop") -> None:
        """Looks through the file, without decoding it.

        Raises UserError: no video, nothing in it, or nothing in the part that is taken.
        """
        if transform not in TRANSFORMS:
            raise UserError(f"unknown transform {transform!r}; choose {', '.join(TRANSFORMS)}")
        self._video, self._sampling, self._transform = video, sampling, transform
        self._facts = facts = look_through(video)
        if sampling.begin >= facts.seconds:
            raise self._nothing_taken(facts.seconds)
        self._rate = counting_rate(facts.rate, facts.length, facts.times, sampling.framerate)
        if self._rate is None:
            log.warning("%s: frames do not come evenly; their timestamps tell the time", video)
        seconds = min(sampling.end, facts.seconds) - sampling.begin
        self.expected_rows = max(1, int(seconds * sampling.framerate))

    def batches(self, size: int = 32) -> Iterator[NDArray[np.uint8]]:
        """Frames [n <= size, 224, 224, 3], blue, green, red.

        A part too short for a row gives one: its last frame. Raises UserError if there is no frame.
        """
        prepare = FramePreparer(self._transform)
        frames, filled = np.empty((size, SIDE, SIDE, 3), np.uint8), 0
        for picture, rows in self._taken():
            frame = prepare(picture.frame, self._video)
            for _ in range(rows):
                frames[filled] = frame
                filled += 1
                if filled == size:
                    yield frames
                    frames, filled = np.empty_like(frames), 0
        if filled:
            yield frames[:filled]

    def _taken(self) -> Iterator[tuple[Picture, int]]:
        """Pictures that become rows, and how many each."""
        counter, any_row, last, seconds = RowCounter(self._sampling, self._rate), False, None, 0.0
        for picture in pictures(self._video, self._facts, self._wanted()):
            number, begin, seconds = picture.number, picture.begin, picture.end
            if counter.is_over(number, begin):
                break
            if rows := counter.rows(number, begin, picture.end):
                any_row = True
                yield picture, rows
            elif counter.within(number, begin):
                last = picture
        if self._rate and not counter.rate:
            log.warning("%s: frames are missing; timestamps tell the time then", self._video)
        if not any_row:
            if last is None:
                raise self._nothing_taken(seconds)
            yield last, 1

    def _wanted(self) -> NDArray[np.bool_] | None:
        """For each frame whether it becomes a row, or is the last one of what is taken."""
        if not self._rate:
            return None
        reached = np.arange(len(self._facts.times) + 1) // (self._rate / self._sampling.framerate)
        wanted = np.diff(reached) > 0
        wanted[int(min(len(wanted), max(1, self._rate * self._sampling.end))) - 1] = True
        return wanted

    def _nothing_taken(self, seconds: float) -> UserError:
        if not seconds:
            return UserError(f"{self._video} holds no frame that can be decoded")
        end = "its end" if self._sampling.duration is None else f"{self._sampling.end:g}"
        return UserError(
            f"{self._video} has pictures of {seconds:.2f} seconds, and none is in the part from "
            f"second {self._sampling.begin:g} to {end}; give an earlier start, or "
            "a longer duration"
        )


def sampled_frames(
    video: Path, sampling: Sampling = RELEASED, transform: str = "crop", batch: int = 32
) -> Iterator[NDArray[np.uint8]]:
    """The frames of a video that become rows, in batches [n <= batch, 224, 224, 3], B, G, R.

    Args:
        transform: "crop" (height 224, middle 224 columns), "resize256crop224" (height 256, middle
            square) or "resize" (the whole picture, squeezed).

    Raises UserError as `SampledVideo` and its `batches`.
    """
    return SampledVideo(video, sampling, transform).batches(batch)


class FramePreparer:
    """Makes decoded frames what the networks see. One context of conversion serves all."""

    def __init__(self, transform: str) -> None:
        with needs_extra("video", "decoding a video"):
            from av.video.reformatter import Colorspace, Interpolation, VideoReformatter
        self._reformatter, self._transform = VideoReformatter(), transform
        # As the opencv of that time: bicubic where colours are stored at fewer points than
        # brightness, and the matrix of BT.601 whatever the file says.
        self._settings: dict[str, Any] = {
            "format": "bgr24",
            "interpolation": Interpolation.BICUBIC,
            "src_colorspace": Colorspace.ITU601,
        }

    def __call__(self, frame: "av.VideoFrame", video: Path) -> NDArray[np.uint8]:
        """The frame as [224, 224, 3], upright. Raises UserError naming the video."""
        converted = self._reformatter.reformat(frame, **self._settings)
        pixels = converted.to_ndarray().astype(np.uint8, copy=False)  # [H, W, 3]
        turns = round(getattr(frame, "rotation", 0) / 90) % 4  # anticlockwise, of phones
        try:
            return fit(np.rot90(pixels, turns) if turns else pixels, self._transform)
        except UserError as error:
            raise UserError(f"{video}: {error}") from None


def fit(pixels: NDArray[np.uint8], transform: str) -> NDArray[np.uint8]:
    """A picture [H, W, 3] as [224, 224, 3].

    The published crop resizes to a height and takes the middle of the width. So does this one; of a
    picture that would be narrower than 224, such as a portrait, the width is resized instead, and
    the middle of the height is taken.
    """
    with needs_extra("video", "resizing a frame"):
        import cv2
    height, width = pixels.shape[:2]
    if max(height, width) > _WIDEST * min(height, width):
        raise UserError(
            f"expected a picture of at most {_WIDEST} times the width or height of the other, "
            f"found {width}x{height}; cut it to the pitch first"
        )
    pixels = np.ascontiguousarray(pixels)
    if transform == "resize":
        return _squeezed(cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC))
    side = SIDE if transform == "crop" else 256
    ratio = side / float(height)
    size = (int(width * ratio), side)
    if size[0] < SIDE:
        ratio = side / float(width)
        size = (side, max(SIDE, int(height * ratio)))
    if size != (width, height):
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    top, left = (size[1] - SIDE) // 2, (size[0] - SIDE) // 2
    return _squeezed(pixels[top : top + SIDE, left : left + SIDE])


def _squeezed(pixels: Any) -> NDArray[np.uint8]:
    return np.ascontiguousarray(pixels, np.uint8)
