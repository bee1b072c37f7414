"""VLAD pooling with its classifier: formulas cluster by cluster, gradients, sliding."""

import math

import pytest
import torch

from common.pooling import residuals, vlad
from common.pooling.vlad import kept_entries, sliding_vlad_logits, vlad_logits

WITH_CENTRES = pytest.mark.parametrize("with_centres", [True, False], ids=["VLAD", "RVLAD"])


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def invented(device):
    def make(B, T, E, K, C, with_centres, dtype=torch.float64, seed=0):
        """Frames [B, T, E], clusters [E, K], centres [K, E] or None, weight [C, K, E]."""
        generator = torch.Generator().manual_seed(seed)

        def draw(*shape):
            return torch.randn(shape, dtype=dtype, generator=generator).to(device)

        centres = 0.3 * draw(K, E)
        return draw(B, T, E), draw(E, K), centres if with_centres else None, draw(C, K, E)

    return make


def naive_logits(frames, clusters, centres, weight):
    """The specification's five steps with plain loops over clips, frames and clusters."""
    T, E = frames.shape[1:]
    K = clusters.shape[1]
    rows = []
    for clip in frames:
        residuals = [frames.new_zeros(E) for _ in range(K)]
        for t in range(T):
            unit = clip[t] / max(float(clip[t].norm()), 1e-12)
            exponents = [float((unit * clusters[:, k]).sum()) for k in range(K)]
            total = sum(map(math.exp, exponents))
            for k in range(K):
                centre = 0 if centres is None else centres[k]
                residuals[k] = residuals[k] + math.exp(exponents[k]) / total * (unit - centre)
        columns = [r / max(float(r.norm()), 1e-12) for r in residuals]
        pooled = torch.stack(columns)  # [K, E]
        pooled = pooled / max(float(pooled.norm()), 1e-12)
        rows.append(torch.stack([(w * pooled).sum() for w in weight]))
    return torch.stack(rows)


@WITH_CENTRES
@pytest.mark.parametrize(("B", "T", "K"), [(1, 1, 1), (2, 7, 3), (5, 4, 6)])
def test_forward_is_the_formula_written_as_loops(invented, B, T, K, with_centres):
    args = invented(B, T, 8, K, 4, with_centres)
    assert torch.allclose(vlad_logits(*args), naive_logits(*args), rtol=0, atol=1e-12)


@WITH_CENTRES
def test_single_precision_follows_double(invented, with_centres):
    args = invented(3, 15, 512, 32, 18, with_centres)
    single = [None if arg is None else arg.float() for arg in args]
    assert torch.allclose(vlad_logits(*single).double(), naive_logits(*args), rtol=0, atol=1e-5)


@WITH_CENTRES
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_gradients_are_those_of_finite_differences(invented, with_centres, dropout):
    args = [arg for arg in invented(3, 4, 5, 3, 2, with_centres) if arg is not None]

    def logits(frames, clusters, *rest):
        torch.manual_seed(7)  # the same entries dropped in each call
        *centres, weight = rest
        return vlad_logits(frames, clusters, *(centres or [None]), weight, dropout)

    assert torch.autograd.gradcheck(logits, [arg.requires_grad_() for arg in args])


