"""Frames of videos: those, and the pixels, that the SoccerNet package's `FrameCV` takes.

`published_frames.csv` holds what `FrameCV` of SoccerNet 0.2.0 with opencv 3.4.18 gave for videos of
`small_videos`: how many frames, a CRC-32 of their numbers (4 bytes each, little endian), and one of
the pixels of their first 224 columns. Opencv has changed its cubic resizing since by single steps;
so where pictures are squeezed only the numbers are held.
"""

import csv
import logging
import platform
import zlib
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from small_videos import number_of, write_video

from common.errors import UserError
from common.video import decoding
from common.video.decoding import look_through
from common.video.frames import SampledVideo, Sampling, fit, sampled_frames

with (Path(__file__).parent / "published_frames.csv").open() as table:
    PUBLISHED = list(csv.DictReader(table))


def frames_of(video, transform="crop", batch=32, **sampling):
    return np.concatenate([*sampled_frames(video, Sampling(**sampling), transform, batch)])


def numbers_of(frames, transform="crop"):
    return [number_of(frame, transform) for frame in frames]


def without_some(row):
    """Moments of the frames of a row of the table; every so many are missing."""
    count = int(row["frames"])
    if not row["missing"]:
        return None
    missing = int(row["missing"])
    return [-1 if (i + 1) % missing == 0 and i + 1 < count else i for i in range(count)]


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=f"{n} {row['width']}x{row['height']} {row['rate']} {row['transform']}")
        for n, row in enumerate(PUBLISHED)
    ],
)
def test_the_frames_and_pixels_of_the_package(tmp_path, row):
    video = write_video(
        tmp_path / "v.mkv",
        int(row["frames"]),
        size=(int(row["width"]), int(row["height"])),
        rate=row["rate"],
        sound=float(row["sound"] or 0),
        times=without_some(row),
    )
    part = {key: float(row[key]) for key in ("start", "duration") if row[key]}
    transform = row["transform"]
    found = frames_of(video, transform, batch=5, framerate=float(Fraction(row["FPS"])), **part)
    assert found.shape == (int(row["rows"]), 224, 224, 3)
    numbers = np.array(numbers_of(found, transform), "<u4")
    assert zlib.crc32(numbers.tobytes()) == int(row["numbers_crc32"])
    if row["pixels_crc32"] and platform.machine() in ("x86_64", "AMD64"):
        assert zlib.crc32(found.tobytes()) == int(row["pixels_crc32"])


def test_the_table_is_large_enough():
    assert len(PUBLISHED) >= 60
    assert len({row["rate"] for row in PUBLISHED}) >= 10


def grabbed(video, rate, framerate=2.0):
    """The published loop in plain words, with opencv as its decoder; no columns too many."""
    capture, frames, i = cv2.VideoCapture(str(video)), [], 0
    while True:
        there, frame = capture.read()
        if not there:
            return np.array(frames)
        i += 1
        if i % (rate / framerate) < 1:
            height, width = frame.shape[:2]
            scaled = (int(width * (224 / float(height))), 224)
            frame = cv2.resize(frame, scaled, interpolation=cv2.INTER_AREA)
            off = int((frame.shape[1] - 224) / 2)
            frames.append(frame[:, off : off + 224])


@pytest.mark.parametrize(
    ("name", "codec", "size"),
    [
        ("a.mkv", "libx264", (398, 224)),
        ("b.mp4", "libx264", (640, 360)),
        ("c.avi", "mpeg4", (480, 270)),
        ("d.webm", "libvpx", (426, 240)),
        ("e.ts", "mpeg2video", (352, 288)),
        ("f.avi", "mjpeg", (320, 240)),
        ("g.mp4", "libx264", (224, 224)),
        ("h.mkv", "ffv1", (226, 226)),
        ("i.mkv", "libx264", (400, 226)),
    ],
)
def test_formats_and_widths_equal_the_plain_loop(tmp_path, name, codec, size):
    """Also where the package gives an empty picture (224 wide) or 225 columns."""
    fast = {"libx264": {"preset": "veryfast"}, "libvpx": {"deadline": "realtime", "cpu-used": "8"}}
    video = write_video(tmp_path / name, 38, size=size, codec=codec, options=fast.get(codec))
    found = frames_of(video)
    assert len(found) == 3
    assert np.array_equal(found, grabbed(video, 25.0))


