"""The page of common.watch: frames a second while it scrolls, with 2,000 detections in 90 minutes.

python benchmarks/watch.py

Measured in a chromium without a window and without a card, by the clock of its frames, 60 a second
at most: the list scrolls by 90 pixels a frame, the time line moves by a hundredth of its width, a
slider goes from end to end. One side only: there is nothing to compare with.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from chromium import Chromium, installed  # noqa: E402

from common.data.events import V2_NAMES  # noqa: E402
from common.watch.page import page  # noqa: E402

DETECTIONS, ANNOTATIONS, HALF_MS = 2000, 200, 45 * 60 * 1000
FRAMES = 180
ACTIONS = {
    "the list scrolls": "app.list.box.scrollTop = (90 * n) % (app.list.box.scrollHeight - 400)",
    "the time line moves, 10 minutes": "app.line.pan(n % 90 < 45 ? 6 : -6)",
    "the time line zooms from all to 4 s": "app.line.zoom(n % 90 < 45 ? 1 / 1.15 : 1.15)",
    "a slider moves": "app.setThreshold(8, (n % 100) / 100)",
    "from spot to spot": "app.next(1)",
}
# Milliseconds from each frame to the next, while something is done for each.
MEASURE = """(async () => {
    const apart = [];
    let before = await new Promise(requestAnimationFrame);
    for (let n = 0; n < %d; n += 1) {
        %s;
        const now = await new Promise(requestAnimationFrame);
        apart.push(now - before);
        before = now;
    }
    return apart;
})()"""


def example():
    """The page's data: one game, all classes, every detection above its slider."""
    rng = np.random.default_rng(0)

    def columns(count):
        half = rng.integers(1, 3, count)
        ms, event = rng.integers(0, HALF_MS, count), rng.integers(0, len(V2_NAMES), count)
        order = np.lexsort((event, ms, half))
        return [column[order].tolist() for column in (half, ms, event)]

    game = {
        "name": "league/season/game", "file": "game", "halves": 2,
        "detections": [*columns(DETECTIONS), rng.random(DETECTIONS).tolist()],
        "annotations": [*columns(ANNOTATIONS), [None] * ANNOTATIONS, [None] * ANNOTATIONS],
        "others": [], "videos": {"files": [], "halves": []},
    }  # fmt: skip
    return {
        "id": "benchmark", "run": "benchmark", "labelFile": "Labels-v2.json",
        "classes": V2_NAMES, "thresholds": [0] * len(V2_NAMES), "tolerance": 5, "framerate": 2,
        "lastFrame": 14399, "frame": 0.04, "games": [game],
    }  # fmt: skip


def main():
    if installed() is None:
        sys.exit("needs a browser: chromium is not installed")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "watch.html"
        path.write_text(page(example()))
        tab = Chromium(installed(), Path(folder))
        try:
            tab.open(path.as_uri())
            print(
                f"{DETECTIONS} detections, {ANNOTATIONS} annotations, {path.stat().st_size} bytes"
            )
            print(f"{'':38}{'frames/s':>9}{'95 % of frames within':>24}")
            for name, action in ACTIONS.items():
                tab.run("app.line.show(600, 1200); app.select(null)")
                apart = tab.run(MEASURE % (FRAMES, action))
                rate = 1000 * FRAMES / np.sum(apart)
                print(f"{name:38}{rate:9.1f}{np.percentile(apart, 95):21.1f} ms")
        finally:
            tab.close()


if __name__ == "__main__":
    main()
