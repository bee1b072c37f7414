"""The windows around all frames of a half, and windows that no network was built for."""

import numpy as np
import pytest
import torch

from common.data.frame_rows import window_rows
from common.pooling.half_windows import check_windows, padded_half
from Pooling.main import POOLS as POOLING
from Pooling.model import PoolingModel
from TemporallyAwarePooling.main import POOLS as TEMPORALLY_AWARE
from TemporallyAwarePooling.model import TemporallyAwareModel


@pytest.mark.parametrize("length", [1, 2, 7, 30, 41])
@pytest.mark.parametrize("T", [1, 2, 29, 60])
def test_a_padded_half_holds_the_window_around_each_frame(T, length):
    frames = torch.arange(2.0 * T).view(T, 2)
    padded = padded_half(frames, length)
    assert padded.shape == (T + length - 1, 2)
    windows = padded.unfold(0, length, 1).transpose(1, 2)  # [T, L, 2]
    rows = window_rows(np.arange(T) - length // 2, length, T)
    assert torch.equal(windows, frames[torch.from_numpy(rows)])


def test_the_type_of_the_rows_is_kept():
    for dtype in (torch.float64, torch.bfloat16):
        assert padded_half(torch.ones(3, 2, dtype=dtype), 4).dtype == dtype


WRONG = [(29, 12), (31, 12), (1, 12), (0, 12), (30, 11), (30, 13), (12, 30), (30,), (30, 12, 1)]


@pytest.mark.parametrize("shape", WRONG)
def test_windows_of_another_size_are_refused_with_both_sizes(shape):
    with pytest.raises(ValueError, match=r"expected windows \[B, 30, 12\]") as error:
        check_windows(torch.zeros(2, *shape), 30, 12)
    assert str([2, *shape]) in str(error.value)
    for batch in (0, 1, 5):
        check_windows(torch.zeros(batch, 30, 12), 30, 12)


def small(pool):
    return TemporallyAwareModel(12, 5, 30, pool=pool, clusters=4, project_to=16)


NETWORKS = pytest.mark.parametrize(
    "network",
    [
        *(pytest.param(lambda p=p: PoolingModel(12, 5, 30, pool=p), id=p) for p in POOLING),
        *(pytest.param(lambda p=p: small(p), id=f"TA {p}") for p in TEMPORALLY_AWARE),
    ],
)


@NETWORKS
@pytest.mark.parametrize("training", [True, False])
def test_networks_refuse_windows_of_another_length_or_dimension(network, training):
    model = network().train(training)
    assert model(torch.randn(2, 30, 12)).shape == (2, 6)
    for shape in WRONG:
        with pytest.raises(ValueError, match=r"expected windows \[B, 30, 12\]"):
            model(torch.zeros(2, *shape))


# Double precision.


@NETWORKS
def test_networks_run_in_double_precision_too(network):
    torch.manual_seed(1)
    single, windows, half = network(), torch.randn(4, 30, 12), torch.randn(70, 12)
    double = network().double()
    double.load_state_dict(single.state_dict())
    results = []
    for model, dtype in ((single, torch.float32), (double, torch.float64)):
        model.train()
        trained = model(windows.to(dtype))
        trained.sum().backward()  # with dropout
        assert trained.dtype == dtype
        model.zero_grad()
        model.eval()
        logits = model(windows.to(dtype))
        logits.square().sum().backward()
        with torch.inference_mode():
            scores = model.score_half(half.to(dtype).split(32))
        gradients = [parameter.grad for parameter in model.parameters()]
        results.append([logits.detach(), scores, *gradients])
        assert all(tensor.dtype == dtype for tensor in results[-1])
    for one, another in zip(*results, strict=True):
        assert torch.allclose(one.double(), another, rtol=1e-5, atol=1e-5)


@NETWORKS
def test_a_half_in_double_precision_is_scored_as_its_windows(network):
    torch.manual_seed(2)
    model, half = network().double().eval(), torch.randn(45, 12, dtype=torch.float64)
    windows = padded_half(half, 30).unfold(0, 30, 1).transpose(1, 2)
    with torch.inference_mode():
        slid, one_by_one = model.score_half([half]), torch.sigmoid(model(windows))
    assert torch.allclose(slid, one_by_one, rtol=0, atol=1e-12)
