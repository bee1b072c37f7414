"""The network with a player branch: recordings in all forms, names and counts, printed numbers."""

import math

import pytest
import torch
from torch.nn import functional as F

from CALF_Calibration.model import DenseBranch, TopViewModel
from common.calf.chunk_shape import ChunkShape
from common.calf.pyramid import FeatureBranch
from common.calibration.branches import branch_width
from common.calibration.picture_branch import PictureBranch

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
    kind, vectors = settings.pop("player_branch", None), settings.pop("player_features", 512)
    both = {"features": settings.get("feature_branch", True), "players": kind is not None}
    width = branch_width(settings.get("multiplier", 1), **both)
    branch = {
        None: lambda: None,
        "picture": lambda: PictureBranch(width, shape.receptive_frames),
        "dense": lambda: DenseBranch(width, vectors),
        "pyramid": lambda: FeatureBranch(vectors, width, shape.receptive_frames),
    }[kind]()
    return TopViewModel(features, classes, shape, capsule=capsule, player_branch=branch, **settings)


def parameters_of(model):
    """Parameters by their published names."""
    return {
        name: tensor
        for name, tensor in model.state_dict(keep_vars=True).items()
        if isinstance(tensor, torch.nn.Parameter)
    }


def close(found, expected, tolerance=1e-5):
    return torch.allclose(found, expected, rtol=tolerance, atol=tolerance)


def usual_model(classes=8, **settings):
    return model_of(512, classes, ChunkShape(240, 80), multiplier=2, **settings)


@pytest.fixture(params=RECORDED)
def recording(shared, request, device):
    path = shared(f"golden/{request.param}.pt")
    recorded = torch.load(path, weights_only=True, map_location=device)
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
    return model.to(device), inputs, recorded


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
    assert parameters_of(model).keys() == recorded["grad_norms"].keys()
    for name, parameter in parameters_of(model).items():
        assert close(parameter.grad.norm(), recorded["grad_norms"][name])
    assert close(model.head.batch_seg.running_mean, recorded["running_mean_after"])
    assert close(model.head.batch_seg.running_var, recorded["running_var_after"])


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
    assert tuple(usual_model(player_branch="dense").state_dict()["dense_1.weight"].shape) == (
        152,
        1,
        1,
        512,
    )


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


def literal_stack(branch, seen):
    """The layers of a `PictureBranch` over pixels from -1 to 1: [B, T, H, W, 3] -> [B, T, S, E]."""
    x = seen.permute(0, 4, 1, 2, 3)  # [B, 3, T, H, W]
    x = F.max_pool3d(F.relu(branch.r_conv_1(x)), (1, 4, 4))
    x = F.max_pool3d(F.relu(branch.r_conv_2(x)), (1, 2, 2))
    return x.flatten(3).permute(0, 2, 3, 1)


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
    printed_noise, device, branch, width, classes, features, sums, deviation, first, last, spot
):
    model = usual_model(
        classes, player_branch=branch, player_features=width, feature_branch=features
    ).eval()
    fill_as_printed(model, printed_noise)
    model.to(device)

    def drawn(values):
        return torch.from_numpy(values).float().to(device)

    chunks = drawn(4 * printed_noise("input", 2 * 240 * 512)).view(2, 240, 512)
    with torch.no_grad():
        if branch == "picture":
            # The printed input is what the network sees of the pixels, between whole bytes.
            noise = 2 * printed_noise("repr3d", 2 * 240 * 32 * 64 * 3).reshape(2, 240, 32, 64, 3)
            parts = [literal_stack(model.player_branch, drawn(noise))]
            if features:
                parts = [model.feature_branch.reduce(chunks), *parts]
            segmentation, spots = model.forward_reduced(*(part.transpose(0, 1) for part in parts))
        elif branch is not None:
            noise = 2 * printed_noise(f"repr{width}", 2 * 240 * width) + 1
            segmentation, spots = model(chunks, drawn(noise).view(2, 240, width))
        else:
            segmentation, spots = model(chunks)
    found = [float(t.sum()) for t in (segmentation, spots[..., 0], spots[..., 1])]
    assert found == pytest.approx(sums, rel=2e-6)
    assert float(segmentation.std()) == pytest.approx(deviation, abs=5e-6)
    assert segmentation[0, 0, :3].tolist() == pytest.approx(first, abs=2e-6)
    assert float(segmentation[1, 120, -1]) == pytest.approx(last, abs=2e-6)
    assert spots[1, 3, :4].tolist() == pytest.approx(spot, abs=2e-6)


