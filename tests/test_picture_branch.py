"""The branch over pictures: the library's layers, whatever the block, and what is kept of it."""

import pytest
import torch
from torch.nn import functional as F

from common.calibration.picture_branch import PictureBranch

pytestmark = pytest.mark.usefixtures("one_thread")


def literal_stack(branch, pictures):
    """The library's three-dimensional layers: [n, H, W, 3] -> [n, S, O]."""
    volume = (pictures.double() / 127 - 1).permute(3, 0, 1, 2)[None]  # [1, 3, n, H, W]
    x = F.max_pool3d(F.relu(branch.r_conv_1(volume)), (1, 4, 4))
    x = F.max_pool3d(F.relu(branch.r_conv_2(x)), (1, 2, 2))
    return x[0].flatten(2).permute(1, 2, 0)


@pytest.mark.parametrize(("count", "size"), [(11, (32, 64)), (500, (28, 28))])  # 500: three blocks
def test_the_stack_is_the_librarys_three_dimensional_layers(count, size):
    torch.manual_seed(0)
    branch = PictureBranch(1, 8).double()
    weights = [w for layer in (branch.r_conv_1, branch.r_conv_2)
               for w in (layer.weight, layer.bias)]  # fmt: skip
    pictures = torch.randint(0, 256, (count, *size, 3), dtype=torch.uint8)
    expected = literal_stack(branch, pictures)
    found = branch.reduce(pictures)
    assert found.shape == expected.shape
    assert found.shape[::2] == (count, 16)
    assert torch.allclose(found, expected, rtol=0, atol=1e-12)
    arriving = torch.randn_like(expected)
    for mine, theirs in zip(
        torch.autograd.grad(found, weights, arriving),
        torch.autograd.grad(expected, weights, arriving),
        strict=True,
    ):
        assert torch.allclose(mine, theirs, rtol=1e-9, atol=1e-12)


def test_leading_axes_are_kept():
    branch = PictureBranch(1, 8)
    pictures = torch.randint(0, 256, (2, 5, 28, 28, 3), dtype=torch.uint8)
    flat = branch.reduce(pictures.flatten(0, 1))
    assert torch.equal(branch.reduce(pictures), flat.view(2, 5, *flat.shape[1:]))


def test_of_all_places_the_largest_counts():
    torch.manual_seed(0)
    branch = PictureBranch(1, 8)
    frames = torch.randn(12, 2, 3, 16)  # [T, B, S, E]
    alone = [branch(frames[:, :, place : place + 1]) for place in range(3)]
    assert torch.allclose(branch(frames), torch.stack(alone).amax(dim=0), rtol=1e-5, atol=1e-6)


def test_the_backward_pass_keeps_a_fraction_of_what_the_first_layer_makes():
    branch = PictureBranch(1, 8)
    pictures = torch.randint(0, 256, (100, 32, 64, 3), dtype=torch.uint8)
    kept = []

    def keep(tensor):
        kept.append(tensor.nbytes)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        branch.reduce(pictures)
    first_layer = 100 * 16 * 28 * 60 * 4
    assert pictures.nbytes < sum(kept) < first_layer / 2


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int16, torch.bool])
def test_pictures_that_are_not_bytes_are_refused(dtype):
    branch = PictureBranch(1, 8)
    with pytest.raises(ValueError, match=r"expected top views as bytes.*do not scale them"):
        branch.reduce(torch.zeros(2, 28, 28, 3, dtype=dtype))
