"""Lanes: each item once, in order, in the caller's states, the same bits on any number of cores."""

import pytest
import torch

from common.pooling.vlad import sliding_vlad_logits, vlad_logits
from common.training.lanes import LANES, in_lanes

CPU = torch.device("cpu")


@pytest.fixture
def two_cores():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("count", [0, 1, 2, LANES, 3 * LANES + 1])
def test_each_item_comes_once_and_in_order_within_its_lane(count, two_cores):
    seen = {}
    in_lanes(lambda lane, items: seen.update({lane: list(items)}), range(count), CPU)
    assert seen == {lane: list(range(count))[lane::LANES] for lane in range(min(count, LANES))}


def test_an_error_in_a_lane_reaches_the_caller(two_cores):
    def fail(lane, items):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        in_lanes(fail, range(20), CPU)


def test_threads_keep_their_own_operations_to_one_core_and_leave_the_callers_alone(two_cores):
    inside = []
    in_lanes(lambda lane, items: inside.append(torch.get_num_threads()), range(20), CPU)
    assert set(inside) == {1}
    assert torch.get_num_threads() == 2


def problem():
    generator = torch.Generator().manual_seed(0)
    shapes = {"clips": (200, 7, 12), "clusters": (12, 4), "centres": (4, 12), "weight": (3, 4, 12)}
    tensors = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    return {name: tensor.requires_grad_() for name, tensor in tensors.items()}


def logits_and_gradients(threads):
    torch.set_num_threads(threads)
    inputs = problem()
    torch.manual_seed(3)
    logits = vlad_logits(*inputs.values(), dropout=0.4)
    logits.square().sum().backward()
    return [logits.detach(), *(tensor.grad for tensor in inputs.values())]


def test_one_core_and_two_give_the_same_bits(two_cores):
    one, two = logits_and_gradients(1), logits_and_gradients(2)
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize("precision", [None, torch.bfloat16])
def test_a_long_half_slides_in_inference_mode_on_two_cores(precision, two_cores):
    inputs = problem()
    frames = torch.randn(2000, 12)
    rest = (inputs["clusters"], inputs["centres"], inputs["weight"])
    with torch.inference_mode(), torch.autocast("cpu", precision, enabled=precision is not None):
        ours = sliding_vlad_logits(frames, *rest, 7)
        windows = vlad_logits(frames.unfold(0, 7, 1).transpose(1, 2), *rest)
    assert torch.allclose(ours.float(), windows.float(), atol=1e-5 if precision is None else 3e-2)
