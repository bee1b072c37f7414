"""How far the networks' outputs in bf16 are from those in fp32, on the device."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from card_notes import Notes, Setting
from card_work import GRAPHS, TOP_VIEWS
from measure import CLASSES
from torch import Tensor

import CALF
import CALF_Calibration
import CALF_Calibration_GCN
import Pooling.main
import TemporallyAwarePooling.main
from common.training.device import autocast, choose_device

# |bf16 - fp32| / |fp32 - mean over the batch|, over all outputs: three to five times what was
# measured on a CPU, in batches of 64 windows or 8 chunks (behind each). A card also takes the long
# convolutions of the CALF family in bf16, which a CPU does not.
BOUNDS = {
    "NetVLAD++ 2048": 0.01,  # 0.0032
    "NetVLAD++ 512": 4e-4,  # 0.00012
    "Pooling NetVLAD 512": 3e-4,  # 0.000088
    "CALF": 0.04,  # 0.0091
    "CALF_Calibration": 0.07,  # 0.016
    "CALF_Calibration_GCN": 0.2,  # 0.060
}
_NODES = 13  # of a frame


def bf16(setting: Setting, notes: Notes) -> None:
    """Builds each network from its flags, and compares both precisions on random inputs."""
    device = choose_device(setting.device)
    batch = 2 if setting.tiny else 8
    for name, (program, words, features, inputs) in _networks(batch).items():
        torch.manual_seed(0)
        args = program.parse_arguments(words)
        model = program.build_model(args, features, CLASSES).eval().to(device)
        tensors = [tensor.to(device) for tensor in inputs()]
        found = []
        for precision in ("fp32", "bf16"):
            with torch.inference_mode(), autocast(device, precision):
                outputs = model(*tensors)
            outputs = [outputs] if isinstance(outputs, Tensor) else outputs
            found.append(torch.cat([output.double().flatten(1) for output in outputs], dim=1))
        exact, coarse = found
        # What all items of the batch have in common, biases above all, says nothing.
        far = float((coarse - exact).norm() / (exact - exact.mean(dim=0)).norm())
        notes.check(f"{name} in bf16", 0 < far < BOUNDS[name], f"{far:.2g}, at most {BOUNDS[name]}")


def _networks(batch: int) -> dict[str, tuple[Any, Sequence[str], int, Any]]:
    """Program, its flags, features, and what makes its inputs."""
    chunks = partial(_chunks, batch)
    return {
        "NetVLAD++ 2048": (TemporallyAwarePooling.main, [], 2048,
                           lambda: [torch.randn(8 * batch, 30, 2048)]),
        "NetVLAD++ 512": (TemporallyAwarePooling.main, [], 512,
                          lambda: [torch.randn(8 * batch, 30, 512)]),
        "Pooling NetVLAD 512": (Pooling.main, ["--preset", "netvlad-v2"], 512,
                                lambda: [torch.randn(8 * batch, 40, 512)]),
        "CALF": (CALF.main, [], 512, lambda: [chunks()]),
        "CALF_Calibration": (CALF_Calibration.main, TOP_VIEWS, 512,
                             lambda: [chunks(), _pictures(batch)]),
        "CALF_Calibration_GCN": (CALF_Calibration_GCN.main, GRAPHS, 512,
                                 lambda: [chunks(), *_graphs(batch)]),
    }  # fmt: skip


def _chunks(batch: int) -> Tensor:
    return torch.randn(batch, 240, 512)


def _pictures(batch: int) -> Tensor:
    return torch.randint(0, 256, (batch, 240, 32, 64, 3), dtype=torch.uint8)


def _graphs(batch: int) -> list[Tensor]:
    """Frames of `_NODES` nodes, each linked with the next."""
    frames = batch * 240
    counts = torch.full((batch, 240), _NODES)
    there = torch.arange(_NODES - 1, dtype=torch.int16)
    one = torch.cat([torch.stack([there, there + 1]), torch.stack([there + 1, there])], dim=1)
    nodes = torch.randn(frames * _NODES, 8)
    return [nodes, counts, one.repeat(1, frames), torch.full((batch, 240), one.shape[1])]
