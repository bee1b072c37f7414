"""The network with a player branch: recordings in all forms, names and counts, printed numbers."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from CALF_Calibration.model import DenseBranch, PictureBranch, PyramidBranch, TwoBranchModel
from common.calf.chunk_shape import ChunkShape
from common.calibration import picture_branch
from common.errors import UserError

pytestmark = pytest.mark.usefixtures("one_thread")

RECORDED = {
    "calib_model_vis_small": {"multiplier": 2, "player_branch": "picture"},
    "calib_model_nvis_small": {"multiplier": 2},
    "calib_model_vis_dense_small": {
        "multiplier": 2, "player_branch": "dense", "player_features": 20
    },
    "calib_model_resnet_conv_small": {"player_branch": "pyramid", "player_features": 20},
    "calib_model_players_only_small": {"feature_branch": False, "player_branch": "picture"},
}  # fmt: skip
COUNTED = [
    ({"player_branch": "dense"}, 8, 571_318, 29),
    ({"player_branch": "picture"}, 8, 729_206, 39),
    ({}, 9, 1_259_749, 27),
    ({"player_branch": "pyramid"}, 8, 784_950, 39),
    ({"player_branch": "dense", "player_features": 1792}, 8, 765_878, 29),
    ({"player_branch": "pyramid", "player_features": 1792}, 8, 948_790, 39),
    ({"player_branch": "picture", "feature_branch": False}, 8, 1_115_638, 27),
    ({"player_branch": "dense", "feature_branch": False}, 8, 357_686, 17),
    ({}, 8, 1_236_534, 27),
    ({}, 17, 1_445_469, 27),
    ({"player_branch": "picture"}, 17, 938_141, 39),
]


def model_of(features, classes, shape, capsule=16, **settings):
    """A model whose player branch is named in `settings`."""
    branch, vectors = settings.pop("player_branch", None), settings.pop("player_features", 512)
    build = {
        None: None,
        "picture": PictureBranch,
        "dense": partial(DenseBranch, vectors=vectors),
        "pyramid": partial(PyramidBranch, vectors=vectors),
    }[branch]
    return TwoBranchModel(features, classes, shape, capsule, player_branch=build, **settings)


def close(found, expected, tolerance=1e-5):
    return torch.allclose(found, expected, rtol=tolerance, atol=tolerance)


def usual_model(classes=8, **settings):
    return model_of(512, classes, ChunkShape(240, 80), multiplier=2, **settings)


@pytest.fixture(params=RECORDED)
def recording(shared, request):
    recorded = torch.load(shared(f"golden/{request.param}.pt"), weights_only=True)
    weights = recorded["state_dict"]
    longest = next(v for k, v in weights.items() if "conv_p_4" in k and k.endswith("weight"))
    chunks = recorded["input"].float()[:, 0]
    classes = recorded["seg"].shape[2]
    shape = ChunkShape(chunks.shape[1], longest.shape[2], recorded["spot"].shape[1])
    capsule = len(weights["conv_seg.weight"]) // classes
    model = model_of(20, classes, shape, capsule, **RECORDED[request.param])
    assert list(model.state_dict()) == list(weights)
    model.load_state_dict(weights)
    inputs = [chunks]
    if "representation" in recorded:
        seen = recorded["representation"]
        inputs.append(seen if seen.dtype == torch.uint8 else seen.float()[:, 0])
    return model, inputs, recorded


def test_recorded_answers(recording):
    model, inputs, recorded = recording
    with torch.inference_mode():
        segmentation, spots = model.eval()(*inputs)
    assert close(segmentation, recorded["seg"])
    assert close(spots, recorded["spot"])


def test_recorded_gradients_and_running_statistics(recording):
    model, inputs, recorded = recording
    segmentation, spots = model.train()(*inputs)
    assert close(segmentation, recorded["seg_train"])
    assert close(spots, recorded["spot_train"])
    weighted = (segmentation * recorded["seg_weight"]).sum()
    (weighted + (spots * recorded["spot_weight"]).sum()).backward()
    for name, parameter in model.named_parameters():
        assert close(parameter.grad.norm(), recorded["grad_norms"][name])
    assert close(model.batch_seg.running_mean, recorded["running_mean_after"])
    assert close(model.batch_seg.running_var, recorded["running_var_after"])


@pytest.mark.parametrize(("settings", "classes", "parameters", "entries"), COUNTED)
def test_published_numbers_of_parameters_and_entries(settings, classes, parameters, entries):
    model = usual_model(classes, **settings)
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters
    assert len(model.state_dict()) == entries


def test_published_shapes():
    weights = usual_model(player_branch="picture").state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    expected = {
        "conv_1.weight": (128, 1, 1, 512),
        "r_conv_1.weight": (16, 3, 1, 5, 5),
        "r_conv_2.weight": (32, 16, 1, 5, 5),
        "r_conv_p_1.weight": (8, 32, 12, 1, 1),
        "r_conv_p_2.weight": (16, 32, 27, 1, 1),
        "r_conv_p_3.weight": (32, 32, 40, 1, 1),
        "r_conv_p_4.weight": (64, 32, 80, 1, 1),
        "conv_seg.weight": (128, 304, 3, 1),
        "batch_seg.weight": (240,),
        "conv_spot_1.weight": (32, 136, 3, 1),
        "conv_conf.weight": (30, 464, 1, 1),
        "conv_class.weight": (120, 464, 1, 1),
    }
    assert {name: shapes[name] for name in expected} == expected
    assert tuple(usual_model(player_branch="dense").dense_1.weight.shape) == (152, 1, 1, 512)


def fill_as_printed(model, printed_noise):
    for name, tensor in model.state_dict().items():
        if tensor.dtype.is_floating_point:
            noise = printed_noise(name, tensor.numel())
            if tensor.dim() > 1:
                noise = 5 * noise / math.sqrt(tensor.numel() / len(tensor))
            elif name.endswith("running_var"):
                noise = 1 + noise
            else:
                noise = 1 + 0.2 * noise if name.endswith(".weight") else 0.2 * noise
            tensor.copy_(torch.from_numpy(noise.reshape(tensor.shape)))


PRINTED = [
    ("dense", 512, 8, True, (2228.372, 14.02654, 20.67673), 0.07914,
     (0.391280, 0.485645, 0.442033), 0.535227, (0.086940, 0.017954, 4.11e-4, 5e-6)),
    ("pyramid", 512, 8, True, (2034.861, 14.50128, 19.81391), 0.08365,
     (0.392993, 0.402205, 0.285507), 0.485961, (0.121685, 0.037498, 0.012237, 8.4e-5)),
    ("picture", 0, 8, True, (2467.144, 14.51423, 20.60205), 0.07132,
     (0.542791, 0.444085, 0.468906), 0.615632, (0.096129, 0.402884, 0.032416, 8.8e-5)),
    (None, 0, 9, True, (2559.223, 14.18658, 15.20441), 0.07934,
     (0.392765, 0.541868, 0.474168), 0.625327, (0.125169, 0.123708, 2.37e-4, 0.256191)),
    ("picture", 0, 8, False, (2702.212, 14.93236, 20.21461), 0.06491,
     (0.503375, 0.478105, 0.631012), 0.606462, (0.254145, 0.006781, 1.21e-4, 8.1e-5)),
    ("dense", 1792, 8, True, (2144.543, 14.03305, 19.30205), 0.08056,
     (0.374500, 0.458572, 0.456852), 0.408228, (0.052860, 0.498854, 0.022730, 0.002462)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("branch", "width", "classes", "features", "sums", "deviation", "first", "last", "spot"),
    PRINTED,
)
def test_printed_numbers(
    printed_noise, monkeypatch, branch, width, classes, features, sums, deviation, first, last, spot
):
    model = usual_model(
        classes, player_branch=branch, player_features=width, feature_branch=features
    ).eval()
    fill_as_printed(model, printed_noise)
    inputs = [torch.from_numpy(4 * printed_noise("input", 2 * 240 * 512)).float().view(2, 240, 512)]
    if branch == "picture":
        noise = 2 * printed_noise("repr3d", 2 * 240 * 32 * 64 * 3).reshape(2, 240, 32, 64, 3)
        # The printed input is what the network sees of the pixels.
        inputs.append(127 * (torch.from_numpy(noise) + 1))
    elif branch is not None:
        noise = 2 * printed_noise(f"repr{width}", 2 * 240 * width) + 1
        inputs.append(torch.from_numpy(noise).float().view(2, 240, width))
    with torch.no_grad():
        segmentation, spots = model(*inputs)
    found = [float(t.sum()) for t in (segmentation, spots[..., 0], spots[..., 1])]
    assert found == pytest.approx(sums, rel=2e-6)
    assert float(segmentation.std()) == pytest.approx(deviation, abs=5e-6)
    assert segmentation[0, 0, :3].tolist() == pytest.approx(first, abs=2e-6)
    assert float(segmentation[1, 120, -1]) == pytest.approx(last, abs=2e-6)
    assert spots[1, 3, :4].tolist() == pytest.approx(spot, abs=2e-6)


# The stack of pictures.


def test_the_stack_is_the_librarys_three_dimensional_layers(monkeypatch):
    monkeypatch.setattr(picture_branch, "_BLOCK", 4)
    torch.manual_seed(0)
    branch = PictureBranch(1, 8)
    for layer in branch.layers.values():
        layer.double()
    weights = [w for layer in (branch.first, branch.second) for w in (layer.weight, layer.bias)]
    pictures = torch.randint(0, 256, (11, 32, 64, 3), dtype=torch.uint8)
    volume = (pictures.double() / 127 - 1).permute(3, 0, 1, 2)[None]  # [1, 3, n, H, W]
    x = F.max_pool3d(F.relu(branch.first(volume)), (1, 4, 4))
    x = F.max_pool3d(F.relu(branch.second(x)), (1, 2, 2))
    expected = x[0].flatten(2).permute(1, 2, 0)  # [n, S, O]
    found = branch.reduce(pictures, training=True)
    assert found.shape == (11, 5, 16)
    assert torch.allclose(found, expected, rtol=0, atol=1e-12)
    arriving = torch.randn_like(expected)
    for mine, theirs in zip(
        torch.autograd.grad(found, weights, arriving),
        torch.autograd.grad(expected, weights, arriving),
        strict=True,
    ):
        assert torch.allclose(mine, theirs, rtol=1e-9, atol=1e-12)


def test_the_backward_pass_keeps_a_fraction_of_what_the_first_layer_makes():
    branch = PictureBranch(1, 8)
    pictures = torch.randint(0, 256, (100, 32, 64, 3), dtype=torch.uint8)
    kept = []

    def keep(tensor):
        kept.append(tensor.nbytes)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        branch.reduce(pictures, training=True)
    first_layer = 100 * 16 * 28 * 60 * 4
    assert pictures.nbytes < sum(kept) < first_layer / 2


@pytest.mark.parametrize("size", [(28, 28), (30, 45), (48, 96)])
def test_pictures_of_other_sizes(size):
    model = model_of(
        6, 3, ChunkShape(40, 8, 4), 4, player_branch="picture"
    ).eval()  # fmt: skip
    pictures = torch.randint(0, 256, (2, 40, *size, 3), dtype=torch.uint8)
    with torch.inference_mode():
        segmentation, _ = model(torch.randn(2, 40, 6), pictures)
    assert segmentation.shape == (2, 40, 3)


# Branches.


def small(**settings):
    return model_of(6, 3, ChunkShape(40, 8, 4), 4, player_features=5, **settings)


def test_a_network_needs_a_branch():
    with pytest.raises(UserError, match="--backbone_feature"):
        small(feature_branch=False)


@pytest.mark.parametrize("branch", ["dense", "pyramid"])
def test_dropout_takes_one_branch_at_a_time_and_only_in_training(branch):
    torch.manual_seed(0)
    model = small(player_branch=branch, dropout=1.0)
    inputs = torch.randn(2, 40, 6), torch.randn(2, 40, 5)
    parts = [part.transpose(0, 1) for part in model.reduce(*inputs)]
    half = 76 * model.width
    whole = model.eval().branches(*parts)
    assert bool((whole[..., :half] != 0).any() and (whole[..., half:] != 0).any())
    gone = set()
    for _ in range(20):
        maps = model.train().branches(*parts)
        silent = tuple(bool((part == 0).all()) for part in (maps[..., :half], maps[..., half:]))
        assert sorted(silent) == [False, True]
        gone.add(silent)
    assert len(gone) == 2
    assert small(player_branch=branch, dropout=0.5, feature_branch=False).dropout == 0


def test_dropout_is_drawn_for_the_whole_batch_as_often_as_asked_for():
    model = small(player_branch="dense", dropout=0.4).train()
    maps = [torch.ones(1, 1, 1), torch.ones(1, 1, 1)]
    torch.manual_seed(0)
    dropped = np.array([[float(m) == 0 for m in model.drop_one(maps)] for _ in range(4000)])
    assert dropped.mean(axis=0) == pytest.approx([0.2, 0.2], abs=0.02)
