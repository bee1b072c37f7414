"""Training clips of both pooling baselines: copied out of all sorts of files, by threads."""

import json
import tracemalloc
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import Pooling.dataset
import TemporallyAwarePooling.dataset
from common.data.data_set import DataSet
from common.data.events import SOCCERNET_V2, V2_NAMES, EventClasses
from common.data.frame_rows import MappedRows, ResidentRows, bytes_of, fits_on, window_rows
from common.errors import UserError
from common.training.batches import read_batches

CPU = torch.device("cpu")
FILE = "Tiny.npy"
FRAMES = {"L/S/a": (65, 90), "L/S/b": (61, 7)}  # rows of both halves


def spot(half, seconds, label, position=None):
    clock = {"gameTime": f"{half} - {seconds // 60:02}:{seconds % 60:02}", "label": label}
    return clock if position is None else clock | {"position": str(position)}


def write_features(root, game, half, rows, file=FILE):
    (root / game).mkdir(parents=True, exist_ok=True)
    np.save(root / game / f"{half}_{file}", rows)


def write_labels(root, game, annotations):
    (root / game / "Labels-v2.json").write_text(json.dumps({"annotations": annotations}))


@pytest.fixture
def root(tmp_path):
    """Two games whose feature j of row i is a number that no other row has."""
    rng = np.random.default_rng(0)
    for game, frames in FRAMES.items():
        for half, n in enumerate(frames, 1):
            write_features(tmp_path, game, half, rng.normal(size=(n, 6)).astype(np.float32))
        write_labels(tmp_path, game, [])
    return tmp_path


def rows_of(root, game, half, file=FILE):
    return np.load(root / game / f"{half}_{file}").astype(np.float32)


@pytest.fixture(params=[Pooling, TemporallyAwarePooling], ids=lambda package: package.__name__)
def dataset(request):
    """The module that says what an example is."""
    return request.param.dataset


@pytest.fixture
def clips_of(dataset):
    """Reads the clips of games: those of `FRAMES`, 30 rows each."""

    def read(root, clip_frames=30, games=tuple(FRAMES), published=False, **how):
        (root / "splits.json").write_text(json.dumps({"train": list(games)}))
        how = {"features": (FILE,), "classes": SOCCERNET_V2, **how}
        return dataset.read_clips(DataSet(root=root, **how), ["train"], clip_frames, published)

    return read


def whole_batch(source):
    return source.batch(np.arange(len(source)))


@pytest.mark.parametrize("clip_frames", [1, 7, 30, 200])
@pytest.mark.parametrize("published", [False, True])
def test_clips_are_the_rows_of_all_halves_in_order_the_last_one_repeating_its_last_row(
    root, clips_of, clip_frames, published
):
    source = clips_of(root, clip_frames, published=published)
    expected = []
    for game, frames in FRAMES.items():
        for half, n in enumerate(frames, 1):
            starts = np.arange(0, n - published, clip_frames)
            expected.append(rows_of(root, game, half)[window_rows(starts, clip_frames, n)])
    clips, targets = whole_batch(source)
    assert np.array_equal(clips.numpy(), np.concatenate(expected))
    assert clips.dtype == targets.dtype == torch.float32
    assert len(targets) == len(source) == len(clips)
    assert source.rows.halves[0].dimension == 6


def resident(source):
    """The same clips, kept on a device."""
    moved = clips_like(source, source.rows)
    moved.keep_on(CPU)
    assert torch.equal(moved.targets, source.targets)
    return moved


def clips_like(source, rows):
    counts = np.bincount(source.half_of_clip, minlength=len(source.rows.halves))
    parts = np.split(source.targets.numpy(), np.cumsum(counts)[:-1])
    return type(source)(rows, parts, source.clip_frames)


@pytest.mark.parametrize("clip_frames", [1, 7, 30, 200])
def test_resident_clips_have_the_same_bits(root, clips_of, clip_frames):
    write_labels(root, "L/S/b", [spot(1, 29, "Goal"), spot(2, 1, "Foul")])
    source = clips_of(root, clip_frames)
    moved = resident(source)
    assert len(moved) == len(source)
    order = np.random.default_rng(1).permutation(len(source))
    for indices in (order, order[:1], np.repeat(order[:2], 3)):
        for mine, theirs in zip(source.batch(indices), moved.batch(indices), strict=True):
            assert torch.equal(mine, theirs)
            assert mine.dtype == theirs.dtype


