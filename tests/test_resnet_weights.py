"""Keras' weights in the library's network: a literal network, and Keras itself, agree with it."""

import os

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from common.errors import UserError
from common.video import resnet_weights
from common.video.backbones import open_backbone
from common.video.resnet_weights import layer_names, new_resnet, read_resnet, read_state

h5py = pytest.importorskip("h5py", reason="needs the extra video")
SHALLOW = (1, 2, 1, 1)  # blocks of a stage: all sorts of blocks in a smaller file
WIDTHS = (64, 128, 256, 512)


def random_weights(rng):
    """Keras' arrays by layer and variable, for `SHALLOW`."""
    layers = {"conv1": (7, 3, 64)}
    into = 64
    for stage, (depth, width) in enumerate(zip(SHALLOW, WIDTHS, strict=True), 2):
        for block in range(1, depth + 1):
            name = f"conv{stage}_block{block}"
            if block == 1:
                layers[f"{name}_0"] = (1, into, 4 * width)
            layers |= {f"{name}_1": (1, into, width), f"{name}_2": (3, width, width),
                       f"{name}_3": (1, width, 4 * width)}  # fmt: skip
            into = 4 * width
    weights = {}
    for name, (side, into, out) in layers.items():
        kernel = rng.standard_normal((side, side, into, out)) / np.sqrt(side * side * into)
        weights[f"{name}_conv"] = {"kernel": kernel, "bias": rng.normal(0, 0.3, out)}
        weights[f"{name}_bn"] = {
            "gamma": rng.uniform(0.5, 1.5, out), "beta": rng.normal(0, 0.3, out),
            "moving_mean": rng.normal(0, 0.3, out),
            "moving_variance": rng.uniform(0, 1, out) ** 8,  # some so small that epsilon counts
        }  # fmt: skip
    return {
        layer: {name: values.astype(np.float32) for name, values in variables.items()}
        for layer, variables in weights.items()
    }


def literal_resnet(x, weights):
    """The network as it is written down, [n, 3, h, w] -> [n, 2048]."""

    def layer(y, name, **settings):
        convolution, norm = weights[f"{name}_conv"], weights[f"{name}_bn"]
        kernel = torch.from_numpy(convolution["kernel"]).permute(3, 2, 0, 1)
        y = F.conv2d(y, kernel, torch.from_numpy(convolution["bias"]), **settings)
        names = ("moving_mean", "moving_variance", "gamma", "beta")
        return F.batch_norm(y, *(torch.from_numpy(norm[each]) for each in names), eps=1.001e-5)

    x = F.relu(layer(F.pad(x, (3, 3, 3, 3)), "conv1", stride=2))
    x = F.max_pool2d(F.pad(x, (1, 1, 1, 1)), 3, 2)
    for stage, depth in enumerate(SHALLOW, 2):
        for block in range(1, depth + 1):
            name, stride = f"conv{stage}_block{block}", 2 if stage > 2 and block == 1 else 1
            shortcut = layer(x, f"{name}_0", stride=stride) if block == 1 else x
            y = F.relu(layer(x, f"{name}_1", stride=stride))
            y = F.relu(layer(y, f"{name}_2", padding=1))
            x = F.relu(shortcut + layer(y, f"{name}_3"))
    return x.mean((2, 3))


def write(path, weights, group="", ending="", head=False):
    with h5py.File(path, "w") as file:
        for layer, variables in weights.items():
            for name, values in variables.items():
                file[f"{group}{layer}/{layer}/{name}{ending}"] = values
        file.create_group(f"{group}pool1_pad")  # layers without weights stand there, too
        if head:
            file[f"{group}predictions/predictions/kernel{ending}"] = np.zeros((2048, 10))
    return path


@pytest.fixture(scope="module")
def weights():
    return random_weights(np.random.default_rng(0))


@pytest.fixture
def shallow(monkeypatch):
    monkeypatch.setattr(resnet_weights, "DEPTHS", SHALLOW)


@pytest.mark.usefixtures("shallow", "one_thread")
@pytest.mark.parametrize(
    ("group", "ending", "head"), [("", ":0", True), ("", ":0", False), ("model_weights/", "", True)]
)
def test_all_layouts_give_what_the_weights_say(tmp_path, weights, group, ending, head):
    network = read_resnet(write(tmp_path / "weights.h5", weights, group, ending, head))
    x = torch.from_numpy(np.random.default_rng(1).uniform(-120, 150, (3, 3, 97, 64))).float()
    with torch.inference_mode():
        found, expected = network(x).last_hidden_state.mean((2, 3)), literal_resnet(x, weights)
    assert expected.std() > 0.1
    assert (found - expected).abs().max() < 1e-4 * expected.std()


