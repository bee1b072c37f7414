"""Context parameters of one's own classes, read off how the features change around their spots.

    python -m CALF.fit_k_params --SoccerNet_path DATA --features FILE.npy --out k_params.json
    python CALF/main.py --SoccerNet_path DATA --features FILE.npy --k_params k_params.json

The published parameters were found by trial on television pictures of soccer, and only for the
classes of SoccerNet. The rule here needs no training. For each class, average the features at each
time around its spots, and see how far that average is from the average of all frames. The distance
is largest near the spot and falls on both sides of it:

- K2 and K3 are where it has fallen to a tenth of its peak, before and after, but ten seconds away
  at least,
- K1 and K4 are twice as far.

The distance is smoothed over five seconds, and what chance alone would give for so many spots is
taken off. Classes with fewer than ten spots get the parameters of all spots together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from tqdm import tqdm

from common.calf.k_parameters import SECONDS
from common.data.data_set import DataSet
from common.data.events import event_classes
from common.errors import UserError, run_cli
from common.files import write_json
from common.results.tables import print_table
from common.training.argument_types import above_zero, file_to_write, place
from common.training.flags import new_parser, to_frames

REACH_SECONDS, SMOOTH_SECONDS = 120, 5
FEWEST_SPOTS = 10
LEFT = 0.1  # of the peak
NEAREST_SECONDS = 10

KSeconds = tuple[float, float, float, float]


@dataclass
class Averages:
    """Sums of features around the spots of each class, and over all frames.

    The last class stands for all of them together.
    """

    around: NDArray[np.float64]  # [C + 1, 2 reach + 1, D]
    spots: NDArray[np.int64]  # [C + 1, 2 reach + 1], how many there are features for
    total: NDArray[np.float64]  # [D]
    squares: float
    frames: int = 0

    @classmethod
    def empty(cls, classes: int, reach: int, dimension: int) -> "Averages":
        """Nothing added yet."""
        shape = (classes + 1, 2 * reach + 1)
        sums = np.zeros((*shape, dimension))
        return cls(sums, np.zeros(shape, np.int64), np.zeros(dimension), 0.0)

    def add(
        self, rows: NDArray[np.float32], spots: NDArray[np.int64], events: NDArray[np.int64]
    ) -> None:
        """Adds a half: its rows [T, D], and the frames and classes of its spots."""
        reach, last = self.around.shape[1] // 2, len(self.around) - 1
        self.total += rows.sum(axis=0, dtype=np.float64)
        self.squares += float(np.square(rows, dtype=np.float64).sum())
        self.frames += len(rows)
        for row, offset in enumerate(range(-reach, reach + 1)):
            frame = spots + offset
            inside = (frame >= 0) & (frame < len(rows))
            event, near = events[inside], rows[frame[inside]]
            np.add.at(self.around[:, row], event, near)
            self.spots[:-1, row] += np.bincount(event, minlength=last)
        self.around[last] = self.around[:last].sum(axis=0)
        self.spots[last] = self.spots[:last].sum(axis=0)

    def distances(self) -> NDArray[np.float64]:
        """How far the average around the spots is from that of all frames: [C + 1, 2 reach + 1].

        Squared, and less what an average of so many random frames would have.
        """
        mean = self.total / self.frames
        variance = self.squares / self.frames - float(np.square(mean).sum())
        count = np.maximum(self.spots, 1)
        moved = np.square(self.around / count[..., None] - mean).sum(axis=2)
        return np.where(self.spots > 0, moved - variance / count, 0.0)


def k_of_distances(distances: NDArray[np.float64], framerate: float) -> KSeconds:
    """K parameters in seconds from the distances [2 reach + 1] of a class.

    Example: a peak of 1 at the spot that falls by a twentieth a second on both sides gives
    (-36, -18, 18, 36), but for the smoothing.
    """
    width = to_frames(SMOOTH_SECONDS, framerate) | 1
    smooth = np.convolve(distances, np.full(width, 1 / width), mode="same")
    peak, spot = int(smooth.argmax()), len(smooth) // 2
    low = np.flatnonzero(smooth < LEFT * smooth[peak])
    before, after = low[low < peak], low[low > peak]
    first = int(before[-1]) if len(before) else 0
    last = int(after[0]) if len(after) else len(smooth) - 1
    K2 = min((first - spot) / framerate, -NEAREST_SECONDS)
    K3 = max((last - spot) / framerate, NEAREST_SECONDS)
    return 2 * K2, K2, K3, 2 * K3


def fit(data: DataSet, games: Sequence[str]) -> tuple[dict[str, KSeconds], dict[str, int]]:
    """K parameters in seconds, and the number of spots, of each class."""
    averages: Averages | None = None
    classes, framerate = data.classes, data.framerate
    for half, frames, events in tqdm(
        data.labelled_halves(games), total=len(games) * classes.halves, unit="half", delay=2,
        leave=False, disable=None,
    ):  # fmt: skip
        rows = half.features.rows(0, half.features.frames)
        if averages is None:
            averages = Averages.empty(
                len(classes), to_frames(REACH_SECONDS, framerate), rows.shape[1]
            )
        averages.add(rows, frames, events)
    if averages is None or not averages.spots[-1].any():
        raise UserError("there is not a single spot to learn from; check --split and the labels")
    distances, count = averages.distances(), averages.spots.max(axis=1)
    every = len(classes)
    chosen = [c if count[c] >= FEWEST_SPOTS else every for c in range(every)]
    found = {
        name: k_of_distances(distances[c], framerate)
        for name, c in zip(classes.names, chosen, strict=True)
    }
    return found, dict(zip(classes.names, count.tolist(), strict=False))


def main() -> None:
    """Prints the parameters of all classes beside the published ones, and writes them."""
    parser = new_parser("python -m CALF.fit_k_params", __doc__ or "")
    add = parser.add_argument
    add("--SoccerNet_path", type=place, required=True, help="data root")
    add("--features", nargs="+", required=True, metavar="FILE", help="as for training")
    add("--split", nargs="+", default=["train"], help="games to learn from [train]")
    add("--framerate", type=above_zero, default=2, help="feature rows per second [2]")
    add("--version", type=int, default=2, choices=(1, 2), help="SoccerNet labels [2]")
    add(
        "--out",
        type=file_to_write,
        default=Path("k_params.json"),
        help="file to write [k_params.json]",
    )
    args = parser.parse_args()
    data = DataSet(
        root=args.SoccerNet_path,
        features=tuple(args.features),
        classes=event_classes(args.SoccerNet_path, args.version),
        framerate=args.framerate,
    )
    found, count = fit(data, data.games(args.split))
    table = Table("class", "spots", "K1", "K2", "K3", "K4", "published")
    for name, row in found.items():
        published = SECONDS.get(name)
        known = " ".join(f"{k:g}" for k in published) if published else "-"
        table.add_row(name, str(count[name]), *(f"{k:g}" for k in row), known)
    print_table(table)
    write_json(args.out, found)
    print(f"seconds; written to {args.out}, for --k_params")
    if shortest := [name for name, row in found.items() if NEAREST_SECONDS in (-row[1], row[2])]:
        print(
            f"{NEAREST_SECONDS} s is the least that this rule gives to K2 and K3; it is what "
            f"{', '.join(shortest)} got: where actions are felt for less, write less into the file"
        )


if __name__ == "__main__":
    run_cli(main)
