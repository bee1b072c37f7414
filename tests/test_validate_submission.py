"""The submission validator: what each fault is called, in a folder and in a zip."""

import json
import subprocess
import sys
import unicodedata
import zipfile

import numpy as np
import pytest

from common.data.events import SOCCERNET_V1, SOCCERNET_V2, EventClasses
from common.errors import UserError
from common.results.predictions import RESULT_FILE, Detections, format_game, write_game, write_zip
from common.results.validity import array_problems, validate, verdict
from common.validate_submission import main

GAMES = ["league/2014-2015/a", "league/2014-2015/b", "league/2015-2016/c"]


def entry(**changes):
    return {
        "gameTime": "1 - 0:10",
        "label": "Goal",
        "position": "10000",
        "half": "1",
        "confidence": "0.75",
        **changes,
    }


def content(game, *entries):
    return json.dumps({"UrlLocal": game, "predictions": list(entries)})


@pytest.fixture(params=["folder", "zip"])
def write(request, tmp_path):
    """Writes {path: text} as a folder or as a zip file; returns where."""

    def into(files):
        if request.param == "folder":
            for name, text in files.items():
                (tmp_path / "results" / name).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / "results" / name).write_text(text)
            return tmp_path / "results"
        with zipfile.ZipFile(tmp_path / "results.zip", "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        return tmp_path / "results.zip"

    return into


def files(**changes):
    """A file per game with one good prediction; `changes` replaces files of games a, b, c."""
    return {
        f"{game}/{RESULT_FILE}": changes.get(game[-1], content(game, entry())) for game in GAMES
    }


def check(path, games=GAMES, classes=SOCCERNET_V2, file_name=RESULT_FILE):
    return validate(path, games, classes, file_name)


def test_good_submission(write):
    findings = check(
        write(files(b=content(GAMES[1]), c=content(GAMES[2], entry(), entry(half="2"))))
    )
    assert (findings.valid, findings.errors, findings.notes) == (True, [], [])
    assert verdict(findings) == (
        "VALID: 3 games, 3 predictions, 0 to 2 per game, confidence 0.7500 to 0.7500"
    )


def test_what_the_writer_writes_is_valid(tmp_path):
    frames, events = np.array([3, 10_000]), np.array([2, 16])
    for game in GAMES:
        halves = [(half, frames, events, np.array([0.9, 0.1], np.float32)) for half in (1, 2)]
        write_game(tmp_path / "out", game, format_game(game, halves, SOCCERNET_V2.names, 2))
    write_zip(tmp_path / "results.zip", tmp_path / "out", GAMES)
    for path in (tmp_path / "out", tmp_path / "results.zip"):
        findings = check(path)
        assert (findings.errors, findings.notes, sum(findings.predictions)) == ([], [], 12)


def test_nothing_predicted_at_all_is_valid(write):
    findings = check(write({f"{game}/{RESULT_FILE}": content(game) for game in GAMES}))
    assert verdict(findings) == "VALID: 3 games, 0 predictions"


def only_error(findings):
    assert len(findings.errors) == 1, findings.errors
    return findings.errors[0]


def test_nothing_predicted_at_all_is_a_warning(write, run):
    path = write(files(**{game[-1]: content(game) for game in GAMES}))
    code, lines = run(path, "--split", "test")
    assert code == 0 and lines[-1] == "VALID: 3 games, 0 predictions"
    assert "warning: there is not a single prediction: this would score 0" in lines


def test_folders_behind_links_are_checked(tmp_path, run):
    for game in GAMES:
        write_game(tmp_path / "store", game, content(game, entry()).encode())
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "league").symlink_to(tmp_path / "store" / "league")
    assert run(tmp_path / "results", "--split", "test")[0] == 0


def test_names_in_another_unicode_form_are_told(write):
    game, written = (unicodedata.normalize(form, "l/s/é") for form in ("NFC", "NFD"))
    findings = check(write({f"{written}/{RESULT_FILE}": content(game, entry())}), [game])
    assert any("other Unicode letters" in error for error in findings.errors)


def test_a_byte_order_mark_is_told(write):
    error = only_error(check(write(files(b="\ufeff" + content(GAMES[1], entry())))))
    assert error.startswith(f"{GAMES[1]}/{RESULT_FILE} begins with a byte order mark")