def test_names_of_the_whole_network_are_all_different_and_complete():
    with torch.device("meta"):
        state = new_resnet().state_dict()
    names = list(layer_names())
    assert len({theirs for _, theirs in names}) == len(names) == 1 + 3 * 50 + 4
    convolutions = {name for name in state if name.endswith("convolution.weight")}
    assert {f"{ours}.convolution.weight" for ours, _ in names} == convolutions
    assert ("encoder.stages.2.layers.35.layer.1", "conv4_block36_2") in names


def spoiled(weights, layer, name, values):
    return {**weights, layer: {**weights[layer], name: values}}


@pytest.mark.usefixtures("shallow")
@pytest.mark.parametrize(
    ("layer", "name", "values", "reason"),
    [
        ("conv3_block2_1_conv", "bias", np.full(128, np.nan, np.float32), "holds NaN"),
        ("conv3_block2_1_bn", "moving_variance", np.full(128, -1.0, np.float32), "below 0"),
        ("conv3_block2_1_conv", "kernel", np.zeros((1, 1, 512, 64), np.float32), "found \\(1, 1"),
        ("conv3_block2_1_conv", "bias", np.zeros(128, np.int64), "found \\(128,\\) of int64"),
        ("conv3_block2_1_conv", "kernel2", np.zeros(1), ""),
    ],
)
def test_other_weights_are_one_sentence(tmp_path, weights, layer, name, values, reason):
    path = write(tmp_path / "weights.h5", spoiled(weights, layer, name, values))
    if not reason:  # what is more does no harm
        assert read_resnet(path)
        return
    with pytest.raises(UserError, match=f"does not hold Keras' weights.*{reason}.*--download$"):
        read_resnet(path)


@pytest.mark.usefixtures("shallow")
def test_files_that_are_none(tmp_path, weights):
    path = tmp_path / "weights.h5"
    with pytest.raises(UserError, match=r"expected Keras' weights of ResNet-152.*no such file"):
        read_resnet(path)
    path.write_bytes(b"text")
    with pytest.raises(UserError, match=r"does not hold Keras' weights.*\(OSError\)"):
        read_resnet(path)
    write(path, {"conv1_conv": weights["conv1_conv"]})
    with pytest.raises(UserError, match=r"does not hold Keras' weights.*\(KeyError\)"):
        read_resnet(path)
    whole = write(path, weights).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="does not hold Keras' weights"):
        read_resnet(path)


def test_a_state_holds_every_weight(tmp_path, weights, shallow):
    with torch.device("meta"):
        expected = new_resnet().state_dict()
    found = read_state(write(tmp_path / "weights.h5", weights), expected)
    assert {name: value.shape for name, value in found.items()} == {
        name: value.shape for name, value in expected.items()
    }


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.usefixtures("one_thread")
def test_rows_are_those_of_keras(tmp_path, monkeypatch):
    """The published network, with head, saved by Keras, and its own preprocessing of the frames."""
    monkeypatch.setitem(os.environ, "KERAS_BACKEND", "torch")
    monkeypatch.setitem(os.environ, "KERAS_HOME", str(tmp_path))
    keras = pytest.importorskip("keras", reason="needs keras, of which only the tests know")
    if keras.backend.backend() != "torch":
        pytest.skip("keras has another backend")
    from keras.src.applications.resnet import preprocess_input

    rng = np.random.default_rng(0)
    model = keras.applications.ResNet152(weights=None)
    spread = {"bias": (-0.5, 0.5), "beta": (-0.5, 0.5), "moving_mean": (-0.5, 0.5),
              "gamma": (0.5, 1.5), "moving_variance": (0.3, 2)}  # fmt: skip
    for variable in model.variables:
        if variable.name in spread:
            values = rng.uniform(*spread[variable.name], variable.shape)
            variable.value.data.copy_(torch.from_numpy(values))
    path = tmp_path / "weights.h5"
    model.save(path)
    # Pictures of squares: of finer noise a network with random weights sees only the average.
    frames = rng.integers(0, 256, (2, 7, 7, 3), np.uint8).repeat(32, 1).repeat(32, 2)
    network = keras.Model(model.input, model.get_layer("avg_pool").output)
    with torch.inference_mode():
        expected = network(preprocess_input(frames.astype(np.float32))).numpy()
    backbone = open_backbone("resnet152", torch.device("cpu"), weights=path)
    found = backbone(frames)
    assert found.shape == (2, 2048)
    assert (found >= 0).all()
    deviation = np.abs(expected[0] - expected[1]).mean() / 2  # between frames
    assert np.abs(found - expected).max() < 1e-4 * expected.std()
    assert np.sqrt(((found - expected) ** 2).mean()) < 1e-4 * deviation
    # The order of the colours counts: turned round, the rows are others.
    assert np.abs(backbone(frames[:1, ..., ::-1]) - expected[:1]).mean() > 0.1 * deviation
