"""Training steps wait for nothing: no look at a number, nothing moved between devices.

The device `meta` has shapes and no numbers. Whoever asks it for one, as who would wait for a card,
fails; so does a tensor that was left on the CPU. The baselines' own loops run on it, batch after
batch, until the losses of the pass are asked for.
"""

from contextlib import nullcontext

import numpy as np
import pytest
import torch

import CALF.dataset
import CALF.loss
import CALF.model
import CALF.train
import CALF_Calibration.dataset
import CALF_Calibration.loss
import CALF_Calibration.model
import CALF_Calibration.train
import DenseAnchors.model
import DenseAnchors.test
import DenseAnchors.train
import Pooling.dataset
import Pooling.model
import Pooling.train
import TemporallyAwarePooling.dataset
import TemporallyAwarePooling.model
import TemporallyAwarePooling.train
from common.calf.chunk_shape import ChunkShape
from common.calf.k_parameters import k_frames
from common.calf.legacy_context_loss import legacy_context_loss
from common.calf.spot_targets import spot_targets, spot_targets_on_device
from common.calibration.picture_branch import PictureBranch
from common.calibration.top_view import TopView
from common.calibration.top_view_rows import PlayersByTopView
from common.data.chunks import Draws
from common.data.data_set import DataSet
from common.data.events import SOCCERNET_V2, V2_NAMES
from common.results.suppression import Suppression
from common.synthetic.data_set import write_data_set
from common.training.batches import read_batches
from common.training.loss_meter import QueuedLosses
from common.training.run import Run
from common.training.training import TrainingSettings

META, CPU = torch.device("meta"), torch.device("cpu")
K = k_frames(V2_NAMES, 2)
SHAPE = ChunkShape(60, 20, 5)
C = len(V2_NAMES)
SETTINGS = TrainingSettings(
    learning_rate=1e-3, batch_size=4, max_epochs=1, patience=1, evaluation_frequency=9, seed=0
)
SPLITS = {"train_on": ["train"], "select_on": ["valid"]}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("meta") / "data"
    write_data_set(root, games=(1, 1, 0, 0), minutes=2, dim=16, players=True)
    return DataSet(root=root, features=("Synthetic.npy",), classes=SOCCERNET_V2, dimension=16)


@pytest.fixture(autouse=True)
def no_autocast(monkeypatch):
    """The device meta has none, and does not even know how to switch it off."""
    autocast = torch.autocast

    def known(device_type, *words, **how):
        return nullcontext() if device_type == "meta" else autocast(device_type, *words, **how)

    monkeypatch.setattr(torch, "autocast", known)


class PassIsOverError(Exception):
    """The losses are asked for, of so many batches of the items."""


@pytest.fixture
def steps(monkeypatch):
    """Calls a baseline's `train` on the device meta; returns how many batches it recorded."""
    recorded = []
    add = QueuedLosses.add

    def noted(*words):
        recorded.append(1)
        return add(*words)

    def over(*_):
        raise PassIsOverError

    monkeypatch.setattr(QueuedLosses, "add", noted)
    monkeypatch.setattr(QueuedLosses, "read", over)

    def run(train, folder, *words, **how):
        with pytest.raises(PassIsOverError):
            train(Run(folder=folder, device=META), *words, **how, **SPLITS, resident="yes")
        return len(recorded)

    return run


