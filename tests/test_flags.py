"""Every program and command takes its flags by one parser."""

import ast
import importlib
import re

import pytest

from common.training.flags import new_parser

BASELINES = (
    "CALF",
    "CALF_Calibration",
    "CALF_Calibration_GCN",
    "DenseAnchors",
    "Pooling",
    "TemporallyAwarePooling",
)
# Each with words that it takes.
PROGRAMS = {
    **{f"{name}.main": ["--SoccerNet_path", "DATA"] for name in BASELINES},
    "CALF_Calibration.extract_top_view": ["--with_resnet", "18"],
    "common.compare.__main__": ["RUN"],
    "common.doctor.__main__": ["--SoccerNet_path", "DATA", "--features", "F.npy"],
    "common.download": ["--SoccerNet_path", "DATA", "--labels-only"],
    "common.ensemble": ["RUN", "-o", "OUT"],
    "common.evaluate": ["--SoccerNet_path", "DATA", "--Predictions_path", "P"],
    "common.merge_predictions": ["A", "B", "-o", "OUT"],
    "common.operating_point": ["RUN"],
    "common.report.__main__": ["RUN"],
    "common.reproduce.__main__": ["Pooling", "--SoccerNet_path", "DATA"],
    "common.synthetic.__main__": ["--out", "OUT"],
    "common.validate_submission": ["ZIP"],
}


def test_nobody_else_makes_a_parser(repo_root):
    """A parser of argparse's own takes --see for --seed, and what is refused slips through."""
    makers = {
        path.relative_to(repo_root).as_posix()
        for folder in ("common", *BASELINES)
        for path in (repo_root / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("ArgumentParser")
    }
    assert makers == set()


@pytest.mark.parametrize(("program", "words"), PROGRAMS.items(), ids=PROGRAMS)
def test_no_program_takes_a_part_of_a_flag(program, words, capsys):
    parse = importlib.import_module(program).parse_arguments
    with pytest.raises(SystemExit) as end:
        parse(["--help"])
    assert end.value.code == 0
    flags = set(re.findall(r"(?<![\w-])--[a-zA-Z]\w[\w-]*", capsys.readouterr().out))
    assert len(flags) > 1
    parse(words)
    for flag in sorted(flags):
        if flag[:-1] not in flags:
            with pytest.raises(SystemExit) as end:
                parse([*words, f"{flag[:-1]}=1"])
            assert end.value.code == 2
            assert "unrecognized arguments" in capsys.readouterr().err


def test_nor_does_a_command_of_commands():
    inner = new_parser("x", "y").add_subparsers().add_parser("inner")
    inner.add_argument("--seed", type=int)
    assert inner.parse_args(["--seed", "3"]).seed == 3
    with pytest.raises(SystemExit):
        inner.parse_args(["--see", "3"])


def test_help_shows_the_defaults():
    parser = new_parser("program", "One line. " * 20)
    add = parser.add_argument
    add("--zero", type=int, default=0, help="a")
    add("--nothing", type=float, default=0.0, help="b")
    add("--several", nargs="+", default=["x", "y"], help="c")
    add("--none", help="d")
    add("--no", action="store_true", help="e")
    add("--empty", nargs="+", default=[], help="f")
    add("--said", default="x", help="g [x]")
    words = " ".join(parser.format_help().split())
    for shown in ("a (default: 0)", "b (default: 0.0)", "c (default: x y)", "g [x]"):
        assert shown in words
    assert words.count("default") == 3
    assert max(map(len, parser.format_help().splitlines())) < 80


@pytest.mark.parametrize("baseline", BASELINES)
def test_help_says_when_training_ends(baseline, capsys):
    with pytest.raises(SystemExit):
        importlib.import_module(f"{baseline}.main").parse_arguments(["--help"])
    words = " ".join(capsys.readouterr().out.split())
    ends = {"DenseAnchors": "over which the learning rate falls linearly to 1 %"}
    usual = "or when the learning rate has fallen to 1e-8"
    assert f"ends after --max_epochs, {ends.get(baseline, usual)}" in words


ABSURD = ["-1000000000", "1e20", str(10**20), "9" * 5000, "nan", "inf", ""]


@pytest.mark.parametrize("baseline", BASELINES)
def test_absurd_numbers_are_refused_by_the_name_of_the_flag(baseline, capsys):
    parse = importlib.import_module(f"{baseline}.main").parse_arguments
    given = vars(parse(["--SoccerNet_path", "DATA"]))
    numbers = [name for name, value in given.items() if type(value) in (int, float)]
    assert len(numbers) > 10
    # Of these the first has no effect, and two are looked at behind the parser.
    for name in {*numbers} - {"LRe", "NMS_threshold", "with_dropout"}:
        flag = f"--{name}"
        for value in ABSURD:
            with pytest.raises(SystemExit) as end:
                parse([f"{flag}={value}"])
            complaint = capsys.readouterr().err
            assert end.value.code == 2
            assert flag in complaint
            assert len(complaint) < 400