def test_names_that_the_zip_does_not_declare_to_be_utf8_are_told(tmp_path):
    path, game = tmp_path / "r.zip", "l/s/é"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{game}/{RESULT_FILE}", content(game, entry()))
    assert check(path, [game]).valid
    data = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(mark) + flags + 1] = 0
    path.write_bytes(data)
    error = only_error(check(path, [game]))
    assert error.startswith("names that the zip does not declare to be UTF-8: 1, such as l/s/é/")
    assert "the evaluator would read as l/s/├⌐/" in error


def test_missing_game(write):
    submitted = files()
    del submitted[f"{GAMES[1]}/{RESULT_FILE}"]
    error = only_error(check(write(submitted)))
    assert error.startswith("games of the split without a results_spotting.json: 1; a game without")
    assert error.endswith(f":\n  {GAMES[1]}")


def test_many_missing_games_are_not_all_listed(write):
    games = [*GAMES, *(f"l/s/{n}" for n in range(30))]
    error = only_error(check(write(files()), games))
    assert len(error.splitlines()) == 12 and error.endswith("\n  and 20 more")


def test_extra_game(write):
    error = only_error(check(write(files() | {f"l/s/x/{RESULT_FILE}": content("l/s/x")})))
    assert error == "games that are not of the split: 1; leave them out:\n  l/s/x"


def test_prefix_folder(write):
    submitted = {f"outputs_test/{name}": text for name, text in files(b=content(GAMES[1])).items()}
    path = write(submitted)
    findings = check(path)
    error = only_error(findings)
    assert "the league folders must be at its root: zip from inside outputs_test/" in error
    assert error.endswith(f"or pass {path / 'outputs_test'}") == path.is_dir()
    assert findings.predictions == [1, 0, 1]  # the rest is checked all the same


def test_other_file_name(write):
    path = write({f"{game}/Predictions-v2.json": content(game, entry()) for game in GAMES})
    error = only_error(check(path))
    assert (
        "without a results_spotting.json: 3; they have files such as Predictions-v2.json" in error
    )
    assert "--Prediction_file" in error
    assert check(path, file_name="Predictions-v2.json").valid


def test_other_files_are_a_note(write):
    findings = check(
        write(files() | {"log.txt": "", f"__MACOSX/{GAMES[0]}/._{RESULT_FILE}": "", "x.json": "{"})
    )
    assert findings.valid
    assert len(findings.notes) == 1 and findings.notes[0].startswith(
        "files that nobody reads: 3, such as "
    )


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "a\\x", "C:/x"])
def test_paths_that_leave_the_archive(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "r.zip", "w") as archive:
        archive.writestr(f"{name}/{RESULT_FILE}", "{}")
    assert "may lead out of its folder" in only_error(check(tmp_path / "r.zip"))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_file_that_is_there_twice(tmp_path):
    with zipfile.ZipFile(tmp_path / "r.zip", "w") as archive:
        for name, text in [*files().items(), *files().items()][:4]:
            archive.writestr(name, text)
    assert only_error(check(tmp_path / "r.zip")) == (
        f"{GAMES[0]}/{RESULT_FILE} is there twice; keep one of them"
    )


def test_no_zip(tmp_path):
    path = tmp_path / "r.zip"
    path.write_bytes(b"PK but no zip")
    assert "is no whole zip file" in only_error(check(path))
    with pytest.raises(UserError, match="found neither"):
        check(tmp_path / "nothing")


