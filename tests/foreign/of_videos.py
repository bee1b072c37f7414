"""Readers of videos, of what is told about them, and of tracking data."""

import hashlib
import json
from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
from small_tracking import hawk_eye, metrica, skillcorner, sportec, tracab, walk

from common.synthetic.tracking_file import read_tracking
from common.video.decoding import look_through
from common.video.extraction import npy_header
from common.video.feature_notes import is_known, note_of
from common.video.frames import SampledVideo
from common.video.game_videos import half_videos
from common.video.own_videos import cached_name
from common.video.sampling import RELEASED, Sampling
from foreign.reader import Reader, given, put, told
from foreign.recipes import BETWEEN

_MOST_BATCHES = 2


def _video(content: bytes, folder: Path) -> None:
    path = put(folder / "video", content)
    told(look_through, path)
    cached_name(path, {"backbone": "efficientnet-lite0"})
    for sampling in (RELEASED, Sampling(framerate=25, start=0.5, duration=9)):
        told(_sampled, path, sampling)


def _sampled(path: Path, sampling: Sampling) -> None:
    source = SampledVideo(path, sampling, "crop")
    for number, _ in enumerate(source.batches(2), 1):
        if number == _MOST_BATCHES:
            return


def _videos(folder: Path) -> Sequence[bytes]:
    import av

    found = []
    for ending, codec in (
        ("mkv", "libx264"), ("mp4", "libx264"), ("avi", "mpeg4"), ("ts", "mpeg2video"),
        ("h264", "libx264"),
    ):  # fmt: skip
        path = folder / f"a.{ending}"
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=Fraction(25))
            stream.width, stream.height, stream.pix_fmt = 32, 18, "yuv420p"
            for _ in range(3):
                picture = np.full((27, 32), 90, np.uint8)
                frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        found.append(path.read_bytes())
    return found


def _ini(content: bytes, folder: Path) -> None:
    put(folder / "video.ini", content)
    for each in half_videos(folder, "HQ"):
        each.sampling(2)


_ROWS = npy_header(2, 2) + bytes(16)
_NOTE = {"framerate": 2.0, "file": [len(_ROWS), hashlib.sha256(3 * _ROWS).hexdigest()]}


def _note(content: bytes, folder: Path) -> None:
    features = put(folder / "1_a.npy", _ROWS)
    put(note_of(features), content)
    told(partial(is_known, rows=2, width=2), features, {"framerate": 2.0, "video": [3, "a"]})


_INI = b"[1_HQ.mkv]\nstart_time_second = 22\nduration_second = 2710.5\n[2_HQ.mkv]\n"
_FORMATS = {"SkillCorner": skillcorner, "Sportec": sportec, "TRACAB": tracab, "Metrica": metrica,
            "Hawk-Eye": hawk_eye}  # fmt: skip


def _tracking(name: str, content: bytes, folder: Path) -> None:
    """The files of a match, with `BETWEEN` between them; those that lack are as they should be."""
    paths = _match(name, folder)
    for path, part in zip(paths, content.split(BETWEEN), strict=False):
        put(path, part)
    read_tracking(paths)


def _match(name: str, folder: Path) -> Sequence[Path]:
    return _FORMATS[name](folder, walk(0.2, 10 if name == "SkillCorner" else 25))


def _tracked(name: str, folder: Path) -> Sequence[bytes]:
    return [BETWEEN.join(path.read_bytes() for path in _match(name, folder))]


_WORDS = ("\x1a\x45\xdf\xa3", "moov", "mdat", "ftyp", "RIFF", "avcC")
READERS = {
    "notes of features": Reader(
        _note, given(json.dumps(_NOTE).encode(), json.dumps({**_NOTE, "video": [3, "b"]}).encode())
    ),
    "videos": Reader(_video, _videos, _WORDS, needs=("av", "cv2")),
    "video.ini": Reader(_ini, given(_INI + _INI[11:56]), ("%(x)s", "[DEFAULT]", "nan", "1e999")),
} | {
    f"tracking by {name}": Reader(
        partial(_tracking, name), partial(_tracked, name), needs=("kloppy",)
    )
    for name in _FORMATS
}