@pytest.mark.parametrize("pool", ["NetVLAD++", "NetRVLAD", "MAX++", "AVG"])
def test_temporally_aware_pooling(data, steps, tmp_path, pool):
    model = TemporallyAwarePooling.model.TemporallyAwareModel(
        16, C, 30, pool=pool, clusters=4, project_to=8
    )
    clips = len(TemporallyAwarePooling.dataset.read_clips(data, ["train"], 30))
    train = TemporallyAwarePooling.train.train
    assert steps(train, tmp_path, data, model.to(META), SETTINGS) == -(-clips // 4) > 3


@pytest.mark.parametrize("pool", ["NetVLAD", "MAX"])
def test_pooling(data, steps, tmp_path, pool):
    model = Pooling.model.PoolingModel(16, C, 40, pool=pool)
    clips = len(Pooling.dataset.read_clips(data, ["train"], 40))
    train = Pooling.train.train
    assert steps(train, tmp_path, data, model.to(META), SETTINGS) == -(-clips // 4) > 3


CHUNKS = {"k_frames": K, "chunks_per_epoch": 10, "suppression": Suppression(10, 0.0)}


@pytest.mark.parametrize("loss", [CALF.loss.context_aware_loss, legacy_context_loss])
@pytest.mark.parametrize("published", [False, True])
def test_calf(data, steps, tmp_path, loss, published):
    model = CALF.model.ContextAwareModel(16, C, SHAPE, capsule=4).to(META)
    criterion = CALF.loss.Criterion(
        segmentation_loss=loss, k_frames=torch.from_numpy(K).to(META), published=published
    )
    assert steps(CALF.train.train, tmp_path, data, model, SETTINGS, criterion, **CHUNKS) == 3


def test_calf_calibration_with_a_branch_that_is_dropped_now_and_then(data, steps, tmp_path):
    players = PlayersByTopView(TopView(calibration=True, field=True, cone=True), tmp_path)
    branch = PictureBranch(1, SHAPE.receptive_frames)
    model = CALF_Calibration.model.TopViewModel(
        16, C, SHAPE, capsule=4, player_branch=branch, dropout=0.5
    )
    criterion = CALF_Calibration.loss.Criterion(k_frames=torch.from_numpy(K).to(META))
    train = CALF_Calibration.train.train
    words = (data, players, model.to(META), SETTINGS)
    assert steps(train, tmp_path, *words, criterion=criterion, **CHUNKS) == 3


@pytest.mark.parametrize("mixup", [0, 2])
def test_dense_anchors(data, steps, tmp_path, mixup):
    model = DenseAnchors.model.DenseAnchorModel(16, C, 64, most_channels=64, dropout=0.1).to(META)
    scoring = DenseAnchors.test.Scoring(16, 12)
    how = {"radius": 6, "displacement_weight": 0.1, "scoring": scoring, "chunks_per_epoch": 10,
           "decay": 1e-3, "mixup": mixup}  # fmt: skip
    words = (data, model, SETTINGS)
    train = DenseAnchors.train.train
    assert steps(train, tmp_path, *words, **how, suppression=Suppression(16, 0.1)) == 3


def test_one_who_looks_at_a_number_is_found(data, steps, tmp_path, monkeypatch):
    """What these tests are worth: a loop that waits for a number fails in them."""
    loss = TemporallyAwarePooling.train.clip_loss

    def looking(logits, targets):
        return {name: value * (float(value) >= 0) for name, value in loss(logits, targets).items()}

    monkeypatch.setattr(TemporallyAwarePooling.train, "clip_loss", looking)
    model = TemporallyAwarePooling.model.TemporallyAwareModel(16, C, 30, clusters=4).to(META)
    with pytest.raises(RuntimeError, match="meta"):
        TemporallyAwarePooling.train.train(
            Run(folder=tmp_path, device=META), data, model, SETTINGS, **SPLITS, resident="yes"
        )


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize("players", [False, True])
def test_chunks_that_are_kept_on_a_device_are_those_of_the_files(
    data, tmp_path, players, published
):
    if players:
        seen = PlayersByTopView(TopView(calibration=True, cone=True), tmp_path)
        on_disk, kept = (
            CALF_Calibration.dataset.read_chunks(
                data, seen, ["train"], K, SHAPE, published=published
            )
            for _ in range(2)
        )
    else:
        on_disk, kept = (
            CALF.dataset.read_chunks(data, ["train"], K, SHAPE, published) for _ in range(2)
        )
    kept.keep_on(CPU)
    order = np.random.default_rng(0).permutation(50)
    for number in (0, 1):
        expected, found = (
            list(read_batches(each.draw(50, 3, number), order, batch_size=8, device=CPU))
            for each in (on_disk, kept)
        )
        assert len(expected) == len(found) == 7
        for mine, theirs in zip(found, expected, strict=True):
            for one, another in zip(mine.tensors, theirs.tensors, strict=True):
                assert torch.equal(one, another)
                assert one.dtype == another.dtype


def test_chunks_at_the_ends_of_short_halves_are_masked_alike(data):
    on_disk, kept = (CALF.dataset.read_chunks(data, ["train"], K, SHAPE) for _ in range(2))
    kept.keep_on(CPU)
    frames = on_disk.labels.frames
    start = np.concatenate([np.arange(70), np.arange(frames[1] - 90, frames[1] - 60 + 30)])
    half = np.repeat([0, 1], [70, len(start) - 70])
    one, another = (type(on_disk.draw(1, 0))(each, Draws(half, start)) for each in (on_disk, kept))
    everything = np.arange(len(start))
    assert all(map(torch.equal, one.batch(everything), another.batch(everything)))


@pytest.mark.parametrize("slots", [1, 3, 40])
def test_spots_listed_on_a_device_are_those_listed_on_the_host(slots):
    rng = np.random.default_rng(slots)
    shifts = rng.integers(-6, 7, (9, 63, 4)).astype(np.int16)
    shifts[2] = 5  # no spot at all
    shifts[3] = 0  # nothing else
    expected = spot_targets(shifts, slots)
    found = spot_targets_on_device(torch.from_numpy(shifts), slots)
    assert found.dtype == torch.float32
    assert np.array_equal(found.numpy(), expected)
