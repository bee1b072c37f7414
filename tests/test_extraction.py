"""A video becomes a feature file: each row its frame's, whole or not at all, in bounded memory."""

import numpy as np
import pytest
from small_videos import number_of, write_video

from common.data.features import open_features
from common.errors import UserError
from common.video.extraction import extract, npy_header
from common.video.frames import Sampling


class Numbers:
    """A backbone that reads the number of the picture, and its mean colours."""

    name, dimension = "numbers", 4

    def __call__(self, frames):
        assert frames.shape[1:] == (224, 224, 3) and frames.dtype == np.uint8
        means = frames.mean(axis=(1, 2))  # [n, 3]
        return np.column_stack([[number_of(frame) for frame in frames], means]).astype(np.float32)


def halved(rows):
    return rows[:, :2] / 2


def test_rows_are_those_of_the_frames(tmp_path):
    video, out = write_video(tmp_path / "v.mkv", 1000, size=(64, 48)), tmp_path / "new" / "f.npy"
    assert extract(video, out, Numbers()) == 80
    rows = np.load(out)
    assert rows.dtype == np.float32 and rows.shape == (80, 4)
    assert rows[:, 0].tolist() == [i for i in range(1, 1001) if i % 12.5 < 1]
    assert np.array_equal(open_features(out).rows(0, 80), rows)
    assert [path.name for path in out.parent.iterdir()] == ["f.npy"]


def test_a_part_at_another_rate(tmp_path):
    video = write_video(tmp_path / "v.mkv", 250, size=(64, 48))
    sampling = Sampling(framerate=5, start=2, duration=4)
    assert extract(video, tmp_path / "f.npy", Numbers(), sampling=sampling) == 21
    assert np.load(tmp_path / "f.npy")[:, 0].tolist() == [*range(50, 151, 5)]


def test_reduced_rows_alone_or_beside_the_full_ones(tmp_path):
    video = write_video(tmp_path / "v.mkv", 100, size=(64, 48))
    extract(video, tmp_path / "full.npy", Numbers())
    full = np.load(tmp_path / "full.npy")
    extract(video, tmp_path / "a.npy", Numbers(), reduction=halved)
    extract(video, tmp_path / "b.npy", Numbers(), reduction=halved, reduced_out=tmp_path / "c.npy")
    assert np.array_equal(np.load(tmp_path / "a.npy"), halved(full))
    assert np.array_equal(np.load(tmp_path / "b.npy"), full)
    assert np.array_equal(np.load(tmp_path / "c.npy"), halved(full))


class Failing(Numbers):
    """Fails at the second batch."""

    def __init__(self, failure):
        self.failure, self.calls = failure, 0

    def __call__(self, frames):
        self.calls += 1
        if self.calls == 2:
            if isinstance(self.failure, BaseException):
                raise self.failure
            return self.failure(super().__call__(frames))
        return super().__call__(frames)


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt),
        (OSError(28, "full"), OSError),
        (lambda rows: rows * np.nan, UserError),
        (lambda rows: rows[1:], UserError),
        (lambda rows: rows[..., None], UserError),
    ],
)
def test_what_fails_half_way_leaves_the_old_files(tmp_path, failure, error):
    video = write_video(tmp_path / "v.mkv", 500, size=(64, 48))
    (tmp_path / "f.npy").write_bytes(b"old")
    with pytest.raises(error):
        extract(video, tmp_path / "f.npy", Failing(failure), reduction=halved,
                reduced_out=tmp_path / "r.npy")  # fmt: skip
    assert (tmp_path / "f.npy").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.npy", "v.mkv"]


def test_files_are_not_written_over_each_other(tmp_path):
    video = write_video(tmp_path / "v.mkv", 30, size=(64, 48))
    content = video.read_bytes()
    with pytest.raises(UserError, match="is the video itself"):
        extract(video, tmp_path / "x" / ".." / "v.mkv", Numbers())
    with pytest.raises(UserError, match="choose two names"):
        extract(video, tmp_path / "f.npy", Numbers(), reduction=halved,
                reduced_out=tmp_path / "f.npy")  # fmt: skip
    assert video.read_bytes() == content


@pytest.mark.parametrize("shape", [(1, 1), (5400, 2048), (10**12, 10**6)])
def test_the_header_has_one_length(tmp_path, shape):
    header = npy_header(*shape)
    assert len(header) == 128
    path = tmp_path / "f.npy"
    path.write_bytes(header)
    with path.open("rb") as file:
        assert np.lib.format.read_magic(file) == (1, 0)
        assert np.lib.format.read_array_header_1_0(file) == (shape, False, np.dtype("<f4"))
