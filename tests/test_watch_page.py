"""The page in a browser: it plays, jumps, shows names as text, and fits its window.

Needs chromium; where there is none these tests are skipped.
"""

import shutil

import numpy as np
import pytest
from watch_pages import (
    CLASSES,
    FPS,
    GAME,
    HOSTILE,
    KICK_OFF,
    at,
    fresh,
    selected,
    write_example,
    write_page,
)

from common.watch.videos import GivenVideos


@pytest.fixture(scope="module")
def made(tmp_path_factory, write_tree):
    """The address of a page with videos of both halves, and its folder."""
    root = tmp_path_factory.mktemp("watch")
    return write_example(root, write_tree), root


@pytest.fixture
def opened(tab, made):
    """The page as nobody has touched it."""
    fresh(tab, made[0])
    tab.wait("video.readyState >= 2")
    yield tab
    assert tab.complaints == []


def test_it_loads_plays_and_stops(opened):
    assert opened.run("video.error") is None
    assert opened.run("video.duration") == pytest.approx(4.5, abs=0.15)
    opened.press(" ")
    opened.wait("app.player.place.seconds > 0.3")
    opened.press(" ")
    assert opened.run("video.paused")
    place = opened.run("app.player.place")
    assert place["seconds"] + KICK_OFF == pytest.approx(opened.run("video.currentTime"), abs=0.05)


def test_keys_go_from_spot_to_spot_and_to_the_other_half(opened):
    """Below 0.5 nothing is shown; the third spot is an annotation of the run's classes alone."""
    way = [(1, 1000, 0), (1, 1200, 0), (1, 2000, 1), (1, 3000, 2), (2, 500, 0), (2, 2000, 1)]
    seen = []
    for _ in way:
        opened.press("n")
        seen.append(selected(opened))
        start = KICK_OFF if seen[-1][0] == 1 else 0
        assert at(opened) == pytest.approx(start + seen[-1][1] / 1000, abs=0.001)
    assert seen == way
    assert opened.run("video.src").endswith("/2.webm")
    opened.press("n")
    assert selected(opened) == way[-1]
    opened.press("ArrowUp", "k")
    assert selected(opened) == way[-3]
    assert opened.run("video.src").endswith("/1.webm")


def test_frames_seconds_replay_and_speed(opened):
    opened.press("n")
    start = at(opened)
    opened.press(".", ".", ".", ",")
    assert at(opened) == pytest.approx(start + 2 / FPS, abs=1e-6)
    opened.press("ArrowRight")
    assert at(opened) == pytest.approx(start + 2 / FPS + 1, abs=1e-6)
    opened.press("r")
    opened.wait("!video.paused && video.currentTime < 1.6")
    opened.press(" ", ">", ">", "<")
    assert opened.run("video.playbackRate") == 1.25


def test_each_step_shows_the_next_picture(opened):
    """The time of the picture on screen, as the browser tells it."""
    shown = opened.run("""(async () => {
        const shown = [];
        for (let step = 0; step < 5; step += 1) {
            const picture = new Promise((go) =>
                video.requestVideoFrameCallback((_, { mediaTime }) => go(mediaTime)));
            app.stepFrames(1);
            shown.push(await picture);
        }
        return shown;
    })()""")
    assert np.diff(shown) == pytest.approx(np.full(4, 1 / FPS), abs=0.002)


def test_a_click_on_a_row_or_a_mark_jumps(opened):
    opened.click_on("#list .row:nth-child(3)")
    assert selected(opened) == (1, 2000, 1)
    assert at(opened) == pytest.approx(KICK_OFF + 2, abs=0.001)
    box = opened.run("""(() => {
        const mark = app.line.marks.find(({ spot }) => spot.half === 2 && spot.ms === 500);
        const box = app.line.canvas.getBoundingClientRect();
        return [box.x + mark.x, box.y + mark.y];
    })()""")
    opened.click(*box)
    assert selected(opened) == (2, 500, 0)
    assert at(opened) == pytest.approx(0.5, abs=0.001)