@pytest.mark.parametrize("batch", [1, 3, 4, 100])
def test_batches_hold_the_same_frames(tmp_path, batch):
    video = write_video(tmp_path / "v.mkv", 60)
    batches = [*sampled_frames(video, Sampling(), "crop", batch)]
    assert all(len(each) <= batch for each in batches)
    assert numbers_of(np.concatenate(batches)) == [13, 25, 38, 50]


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4", "v.ts"])
@pytest.mark.parametrize("sampling", [Sampling(), Sampling(start=9.3, duration=0.21)])
def test_what_is_not_decoded_changes_nothing(tmp_path, monkeypatch, name, sampling):
    """Frames that no other refers to are left out where they become no row."""
    options = {"bf": "3", "preset": "veryfast", "g": "50"}
    video = write_video(tmp_path / name, 350, size=(120, 90), codec="libx264", options=options)
    decoded = []
    found = []
    for codecs in ((), ("h264",)):
        monkeypatch.setattr(decoding, "_SKIPPING", codecs)
        source = SampledVideo(video, sampling)
        found.append(np.concatenate([*source.batches()]))
        facts, wanted = look_through(video), source._wanted()
        decoded.append(len([*decoding.pictures(video, facts, wanted)]))
    assert np.array_equal(*found)
    assert decoded[0] == 350 and decoded[1] < 280


def test_rows_follow_timestamps_where_frames_do_not_come_evenly(tmp_path, caplog):
    times = [*range(0, 75), *range(75, 300, 3)]  # after three seconds a third of the frames
    video = write_video(tmp_path / "v.mkv", len(times), times=times)
    with caplog.at_level(logging.WARNING):
        found = numbers_of(frames_of(video))
    moments = np.arange(1, len(found) + 1) / 2
    shown = np.array(times)[np.array(found) - 1] / 25
    assert np.all((moments - shown > 0) & (moments - shown < 0.13))  # the one then on screen
    assert "timestamps tell the time" in caplog.text


