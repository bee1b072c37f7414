"""Pieces of videos: which pictures and which sound a written file holds, and when."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from small_videos import BANDS, planes, write_video

from common.errors import UserError
from common.video.excerpts import Excerpt, heard, look_at, shown
from common.video.film_writer import write_film
from common.video.key_cuts import copy_film

SIZE = (64, 48)
TICK = 1 / 90_000
UNEVEN = [0, 1, 2, 3, 9, 10, 30, 31, 33, 35, 36, 60, 61, 62, 63, 64, 65, 90, 91, 92]


def number_in(frame):
    """The number that a decoded picture tells."""
    grey = frame.to_ndarray(format="gray")
    rows = ((np.arange(BANDS) + 0.5) / BANDS * grey.shape[0]).astype(int)[1:-1]
    return int(((grey[rows].mean(axis=1) > 128) << np.arange(BANDS - 2)).sum())


def read(path):
    """Times and numbers of the pictures of a file, and its seconds."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        length = float(stream.duration * stream.time_base)
        return [(frame.time, number_in(frame)) for frame in container.decode(stream)], length


def wanted(moments, start, end):
    """Times and numbers of a piece, of pictures with these moments in seconds, numbered from 1."""
    on = [n for n, at in enumerate(moments) if at <= start][-1]
    inside = [
        (max(at, start) - start, n + 1) for n, at in enumerate(moments) if on <= n and at < end
    ]
    return inside


def cut(video, tmp_path, start, end, write=write_film):
    path = tmp_path / "piece.mp4"
    length = write(path, [Excerpt(video, start, end)], {video: look_at(video)})
    found, told = read(path)
    reordered = 0.1 if write is copy_film else 0  # an mp4 tells its length in the order of storing
    assert length - reordered - TICK <= told <= length + TICK
    return found, length


def same(found, expected, tolerance=TICK):
    assert [number for _, number in found] == [number for _, number in expected]
    assert np.allclose([t for t, _ in found], [t for t, _ in expected], atol=tolerance)


@pytest.mark.parametrize(("start", "end"), [(0, 0.4), (3.33, 5.21), (2.0, 2.001), (7.9, 8)])
@pytest.mark.parametrize("options", [{"g": "50"}, {"g": "25", "x264-params": "open-gop=1"}])
def test_pieces_hold_what_was_on_screen(tmp_path, options, start, end):
    video = write_video(tmp_path / "v.mp4", 200, size=SIZE, codec="libx264", options=options)
    found, length = cut(video, tmp_path, start, end)
    same(found, wanted(np.arange(200) / 25, start, end))
    assert length == pytest.approx(max(end - start, TICK), abs=TICK)


@pytest.mark.parametrize(
    ("name", "rate", "moments"),
    [
        ("uneven.mkv", 25, UNEVEN),
        ("late.mkv", 25, [30 + n for n in range(60)]),
        ("late.ts", 25, [30 + n for n in range(60)]),
        ("ntsc.mp4", Fraction(30000, 1001), list(range(70))),
        ("slow.mkv", 5, list(range(12))),
    ],
)
def test_times_are_those_of_the_pictures(tmp_path, name, rate, moments):
    """Uneven ones, and those of files that do not begin at 0, count from the first picture."""
    video = write_video(
        tmp_path / name, len(moments), size=SIZE, rate=rate, codec="libx264", times=moments,
        options={"g": "8"},
    )  # fmt: skip
    seconds = (np.array(moments) - moments[0]) / float(rate)
    start, end = 0.53, 1.27
    found, length = cut(video, tmp_path, start, end)
    same(found, wanted(seconds, start, end), 0.002)  # Matroska tells times in milliseconds
    assert length == pytest.approx(end - start, abs=TICK)


