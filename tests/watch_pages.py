"""Small pages of `python -m common.watch` for tests, with videos of a few seconds."""

import json
import time

from chromium import WAIT
from small_videos import write_video

from common.spots.run_games import find_games, thresholds_of
from common.watch.page import page
from common.watch.page_data import page_data
from common.watch.videos import GivenVideos

HOSTILE = (
    "</script><script>alert(\"1\")</script> \u05e9\u05dc\u05d5\u05dd \N{SOCCER BALL} a/b & 'c'"
)
CLASSES = ["Goal", "Corner", HOSTILE]
GAME = 'league/<b>"one"</b> \u202eabc'
FPS, KICK_OFF = 10, 0.5
# half, milliseconds, class, confidence
FOUND = [
    (1, 1000, 0, 0.9),
    (1, 2000, 1, 0.8),
    (1, 2500, 2, 0.2),
    (1, 3000, 2, 0.7),
    (2, 500, 0, 0.6),
]
SPOTS = [(1, 1200, "Goal"), (1, 2600, "Offside"), (2, 2000, "Corner")]
VP9 = {"deadline": "realtime", "cpu-used": "8", "g": "10"}


def write_run(root, found, spots, classes, game=GAME, write_tree=None):
    """A data root with the annotations of a game, and result files of it; returns both."""
    entries = [
        {"half": str(half), "position": str(ms), "label": classes[event], "confidence": str(sure)}
        for half, ms, event, sure in found
    ]
    labels = [
        {"gameTime": f"{half} - {ms // 60000:02}:{ms // 1000 % 60:02}", "position": str(ms),
         "label": label, "team": "home", "visibility": "not shown"}
        for half, ms, label in spots
    ]  # fmt: skip
    data = write_tree(root / "data", {game: labels}, "Labels-v2.json")
    (data / "classes.json").write_text(json.dumps(classes))
    (data / "splits.json").write_text(json.dumps({"test": [game]}))
    return data, write_tree(root / "results", {game: entries}, "results_spotting.json")


def write_page(path, data, results, videos=GivenVideos(), **settings):  # noqa: B008 - frozen
    found = find_games(results, "test", SoccerNet_path=data)
    thresholds, _ = thresholds_of(found, 0.5)
    path.write_text(page(page_data(found, thresholds, videos, path, **settings)))
    return path.as_uri()


def write_example(root, write_tree):
    """The address of a page with videos of both halves of the one game."""
    data, results = write_run(root, FOUND, SPOTS, CLASSES, write_tree=write_tree)
    films = [
        write_video(root / f"{half}.webm", 45, size=(64, 48), rate=FPS, codec="libvpx-vp9",
                    options=VP9)
        for half in (1, 2)
    ]  # fmt: skip
    given = GivenVideos(tuple(map(str, films)), (KICK_OFF, 0.0))
    return write_page(root / "watch.html", data, results, given)


def fresh(tab, address, **window):
    """Opens a page of which the browser remembers nothing."""
    tab.forget()
    tab.open(address, **window)


def open_again(tab, address, arrived):
    """Opens a page until something is true of it.

    What one process of a browser has written, that of the next page reads in time, not at once.
    """
    deadline = time.monotonic() + WAIT
    tab.open(address)
    while not tab.run(arrived):
        assert time.monotonic() < deadline, f"never true: {arrived}"
        tab.open(address)


def at(tab):
    """Seconds that the video shows, once it has arrived there."""
    tab.wait("!video.seeking && app.player.wanted === null")
    return tab.run("video.currentTime")


def selected(tab):
    """Half, milliseconds and class of the selected spot."""
    spot = tab.run("app.spot && [app.spot.half, app.spot.ms, app.spot.event]")
    return spot and tuple(spot)