@pytest.mark.parametrize("damage", ["flipped", "cut"])
def test_damaged_zip(tmp_path, damage):
    path = tmp_path / "r.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files(a=content(GAMES[0], *[entry()] * 200)).items():
            archive.writestr(name, text)
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[120:140] = bytes(20)
    path.write_bytes(data[: len(data) if damage == "flipped" else len(data) // 2])
    error = only_error(check(path))
    assert "cannot be unpacked" in error if damage == "flipped" else "no whole zip" in error


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is not valid JSON"),
        ('{"predictions": [', "is not valid JSON"),
        ("[]", 'has no list "predictions"'),
        ('{"predictions": {}}', 'has no list "predictions"'),
        (content("b", "x"), "prediction 0, field half: expected 1 or 2, found 'x'"),
        (content("b", entry(), {}), "prediction 1, field half: expected 1 or 2, found None"),
        (content("b", entry(half="first")), "field half: expected 1 or 2, found 'first'"),
        (content("b", entry(half="0")), "field half: expected 1 or 2, found '0'"),
        (content("b", entry(position="1000.0")), "field position: expected whole milliseconds"),
        (content("b", entry(position="-500")), "field position: expected milliseconds from 0 on"),
        (content("b", entry(position=None)), "field position: expected whole milliseconds"),
        (content("b", entry(confidence="high")), "field confidence: expected a number"),
        (content("b", entry(label=["Goal"])), "field label: expected a class name"),
    ],
)
def test_files_that_cannot_be_read(write, text, expected):
    findings = check(write(files(b=text)))
    error = only_error(findings)
    assert error.startswith(GAMES[1]) and expected in error
    assert findings.predictions == [1, 1]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"half": "3"}, "in a half that the games do not have"),
        ({"confidence": "nan"}, "with a confidence that is not finite"),
        ({"confidence": "inf"}, "with a confidence that is not finite"),
    ],
)
def test_values_that_do_not_count(write, changes, expected):
    error = only_error(check(write(files(b=content(GAMES[1], entry(), entry(**changes))))))
    assert error.startswith(f"predictions {expected}: 1 in {GAMES[1]}; ")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"confidence": "1.5"}, "with a confidence outside [0, 1]"),
        ({"confidence": "-0.5"}, "with a confidence outside [0, 1]"),
        ({"position": "7200000"}, "beyond 120 minutes"),
        ({"position": str(10**30)}, "beyond 120 minutes"),
        ({"confidence": "0.5"}, "with class, half and position of another"),
        ({"position": 2000}, "with values that are not strings"),
        ({"position": "1", "more": "x"}, "with a field less or more"),
    ],
)
def test_values_that_count_but_are_odd(write, changes, expected):
    texts = {game[-1]: content(game, entry(), entry(**changes)) for game in GAMES[1:]}
    findings = check(write(files(**texts)))
    assert findings.valid
    notes = [n for n in findings.notes if expected in n]
    assert len(notes) == 1
    assert notes[0].startswith(
        f"predictions {expected}: 2 in 2 games, the first of them {GAMES[1]};"
    )


def test_position_between_two_frames_is_fine(write):
    findings = check(write(files(b=content(GAMES[1], entry(position="10001"), entry()))))
    assert (findings.errors, findings.notes) == ([], [])


def test_a_field_that_nobody_reads_may_be_absent(write):
    lacking = {key: value for key, value in entry().items() if key != "gameTime"}
    findings = check(write(files(b=content(GAMES[1], lacking))))
    assert findings.valid and "with a field less or more" in findings.notes[0]


def test_url_of_another_game(write):
    findings = check(write(files(b=content(GAMES[0], entry()))))
    assert findings.valid and f"UrlLocal is '{GAMES[0]}'" in findings.notes[0]


def test_unknown_labels(write):
    text = content(GAMES[1], entry(label="Fowl"), entry(label="goal"), entry())
    error = only_error(check(write(files(b=text))))
    assert "2 predictions of classes that do not exist ('Fowl', 'goal'); expected Penalty" in error
    assert "--version" not in error


def test_labels_of_the_other_version(write):
    texts = {game[-1]: content(game, entry(label="card")) for game in GAMES}
    findings = check(write(files(**texts)))
    assert len(findings.errors) == 3
    assert all(error.endswith("pass --version 1") for error in findings.errors)
    assert check(write(files(**texts)), classes=SOCCERNET_V1).valid
    findings = check(write(files()), classes=SOCCERNET_V1)
    assert findings.errors[0].endswith("pass --version 2")


def test_own_classes_and_halves(write):
    classes = EventClasses(("PASS", "DRIVE"), halves=1)
    text = {game[-1]: content(game, entry(label="PASS")) for game in GAMES}
    assert check(write(files(**text)), classes=classes).valid
    text["a"] = content(GAMES[0], entry(label="DRIVE", half="2"))
    assert "half that the games do not have" in only_error(
        check(write(files(**text)), classes=classes)
    )


def test_array_problems_of_nothing():
    nothing = np.empty(0, np.int64)
    problems = array_problems(Detections(nothing, nothing, nothing, nothing.astype(float)))
    assert set(problems.values()) == {0}


