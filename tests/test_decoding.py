"""What is no video is told in one sentence; what is one tells its facts."""

import errno
import sys

import av
import numpy as np
import pytest
from small_videos import write_video

from common.errors import UserError
from common.video.decoding import frames_of, look_through, pictures


def write_sound(path, cover=None):
    """A file of sound, with or without a picture on its cover."""
    with av.open(str(path), "w") as container:
        voice = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        stream = None
        if cover is not None:
            stream = container.add_stream("mjpeg", rate=1)
            stream.width, stream.height, stream.pix_fmt = 64, 64, "yuvj420p"
            stream.codec_context.color_range = 2
            stream.disposition = av.stream.Disposition.attached_pic.value
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        if stream:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(cover, format="bgr24")))
            container.mux(stream.encode())
        container.mux(voice.encode(frame))
        container.mux(voice.encode())
    return path


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"no video at all\n" * 50, r"text that begins with 'no video at all"),
        (b"", r"an empty file, 0 bytes"),
        (b"<!doctype html><p>login", r"a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", r"pointer of Git LFS"),
        (np.random.default_rng(0).bytes(50_000), r"something else, 50000 bytes"),
    ],
)
def test_what_is_no_video_is_told(tmp_path, content, told):
    (tmp_path / "v.mkv").write_bytes(content)
    with pytest.raises(UserError, match=rf"v\.mkv cannot be opened as a video \(.*{told}"):
        look_through(tmp_path / "v.mkv")


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(UserError, match=r"expected a video at .*v\.mkv, found no such file"):
        look_through(tmp_path / "v.mkv")
    with pytest.raises(UserError, match="found a folder"):
        look_through(tmp_path)


def test_nothing_but_sound(tmp_path):
    with pytest.raises(UserError, match=r"expected pictures in .*, found only sound"):
        look_through(write_sound(tmp_path / "a.mkv"))


def test_a_cover_is_no_film(tmp_path):
    cover = np.zeros((64, 64, 3), np.uint8)
    sound = write_sound(tmp_path / "a.mp4", cover)
    with av.open(str(sound)) as container:
        if not container.streams.video[0].disposition & av.stream.Disposition.attached_pic:
            pytest.fail("the file does not hold what this test is about")
    with pytest.raises(UserError, match="found only sound"):
        look_through(sound)


def test_no_frames(tmp_path):
    video = write_video(tmp_path / "v.mkv", 10, times=[-1] * 10, sound=1)
    with pytest.raises(UserError, match=r"v\.mkv holds no frames"):
        look_through(video)


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path, monkeypatch):
    write_video(tmp_path / "v.mkv", 10).rename(tmp_path / "http:v.mkv")
    monkeypatch.chdir(tmp_path)
    assert len(look_through(type(tmp_path)("http:v.mkv")).times) == 10


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4", "v.avi"])
def test_facts(tmp_path, name):
    video = write_video(tmp_path / name, 50, codec="mpeg4")
    facts = look_through(video)
    assert (facts.rate, facts.length) == (25.0, 2.0)
    assert np.allclose(facts.times, np.arange(50) / 25, atol=1e-3)
    assert facts.seconds == pytest.approx(2)


def test_the_length_is_the_file_s_in_hundredths(tmp_path):
    facts = look_through(write_video(tmp_path / "v.mkv", 50, sound=2.456))
    assert facts.length == 2.46
    assert facts.seconds == pytest.approx(2)


def test_pictures_follow_each_other(tmp_path):
    video = write_video(tmp_path / "v.mkv", 30, codec="libx264", options={"bf": "3"})
    found = [(each.number, each.begin, each.end) for each in pictures(video, look_through(video))]
    numbers, begins, ends = map(np.array, zip(*found, strict=True))
    assert numbers.tolist() == [*range(1, 31)]
    assert np.allclose(begins, np.arange(30) / 25, atol=1e-3)
    assert np.allclose(ends[:-1], begins[1:]) and ends[-1] == pytest.approx(30 / 25)


def test_timestamps_that_were_set_anew_go_on(tmp_path):
    """As in two recordings that were put behind each other."""
    first = write_video(tmp_path / "a.ts", 30, codec="mpeg2video")
    both = tmp_path / "both.ts"
    both.write_bytes(first.read_bytes() * 2)
    begins = [each.begin for each in pictures(both, look_through(both))]
    assert len(begins) == 60
    assert np.allclose(begins, np.arange(60) / 25, atol=0.02)


def test_the_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError, match=r"decoding a video needs .*pip install -e '\.\[video\]'"):
        look_through(tmp_path / "v.mkv")


@pytest.mark.parametrize(
    ("number", "is_content"),
    [(errno.EINVAL, True), (errno.EPERM, True), (errno.EIO, False), (errno.ENOMEM, False)],
)
def test_what_is_wrong_with_a_packet_is_left_out_and_what_is_with_the_disk_is_not(
    number, is_content
):
    """Decoders say of content what systems say of permissions."""
    kind = av.error.classes[number]

    class Packet:
        def decode(self):
            raise kind(number, "avcodec_send_packet()")

    if is_content:
        assert frames_of(Packet()) is None
    else:
        with pytest.raises(kind):
            frames_of(Packet())