def test_clips_are_cut_on_the_device_from_their_addresses(root, clips_of):
    source = clips_of(root, 7)
    moved, order = resident(source), np.random.default_rng(2).permutation(len(source))
    expected, found = (
        list(read_batches(each, order, batch_size=4, device=CPU)) for each in (source, moved)
    )
    assert [batch.items for batch in found] == [batch.items for batch in expected]
    assert found[0].inputs[0].shape == (4, 3)
    for mine, theirs in zip(found, expected, strict=True):
        assert all(map(torch.equal, mine.tensors, theirs.tensors))


def test_features_stay_on_disk_on_a_cpu_unless_told_otherwise(root, clips_of):
    needed = bytes_of(clips_of(root).rows.halves)
    assert needed == 4 * 6 * sum(half.frames for half in clips_of(root).rows.halves)
    assert not fits_on(CPU, needed)
    assert not fits_on(CPU, needed, "no")
    assert fits_on(CPU, needed, "yes")


def test_clips_hold_no_copy_of_the_features_and_batches_share_none(root, clips_of):
    source = clips_of(root)
    for half in source.rows.halves:
        assert all(isinstance(array, np.memmap) or array.base is not None for array in half.arrays)
        assert not any(array.flags.owndata for array in half.arrays)
    first, targets = whole_batch(source)
    kept, kept_targets = first.clone(), targets.clone()
    first.zero_()
    targets.fill_(7)
    again, targets_again = whole_batch(source)
    assert torch.equal(again, kept)
    assert torch.equal(targets_again, kept_targets)


def test_batches_that_are_let_go_leave_no_features_behind(root, clips_of):
    source = clips_of(root)
    batch = whole_batch(source)
    seen = [weakref.ref(tensor) for tensor in batch]
    assert all(ref() is not None for ref in seen)
    del batch
    assert all(ref() is None for ref in seen)
    tracemalloc.start()
    try:
        whole_batch(source)
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(10):
            whole_batch(source)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < len(source) * 30  # bytes: nothing per row


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int32, np.uint8])
def test_files_of_other_number_types_become_float32(tmp_path, clips_of, dtype):
    rows = np.random.default_rng(2).uniform(0, 200, (2, 45, 4)).astype(dtype)
    for half in (1, 2):
        write_features(tmp_path, "L/S/a", half, rows[half - 1])
    write_labels(tmp_path, "L/S/a", [])
    clips, _ = whole_batch(clips_of(tmp_path, 15, games=["L/S/a"]))
    assert clips.dtype == torch.float32
    assert np.array_equal(clips.numpy(), rows.astype(np.float32).reshape(6, 15, 4))


def test_features_side_by_side_are_joined_up_to_the_shorter_file(root, clips_of):
    # Some backbones give a row less.
    other = {}
    for game, frames in FRAMES.items():
        for half, n in enumerate(frames, 1):
            other[game, half] = np.arange(3.0 * (n - (n > 60))).reshape(-1, 3).astype(np.float16)
            write_features(root, game, half, other[game, half], "Other.npy")
    with pytest.raises(UserError, match="65 and 64 rows"):
        clips_of(root, features=(FILE, "Other.npy"))  # more than 1 %
    for game, frames in FRAMES.items():
        for half, n in enumerate(frames, 1):
            rows = np.tile(rows_of(root, game, half), (4, 1))[: 4 * n]
            write_features(root, game, half, rows)
            rows = np.tile(other[game, half], (5, 1))[: 4 * n - (n > 60)]
            write_features(root, game, half, rows, "Other.npy")
    source = clips_of(root, features=(FILE, "Other.npy"))
    assert source.rows.halves[0].dimension == 9
    clips, _ = whole_batch(source)
    first = clips[:9].reshape(-1, 9).numpy()  # 260 rows, of which 259 have both: 9 clips of 30
    assert np.array_equal(first[:259, :6], rows_of(root, "L/S/a", 1)[:259])
    assert np.array_equal(first[:259, 6:], rows_of(root, "L/S/a", 1, "Other.npy"))
    assert np.array_equal(first[259:], np.repeat(first[258:259], 11, axis=0))


