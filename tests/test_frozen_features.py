"""Top views through a frozen network: sizes and crops as the imaging library's, names, weights."""

import numpy as np
import pytest
import torch
from torch import nn

from CALF_Calibration.frozen_features import RESNETS, FrozenNetwork, from_torchvision, resnet
from common.calibration.top_view import TopView
from common.errors import UserError

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # means and deviations of its colours

pytestmark = pytest.mark.usefixtures("one_thread")


class Probe(nn.Module):
    """Keeps what it is shown, and returns a vector."""

    def forward(self, pictures):
        self.seen = pictures
        return type("Output", (), {"pooler_output": pictures.mean(dim=(2, 3), keepdim=True)})


def shown(frozen, pictures):
    probe = Probe()
    vectors = frozen.see(probe, pictures, torch.device("cpu"))
    mean, deviation = (torch.tensor(c).view(3, 1, 1) for c in IMAGENET)
    return vectors, (probe.seen * deviation + mean) * 255


def as_the_imaging_library(picture, shorter, side):
    """Resized by Pillow, whose numbers the published vectors rest on."""
    image = pytest.importorskip("PIL.Image", reason="needs Pillow")
    height, width = picture.shape[:2]
    scale = shorter / min(height, width)
    resized = np.asarray(
        image.fromarray(picture).resize((int(width * scale), int(height * scale)), image.BILINEAR)
    )
    if side:
        top, left = ((size - side) // 2 for size in resized.shape[:2])
        resized = resized[top : top + side, left : left + side]
    return resized.transpose(2, 0, 1)


@pytest.mark.parametrize(
    ("kind", "cropped", "shape"),
    [(34, True, (3, 224, 224)), (34, False, (3, 224, 448)), (4, True, (3, 224, 448))],
)
def test_pictures_are_resized_as_published(kind, cropped, shape):
    pictures = np.random.default_rng(0).integers(0, 256, (2, 32, 64, 3), np.uint8)
    vectors, seen = shown(FrozenNetwork(kind, cropped=cropped), pictures)
    assert vectors.shape == (2, 3)
    assert tuple(seen.shape[1:]) == shape
    expected = as_the_imaging_library(pictures[0], *((256, 224) if cropped and kind > 4 else
                                                     (224, 0)))  # fmt: skip
    apart = np.abs(seen[0].numpy() - expected)
    # The library's weights have 22 bits: a level apart now and then where 7 divides the scale.
    assert apart.max() < 1.01
    assert (apart > 0.01).mean() < (1e-6 if cropped and kind > 4 else 0.01)


def test_a_resnet_of_published_weights_gives_what_the_weights_say():
    torch.manual_seed(0)
    ours = resnet(18).eval()
    names = from_torchvision({name: torch.tensor(0) for name in torchvision_names(18)}, 18)
    assert set(names) == set(ours.state_dict())
    # The literal network on the same weights, from the outside in.
    weights = ours.state_dict()
    x = torch.randn(1, 3, 64, 64)
    found = ours(x).pooler_output.flatten()
    expected = literal_resnet(x, {theirs: weights[mine] for mine, theirs in renamed(18).items()})
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-5)


def renamed(kind):
    """Our names to torchvision's."""

    class Itself(dict):
        def __getitem__(self, name):
            return name

        def get(self, name, default=None):
            return name

    return from_torchvision(Itself(), kind)


def torchvision_names(kind):
    return list(renamed(kind).values())


def literal_resnet(x, weights):
    """ResNet of basic blocks, by the names of torchvision's weights."""

    def norm(y, name):
        return nn.functional.batch_norm(
            y, *(weights[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight",
                                                        "bias"))
        )  # fmt: skip

    def conv(y, name, **settings):
        return nn.functional.conv2d(y, weights[f"{name}.weight"], **settings)

    x = nn.functional.relu(norm(conv(x, "conv1", stride=2, padding=3), "bn1"))
    x = nn.functional.max_pool2d(x, 3, 2, 1)
    for stage, depth in enumerate(RESNETS[18], 1):
        for block in range(depth):
            name = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            y = nn.functional.relu(
                norm(conv(x, f"{name}.conv1", stride=stride, padding=1), f"{name}.bn1")
            )
            y = norm(conv(y, f"{name}.conv2", padding=1), f"{name}.bn2")
            if f"{name}.downsample.0.weight" in weights:
                x = norm(conv(x, f"{name}.downsample.0", stride=stride), f"{name}.downsample.1")
            x = nn.functional.relu(x + y)
    return x.mean(dim=(2, 3)).flatten()


def test_names_of_files_tell_everything_that_was_drawn():
    view = TopView(field=True)
    names = {
        FrozenNetwork(kind, cropped=cropped).file_name(v)
        for kind in (18, 34)
        for cropped in (False, True)
        for v in (
            view, TopView(field=True, cone=True), TopView(field=True, width=96),
            TopView(field=True, margin=2),
        )
    }  # fmt: skip
    assert len(names) == 16
    assert FrozenNetwork(34).file_name(view) in names


def test_names_of_files_that_were_extracted_earlier_stay():
    view = TopView(calibration=True, field=True, cone=True)
    assert FrozenNetwork(34).file_name(view) == "top_view_34_bc9f6e8d55.npy"
    assert FrozenNetwork(4).file_name(TopView()) == "top_view_4_843a08d83b.npy"


@pytest.mark.parametrize(
    ("kind", "options", "name"),
    [
        (34, {}, "radar_resnet_34_composite.npy"),
        (18, {"physic": True}, "radar_resnet_18_physic.npy"),
        (4, {"teacher": True}, "radar_efficientnet_b4_teacher_composite.npy"),
    ],
)
def test_published_names(kind, options, name):
    assert FrozenNetwork(kind).file_name(TopView(published=True, **options)) == name


def test_weights_that_are_not_there_or_something_else(tmp_path):
    with pytest.raises(UserError, match="found no such file"):
        FrozenNetwork(18, tmp_path / "none.pth").file_name(TopView())
    path = tmp_path / "other.pth"
    torch.save({"conv1.weight": torch.zeros(1)}, path)
    with pytest.raises(UserError, match="does not hold the weights of a ResNet-18"):
        FrozenNetwork(18, path).load(torch.device("cpu"))
    torch.save({name: torch.zeros(1) for name in torchvision_names(18)}, path)
    with pytest.raises(UserError, match="does not hold the weights of a ResNet-18"):
        FrozenNetwork(18, path).load(torch.device("cpu"))
    path.write_bytes(b"text")
    with pytest.raises(UserError, match="does not hold the weights of a ResNet-18"):
        FrozenNetwork(18, path).load(torch.device("cpu"))


def test_weights_of_another_network_than_a_resnet_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"--resnet_weights is for a ResNet, --with_resnet 18 or"):
        FrozenNetwork(4, tmp_path / "weights.pth")


def test_weights_that_cannot_be_fetched_are_one_sentence(monkeypatch):
    def offline(*_, **__):
        raise OSError("no network\nand a long story")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", offline)
    with pytest.raises(UserError, match=r"cannot fetch timm/resnet34.*\(no network\); go online"):
        FrozenNetwork(34).load(torch.device("cpu"))
