"""The work of each baseline at its published size, on invented rows that lie on the device."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import calf_calibration as games_on_disk
import card_counts
import measure
import numpy as np
import torch
from card_counts import Counts
from measure import CLASSES, ROWS
from torch import Tensor, nn

import CALF.dataset
import CALF.main
import CALF.test
import CALF_Calibration.dataset
import CALF_Calibration.main
import CALF_Calibration.test
import CALF_Calibration_GCN.dataset
import CALF_Calibration_GCN.main
import CALF_Calibration_GCN.test
from common.calf.chunk_labels import ChunkLabels
from common.calf.k_parameters import k_frames
from common.calf.shifts import encode_shifts
from common.data.events import CLASS_SPLITS, V2_NAMES
from common.data.features import Half, HalfFeatures
from common.data.frame_rows import HalvesInARow, ResidentRows
from common.results.suppression import Suppression
from common.training.optimisation import adam
from common.training.run import Run

CALIBRATION = ["--backbone_feature", "2DConv", "--feature_multiplier", "2", "--calibration"]
TOP_VIEWS = [*CALIBRATION, "--backbone_player", "3DConv", "--calibration_field",
             "--calibration_cone"]  # fmt: skip
GRAPHS = [*CALIBRATION, "--backbone_player", "resGCN-14"]
GAMES, CHUNKS = 300, 18_000  # of the training split; of an epoch
_SPOTS = 110  # of a half, the mean of SoccerNet-v2


class InventedRows(ResidentRows):
    """Random rows, made on the device; else as they are kept there."""

    def __init__(self, halves: Sequence[Any], device: torch.device) -> None:
        self.halves, self.device = halves, device
        self.where = HalvesInARow([half.frames for half in halves], device)
        self._rows = torch.empty(self.where.total, halves[0].dimension, device=device).normal_()


@dataclass
class Work:
    """An epoch of training, and how a game is scored.

    Attributes:
        model: the network, on the device.
        source: the items of an epoch, given its number.
        losses: of a batch, from the network's outputs and the tensors of `source`.
        counts: of a step.
        score: scores and suppresses a game of 90 minutes.
        items: clips or chunks of a published epoch.
        summed: whether losses are sums over the batch.
        varying: why no two steps are alike, if so.
    """

    model: nn.Module
    source: Callable[[int], Any]
    losses: Callable[[Any, Sequence[Tensor]], dict[str, Tensor]]
    counts: Counts
    score: Callable[[], Any]
    batch: int
    items: int
    summed: bool = False
    varying: str = ""

    def optimizer(self) -> torch.optim.Optimizer:
        """As the baseline's own."""
        return adam(self.model, 1e-3, 1e-7, True) if self.summed else adam(self.model, 1e-3)


def invented_halves(count: int, dimension: int, rows: int) -> list[Any]:
    """So many halves that have a size and nothing in them."""
    return [SimpleNamespace(frames=rows, dimension=dimension)] * count


def game_in_memory(dimension: int, rows: int) -> list[Half]:
    """The two halves of a game, so many rows each in memory."""
    drawn = np.random.default_rng(0).standard_normal((rows, dimension)).astype(np.float32)
    return [Half(Path(), number, HalfFeatures.of_rows(drawn)) for number in (1, 2)]


