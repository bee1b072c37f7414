"""The page in a browser: it loads without errors or requests, and does what it says.

Needs chromium; where there is none these tests are skipped. Other tests look at the text alone.
"""

import html
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from shell import python, succeeds

from common.report.errors_by_kind import ERROR_KINDS
from common.results.inert_json import inert_json

HOSTILE = '</script><script>alert("1")</script><!-- $x$ & '
CLASSES = ["Goal", HOSTILE, "Corner"]
GAMES = ["league/season/one", f"league/{html.escape('<b>')} & 'two'"]
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--enable-logging=stderr", "--v=0", "--virtual-time-budget=4000", "--dump-dom",
]  # fmt: skip


@pytest.fixture(scope="module")
def reports(tmp_path_factory, write_tree):
    """Folders of two reports, of one run and of two."""
    root = tmp_path_factory.mktemp("report")
    rng = np.random.default_rng(0)

    def entries(n, noise):
        rows = []
        for number in range(n):
            half, event = 1 + number % 2, number % 3
            position = 60_000 * (number + 1) + int(rng.integers(0, noise))
            rows.append({"gameTime": f"{half} - {position // 60_000:02}:00", "half": str(half),
                         "label": CLASSES[event], "position": str(position),
                         "confidence": str(rng.random()),
                         "visibility": "not shown" if number % 5 == 0 else "visible"})  # fmt: skip
        return rows

    data = root / "data"
    write_tree(data, {game: entries(30, 1) for game in GAMES}, "Labels-v2.json")
    (data / "classes.json").write_text(json.dumps(CLASSES))
    (data / "splits.json").write_text(json.dumps({"test": GAMES}))
    for name, noise in (("a", 9000), ("b", 30_000)):
        run = root / "models" / name
        write_tree(run / "outputs_test", {game: entries(40, noise) for game in GAMES},
                   "results_spotting.json")  # fmt: skip
        (run / "settings_train.json").write_text(
            json.dumps({"settings": {"SoccerNet_path": "data", "note": HOSTILE},
                        "command": ["CALF/main.py", "--model_name", HOSTILE],
                        "started": "2030-01-02 03:04:05", "packages": {"torch": "9.8"}})
        )  # fmt: skip
    (root / "models/a/curves.csv").write_text(
        "epoch,train_loss,valid_loss,valid_a_mAP\n1,3,4,\n2,2,3,0.5\n"
    )
    succeeds(root, "-m", "common.report", "models/a", "--resamples", "50")
    succeeds(root, "-m", "common.report", "models/a", "--compare", "models/b",
             "--resamples", "50", "--output", "both", "--video")  # fmt: skip
    return root / "models/a/report_test", root / "both"