def test_filters_and_sliders_choose_what_is_shown(opened):
    def shown():
        opened.run("new Promise(requestAnimationFrame)")
        return opened.run("app.shown.length")

    assert shown() == 6
    opened.run("app.setThreshold(2, 0.1)")
    assert shown() == 7
    for name, value, count in (("event", "0", 3), ("half", "2", 2), ("state", "rejected", 0),
                               ("kind", "missed", 1)):  # fmt: skip
        opened.run(f"""(() => {{ const select = document.getElementById("filter-{name}");
            select.value = "{value}"; select.dispatchEvent(new Event("change")); }})()""")
        assert shown() == count, name
        opened.run(f"app.filter('{name}', null)")
    opened.press("n", "x")  # untouched, and below its slider, it would be hidden
    opened.run("app.setThreshold(0, 1)")
    assert opened.run("app.shown.some(({ state }) => state === 'rejected')")


def test_names_appear_as_text(opened, made):
    """Names of classes and games make no element, start no script and lead out of no folder."""
    assert opened.run("document.querySelector('#game option').textContent") == GAME
    names = opened.run("[...document.querySelectorAll('.lane .name')].map((e) => e.textContent)")
    assert names == CLASSES
    assert opened.run("document.scripts.length") == 2
    assert opened.run("document.querySelectorAll('main b, #time-line b').length") == 0
    opened.press("n", "n", "n", "n")
    assert opened.run("document.getElementById('spot-name').textContent") == HOSTILE
    opened.run("new Promise(requestAnimationFrame)")
    row = opened.run("document.querySelector('.row[aria-selected=true] .what').textContent")
    assert row == HOSTILE
    opened.press("s")
    for value in ("csv", "sportscode"):
        opened.click_on(f"#formats button[value={value}]")
    stem = opened.run("data.games[0].file")
    assert not set('/\\<>"\u202e') & set(stem)
    assert HOSTILE.replace('"', '""') in opened.saved(f"{stem}.csv").decode()
    for half in (1, 2):
        assert opened.saved(f"{stem}_{half}.xml").isascii()


def test_a_link_leads_to_its_moment(opened, made):
    opened.open(f"{made[0]}#t=2&half=1&game=0&class=1&of=detection")
    assert selected(opened) == (1, 2000, 1)
    opened.wait("video.readyState >= 2")
    assert at(opened) == pytest.approx(KICK_OFF + 2, abs=0.001)
    opened.run("location.hash = '#t=1.2&half=1&class=0&of=annotation'")
    opened.wait("app.spot?.ms === 1200")
    opened.run("location.hash = '#t=999999&half=7&game=5&class=x'")  # nonsense does no harm
    opened.press("p")


def test_a_link_to_a_half_that_is_not_there_leads_to_the_first(opened, made):
    """So that no spot is inserted where no label file can have it."""
    for half in ("0", "3", "99", "1.5", "x"):
        opened.open(f"{made[0]}#t=99999999&half={half}")
        opened.run("app.goTo({ half: app.player.at.half, seconds: 2 })")
        opened.press("i", "Enter")
        assert selected(opened) == (1, 2000, 0)
        opened.press("u")


def test_without_a_video_spots_are_corrected_all_the_same(tab, made, tmp_path):
    root = made[1]
    address = write_page(tmp_path / "watch.html", root / "data", root / "results")
    fresh(tab, address)
    assert "No video yet" in tab.run("document.getElementById('no-video').textContent")
    tab.press("n", "ArrowRight", "m", " ")
    assert tab.run("app.game.edits()") == {
        "d0": {"half": 1, "ms": 2000, "event": 0, "state": "accepted"}
    }
    assert tab.complaints == []


def test_a_video_that_cannot_be_played_is_said(tab, made, tmp_path):
    root = made[1]
    (tmp_path / "1.webm").write_bytes(b"no video")
    given = GivenVideos((str(tmp_path / "1.webm"),))
    tab.open(write_page(tmp_path / "watch.html", root / "data", root / "results", given))
    tab.wait("!document.getElementById('no-video').hidden")
    assert "1.webm cannot be played here" in tab.run(
        "document.getElementById('no-video').textContent"
    )


