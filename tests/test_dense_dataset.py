"""Chunks of dense anchors: what they hold, from files and from a device."""

import numpy as np
import pytest
import torch

from common.data.data_set import DataSet
from common.data.events import SOCCERNET_V2
from common.data.features import HalfFeatures
from common.data.frame_rows import MappedRows
from common.errors import UserError
from common.synthetic.data_set import write_data_set
from common.training.batches import read_batches
from DenseAnchors.dataset import magnitudes, read_chunks
from DenseAnchors.targets import nearest_offsets

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("dense") / "data"
    write_data_set(root, games=(1, 1, 0, 0), minutes=2, dim=16)
    return DataSet(
        root=root, features=("Synthetic.npy",), classes=SOCCERNET_V2, label_time="position"
    )


def test_a_batch_is_rows_and_offsets_of_their_half(data):
    chunks = read_chunks(data, ["train"], 64, 12)
    drawn = chunks.draw(20, 5)
    features, offsets = drawn.batch(np.arange(20))
    assert features.shape == (20, 64, 16) and offsets.shape == (20, 64, 17)
    game = data.games(["train"])[0]
    labels, halves = data.labels(game), data.open_game(game)
    for i, (half, start) in enumerate(zip(*drawn.draws, strict=True)):
        rows = halves[half].features.rows(start, start + 64)
        assert np.array_equal(features[i].numpy(), rows)
        ours = labels.half == half + 1
        frames = labels.frames(2, "position")[ours] - start
        zero = np.argwhere(offsets[i].numpy() == 0).tolist()
        inside = (frames >= 0) & (frames < 64)
        spots = zip(frames[inside].tolist(), labels.event[ours][inside].tolist(), strict=True)
        assert zero == sorted(map(list, set(spots)))
        whole = nearest_offsets(
            frames + start, labels.event[ours], halves[half].features.frames, 17, 12
        )
        assert np.array_equal(offsets[i].numpy(), whole[start : start + 64])


@pytest.mark.parametrize("chunk_frames", [64, 320])  # longer than the halves
def test_chunks_that_are_kept_on_a_device_are_those_of_the_files(data, chunk_frames):
    on_disk, kept = (read_chunks(data, ["train"], chunk_frames, 12) for _ in range(2))
    kept.keep_on(CPU)
    for source, same in ((on_disk.draw(20, 1), kept.draw(20, 1)), (on_disk.cover(), kept.cover())):
        order = np.arange(len(source))
        batches = [
            list(read_batches(each, order, batch_size=6, device=CPU)) for each in (source, same)
        ]
        for mine, theirs in zip(*batches, strict=True):
            for one, another in zip(mine.tensors, theirs.tensors, strict=True):
                assert torch.equal(one, another) and one.dtype == another.dtype


def test_behind_a_half_no_event_is_near(data):
    chunks = read_chunks(data, ["train"], 320, 12)
    _, offsets = chunks.cover().batch(np.arange(2))
    assert (offsets[:, chunks.frames[0] :] == 13).all()


def test_a_cover_holds_every_frame(data):
    chunks = read_chunks(data, ["valid"], 64, 12)
    half, start = chunks.cover().draws
    for number, frames in enumerate(chunks.frames):
        rows = {r for s in start[half == number] for r in range(s, s + 64)}
        assert rows == set(range(frames))


def test_anchors_near_events_are_counted(data):
    chunks = read_chunks(data, ["train"], 64, 12)
    everything = np.concatenate(chunks.offsets)
    for radius in (0, 3, 12):
        assert chunks.within(radius) == (abs(everything) <= radius).sum()
    assert chunks.anchors == everything.size


def test_magnitudes_of_all_rows(data):
    halves = [half.features for half in data.open_game(data.games(["train"])[0])]
    rows = np.concatenate([half.rows(0, half.frames) for half in halves])
    assert np.array_equal(magnitudes(MappedRows(halves), "largest"), np.abs(rows).max(axis=0))
    silent = HalfFeatures.of_rows(np.zeros_like(rows))  # counts nothing
    rms = magnitudes(MappedRows([*halves, silent]), "rms")
    assert rms == pytest.approx(np.full(16, np.sqrt(np.square(rows).mean())))


def test_features_that_are_not_finite_are_told(data, tmp_path):
    write_data_set(tmp_path / "bad", games=(1, 0, 0, 0), minutes=2, dim=16)
    bad = DataSet(root=tmp_path / "bad", features=("Synthetic.npy",), classes=SOCCERNET_V2)
    path = next((tmp_path / "bad").rglob("1_Synthetic.npy"))
    rows = np.load(path)
    rows[70, 3] = np.nan
    np.save(path, rows)
    chunks = read_chunks(bad, ["train"], 64, 12)
    with pytest.raises(UserError, match="row 70 holds NaN"):
        chunks.cover().batch(np.arange(4))
