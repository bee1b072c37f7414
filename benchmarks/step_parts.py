"""Where the time of a training step goes: NetVLAD++, CALF and top views, part by part.

    python benchmarks/step_parts.py [--threads 2] [--repeat 20]

Each part is run by itself, on what it gets in a step; the fastest run counts, so that parts add up
to less than a step, in which each begins with a cold cache.
"""

import argparse
import time
from collections.abc import Callable

import measure
import numpy as np
from measure import BATCH, CHUNKS, CLASSES
from rich.console import Console
from rich.table import Table

from CALF.loss import Criterion, context_aware_loss
from CALF.model import ContextAwareModel
from CALF_Calibration.model import PictureBranch, TopViewModel
from common.calf.chunk_shape import ChunkShape
from common.calf.k_parameters import k_frames
from common.calf.spot_targets import spot_targets
from common.calibration.branches import branch_width
from common.calibration.picture_branch import FirstLayer
from common.calibration.top_view import TopView
from common.data.events import CLASS_SPLITS, V2_NAMES
from common.pooling.residuals import classify_residuals
from common.pooling.vlad import kept_entries
from common.training.device import choose_device
from common.training.optimisation import adam
from TemporallyAwarePooling.loss import clip_loss
from TemporallyAwarePooling.model import DROPOUT, TemporallyAwareModel

import torch  # isort: skip - the project comes first, it sets how OpenMP waits
from torch import Tensor, nn  # isort: skip

DIM, WINDOW, CLUSTERS = 512, 30, 32  # of past and of future
VIEW = TopView()
CPU = torch.device("cpu")

Parts = dict[str, Callable[[], object]]


def whole_step(
    model: nn.Module, loss: Callable[[], Tensor], optimizer: torch.optim.Optimizer
) -> Callable[[], None]:
    """A training step on tensors that are there."""

    def step() -> None:
        total = loss()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()

    model.train()
    step()  # after which the optimiser has its moments, and weights their gradients
    return step


def backward_of(output: Tensor) -> Callable[[], None]:
    """The backward pass alone, as often as wanted."""
    gradient = torch.ones_like(output)
    return lambda: output.backward(gradient, retain_graph=True)


def net_vlad() -> Parts:
    """Parts of a step of NetVLAD++ on 256 clips: those of past and future count twice."""
    model = TemporallyAwareModel(DIM, CLASSES, WINDOW)
    features = torch.randn(BATCH, WINDOW, DIM)
    targets = (torch.rand(BATCH, 1 + CLASSES) < 0.1).float()
    optimizer = adam(model, 1e-3)
    step = whole_step(model, lambda: clip_loss(model(features), targets)["bce"], optimizer)
    past, weight = model.pool_layer_before, model.classifiers()[0].detach().requires_grad_()
    frames = features[:, : model.past_frames]
    shape = (BATCH, CLUSTERS, DIM)
    kept = kept_entries(shape, DROPOUT, CPU)

    def assigned() -> tuple[Tensor, Tensor]:
        unit = nn.functional.normalize(frames, dim=2)
        return unit, (unit @ past.clusters).softmax(dim=2)

    unit, soft = assigned()
    known = soft.detach().requires_grad_()
    centres = past.clusters2[0].T.detach().requires_grad_()

    def classified() -> Tensor:
        return classify_residuals(unit, known, centres, weight, kept)

    return {
        "what dropout keeps, x 2": lambda: (kept_entries(shape, DROPOUT, CPU),) * 2,
        "normalise and assign, x 2": assigned,
        "its gradient, x 2": backward_of(soft),
        "residuals to logits, x 2": classified,
        "their gradient, x 2": backward_of(classified()),
        "Adam": optimizer.step,  # which changes the weights: after the others
        "whole step": step,
    }


