"""NetVLAD++ and its family: recordings, weights as published, sliding, result files, flags."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from common.data.data_set import DataSet
from common.data.events import SOCCERNET_V2, V1_NAMES, V2_NAMES
from common.data.features import HalfFeatures, open_half
from common.data.frame_rows import window_rows
from common.errors import UserError
from common.evaluate import evaluate
from common.metric.average_map import TOLERANCES_SECONDS, average_map
from common.metric.matching import Spots
from common.results.predictions import format_game
from common.results.suppression import Suppression, suppress
from common.training.run import Run
from TemporallyAwarePooling.loss import clip_loss
from TemporallyAwarePooling.main import POOLS, build_model, in_words, parse_arguments
from TemporallyAwarePooling.model import TemporallyAwareModel, trained_features
from TemporallyAwarePooling.test import score_half, spot_split

RUN = Run(folder=Path("models/none"))
RECORDED = [
    *(f"pool_small_{pool}" for pool in POOLS),
    *(f"pool_pca_{pool}" for pool in POOLS),
    "pool_v1_NetVLAD++",
    "pool_v1_MAX",
]


pytestmark = pytest.mark.usefixtures("one_thread")


def small_model(pool, window_frames=30, seed=0, features=12, **settings):
    """A network with its weights turned up, so that scores are no flat 0.5."""
    torch.manual_seed(seed)
    settings = {"clusters": 4, "project_to": 16} | settings
    model = TemporallyAwareModel(features, 5, window_frames, pool=pool, **settings).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 4
    return model


# Recordings of the original.


@pytest.fixture
def recording(shared, request, device):
    """A recording, and our model for it without its weights."""
    kind, pool = request.param.removeprefix("pool_").split("_")
    arrays = torch.load(
        shared(f"golden/{request.param.replace('+', 'p')}.pt"),
        weights_only=True,
        mmap=False,
        map_location=device,
    )
    window_frames, features = arrays["input"].shape[1:]
    classes = 3 if kind == "v1" else 17
    model = TemporallyAwareModel(features, classes, window_frames, pool=pool, clusters=4)
    return arrays, model.eval().to(device)


every_recording = pytest.mark.parametrize("recording", RECORDED, indirect=True)


@every_recording
def test_names_order_and_shapes_of_the_weights_are_as_recorded(recording):
    arrays, model = recording
    ours = [(name, tuple(tensor.shape)) for name, tensor in model.state_dict().items()]
    theirs = [(name, tuple(tensor.shape)) for name, tensor in arrays["state_dict"].items()]
    assert ours == theirs
    assert [name for name, _ in model.named_parameters()] == [name for name, _ in theirs]


@every_recording
def test_output_loss_and_gradients_are_as_recorded(recording):
    arrays, model = recording
    model.load_state_dict(arrays["state_dict"])
    logits = model(arrays["input"])
    assert torch.allclose(torch.sigmoid(logits), arrays["output"], rtol=0, atol=1e-5)
    losses = clip_loss(logits, arrays["labels"])
    assert list(losses) == ["bce"]
    assert losses["bce"].item() == pytest.approx(float(arrays["loss"]), abs=1e-5)
    losses["bce"].backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    assert set(arrays["grads"]) <= set(gradients)
    for name, gradient in arrays["grads"].items():
        assert torch.allclose(gradients[name], gradient, rtol=1e-4, atol=1e-5), name
    for name, gradient in gradients.items():
        expected = float(arrays["grad_norms"][name])
        assert float(gradient.norm()) == pytest.approx(expected, rel=1e-4), name


@every_recording
def test_sliding_gives_the_recorded_output_in_the_middle_window(recording):
    arrays, model = recording
    model.load_state_dict(arrays["state_dict"])
    for clip, output in zip(arrays["input"], arrays["output"], strict=True):
        with torch.inference_mode():
            scores = model.score_half([clip])
        assert torch.allclose(scores[len(clip) // 2], output, rtol=0, atol=1e-5)


# Weights.

E, K = 512, 64


@pytest.mark.parametrize(
    ("pools", "at_512", "at_2048"),
    [
        (("MAX", "AVG"), 9_234, 1_058_322),
        (("MAX++", "AVG++"), 18_450, 1_067_538),
        (("NetVLAD", "NetVLAD++"), 655_378, 1_704_466),
        (("NetRVLAD", "NetRVLAD++"), 622_610, 1_671_698),
    ],
)
def test_number_of_parameters(pools, at_512, at_2048):
    for pool in pools:
        for features, expected in ((512, at_512), (2048, at_2048)):
            model = TemporallyAwareModel(features, 17, 30, pool=pool)
            assert sum(p.numel() for p in model.parameters()) == expected


@pytest.mark.parametrize(
    ("features", "classes", "expected"), [(2048, 3, 1_245_700), (8576, 17, 5_046_802)]
)
def test_number_of_parameters_of_netvlad_plus_plus(features, classes, expected):
    model = TemporallyAwareModel(features, classes, 30)
    assert sum(p.numel() for p in model.parameters()) == expected


def published_shapes(pool, features, classes):
    """The table of the specification: names and shapes in order, at the published sizes."""
    shapes = {}
    if features != E:
        shapes |= {"feature_extractor.weight": (E, features), "feature_extractor.bias": (E,)}
    split = pool.endswith("++")
    clusters = K // 2 if split else K
    for layer in ("pool_layer_before", "pool_layer_after") if split else ("pool_layer",):
        if "VLAD" in pool:
            shapes[f"{layer}.clusters"] = (E, clusters)
        if pool.startswith("NetVLAD"):
            shapes[f"{layer}.clusters2"] = (1, E, clusters)
    size = E * K if "VLAD" in pool else E * (1 + split)
    return shapes | {"fc.weight": (classes + 1, size), "fc.bias": (classes + 1,)}


@pytest.mark.parametrize("features", [512, 2048])
@pytest.mark.parametrize("pool", POOLS)
def test_names_and_shapes_of_the_weights_are_as_specified(pool, features):
    model = TemporallyAwareModel(features, 17, 30, pool=pool)
    ours = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    assert list(ours.items()) == list(published_shapes(pool, features, 17).items())


@pytest.mark.parametrize("pool", POOLS)
def test_weights_are_drawn_in_the_published_order(pool):
    torch.manual_seed(3)
    model = TemporallyAwareModel(20, 17, 30, pool=pool)
    torch.manual_seed(3)
    expected = {}
    for name, shape in published_shapes(pool, 20, 17).items():
        if "clusters" in name:
            expected[name] = 1 / math.sqrt(E) * torch.randn(shape)
        elif name.endswith("weight"):
            linear = torch.nn.Linear(shape[1], shape[0])
            expected[name] = linear.weight
            expected[name.replace("weight", "bias")] = linear.bias
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, expected[name]), name


def test_projection_has_a_size_of_its_own_or_is_left_out():
    assert small_model("NetVLAD++", features=40, project_to=24).feature_extractor.out_features == 24
    assert not hasattr(small_model("NetVLAD++", features=24, project_to=24), "feature_extractor")
    none = small_model("NetVLAD++", features=40, project_to=None)
    assert not hasattr(none, "feature_extractor")
    assert none.pool_layer_before.clusters.shape == (40, 2)
    assert none(torch.randn(2, 30, 40)).shape == (2, 6)


def test_features_of_512_are_taken_as_already_reduced():
    assert not hasattr(TemporallyAwareModel(512, 17, 30), "feature_extractor")
    assert TemporallyAwareModel(511, 17, 30).feature_extractor.weight.shape == (512, 511)


@pytest.mark.parametrize("pool", ["NetVLAD++", "NetRVLAD++"])
@pytest.mark.parametrize("clusters", [1, 63])
def test_an_odd_number_of_clusters_cannot_be_shared_by_past_and_future(pool, clusters):
    with pytest.raises(UserError, match=f"even number of clusters, found --vocab_size {clusters}"):
        TemporallyAwareModel(20, 17, 30, pool=pool, clusters=clusters)


@pytest.mark.parametrize("pool", ["NetVLAD", "NetRVLAD", "MAX", "MAX++", "AVG", "AVG++"])
@pytest.mark.parametrize("clusters", [1, 7])
def test_other_pools_take_any_number_of_clusters(pool, clusters):
    model = small_model(pool, clusters=clusters)
    assert model(torch.randn(2, 30, 12)).shape == (2, 6)


def test_no_cluster_and_unknown_pools_are_refused():
    with pytest.raises(UserError, match="a positive number of clusters"):
        TemporallyAwareModel(20, 17, 30, pool="NetVLAD", clusters=0)
    with pytest.raises(UserError, match="unknown pooling 'netvlad'"):
        TemporallyAwareModel(20, 17, 30, pool="netvlad")


@pytest.mark.parametrize("pool", [pool for pool in POOLS if pool.endswith("++")])
def test_a_window_needs_a_past_and_a_future(pool):
    with pytest.raises(UserError, match="at least 2 frames, found 1"):
        small_model(pool, window_frames=1)


def plain_vector(frames, state, layer, pool):
    """A pooled vector by the formulas of the specification: [B, T, E] -> [B, F]."""
    if "VLAD" not in pool:
        return frames.max(dim=1).values if "MAX" in pool else frames.mean(dim=1)
    unit = frames / frames.norm(dim=2, keepdim=True)
    clusters, centres = state[f"{layer}.clusters"], state.get(f"{layer}.clusters2")
    assignment = torch.softmax(unit @ clusters, dim=2)
    columns = []
    for k in range(clusters.shape[1]):
        centre = 0 if centres is None else centres[0, :, k]
        residual = (assignment[:, :, k, None] * (unit - centre)).sum(dim=1)
        columns.append(residual / residual.norm(dim=1, keepdim=True))
    vector = torch.stack(columns, dim=2).flatten(1)  # feature by feature: column d·K + k
    return vector / vector.norm(dim=1, keepdim=True)


@pytest.mark.parametrize("project_to", [None, 16])
@pytest.mark.parametrize("window_frames", [8, 15])
@pytest.mark.parametrize("pool", POOLS)
def test_networks_answer_by_the_formulas_of_the_specification(pool, window_frames, project_to):
    model = small_model(pool, window_frames, clusters=6, project_to=project_to).double()
    state = model.state_dict()
    windows = frames = torch.randn(5, window_frames, 12, dtype=torch.float64)
    if project_to is not None:
        frames = frames @ state["feature_extractor.weight"].T + state["feature_extractor.bias"]
    past = window_frames // 2
    parts = {"pool_layer": frames}
    if pool.endswith("++"):
        parts = {"pool_layer_before": frames[:, :past], "pool_layer_after": frames[:, past:]}
    vectors = [plain_vector(part, state, layer, pool) for layer, part in parts.items()]
    logits = torch.cat(vectors, dim=1) @ state["fc.weight"].T + state["fc.bias"]
    assert torch.allclose(model(windows), logits, rtol=0, atol=1e-10)


# What the network sees.


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("window_frames", [30, 15])
def test_only_the_split_pools_know_the_order_of_past_and_future(pool, window_frames):
    model = small_model(pool, window_frames)
    windows = torch.randn(3, window_frames, 12)
    past = window_frames // 2
    same_sides = torch.cat([windows[:, :past].flip(1), windows[:, past:].flip(1)], dim=1)
    assert torch.allclose(model(windows), model(same_sides), atol=1e-4)
    reversed_order = torch.allclose(model(windows), model(windows.flip(1)), atol=1e-2)
    assert reversed_order == (not pool.endswith("++"))


@pytest.mark.parametrize("pool", [pool for pool in POOLS if pool.endswith("++")])
def test_the_middle_row_of_an_odd_window_is_future(pool):
    model = small_model(pool, window_frames=15).double()
    windows = torch.randn(1, 15, 12, dtype=torch.float64)
    swapped = windows[:, [*range(7), 8, 7, *range(9, 15)]]  # inside the future, rows 7…14
    assert torch.allclose(model(windows), model(swapped), rtol=0, atol=1e-12)
    across = windows[:, [*range(6), 7, 6, *range(8, 15)]]  # between past and future
    assert not torch.allclose(model(windows), model(across), rtol=0, atol=1e-6)


@pytest.mark.parametrize("pool", POOLS)
def test_dropout_acts_in_training_only(pool):
    model = small_model(pool)
    windows = torch.randn(4, 30, 12)
    assert torch.equal(model(windows), model(windows))
    model.train()
    torch.manual_seed(0)
    first, second = model(windows), model(windows)
    torch.manual_seed(0)
    assert torch.equal(model(windows), first)
    assert not torch.allclose(first, second, atol=1e-3)


# Sliding along a half.


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("window_frames", [30, 29, 7, 2])
@pytest.mark.parametrize("T", [1, 2, 29, 30, 31, 200])
def test_a_half_is_scored_as_its_windows_one_by_one(device, pool, window_frames, T):
    model = small_model(pool, window_frames).to(device)
    frames = torch.randn(T, 12, generator=torch.Generator().manual_seed(T)).to(device)
    rows = window_rows(np.arange(T) - window_frames // 2, window_frames, T)
    with torch.inference_mode():
        one_by_one = torch.sigmoid(model(frames[torch.from_numpy(rows)]))
        slid = model.score_half(frames.split(13))
    assert slid.shape == (T, 6)
    assert torch.allclose(slid, one_by_one, rtol=0, atol=1e-5)


@pytest.mark.parametrize("pool", ["NetVLAD", "NetRVLAD", "MAX", "AVG"])
def test_windows_of_one_row_score_each_row_by_itself(pool):
    model = small_model(pool, window_frames=1)
    frames = torch.randn(9, 12)
    with torch.inference_mode():
        alone = torch.sigmoid(model(frames[:, None]))
        assert torch.allclose(model.score_half([frames]), alone, rtol=0, atol=1e-5)


def test_scores_of_a_half_do_not_depend_on_how_it_is_read(monkeypatch):
    model = small_model("NetVLAD++")
    half = HalfFeatures.of_rows(np.random.default_rng(0).normal(size=(70, 12)).astype(np.float16))
    whole = score_half(RUN, model, half)
    monkeypatch.setattr("common.data.frame_rows._BLOCK_ROWS", 9)
    assert whole.shape == (70, 5)
    assert whole.dtype == np.float32
    assert np.allclose(score_half(RUN, model, half), whole, rtol=0, atol=1e-6)


def test_a_half_in_memory_is_scored_as_the_one_on_disk(tmp_path):
    model = small_model("NetVLAD++")
    rows = np.random.default_rng(0).normal(size=(70, 12)).astype(np.float16)
    np.save(tmp_path / "1_F.npy", rows)
    in_memory = score_half(RUN, model, HalfFeatures.of_rows(rows))
    assert in_memory.shape == (70, 5)
    assert np.array_equal(in_memory, score_half(RUN, model, open_half(tmp_path, 1, ["F.npy"])))
    rows[33, 4] = np.nan
    with pytest.raises(UserError, match="features in memory: row 33 holds NaN"):
        score_half(RUN, model, HalfFeatures.of_rows(rows))


def test_the_published_protocol_leaves_the_last_frame_without_a_score():
    model = small_model("NetVLAD++")
    half = HalfFeatures.of_rows(np.random.default_rng(0).normal(size=(715, 12)).astype(np.float32))
    corrected = score_half(RUN, model, half)
    published = score_half(replace(RUN, published=True), model, half)
    assert published.shape == (714, 5)
    assert np.array_equal(published, corrected[:714])


def test_the_background_column_is_dropped():
    model = small_model("NetVLAD++")
    rows = np.random.default_rng(0).normal(size=(50, 12)).astype(np.float32)
    with torch.inference_mode():
        with_background = model.score_half([torch.from_numpy(rows)]).numpy()
    scores = score_half(RUN, model, HalfFeatures.of_rows(rows))
    assert np.array_equal(scores, with_background[:, 1:])


@pytest.mark.parametrize("pool", POOLS)
def test_bf16_scores_are_close(pool):
    model = small_model(pool)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter /= 4
    half = HalfFeatures.of_rows(np.random.default_rng(0).normal(size=(80, 12)).astype(np.float32))
    exact = score_half(RUN, model, half)
    coarse = score_half(replace(RUN, precision="bf16"), model, half)
    assert coarse.dtype == np.float32
    assert np.abs(coarse - exact).max() < 0.02


# From scores to files.


@pytest.mark.parametrize("case", ["tap_v2", "tap_v1", "pool_v2", "pool_v1"])
def test_recorded_result_files_byte_for_byte(golden, case):
    recorded = golden("prediction_scores.npz")
    seconds, threshold = recorded[f"{case}_window_threshold"]
    unscored = case.startswith("pool")  # that baseline has one row less
    detections = []
    for half in (1, 2):
        scores = recorded[f"{case}_h{half}"][: -1 if unscored else None, 1:]
        detections.append((half, *suppress(scores, int(2 * seconds), float(threshold))))
    names = V1_NAMES if case.endswith("v1") else V2_NAMES
    text = format_game("A/B/C d - e", detections, names, 2, published=True)
    assert text.decode() == golden("prediction_files.json")[case]


def test_written_result_files_score_as_the_arrays_in_memory(tmp_path):
    rng = np.random.default_rng(4)
    games = [f"league/season/game {letter}" for letter in "abc"]
    torch.manual_seed(0)
    model = TemporallyAwareModel(8, 17, 10, clusters=4, project_to=16).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 8
    (tmp_path / "splits.json").write_text(json.dumps({"test": games}))
    targets, detections = [], []
    for number, game in enumerate(games):
        (tmp_path / game).mkdir(parents=True)
        annotations = []
        for half in (1, 2):
            rows = rng.normal(size=(260 + 40 * half, 8))
            np.save(tmp_path / game / f"{half}_F.npy", rows)
            place = 2 * number + half - 1
            for frame in rng.choice(len(rows), 40, replace=False).tolist():
                event, visible = int(rng.integers(17)), bool(rng.random() < 0.8)
                targets.append((place, frame, event, 1.0 if visible else -1.0))
                annotations.append(
                    {
                        "gameTime": f"{half} - {frame // 120:02}:{frame // 2 % 60:02}",
                        "label": V2_NAMES[event],
                        "position": str(500 * frame),
                        "visibility": "visible" if visible else "not shown",
                    }
                )
            scores = score_half(RUN, model, HalfFeatures.of_rows(rows))
            peaks = suppress(scores, window=12, threshold=0.1)
            columns = (peaks.frame.tolist(), peaks.event.tolist(), peaks.confidence.tolist())
            detections += [(place, *row) for row in zip(*columns, strict=True)]
        (tmp_path / game / "Labels-v2.json").write_text(json.dumps({"annotations": annotations}))
    data = DataSet(root=tmp_path, features=("F.npy",), classes=SOCCERNET_V2, dimension=8)
    run = Run(folder=tmp_path / "run")
    spot_split(run, data, model, "test", Suppression(12, 0.1))

    def spots(rows):
        half, frame, event, value = zip(*rows, strict=True)
        return Spots(np.array(half), np.array(frame), np.array(event), np.array(value, float))

    assert len(detections) > 1000
    for metric in ("loose", "tight"):
        expected = average_map(spots(targets), spots(detections), 17, TOLERANCES_SECONDS[metric])
        found = evaluate(tmp_path, run.folder / "outputs_test", metric=metric)
        assert 0.01 < found["a_mAP"] < 1
        assert found["a_mAP"] == expected.a_map()
        assert found["a_mAP_per_class"] == expected.per_class().tolist()
        assert found["a_mAP_unshown"] == expected.a_map("unshown")


# Flags.


@pytest.mark.parametrize("pool", POOLS)
def test_flags_build_the_network_that_they_describe(pool):
    words = ["--pool", pool, "--vocab_size", "6", "--window_size", "4", "--framerate", "3",
             "--proj-dim", "16"]  # fmt: skip
    torch.manual_seed(0)
    built = build_model(parse_arguments(words), 20, 5).eval()
    torch.manual_seed(0)
    model = TemporallyAwareModel(20, 5, 12, pool=pool, clusters=6, project_to=16).eval()
    assert built.window_frames == 12
    windows = torch.randn(2, 12, 20)
    assert torch.equal(built(windows), model(windows))


@pytest.mark.parametrize(("word", "reduced"), [("none", None), ("16", 16), ("20", None)])
def test_the_reduction_is_a_flag(word, reduced):
    model = build_model(parse_arguments(["--proj-dim", word]), 20, 5)
    layer = getattr(model, "feature_extractor", None)
    assert (layer.out_features if layer else None) == reduced


@pytest.mark.parametrize(
    ("features", "words", "told"),
    [
        (512, [], "NetVLAD++, 512 features, taken as they are"),
        (20, [], "NetVLAD++, 20 features, reduced to 512 by a learned layer"),
        (20, ["--proj-dim", "16"], "NetVLAD++, 20 features, reduced to 16 by a learned layer"),
        (20, ["--proj-dim", "none"], "NetVLAD++, 20 features, taken as they are"),
    ],
)
def test_the_log_tells_whether_features_are_reduced(features, words, told):
    args = parse_arguments(["--vocab_size", "2", *words])
    assert in_words(args.pool, build_model(args, features, 3)) == told


@pytest.mark.parametrize("word", ["some", "0", "-3", ""])
def test_a_reduction_that_is_no_number_is_refused(word):
    with pytest.raises(UserError, match=f"--proj-dim must be a number or none, found {word}"):
        build_model(parse_arguments([f"--proj-dim={word}"]), 20, 5)


def test_the_defaults_are_the_published_configuration():
    published = {
        "features": ["ResNET_TF2.npy"], "max_epochs": 1000, "load_weights": None,
        "model_name": "NetVLAD++", "test_only": False, "split_train": ["train"],
        "split_valid": ["valid"], "split_test": ["test", "challenge"], "version": 2,
        "evaluation_frequency": 10, "framerate": 2, "window_size": 15, "pool": "NetVLAD++",
        "vocab_size": 64, "NMS_window": 30, "NMS_threshold": 0.0, "batch_size": 256, "LR": 1e-3,
        "LRe": 1e-6, "patience": 10, "GPU": -1, "max_num_worker": 4, "seed": 0,
        "feature_dim": None, "loglevel": "INFO",
    }  # fmt: skip
    found = vars(parse_arguments([]))
    assert {name: found[name] for name in published} == published
    model = build_model(parse_arguments([]), 2048, 17)
    assert sum(p.numel() for p in model.parameters()) == 1_704_466


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("project_to", [None, 16, 24])
def test_weights_tell_of_how_many_features_they_are(pool, project_to):
    model = TemporallyAwareModel(24, 3, 10, pool=pool, clusters=6, project_to=project_to)
    assert trained_features(model.state_dict(), pool, 6) == 24
    assert trained_features({}, pool, 6) == 1
