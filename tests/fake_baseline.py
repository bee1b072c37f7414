"""A baseline for the tests of `common.reproduce`: it trains nothing and obeys files in its data.

While `hold` is there it stays in its second epoch; with `break` it fails, with `idle` it ends well
and leaves nothing. It says in `history` how
it was started, one line per start.
"""

import json
import textwrap
from pathlib import Path

PROGRAM = """
import argparse, json, signal, sys, time
from pathlib import Path
from Fake import score

parser = argparse.ArgumentParser()
for flag in ("SoccerNet_path", "features", "gt-time", "model_name", "pool", "device", "split_test"):
    parser.add_argument(f"--{flag}")
parser.add_argument("--seed", type=int)
parser.add_argument("--resume", action="store_true")
parser.add_argument("--overwrite", action="store_true")
args = parser.parse_args()
data, run = Path(args.SoccerNet_path), Path("models") / args.model_name
how = "resume" if args.resume else "overwrite" if args.overwrite else "start"
if how == "start" and (run / "last.pth.tar").exists():
    sys.exit(print("error: already holds a trained run") or 2)
run.mkdir(parents=True, exist_ok=True)
with (data / "history").open("a") as file:
    file.write(f"{args.pool} {args.seed} {how} {args.device}\\n")
if (data / "break").exists():
    sys.exit(print("some line\\nerror: it broke") or 2)
if (data / "idle").exists():
    sys.exit(0)
last = run / "last.pth.tar"
if args.resume and not last.is_file():
    sys.exit(print("error: nothing to resume") or 2)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("saved") or 130))
last.write_text("epoch 1")
while (data / "hold").exists():
    time.sleep(0.01)
value = score.VALUES[args.pool] + args.seed / 100
scores = {
    "a_mAP": value, "a_mAP_visible": value / 2, "a_mAP_unshown": None,
    "per_class": {"Goal": {"AP": value, "AP_visible": value / 2, "AP_unshown": 0.0}},
}
content = {"games": 1, "gt_time": getattr(args, "gt_time"), "metrics": {"loose": scores}}
half = run / "results_test.tmp"  # whole or absent, as the real programs leave their results
half.write_text(json.dumps(content))
half.replace(run / "results_test.json")
"""

TABLES = """
    [table.main]
    title = "a fake"
    features = ["F.npy"]
    seeds = [0, 1]
    split = "test"
    clock = "gameTime"
    source = "nowhere"
    order = ["A", "B"]

    [[table.main.row]]
    name = "A"
    arguments = "--pool A"
    published = 51
    visible = 20

    [table.main.row.per_class]
    Goal = 40

    [[table.main.row]]
    name = "B"
    arguments = "--pool B"
    published = 40

    [[table.main.row]]
    name = "A again"
    arguments = "--pool A"
    published = 50.5
    statistic = "best"
"""


class Fake:
    """A folder of sources with the baseline Fake, and its data."""

    def __init__(self, folder: Path) -> None:
        self.root, self.data, self.out = folder / "sources", folder / "data", folder / "out"
        package = self.root / "Fake"
        package.mkdir(parents=True)
        self.data.mkdir()
        (package / "__init__.py").write_text("")
        (package / "main.py").write_text(PROGRAM)
        (package / "score.py").write_text('VALUES = {"A": 0.5, "B": 0.4}\n')
        (package / "tables.toml").write_text(textwrap.dedent(TABLES))
        (self.data / "splits.json").write_text(json.dumps({"test": []}))

    def set(self, name: str, there: bool = True) -> None:
        path = self.data / name
        path.touch() if there else path.unlink()

    def history(self) -> list[str]:
        path = self.data / "history"
        return path.read_text().splitlines() if path.is_file() else []
