"""CALF with players against the same written plainly (`plain_calibration.py`): time and memory.

    python benchmarks/calf_calibration.py [--repeat 3]

Both sides run here, each line in a process of its own, on games of the match simulation. The
configuration is the README's: field, outline and players, 2DConv + 3DConv, multiplier 2.
"""

import argparse
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import measure
from measure import CHUNKS, ROWS

import numpy as np  # isort: skip
import orjson  # isort: skip
import torch  # isort: skip
from rich.console import Console  # isort: skip
from rich.table import Table  # isort: skip

import plain_calf
import plain_calibration

from CALF_Calibration.dataset import Chunks, PlayersByTopView
from CALF_Calibration.loss import Criterion
from CALF_Calibration.model import PictureBranch, TopViewModel
from CALF_Calibration.test import spot_game
from common.calf.chunk_labels import ChunkLabels
from common.calf.chunk_shape import ChunkShape
from common.calf.k_parameters import k_frames
from common.calf.shifts import encode_shifts
from common.calibration.branches import branch_width
from common.calibration.players import open_players, player_files
from common.calibration.top_view import TopView
from common.data.events import CLASS_SPLITS
from common.data.features import Half, open_half
from common.data.frame_rows import MappedRows
from common.results.suppression import Suppression
from common.synthetic.game import draw_game, part_generator
from common.synthetic.players import draw_players

DIM, STEPS, DISTINCT, SPOTS = 512, 3, 3, 45
SHAPE = ChunkShape(plain_calf.T, plain_calf.R, plain_calf.N)
VIEW = TopView(calibration=True, field=True, cone=True, published=True)


def make_games(root: Path, kept: float = 1.0, games: int = DISTINCT) -> None:
    """A few games with features, boxes and calibrations; many games are the same ones again.

    Args:
        kept: share of the boxes that are kept.
    """
    rng = np.random.default_rng(0)
    for number in range(games):
        folder = root / f"game {number}"
        folder.mkdir()
        game = draw_game(0, 0, number, 45)
        for half in (1, 2):
            np.save(folder / f"{half}_F.npy", rng.standard_normal((ROWS, DIM), np.float32))
            contents = draw_players(
                part_generator(0, 0, number, half),
                game.events,
                half=half,
                rows=ROWS,
                framerate=2,
            )
            for frame in contents[0]["predictions"]:
                there = np.flatnonzero(rng.random(len(frame["bboxes"])) < kept)
                for key, values in frame.items():
                    frame[key] = [values[i] for i in there]
            for name, content in zip(player_files(), contents, strict=True):
                (folder / f"{half}_{name}").write_bytes(orjson.dumps(content))


def halves_of(root: Path, count: int) -> list[Half]:
    """So many halves."""
    folders = [(root / f"game {n // 2 % DISTINCT}", n % 2 + 1) for n in range(count)]
    return [Half(f, half, open_half(f, half, ["F.npy"])) for f, half in folders]