def test_a_video_that_breaks_off_is_cut_as_far_as_it_goes(tmp_path):
    whole = write_video(tmp_path / "w.mkv", 200, size=SIZE, codec="libx264", options={"g": "25"})
    video = tmp_path / "broken.mkv"
    video.write_bytes(whole.read_bytes()[: whole.stat().st_size * 3 // 5])
    end = look_at(video).facts.seconds
    assert 3 < end < 7
    found, length = cut(video, tmp_path, end - 1, end + 1)
    assert abs(length - 1) <= 1 / 25 and abs(found[-1][1] - 25 * end) <= 1
    assert list(shown(look_at(video), end + 1, end + 2)) == []
    with pytest.raises(UserError, match="no picture of"):
        cut(video, tmp_path, end + 1, end + 2)


def test_pictures_that_cannot_be_decoded_leave_the_one_before(tmp_path):
    whole = write_video(tmp_path / "w.mkv", 100, size=SIZE, codec="libx264", options={"g": "1"})
    content = bytearray(whole.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 300] = bytes(300)
    video = tmp_path / "damaged.mkv"
    video.write_bytes(content)
    found, length = cut(video, tmp_path, 0, 4)
    numbers = [number for _, number in found]
    assert length == pytest.approx(4, abs=0.1) and numbers == sorted(numbers)
    assert numbers[0] == 1 and numbers[-1] == 100


def test_timestamps_that_begin_anew_go_on(tmp_path):
    """Recordings put behind each other: decoded from the beginning, as features are made."""
    moments = [*range(25), *range(100_000, 100_025)]
    video = write_video(tmp_path / "v.mkv", 50, size=SIZE, codec="libx264", times=moments)
    source = look_at(video)
    assert not source.seekable()
    numbers = [number_in(frame) for _, _, frame in shown(source, 0.5, 1.5)]
    assert numbers == list(range(13, 39))


def test_a_reel_holds_one_piece_after_the_other(tmp_path):
    first = write_video(tmp_path / "1.mp4", 60, size=SIZE, codec="libx264")
    second = write_video(tmp_path / "2.mp4", 60, size=(96, 64), codec="libx264")
    pieces = [Excerpt(first, 0.4, 0.8), Excerpt(second, 1.2, 1.6), Excerpt(first, 0.0, 0.4)]
    path = tmp_path / "reel.mp4"
    write_film(path, pieces, {video: look_at(video) for video in (first, second)})
    found, length = read(path)
    assert [n for _, n in found] == [*range(11, 21), *range(31, 41), *range(1, 11)]
    assert length == pytest.approx(1.2, abs=TICK)
    with av.open(str(path)) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == SIZE


def test_odd_sides_and_turned_pictures(tmp_path):
    if not hasattr(av.video.stream.VideoStream, "set_display_rotation"):
        pytest.skip("this PyAV cannot turn pictures")
    video = write_video(tmp_path / "v.mkv", 10, size=(66, 50), codec="rawvideo", rotation=90)
    path = tmp_path / "piece.mp4"
    write_film(path, [Excerpt(video, 0, 0.4)], {video: look_at(video)})
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        assert (frame.width, frame.height) == (66, 50)
        assert frame.rotation == look_at(video).rotation != 0


def write_sounding(path, seconds=6, rate=48_000, begin=4.0):
    """A video whose sound, a tone, begins at a moment."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        (stream.width, stream.height), stream.pix_fmt = SIZE, "yuv420p"
        voice = container.add_stream("aac", rate=rate, layout="stereo")
        for number in range(25 * seconds):
            frame = av.VideoFrame.from_ndarray(planes(number + 1, *SIZE), format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        time = np.arange(seconds * rate) / rate
        tone = (np.sin(880 * np.pi * time) * (time >= begin)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.stack([tone, tone]), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = rate, 0
        container.mux(voice.encode(frame))
        container.mux(voice.encode())
    return path


def sound_of(path):
    """Mono samples and their rate."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    keep = [f.to_ndarray().mean(axis=0) for f in frames]
    return np.concatenate(keep), frames[0].sample_rate, frames[0].time


@pytest.mark.parametrize("write", [write_film, copy_film])
def test_sound_stays_with_its_pictures(tmp_path, write):
    video = write_sounding(tmp_path / "v.mp4")
    found, length = cut(video, tmp_path, 3.5, 5.1, write)
    samples, rate, begin = sound_of(tmp_path / "piece.mp4")
    loud = begin + float(np.argmax(np.abs(samples) > 0.3)) / rate
    shown_at_4 = min(found, key=lambda each: abs(each[1] - 101))[0]
    assert abs(loud - shown_at_4) < 0.04
    assert abs(begin + len(samples) / rate - length) < 0.1


def test_missing_sound_is_silence(tmp_path):
    video = write_sounding(tmp_path / "v.mp4", begin=0)
    source = look_at(video)
    blocks = list(heard(source, 5.5, 7.5, 16_000, 1))
    sound = np.concatenate(blocks, axis=1)
    assert sound.shape == (1, 32_000)
    assert np.abs(sound[0, :7000]).max() > 0.5 and not sound[0, 9000:].any()
    silent = write_video(tmp_path / "s.mp4", 10, size=SIZE, codec="libx264")
    assert sum(b.shape[1] for b in heard(look_at(silent), 0, 0.25, 16_000, 2)) == 4000


def test_copies_begin_at_the_key_frame_before(tmp_path):
    video = write_video(
        tmp_path / "v.mp4", 200, size=SIZE, codec="libx264",
        options={"g": "50", "sc_threshold": "0", "keyint_min": "50"},
    )  # fmt: skip
    found, length = cut(video, tmp_path, 3.33, 5.21, copy_film)
    numbers = [number for _, number in found]
    assert numbers[0] == 51 and numbers == list(range(51, 51 + len(numbers)))
    assert 131 <= numbers[-1] <= 136  # what is decoded before the end may be shown a little later
    path = tmp_path / "reel.mp4"
    pieces = [Excerpt(video, 3.33, 4), Excerpt(video, 0, 1)]
    copy_film(path, pieces, {video: look_at(video)})
    again, total = read(path)
    times = [t for t, _ in again]
    assert again[0][1] == 51 and sorted(times) == times
    assert {*range(51, 101), *range(1, 26)} <= {number for _, number in again}
    assert total < length + 1.2


def test_copies_of_what_an_mp4_cannot_hold_are_refused(tmp_path):
    raw = write_video(tmp_path / "v.mkv", 10, size=SIZE, codec="rawvideo")
    with pytest.raises(UserError, match="--cut exact"):
        cut(raw, tmp_path, 0, 0.4, copy_film)
    other = write_video(tmp_path / "o.mp4", 10, size=SIZE, codec="libx264")
    pieces = [Excerpt(raw, 0, 0.2), Excerpt(other, 0, 0.2)]
    with pytest.raises(UserError, match="--cut exact"):
        copy_film(tmp_path / "p.mp4", pieces, {each: look_at(each) for each in (raw, other)})
    assert not (tmp_path / "p.mp4").exists()


@pytest.mark.parametrize("write", [write_film, copy_film])
def test_folders_with_a_colon_are_no_protocols(tmp_path, monkeypatch, write):
    video = write_video(tmp_path / "v.mp4", 20, size=SIZE, codec="libx264")
    monkeypatch.chdir(tmp_path)
    path = Path("final-2:1") / "piece.mp4"
    write(path, [Excerpt(video, 0, 0.4)], {video: look_at(video)})
    assert read(path.resolve())[0][0][1] == 1
