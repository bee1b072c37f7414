"""The U-Net against torch's convolutions, and a half against its chunks one by one."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from common.data.features import HalfFeatures
from common.training.run import Run
from DenseAnchors.displacement import displace
from DenseAnchors.model import DenseAnchorModel, trained_features
from DenseAnchors.test import Scoring, score_half
from DenseAnchors.unet import LEVELS, Bottleneck, ThreeFrames, UNet


def plain_block(block, x):
    """As in the paper, with convolutions of [B, c, T]."""

    def conv(layer, x, width=1):
        kernel = layer.weight.unflatten(1, (width, -1)).transpose(1, 2)  # [c', c, width]
        return F.conv1d(x, kernel, layer.bias, padding=width // 2)

    found = conv(block.narrow, F.relu(x))
    found = conv(block.across.layer, F.relu(found), 3)
    found = conv(block.wide, F.relu(found))
    return found + (x if isinstance(block.shortcut, torch.nn.Identity) else conv(block.shortcut, x))


def plain_unet(net, x):
    skipped = []
    for level, blocks in enumerate(net.down):
        x = F.max_pool1d(x, 2) if level else x
        for block in blocks:
            x = plain_block(block, x)
        skipped.append(x)
    for level in range(LEVELS - 2, -1, -1):
        widen = net.widen[level]
        kernel = widen.layer.weight.unflatten(0, (2, -1)).permute(2, 1, 0)  # [c, c', 2]
        x = skipped[level] + F.conv_transpose1d(x, kernel, widen.bias, stride=2)
        for block in net.up[level]:
            x = plain_block(block, x)
    return F.relu(x)


def scattered(module, seed=0):
    """Biases, too, so that none is forgotten."""
    torch.manual_seed(seed)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return module.double()


@pytest.mark.parametrize("most", [64, 128])
def test_the_unet_equals_one_of_convolutions(most):
    net = scattered(UNet(most))
    frames = torch.randn(2, 64, 64).double()
    expected = plain_unet(net, frames.transpose(1, 2)).transpose(1, 2)
    assert torch.allclose(net(frames), expected, atol=1e-9)


def test_a_block_is_one_of_convolutions_where_it_widens_and_where_not():
    for inside, outside in ((8, 16), (16, 16)):
        block = scattered(Bottleneck(inside, outside, 0.0))
        frames = torch.randn(3, 7, inside).double()
        expected = plain_block(block, frames.transpose(1, 2)).transpose(1, 2)
        assert torch.allclose(block(frames), expected, atol=1e-12)


def test_three_frames_at_the_ends():
    layer = ThreeFrames(1, 1).double()
    torch.nn.init.constant_(layer.layer.weight, 1)
    assert layer(torch.tensor([[[1.0], [2], [4]]]).double()).flatten().tolist() == [3, 7, 6]


@pytest.mark.parametrize(("separate", "count"), [(False, 1_355_170), (True, 2_703_778)])
def test_sizes_and_names(separate, count):
    model = DenseAnchorModel(512, 17, 224, separate=separate)
    assert sum(p.numel() for p in model.parameters()) == count
    logits, way = model(torch.randn(2, 224, 512))
    assert logits.shape == way.shape == (2, 224, 17)
    assert bool((way.abs() <= 1).all())
    names = list(model.state_dict())
    assert names[0] == "frames.0.1.weight"
    heads = {name.split(".")[3] for name in names if name.startswith("networks.0.heads")}
    assert heads == ({"confidence"} if separate else {"confidence", "displacement"})
    assert trained_features(model.state_dict()) == 512


def test_the_trunk_of_the_paper_has_its_size():
    trunk = UNet(2048)
    assert sum(p.numel() for p in trunk.parameters()) == pytest.approx(17.1e6, rel=0.02)


def test_features_are_divided_by_their_scale():
    torch.manual_seed(0)
    model = DenseAnchorModel(600, 3, 32, scaled=True).eval()
    chunks = torch.randn(1, 32, 600)
    plain = model(chunks)[0]
    largest = torch.rand(600) + 0.5
    largest[7] = 0  # never anything but 0
    model.scale.copy_(largest)
    factor = torch.where(largest > 0, largest, 1)
    assert torch.allclose(model(chunks * factor)[0], plain, atol=1e-5)
    assert "scale" in model.state_dict()
    assert DenseAnchorModel(600, 3, 32).scale is None


def test_chunks_of_another_size_are_refused():
    model = DenseAnchorModel(8, 3, 32)
    for shape in ((1, 64, 8), (1, 32, 9)):
        with pytest.raises(ValueError, match=r"expected chunks \[B, 32, 8\]"):
            model(torch.zeros(shape))
    with pytest.raises(ValueError, match="multiple of 32"):
        DenseAnchorModel(8, 3, 40)


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("frames", [1, 20, 32, 33, 100, 161])
def test_a_half_is_its_chunks_one_by_one(tmp_path, frames, separate):
    torch.manual_seed(1)
    model = DenseAnchorModel(6, 2, 32, most_channels=64, separate=separate).eval()
    rows = np.random.default_rng(0).normal(size=(frames, 6)).astype(np.float32)
    half, border = HalfFeatures.of_rows(rows), 8
    sure, way = np.zeros((2, frames, 2), np.float32)
    starts = [*range(0, max(0, frames - 32), 16), max(0, frames - 32)]
    for start in starts:
        chunk = rows[np.clip(np.arange(start, start + 32), 0, frames - 1)]
        with torch.inference_mode():
            logits, displacements = model(torch.from_numpy(chunk)[None])
        first = 0 if start == 0 else border
        ours = slice(start + first, min(start + 32, frames))
        theirs = slice(first, ours.stop - start)
        sure[ours] = torch.sigmoid(logits[0, theirs]).numpy()
        way[ours] = displacements[0, theirs].numpy()
    run = Run(folder=tmp_path)
    plain = score_half(run, model, half, Scoring(border, 12, displaced=False))
    assert np.allclose(plain, sure, atol=1e-6)
    found = score_half(run, model, half, Scoring(border, 12))
    assert found.shape == (frames, 2)
    assert np.allclose(found, displace(sure, 12 * way), atol=1e-6)
