"""The page's kinds of errors are those of the report, whatever the sliders say."""

import numpy as np
from watch_pages import fresh, write_page, write_run

from common.metric.matching import Spots
from common.report.errors_by_kind import ERROR_KINDS, judge
from common.results.predictions import milliseconds_to_frame


def test_kinds_of_errors_are_those_of_the_report(tab, tmp_path, write_tree):
    rng = np.random.default_rng(3)
    classes = ["a", "b", "c"]

    def times(count):
        return (
            rng.integers(1, 3, count),
            500 * rng.integers(0, 1500, count),
            rng.integers(0, 3, count),
        )

    half, ms, event = times(60)
    spots = [(int(h), int(t), classes[e]) for h, t, e in zip(half, ms, event, strict=True)]
    targets = Spots(half - 1, milliseconds_to_frame(ms, 2), event, np.ones(60))
    half, ms, event = times(250)
    sure = rng.integers(0, 11, 250) / 10  # many are equal
    order = np.lexsort((event, ms, half))  # as they are read
    half, ms, event, sure = half[order], ms[order], event[order], sure[order]
    found = list(zip(half.tolist(), ms.tolist(), event.tolist(), sure.tolist(), strict=True))
    detections = Spots(half - 1, milliseconds_to_frame(ms, 2), event, sure)
    data, results = write_run(tmp_path, found, spots, classes, "game", write_tree)
    fresh(tab, write_page(tmp_path / "watch.html", data, results, tolerance=8))
    for thresholds in ([0, 0, 0], [0.5, 0.3, 0.8]):
        verdicts = tab.run(f"Object.fromEntries(judge(app.game, {thresholds}))")
        judged = judge(targets, detections, np.array(thresholds, float), 8)
        cells = zip(judged.detections.half, judged.detections.frame, judged.detections.event,
                    strict=True)  # fmt: skip
        expected = {
            tuple(map(int, c)): ERROR_KINDS[k] for c, k in zip(cells, judged.kind, strict=True)
        }
        mine = {
            (half - 1, int(ms * 2 / 1000), event): verdicts[f"d{n}"]["kind"]
            for n, (half, ms, event, _) in enumerate(found)
            if f"d{n}" in verdicts
        }
        assert mine == expected
        assert set(mine.values()) >= {"correct", "duplicate", "early", "late", "wrong class"}
        missed = sum(verdict["kind"] == "missed" for verdict in verdicts.values())
        assert missed == judged.missed.sum()