def pooling(
    run: Run, module: Any, words: Sequence[str], dimension: int, *, games: int, rows: int
) -> Work:
    """Either pooling baseline; `module` is its package, `rows` are those of a half."""
    args = module.main.parse_arguments(words)
    model = module.main.build_model(args, dimension, CLASSES).to(run.device)
    clips = invented_clips(module, model.window_frames, dimension, games, rows, run.device)
    halves = [half.features for half in game_in_memory(dimension, rows)]
    window = int(2 * args.NMS_window)

    def losses(logits: Tensor, tensors: Sequence[Tensor]) -> dict[str, Tensor]:
        return module.loss.clip_loss(logits, tensors[1])

    counts = card_counts.of_vlad(
        batch=256,
        frames=model.window_frames,
        features=dimension,
        reduced=getattr(getattr(model, "feature_extractor", None), "out_features", dimension),
        clusters=64,
        seen=32 if args.pool.endswith("++") else 64,
        outputs=CLASSES + 1,
        parameters=size_of(model),
    )
    score = measure.score_ours(run, module.test.score_half, model, halves, window)
    items = 2 * GAMES * (ROWS // model.window_frames)
    return Work(model, lambda epoch: clips, losses, counts, score, batch=256, items=items)


def invented_clips(
    module: Any, length: int, dimension: int, games: int, rows: int, device: torch.device
) -> Any:
    """All clips of so many games, kept on the device by the baseline's own code."""
    rng = np.random.default_rng(0)
    targets = (rng.random((rows // length, CLASSES + 1)) > 0.9).astype(np.float32)
    none = SimpleNamespace(halves=invented_halves(2 * games, dimension, rows))
    clips = module.dataset.Clips(none, [targets] * (2 * games), length)
    with patch.object(module.dataset, "ResidentRows", InventedRows):
        clips.keep_on(device)
    return clips


def calf(run: Run, chunks_per_epoch: int, games: int, rows: int) -> Work:
    """CALF at its defaults; `rows` are those of a half."""
    args = CALF.main.parse_arguments([])
    model = CALF.main.build_model(args, 512, CLASSES).to(run.device)
    k = k_frames(V2_NAMES, 2)
    rng = np.random.default_rng(0)
    distinct = [
        encode_shifts(rng.integers(0, rows, _SPOTS), rng.integers(0, CLASSES, _SPOTS), rows, k)
        for _ in range(min(6, 2 * games))
    ]
    shifts = [distinct[n % len(distinct)].astype(np.int16) for n in range(2 * games)]
    none = SimpleNamespace(halves=invented_halves(2 * games, 512, rows))
    chunks = CALF.dataset.Chunks(none, ChunkLabels(shifts, k, model.shape))
    with patch.object(CALF.dataset, "ResidentRows", InventedRows):
        chunks.keep_on(run.device)
    criterion, halves = CALF.main.build_criterion(args, k, run.device), game_in_memory(512, rows)

    def score() -> None:
        CALF.test.spot_game(run, model, halves, Suppression(60, 0.0))

    counts = card_counts.of_chunks(
        batch=32, frames=240, features=512, classes=CLASSES, width=2, branches=1,
        parameters=size_of(model),
    )  # fmt: skip
    return Work(
        model, lambda epoch: chunks.draw(chunks_per_epoch, 0, 0, epoch), _of_chunks(criterion),
        counts, score, batch=32, items=CHUNKS,
        summed=True,
    )  # fmt: skip


def with_players(run: Run, root: Path, chunks_per_epoch: int, *, graphs: bool, games: int) -> Work:
    """Either calibration baseline at the settings of its README, on the visual classes.

    Args:
        root: of the games of `calf_calibration.make_games`.
    """
    module: Any = CALF_Calibration_GCN if graphs else CALF_Calibration
    args = module.main.parse_arguments([*(GRAPHS if graphs else TOP_VIEWS),
                                        "--cache_dir", str(root / "cache")])  # fmt: skip
    names = CLASS_SPLITS["visual"]
    model = module.main.build_model(args, 512, len(names)).to(run.device)
    players = module.main.build_players(args)
    mapped, seen, labels = games_on_disk.chunks_of(root, len(names), players, games)
    chunks = module.dataset.Chunks(mapped, seen, labels)
    if run.device.type == "cuda":  # what train does there with room to spare
        if graphs:
            chunks.rows = ResidentRows(mapped.halves, run.device)
        else:
            chunks.keep_on(run.device)
    criterion = module.main.build_criterion(args, games_on_disk.k_of(len(names)), run.device)
    halves = games_on_disk.halves_of(root, 2)

    def score() -> None:
        module.test.spot_game(run, players, model, halves, Suppression(60, 0.0))

    own = card_counts.of_chunks(
        batch=32, frames=240, features=512, classes=len(names), width=2, branches=2,
        parameters=size_of(model),
    )  # fmt: skip
    if graphs:
        nodes = sum(len(one.nodes) for one in seen.graphs) / int(labels.frames.sum())
        further = card_counts.of_graphs(batch=32, frames=240, nodes=nodes, layers=14)
    else:
        further = card_counts.of_pictures(batch=32, frames=240, width=2)
    return Work(
        model, lambda epoch: chunks.draw(chunks_per_epoch, 0, 0, epoch), _of_chunks(criterion),
        card_counts.together(own, further), score, batch=32, items=CHUNKS,
        summed=True,
        varying="each batch has its own number of players" if graphs else "",
    )  # fmt: skip


def _of_chunks(criterion: Callable) -> Callable:
    """The losses of chunks, whose last two tensors are shifts and spots."""
    return lambda outputs, tensors: criterion(outputs, tensors[-2:])


def size_of(model: nn.Module) -> int:
    """Number of its parameters."""
    return sum(parameter.numel() for parameter in model.parameters())
