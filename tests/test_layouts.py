"""NetVLAD weights in the layouts of both pooling baselines: one network, turned about."""

import pytest
import torch
from torch.nn import functional as F

from common.errors import UserError
from common.pooling.layouts import to_pooling, to_temporally_aware_pooling
from Pooling.model import PoolingModel
from TemporallyAwarePooling.model import TemporallyAwareModel


def test_released_weights_answer_alike_in_both_layouts(shared):
    content = torch.load(
        shared("data/released/NETVLAD_v1_model.pth.tar"), map_location="cpu", weights_only=True
    )
    state = content["state_dict"]
    there = to_temporally_aware_pooling(state)
    back = to_pooling(there)
    assert all(torch.equal(state[name], back[name]) for name in state)
    # The layout of the other baseline, by its formula: column d·K + k belongs to feature d.
    clips = torch.randn(6, 40, 512, generator=torch.Generator().manual_seed(2)).double()
    unit = F.normalize(clips, dim=2)
    assignment = torch.softmax(unit @ there["pool_layer.clusters"].double(), dim=2)
    centres = there["pool_layer.clusters2"].double()
    residual = (assignment.transpose(1, 2) @ unit).transpose(1, 2)
    residual = residual - assignment.sum(dim=1, keepdim=True) * centres  # [B, D, K]
    vector = F.normalize(F.normalize(residual, dim=1).flatten(1), dim=1)
    logits = vector @ there["fc.weight"].double().T + there["fc.bias"].double()
    model = PoolingModel(512, 3, 40, pool="NetVLAD").double().eval()
    model.load_state_dict(state)
    assert torch.allclose(logits, model(clips), rtol=0, atol=1e-6)


def test_other_weights_are_not_converted():
    maximum = PoolingModel(8, 3, 4, pool="MAX").state_dict()
    for convert in (to_pooling, to_temporally_aware_pooling):
        with pytest.raises(UserError, match="expected the weights of"):
            convert(maximum)


def test_both_baselines_give_the_same_confidences():
    torch.manual_seed(0)
    ours = PoolingModel(6, 3, 10, pool="NetVLAD").eval()
    theirs = TemporallyAwareModel(6, 3, 10, pool="NetVLAD", project_to=None).eval()
    theirs.load_state_dict(to_temporally_aware_pooling(ours.state_dict()))
    windows = torch.randn(5, 10, 6)
    assert torch.allclose(ours(windows), theirs(windows), rtol=0, atol=1e-6)
    back = to_pooling(theirs.state_dict())
    assert list(back) == list(ours.state_dict())
    for name, tensor in ours.state_dict().items():
        assert torch.equal(tensor, back[name])
        assert back[name].is_contiguous()


def test_a_reduction_and_a_split_window_have_no_counterpart():
    for settings in ({"project_to": 16}, {"pool": "NetVLAD++"}, {"pool": "NetRVLAD"}):
        settings = {"pool": "NetVLAD", "project_to": None, "clusters": 4} | settings
        model = TemporallyAwareModel(6, 3, 10, **settings)
        with pytest.raises(UserError, match="without a reduction"):
            to_pooling(model.state_dict())


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("fc.bias", (3,)), ("fc.bias", (4, 1)), ("fc.bias", ()), ("fc.weight", (4, 383)),
        ("fc.weight", (3, 384)), ("pool_layer.centroids", (64, 7)),
        ("pool_layer.centroids", (64, 6, 1)), ("pool_layer.conv.weight", (64, 6, 1, 2)),
        ("pool_layer.conv.weight", (6, 64, 1, 1)),
    ],
    ids=str,
)  # fmt: skip
def test_weights_that_are_not_of_one_network_are_not_converted(name, shape):
    state = PoolingModel(6, 3, 10, pool="NetVLAD").state_dict()  # 64 clusters
    to_temporally_aware_pooling(state)
    with pytest.raises(UserError, match=r"expected .*not the weights of one network"):
        to_temporally_aware_pooling({**state, name: torch.zeros(shape)})


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("fc.bias", (3,)), ("fc.weight", (4, 64)), ("pool_layer.clusters", (64, 6)),
        ("pool_layer.clusters2", (6, 64)), ("pool_layer.clusters2", (2, 6, 64)),
    ],
    ids=str,
)  # fmt: skip
def test_nor_those_of_the_other_layout(name, shape):
    state = to_temporally_aware_pooling(PoolingModel(6, 3, 10, pool="NetVLAD").state_dict())
    to_pooling(state)
    with pytest.raises(UserError, match=r"expected .*not the weights of one network"):
        to_pooling({**state, name: torch.zeros(shape)})
