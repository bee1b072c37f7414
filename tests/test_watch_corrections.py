"""What is done in the page: exactly that is undone, kept in the browser and saved.

Needs chromium; where there is none these tests are skipped.
"""

import json

import pytest
from watch_pages import (
    CLASSES,
    FPS,
    GAME,
    HOSTILE,
    fresh,
    open_again,
    selected,
    write_example,
)

from common.data.events import EventClasses
from common.data.labels import read_labels
from common.export.texts import TEXTS, Screening, Subject
from common.spots.corrections import parse_corrections
from common.spots.file_names import file_name
from common.spots.merging import merge, time_of
from common.spots.moments import above
from common.spots.run_games import find_games, thresholds_of
from common.watch.__main__ import main


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


def test_what_was_done_is_saved_exactly(opened, tmp_path):
    """Moves, another class, a rejection, an addition; what was undone is not there."""
    opened.run("document.getElementById('go-on').click()")
    opened.press("n", "Alt+Shift+ArrowRight", "Alt+ArrowLeft")  # the goal, by 1.0 - 0.1 s
    opened.press("n", "x")  # the corner is rejected
    opened.press("n", "c")
    opened.type("corn")
    opened.press("Enter")  # the hostile one becomes a corner
    opened.press("n", "a", "u")  # an acceptance, undone
    opened.press("u", "Shift+U")  # the other class, undone and done again
    opened.press("n", "ArrowRight", "i")  # one second behind the detection of half 2
    opened.type("alert")
    opened.press("Enter")
    opened.press("n", "m", "u")  # the annotated corner is moved and moved back
    opened.press("s")
    opened.click_on("#save-labels")
    path = tmp_path / "Labels-v2.json"
    path.write_bytes(opened.saved("Labels-v2.json"))
    labels = read_labels(path, EventClasses((*CLASSES, "Offside")))
    found = sorted(zip(labels.half.tolist(), labels.milliseconds.tolist(), labels.event.tolist(),
                       strict=True))  # fmt: skip
    # The moved goal is less than a second from the annotated one, which stands for it.
    assert found == [(1, 1200, 0), (1, 2600, 3), (1, 3000, 1), (2, 1500, 2), (2, 2000, 1)]
    annotated = json.loads(path.read_bytes())["annotations"]
    assert [each["team"] for each in annotated] == ["home", "home", "not applicable",
                                                    "not applicable", "home"]  # fmt: skip
    opened.click_on("#save-corrections")
    name = f"{opened.run('data.games[0].file')}.corrections.json"
    saved = opened.saved(name)
    assert len(parse_corrections(saved, name).spots) == 4
    content = json.loads(saved)
    assert (content["format"], content["game"]) == ("soccer-spots-corrections", GAME)
    keys = ("half", "position", "label", "confidence", "state")
    assert [tuple(each[key] for key in keys) for each in content["spots"]] == [
        (1, 1900, "Goal", 0.9, "accepted"),
        (1, 2000, "Corner", 0.8, "rejected"),
        (1, 3000, "Corner", 0.7, "accepted"),
        (2, 1500, HOSTILE, None, "added"),
    ]
    assert [each["from"] for each in content["spots"]] == [
        {"half": 1, "position": 1000, "label": "Goal"},
        {"half": 1, "position": 2000, "label": "Corner"},
        {"half": 1, "position": 3000, "label": HOSTILE},
        None,
    ]