# The command.


@pytest.fixture
def run(capsys, tmp_path):
    """Runs the command on a data folder of two splits; returns exit code and lines."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "splits.json").write_text(json.dumps({"test": GAMES, "challenge": ["l/s/x"]}))

    def main_with(*arguments, root=data):
        data_root = ["--SoccerNet_path", str(root)] if root else []
        code = main([*map(str, arguments), *data_root])
        return code, capsys.readouterr().out.splitlines()

    return main_with


def test_command(write, run):
    path = write(files())
    code, lines = run(path, "--split", "test")
    assert code == 0
    assert lines == ["VALID: 3 games, 3 predictions, 1 to 1 per game, confidence 0.7500 to 0.7500"]
    code, lines = run(path)
    assert code == 1
    assert "these are the games of test; did you mean --split test?" in lines
    assert lines[-1] == "INVALID: 2 errors; 0 games, 0 predictions"


def test_command_reads_the_classes_of_the_data_folder(write, run, tmp_path):
    (tmp_path / "data" / "classes.json").write_text('["PASS"]')
    code, lines = run(write(files()), "--split", "test")
    assert code == 1 and "expected PASS" in lines[0]


def test_many_notes_are_shortened(tmp_path, run):
    games = [f"l/s/{n}" for n in range(15)]
    (tmp_path / "data" / "splits.json").write_text(json.dumps({"test": games}))
    for game in games:
        write_game(tmp_path / "out", game, content("other", entry()).encode())
    code, lines = run(tmp_path / "out", "--split", "test")
    assert code == 0 and lines[-2] == "note: and 5 more" and len(lines) == 12


def test_own_games_need_their_data_folder(write, run):
    code, lines = run(write(files()), "--split", "test", root=None)
    assert code == 1 and any("pass --SoccerNet_path" in line for line in lines)
    with pytest.raises(UserError, match=r"unknown split 'mine'; .*pass --SoccerNet_path"):
        run(write(files()), "--split", "mine", root=None)


def test_unknown_split_is_a_sentence(write, run):
    with pytest.raises(UserError, match="unknown split 'tset'; choose of test, challenge"):
        run(write(files()), "--split", "tset")


@pytest.mark.parametrize(
    ("name", "split", "version", "expected"),
    [
        ("MAXPOOL_v1", "test", 1, "VALID: 100 games, 129343 predictions, 1250 to 1417 per game"),
        ("NETVLAD_v1", "test", 1, "VALID: 100 games, 1588 predictions, 0 to 41 per game"),
        ("NETVLAD_v2", "test", 2, "VALID: 100 games, 27678 predictions, 157 to 409 per game"),
        ("NETVLAD_v2", "challenge", 2, "VALID: 50 games, 13060 predictions, 124 to 385 per game"),
    ],
)
def test_released_results_are_valid(shared, run, name, split, version, expected):
    path = shared(f"data/released/{name}_results_spotting_{split}.zip")
    code, lines = run(path, "--split", split, "--version", version, root=None)
    assert code == 0
    assert len(lines) == 1 and lines[0].startswith(expected)


def test_through_the_shell(tmp_path, repo_root):
    command = [sys.executable, "-m", "common.validate_submission"]
    done = subprocess.run(
        [*command, str(tmp_path / "nothing.zip")],
        cwd=repo_root, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("error: expected a zip file") and done.stderr.count("\n") == 1


def test_other_splits_are_advised_only_if_their_games_are_there(write, run, tmp_path):
    splits = {"test": GAMES, "again": GAMES, "none": [], "challenge": ["l/s/x"]}
    (tmp_path / "data" / "splits.json").write_text(json.dumps(splits))
    assert len(run(write(files()), "--split", "test")[1]) == 1
    assert "did you mean --split again?" in "".join(run(write(files()))[1])
    (tmp_path / "nothing").mkdir()
    assert "did you mean" not in "".join(run(tmp_path / "nothing")[1])


@pytest.mark.parametrize(("position", "apart"), [("10", 1), ("11000", 0), ("11001", 1)])
def test_clocks_that_disagree_are_a_note(write, position, apart):
    findings = check(write(files(a=content(GAMES[0], entry(position=position)))))
    assert findings.valid
    assert sum("gameTime and position are apart" in note for note in findings.notes) == apart
