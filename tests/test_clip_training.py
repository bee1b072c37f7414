"""Training on clips, in both pooling baselines: steps, and a validation that takes none."""

import json

import numpy as np
import pytest
import torch

import Pooling.dataset
import Pooling.loss
import Pooling.model
import Pooling.train
import TemporallyAwarePooling.dataset
import TemporallyAwarePooling.loss
import TemporallyAwarePooling.model
import TemporallyAwarePooling.train
from common.data.data_set import DataSet
from common.data.events import EventClasses
from common.data.features import HalfFeatures
from common.data.frame_rows import MappedRows
from common.pooling.clip_map import clip_map
from common.training.optimisation import adam
from common.training.progress import TrainingSettings
from common.training.run import Run
from common.training.training import Training
from Pooling.main import POOLS as POOLING
from TemporallyAwarePooling.main import POOLS as TEMPORALLY_AWARE

pytestmark = pytest.mark.usefixtures("one_thread")


def build(package, features, classes, window_frames):
    torch.manual_seed(0)
    if package is Pooling:
        return Pooling.model.PoolingModel(features, classes, window_frames, pool="NetVLAD")
    return TemporallyAwarePooling.model.TemporallyAwareModel(
        features, classes, window_frames, clusters=4, project_to=16
    )


NETWORKS = {
    **{f"Pooling {p}": lambda p=p: Pooling.model.PoolingModel(12, 5, 30, pool=p) for p in POOLING},
    **{p: lambda p=p: TemporallyAwarePooling.model.TemporallyAwareModel(
        12, 5, 30, pool=p, clusters=4, project_to=16) for p in TEMPORALLY_AWARE},
}  # fmt: skip


@pytest.mark.parametrize("network", NETWORKS)
def test_training_drops_two_fifths_of_the_pooled_vector_and_raises_the_rest(network):
    torch.manual_seed(0)
    model = NETWORKS[network]()
    with torch.no_grad():  # logit c is entry c of the pooled vector
        model.fc.weight.copy_(torch.eye(*model.fc.weight.shape))
        model.fc.bias.zero_()
        clips = torch.randn(400, 30, 12)
        whole, dropped = model.eval()(clips), model.train()(clips)
    ratio = dropped / whole
    kept = ratio.abs() > 1e-3
    assert torch.allclose(ratio[kept], torch.tensor(1 / 0.6), rtol=1e-3)
    assert abs(float(kept.float().mean()) - 0.6) < 0.05  # five standard deviations of 2,400


@pytest.mark.parametrize("package", [Pooling, TemporallyAwarePooling], ids=lambda p: p.__name__)
def test_validation_takes_no_step_and_adds_clip_map_only_when_thorough(tmp_path, package):
    rng = np.random.default_rng(0)
    half = HalfFeatures.of_rows(rng.normal(size=(300, 12)).astype(np.float32))
    targets = (rng.random((10, 6)) < 0.3).astype(np.float32)
    clips = package.dataset.Clips(MappedRows([half]), [targets], 30)
    model = build(package, 12, 5, 30)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    settings = TrainingSettings(
        learning_rate=0.1, batch_size=4, max_epochs=2, patience=10, evaluation_frequency=1, seed=0
    )
    run, seen = Run(folder=tmp_path), []
    with Training(run, model, adam(model, 0.1), settings) as training:
        for epoch in training.epochs():
            for features, wanted in epoch.training(clips):
                epoch.record(package.loss.clip_loss(model(features), wanted))
            model.train()
            seen.append(package.train.validate(run, model, epoch, clips))
            assert not model.training
            epoch.close(**seen[-1])
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    with torch.inference_mode():
        every = torch.from_numpy(half.rows(0, 300)).view(10, 30, 12)
        logits = model(every)
        loss = float(package.loss.clip_loss(logits, torch.from_numpy(targets))["bce"])
    assert seen == [{}, {"clip_mAP": pytest.approx(clip_map(logits.numpy(), targets))}]
    losses = [row["valid_loss"] for row in training.progress.history]
    assert losses == pytest.approx([loss, loss], rel=1e-6)


@pytest.mark.parametrize(("published", "clips"), [(False, 4), (True, 2)])
@pytest.mark.parametrize("package", [Pooling, TemporallyAwarePooling], ids=lambda p: p.__name__)
def test_training_leaves_out_the_last_row_by_the_published_protocol(
    tmp_path, caplog, package, published, clips
):
    for game in ("a", "b"):  # halves of a clip and a row
        (tmp_path / game).mkdir()
        for half in (1, 2):
            np.save(tmp_path / game / f"{half}_F.npy", np.ones((31, 12), np.float32))
        (tmp_path / game / "Labels-v2.json").write_text('{"annotations": []}')
    (tmp_path / "splits.json").write_text(json.dumps({"train": ["a"], "valid": ["b"]}))
    data = DataSet(root=tmp_path, features=("F.npy",), classes=EventClasses(tuple("ABCDE")))
    run = Run(folder=tmp_path / "run", published=published)
    run.folder.mkdir()
    settings = TrainingSettings(
        learning_rate=0.1, batch_size=4, max_epochs=1, patience=10, evaluation_frequency=1, seed=0
    )
    caplog.set_level("INFO", "spotting")
    model = build(package, 12, 5, 30)
    package.train.train(run, data, model, settings, train_on=["train"], select_on=["valid"])
    for split in ("train", "valid"):
        assert f"{split}: 1 game, {clips} clips" in caplog.messages
