"""The published tables: parsed, right, and accepted by the programs they are about."""

import importlib
import statistics
import sys

import pytest

from common.data.events import SOCCERNET_V1, V2_NAMES
from common.errors import UserError
from common.reproduce.runs import arguments_of
from common.reproduce.tables import FILE, ROOT, find_tables, read_tables

TABLES = {
    path.parent.name: find_tables(path.parent.name, ROOT) for path in sorted(ROOT.glob(f"*/{FILE}"))
}
ALL_ROWS = [
    pytest.param(baseline, row, id=f"{baseline} {table.name} {row.name}")
    for baseline, tables in TABLES.items()
    for table in tables.values()
    for row in table.rows
]


def rows_of(baseline, table):
    if baseline not in TABLES:
        pytest.skip(f"{baseline} was taken out")
    return TABLES[baseline][table].rows


def row_of(baseline, table, name):
    return next(row for row in rows_of(baseline, table) if row.name == name)


def test_every_baseline_has_tables():
    programs = {path.parent.name for path in ROOT.glob("*/main.py")}
    assert programs <= set(TABLES)
    assert all("main" in tables for tables in TABLES.values())


@pytest.mark.parametrize(("baseline", "row"), ALL_ROWS)
def test_the_program_accepts_the_arguments(baseline, row, monkeypatch):
    if not (ROOT / baseline / "main.py").is_file():
        pytest.skip(f"{baseline} has no main.py here, only its tables")
    program = importlib.import_module(f"{baseline}.main")
    words = ["--SoccerNet_path", "DATA", *arguments_of(row, []), "--seed", "3"]
    monkeypatch.setattr(sys, "argv", ["main.py", *words, "--model_name", "x"])
    args = program.parse_arguments()
    assert tuple(args.features) == row.features
    assert (args.seed, args.gt_time, args.model_name) == (3, row.clock, "x")
    assert row.split in args.split_test


@pytest.mark.parametrize(("baseline", "row"), ALL_ROWS)
def test_a_row_says_where_its_number_is_from(baseline, row):
    assert row.source or row.published is None
    names = SOCCERNET_V1.names if "v1" in row.name else V2_NAMES
    assert set(row.per_class) <= set(names)


@pytest.mark.parametrize(
    ("baseline", "row"), [each for each in ALL_ROWS if each.values[1].per_class]
)
def test_the_classes_of_a_row_have_its_number_as_their_mean(baseline, row):
    """All kinds but unshown, which the published rule multiplies by 17/13."""
    mean = statistics.mean(row.per_class.values()) * (17 / 13 if row.kind == "unshown" else 1)
    assert mean == pytest.approx(row.published, abs=0.011)


# Numbers of the papers, READMEs and leaderboards, typed once more.
@pytest.mark.parametrize(
    ("baseline", "table", "name", "published", "seeds"),
    [
        ("TemporallyAwarePooling", "main", "NetVLAD++", 53.3, 5),
        ("TemporallyAwarePooling", "main", "NetVLAD++, leaderboard", 53.40, 5),
        ("TemporallyAwarePooling", "main", "NetVLAD++, leaderboard, tight", 11.51, 5),
        ("TemporallyAwarePooling", "main", "NetVLAD++, PCA features", 50.7, 5),
        ("TemporallyAwarePooling", "main", "NetVLAD", 50.2, 5),
        ("TemporallyAwarePooling", "main", "NetVLAD, PCA features", 48.4, 5),
        ("TemporallyAwarePooling", "challenge", "NetVLAD++", 52.54, 1),
        ("TemporallyAwarePooling", "challenge", "NetVLAD++, tight", 9.91, 1),
        ("TemporallyAwarePooling", "challenge", "NetVLAD++, Baidu features", 74.63, 1),
        ("TemporallyAwarePooling", "challenge", "NetVLAD++, Baidu features, tight", 43.99, 1),
        ("Pooling", "main", "MaxPool, v1", 29.51813, 3),
        ("Pooling", "main", "NetVLAD, v1", 44.67166, 3),
        ("Pooling", "main", "MaxPool, v2", 18.57951, 3),
        ("Pooling", "main", "NetVLAD, v2", 31.37012, 3),
        ("Pooling", "main", "NetVLAD, v2, leaderboard, tight", 4.20, 3),
        ("Pooling", "main", "NetVLAD, threshold 0", 41.68, 3),
        ("Pooling", "challenge", "NetVLAD, v2", 30.74, 1),
        ("Pooling", "challenge", "NetVLAD, v2, tight", 4.31, 1),
        ("CALF", "main", "CALF", 41.61, 3),
        ("CALF", "main", "CALF, tight", 14.10, 3),
        ("CALF", "main", "CALF, older leaderboard", 40.7, 3),
        ("CALF", "challenge", "CALF", 42.22, 1),
        ("CALF", "challenge", "CALF, tight", 15.33, 1),
        ("CALF_Calibration", "main", "visual classes", 41.83, 3),
        ("CALF_Calibration", "main", "nonvisual classes", 51.28, 3),
        ("CALF_Calibration", "main", "merged", 46.80, 3),
        ("CALF_Calibration", "challenge", "merged", 46.39, 1),
        ("CALF_Calibration", "challenge", "merged, tight", 15.83, 1),
        ("CALF_Calibration_GCN", "main", "resGCN-14", 36.66, 10),
        ("CALF_Calibration_GCN", "main", "resGCN-14, best", 41.57, 10),
        ("CALF_Calibration_GCN", "merged", "resGCN-14, merged", 46.7, 3),
    ],
)
def test_published_numbers(baseline, table, name, published, seeds):
    row = row_of(baseline, table, name)
    assert (row.published, len(row.seeds)) == (published, seeds)
    assert row.clock == "gameTime"


