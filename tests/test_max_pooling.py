"""The largest value of each feature: over clips, and slid along a half."""

import pytest
import torch

from common.pooling import max_pooling
from common.pooling.max_pooling import MaxPool

pytestmark = pytest.mark.usefixtures("one_thread")


def invented(T, E=8, C=3, dtype=torch.float32):
    generator = torch.Generator().manual_seed(T)
    frames = torch.randn(T, E, dtype=dtype, generator=generator)
    return frames, torch.randn(C, 1, E, dtype=dtype, generator=generator)


def windows_of(frames, length):
    return frames.unfold(0, length, 1).transpose(1, 2)  # [T - length + 1, length, E]


def test_logits_are_the_largest_values_times_the_classifier():
    frames, weight = invented(20)
    clips = frames.view(4, 5, 8)
    pooled = MaxPool().pooled(clips)
    assert pooled.tolist() == [[max(column) for column in clip.T.tolist()] for clip in clips]
    logits = MaxPool()(clips, weight)
    assert torch.allclose(logits, pooled @ weight[:, 0].T, rtol=0, atol=1e-6)
    assert len(list(MaxPool().parameters())) == 0


def test_the_gradient_goes_to_the_largest_row_alone():
    frames, weight = invented(5)
    clips = frames[None].requires_grad_()
    MaxPool()(clips, weight).sum().backward()
    largest = clips.detach() == clips.detach().amax(dim=1, keepdim=True)
    assert torch.equal(clips.grad != 0, largest)


def test_dropout_drops_entries_of_the_pooled_vector_and_keeps_the_expectation():
    ones = torch.ones(400, 3, 50)
    every_entry = torch.eye(50)[:, None]  # logit c is entry c
    torch.manual_seed(0)
    dropped = MaxPool()(ones, every_entry, dropout=0.4)
    assert torch.equal(dropped.unique(), torch.tensor([0, 1 / 0.6]))
    assert float(dropped.mean()) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("length", [1, 2, 7, 30])
@pytest.mark.parametrize("more", [0, 1, 40])
@pytest.mark.parametrize("block", [1, 3, 256])
def test_sliding_equals_window_by_window(length, more, block, monkeypatch):
    monkeypatch.setattr(max_pooling, "_WINDOWS_PER_BLOCK", block)
    frames, weight = invented(length + more)
    slid = MaxPool().slide(frames, weight, length)
    assert slid.shape == (more + 1, 3)
    alone = MaxPool()(windows_of(frames, length), weight)
    assert torch.allclose(slid, alone, rtol=0, atol=1e-6)


def test_rows_that_fill_no_window_have_no_logits():
    frames, weight = invented(6)
    assert MaxPool().slide(frames, weight, 7).shape == (0, 3)


def test_double_precision_stays_double():
    frames, weight = invented(20, dtype=torch.float64)
    slid = MaxPool().slide(frames, weight, 5)
    alone = MaxPool()(windows_of(frames, 5), weight)
    assert slid.dtype == alone.dtype == torch.float64
    assert torch.allclose(slid, alone, rtol=0, atol=1e-14)
