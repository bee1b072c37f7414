"""What runs say of a published number, and how it is shown."""

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from fake_baseline import Fake

from common.data.games import official_splits
from common.errors import UserError
from common.reproduce.outcome import RowOutcome, other_reason, outcome_of, read_scores, student
from common.reproduce.page import page
from common.reproduce.render import (
    comma_separated,
    escaped,
    markdown,
    print_report,
    write_report,
)
from common.reproduce.report import COLUMNS, Step, TableReport, cells, class_rows
from common.reproduce.runs import DONE, runs_of, workspace_of, write_record
from common.reproduce.tables import Row, Table, find_tables

ROW = Row("a row", (), ("F.npy",), (0, 1, 2), "test", "loose", "gameTime", published=50.0)


def outcome(*scores, row=ROW, **more):
    return RowOutcome(row, dict(enumerate(scores)), max(len(scores), 1), **more)


# Mean, spread, verdict.


def test_mean_spread_best_and_difference():
    result = outcome(49, 50, 54)
    assert (result.mean, result.best) == (51, 54)
    assert result.sd == pytest.approx(2.6457513, abs=1e-6)  # of a sample: sqrt(14 / 2)
    assert result.difference == 1
    best = outcome(49, 50, 54, row=replace(ROW, statistic="best"))
    assert best.difference == 4


@pytest.mark.parametrize(("freedom", "t"), [(1, 12.706), (2, 4.303), (9, 2.262), (200, 2.0)])
def test_students_t(freedom, t):
    assert student(freedom) == t


def test_the_interval_of_the_difference_is_students():
    """Three runs of sd 1 against one: 4.303 x sqrt(1/3 + 1)."""
    assert outcome(49, 50, 51).expected_within == pytest.approx(4.303 * (4 / 3) ** 0.5)
    of_five = replace(ROW, runs=5)
    assert outcome(49, 50, 51, row=of_five).expected_within == pytest.approx(
        4.303 * (1 / 3 + 1 / 5) ** 0.5
    )


@pytest.mark.parametrize(
    ("scores", "more", "verdict"),
    [
        ((), {}, "not run"),
        ((), {"spotted": 1}, "no labels here"),
        ((50,), {}, "one run only"),
        ((50,), {"interval": (48, 52)}, "agrees"),
        ((45,), {"interval": (43, 47)}, "lower"),
        ((55,), {"interval": (53, 57)}, "higher"),
        ((49, 50, 51), {}, "agrees"),
        ((53.9, 54.9, 55.9), {}, "agrees"),  # 4.9 away, 4.97 are allowed
        ((54.1, 55.1, 56.1), {}, "higher"),
        ((43.9, 44.9, 45.9), {}, "lower"),
        ((54.1, 55.1, 56.1), {"interval": (40, 60)}, "higher"),  # with seeds, seeds decide
        ((49, 50, 51), {"other": "another data set"}, "not comparable"),
    ],
)
def test_verdicts(scores, more, verdict):
    assert outcome(*scores, **more).verdict == verdict


def test_verdicts_on_the_best_of_many_and_without_a_published_number():
    best = replace(ROW, statistic="best")
    assert outcome(48, 51, row=best).verdict == "reached"
    assert outcome(48, 49, row=best).verdict == "not reached"
    assert outcome(48, 49, row=replace(ROW, published=None)).verdict == "nothing published"
    assert outcome(48, row=replace(ROW, published=None), other="x").verdict == "nothing published"


# When the published number is about something else.


@pytest.fixture
def soccernet(tmp_path):
    """Empty folders for the games of train, valid and test."""
    for split in ("train", "valid", "test"):
        for game in official_splits()[split]:
            (tmp_path / game).mkdir(parents=True)
    return tmp_path


def test_all_of_soccernet_with_the_features_of_the_table_can_be_compared(soccernet):
    assert other_reason(ROW, [], soccernet) == ""
    assert other_reason(ROW, ["--device", "cpu", "--max_num_worker=2"], soccernet) == ""
    assert other_reason(ROW, ["--capture", "off", "--save_scores"], soccernet) == ""


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--features", "Commentary512.npy"], ["the features are not F.npy"]),
        (["--features=F2.npy"], ["the features are not F.npy"]),
        (["--max_epochs", "3", "--LR=1"], ["--extra-args changes --LR, --max_epochs"]),
        (["--protocol", "corrected"], ["--protocol"]),
        (["--features", "F2.npy", "--LR", "1"], ["not F.npy; --extra-args changes --LR"]),
    ],
)
def test_other_features_and_other_settings(soccernet, extra, words):
    assert all(word in other_reason(ROW, extra, soccernet) for word in words)


@pytest.mark.parametrize("name", ["splits.json", "classes.json"])
def test_other_data(soccernet, name):
    (soccernet / name).write_text("{}")
    assert f"has a {name}" in other_reason(ROW, [], soccernet)