@pytest.mark.parametrize("size", [(28, 28), (30, 45), (48, 96)])
def test_pictures_of_other_sizes(size):
    model = model_of(
        6, 3, ChunkShape(40, 8, 4), 4, player_branch="picture"
    ).eval()  # fmt: skip
    pictures = torch.randint(0, 256, (2, 40, *size, 3), dtype=torch.uint8)
    with torch.inference_mode():
        segmentation, _ = model(torch.randn(2, 40, 6), pictures)
    assert segmentation.shape == (2, 40, 3)


def small(**settings):
    return model_of(6, 3, ChunkShape(40, 8, 4), 4, player_features=5, **settings)


def players_of(branch):
    """Chunks of what a branch sees."""
    if branch == "picture":
        return torch.randint(0, 256, (2, 40, 28, 28, 3), dtype=torch.uint8)
    return torch.randn(2, 40, 5)


@pytest.mark.parametrize("branch", ["picture", "dense", "pyramid"])
@pytest.mark.parametrize("features", [False, True])
def test_the_player_branch_comes_after_the_feature_branch(branch, features):
    torch.manual_seed(0)
    model = small(player_branch=branch, feature_branch=features).eval()
    chunks, seen = torch.randn(2, 40, 6), players_of(branch)
    with torch.inference_mode():
        parts = [part.transpose(0, 1) for part in model.reduce(chunks, seen)]
        assert len(parts) == 1 + features
        branches = [model.feature_branch] * features + [model.player_branch]
        maps = [one(part) for one, part in zip(branches, parts, strict=True)]
        assert sum(each.shape[2] for each in maps) == 152
        expected = model.head(torch.cat(maps, dim=2))
        assert all(map(torch.equal, model(chunks, seen), expected))
        # Each branch matters.
        for other in [(chunks, seen.flip(1))] + [(chunks.flip(1), seen)] * features:
            assert not torch.allclose(model(*other)[0], expected[0])


@pytest.mark.parametrize("branch", ["dense", "pyramid"])
def test_dropout_takes_one_branch_at_a_time_and_only_in_training(branch):
    torch.manual_seed(0)
    model = small(player_branch=branch, dropout=1.0)
    arrived = []
    model.head.register_forward_pre_hook(lambda head, inputs: arrived.append(inputs[0].detach()))
    inputs = torch.randn(2, 40, 6), torch.randn(2, 40, 5)
    half = 76
    model.eval()(*inputs)
    whole = arrived.pop()
    assert bool((whole[..., :half] != 0).any() and (whole[..., half:] != 0).any())
    gone = set()
    for _ in range(20):
        model.train()(*inputs)
        maps = arrived.pop()
        silent = tuple(bool((part == 0).all()) for part in (maps[..., :half], maps[..., half:]))
        assert sorted(silent) == [False, True]
        gone.add(silent)
        kept = slice(half, None) if silent[0] else slice(half)
        assert torch.equal(maps[..., kept], whole[..., kept])
    assert len(gone) == 2


def test_a_branch_alone_is_never_dropped():
    torch.manual_seed(0)
    model = small(player_branch="dense", dropout=1.0, feature_branch=False).train()
    arrived = []
    model.head.register_forward_pre_hook(lambda head, inputs: arrived.append(inputs[0].detach()))
    for _ in range(20):
        model(torch.randn(2, 40, 6), torch.randn(2, 40, 5))
    assert all(bool((maps != 0).any()) for maps in arrived)


# What is refused.


@pytest.mark.parametrize("size", [(2, 39, 6), (2, 41, 6), (2, 40, 5), (40, 6)])
@pytest.mark.parametrize("branch", [None, "picture", "dense", "pyramid"])
def test_chunks_of_other_sizes_are_refused(branch, size):
    model = small(player_branch=branch)
    with pytest.raises(ValueError, match=r"expected chunks \[B, 40, 6\]"):
        model(torch.randn(size), *([players_of(branch)] if branch else []))


@pytest.mark.parametrize("scaled", [torch.Tensor.float, torch.Tensor.double, torch.Tensor.long])
def test_pictures_that_are_not_bytes_are_refused(scaled):
    model = small(player_branch="picture")
    with pytest.raises(ValueError, match=r"expected top views as bytes 0…255 \(torch.uint8\)"):
        model(torch.randn(2, 40, 6), scaled(players_of("picture")))


@pytest.mark.parametrize("features", [False, True])
@pytest.mark.parametrize("branch", ["picture", "dense", "pyramid"])
def test_players_that_are_missing_are_told(branch, features):
    model = small(player_branch=branch, feature_branch=features)
    with pytest.raises(ValueError, match="expected top views, or vectors of them, beside"):
        model(torch.randn(2, 40, 6))
