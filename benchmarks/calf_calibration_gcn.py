"""Player graphs against the same written plainly (`plain_graphs.py`): time and memory.

    python benchmarks/calf_calibration_gcn.py [--repeat 2]

Both sides run here, each line in a process of its own, on games of the match simulation, thinned to
the 13 players and 97 edges per frame of real games. The configuration is the README's: 2DConv +
resGCN-14, multiplier 2, visual classes.
"""

import argparse
import tempfile
import time
from pathlib import Path

import measure
from measure import CHUNKS, ROWS

import numpy as np  # isort: skip
import torch  # isort: skip
from rich.console import Console  # isort: skip
from rich.table import Table  # isort: skip

import plain_calf
import plain_calibration
import plain_graphs
from calf_calibration import DIM, SHAPE, chunks_of, halves_of, k_of, make_games, shifts_of

from CALF_Calibration_GCN.dataset import Chunks, PlayersByGraph
from CALF_Calibration_GCN.graph_networks import graph_network
from CALF_Calibration_GCN.loss import Criterion
from CALF_Calibration_GCN.model import GraphBranch, PlayerGraphModel
from CALF_Calibration_GCN.player_graph import GraphOptions, build_graphs
from CALF_Calibration_GCN.test import spot_game
from common.calibration.branches import branch_width
from common.calibration.players import open_players, player_files
from common.results.suppression import Suppression

STEPS, CLASSES = 2, 8
KEPT = 0.86  # of the boxes
K = k_of(CLASSES)
OPTIONS = GraphOptions(calibration=True)


def plain_halves(root: Path, count: int) -> list[list[plain_graphs.Graph]]:
    """Graphs of so many halves."""
    halves = []
    for half in halves_of(root, count):
        files = [half.folder / f"{half.number}_{name}" for name in player_files()]
        halves.append(plain_graphs.build(*plain_calibration.read_half(*files), ROWS))
    return halves


def building(side: str, root: Path, repeat: int) -> float:
    """Milliseconds to build the graphs of a half whose files are read."""
    folder = halves_of(root, 1)[0].folder
    if side == "plain":
        half = plain_calibration.read_half(*(folder / f"1_{name}" for name in player_files()))
        return 1000 * measure.best_of(lambda: _discard(plain_graphs.build(*half, ROWS)), 1)
    players = open_players(folder, 1, root / "cache")
    return 1000 * measure.best_of(lambda: _discard(build_graphs(players, ROWS, OPTIONS)), 5)


def _discard(value: object) -> None:
    del value


def players_of(root: Path) -> PlayersByGraph:
    return PlayersByGraph(OPTIONS, root / "cache")


def loading(side: str, root: Path, repeat: int) -> float:
    """Milliseconds per batch of 32: graphs of the chunks, copied and put together."""
    rng = np.random.default_rng(0)
    starts = rng.integers(0, ROWS - 240, CHUNKS)
    if side == "plain":
        import copy

        graphs = plain_halves(root, 1)[0]

        def once() -> None:
            chunks = [copy.deepcopy(graphs[start : start + 240]) for start in starts]
            plain_graphs.collate([graph for chunk in chunks for graph in chunk])

    else:
        rows = players_of(root).open(halves_of(root, 1), training=True)

        def once() -> None:
            rows.take(np.zeros(CHUNKS, int), starts, 240)

    return 1000 * measure.best_of(once, 5)


def model_of() -> PlayerGraphModel:
    multiplier = 2
    width = branch_width(multiplier, features=True, players=True)
    branch = GraphBranch(graph_network("resGCN-14", OPTIONS.features, width))
    return PlayerGraphModel(DIM, CLASSES, SHAPE, multiplier=multiplier, player_branch=branch)


def training(side: str, root: Path, repeat: int) -> float:
    """Milliseconds per step of 32 chunks, drawing them included."""
    torch.manual_seed(0)
    k = torch.from_numpy(K).float()
    if side == "plain":
        network = plain_graphs.Network(DIM, CLASSES)
        optimizer = torch.optim.Adam(network.parameters(), 1e-3, eps=1e-7)
        features = [half.features.rows(0, ROWS) for half in halves_of(root, 2)]
        shifts = [shifts_of(n, CLASSES, K).astype(float) for n in range(2)]
        chunks = plain_graphs.Chunks(features, shifts, plain_halves(root, 2), CHUNKS)
        loader = torch.utils.data.DataLoader(chunks, CHUNKS, collate_fn=plain_graphs.stack)
        start = time.perf_counter()
        for feats, labels, targets, graphs in loader:
            segmentation, spots = network(feats.unsqueeze(1), graphs)
            loss = 0.000367 * plain_calf.segmentation_loss(1 - segmentation, labels.float(), k)
            loss = loss + plain_calf.spotting_loss(targets.float(), spots)
            loss.backward()
            optimizer.step()
        return 1000 * (time.perf_counter() - start)
    run, model = measure.run_on_cpu(side), model_of()
    chunks = Chunks(*chunks_of(root, CLASSES, players_of(root)))
    ours = measure.train_on_chunks(
        run, model, lambda: chunks.draw(STEPS * CHUNKS, 0, 0), Criterion(k_frames=k)
    )
    return 1000 * measure.best_of(ours, repeat) / STEPS


def testing(side: str, root: Path, repeat: int) -> float:
    """Seconds to spot in a game whose boxes are parsed."""
    torch.manual_seed(0)
    halves = halves_of(root, 2)
    if side == "plain":
        network = plain_graphs.Network(DIM, CLASSES).eval()
        seen_halves = plain_halves(root, 2)

        @torch.inference_mode()
        def once() -> None:
            for half, graphs in zip(halves, seen_halves, strict=True):
                features = half.features.rows(0, ROWS)
                starts = [*range(0, ROWS - 1, 160)]
                starts[-1] = ROWS - 240
                index = np.minimum(np.array(starts)[:, None] + np.arange(240), ROWS - 1)
                seen = plain_graphs.collate([graphs[i] for i in index.ravel()])
                network(torch.from_numpy(features[index])[:, None], seen)

        return measure.best_of(once, 1, warm=False)
    run, kept = measure.run_on_cpu(side), Suppression(40, 0.0)
    model, players = model_of().eval(), players_of(root)

    def ours() -> None:
        spot_game(run, players, model, halves, kept)

    return measure.best_of(ours, repeat)


KINDS = {
    "building": (building, "ms per half", ("plain", "ours")),
    "loading": (loading, "ms per batch", ("plain", "ours")),
    "training": (training, "ms per step", ("plain", "fp32", "bf16")),
    "testing": (testing, "s per game", ("plain", "fp32", "bf16")),
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
    table = Table("CALF_Calibration_GCN", "side", "result", "peak MiB", "times plain")
    with tempfile.TemporaryDirectory() as folder:
        make_games(Path(folder), KEPT)
        for kind in args.kinds:
            _, unit, sides = KINDS[kind]
            first = None
            for side in sides:
                value, peak = measure.in_fresh_process(__file__, kind, side, folder, args.repeat)
                first = first or value
                table.add_row(
                    kind, side, f"{value:.2f} {unit}", f"{peak:.0f}", f"{first / value:.2f}"
                )
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