@pytest.fixture(scope="module")
def browse(tmp_path_factory):
    """Loads an address; returns the page as it is then, and what it complained about."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    browser = next(filter(None, map(shutil.which, names)), None)
    if browser is None:
        pytest.skip("needs a browser: chromium is not installed")

    def load(address):
        profile = tmp_path_factory.mktemp("profile")
        process = subprocess.run(
            [browser, *FLAGS, f"--user-data-dir={profile}", address],
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        complaints = [line for line in process.stderr.splitlines() if ":CONSOLE" in line]
        return process.stdout, complaints

    return load


def acted(folder, script):
    """A copy of the report that runs a script of ours, too; its address."""
    text = (folder / "report.html").read_text()
    text, policies = re.subn(r"'sha256-[^']+'", "'unsafe-inline'", text, count=1)
    assert policies == 1
    copy = folder / f"acted_{abs(hash(script))}.html"
    copy.write_text(text.replace("</body>", f"<script>{script}</script></body>"))
    return copy.as_uri()


def probe(browse, folder, script):
    """What `script`, a function body, returns in the page."""
    wrapped = (
        "addEventListener('load', async () => { const found = await (async () => {"
        f"{script}"
        "})(); const out = document.createElement('pre'); out.id = 'probe';"
        "out.textContent = JSON.stringify(found); document.body.append(out); });"
        "const wait = () => new Promise((go) => setTimeout(go, 100));"
    )
    page, complaints = browse(acted(folder, wrapped))
    assert complaints == []
    return json.loads(html.unescape(re.search(r'<pre id="probe">(.*?)</pre>', page)[1]))


def framed(browse, folder, width, script):
    """What `script`, a function body, returns in the page when it is so many pixels wide."""
    inner = acted(folder, f"""
        const wait = () => new Promise((go) => setTimeout(go, 100));
        addEventListener("load", async () => {{
            const found = await (async () => {{ {script} }})();
            parent.postMessage(JSON.stringify(found), "*");
        }});
    """)  # fmt: skip
    outer = folder / f"frame_{width}.html"
    outer.write_text(
        f"<body><iframe style='border: 0; width: {width}px; height: 900px' src='{inner}'></iframe>"
        "<script>addEventListener('message', (m) => { document.title = m.data; });</script></body>"
    )
    page, complaints = browse(outer.as_uri())
    assert complaints == []
    return json.loads(html.unescape(re.search(r"<title>(.*?)</title>", page)[1]))


@pytest.mark.parametrize("number", [0, 1])
def test_page_loads_without_a_complaint(reports, browse, number):
    address = (reports[number] / "report.html").as_uri()
    page, complaints = browse(f"{address}#game-1")
    assert complaints == []
    assert page.count('class="spot"') == 15
    assert page.count('class="detection"') > 0
    assert re.search(r'<table class="sortable[^"]*">', page)
    assert page.count("<figure") == 6 + len(CLASSES)


def test_complaints_are_noticed(reports, browse):
    """The test above can fail: an exception and a request are both seen."""
    _, complaints = browse(acted(reports[0], "nothing.there"))
    assert any("Uncaught ReferenceError" in line for line in complaints)
    image = "const i = new Image(); i.src = 'https://example.org/x.png'; document.body.append(i);"
    _, complaints = browse(acted(reports[0], image))
    assert any("Content Security Policy" in line for line in complaints)


def test_a_click_sorts_and_a_second_one_turns(reports, browse):
    first, again, by_name = probe(browse, reports[0], """
        const table = document.querySelector("#classes table.sortable");
        const value = (column) => (row) => row.cells[column].dataset.value;
        const read = (column) => [...table.tBodies[0].rows].map(value(column));
        const click = (column) => table.tHead.rows[0].cells[column].firstElementChild.click();
        click(3); const first = read(3); click(3); const again = read(3);
        click(0); return [first, again, read(0)];
    """)  # fmt: skip
    assert first == sorted(first, key=float, reverse=True)
    assert again == first[::-1]
    assert len(set(first)) == 3
    assert sorted(by_name) == sorted(CLASSES) and by_name.index("Corner") < by_name.index("Goal")


def test_timeline_zooms_shows_words_and_changes_halves(reports, browse):
    found = probe(browse, reports[0], """
        const game = document.querySelector("#game-0");
        const before = game.querySelector("svg");
        game.open = true; await wait();
        const svg = game.querySelector("svg"), spots = () => svg.querySelectorAll(".spot").length;
        const all = spots(), [half1, half2, , closer] = game.querySelectorAll(".bar button");
        const mark = svg.querySelector("circle.spot").getBoundingClientRect();
        const place = { clientX: mark.x + mark.width / 2, clientY: mark.y + mark.height / 2 };
        svg.dispatchEvent(new PointerEvent("pointermove", { pointerId: 1, ...place }));
        const tip = document.getElementById("tip"), words = tip.hidden ? "" : tip.textContent;
        closer.click(); closer.click(); await wait(); const some = spots();
        half2.click(); await wait();
        return { drawn: before !== null, all, some, words, label: svg.ariaLabel,
                 lanes: [...svg.querySelectorAll("text.lane")].map((t) => t.textContent) };
    """)  # fmt: skip
    assert not found["drawn"]  # only once it is opened
    assert found["all"] == 15
    assert 0 < found["some"] < 15
    assert "annotated at" in found["words"]
    assert "half 2: 15 spots" in found["label"]
    assert found["lanes"] == CLASSES


def test_keys_and_wheel_zoom_and_move(reports, browse):
    counts, scrolled = probe(browse, reports[0], """
        const game = document.querySelector("#game-1"); game.open = true; await wait();
        const svg = game.querySelector("svg"), spots = () => svg.querySelectorAll(".spot").length;
        const ticks = () => [...svg.querySelectorAll("text:not(.lane)")].map((t) => t.textContent);
        const key = (key) => svg.dispatchEvent(new KeyboardEvent("keydown", { key }));
        const wheel = (ctrlKey) => svg.dispatchEvent(
            new WheelEvent("wheel", { ctrlKey, deltaY: -200, clientX: 500, cancelable: true }));
        const counts = [spots()];
        key("+"); counts.push(spots()); key("0"); counts.push(spots());
        const scrolled = wheel(false); counts.push(spots());
        wheel(true); counts.push(spots());
        const before = ticks(); key("ArrowLeft"); counts.push(before.join() !== ticks().join());
        return [counts, scrolled];
    """)  # fmt: skip
    whole, zoomed, again, untouched, turned, moved = counts
    assert whole == again == untouched == 15
    assert 0 < zoomed < 15
    assert 0 < turned < 15
    assert moved
    assert scrolled  # a wheel without Ctrl is the page's


def test_games_are_found_by_name(reports, browse):
    hidden = probe(browse, reports[0], """
        const search = document.getElementById("search");
        search.value = "TWO season"; search.dispatchEvent(new Event("input"));
        const none = [...document.querySelectorAll("details.game")].map((g) => g.hidden);
        search.value = "ONE"; search.dispatchEvent(new Event("input"));
        return [none, [...document.querySelectorAll("details.game")].map((g) => g.hidden)];
    """)  # fmt: skip
    assert hidden == [[True, True], [False, True]]


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("width", [390, 1280])
def test_page_does_not_scroll_sideways(reports, browse, width, number):
    seen, needed, spots = framed(browse, reports[number], width, """
        for (const game of document.querySelectorAll("details")) game.open = true;
        await wait(); await wait();
        return [innerWidth, document.documentElement.scrollWidth,
                document.querySelectorAll(".spot").length];
    """)  # fmt: skip
    assert (seen, spots) == (width, 30)
    assert needed <= width


@pytest.mark.parametrize("width", [390, 1280])
def test_all_links_of_the_sections_are_in_sight(reports, browse, width):
    ends = framed(browse, reports[1], width, """
        return [...document.querySelectorAll("nav a")].map((a) => a.getBoundingClientRect().right);
    """)  # fmt: skip
    assert len(ends) == 7
    assert max(ends) <= width


def test_a_narrow_table_says_that_it_goes_on_and_keeps_its_names(reports, browse):
    found = framed(browse, reports[1], 390, """
        const box = document.querySelector("#classes .scroll");
        const name = box.querySelector("tbody td");
        const state = () => [box.classList.contains("more"),
            getComputedStyle(box.nextElementSibling).display, name.getBoundingClientRect().left,
            document.elementFromPoint(20, name.getBoundingClientRect().top + 5) === name];
        name.scrollIntoView({ block: "center" }); await wait();
        const first = state();
        box.scrollLeft = box.scrollWidth; await wait();
        box.dispatchEvent(new Event("scroll")); // a browser without a screen draws no next frame
        return [first, state(), box.scrollLeft > 100];
    """)  # fmt: skip
    (more, hint, left, seen), (more_at_the_end, _, left_at_the_end, still_seen), scrolled = found
    assert scrolled
    assert (more, hint, more_at_the_end) == (True, "block", False)
    assert left == left_at_the_end
    assert seen and still_seen


@pytest.mark.parametrize("number", [0, 1])
def test_only_tables_that_go_on_have_a_hint(reports, browse, number):
    """Here the table of the scores fits, and that of classes with endless names does not."""
    found = framed(browse, reports[number], 1280, """
        await wait();
        return [...document.querySelectorAll(".scroll")].map((box) => [
            box.scrollWidth > box.clientWidth + 1,
            getComputedStyle(box.nextElementSibling).display === "block"]);
    """)  # fmt: skip
    assert all(goes_on == hint for goes_on, hint in found)
    assert {goes_on for goes_on, _ in found} == {True, False}


def test_names_of_runs_break_at_their_separators(reports, tmp_path, browse):
    """No line of a heading ends inside a word, though there is little room."""
    root, name = reports[1].parent, "NetVLAD_withoutanything_seed0"
    shutil.copytree(root / "models/a", tmp_path / "models" / name)
    succeeds(tmp_path, "-m", "common.report", f"models/{name}", "--compare", root / "models/b",
             "--SoccerNet_path", root / "data", "--resamples", "20",
             "--output", tmp_path / "both")  # fmt: skip
    lines = framed(browse, tmp_path / "both", 390, """
        const nodes = [...document.querySelectorAll("#classes th span.one")]
            .flatMap((span) => [...span.childNodes]).filter((node) => node.nodeName === "#text");
        return nodes.map((node) => {
            const range = document.createRange(); range.selectNodeContents(node);
            return [node.textContent, range.getClientRects().length];
        });
    """)  # fmt: skip
    assert lines == [["NetVLAD_", 1], ["withoutanything_", 1], ["seed0", 1]] * 3


def test_each_time_line_explains_its_marks(reports, browse):
    before, words, above = probe(browse, reports[0], """
        const game = document.querySelector("#game-1");
        const items = () => [...game.querySelectorAll(".key li")];
        const before = items().length;
        game.open = true; await wait();
        const lowest = Math.max(...items().map((li) => li.getBoundingClientRect().bottom));
        return [before, items().map((li) => li.textContent),
                game.querySelector("svg").getBoundingClientRect().top - lowest];
    """)  # fmt: skip
    assert before == 0
    assert words[:3] == ["annotated", "annotated, not shown", "missed"]
    assert words[3:] == [f"detected: {kind}" for kind in ERROR_KINDS]
    assert 0 <= above < 30


def test_page_says_how_the_run_was_made(reports):
    for folder, runs in zip(reports, (1, 2), strict=True):
        settings = (folder / "report.html").read_text().partition('id="settings"')[2]
        assert settings.count("<dd>2030-01-02 03:04:05</dd>") == runs
        assert settings.count("<dd>torch 9.8</dd>") == runs
        assert settings.count("<dd>python CALF/main.py --model_name &#x27;&lt;/script&gt;") == runs
        assert settings.count(f"<dd>{html.escape(str(reports[1].parent / 'data'))}</dd>") == runs


def test_strips_have_an_axis(reports):
    scores = (reports[1] / "report.html").read_text().partition('id="scores"')[2]
    axis = re.search(r'<svg class="axis".*?</svg>', scores)[0]
    places = {float(x): float(tick) for x, tick in re.findall(r'x="([\d.]+)%".*?>([\d.]+)<', axis)}
    (left, zero), *_, (right, most) = sorted(places.items())
    assert zero == 0
    for value, x in re.findall(
        r'<td class="bold" data-value="([\d.]+)">(?:(?!</tr>).)*?<circle cx="([\d.]+)%"', scores
    ):
        shown = (float(x) - left) / (right - left) * most
        assert shown == pytest.approx(100 * float(value), abs=0.02 * most)


def test_page_warns_of_the_mean_gap(reports):
    assert (
        "has the smaller gap, also where it is the worse one"
        in (reports[0] / "report.html").read_text()
    )


def test_text_from_files_stays_text(reports):
    for folder in reports:
        text = (folder / "report.html").read_text()
        assert "alert(" in text
        assert '<script>alert("1")' not in text
        assert text.count("</script>") == text.count("<script") == 2
        assert "<b>" not in text
        assert "&lt;/script&gt;" in text


def test_page_names_no_server(reports):
    for folder in reports:
        text = (folder / "report.html").read_text()
        assert set(re.findall(r"https?://[^\s\"')]*", text)) <= {
            "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink",
        }  # fmt: skip
        assert not re.search(r"<link|<img|@import|url\((?!#)|src=", text)


def test_json_in_the_page_is_inert_and_whole():
    value = {HOSTILE: [1, None, "\u2028 & <!--"]}
    text = inert_json(value)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == value


def test_each_figure_lies_beside_the_page(reports):
    names = {"classes", "errors", "tolerances", "reliability", "offsets", "training",
             "precision_recall"}  # fmt: skip
    for folder, pages in zip(
        reports, ({"report.html"}, {"report.html", "watch.html"}), strict=True
    ):
        files = {file.name for file in folder.iterdir() if not re.match("acted|frame", file.name)}
        assert files == pages | {f"{n}.{s}" for n in names for s in ("png", "svg")}
        assert (folder / "errors.png").read_bytes().startswith(b"\x89PNG")
        assert (folder / "errors.svg").read_text().rstrip().endswith("</svg>")


def test_same_runs_give_the_same_page(reports, tmp_path):
    root = reports[1].parent
    succeeds(root, "-m", "common.report", "models/a", "--resamples", "50", "--output", tmp_path)
    for file in tmp_path.glob("*.*"):
        assert file.read_bytes() == (reports[0] / file.name).read_bytes(), file.name


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["models/none"], "none"),
        (["models/a", "--tolerance", "0"], "--tolerance"),
        (["models/a", "--tolerance", "61"], "--tolerance"),
        (["models/a", "--threshold", "-1"], "--threshold"),
        (
            ["models/a", "--threshold", "auto"],
            "choose thresholds first: python -m common.operating_point /",
        ),
        (["models/a", "--resamples", "-1"], "--resamples"),
        (["models/a", "--split", "valid"], "valid"),
    ],
)
def test_wrong_words_are_one_sentence(reports, words, said):
    process = python(reports[1].parent, "-m", "common.report", *words)
    assert process.returncode == 2
    assert process.stderr.count("error: ") == 1
    assert said in process.stderr
    assert "Traceback" not in process.stderr


def test_fixed_threshold_and_no_intervals(reports, tmp_path):
    root = reports[1].parent
    succeeds(root, "-m", "common.report", "models/b", "--threshold", "0.5", "--resamples", "0",
             "--output", tmp_path)  # fmt: skip
    text = (tmp_path / "report.html").read_text()
    assert "above the threshold 0.5" in text
    assert "resamples" not in text
    assert not (tmp_path / "training.png").exists()  # this run has no curves


def test_saved_thresholds_are_taken(reports, tmp_path):
    root, run = reports[1].parent, reports[1].parent / "models/b"
    classes = {name: {"threshold": 0.9, "F1": 0.1} for name in CLASSES[:2]}
    classes[CLASSES[2]] = {"threshold": None, "F1": 0}
    content = {"chosen_on": "valid", "tolerance_seconds": 5, "classes": classes}
    (run / "operating_point.json").write_text(json.dumps(content))
    succeeds(root, "-m", "common.report", "models/b", "--threshold", "auto", "--resamples", "0",
             "--output", tmp_path)  # fmt: skip
    text = (tmp_path / "report.html").read_text()
    data = json.loads(re.search(r'id="data">(.*?)</script>', text)[1])
    found = [half["found"] for game in data["games"] for half in game["halves"]]
    assert {event for _, events, *_ in found for event in events} == {0, 1}
    assert min(percent for _, _, column, *_ in found for percent in column) >= 90


@pytest.mark.parametrize("found", [[], [{"half": "1", "label": "A", "position": "5000",
                                         "confidence": "0.5"}]])  # fmt: skip
def test_a_report_of_next_to_nothing(tmp_path, write_tree, browse, found):
    """One game of one half, one class, one spot or none, no detection or one."""
    spots = [{"gameTime": "1 - 00:05", "label": "A", "position": "5000"}] if not found else []
    data = write_tree(tmp_path / "data", {"game": spots}, "Labels-v2.json")
    (data / "classes.json").write_text(json.dumps({"classes": ["A"], "halves": 1}))
    (data / "splits.json").write_text(json.dumps({"test": ["game"]}))
    results = write_tree(tmp_path / "results.zip", {"game": found}, "results_spotting.json")
    process = succeeds(tmp_path, "-W", "error", "-m", "common.report", results,
                       "--SoccerNet_path", data, "--resamples", "20")  # fmt: skip
    assert "hold not a single spot" in process.stderr if found else "spot" not in process.stderr
    page = tmp_path / "results_report_test" / "report.html"
    assert str(page) in process.stdout
    assert "so there are no distances to show" in page.read_text()
    assert not (page.parent / "offsets.png").exists()
    html_after, complaints = browse(f"{page.as_uri()}#game-0")
    assert complaints == []
    # A detection without a spot reaches no threshold of best F1, so it has no lane at first.
    assert html_after.count('class="lane"') == len(spots)