def test_a_part_of_soccernet(soccernet):
    (soccernet / official_splits()["train"][7]).rmdir()
    assert "holds 499 of the 500 games" in other_reason(ROW, [], soccernet)


# Reading results.


@pytest.fixture
def fake(tmp_path):
    return Fake(tmp_path)


@pytest.fixture
def runs(fake):
    workspace = workspace_of("Fake", data=fake.data, folder=fake.out, root=fake.root)
    return runs_of(find_tables("Fake", fake.root)["main"].rows[0], workspace, [])


def finish(run, value, part="", **more):
    scores = {"a_mAP": value, "a_mAP_visible": value / 2,
              "per_class": {"Goal": {"AP": value, "AP_visible": 0.1}}}  # fmt: skip
    content = {"games": 4, "gt_time": "gameTime", "metrics": {"loose": scores}, **more}
    folder = run.folder / part
    folder.mkdir(parents=True)
    (folder / "results_test.json").write_text(json.dumps(content))
    write_record(run, state=DONE)


def test_scores_are_read_in_percent_from_finished_runs_only(runs):
    finish(runs[0], 0.25)
    runs[1].folder.mkdir(parents=True)
    (runs[1].folder / "results_test.json").write_text("{}")  # of a run that is not finished
    read = outcome_of(ROW, runs, "")
    assert (dict(read.scores), read.wanted, dict(read.per_class)) == ({0: 25}, 2, {"Goal": 25})
    assert read.folders == (runs[0].folder,)
    visible = outcome_of(replace(ROW, kind="visible"), runs, "")
    assert (dict(visible.scores), dict(visible.per_class)) == ({0: 12.5}, {"Goal": 10})


def test_seeds_that_were_scored_on_other_classes_are_not_averaged(runs):
    finish(runs[0], 0.25)
    other = {"a_mAP": 0.5, "per_class": {"Corner": {"AP": 0.5}}}
    finish(runs[1], 0.5, metrics={"loose": other})
    with pytest.raises(UserError, match="was scored on other classes than"):
        outcome_of(ROW, runs, "")


def test_scores_of_a_part(runs):
    finish(runs[0], 0.25, part="visual")
    assert outcome_of(replace(ROW, part="visual"), runs, "").scores == {0: 25}


def test_a_split_without_scores(runs):
    finish(runs[0], 0.25)
    row = replace(ROW, split="challenge")
    read = outcome_of(row, runs, "")
    assert (read.scores, read.spotted, read.verdict) == ({}, 0, "not run")  # nothing is there
    (runs[0].folder / "results_spotting_challenge.zip").touch()
    read = outcome_of(row, runs, "")
    assert (read.scores, read.spotted, read.verdict) == ({}, 1, "no labels here")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"gt_time": "position"}, "scored with the clock position, not gameTime"),
        ({"metrics": {}}, "has no scores for loose"),
        ({"metrics": [1]}, "has no scores for loose"),
    ],
)
def test_results_that_are_not_what_the_row_is_about(runs, more, sentence):
    finish(runs[0], 0.25, **more)
    with pytest.raises(UserError, match=sentence):
        outcome_of(ROW, runs, "")


# Showing it.

EVIL = '<script>alert(1)</script> | "q" & `c` *b* [x](y)\nnext'


def report(*outcomes, remarks=(), steps=()):
    rows = tuple(each.row for each in outcomes)
    return TableReport("Fake", Table("main", f"of {EVIL}", rows), outcomes, "DATA", remarks, steps)


EVIL_ROW = replace(ROW, name=f"row {EVIL}", source=EVIL, note=EVIL, per_class={EVIL: 1.0})
EVIL_REPORT = report(
    outcome(49, 50, row=EVIL_ROW, per_class={EVIL: 2.0}, interval=(48.0, 51.0)),
    remarks=[EVIL],
    steps=[Step(EVIL, "b", 1.5, (0.5, 2.5))],
)


def test_cells():
    row = replace(ROW, runs=5, spread=0.2, metric="tight", kind="visible", split="valid")
    assert cells(outcome(49, 50, 54, row=row, interval=(48.0, 51.0))) == (
        "a row", "tight visible, valid", "50.00 ± 0.20 (5)", "51.00 ± 2.65 (3, best 54.00)",
        "48.00 to 51.00", "+1.00", "agrees",
    )  # fmt: skip
    assert cells(outcome())[3:] == ("", "", "", "not run")
    assert cells(RowOutcome(ROW, {0: 51}, 3))[3] == "51.00 (1 of 3)"
    assert cells(outcome(spotted=1))[3] == "spotted (1)"
    assert cells(outcome(51, other="x"))[5:] == ("", "not comparable")


@pytest.mark.parametrize(
    ("difference", "interval", "text"),
    [
        (1.5, (0.5, 2.5), "a - b: +1.50 (95 %: +0.50 to +2.50), the order shows"),
        (-1, (-2, -0.5), "a - b: -1.00 (95 %: -2.00 to -0.50), reversed"),
        (1, (-2, 4), "a - b: +1.00 (95 %: -2.00 to +4.00), undecided"),
    ],
)
def test_steps(difference, interval, text):
    assert str(Step("a", "b", difference, interval)) == text