@WITH_CENTRES
def test_gradients_are_those_of_autograd_through_the_plain_formula(invented, with_centres):
    # 35 clips: two whole groups and a part of one.
    args = [arg for arg in invented(35, 6, 7, 3, 4, with_centres) if arg is not None]
    upstream = torch.randn(35, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    upstream = upstream.to(args[0].device)

    def plain(frames, clusters, *rest):
        *centres, weight = rest
        unit = frames / frames.norm(dim=2, keepdim=True)
        assignment = (unit @ clusters).softmax(dim=2)
        residual = torch.einsum("btk,bte->bke", assignment, unit)
        if centres:
            residual = residual - assignment.sum(dim=1)[..., None] * centres[0]
        column = residual / residual.norm(dim=2, keepdim=True)
        pooled = column / column.norm(dim=(1, 2), keepdim=True)
        return torch.einsum("bke,cke->bc", pooled, weight)

    def ours(frames, clusters, *rest):
        *centres, weight = rest
        return vlad_logits(frames, clusters, *(centres or [None]), weight)

    gradients = []
    for function in (ours, plain):
        leaves = [arg.detach().clone().requires_grad_() for arg in args]
        (function(*leaves) * upstream).sum().backward()
        gradients.append([leaf.grad for leaf in leaves])
    for mine, theirs in zip(*gradients, strict=True):
        assert torch.allclose(mine, theirs, rtol=1e-9, atol=1e-12)


@WITH_CENTRES
@pytest.mark.parametrize("B", [1, 15, 16, 17, 32, 33])
def test_a_batch_gives_what_its_clips_give_alone(invented, B, with_centres):
    frames, *rest = invented(B, 5, 8, 4, 3, with_centres)
    alone = torch.cat([vlad_logits(clip[None], *rest) for clip in frames])
    assert torch.allclose(vlad_logits(frames, *rest), alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("B", [1, 16, 17, 40])
def test_the_size_of_the_groups_changes_nothing(invented, B, monkeypatch):
    args = [arg.requires_grad_() for arg in invented(B, 5, 8, 4, 3, with_centres=True)]
    results = []
    for size in (1, 16, 64):  # clips per group; V has 4 x 8 entries
        monkeypatch.setattr(residuals, "_GROUP_ENTRIES", size * 32)
        torch.manual_seed(3)
        logits = vlad_logits(*args, dropout=0.4)
        results.append((logits, *torch.autograd.grad(logits.square().sum(), args)))
    for other in results[1:]:
        for one, another in zip(results[0], other, strict=True):
            assert torch.allclose(one, another, rtol=1e-10, atol=1e-12)


def test_dropout_drops_entries_of_the_pooled_vector(invented, device):
    frames, clusters, centres, _ = invented(40, 5, 6, 2, 1, with_centres=True)
    every_entry = torch.eye(12, dtype=torch.float64, device=device).view(12, 2, 6)  # one a logit
    whole = vlad_logits(frames, clusters, centres, every_entry)
    torch.manual_seed(5)
    dropped = vlad_logits(frames, clusters, centres, every_entry, dropout=0.25)
    torch.manual_seed(5)
    kept, gain = kept_entries((40, 2, 6), 0.25, device)
    assert torch.allclose(dropped, whole * kept.flatten(1) * gain, rtol=0, atol=1e-12)
    assert 0.6 < kept.double().mean() < 0.9


def slid_by_hand(frames, clusters, centres, weight, length):
    return vlad_logits(frames.unfold(0, length, 1).transpose(1, 2), clusters, centres, weight)


@WITH_CENTRES
@pytest.mark.parametrize("length", [1, 2, 7, 15, 30, 31, 33])
@pytest.mark.parametrize("more", [0, 1, 40])
def test_sliding_equals_window_by_window(invented, length, more, with_centres):
    frames, *rest = invented(1, length + more, 16, 4, 3, with_centres, torch.float32)
    slid = sliding_vlad_logits(frames[0], *rest, length)
    assert slid.shape == (more + 1, 3)
    assert torch.allclose(slid, slid_by_hand(frames[0], *rest, length), rtol=0, atol=2e-5)


@WITH_CENTRES
@pytest.mark.parametrize("rows_per_block", [1, 3, 50, 512])
def test_sliding_does_not_depend_on_the_blocks(invented, rows_per_block, with_centres, monkeypatch):
    frames, *rest = invented(1, 80, 16, 4, 3, with_centres, torch.float32)
    expected = slid_by_hand(frames[0], *rest, 11)
    monkeypatch.setattr(vlad, "_WINDOWS_PER_BLOCK", rows_per_block)
    assert torch.allclose(sliding_vlad_logits(frames[0], *rest, 11), expected, rtol=0, atol=2e-5)


def test_rows_that_fill_no_window_have_no_logits(invented):
    frames, *rest = invented(1, 6, 4, 2, 3, True, torch.float32)
    assert sliding_vlad_logits(frames[0], *rest, 7).shape == (0, 3)


@WITH_CENTRES
@pytest.mark.parametrize("silent", [slice(2, 5), slice(0, 8)], ids=["some rows", "all rows"])
def test_silent_frames_are_zero_rows_and_do_no_harm(invented, silent, with_centres):
    frames, *rest = invented(2, 8, 6, 3, 4, with_centres)
    frames[0, silent] = 0
    expected = naive_logits(frames, *rest)
    assert torch.allclose(vlad_logits(frames, *rest), expected, rtol=0, atol=1e-12)
    single = [None if arg is None else arg.float() for arg in (frames[0], *rest)]
    slid = sliding_vlad_logits(*single, 8)
    assert torch.allclose(slid.double(), expected[:1], rtol=0, atol=2e-5)
    parameters = [arg.requires_grad_() for arg in rest if arg is not None]
    logits = vlad_logits(frames, *rest)
    for gradient in torch.autograd.grad(logits.square().sum(), parameters):
        assert torch.isfinite(gradient).all()


@WITH_CENTRES
@pytest.mark.parametrize("scale", [1e-9, 1e-13])
def test_only_what_is_shorter_than_1e_12_is_not_brought_to_length_1(invented, scale, with_centres):
    frames, *rest = invented(2, 8, 6, 3, 4, with_centres)
    expected = naive_logits(scale * frames, *rest)
    same = torch.allclose(expected, naive_logits(frames, *rest), rtol=0, atol=1e-6)
    assert same == (scale > 1e-12)
    assert torch.allclose(vlad_logits(scale * frames, *rest), expected, rtol=0, atol=1e-12)
    slid = sliding_vlad_logits(scale * frames[0], *rest, 8)
    assert torch.allclose(slid, expected[:1], rtol=0, atol=1e-9)


@WITH_CENTRES
def test_sliding_over_identical_rows_loses_no_digits(invented, with_centres):
    # All products are equal: the squared lengths are differences of like terms.
    frames, *rest = invented(1, 1, 32, 4, 3, with_centres, torch.float32)
    still = frames[0].expand(60, -1)
    expected = slid_by_hand(still, *rest, 15)
    assert torch.allclose(sliding_vlad_logits(still, *rest, 15), expected, rtol=0, atol=2e-5)


def test_sliding_close_to_the_centres_loses_no_digits(invented):
    # Residuals a thousand times smaller than what they are differences of.
    frames, clusters, centres, weight = invented(1, 1, 32, 4, 3, True)
    unit = frames[0] / frames[0].norm()
    noise = torch.randn(40, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    noise = noise.to(unit.device)
    frames, centres = unit + 1e-4 * noise, unit - 1e-4 * centres
    windows = frames.unfold(0, 15, 1).transpose(1, 2)
    expected = vlad_logits(windows, clusters, centres, weight)
    single = (each.float() for each in (frames, clusters, centres, weight))
    slid = sliding_vlad_logits(*single, 15).double()
    assert torch.allclose(slid, expected, rtol=0, atol=0.02)


# What dropout keeps.


@pytest.mark.parametrize("dropout", [0.1, 0.4, 0.5])
def test_the_share_that_is_kept_and_the_expectation(device, dropout):
    torch.manual_seed(0)
    kept, gain = kept_entries((64, 50, 125), dropout, device)
    assert kept.dtype == torch.int8 and set(kept.unique().tolist()) == {0, 1}
    assert kept.shape == (64, 50, 125)
    mean = float(kept.double().mean())
    assert abs(mean - (1 - dropout)) < 5 * math.sqrt(dropout * (1 - dropout) / kept.numel())
    assert abs(gain * round((1 - dropout) * 2**16) / 2**16 - 1) < 2**-14


def test_entries_are_dropped_one_by_one_not_in_rows(device):
    torch.manual_seed(1)
    kept, _ = kept_entries((100, 100), 0.4, device)
    centred = kept.double() - kept.double().mean()
    for shifted in (centred.roll(1, 0), centred.roll(1, 1), centred.roll(4, 1)):
        assert abs(float((centred * shifted).mean())) < 5 * 0.24 / 100
    for axis in (0, 1):
        assert float(kept.double().mean(dim=axis).min()) > 0.3


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 1023])
def test_a_mask_of_any_size(device, size):
    assert kept_entries((size,), 0.4, device)[0].shape == (size,)


def test_the_mask_follows_the_seed_and_moves_on_with_each_call(device):
    torch.manual_seed(11)
    first, second = (kept_entries((30, 40), 0.4, device)[0] for _ in range(2))
    torch.manual_seed(11)
    again = kept_entries((30, 40), 0.4, device)[0]
    torch.manual_seed(12)
    other = kept_entries((30, 40), 0.4, device)[0]
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    assert not torch.equal(first, other)


# Fewer bits.


@WITH_CENTRES
def test_bf16_leaves_finite_and_close_results(invented, with_centres):
    frames, *rest = invented(17, 15, 64, 8, 5, with_centres, torch.float32)
    parameters = [arg.requires_grad_() for arg in rest if arg is not None]
    exact = vlad_logits(frames, *rest)
    exact_gradients = torch.autograd.grad(exact.square().sum(), parameters)
    with torch.autocast(frames.device.type, dtype=torch.bfloat16):
        coarse = vlad_logits(frames.bfloat16(), *rest)
        slid = sliding_vlad_logits(frames[0].bfloat16(), *rest, 15)
    assert torch.allclose(coarse.float(), exact, rtol=0, atol=0.05)
    assert torch.allclose(slid, exact[:1], rtol=0, atol=0.05)
    for mine, theirs in zip(
        torch.autograd.grad(coarse.float().square().sum(), parameters), exact_gradients, strict=True
    ):
        assert torch.isfinite(mine).all()
        assert float((mine - theirs).norm() / theirs.norm()) < 0.05