def shifts_of(seed: int, classes: int, k: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return encode_shifts(rng.integers(0, ROWS, SPOTS), rng.integers(0, classes, SPOTS), ROWS, k)


def reading(side: str, root: Path, repeat: int) -> float:
    """Milliseconds to read the boxes and calibrations of a game."""
    folder = root / "game 0"
    if side == "plain":

        def once() -> None:
            for half in (1, 2):
                paths = [folder / f"{half}_{name}" for name in player_files()]
                plain_calibration.read_half(*paths)

    else:

        def once() -> None:
            if side == "first":
                shutil.rmtree(root / "cache", ignore_errors=True)
            for half in (1, 2):
                open_players(folder, half, root / "cache")

    return 1000 * measure.best_of(once, repeat if side == "plain" else 5 * repeat)


def rendering(side: str, root: Path, repeat: int) -> float:
    """Milliseconds to draw a half."""
    folder = root / "game 0"
    if side == "plain":
        half = plain_calibration.read_half(*(folder / f"1_{name}" for name in player_files()))
        return 1000 * measure.best_of(
            lambda: _discard(plain_calibration.render(*half, ROWS)), repeat
        )
    players, frames = open_players(folder, 1, root / "cache"), np.arange(ROWS)
    return 1000 * measure.best_of(lambda: _discard(VIEW.draw(players, frames)), 3 * repeat)


def _discard(value: object) -> None:
    del value


def chunks_of(
    root: Path, classes: int, players: Any, games: int = DISTINCT
) -> tuple[MappedRows, Any, ChunkLabels]:
    """What a baseline's `Chunks` of so many games are made of; `players` None: without any."""
    k = k_of(classes)
    halves = halves_of(root, 2 * games)
    shifts = [shifts_of(n % 6, classes, k).astype(np.int16) for n in range(len(halves))]
    seen = players.open(halves, training=True) if players else None
    labels = ChunkLabels(shifts, k, SHAPE, published=True)
    return MappedRows([half.features for half in halves]), seen, labels


def k_of(classes: int) -> np.ndarray:
    return k_frames(CLASS_SPLITS["visual" if classes == 8 else "nonvisual"], 2)


def plain_chunks(root: Path, classes: int, players: bool, count: int) -> torch.utils.data.Dataset:
    halves, k = halves_of(root, 2 * DISTINCT), k_of(classes)
    shifts = [shifts_of(n, classes, k).astype(float) for n in range(len(halves))]
    features = [half.features.rows(0, ROWS) for half in halves]
    if not players:
        return plain_calf.Chunks(features, shifts, count)
    images = []
    for half in halves:
        files = [half.folder / f"{half.number}_{name}" for name in player_files()]
        images.append(plain_calibration.render(*plain_calibration.read_half(*files), ROWS))
    return plain_calibration.Chunks(features, shifts, images, count)


def players_of(root: Path) -> PlayersByTopView:
    return PlayersByTopView(VIEW, root / "cache")


def drawing(side: str, root: Path, repeat: int) -> float:
    """Chunks with pictures per second, one process; the plain side has drawn them before."""
    count = 320
    if side == "plain":
        loader = torch.utils.data.DataLoader(plain_chunks(root, 8, True, count), CHUNKS)
        return count / measure.best_of(lambda: [None for _ in loader] and None, repeat)
    run = measure.run_on_cpu()
    drawn = Chunks(*chunks_of(root, 8, players_of(root))).draw(count, 0, 0)

    def once() -> None:
        for _ in measure.read_chunks(run, drawn, int(side.split(" ")[1])):
            pass

    return count / measure.best_of(once, repeat)


def training(classes: int) -> Callable[[str, Path, int], float]:
    """Milliseconds per step of 32 chunks, drawing them included."""

    def run(side: str, root: Path, repeat: int) -> float:
        players = classes == 8
        k = torch.from_numpy(k_of(classes)).float()
        torch.manual_seed(0)
        if side == "plain":
            network = plain_calibration.Network(DIM, classes, players)
            optimizer = torch.optim.Adam(network.parameters(), 1e-3, eps=1e-7)
            chunks = plain_chunks(root, classes, players, STEPS * CHUNKS)

            def epoch() -> None:
                for feats, labels, targets, *seen in torch.utils.data.DataLoader(chunks, CHUNKS):
                    picture = seen[0].float().permute(0, 4, 1, 2, 3) if seen else feats
                    segmentation, spots = network(feats.unsqueeze(1), picture)
                    loss = 0.000367 * plain_calf.segmentation_loss(
                        1 - segmentation, labels.float(), k
                    )
                    loss = loss + plain_calf.spotting_loss(targets.float(), spots)
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()

            return 1000 * measure.best_of(epoch, repeat) / STEPS
        here, model = measure.run_on_cpu(side), model_of(classes)
        chunks = Chunks(*chunks_of(root, classes, players_of(root) if players else None))
        ours = measure.train_on_chunks(
            here, model, lambda: chunks.draw(STEPS * CHUNKS, 0, 0), Criterion(k_frames=k)
        )
        return 1000 * measure.best_of(ours, repeat) / STEPS

    return run


def model_of(classes: int) -> TopViewModel:
    branch, multiplier = None, 2
    if classes == 8:
        width = branch_width(multiplier, features=True, players=True)
        branch = PictureBranch(width, SHAPE.receptive_frames)
    return TopViewModel(DIM, classes, SHAPE, multiplier=multiplier, player_branch=branch)


def testing(side: str, root: Path, repeat: int) -> float:
    """Seconds to spot in a game."""
    torch.manual_seed(0)
    halves = halves_of(root, 2)
    if side == "plain":
        network = plain_calibration.Network(DIM, 8, True).eval()

        @torch.inference_mode()
        def once() -> None:
            for half in halves:
                files = [half.folder / f"{half.number}_{name}" for name in player_files()]
                pictures = plain_calibration.render(*plain_calibration.read_half(*files), ROWS)
                features = half.features.rows(0, ROWS)
                starts = [*range(0, ROWS - 1, 160)]
                starts[-1] = ROWS - 240
                index = np.minimum(np.array(starts)[:, None] + np.arange(240), ROWS - 1)
                seen = torch.from_numpy(pictures[index] / 127 - 1).float().permute(0, 4, 1, 2, 3)
                network(torch.from_numpy(features[index])[:, None], seen)

        return measure.best_of(once, repeat)
    run, kept = measure.run_on_cpu(side, published=True), Suppression(40, 0.0)
    model, players = model_of(8).eval(), players_of(root)

    def ours() -> None:
        spot_game(run, players, model, halves, kept)

    return measure.best_of(ours, repeat)


def memory(side: str, root: Path, repeat: int) -> float:
    """MiB of private memory after training steps on so many games."""
    run, model = measure.run_on_cpu(), model_of(8)
    criterion = Criterion(k_frames=torch.from_numpy(k_of(8)).float())
    chunks = Chunks(*chunks_of(root, 8, players_of(root), int(side)))
    measure.train_on_chunks(run, model, lambda: chunks.draw(4 * CHUNKS, 0, 0), criterion)()
    return measure.anonymous_mebibytes()


KINDS = {
    "reading": (reading, "ms per game", ("plain", "first", "cached")),
    "rendering": (rendering, "ms per half", ("plain", "ours")),
    "drawing": (drawing, "chunks/s", ("plain", "ours 0", "ours 4")),
    "training visual": (training(8), "ms per step", ("plain", "fp32", "bf16")),
    "training nonvisual": (training(9), "ms per step", ("plain", "fp32", "bf16")),
    "testing": (testing, "s per game", ("plain", "fp32", "bf16")),
    "memory": (memory, "MiB private", ("3", "400")),
}


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--repeat", type=int, default=2, help="runs of which the fastest counts")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        kind, side, root, repeat = args.one
        measure.report(KINDS[kind][0](side, Path(root), int(repeat)))
        return
    table = Table("CALF_Calibration", "side", "result", "peak MiB", "times plain")
    with tempfile.TemporaryDirectory() as folder:
        make_games(Path(folder))
        for kind in args.kinds:
            _, unit, sides = KINDS[kind]
            first = None
            for side in sides:
                value, peak = measure.in_fresh_process(__file__, kind, side, folder, args.repeat)
                first = first or value
                ratio = value / first if unit.endswith("/s") else first / value
                told = f"{ratio:.2f}" if sides[0].startswith("plain") else ""
                table.add_row(kind, side, f"{value:.2f} {unit}", f"{peak:.0f}", told)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
