"""MaxPool and NetVLAD: recordings, released checkpoints, sliding, presets."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from common.data.features import HalfFeatures, open_half
from common.data.frame_rows import window_rows
from common.errors import UserError
from common.training.checkpoints import load_weights
from common.training.run import Run
from Pooling.loss import clip_loss
from Pooling.main import POOLS, PRESETS, build_model, parse_arguments
from Pooling.model import PoolingModel, trained_features
from Pooling.netvlad import NetVLAD
from Pooling.test import score_half

RUN = Run(folder=Path("models/none"))
RELEASED = {  # features 512, chunks of 20 s: classes, pooling, epoch, best_loss
    "MAXPOOL_v1": (3, "MAX", 93, 0.08768422400717509),
    "MAXPOOL_v2": (17, "MAX", 79, 0.172919346077289),
    "NETVLAD_v1": (3, "NetVLAD", 93, 0.05736705379727163),
}


def plain_logits(state, clips):
    """The formulas of the specification, cluster by cluster, in double precision."""
    clips = clips.double()
    weight, bias = state["fc.weight"].double(), state["fc.bias"].double()
    if "pool_layer.centroids" not in state:
        return clips.max(dim=1).values @ weight.T + bias
    unit = clips / clips.norm(dim=2, keepdim=True).clamp_min(1e-12)
    assignment = torch.softmax(unit @ state["pool_layer.conv.weight"][:, :, 0, 0].double().T, 2)
    vectors = []
    for k, centre in enumerate(state["pool_layer.centroids"].double()):
        residual = (assignment[:, :, k, None] * (unit - centre)).sum(dim=1)
        vectors.append(residual / residual.norm(dim=1, keepdim=True).clamp_min(1e-12))
    whole = torch.cat(vectors, dim=1)
    return (whole / whole.norm(dim=1, keepdim=True).clamp_min(1e-12)) @ weight.T + bias


@pytest.mark.parametrize("pool", POOLS)
def test_recorded_networks_answer_as_recorded(shared, device, pool):
    path = shared(f"golden/basicpool_{pool}.pt")
    recorded = torch.load(path, weights_only=True, map_location=device)
    clips, output = recorded["input"], recorded["output"]
    model = PoolingModel(clips.shape[2], output.shape[1] - 1, clips.shape[1], pool=pool).eval()
    assert list(model.state_dict()) == list(recorded["state_dict"])
    model.load_state_dict(recorded["state_dict"])
    model.to(device)
    logits = model(clips)
    assert torch.allclose(torch.sigmoid(logits), output, rtol=0, atol=1e-5)
    if "loss" in recorded:
        loss = clip_loss(logits, recorded["labels"])["bce"]
        loss.backward()
        assert float(loss.detach()) == pytest.approx(float(recorded["loss"]), rel=1e-5)
        for name, parameter in model.named_parameters():
            expected = float(recorded["grad_norms"][name])
            assert float(parameter.grad.norm()) == pytest.approx(expected, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("case, with_bias", [("v20", False), ("v21", True)])
def test_the_recorded_layer_alone(shared, device, case, with_bias):
    path = shared(f"golden/basicpool_vlad_layer_{case}.pt")
    recorded = torch.load(path, weights_only=True, map_location=device)
    layer = NetVLAD(16, 5, with_bias=with_bias)
    assert list(layer.state_dict()) == list(recorded["state_dict"])
    layer.load_state_dict(recorded["state_dict"])
    layer.to(device)
    frames = recorded["input"][..., 0].transpose(1, 2)  # [B, E, T, 1] -> [B, T, E]
    identity = torch.eye(80, device=device).view(80, 5, 16)
    assert torch.allclose(layer(frames, identity), recorded["output"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", RELEASED)
def test_released_checkpoints_load_and_equal_the_plain_formula(shared, name):
    classes, pool, epoch, best_loss = RELEASED[name]
    model = PoolingModel(512, classes, 40, pool=pool).eval()
    content = load_weights(model, shared(f"data/released/{name}_model.pth.tar"))
    assert (content["epoch"], content["best_loss"]) == (epoch, best_loss)
    clips = torch.randn(20, 40, 512, generator=torch.Generator().manual_seed(1))
    expected = plain_logits(content["state_dict"], clips)
    assert torch.allclose(model(clips).double(), expected, rtol=1e-5, atol=1e-5)
    assert torch.allclose(model.double()(clips.double()), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("pool", POOLS)
def test_networks_answer_by_the_formulas_of_the_specification(pool):
    torch.manual_seed(0)
    model = PoolingModel(12, 5, 7, pool=pool).double().eval()
    clips = torch.randn(6, 7, 12, dtype=torch.float64)
    expected = plain_logits(model.state_dict(), clips)
    assert torch.allclose(model(clips), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("features", [20, 512, 2048])
@pytest.mark.parametrize("pool, vectors", [("MAX", 1), ("NetVLAD", 64)])
def test_parameters_follow_the_published_table_for_any_dimension(pool, vectors, features):
    for classes in (3, 17):
        model = PoolingModel(features, classes, 40, pool=pool)
        layer = 0 if pool == "MAX" else 2 * 64 * features
        expected = layer + (classes + 1) * (vectors * features + 1)
        assert sum(p.numel() for p in model.parameters()) == expected
    numbers = {("MAX", 3): 2052, ("MAX", 17): 9234, ("NetVLAD", 3): 196612, ("NetVLAD", 17): 655378}
    if features == 512:
        assert expected == numbers[pool, 17]


def test_weights_are_drawn_in_the_published_order():
    torch.manual_seed(5)
    model = PoolingModel(512, 3, 40, pool="NetVLAD")
    torch.manual_seed(5)
    convolution = torch.nn.Conv2d(512, 64, 1, bias=False)
    centroids = torch.rand(64, 512)
    linear = torch.nn.Linear(64 * 512, 4)
    assert torch.equal(model.pool_layer.conv.weight, convolution.weight)
    assert torch.equal(model.pool_layer.centroids, centroids)
    assert torch.equal(model.fc.weight, linear.weight)


@pytest.mark.parametrize("pool", ["netvlad", "NetVLAD++", "AVG", ""])
def test_unknown_pools_are_refused(pool):
    with pytest.raises(UserError, match=f"unknown pooling '{pool}'".replace("+", r"\+")):
        PoolingModel(12, 5, 40, pool=pool)


@pytest.mark.parametrize("rows", [1, 7, 40, 95])
@pytest.mark.parametrize("pool", POOLS)
def test_sliding_equals_window_by_window(device, pool, rows):
    torch.manual_seed(0)
    model = PoolingModel(12, 5, 40, pool=pool).eval().to(device)
    half = torch.randn(rows, 12).to(device)
    index = torch.from_numpy(window_rows(np.arange(rows) - 20, 40, rows))
    with torch.inference_mode():
        expected = torch.sigmoid(model(half[index]))
        assert torch.allclose(model.score_half([half]), expected, rtol=0, atol=1e-6)


def test_a_half_in_memory_is_scored_as_the_one_on_disk(tmp_path):
    model = PoolingModel(12, 5, 40, pool="NetVLAD").eval()
    rows = np.random.default_rng(0).normal(size=(70, 12)).astype(np.float16)
    np.save(tmp_path / "1_F.npy", rows)
    in_memory = score_half(RUN, model, HalfFeatures.of_rows(rows))
    assert in_memory.shape == (70, 5)
    assert np.array_equal(in_memory, score_half(RUN, model, open_half(tmp_path, 1, ["F.npy"])))
    rows[33, 4] = np.nan
    with pytest.raises(UserError, match="features in memory: row 33 holds NaN"):
        score_half(RUN, model, HalfFeatures.of_rows(rows))


def test_the_published_protocol_leaves_two_frames_without_a_score():
    model = PoolingModel(12, 5, 40, pool="MAX").eval()
    rows = np.random.default_rng(0).standard_normal((715, 12)).astype(np.float32)
    half = HalfFeatures.of_rows(rows)
    corrected = score_half(RUN, model, half)
    published = score_half(replace(RUN, published=True), model, half)
    assert (len(corrected), len(published)) == (715, 713)
    assert np.array_equal(published, corrected[:713])


def arguments(*words):
    return vars(parse_arguments(words))


def test_the_defaults_are_the_published_flags():
    published = {
        "features": ["ResNET_TF2_PCA512.npy"], "max_epochs": 1000, "load_weights": None,
        "model_name": "Pooling", "test_only": False, "split_train": ["train"],
        "split_valid": ["valid"], "split_test": ["test", "challenge"], "version": 2,
        "evaluation_frequency": 10, "framerate": 2, "chunk_size": 60, "pool": "MAX",
        "NMS_window": 20, "NMS_threshold": 0.5, "batch_size": 32, "LR": 1e-3, "LRe": 1e-6,
        "patience": 10, "GPU": -1, "max_num_worker": 4, "loglevel": "INFO",
    }  # fmt: skip
    found = arguments()
    assert {name: found[name] for name in published} == published


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_the_four_published_configurations(preset):
    found = arguments("--preset", preset)
    pool, version = preset.split("-v")
    assert found["pool"] == {"maxpool": "MAX", "netvlad": "NetVLAD"}[pool]
    assert found["NMS_threshold"] == {"maxpool": 0.0, "netvlad": 0.5}[pool]
    assert found["version"] == int(version)
    assert (found["chunk_size"], found["batch_size"], found["NMS_window"]) == (20, 256, 20)


def test_a_flag_beside_a_preset_wins():
    found = arguments("--NMS_threshold=0.1", "--preset", "netvlad-v2")
    assert (found["NMS_threshold"], found["pool"]) == (0.1, "NetVLAD")


@pytest.mark.parametrize("flag", ["--num_features", "--feature_dim"])
def test_the_dimension_to_insist_on_has_two_names(flag):
    assert arguments(flag, "512")["feature_dim"] == 512


@pytest.mark.parametrize("pool", POOLS)
def test_flags_build_the_network_that_they_describe(pool):
    args = parse_arguments(["--pool", pool, "--chunk_size", "4", "--framerate", "3"])
    torch.manual_seed(0)
    built = build_model(args, 20, 5).eval()
    torch.manual_seed(0)
    model = PoolingModel(20, 5, 12, pool=pool).eval()
    assert built.window_frames == 12
    windows = torch.randn(2, 12, 20)
    assert torch.equal(built(windows), model(windows))


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_build_the_published_networks(preset):
    args = parse_arguments(["--preset", preset])
    model = build_model(args, 512, {1: 3, 2: 17}[args.version])
    expected = {"maxpool-v1": 2052, "maxpool-v2": 9234, "netvlad-v1": 196612, "netvlad-v2": 655378}
    assert sum(p.numel() for p in model.parameters()) == expected[preset]
    assert model.window_frames == 40


@pytest.mark.parametrize("pool", POOLS)
def test_weights_tell_of_how_many_features_they_are(pool):
    assert trained_features(PoolingModel(24, 3, 10, pool=pool).state_dict(), pool) == 24
    assert trained_features({}, pool) == 1