def test_axes_of_length_one_do_not_count(tmp_path, clips_of):
    rows = np.arange(30 * 4, dtype=np.float32).reshape(30, 4)
    write_features(tmp_path, "L/S/a", 1, rows[:, None])
    write_features(tmp_path, "L/S/a", 2, rows[:, :, None, None])
    write_labels(tmp_path, "L/S/a", [])
    clips, _ = whole_batch(clips_of(tmp_path, games=["L/S/a"]))
    assert np.array_equal(clips.numpy(), np.stack([rows] * 2))


def test_targets_of_spots_in_their_half_and_clip(root, clips_of):
    write_labels(
        root,
        "L/S/a",
        [spot(1, 0, "Goal"), spot(1, 14, "Foul"), spot(1, 15, "Foul"), spot(2, 44, "Corner"),
         spot(2, 1, "Throw a party")],
    )  # fmt: skip
    _, targets = whole_batch(clips_of(root))
    goal, foul, corner = (1 + V2_NAMES.index(name) for name in ("Goal", "Foul", "Corner"))
    named = [(clip, column) for clip, column in targets.nonzero().tolist() if column]
    assert named == [(0, goal), (0, foul), (1, foul), (5, corner)]
    assert targets[:, 0].tolist() == [0, 0, 1, 1, 1, 0, *[1] * (len(targets) - 6)]


def test_spots_behind_the_last_clip_are_left_out_and_counted(root, clips_of, caplog):
    caplog.set_level("WARNING", "spotting")

    def left_out(**how):
        caplog.clear()
        source = clips_of(root, **how)
        told = [line for line in caplog.messages if "behind the last clip" in line]
        return source, int(told[0].split()[0]) if told else 0

    # Half 1 has 65 rows: clips of 30 end at row 90, second 45.
    write_labels(root, "L/S/a", [spot(1, 44, "Goal"), spot(1, 45, "Goal"), spot(1, 3000, "Foul")])
    write_labels(root, "L/S/b", [spot(2, 16, "Goal")])
    source, count = left_out()
    assert count == 3
    assert float(source.targets[:, 1:].sum()) == 1
    # The original leaves out row 60 of 61, and a clip with it.
    source, count = left_out(published=True)
    assert [int((source.half_of_clip == half).sum()) for half in range(4)] == [3, 3, 2, 1]
    assert count == 3
    write_labels(root, "L/S/b", [spot(1, 30, "Goal")])
    assert left_out(published=True)[1] == 3
    assert left_out()[1] == 2
    write_labels(root, "L/S/a", [])
    assert left_out()[1] == 0


def test_halves_that_are_all_too_short_for_a_clip_are_refused(tmp_path, clips_of):
    for half in (1, 2):
        write_features(tmp_path, "L/S/a", half, np.ones((1, 3), np.float32))
    write_labels(tmp_path, "L/S/a", [])
    assert len(clips_of(tmp_path, games=["L/S/a"])) == 2
    with pytest.raises(UserError, match="too short for a clip"):
        clips_of(tmp_path, games=["L/S/a"], published=True)


def test_a_half_of_one_row_has_a_clip_but_none_in_the_published_protocol(tmp_path, clips_of):
    for half in (1, 2):
        write_features(tmp_path, "L/S/a", half, np.full((half, 3), half, np.float32))
    write_labels(tmp_path, "L/S/a", [])
    clips, _ = whole_batch(clips_of(tmp_path, 4, games=["L/S/a"]))
    assert clips[:, :, 0].tolist() == [[1] * 4, [2] * 4]
    published = clips_of(tmp_path, 4, games=["L/S/a"], published=True)
    assert whole_batch(published)[0][:, :, 0].tolist() == [[2] * 4]
    assert torch.equal(whole_batch(resident(published))[0], whole_batch(published)[0])


def test_label_time_chooses_between_whole_seconds_and_milliseconds(root, clips_of):
    # 14 s is row 28, clip 0; 15,100 ms is row 30, clip 1.
    write_labels(root, "L/S/a", [spot(1, 14, "Goal", position=15_100)])
    goal = 1 + V2_NAMES.index("Goal")
    for time, clip in (("gameTime", 0), ("position", 1)):
        _, targets = whole_batch(clips_of(root, label_time=time))
        assert targets[:, goal].nonzero().tolist() == [[clip]]


