"""CALF against the same method written plainly (`plain_calf.py`): time and memory.

    python benchmarks/calf.py [--repeat 3] [--games 100]

Both sides run here, each line in a process of its own, on invented halves of 45 minutes with about
as many spots as real ones have.
"""

import argparse
import json
import tempfile
from pathlib import Path

import measure
from measure import CHUNKS, CLASSES, ROWS

import numpy as np  # isort: skip
import torch  # isort: skip
from rich.console import Console  # isort: skip
from rich.table import Table  # isort: skip
from SoccerNet.Evaluation.ActionSpotting import average_mAP  # isort: skip

import plain_calf

from CALF.dataset import Chunks
from CALF.loss import Criterion, context_aware_loss
from CALF.model import ContextAwareModel
from CALF.train import SCORE, score_games
from common.calf.chunk_labels import ChunkLabels
from common.calf.chunk_shape import ChunkShape
from common.calf.k_parameters import k_frames
from common.calf.shifts import encode_shifts
from common.data.data_set import DataSet
from common.data.events import SOCCERNET_V2, V2_NAMES
from common.data.features import open_half
from common.data.frame_rows import MappedRows
from common.metric.average_map import TOLERANCES_SECONDS
from common.results.game_score import GameScore
from common.results.suppression import Suppression

DIM, STEPS, DISTINCT = 512, 12, 6
SPOTS = 110  # of a half, the mean of SoccerNet-v2
SHAPE = ChunkShape(plain_calf.T, plain_calf.R, plain_calf.N)
K = k_frames(V2_NAMES, 2)


