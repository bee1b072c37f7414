"""`common.report --video`: each error of the report leads to its moment in the page."""

import json
from collections import defaultdict

import pytest
from shell import python
from watch_pages import write_run

from common.errors import UserError
from common.report.__main__ import main
from common.report.moments import write_watch_page
from common.report.page import page
from common.report.page_sections import RunReport
from common.report.run import measured_run
from common.report.timeline import timelines
from common.results.scored_run import read_run
from common.watch.videos import GivenVideos

CLASSES = ["Goal", "<b>Corner</b>"]
GAME = "league/<i>'one'</i>"
# Correct, a duplicate, background, and one that lies too far behind its spot.
FOUND = [(1, 10_000, 0, 0.9), (1, 11_500, 0, 0.8), (1, 600_000, 1, 0.7), (2, 70_500, 1, 0.6)]
SPOTS = [(1, 10_000, "Goal"), (1, 100_250, "Goal"), (2, 60_000, CLASSES[1])]
ERRORS = [  # half, milliseconds, class, and what it is
    (1, 11_500, 0, "duplicate"), (1, 100_250, 0, "missed"), (1, 600_000, 1, "background"),
    (2, 60_000, 1, "missed"), (2, 70_500, 1, "late"),
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory, write_tree):
    """A folder with a report, without figures, and the page; the first half has a video."""
    root = tmp_path_factory.mktemp("moments")
    data, results = write_run(root, FOUND, SPOTS, CLASSES, GAME, write_tree)
    (root / "films").mkdir()
    (root / "films/one_1.mp4").write_bytes(b"")
    run = read_run(results, SoccerNet_path=data)
    reported = measured_run(run, results, "run", tolerance=5, threshold=0.5, resamples=0,
                            step=lambda _: None)  # fmt: skip
    folder = root / "report"
    given = GivenVideos((f"{root}/films/one_{{half}}.mp4",), (2.5,))
    watch = write_watch_page(folder, results, run, reported, given, tolerance=5, version=None)
    lines = timelines(reported.measures.judged, run.detections, run.games, 2)
    report = RunReport(
        runs=[reported], split="test", classes=CLASSES, tolerance=5, counted_from="", framerate=2,
        resamples=0, figures=defaultdict(str), panels=[], timelines=lines, watch=watch,
    )  # fmt: skip
    (folder / "report.html").write_text(page(report))
    return folder


def test_each_error_is_a_link_to_its_moment(folder, tab):
    tab.open(f"{(folder / 'report.html').as_uri()}#game-0")
    links = tab.wait("""(() => {
        const links = [...document.querySelectorAll(".moments a")];
        return links.length && links.map((a) => [a.href, a.textContent]);
    })()""")
    assert len(links) == len(ERRORS)
    assert tab.complaints == []
    for (address, words), (half, ms, event, kind) in zip(links, ERRORS, strict=True):
        assert f" {CLASSES[event]}" in words and words.endswith(kind)
        assert address.startswith(f"{(folder / 'watch.html').as_uri()}#t=")
        tab.open(address)
        assert tab.run("[app.spot.half, app.spot.ms, app.spot.event]") == [half, ms, event]
        assert tab.run("app.kindOf(app.spot)") == kind


def test_the_page_has_the_videos_and_thresholds_of_the_report(folder, tab):
    tab.open((folder / "watch.html").as_uri())
    assert tab.run("[data.thresholds, app.player.halves, data.games[0].name]") == [
        [0.5, 0.5],
        [{"file": 0, "kickOff": 2.5}, {"file": -1, "kickOff": 0}],
        GAME,
    ]
    assert tab.run("data.games[0].videos.files[0].places[0]") == "../films/one_1.mp4"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [(["1.mp4"], "names files, and there are 2 games"),
     (["--kick_off", "1", "2", "3"], "2 at most, found 3")],
)  # fmt: skip
def test_videos_that_do_not_fit_are_told_before_the_work(tmp_path, write_tree, words, sentence):
    games = {f"league/{n}": [] for n in "ab"}
    data = write_tree(tmp_path / "data", games, "Labels-v2.json")
    (data / "splits.json").write_text(json.dumps({"test": [*games]}))
    label = {"gameTime": "1 - 00:01", "label": "Goal", "visibility": "visible"}
    (data / "league/a/Labels-v2.json").write_text(json.dumps({"annotations": [label]}))
    results = write_tree(tmp_path / "results", games, "results_spotting.json")
    with pytest.raises(UserError, match=sentence):
        main([str(results), "--SoccerNet_path", str(data), "--output", str(tmp_path / "report"),
              "--video", *words])  # fmt: skip
    assert not (tmp_path / "report").exists()


def test_kick_offs_are_of_videos(tmp_path):
    done = python(tmp_path, "-m", "common.report", "run", "--kick_off", "1")
    assert (done.returncode, done.stderr.count("error: ")) == (2, 1)
    assert "--kick_off is of videos" in done.stderr