def test_columns_about_published_numbers_are_left_out_where_there_are_none():
    own = report(outcome(49, row=replace(ROW, published=None)))
    assert own.columns == ("row", "metric", "ours", "95 % over games")
    assert own.rows() == [("a row", "loose", "49.00 (1)", "")]
    assert report(outcome(49), outcome(49, row=replace(ROW, published=None))).columns == COLUMNS


def test_classes_beside_the_published_ones():
    row = replace(ROW, per_class={"Goal": 72.82, "Foul": 60.0})
    result = outcome(50, row=row, per_class={"Goal": 70.82})
    assert class_rows(result) == [("Goal", "72.82", "70.82", "-2.00"), ("Foul", "60.00", "", "")]
    other = replace(result, other="x")
    assert class_rows(other)[0] == ("Goal", "72.82", "70.82", "")


def test_the_terminal_shows_names_as_they_are(capsys):
    row = replace(ROW, name="[bold]NetVLAD++[/bold]")
    print_report(report(outcome(49, 50, row=row), remarks=["a [remark]"]))
    printed = capsys.readouterr().out
    assert "[bold]NetVLAD++[/bold]" in printed
    assert "a [remark]" in printed
    assert "49.50 ± 0.71 (2, best 50.00)" in printed


def test_markdown_has_one_line_per_row_and_escapes_names():
    text = markdown(EVIL_REPORT)
    columns = len(COLUMNS) + 2
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 3 + 3  # the rows, the classes, a head and a rule each
    for line, n in zip(table, [columns] * 3 + [4] * 3, strict=True):
        assert len(re.split(r"(?<!\\)\|", line)) == n + 2
    assert "<script>" not in text
    assert r"\<script\>" in text
    assert escaped("a|b\n c_") == r"a\|b c\_"


def test_csv_has_all_digits():
    (row,) = csv.DictReader(io.StringIO(comma_separated(EVIL_REPORT)))
    assert row["row"] == EVIL_ROW.name
    assert (row["mean"], row["n"], row["best"], row["seeds"]) == ("49.5", "2", "50", "0 1")
    assert (row["low"], row["high"], row["difference"]) == ("48.0", "51.0", "-0.5")
    (row,) = csv.DictReader(io.StringIO(comma_separated(report(outcome(49, other="x")))))
    assert (row["difference"], row["verdict"]) == ("", "not comparable")


class Reader(HTMLParser):
    """Notes tags, attributes and texts; refuses what is closed in the wrong order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text, self.links = [], [], "", []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_page_is_whole_on_its_own_and_escapes_names():
    read = Reader(page(EVIL_REPORT))
    assert "script" not in read.tags
    assert read.links == []
    assert read.text.count("<script>alert(1)</script>") == 9  # title, heading, remark, row, …
    assert "49.50 ± 0.71 (2, best 50.00)" in read.text
    assert read.tags.count("circle") == 3  # two runs and the published number


def test_a_page_of_nothing():
    read = Reader(page(report(outcome(row=replace(ROW, published=None)))))
    assert "a row" in read.text
    assert "verdict" not in read.text
    assert "svg" not in read.tags


def test_files_are_written(tmp_path):
    paths = write_report(EVIL_REPORT, tmp_path)
    assert [path.name for path in paths] == ["main.md", "main.csv", "main.html"]
    assert paths[0].read_text() == markdown(EVIL_REPORT)


# Files of scores that are none.


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ((), []), (("games",), "3"), (("games",), None), (("metrics",), []),
        (("metrics", "loose"), {}), (("metrics", "loose", "a_mAP"), "0.5"),
        (("metrics", "loose", "a_mAP"), None), (("metrics", "loose", "a_mAP"), 31.4),
        (("metrics", "loose", "per_class"), []), (("metrics", "loose", "per_class", "Goal"), {}),
        (("metrics", "loose", "per_class", "Goal", "AP"), None),
    ],
    ids=str,
)  # fmt: skip
def test_scores_that_are_none_are_one_sentence(tmp_path, where, value):
    scores = {"a_mAP": 0.5, "per_class": {"Goal": {"AP": 0.5}}}
    content = {"content": {"gt_time": "gameTime", "games": 1, "metrics": {"loose": scores}}}
    path = tmp_path / "results_test.json"
    path.write_text(json.dumps(content["content"]))
    assert read_scores(tmp_path, ROW)["a_mAP"] == 0.5
    *above, last = "content", *where
    place = content
    for name in above:
        place = place[name]
    place[last] = value
    path.write_text(json.dumps(content["content"]))
    with pytest.raises(UserError, match=r"results_test\.json has no scores for loose"):
        read_scores(tmp_path, ROW)