def make_games(root: Path) -> None:
    """A few games with features and labels; many games are the same ones again."""
    rng = np.random.default_rng(0)
    for number in range(DISTINCT):
        folder = root / f"game {number}"
        folder.mkdir()
        entries = []
        for half in (1, 2):
            np.save(folder / f"{half}_F.npy", rng.standard_normal((ROWS, DIM), np.float32))
            seconds = np.sort(rng.integers(0, ROWS // 2, SPOTS))
            for second, event in zip(
                seconds.tolist(), rng.integers(0, CLASSES, SPOTS), strict=True
            ):
                clock = f"{half} - {second // 60:02}:{second % 60:02}"
                where = {"gameTime": clock, "position": str(1000 * second)}
                entries.append({**where, "label": V2_NAMES[event], "visibility": "visible"})
        (folder / "Labels-v2.json").write_text(json.dumps({"annotations": entries}))


def halves_of(root: Path, count: int) -> tuple[list, list[np.ndarray]]:
    """Features and shifts of so many halves."""
    paths = [(root / f"game {n // 2 % DISTINCT}", n % 2 + 1) for n in range(count)]
    halves = [open_half(folder, half, ["F.npy"]) for folder, half in paths]
    return halves, [shifts_of(seed % (2 * DISTINCT)).astype(np.int16) for seed in range(count)]


def chunks_of(root: Path, count: int) -> Chunks:
    """What chunks of so many halves are drawn from."""
    halves, shifts = halves_of(root, count)
    return Chunks(MappedRows(halves), ChunkLabels(shifts, K, SHAPE))


def criterion() -> Criterion:
    return Criterion(segmentation_loss=context_aware_loss, k_frames=torch.from_numpy(K).float())


def spots_of(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, ROWS, SPOTS), rng.integers(0, CLASSES, SPOTS)


def shifts_of(seed: int) -> np.ndarray:
    return encode_shifts(*spots_of(seed), ROWS, K)


def encoding(side: str, root: Path, repeat: int, games: int) -> float:
    """Milliseconds to encode the labels of a game."""
    cases = [spots_of(seed) for seed in (0, 1)]
    if side == "plain":
        lists = [
            [sorted({int(f) for f in frames[events == c]}) for c in range(CLASSES)]
            for frames, events in cases
        ]
        return 1000 * measure.best_of(
            lambda: [plain_calf.encode(spots, ROWS, K) for spots in lists] and None, repeat
        )
    return 1000 * measure.best_of(
        lambda: [encode_shifts(*case, ROWS, K) for case in cases] and None, 10 * repeat
    )


def training(side: str, root: Path, repeat: int, games: int) -> float:
    """Milliseconds per step of 32 chunks, drawing them included."""
    torch.manual_seed(0)
    if side == "plain":
        halves, shifts = halves_of(root, 2 * DISTINCT)
        k = torch.from_numpy(K).float()
        network = plain_calf.Network(DIM, CLASSES)
        optimizer = torch.optim.Adam(network.parameters(), 1e-3, eps=1e-7)
        stored = [half.rows(0, ROWS) for half in halves]
        chunks = plain_calf.Chunks(stored, [s.astype(float) for s in shifts], STEPS * CHUNKS)

        def epoch() -> None:
            for feats, labels, targets in torch.utils.data.DataLoader(chunks, CHUNKS):
                segmentation, spots = network(feats.unsqueeze(1))
                loss = 0.000367 * plain_calf.segmentation_loss(segmentation, labels.float(), k)
                loss = loss + plain_calf.spotting_loss(targets.float(), spots)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

        return 1000 * measure.best_of(epoch, repeat) / STEPS
    run, chunks = measure.run_on_cpu(side), chunks_of(root, 2 * DISTINCT)
    model = ContextAwareModel(DIM, CLASSES, SHAPE)
    epoch = measure.train_on_chunks(
        run, model, lambda: chunks.draw(STEPS * CHUNKS, 0, 0), criterion()
    )
    return 1000 * measure.best_of(epoch, repeat) / STEPS


def testing(side: str, root: Path, repeat: int, games: int) -> float:
    """Seconds to spot in so many games and to score them."""
    names = [f"game {number % DISTINCT}" for number in range(games)]
    torch.manual_seed(0)
    if side == "plain":
        return measure.best_of(lambda: test_plainly(root, names), 1, warm=False)
    run, kept = measure.run_on_cpu(side), Suppression(40, 0.0)
    model = ContextAwareModel(DIM, CLASSES, SHAPE)
    data = DataSet(root=root, features=("F.npy",), classes=SOCCERNET_V2)

    def ours() -> None:
        score_games(run, model, {SCORE: GameScore(data, names)}, kept)

    return measure.best_of(ours, 1)


def test_plainly(root: Path, names: list[str]) -> None:
    """Targets, detections and closest spots of all frames, scored by the SoccerNet package."""
    network = plain_calf.Network(DIM, CLASSES).eval()
    targets, detections, closest = [], [], []
    for name in names:
        entries = json.loads((root / name / "Labels-v2.json").read_text())["annotations"]
        for half in (1, 2):
            features = np.load(root / name / f"{half}_F.npy")
            target = np.zeros((ROWS, CLASSES))
            for entry in entries:
                if int(entry["gameTime"][0]) == half:
                    frame = int(2 * int(entry["position"]) / 1000)
                    target[min(frame, ROWS - 1), V2_NAMES.index(entry["label"])] = 1
            nearest = np.full_like(target, -1)
            for c in range(CLASSES):
                spots = np.flatnonzero(target[:, c])
                edges = [0, *((spots[1:] + spots[:-1]) // 2), ROWS]
                for spot, begin, end in zip(spots, edges[:-1], edges[1:], strict=True):
                    nearest[begin:end, c] = target[spot, c]
            targets.append(target)
            detections.append(plain_calf.spot_half(network, features))
            closest.append(nearest)
    with np.errstate(all="ignore"):
        average_mAP(targets, detections, closest, 2, np.array(TOLERANCES_SECONDS["loose"]))


def drawing(side: str, root: Path, repeat: int, games: int) -> float:
    """Chunks drawn and stacked per second; `side` is plain or ours and the number of workers."""
    who, workers = side.split(" ")
    count = 6400
    if who == "plain":
        halves, shifts = halves_of(root, 2 * DISTINCT)
        stored = [half.rows(0, ROWS) for half in halves]
        chunks = plain_calf.Chunks(stored, [s.astype(float) for s in shifts], count)
        loader = torch.utils.data.DataLoader(chunks, CHUNKS, num_workers=int(workers))

        def draw() -> None:
            for _ in loader:
                pass

    else:
        run, ours = measure.run_on_cpu(), chunks_of(root, 2 * DISTINCT)

        def draw() -> None:
            for _ in measure.read_chunks(run, ours.draw(count, 0, 0), int(workers)):
                pass

    return count / measure.best_of(draw, repeat)


def memory(side: str, root: Path, repeat: int, games: int) -> float:
    """MiB of private memory after 40 training steps on so many games."""
    run, chunks = measure.run_on_cpu(), chunks_of(root, 2 * int(side))
    model = ContextAwareModel(DIM, CLASSES, SHAPE)
    measure.train_on_chunks(run, model, lambda: chunks.draw(40 * CHUNKS, 0, 0), criterion())()
    return measure.anonymous_mebibytes()


KINDS = {
    "encoding": (encoding, "ms per game", ("plain", "ours")),
    "training": (training, "ms per step", ("plain", "fp32", "bf16")),
    "testing": (testing, "s", ("plain", "fp32", "bf16")),
    "drawing": (drawing, "chunks/s", ("plain 0", "plain 4", "ours 0", "ours 4")),
    "memory": (memory, "MiB private", ("4", "400")),
}


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--repeat", type=int, default=3, help="runs of which the fastest counts")
    parser.add_argument("--games", type=int, default=100, help="games to test")
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        kind, side, root, repeat, games = args.one
        measure.report(KINDS[kind][0](side, Path(root), int(repeat), int(games)))
        return
    table = Table("CALF", "side", "result", "peak MiB", "times plain")
    with tempfile.TemporaryDirectory() as folder:
        make_games(Path(folder))
        for kind in args.kinds:
            _, unit, sides = KINDS[kind]
            first = None
            for side in sides:
                value, peak = measure.in_fresh_process(
                    __file__, kind, side, folder, args.repeat, args.games
                )
                first = first or value
                ratio = value / first if "/s" in unit else first / value
                told = f"{ratio:.2f}" if sides[0].startswith("plain") else ""
                table.add_row(kind, side, f"{value:.1f} {unit}", f"{peak:.0f}", told)
    Console(width=100).print(table)
    print(f"testing: {args.games} games; drawing: workers 0 or 4; memory: so many games mapped")


if __name__ == "__main__":
    main()