def test_a_lost_tail_does_not_stretch_the_rest(tmp_path):
    video = write_video(tmp_path / "v.mkv", 300)
    whole, content = numbers_of(frames_of(video)), video.read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(content[: len(content) // 2])
    found = numbers_of(frames_of(cut))
    assert 8 <= len(found) < 20
    assert found == whole[: len(found)]


def test_a_hole_is_left_out_and_the_time_after_it_is_right(tmp_path, caplog):
    video = write_video(
        tmp_path / "v.mkv", 400, size=(240, 180), codec="libx264",
        options={"g": "10", "bf": "0", "crf": "12", "preset": "veryfast"},
    )  # fmt: skip
    content = bytearray(video.read_bytes())
    middle = len(content) // 2
    content[middle : middle + len(content) // 8] = bytes(len(content) // 8)
    (tmp_path / "hole.mkv").write_bytes(content)
    found = numbers_of(frames_of(tmp_path / "hole.mkv"))
    assert found[:10] == [13, 25, 38, 50, 63, 75, 88, 100, 113, 125]
    assert len(found) == 32
    assert abs(found[-1] - 400) <= 25
    assert "timestamps" in caplog.text


def test_no_duration_and_no_timestamps(tmp_path):
    video = write_video(tmp_path / "v.h264", 60, codec="libx264")
    assert numbers_of(frames_of(video)) == [13, 25, 38, 50]
    content = write_video(tmp_path / "v.mkv", 60, options={}).read_bytes()
    at = content.index(b"\x44\x89\x88")  # Duration, of eight bytes, becomes a Void of the same size
    (tmp_path / "w.mkv").write_bytes(content[:at] + b"\xec\x89" + content[at + 2 :])
    assert numbers_of(frames_of(tmp_path / "w.mkv")) == [13, 25, 38, 50]


def test_fewer_frames_than_rows(tmp_path):
    video = write_video(tmp_path / "v.mkv", 3, rate=1)
    assert numbers_of(frames_of(video)) == [1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("count", [1, 5, 12])
def test_a_video_too_short_for_a_row_gives_its_last_frame(tmp_path, count):
    video = write_video(tmp_path / "v.mkv", count)
    assert numbers_of(frames_of(video)) == [count]


def test_start_behind_the_end_is_told(tmp_path):
    video = write_video(tmp_path / "v.mkv", 50)
    with pytest.raises(
        UserError, match=r"v\.mkv has pictures of 2\.00 seconds.*from second 3 to its end"
    ):
        frames_of(video, start=3.0)
    assert len(frames_of(video, start=1.9)) == 1


def test_expected_rows(tmp_path):
    video = write_video(tmp_path / "v.mkv", 100)
    assert SampledVideo(video).expected_rows == 8
    assert SampledVideo(video, Sampling(start=1.0, duration=2.0)).expected_rows == 4


def test_an_unknown_transform_is_refused(tmp_path):
    with pytest.raises(UserError, match="unknown transform 'squeeze'; choose crop, resize256"):
        sampled_frames(tmp_path / "v.mkv", Sampling(), "squeeze")


def stripes(height, width):
    """A picture whose green is its row and whose red is its column, both from 0 to 255."""
    y, x = np.mgrid[:height, :width]
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 1], picture[..., 2] = y * 255 / max(1, height - 1), x * 255 / max(1, width - 1)
    return picture


@pytest.mark.parametrize("transform", ["crop", "resize256crop224", "resize"])
@pytest.mark.parametrize(
    ("height", "width"),
    [(224, 224), (224, 225), (225, 224), (300, 300), (224, 398), (224, 399), (180, 101),
     (1920, 1080), (97, 61), (720, 1280), (1, 1), (224, 223), (448, 2240)],
)  # fmt: skip
def test_every_size_becomes_the_network_s(transform, height, width):
    found = fit(stripes(height, width), transform)
    assert (found.shape, found.dtype) == ((224, 224, 3), np.uint8)
    assert found.flags.c_contiguous


def test_a_portrait_keeps_its_middle():
    found = fit(stripes(1920, 1080), "crop")
    assert found[0, 0, 2] < 3 and found[0, -1, 2] > 252  # all columns
    assert abs(int(found[112, 0, 1]) - 127) < 3  # rows around the middle
    assert abs(int(found[0, 0, 1]) - 127 * (1 - 1080 / 1920)) < 60


def test_a_ribbon_is_refused(tmp_path):
    video = write_video(tmp_path / "v.mkv", 30, size=(800, 64))
    with pytest.raises(UserError, match=r"v\.mkv: expected .* at most 10 times .* found 800x64"):
        frames_of(video)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_turned_video_is_put_upright(tmp_path, rotation):
    if not hasattr(av.video.stream.VideoStream, "set_display_rotation"):
        pytest.skip("this version of av cannot write such a file")
    plain = frames_of(write_video(tmp_path / "p.mp4", 30, codec="mpeg4", size=(224, 224)))
    turned = write_video(tmp_path / "t.mp4", 30, codec="mpeg4", size=(224, 224), rotation=rotation)
    found = frames_of(turned)
    capture = cv2.VideoCapture(str(turned))
    shown = [capture.read()[1] for _ in range(25)]
    assert np.array_equal(found[0], shown[12])
    assert not np.array_equal(found, plain)