def calf() -> Parts:
    """Parts of a step of CALF on 32 chunks."""
    shape = ChunkShape(240, 80)
    k = k_frames(V2_NAMES, 2)
    model = ContextAwareModel(DIM, CLASSES, shape)
    features = torch.randn(CHUNKS, shape.frames, DIM)
    rng = np.random.default_rng(0)
    shifts = rng.integers(-300, 300, (CHUNKS, shape.frames, CLASSES)).astype(np.int16)
    targets = torch.from_numpy(spot_targets(shifts, shape.slots))
    labels = torch.from_numpy(shifts.astype(np.float32))
    criterion = Criterion(
        segmentation_loss=context_aware_loss, k_frames=torch.from_numpy(k).float()
    )
    optimizer = adam(model, 1e-3, 1e-7, fused=True)

    def loss_of(outputs: tuple[Tensor, Tensor]) -> Tensor:
        return torch.stack([*criterion(outputs, (labels, targets)).values()]).sum()

    step = whole_step(model, lambda: loss_of(model(features)), optimizer)
    reduced = model.reduce(features).transpose(0, 1)
    known = reduced.detach().requires_grad_()
    pyramid = model.branch(known)
    wide = pyramid.detach().requires_grad_()
    outputs = model.head(wide)
    found = tuple(output.detach().requires_grad_() for output in outputs)
    together = (outputs[0].sum() + outputs[1].sum(), loss_of(found))
    return {
        "reduce frames": lambda: model.reduce(features),
        "its gradient": backward_of(reduced),
        "temporal pyramid": lambda: model.branch(known),
        "its gradient ": backward_of(pyramid),
        "capsules and spots": lambda: model.head(wide),
        "their gradient": backward_of(together[0]),
        "losses": lambda: loss_of(found),
        "their gradient ": backward_of(together[1]),
        "Adam": optimizer.step,  # which changes the weights: after the others
        "whole step": step,
    }


def top_views() -> Parts:
    """Parts of a step of CALF with top views on 32 chunks: what the players add to CALF's."""
    shape = ChunkShape(240, 80)
    classes = CLASS_SPLITS["visual"]
    width = branch_width(2, features=True, players=True)
    branch = PictureBranch(width, shape.receptive_frames)
    model = TopViewModel(DIM, len(classes), shape, multiplier=2, player_branch=branch)
    rng = np.random.default_rng(0)
    pictures = torch.from_numpy(
        rng.integers(0, 256, (CHUNKS, shape.frames, VIEW.height, VIEW.width, 3), np.uint8)
    )
    features = torch.randn(CHUNKS, shape.frames, DIM)
    optimizer = adam(model, 1e-3, 1e-7, fused=True)

    def loss_of(outputs: tuple[Tensor, ...]) -> Tensor:
        return torch.stack([output.square().mean() for output in outputs]).sum()

    step = whole_step(model, lambda: loss_of(model(features, pictures)), optimizer)
    first, second = branch.r_conv_1, branch.r_conv_2

    def seen() -> Tensor:
        return FirstLayer.apply(pictures.flatten(0, 1), first.weight.squeeze(2), first.bias)

    known = seen().detach().requires_grad_()

    def pooled() -> Tensor:
        weight = second.weight.squeeze(2).contiguous(memory_format=torch.channels_last)
        return torch.relu(
            nn.functional.max_pool2d(nn.functional.conv2d(known, weight, second.bias), 2)
        )

    reduced = branch.reduce(pictures).transpose(0, 1).detach().requires_grad_()
    others = model.feature_branch.reduce(features).transpose(0, 1).detach().requires_grad_()
    wide = torch.randn(shape.frames, CHUNKS, 152 * 2, requires_grad=True)
    return {
        "first convolution, largest of 4 x 4": seen,
        "its gradient": backward_of(seen()),
        "second convolution, largest of 2 x 2": pooled,
        "its gradient ": backward_of(pooled()),
        "pyramid in time at each place": lambda: branch(reduced),
        "its gradient  ": backward_of(branch(reduced)),
        "features: reduce": lambda: model.feature_branch.reduce(features),
        "features: pyramid": lambda: model.feature_branch(others),
        "its gradient   ": backward_of(model.feature_branch(others)),
        "capsules and spots": lambda: model.head(wide),
        "their gradient": backward_of(loss_of(model.head(wide))),
        "Adam": optimizer.step,  # which changes the weights: after the others
        "whole step": step,
    }


def fastest(part: Callable[[], object], repeat: int) -> float:
    """Milliseconds of the fastest of so many runs."""

    def once() -> None:
        part()

    return 1000 * measure.best_of(once, repeat)


def cpu_time(part: Callable[[], object], repeat: int) -> float:
    """The same in CPU time of all threads, which other programs disturb less."""
    times = []
    for _ in range(repeat):
        start = time.process_time()
        part()
        times.append(time.process_time() - start)
    return 1000 * min(times)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=20)
    args = parser.parse_args()
    choose_device("cpu")
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    for title, parts in (("NetVLAD++, 512 features, 256 clips", net_vlad()),
                         ("CALF, 32 chunks", calf()),
                         ("CALF with top views, 32 chunks", top_views())):  # fmt: skip
        table = Table(title, "ms", "CPU ms")
        for name, part in parts.items():
            twice = 2 if name.endswith("x 2") else 1
            shown = [twice * measured(part, args.repeat) for measured in (fastest, cpu_time)]
            table.add_row(name, *(f"{number:.1f}" for number in shown))
        Console().print(table)


if __name__ == "__main__":
    main()