def test_the_menu_writes_what_the_command_writes(opened, made):
    """Of a page that nobody has touched, letter for letter."""
    root = made[1]
    found = find_games(root / "results", "test", SoccerNet_path=root / "data")
    thresholds, _ = thresholds_of(found, 0.5)
    subject = Subject(GAME, file_name(GAME), found.classes,
                      above(found.read(GAME).detections, thresholds), found.name)  # fmt: skip
    videos = {half: root / f"{half}.webm" for half in (1, 2)}
    screening = Screening(kick_off_ms=(500,), videos=videos, frame_rate=FPS)
    opened.press("s")
    for kind in ("csv", "sportscode", "webvtt", "srt", "labelstudio"):
        opened.click_on(f"#formats button[value={kind}]")
        texts = TEXTS[kind](subject, screening)
        assert len(texts) == (1 if kind in ("csv", "labelstudio") else 2)
        for name, text in texts.items():
            assert opened.saved(name).decode() == text, kind
    opened.click_on("#formats button[value=youtube]")  # three spots, all within ten seconds
    assert TEXTS["youtube"](subject, screening) == {}
    assert "YouTube shows chapters from 3 on" in opened.run("app.status.textContent")


def test_labels_are_those_that_relabel_makes_of_the_corrections(opened, made):
    """Whatever is done: accepted, moved, rejected, relabelled and added in any order."""
    path = made[1] / "data" / GAME / "Labels-v2.json"
    entries = json.loads(path.read_bytes())["annotations"]
    opened.run("""(() => {
        let state = 7;
        window.draw = (count) => (state = (state * 48271) % 2147483647) % count;
    })()""")
    for _ in range(25):
        opened.run("""(() => {
            app.settings.goOn = false;
            for (let turn = 0; turn < 4; turn += 1) {
                const spots = app.game.ordered();
                app.select(spots[draw(spots.length)].id, false);
                [() => app.verdict("accepted"), () => app.verdict("rejected"),
                 () => app.relabel(app.spot, draw(3)), () => app.undo(),
                 () => app.moveTo(app.spot, 1 + draw(2), draw(8) * 0.5), () => app.add(draw(3)),
                ][draw(6)]();
            }
        })()""")
        mine = json.loads(opened.run("labelFile(app.game.name, app.saving.labels())"))
        told = opened.run("asJson(app.saving.corrections())").encode()
        spots = parse_corrections(told, "corrections").spots
        merged = merge(entries, spots, EventClasses(tuple(CLASSES)), "corrections")
        pairs = [
            sorted((*time_of(entry), entry["label"], entry["team"], entry["visibility"])
                   for entry in each)
            for each in (mine["annotations"], merged)
        ]  # fmt: skip
        assert pairs[0] == pairs[1]
    assert opened.run("app.game.spots.size") > 8


def test_everything_can_be_undone_and_done_again(opened):
    def edits():
        return opened.run("JSON.stringify(app.game.edits())")

    opened.press("n", "a", "n", "x", "n", "m", "Alt+ArrowRight", "i", "Enter", "x")
    done = opened.run("app.game.done.length")
    states = [edits()]
    for _ in range(done):
        opened.press("u")
        states.append(edits())
    assert done == 6
    assert states[-1] == "{}"
    opened.press("u")
    assert "nothing to undo" in opened.run("app.status.textContent")
    again = [states.pop()]
    while states:
        opened.press("Shift+U")
        again.append(edits())
        assert again[-1] == states.pop()


def test_the_selected_mark_is_dragged(opened):
    opened.press("n", "+", "+")
    opened.run("new Promise(requestAnimationFrame)")
    box = opened.wait("""(() => {
        const mark = app.line.marks.find(({ spot }) => spot.id === app.selected);
        const box = app.line.canvas.getBoundingClientRect();
        const width = app.line.width / (app.line.view[1] - app.line.view[0]);
        return mark && !app.line.due && [box.x + mark.x, box.y + mark.y, width];
    })()""")
    x, y, width = box
    opened.click(x, y, to=(x + 0.8 * width, y))
    half, ms, _ = selected(opened)
    assert half == 1
    assert ms == pytest.approx(1800, abs=1000 / width + 1)
    assert opened.run("app.spot.state") == "accepted"
    opened.press("u")
    assert selected(opened) == (1, 1000, 0)


