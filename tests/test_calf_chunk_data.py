"""Chunks with their labels: recordings, masks, short halves, reproducibility, bad input."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from common.calf.chunk_data import (
    MASKED,
    ChunkDataset,
    drawn_epochs,
    mask_borders,
    training_chunks,
)
from common.calf.chunk_draws import find_anchors, place_chunks
from common.calf.chunk_shape import ChunkShape
from common.calf.k_parameters import k_frames
from common.calf.shifts import encode_shifts
from common.calf.spot_targets import spot_targets
from common.data.events import SOCCERNET_V2, V2_NAMES
from common.data.frame_rows import ResidentRows
from common.data.labels import parse_labels
from common.errors import UserError
from common.training.batches import read_batches

CPU = torch.device("cpu")
FILE = "Tiny.npy"
FRAMES = {"L/S/a": (700, 650), "L/S/b": (400, 30)}
K = k_frames(V2_NAMES, 2)
SHAPE = ChunkShape(60, 20)
GOAL, FOUL, CORNER = (V2_NAMES.index(name) for name in ("Goal", "Foul", "Corner"))


def spot(half, seconds, label):
    return {"gameTime": f"{half} - {seconds // 60:02}:{seconds % 60:02}", "label": label}


@pytest.fixture
def root(tmp_path):
    """Feature 0 of row i is i, feature 1 the number of the half over both games."""
    annotations = {
        "L/S/a": [spot(1, 100, "Goal"), spot(1, 101, "Foul"), spot(2, 0, "Foul"),
                  spot(2, 400, "Corner"), spot(2, 100, "Throw a party")],
        "L/S/b": [spot(1, 99, "Goal"), spot(2, 7, "Goal")],
    }  # fmt: skip
    number = 0
    for game, frames in FRAMES.items():
        (tmp_path / game).mkdir(parents=True)
        for half, n in enumerate(frames, 1):
            rows = np.stack([np.arange(n), np.full(n, number), np.zeros(n)], axis=1)
            np.save(tmp_path / game / f"{half}_{FILE}", rows.astype(np.float32))
            number += 1
        content = json.dumps({"annotations": annotations[game]})
        (tmp_path / game / "Labels-v2.json").write_text(content)
    return tmp_path


def chunks_of(root, shape=SHAPE, games=tuple(FRAMES), **settings):
    return training_chunks(root, games, [FILE], SOCCERNET_V2, K, shape, 2, **settings)


def everything(epoch):
    source, order = epoch
    return source.batch(order)


def test_recorded_draws(golden):
    recorded = golden("chunk_sampling.npz")
    shifts = []
    for game, files in golden("chunk_sampling_labels.json").items():
        content = files["Labels-v2.json"]
        text = content if isinstance(content, str) else json.dumps(content)
        labels = parse_labels(text.encode(), game, SOCCERNET_V2)
        for half in (1, 2):
            ours = labels.half == half
            frames = np.minimum(labels.frames(2)[ours], 1299)
            shifts.append(encode_shifts(frames, labels.event[ours], 1300, K))
    anchors = find_anchors(shifts, K, SHAPE.frames)
    data = ChunkDataset(None, shifts, K, SHAPE, published=True)
    frames = np.array([1300])
    for row, labels, targets in zip(
        recorded["draws"], recorded["labels"], recorded["targets"], strict=True
    ):
        group, place, third, half, first, last, start = row.tolist()
        anchor = np.flatnonzero(anchors.group == group)[place]
        found = [int(column[anchor]) for column in (anchors.half, anchors.first, anchors.last)]
        assert found == [half, first, last]
        wanted = third if group == 17 else first + third
        placed = place_chunks(np.array([wanted]), frames, SHAPE.frames, published=True)
        assert placed.tolist() == [start]
        chunk = data.labels(np.array([half]), placed)
        assert np.array_equal(chunk[0], labels)
        assert np.array_equal(spot_targets(chunk, 15)[0], targets)


def test_features_labels_and_targets_belong_together(root):
    data = chunks_of(root)
    source, order = drawn_epochs(data, 300, 0)(0)
    chunks, shifts, targets = source.batch(order)
    assert chunks.dtype == shifts.dtype == targets.dtype == torch.float32
    assert chunks.shape == (300, 60, 3)
    assert shifts.shape == (300, 60, 17)
    assert targets.shape == (300, 15, 19)
    assert np.array_equal(chunks[:, 0, 0], source.draws.start)
    assert np.array_equal(chunks[:, 0, 1], source.draws.half)
    # The goal at row 200 of the first half, wherever it is inside a chunk.
    of_first = (chunks[:, 0, 1] == 0) & (targets[..., 2 + GOAL].sum(dim=1) > 0)
    assert of_first.any()
    for start, target in zip(chunks[of_first][:, 0, 0], targets[of_first], strict=True):
        times = target[target[:, 2 + GOAL] > 0][:, 1]
        assert (start + 60 * times).round().tolist() == [200.0]
        assert target[:, 0].sum() == target[:, 2:].sum()


def test_drawing_never_changes_what_is_stored(root):
    data = chunks_of(root)
    kept = [shift.copy() for shift in data._shifts]
    for epoch in range(3):
        everything(drawn_epochs(data, 200, 1)(epoch))
    for shift, before in zip(data._shifts, kept, strict=True):
        assert np.array_equal(shift, before)


def test_borders_are_masked_but_for_the_ends_of_the_half():
    shape = ChunkShape(60, 21)  # masks 11 frames
    frames, start = np.array([200, 200, 200, 60]), np.array([0, 70, 140, 0])
    masked = np.zeros((4, 60, 2), np.int16)
    mask_borders(masked, start, frames, shape)
    whole, left, right = [0] * 60, [MASKED] * 11 + [0] * 49, [0] * 49 + [MASKED] * 11
    both = [MASKED] * 11 + [0] * 38 + [MASKED] * 11
    assert masked[..., 0].tolist() == [right, both, left, whole]
    assert np.array_equal(masked[..., 0], masked[..., 1])
    mask_borders(masked, start, frames, shape, published=True)
    assert masked[..., 0].tolist() == [both] * 4


def test_spots_at_the_ends_of_a_half_are_learnt_and_never_were_in_the_original(root):
    # The second half of game a has a foul in its first row.
    for published, learnt in ((False, True), (True, False)):
        data = chunks_of(root, games=["L/S/a"], published=published)
        _, _, targets = everything(drawn_epochs(data, 500, 0)(0))
        first_row = (targets[..., 1] == 0) & (targets[..., 0] == 1)
        assert bool(first_row.any()) == learnt


def test_a_half_shorter_than_a_chunk_repeats_its_last_row_without_labels(root):
    data = chunks_of(root, games=["L/S/b"])
    chunks, shifts, targets = everything(drawn_epochs(data, 300, 0)(0))
    short = chunks[:, 0, 1] == 3
    assert short.any()
    assert (chunks[short][:, 29:, 0] == 29).all()
    assert (shifts[short][:, 30:] == MASKED).all()
    assert (shifts[short][:, 14, GOAL] == 0).all()  # second 7
    assert (targets[short][..., 0].sum(dim=1) == 1).all()


def test_spots_behind_the_half_count_at_its_last_frame(root):
    (root / "L/S/b/Labels-v2.json").write_text(
        json.dumps({"annotations": [spot(1, 3000, "Corner")]})
    )
    data = chunks_of(root, games=["L/S/b"])
    assert np.flatnonzero(data._shifts[0][:, CORNER] == 0).tolist() == [399]


def test_epochs_differ_or_are_held_and_follow_from_the_seed(root):
    data = chunks_of(root)
    anew, held = drawn_epochs(data, 50, 3, 0), drawn_epochs(data, 50, 3, 0, anew=False)
    first, second = everything(anew(0)), everything(anew(1))
    assert not torch.equal(first[0], second[0])
    assert all(map(torch.equal, first, everything(held(5))))
    assert all(map(torch.equal, second, everything(drawn_epochs(chunks_of(root), 50, 3, 0)(1))))
    other = everything(drawn_epochs(data, 50, 4, 0)(0))
    assert not torch.equal(first[0], other[0])


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_batches_do_not_depend_on_the_number_of_threads(root, workers, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    source, order = drawn_epochs(chunks_of(root), 103, 0)(2)
    whole = source.batch(order)
    parts = [batch.tensors for batch in read_batches(source, order, 16, CPU, workers)]
    for tensors, expected in zip(zip(*parts, strict=True), whole, strict=True):
        assert torch.equal(torch.cat(tensors), expected)


def test_threads_that_read_at_the_same_time_get_the_same_chunks(root):
    source, _ = drawn_epochs(chunks_of(root), 400, 0)(0)
    rng = np.random.default_rng(3)
    wanted = [rng.integers(0, 400, 8) for _ in range(100)]
    expected = [source.batch(indices) for indices in wanted]
    with ThreadPoolExecutor(8) as pool:
        for found, batch in zip(pool.map(source.batch, wanted), expected, strict=True):
            assert all(map(torch.equal, found, batch))


def test_rows_on_the_device_give_the_same_chunks(root):
    data = chunks_of(root)
    expected = everything(drawn_epochs(data, 200, 0)(0))
    data.rows = ResidentRows(data.rows.halves, CPU)
    assert all(map(torch.equal, everything(drawn_epochs(data, 200, 0)(0)), expected))


def test_labels_are_kept_small(root):
    assert {shift.dtype for shift in chunks_of(root)._shifts} == {np.dtype(np.int16)}


def test_bad_features_are_named_whenever_they_are_drawn(root):
    path = root / "L/S/b" / f"1_{FILE}"
    rows = np.load(path)
    rows[199, 1] = np.nan
    np.save(path, rows)
    source, order = drawn_epochs(chunks_of(root, games=["L/S/b"]), 100, 0)(0)
    for _ in range(2):  # also after rows around it were found to be good
        with pytest.raises(UserError, match=r"L/S/b/1_Tiny.npy: row 199 holds NaN"):
            source.batch(order)


def test_missing_files_and_no_games_are_refused(root):
    with pytest.raises(UserError, match="no games to train on"):
        chunks_of(root, games=())
    with pytest.raises(UserError, match=r"has 3 features per frame, expected 512"):
        chunks_of(root, dimension=512)
    (root / "L/S/b/Labels-v2.json").unlink()
    with pytest.raises(UserError, match=r"expected the annotations at .*L/S/b/Labels-v2.json"):
        chunks_of(root)