def test_classes_and_number_of_halves_are_those_of_the_data_set(tmp_path, clips_of):
    classes = EventClasses(("pass", "shot"), "Labels-ball.json", halves=1)
    write_features(tmp_path, "game", 1, np.zeros((20, 3), np.float32))
    annotations = {"annotations": [spot(1, 4, "shot"), spot(1, 1, "pass")]}
    (tmp_path / "game/Labels-ball.json").write_text(json.dumps(annotations))
    source = clips_of(tmp_path, 10, games=["game"], classes=classes)
    assert source.targets.tolist() == [[0, 1, 1], [1, 0, 0]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 45, 64])
def test_a_value_that_is_not_finite_names_file_and_row(root, clips_of, bad, row):
    rows = rows_of(root, "L/S/a", 1)
    rows[row, 2] = bad
    rows[row, 3] = -bad  # infinities of both signs: their sum would warn
    write_features(root, "L/S/a", 1, rows)
    source = clips_of(root)
    where = rf"{root}/L/S/a/1_{FILE}.*\b{row}\b"
    with warnings.catch_warnings(), pytest.raises(UserError, match=where):
        warnings.simplefilter("error")
        source.batch(np.array([5, row // 30, 4]))
    source.batch(np.array([clip for clip in range(len(source)) if clip != row // 30]))
    with pytest.raises(UserError, match=where):
        ResidentRows(source.rows.halves, CPU)


def test_a_sum_that_overflows_is_no_bad_value(tmp_path, clips_of):
    for half in (1, 2):
        write_features(tmp_path, "L/S/a", half, np.full((30, 8), 3e38, np.float32))
    write_labels(tmp_path, "L/S/a", [])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clips, _ = whole_batch(clips_of(tmp_path, games=["L/S/a"]))
    assert bool((clips == np.float32(3e38)).all())


def test_threads_that_read_at_the_same_time_get_the_same_batches(root, clips_of):
    source = clips_of(root, clip_frames=7)
    rng = np.random.default_rng(3)
    wanted = [rng.integers(0, len(source), 5) for _ in range(200)]
    expected = [source.batch(indices) for indices in wanted]
    with ThreadPoolExecutor(8) as pool:
        for found, batch in zip(pool.map(source.batch, wanted), expected, strict=True):
            assert torch.equal(found[0], batch[0])
            assert torch.equal(found[1], batch[1])


def test_games_must_agree_on_the_size_of_the_features(root, clips_of):
    write_features(root, "L/S/b", 1, np.zeros((61, 5), np.float32))
    with pytest.raises(UserError, match=r"b/1_Tiny.npy has 5 features per frame, expected 6"):
        clips_of(root)
    with pytest.raises(UserError, match=r"a/1_Tiny.npy has 6 features per frame, expected 7"):
        clips_of(root, dimension=7)


def test_missing_files_and_no_games_are_refused(root, clips_of):
    (root / "L/S/b/2_Tiny.npy").unlink()
    with pytest.raises(UserError, match=r"expected features at .*L/S/b/2_Tiny.npy"):
        clips_of(root)
    (root / "L/S/a/Labels-v2.json").unlink()
    with pytest.raises(UserError, match=r"expected the annotations at .*L/S/a/Labels-v2.json"):
        clips_of(root)
    with pytest.raises(UserError, match="no games to train on"):
        clips_of(root, games=())


def test_clips_are_made_of_any_rows_and_targets(root, dataset):
    data = DataSet(root=root, features=(FILE,), classes=SOCCERNET_V2, dimension=6)
    halves = [half.features for half in data.open_game("L/S/a")]
    assert len(dataset.Clips(MappedRows(halves), [np.zeros((3, 18))] * 2, 30)) == 6


def test_the_number_of_games_and_clips_is_told(root, clips_of, caplog):
    caplog.set_level("INFO", "spotting")
    clips_of(root)
    assert "train: 2 games, 10 clips" in caplog.messages


def test_both_baselines_read_the_same(root):
    write_labels(root, "L/S/b", [spot(1, 29, "Goal"), spot(2, 1, "Foul")])
    (root / "splits.json").write_text(json.dumps({"train": list(FRAMES)}))
    data = DataSet(root=root, features=(FILE,), classes=SOCCERNET_V2)
    one, another = (
        whole_batch(package.dataset.read_clips(data, ["train"], 30))
        for package in (Pooling, TemporallyAwarePooling)
    )
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(one, another, strict=True))
