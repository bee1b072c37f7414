"""Training chunks of files: features, labels and targets, short halves, seeds, bad input."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from CALF.dataset import read_chunks
from common.calf.chunk_labels import MASKED
from common.calf.chunk_shape import ChunkShape
from common.calf.k_parameters import k_frames
from common.data.data_set import DataSet
from common.data.events import SOCCERNET_V2, V2_NAMES
from common.data.frame_rows import ResidentRows
from common.errors import UserError
from common.training.batches import read_batches

CPU = torch.device("cpu")
FILE = "Tiny.npy"
FRAMES = {"L/S/a": (700, 650), "L/S/b": (400, 30)}
K = k_frames(V2_NAMES, 2)
SHAPE = ChunkShape(60, 20)
GOAL, CORNER = (V2_NAMES.index(name) for name in ("Goal", "Corner"))


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


def chunks_of(root, shape=SHAPE, games=tuple(FRAMES), published=False, **settings):
    (root / "splits.json").write_text(json.dumps({"train": list(games)}))
    data = DataSet(root=root, features=(FILE,), classes=SOCCERNET_V2, **settings)
    return read_chunks(data, ["train"], K, shape, published)


def everything(drawn):
    return drawn.batch(np.arange(len(drawn)))


def test_features_labels_and_targets_belong_together(root):
    data = chunks_of(root)
    source = data.draw(300, 0)
    chunks, shifts, targets = everything(source)
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
    kept = [shift.copy() for shift in data.labels.shifts]
    for epoch in range(3):
        everything(data.draw(200, 1, epoch))
    for shift, before in zip(data.labels.shifts, kept, strict=True):
        assert np.array_equal(shift, before)


def test_spots_at_the_ends_of_a_half_are_learnt_and_never_were_in_the_original(root):
    # The second half of game a has a foul in its first row.
    for published, learnt in ((False, True), (True, False)):
        data = chunks_of(root, games=["L/S/a"], published=published)
        _, _, targets = everything(data.draw(500, 0))
        first_row = (targets[..., 1] == 0) & (targets[..., 0] == 1)
        assert bool(first_row.any()) == learnt


def test_a_half_shorter_than_a_chunk_repeats_its_last_row_without_labels(root):
    data = chunks_of(root, games=["L/S/b"])
    chunks, shifts, targets = everything(data.draw(300, 0))
    short = chunks[:, 0, 1] == 3
    assert short.any()
    assert (chunks[short][:, 29:, 0] == 29).all()
    assert (shifts[short][:, 30:] == MASKED).all()
    assert (shifts[short][:, 14, GOAL] == 0).all()  # second 7
    assert (targets[short][..., 0].sum(dim=1) == 1).all()


@pytest.mark.parametrize(
    ("published", "last", "told"),
    [
        (False, [], "2 spots lie behind the last row of their half and are left out"),
        (True, [399], "2 spots lie behind the last row of their half and count at that row"),
    ],
)
def test_spots_behind_the_half_are_left_out_and_told(root, published, last, told, caplog):
    late = [spot(1, 3000, "Corner"), spot(1, 200, "Corner"), spot(1, 100, "Goal")]
    (root / "L/S/b/Labels-v2.json").write_text(json.dumps({"annotations": late}))
    with caplog.at_level(logging.WARNING, "spotting"):
        data = chunks_of(root, games=["L/S/b"], published=published)
    (record,) = caplog.records
    assert record.getMessage().startswith(told)
    assert f"(2) in half 1 of {root / 'L/S/b'}: are there 2 rows per second" in record.getMessage()
    assert np.flatnonzero(data.labels.shifts[0][:, CORNER] == 0).tolist() == last
    assert np.flatnonzero(data.labels.shifts[0][:, GOAL] == 0).tolist() == [200]


def test_spots_inside_the_half_are_not_told(root, caplog):
    with caplog.at_level(logging.WARNING, "spotting"):
        chunks_of(root, games=["L/S/b"])
    assert not caplog.records


def test_epochs_differ_and_follow_from_the_seed(root):
    data = chunks_of(root)
    first, second = everything(data.draw(50, 3, 0, 0)), everything(data.draw(50, 3, 0, 1))
    assert not torch.equal(first[0], second[0])
    assert all(map(torch.equal, first, everything(data.draw(50, 3, 0, 0))))
    assert all(map(torch.equal, second, everything(chunks_of(root).draw(50, 3, 0, 1))))
    for seed in ((4, 0, 0), (3, 1, 0)):
        assert not torch.equal(first[0], everything(data.draw(50, *seed))[0])


def test_a_chunk_follows_from_the_seed_and_its_number_alone(root):
    data = chunks_of(root)
    few, many = everything(data.draw(50, 3)), everything(data.draw(80, 3))
    for one, another in zip(few, many, strict=True):
        assert torch.equal(one, another[:50])


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_batches_do_not_depend_on_the_number_of_threads(root, workers, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    source, order = chunks_of(root).draw(103, 0, 2), np.arange(103)
    whole = source.batch(order)
    batches = read_batches(source, order, batch_size=16, device=CPU, workers=workers)
    parts = [batch.tensors for batch in batches]
    for tensors, expected in zip(zip(*parts, strict=True), whole, strict=True):
        assert torch.equal(torch.cat(tensors), expected)


def test_threads_that_read_at_the_same_time_get_the_same_chunks(root):
    source = chunks_of(root).draw(400, 0)
    rng = np.random.default_rng(3)
    wanted = [rng.integers(0, 400, 8) for _ in range(100)]
    expected = [source.batch(indices) for indices in wanted]
    with ThreadPoolExecutor(8) as pool:
        for found, batch in zip(pool.map(source.batch, wanted), expected, strict=True):
            assert all(map(torch.equal, found, batch))


def test_rows_on_the_device_give_the_same_chunks(root):
    data = chunks_of(root)
    expected = everything(data.draw(200, 0))
    data.rows = ResidentRows(data.rows.halves, CPU)
    assert all(map(torch.equal, everything(data.draw(200, 0)), expected))


def test_labels_are_kept_small(root):
    assert {shift.dtype for shift in chunks_of(root).labels.shifts} == {np.dtype(np.int16)}


def test_bad_features_are_named_whenever_they_are_drawn(root):
    path = root / "L/S/b" / f"1_{FILE}"
    rows = np.load(path)
    rows[199, 1] = np.nan
    np.save(path, rows)
    source = chunks_of(root, games=["L/S/b"]).draw(100, 0)
    for _ in range(2):  # also after rows around it were found to be good
        with pytest.raises(UserError, match=r"L/S/b/1_Tiny.npy: row 199 holds NaN"):
            everything(source)


def test_missing_files_and_no_games_are_refused(root):
    with pytest.raises(UserError, match="no games to train on"):
        chunks_of(root, games=())
    with pytest.raises(UserError, match=r"has 3 features per frame, expected 512"):
        chunks_of(root, dimension=512)
    (root / "L/S/b/Labels-v2.json").unlink()
    with pytest.raises(UserError, match=r"expected the annotations at .*L/S/b/Labels-v2.json"):
        chunks_of(root)