def test_the_means_of_the_authors_logs():
    tap, gcn = (
        [
            row.published
            for row in rows_of(baseline, "logs")
            if row.kind == "all" and row.name.startswith("run ")
        ]
        for baseline in ("TemporallyAwarePooling", "CALF_Calibration_GCN")
    )
    assert (len(tap), round(statistics.mean(tap), 2)) == (5, 53.23)
    assert round(statistics.pstdev(tap), 2) == 0.27
    main = row_of("CALF_Calibration_GCN", "main", "resGCN-14")
    assert (len(gcn), round(statistics.mean(gcn), 2)) == (main.runs, main.published)
    assert round(statistics.stdev(gcn), 2) == main.spread
    assert max(gcn) == row_of("CALF_Calibration_GCN", "main", "resGCN-14, best").published


def test_parts_of_merged_results():
    """(8 visual + 9 nonvisual) / 17, as the authors say."""
    visual, other, merged = (
        row_of("CALF_Calibration", "main", name).published
        for name in ("visual classes", "nonvisual classes", "merged")
    )
    assert (8 * visual + 9 * other) / 17 == pytest.approx(merged, abs=0.06)


# What a file of tables can have wrong.

GOOD = """
[table.main]
features = ["F.npy"]
seeds = [0]
split = "test"
arguments = "--shared 1"
[[table.main.row]]
name = "a"
arguments = '--own "two words"'
published = 50
visible = 60.5
"""


@pytest.fixture
def parse(tmp_path):
    def read(text):
        path = tmp_path / FILE
        path.write_text(text)
        return read_tables(path)

    return read


def test_a_row_takes_what_it_does_not_say_from_its_table(parse):
    row, visible = parse(GOOD)["main"].rows
    assert row.arguments == ("--shared", "1", "--own", "two words")
    assert (row.features, row.seeds, row.split, row.metric) == (("F.npy",), (0,), "test", "loose")
    assert (row.kind, row.published) == ("all", 50)
    assert (visible.name, visible.kind, visible.published) == ("a, visible", "visible", 60.5)
    assert visible.arguments == row.arguments


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('split = "test"', "", ["row 1", "'split' is missing"]),
        ("seeds = [0]", "seeds = []", ["row 1, seeds", "[]"]),
        ("seeds = [0]", "seeds = [0, 0]", ["seeds", "[0, 0]"]),
        ("seeds = [0]", 'seeds = ["0"]', ["seeds", "different ints"]),
        ("seeds = [0]", "seeds = 0", ["seeds", "wrong type"]),
        ("seeds = [0]", "sedes = [0]", ["unknown key 'sedes'", "seeds"]),
        ("published = 50", "published = 150", ["row 1, published", "150"]),
        ("published = 50", "published = nan", ["row 1, published", "nan"]),
        ("published = 50", 'published = "50"', ["row 1, published", "wrong type"]),
        ("published = 50", 'metric = "losse"', ["metric", "losse"]),
        ("published = 50", 'kind = "some"', ["kind", "some"]),
        ("published = 50", 'clock = "sun"', ["clock", "sun"]),
        ("published = 50", "[table.main.row.per_class]\nGoal = 'x'", ["per_class", "Goal"]),
        ('name = "a"', "", ["row 1", "'name' is missing"]),
        ("--own", "--seed=1 --own", ["arguments: --seed is set by the command"]),
        ("--own", "--model_name ../x --own", ["--model_name is set by the command"]),
        ("'--own \"two words\"'", "'--own \"two'", ["arguments", "quotation"]),
        ("[table.main]", "[table.main]\norder = ['b']", ["order", "['b']"]),
        ("[table.main]", "[table.main]\norder = [['a']]", ["order", "[['a']]"]),
        ("[table.main]", "[table.main]\ntitle = 5", ["title", "expected a text, found 5"]),
        ("[table.main]", "[table.main", ["not valid TOML"]),
        ("[table.main]", "x = 1\n[table.main]", ["[table.<name>]"]),
        ("[[table.main.row]]", "[table.other]", ["[[table.main.row]]"]),
    ],
)
def test_errors_name_file_place_and_remedy(parse, tmp_path, old, new, words):
    assert old in GOOD
    with pytest.raises(UserError) as error:
        parse(GOOD.replace(old, new, 1))
    for word in (str(tmp_path / FILE), *words):
        assert word in str(error.value)


def test_two_rows_of_one_name(parse):
    with pytest.raises(UserError, match="two rows are named 'a'"):
        parse(GOOD + '[[table.main.row]]\nname = "a"\n')


@pytest.mark.parametrize("name", ["common", "nothing", "../Pooling", "", "Pooling/"])
def test_a_baseline_without_tables(name):
    with pytest.raises(UserError, match=f"choose of {', '.join(TABLES)}"):
        find_tables(name, ROOT)
