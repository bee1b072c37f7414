"""The network: recordings in both modes, names and sizes, printed numbers, precision."""

import math

import pytest
import torch

from CALF.loss import Criterion, context_aware_loss
from CALF.model import ContextAwareModel
from common.calf import pyramid
from common.calf.chunk_shape import ChunkShape
from common.calf.fourier import direct_convolutions
from common.training.optimisation import adam

pytestmark = pytest.mark.usefixtures("one_thread")

PUBLISHED = {
    "conv_1.weight": (128, 1, 1, 512),
    "conv_1.bias": (128,),
    "conv_2.weight": (32, 128, 1, 1),
    "conv_2.bias": (32,),
    "conv_p_1.weight": (8, 32, 12, 1),
    "conv_p_1.bias": (8,),
    "conv_p_2.weight": (16, 32, 27, 1),
    "conv_p_2.bias": (16,),
    "conv_p_3.weight": (32, 32, 40, 1),
    "conv_p_3.bias": (32,),
    "conv_p_4.weight": (64, 32, 80, 1),
    "conv_p_4.bias": (64,),
    "conv_seg.weight": (272, 152, 3, 1),
    "conv_seg.bias": (272,),
    "batch_seg.weight": (240,),
    "batch_seg.bias": (240,),
    "batch_seg.running_mean": (240,),
    "batch_seg.running_var": (240,),
    "batch_seg.num_batches_tracked": (),
    "conv_spot_1.weight": (32, 289, 3, 1),
    "conv_spot_1.bias": (32,),
    "conv_spot_2.weight": (16, 32, 3, 1),
    "conv_spot_2.bias": (16,),
    "conv_conf.weight": (30, 464, 1, 1),
    "conv_conf.bias": (30,),
    "conv_class.weight": (255, 464, 1, 1),
    "conv_class.bias": (255,),
}


def published_model():
    return ContextAwareModel(512, 17, ChunkShape(240, 80))


def small_model(**sizes):
    shape = ChunkShape(sizes.pop("frames", 48), sizes.pop("receptive", 16), 6)
    return ContextAwareModel(sizes.pop("features", 20), sizes.pop("classes", 17), shape, 4)


def parameters_of(model):
    """Parameters by their published names."""
    return {
        name: tensor
        for name, tensor in model.state_dict(keep_vars=True).items()
        if isinstance(tensor, torch.nn.Parameter)
    }


def fill_as_printed(model, printed_noise):
    for name, tensor in model.state_dict().items():
        if not tensor.dtype.is_floating_point:
            continue
        noise = printed_noise(name, tensor.numel())
        if tensor.dim() > 1:
            noise = 5 * noise / math.sqrt(tensor.numel() / len(tensor))
        elif name.endswith("running_var"):
            noise = 1 + noise
        elif name.endswith(".weight"):
            noise = 1 + 0.2 * noise
        else:
            noise = 0.2 * noise
        tensor.copy_(torch.from_numpy(noise.reshape(tensor.shape)))


def close(found, expected, tolerance=1e-5):
    return torch.allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.fixture(params=["calf_model_small", "calf_model_small_3cls", "calf_model_default"])
def recording(shared, request, device):
    path = shared(f"golden/{request.param}.pt")
    return torch.load(path, weights_only=True, map_location=device)


def model_of(recording):
    weights = recording["state_dict"]
    shape = ChunkShape(
        recording["input"].shape[2],
        weights["conv_p_4.weight"].shape[2],
        recording["spot"].shape[1],
    )
    classes = recording["seg"].shape[2]
    capsule = len(weights["conv_seg.weight"]) // classes
    model = ContextAwareModel(recording["input"].shape[3], classes, shape, capsule)
    assert list(model.state_dict()) == list(weights)
    model.load_state_dict(weights)
    return model.to(recording["input"].device), recording["input"].float()[:, 0]


def test_recorded_answers(recording):
    model, chunks = model_of(recording)
    with torch.inference_mode():
        segmentation, spots = model.eval()(chunks)
    assert close(segmentation, recording["seg"])
    assert close(spots, recording["spot"])


def test_recorded_gradients_and_running_statistics(recording):
    model, chunks = model_of(recording)
    segmentation, spots = model.train()(chunks)
    assert close(segmentation, recording["seg_train"])
    assert close(spots, recording["spot_train"])
    weighted = (segmentation * recording["seg_weight"]).sum()
    (weighted + (spots * recording["spot_weight"]).sum()).backward()
    for name, parameter in parameters_of(model).items():
        assert close(parameter.grad.norm(), recording["grad_norms"][name])
        if "grads" in recording:
            expected = recording["grads"][name]
            assert float((parameter.grad - expected).abs().max()) < 1e-5 * expected.abs().max()
    assert close(model.head.batch_seg.running_mean, recording["running_mean_after"])
    assert close(model.head.batch_seg.running_var, recording["running_var_after"])
    assert int(model.head.batch_seg.num_batches_tracked) == 1


@pytest.mark.parametrize("fused", [False, True])
def test_recorded_training_steps(shared, fused, device):
    path = shared("golden/calf_training_steps.pt")
    recorded = torch.load(path, weights_only=True, map_location=device)
    model = small_model().to(device)
    model.load_state_dict(recorded["state_dict"])
    model.train()
    optimizer = adam(model, 1e-3, 1e-7, fused)
    criterion = Criterion(segmentation_loss=context_aware_loss, k_frames=recorded["K"])
    for feats, labels, targets, expected in zip(
        recorded["feats"], recorded["labels"], recorded["targets"], recorded["losses"], strict=True
    ):
        losses = criterion(model(feats[:, 0]), (labels, targets))
        total = losses["segmentation"] + losses["spotting"]
        found = [total, losses["segmentation"] / 0.000367, losses["spotting"]]
        assert [float(loss.detach()) for loss in found] == pytest.approx(expected, rel=1e-6)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    for name, tensor in model.state_dict().items():
        # A step is up to 1e-3 per weight, whatever its gradient's size.
        assert torch.allclose(tensor, recorded["final_state"][name], rtol=1e-4, atol=1e-5), name


