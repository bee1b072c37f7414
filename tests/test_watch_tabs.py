"""Tabs side by side: nothing that one has stored is lost by what another one does.

Needs chromium; where there is none these tests are skipped.
"""

import json

import pytest
from watch_pages import CLASSES, FOUND, GAME, fresh, open_again, write_page, write_run

GAMES = [GAME, "league/two"]
EDITS = "app.game.edits()"
SAID = "app.status.textContent"


@pytest.fixture(scope="module")
def address(tmp_path_factory, write_tree):
    """A page of two games with the same detections."""
    root = tmp_path_factory.mktemp("tabs")
    data, results = write_run(root, FOUND, [], CLASSES, write_tree=write_tree)
    games = write_run(root, FOUND, [], CLASSES, GAMES[1], write_tree)
    assert games == (data, results)
    (data / "splits.json").write_text(json.dumps({"test": GAMES}))
    return write_page(root / "watch.html", data, results)


@pytest.fixture
def tabs(tab, address):
    """Two tabs of the page, as nobody has touched it; the second one is in front."""
    fresh(tab, address)
    names = tab.beside()
    tab.open(address)
    yield names
    assert tab.complaints == []


def say(tab, spot, verdict):
    tab.run(f"(app.select('{spot}', false), app.verdict('{verdict}'))")


def states(tab):
    return {name: edit["state"] for name, edit in tab.run(EDITS).items()}


def arrives(tab, name, state):
    """Waits until another tab's word on a spot is here; no test opens the page anew for it."""
    tab.wait(f"{EDITS}.{name}?.state === {json.dumps(state)}")


def test_tabs_keep_what_each_does_to_another_game(tab, tabs, address):
    one, two = tabs
    tab.run("app.nextGame(1)")
    tab.turn_to(one)
    say(tab, "d0", "accepted")
    say(tab, "d3", "rejected")
    tab.run("app.setThreshold(1, 0.85)")
    tab.turn_to(two)
    say(tab, "d0", "rejected")
    tab.run("app.setThreshold(2, 0.1)")
    tab.turn_to(one)
    tab.run("app.nextGame(1)")
    arrives(tab, "d0", "rejected")
    open_again(tab, address, "app.thresholds[2] === 0.1")
    assert tab.run("app.thresholds") == [0.5, 0.85, 0.1]
    assert states(tab) == {"d0": "accepted", "d3": "rejected"}
    tab.run("app.nextGame(1)")
    assert states(tab) == {"d0": "rejected"}


def test_a_tab_takes_over_what_another_does_to_its_game(tab, tabs):
    """And undoes only what it has done itself, to spots that the other one has left alone."""
    one, two = tabs
    say(tab, "d0", "accepted")
    say(tab, "d1", "accepted")
    tab.turn_to(one)
    arrives(tab, "d1", "accepted")
    assert tab.run(SAID) == "1 changed in another tab, and now here, too"
    say(tab, "d0", "rejected")
    tab.run("(app.add(0), app.selected)")
    tab.turn_to(two)
    arrives(tab, "n1", "added")
    assert states(tab) == {"d0": "rejected", "d1": "accepted", "n1": "added"}
    tab.press("u", "u")
    assert "nothing to undo" in tab.run(SAID)
    assert states(tab) == {"d0": "rejected", "n1": "added"}
    tab.run("app.select('n1'), app.verdict('rejected')")
    tab.turn_to(one)
    tab.wait("!app.game.spots.has('n1')")
    assert tab.run("app.spot") is None
    assert states(tab) == {"d0": "rejected"}
    assert "1 changed" in tab.run("document.getElementById('changes').textContent")


def test_a_spot_that_another_tab_removes_is_not_corrected(tab, tabs):
    one, two = tabs
    tab.run("window.added = app.game.add(1, 1500, 0)")
    tab.turn_to(one)
    arrives(tab, "n1", "added")
    tab.run("app.select('n1'), app.verdict('rejected')")
    tab.turn_to(two)
    tab.wait("!app.game.spots.has('n1')")
    tab.run("app.relabel(added, 1)")
    assert tab.run(SAID) == "another tab has removed that spot"
    assert states(tab) == {}


REFUSE = "Storage.prototype.setItem = () => { throw new DOMException('no', 'QuotaExceededError'); }"


def test_what_a_browser_refuses_is_joined_and_stays(tab, tabs):
    """Both tabs change a game while one of them can store nothing: nothing of either is lost."""
    one, two = tabs
    tab.run(f"window.setItem = Storage.prototype.setItem; {REFUSE}")
    say(tab, "d0", "accepted")
    assert "keeps nothing (QuotaExceededError)" in tab.run(SAID)
    say(tab, "d1", "accepted")
    tab.run("app.game.add(1, 1234, 0)")
    tab.run("app.nextGame(1)")
    tab.turn_to(one)
    say(tab, "d1", "rejected")
    say(tab, "d3", "rejected")
    tab.run("app.game.add(2, 4321, 1)")
    tab.turn_to(two)
    tab.wait("Object.keys(app.stored(0) ?? {}).length === 3")
    tab.run("app.nextGame(-1)")
    assert tab.run(SAID) == (
        "2 changed in another tab, and now here, too; 1 changed in another tab and here: as this "
        "tab has them"
    )
    assert states(tab) == {"d0": "accepted", "d1": "accepted", "d3": "rejected", "n1": "added",
                           "n2": "added"}  # fmt: skip
    told = "document.getElementById('changes').textContent"
    assert tab.run(told) == "5 changed, kept nowhere: save a file"
    places = tab.run(f"['n1', 'n2'].map((id) => {EDITS}[id].ms)")
    tab.run("Storage.prototype.setItem = window.setItem")
    tab.press("u")  # what this tab has added
    assert tab.run(told) == "4 changed"
    tab.turn_to(one)
    arrives(tab, "n2", "added")
    assert tab.run(f"{EDITS}.n2.ms") == 4321 == places[1]
    assert states(tab) == {"d0": "accepted", "d1": "accepted", "d3": "rejected", "n2": "added"}


def test_a_browser_that_is_emptied_empties_no_open_page(tab, tabs):
    one, two = tabs
    say(tab, "d0", "accepted")
    tab.turn_to(one)
    arrives(tab, "d0", "accepted")
    tab.run("localStorage.clear()")
    tab.turn_to(two)
    tab.wait("app.stored(0) === null")
    tab.run("dispatchEvent(new Event('focus'))")
    assert states(tab) == {"d0": "accepted"}
    say(tab, "d1", "accepted")
    assert list(tab.run("app.stored(0)")) == ["d0", "d1"]


def test_what_an_earlier_page_has_kept_is_found(tab, address):
    """Pages had one entry for everything before each game had its own."""
    kept = {"games": {"1": {"d0": {"half": 1, "ms": 1000, "event": 0, "state": "accepted"}}},
            "thresholds": {"1": [0.5, 0.85]}, "settings": {"before": 5, "goOn": False}}  # fmt: skip
    fresh(tab, address)
    tab.run(f"localStorage.setItem(STORE_KEY, {json.dumps(json.dumps(kept))})")
    open_again(tab, address, "app.thresholds[1] === 0.85")
    assert tab.run("[app.settings.before, app.settings.goOn]") == [5, False]
    tab.run("app.nextGame(1)")
    assert states(tab) == {"d0": "accepted"}
    say(tab, "d1", "rejected")
    open_again(tab, address, f"(app.nextGame(1), 'd1' in {EDITS})")
    assert states(tab) == {"d0": "accepted", "d1": "rejected"}
    assert tab.complaints == []