def test_the_browser_keeps_what_was_done(opened, made):
    opened.press("n", "a")
    opened.run("app.setThreshold(1, 0.85)")
    opened.press("n", "m")
    opened.run("app.videos.change(0, { kickOff: 0.75 })")
    everything = "[app.game.edits(), app.thresholds, app.player.halves]"
    before = opened.run(everything)
    open_again(opened, made[0], "app.thresholds[1] === 0.85")
    assert opened.run(everything) == before
    assert before[1:] == [
        [0.5, 0.85, 0.5],
        [{"file": 0, "kickOff": 0.75}, {"file": 1, "kickOff": 0}],
    ]
    assert "2 changed" in opened.run("document.getElementById('tally').textContent")


def test_a_browser_that_keeps_nothing_is_told(tab, made):
    """Also beside the number of changes, where the next message does not hide it."""
    refuse = """Object.defineProperty(window, "localStorage", {
        get() { throw new DOMException("no", "SecurityError"); }
    })"""
    script = tab.call("Page.addScriptToEvaluateOnNewDocument", source=refuse)
    try:
        tab.open(made[0])
        assert "keeps nothing (SecurityError)" in tab.run("app.status.textContent")
        tab.press("n", "a")
        assert tab.run("app.game.done.length") == 1
        told = "document.getElementById('changes').textContent"
        assert tab.run(told) == "1 changed, kept nowhere: save a file"
        assert tab.complaints == []
    finally:
        tab.call("Page.removeScriptToEvaluateOnNewDocument", **script)


@pytest.mark.parametrize(
    "kept",
    [
        "{",
        "[1, 2]",
        '{"games": [], "thresholds": {"0": 5}, "kickOffs": {"0": [[0.5, 0], [-1, "x"]]}}',
        '{"games": {"0": {"d0": null, "n1": {"half": 99}, "__proto__": {}, "n2": 1}}}',
        '{"games": {"0": {"d0": {"half": 1, "ms": 1, "event": 7, "state": "accepted"}}}}',
        '{"games": {"0": {"d0": {"half": 3, "ms": 1, "event": 0, "state": "accepted"}}}}',
        '{"games": {"0": {"d0": {"half": 1, "ms": 1, "event": 0, "state": "added"}}}}',
        '{"games": {"0": {"n1": {"half": 1, "ms": 1, "event": 0, "state": "rejected"}}}}',
        '{"settings": {"before": -5}}',
    ],
)
def test_nonsense_in_the_memory_of_a_browser_is_nothing(tab, made, kept):
    """Of this page or of an earlier one, which had one entry for all."""
    fresh(tab, made[0])
    tab.run(f"localStorage.setItem(STORE_KEY, {json.dumps(kept)})")
    open_again(tab, made[0], f"localStorage.getItem(STORE_KEY) === {json.dumps(kept)}")
    kept = "app.game.edits(), app.thresholds, app.player.halves[0].kickOff, app.settings.before"
    assert tab.run(f"[{kept}]") == [{}, [0.5, 0.5, 0.5], 0.5, 3]
    tab.run("""(() => {
        const { store } = app;
        for (const [kind, entries] of Object.entries(store.parsed(STORE_KEY) ?? {}))
            for (const [key, value] of Object.entries(entries)) store.keep(kind, key, value);
        app.openGame(0);
    })()""")
    assert tab.run(f"[{kept}]") == [{}, [0.5, 0.5, 0.5], 0.5, 3]
    tab.press("n", "a")
    assert selected(tab)
    assert tab.complaints == []