def test_a_page_that_is_handed_on_finds_the_video_beside_it(tab, made, tmp_path):
    root = made[1]
    (tmp_path / "old").mkdir()
    given = GivenVideos((str(root / "1.webm"),))
    write_page(tmp_path / "old/watch.html", root / "data", root / "results", given)
    new = tmp_path / "elsewhere/deeper"
    new.mkdir(parents=True)
    shutil.copy(tmp_path / "old/watch.html", new)
    shutil.copy(root / "1.webm", new)
    tab.open((new / "watch.html").as_uri())
    tab.wait("video.readyState >= 2")
    assert tab.run("video.src") == (new / "1.webm").as_uri()
    assert tab.run("document.getElementById('no-video').hidden")


def test_halves_of_one_file_begin_at_their_kick_offs(tab, made, tmp_path):
    root = made[1]
    given = GivenVideos((str(root / "1.webm"),), (0.5, 2.5))
    tab.open(write_page(tmp_path / "watch.html", root / "data", root / "results", given))
    tab.wait("video.readyState >= 2")
    tab.run("app.goTo({ half: 2, seconds: 1 })")
    assert at(tab) == pytest.approx(3.5, abs=0.001)
    tab.run("app.goTo({ half: 1, seconds: 1.5 })")
    tab.press(" ")
    tab.wait("app.player.place.half === 2")  # it plays on into the other half
    tab.press(" ")


def test_chosen_files_are_played(tab, made, tmp_path):
    root = made[1]
    fresh(tab, write_page(tmp_path / "watch.html", root / "data", root / "results"))
    node = tab.call("DOM.getDocument")["root"]["nodeId"]
    picker = tab.call("DOM.querySelector", nodeId=node, selector="#video-files")["nodeId"]
    files = [str(root / f"{half}.webm") for half in (2, 1)]
    tab.call("DOM.setFileInputFiles", files=files, nodeId=picker)
    tab.wait("video.readyState >= 2")
    assert tab.run("app.player.halves") == [{"file": 0, "kickOff": 0}, {"file": 1, "kickOff": 0}]
    assert tab.run("document.getElementById('no-video').hidden")
    tab.press("n")
    assert at(tab) == pytest.approx(1, abs=0.001)


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_lies_beside_the_window(tab, made, width):
    fresh(tab, made[0], width=width, phone=width < 400)
    tab.press("n")
    assert tab.run("document.documentElement.scrollWidth") == width
    outside = """[...document.querySelectorAll("button, select, input")].filter((each) => {
        const box = each.getBoundingClientRect();
        return box.width && (box.left < 0 || box.right > innerWidth);
    }).map((each) => each.id)"""
    assert tab.run(outside) == []
    for key in "?vsc":
        tab.press(key)
        fits = "(({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth)"
        assert tab.run(f"{fits}(document.querySelector('dialog[open]'))"), key
        assert tab.run(outside) == []
        tab.press("Escape")
    assert tab.run("document.querySelector('dialog[open]') === null")


@pytest.mark.parametrize("size", [(640, 400), (844, 390), (390, 844)])
def test_the_video_leaves_room_for_the_rest(tab, made, size):
    """At 200 %, on a phone that lies, on one that stands: it stays in sight, and half is free."""
    fresh(tab, made[0], width=size[0], height=size[1])
    tab.run("scrollTo(0, 600)")
    box = "document.getElementById('screen').getBoundingClientRect()"
    top, height, width = tab.run(f"[{box}.top, {box}.height, {box}.width]")
    assert top == 0 and 0 < height < size[1] / 2
    assert width == tab.run("document.documentElement.clientWidth")


def test_everything_that_can_be_used_has_a_name(opened):
    for key in ("n", "v", "s", "c", "?"):
        opened.press(key)
        nodes = opened.call("Accessibility.getFullAXTree")["nodes"]
        used = [node for node in nodes if node.get("role", {}).get("value") in
                ("button", "slider", "combobox", "MenuListPopup", "listbox", "spinbutton",
                 "checkbox", "searchbox", "dialog")]  # fmt: skip
        nameless = [n for n in used if not n.get("name", {}).get("value")
                    and n["role"]["value"] != "MenuListPopup"]  # fmt: skip
        assert nameless == []
        assert used
        opened.press("Escape")


def test_the_focus_can_be_seen(opened):
    opened.press("Tab", "Tab", "Tab")
    assert opened.run("document.activeElement.matches('button, select, input')")
    assert opened.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
