"""The VLAD layers of both pooling baselines: the pooled vector, and its product with a classifier.

The fused forms never hold that vector; here it is, and the two agree.
"""

import pytest
import torch

import Pooling.netvlad
from TemporallyAwarePooling import pooling

E, K, C = 12, 5, 4

LAYERS = {
    "Pooling NetVLAD": lambda: Pooling.netvlad.NetVLAD(E, K),
    "Pooling NetVLAD with bias": lambda: Pooling.netvlad.NetVLAD(E, K, with_bias=True),
    "NetVLAD": lambda: pooling.NetVLAD(E, K),
    "NetRVLAD": lambda: pooling.NetVLAD(E, K, with_centres=False),
}

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(params=LAYERS)
def layer(request, device):
    torch.manual_seed(0)
    layer = LAYERS[request.param]()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter *= 3
    return layer.eval().to(device)


@pytest.fixture(params=[(torch.float32, 1e-5), (torch.float64, 1e-12)], ids=["single", "double"])
def precision(request):
    return request.param


@pytest.fixture
def clips(device):
    def draw(dtype, B=20, T=7):
        generator = torch.Generator().manual_seed(1)
        return torch.randn(B, T, E, dtype=dtype, generator=generator).to(device)

    return draw


@pytest.fixture
def classifier(device):
    def draw(dtype, rows=C):
        generator = torch.Generator().manual_seed(2)
        return torch.randn(rows, K, E, dtype=dtype, generator=generator).to(device)

    return draw


def test_the_pooled_vector_times_the_classifier_is_the_fused_logits(
    layer, precision, clips, classifier
):
    dtype, tolerance = precision
    layer, frames, weight = layer.to(dtype), clips(dtype), classifier(dtype)
    pooled = layer.pooled(frames)
    assert (pooled.shape, pooled.dtype) == ((20, K * E), dtype)
    logits = layer(frames, weight)
    assert logits.dtype == dtype
    assert torch.allclose(pooled @ weight.flatten(1).T, logits, rtol=0, atol=tolerance)


def test_its_gradients_are_those_of_the_fused_form(layer, clips, classifier):
    layer = layer.double()
    inputs = [clips(torch.float64).requires_grad_(), classifier(torch.float64).requires_grad_()]
    inputs += list(layer.parameters())
    gradients = []
    for plain in (True, False):
        frames, weight = inputs[:2]
        logits = layer.pooled(frames) @ weight.flatten(1).T if plain else layer(frames, weight)
        gradients.append(torch.autograd.grad(logits.square().sum(), inputs))
    for one, another in zip(*gradients, strict=True):
        assert torch.allclose(one, another, rtol=1e-9, atol=1e-11)


def test_it_has_length_1_and_clusters_of_equal_length(layer, clips):
    pooled = layer.double().pooled(clips(torch.float64))
    assert torch.allclose(pooled.norm(dim=1), torch.ones_like(pooled[:, 0]))
    lengths = pooled.unflatten(1, (K, E)).norm(dim=2)
    assert torch.allclose(lengths, torch.full_like(lengths, K**-0.5))


def test_sliding_is_the_vector_of_each_window_times_the_classifier(
    layer, precision, clips, classifier
):
    dtype, tolerance = precision
    layer, frames = layer.to(dtype), clips(dtype, 1, 40)[0]
    weight = classifier(dtype)
    pooled = layer.pooled(frames.unfold(0, 9, 1).transpose(1, 2))
    slid = layer.slide(frames, weight, 9)
    assert slid.dtype == dtype
    assert torch.allclose(pooled @ weight.flatten(1).T, slid, rtol=0, atol=2 * tolerance)


def test_silent_frames_leave_a_finite_vector(layer, device):
    assert torch.isfinite(layer.pooled(torch.zeros(2, 7, E, device=device))).all()


def test_an_average_is_the_mean_and_slides(precision, clips, classifier):
    dtype, tolerance = precision
    layer, frames, weight = pooling.AveragePool(), clips(dtype), classifier(dtype)[:, :1]
    pooled = layer.pooled(frames)
    assert torch.allclose(pooled, frames.sum(dim=1) / 7, rtol=0, atol=tolerance)
    logits = layer(frames, weight)
    assert torch.allclose(logits, pooled @ weight[:, 0].T, rtol=0, atol=tolerance)
    windows = layer(frames[0].unfold(0, 3, 1).transpose(1, 2), weight)
    slid = layer.slide(frames[0], weight, 3)
    assert logits.dtype == slid.dtype == dtype
    assert torch.allclose(slid, windows, rtol=0, atol=tolerance)