def test_corrections_of_another_browser_are_taken(opened):
    opened.press("n", "a", "n", "x", "n", "m", "i", "Enter")
    told = opened.run("JSON.stringify(app.saving.corrections())")
    edits = opened.run("app.game.edits()")
    opened.press(*"uuuu")
    assert opened.run("app.game.edits()") == {}
    opened.run(f"app.saving.take({json.dumps(told)}, 'file')")
    assert list(opened.run("app.game.edits()").values()) == list(edits.values())
    for wrong in ("[]", "{", '{"format": "soccer-spots-corrections", "game": "x", "spots": []}'):
        opened.run(f"app.saving.take({json.dumps(wrong)}, 'file')")
        assert opened.run("app.status.textContent").startswith("file is")
    other = '{"format": "soccer-spots-corrections", "version": 2, "game": "x", "spots": []}'
    opened.run(f"app.saving.take({json.dumps(other)}, 'file')")
    assert "another version" in opened.run("app.status.textContent")


GOOD = {"half": 1, "position": 1000, "label": "Goal", "confidence": 0.9, "state": "accepted",
        "from": {"half": 1, "position": 1000, "label": "Goal"}}  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [None, 5, {}, {"half": 3}, {"state": "added"}, {"from": None}, {"from": 5}, {"position": 1e9},
     {"label": "__proto__"}],
)  # fmt: skip
def test_corrections_that_no_page_has_written_are_left_out(opened, wrong):
    """What is taken can be saved again, and is then read by common.relabel."""
    entry = {**GOOD, **wrong} if isinstance(wrong, dict) and wrong else wrong
    told = {"format": "soccer-spots-corrections", "version": 1, "game": GAME, "spots": [entry]}
    opened.run(f"app.saving.take({json.dumps(json.dumps(told))}, 'file')")
    assert opened.run("app.game.edits()") == {}
    told["spots"].append(GOOD)
    opened.run(f"app.saving.take({json.dumps(json.dumps(told))}, 'file')")
    assert "1 corrections taken, 1 of spots that are" in opened.run("app.status.textContent")
    saved = opened.run("asJson(app.saving.corrections())").encode()
    assert len(parse_corrections(saved, "saved").spots) == 1


def test_an_annotation_that_was_looked_at_stands_for_the_detection_on_it(opened):
    """The goals at 1.0 and 1.2 s, both accepted, or both of another class."""
    near = "app.saving.labels().filter(({ half, ms }) => half === 1 && ms < 1500)"
    for act in ("app.verdict('accepted')", "app.relabel(app.spot, 1)"):
        for spot in ("d0", "a0"):
            opened.run(f"(app.select('{spot}', false), {act})")
        assert opened.run(f"{near}.map(({{ ms }}) => ms)") == [1200]


def test_two_new_spots_at_one_time_and_of_one_class_are_one_label(opened):
    opened.run("[1, 2].forEach(() => app.game.add(2, 1234, 0))")
    assert opened.run("app.saving.labels().filter(({ ms }) => ms === 1234).length") == 1


def test_labels_of_version_1_are_saved_as_they_were_written(tab, tmp_path, write_tree):
    """Of a page of three classes: a yellow card stays one, unless it is of another class."""
    labels = [{"gameTime": f"1 - 00:0{n}", "label": label, "team": "home"}
              for n, label in enumerate(("y-card", "soccer-ball", "substitution-in"))]  # fmt: skip
    data = write_tree(tmp_path / "data", {GAME: labels}, "Labels.json")
    (data / "splits.json").write_text(json.dumps({"test": [GAME]}))
    found = [{"half": "1", "position": "5000", "label": "card", "confidence": "0.9"}]
    results = write_tree(tmp_path / "results", {GAME: found}, "results_spotting.json")
    page = tmp_path / "watch.html"
    main([str(results), "--version", "1", "--SoccerNet_path", str(data), "--output", str(page)])
    fresh(tab, page.as_uri())
    tab.run("app.game.spots.get('d0') && (app.select('d0'), app.verdict('accepted'))")
    tab.run("(app.select('a2'), app.relabel(app.spot, 0))")
    tab.press("s")
    tab.click_on("#save-labels")
    saved = json.loads(tab.saved("Labels.json"))["annotations"]
    assert [each["label"] for each in saved] == ["y-card", "soccer-ball", "card", "card"]