def test_names_shapes_order_and_number_of_parameters_are_the_published_ones():
    model = published_model()
    assert {name: tuple(t.shape) for name, t in model.state_dict().items()} == PUBLISHED
    assert list(model.state_dict()) == list(PUBLISHED)
    assert model.state_dict()["batch_seg.num_batches_tracked"].dtype == torch.int64
    assert sum(parameter.numel() for parameter in model.parameters()) == 578_245


@pytest.mark.parametrize(
    ("mode", "sums", "deviation", "first", "last", "spot"),
    [
        ("eval", (4761.342, 15.74293, 14.19291), 0.08518, (0.429917, 0.429276, 0.295033), 0.438812,
         (0.706466, 0.117612, 4.2e-5, 4e-6)),
        ("train", (3361.065, 15.62261, 14.29878), 0.06038, (0.422032, 0.407410, 0.295499),
         0.321293, (0.695646, 0.118885, 4.6e-5, 4e-6)),
    ],
)  # fmt: skip
def test_printed_numbers(printed_noise, device, mode, sums, deviation, first, last, spot):
    model = published_model()
    fill_as_printed(model, printed_noise)
    model.to(device)
    chunks = torch.from_numpy(4 * printed_noise("input", 2 * 240 * 512)).float()
    with torch.no_grad():
        segmentation, spots = model.train(mode == "train")(chunks.view(2, 240, 512).to(device))
    found = [float(t.sum()) for t in (segmentation, spots[..., 0], spots[..., 1])]
    assert found == pytest.approx(sums, rel=1e-6)
    assert float(segmentation.std()) == pytest.approx(deviation, abs=5e-6)
    assert segmentation[0, 0, :3].tolist() == pytest.approx(first, abs=1e-6)
    assert float(segmentation[1, 120, -1]) == pytest.approx(last, abs=1e-6)
    assert spots[1, 3, :4].tolist() == pytest.approx(spot, abs=1e-6)


def test_the_same_seed_draws_the_same_weights_and_another_one_others():
    models = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        models.append(small_model().state_dict())
    for name, tensor in models[0].items():
        assert torch.equal(tensor, models[1][name])
    assert not torch.equal(models[0]["conv_1.weight"], models[2]["conv_1.weight"])


@pytest.mark.parametrize("training", [False, True])
def test_both_ways_to_convolve_in_time_agree(training, monkeypatch):
    torch.manual_seed(0)
    model = small_model(receptive=20).train(training)  # too long to be convolved directly
    chunks = torch.randn(3, 48, 20)
    first = [output.detach() for output in model(chunks)]
    monkeypatch.setattr(pyramid, "fourier_convolutions", direct_convolutions)
    for found, expected in zip(model(chunks), first, strict=True):
        assert close(found, expected)


def test_chunks_do_not_depend_on_their_neighbours_in_evaluation():
    torch.manual_seed(0)
    model = small_model().eval()
    chunks = torch.randn(4, 48, 20)
    with torch.inference_mode():
        whole = model(chunks)
        for number in range(4):
            for alone, among in zip(model(chunks[number : number + 1]), whole, strict=True):
                assert close(alone[0], among[number], 1e-6)


def test_gradients_are_finite_where_the_capsules_are_indifferent():
    model = small_model().eval()
    with torch.no_grad():
        for name in ("conv_seg.weight", "conv_seg.bias", "batch_seg.bias"):
            model.state_dict()[name].zero_()
    segmentation, spots = model(torch.randn(2, 48, 20))
    assert float(segmentation.detach().max()) < 1e-5
    (segmentation.sum() + spots.sum()).backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


def test_half_precision_products_stay_near():
    torch.manual_seed(0)
    model = small_model().train()
    chunks = torch.randn(4, 48, 20)
    expected = [output.detach() for output in model(chunks)]
    with torch.autocast("cpu", torch.bfloat16):
        outputs = model(chunks)
    for found, output in zip(outputs, expected, strict=True):
        assert found.dtype == torch.float32
        assert float((found - output).abs().max()) < 0.05
    sum(output.sum() for output in outputs).backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


@pytest.mark.parametrize("frames", [40, 41, 47, 55])
def test_chunks_of_any_length_work(frames):
    model = small_model(frames=frames).eval()
    with torch.inference_mode():
        segmentation, spots = model(torch.randn(2, frames, 20))
    assert segmentation.shape == (2, frames, 17)
    assert spots.shape == (2, 6, 19)
    if frames % 8 != 7:  # where the published formula holds
        assert model.state_dict()["conv_conf.weight"].shape[1] == 16 * (frames // 8 - 1)


@pytest.mark.parametrize("size", [(2, 47, 20), (2, 49, 20), (2, 48, 19), (2, 48), (48, 20)])
def test_chunks_of_other_sizes_are_refused(size):
    model = small_model()
    with pytest.raises(ValueError, match=r"expected chunks \[B, 48, 20\]"):
        model(torch.randn(size))


def test_published_names_go_in_and_come_out_again():
    torch.manual_seed(0)
    model, other = small_model(), small_model()
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    other.load_state_dict(weights)
    assert list(other.state_dict()) == list(weights)
    assert all(map(torch.equal, other.state_dict().values(), weights.values()))
    del weights["conv_seg.bias"]
    with pytest.raises(RuntimeError, match=r"Missing key.*conv_seg.bias"):
        other.load_state_dict(weights)
