"""Planning, running, resuming and not repeating, on a fake baseline; then one real tiny table."""

import contextlib
import csv
import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import ClassVar

import pytest
from fake_baseline import Fake
from shell import WAIT, environment

from common.errors import Interrupted, UserError
from common.reproduce.__main__ import main
from common.reproduce.attempts import lock_run
from common.reproduce.launch import begin_here, work_off
from common.reproduce.runs import DONE, NEW, RECORD, STOPPED, plan, read_record, workspace_of
from common.reproduce.selection import choose_table
from common.reproduce.sources import code_digest, sources
from common.reproduce.tables import ROOT, find_tables
from common.reproduce.taken_flags import check_flags
from common.synthetic.data_set import write_data_set


@pytest.fixture
def fake(tmp_path):
    return Fake(tmp_path)


def words_of(fake, *more):
    return ["Fake", "--SoccerNet_path", fake.data, "--out", fake.out, *more]


@pytest.fixture
def call(fake, capsys):
    """Runs the command in this process: words -> (code, what it printed)."""

    def run(*more):
        code = main([*map(str, words_of(fake, *more))], fake.root)
        return code, capsys.readouterr().out

    return run


def runs_of(fake, extra=(), seeds=None):
    workspace = workspace_of("Fake", data=fake.data, folder=fake.out / "Fake", root=fake.root)
    return plan(find_tables("Fake", fake.root)["main"].rows, workspace, extra, seeds)


def start(fake, *more):
    """The command as a process of its own."""
    script = (
        "import sys; from pathlib import Path; from common.errors import run_cli;"
        "from common.reproduce.__main__ import main;"
        f"run_cli(lambda: main(None, Path({str(fake.root)!r})))"
    )
    return subprocess.Popen(
        [sys.executable, "-u", "-c", script, *map(str, words_of(fake, *more))],
        env=environment(), cwd=fake.data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_for(condition):
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


# What has to be run.


def test_rows_with_the_same_settings_share_their_runs_and_seeds_come_in_turn(fake):
    runs = runs_of(fake)
    assert [(run.label, run.seed) for run in runs] == [("A", 0), ("B", 0), ("A", 1), ("B", 1)]
    assert len({run.key for run in runs}) == len({run.folder for run in runs}) == 4


def test_a_key_is_settings_data_seed_and_code(fake, tmp_path):
    run = runs_of(fake)[0]
    assert runs_of(fake)[0].key == run.key
    assert runs_of(fake, extra=["--device", "cpu"])[0].key != run.key
    assert runs_of(fake, seeds=[5])[0].key != run.key
    (fake.data / "splits.json").write_text('{"test": ["another"]}')
    assert runs_of(fake)[0].key != run.key
    (fake.data / "splits.json").write_text('{"test": []}')
    assert runs_of(fake)[0].key == run.key
    (fake.data / "classes.json").write_text('["Goal"]')
    assert runs_of(fake)[0].key != run.key
    (fake.data / "classes.json").unlink()
    assert runs_of(fake)[0].key == run.key
    (fake.root / "Fake" / "score.py").write_text('VALUES = {"A": 0.6, "B": 0.4}\n')
    other = runs_of(fake)[0]
    assert other.key != run.key
    assert other.settings == run.settings


def test_the_code_is_what_the_program_imports(tmp_path):
    for name, text in {
        "a/main.py": "from b.c import x\nimport json\ndef f():\n    import b.d\n",
        "a/__init__.py": "", "b/__init__.py": "", "b/c.py": "from b import e\n", "b/d.py": "",
        "b/e.py": "from a.main import y\n", "b/unused.py": "",
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = {
        path.relative_to(tmp_path).as_posix() for path in sources(tmp_path / "a/main.py", tmp_path)
    }
    assert found == {"a/main.py", "a/__init__.py", "b/__init__.py", "b/c.py", "b/d.py", "b/e.py"}
    before = code_digest(tmp_path / "a/main.py", tmp_path)
    (tmp_path / "b/unused.py").write_text("changed = 1\n")
    assert code_digest(tmp_path / "a/main.py", tmp_path) == before
    (tmp_path / "b/e.py").write_text("changed = 1\n")
    assert code_digest(tmp_path / "a/main.py", tmp_path) != before


@pytest.mark.parametrize("baseline", ["Pooling", "TemporallyAwarePooling", "CALF"])
def test_the_code_of_a_baseline(baseline):
    if not (ROOT / baseline / "main.py").is_file():
        pytest.skip(f"{baseline} was taken out")
    found = {
        path.relative_to(ROOT).as_posix() for path in sources(ROOT / baseline / "main.py", ROOT)
    }
    assert {f"{baseline}/main.py", f"{baseline}/model.py", "common/training/training.py"} <= found
    assert not [name for name in found if name.startswith("common/reproduce")]
    assert {name.split("/")[0] for name in found} == {baseline, "common"}


def test_a_dry_run_runs_nothing(fake, call):
    code, printed = call("--dry-run")
    assert code == 0
    assert "4 runs, 0 done, 4 to do" in printed
    assert printed.count("main.py") == 4
    assert not fake.history()
    assert not fake.out.exists()


def paste(printed, folder):
    """Runs the commands of a dry run, one by one, in a shell that stands in `folder`."""
    folder.mkdir(exist_ok=True)
    lines = [line for line in printed.splitlines()[1:] if line and not line.startswith("#")]
    return [
        subprocess.run(["sh", "-c", line], cwd=folder, env=environment(), capture_output=True)
        for line in lines
    ]


def test_what_a_dry_run_prints_can_be_pasted_anywhere_and_loses_nothing(fake, call, tmp_path):
    fake.data = fake.data.rename(tmp_path / "my data")
    fake.out = tmp_path / "the output"
    elsewhere = tmp_path / "else where"
    call("--rows", "B", "--seeds", 0)
    fake.set("hold")
    process = start(fake, "--rows", "B", "--seeds", 1)
    wait_for(lambda: len(list(fake.out.rglob("last.pth.tar"))) == 2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=WAIT)
    fake.set("hold", False)
    _, printed = call("--dry-run")
    assert "4 runs, 1 done, 3 to do" in printed
    assert "# B, seed 0: done" in printed
    assert [done.returncode for done in paste(printed, elsewhere)] == [0, 0, 0]
    assert sorted(fake.history()[2:]) == ["A 0 start None", "A 1 start None", "B 1 resume None"]
    again = paste(printed, elsewhere)  # two are refused, for they are there; one tests again
    assert sorted(done.returncode for done in again) == [0, 2, 2]
    assert len(list(fake.out.rglob("results_test.json"))) == 4
    assert not any(line.endswith("overwrite None") for line in fake.history()[2:])


def test_features_that_own_data_lack_are_told_before_anything_is_run(fake, call):
    game = fake.data / "l" / "s" / "g"
    game.mkdir(parents=True)
    (fake.data / "splits.json").write_text('{"test": ["l/s/g", "l/s/absent"]}')
    with pytest.raises(UserError, match=r"features F.npy, which no game in .* no 1_\*.npy there"):
        call("--dry-run")
    (game / "1_Mine.npy").touch()
    with pytest.raises(UserError, match=r'Mine.npy there: add --extra-args "--features Mine.npy"$'):
        call("--dry-run")
    assert call("--dry-run", "--extra-args", "--features Mine.npy")[0] == 0
    (game / "1_F.npy").touch()
    assert call("--dry-run")[0] == 0
    assert not fake.history()


def test_what_a_table_needs_first_is_done_before_its_runs(fake, call):
    (fake.root / "preparation.py").write_text(
        "import pathlib, sys\n"
        "words = sys.argv[1:]\n"
        "pathlib.Path(words[words.index('--SoccerNet_path') + 1], 'prepared').write_text(\n"
        "    ' '.join(words[:1] + words[words.index('--features'):]))\n"
        "sys.exit('--fail' in words)\n"
    )
    tables = fake.root / "Fake" / "tables.toml"
    text = tables.read_text()
    tables.write_text(text.replace("[table.main]", "[table.main]\nprepare = 'preparation --x'", 1))
    code, printed = call("--dry-run", "--extra-args", "--features Mine.npy")
    assert code == 0
    assert "# before the first run" in printed
    assert not (fake.data / "prepared").exists()
    assert call("--extra-args", "--features Mine.npy")[0] == 0
    assert (fake.data / "prepared").read_text() == "--x --features Mine.npy"
    (fake.data / "prepared").unlink()
    assert call("--extra-args", "--features Mine.npy")[0] == 0  # all is done: nothing to prepare
    assert not (fake.data / "prepared").exists()
    tables.write_text(
        text.replace("[table.main]", "[table.main]\nprepare = 'preparation --fail'", 1)
    )
    with pytest.raises(UserError, match="preparation ended with exit code 1"):
        call()


def test_the_table_that_suits_the_data(tmp_path):
    tables = find_tables("TemporallyAwarePooling", ROOT)
    assert choose_table(tables, None, tmp_path).name == "main"
    assert choose_table(tables, "logs", tmp_path).name == "logs"
    (tmp_path / "splits.json").write_text("{}")
    assert choose_table(tables, None, tmp_path).name == "embedded"
    assert choose_table(tables, "main", tmp_path).name == "main"
    with pytest.raises(UserError, match="no table 'mian'; choose of main, challenge"):
        choose_table(tables, "mian", tmp_path)


# Running.


def test_a_table_is_run_once_and_shown(fake, call):
    code, printed = call()
    assert code == 0
    assert sorted(fake.history()) == sorted(f"{p} {s} overwrite None" for p in "AB" for s in (0, 1))
    assert "50.50 ± 0.71 (2, best 51.00)" in printed
    assert "25.25 ± 0.35" in printed  # visible
    assert "it is not SoccerNet" in printed
    for suffix in (".md", ".csv", ".html"):
        assert (fake.out / "Fake" / f"main{suffix}").is_file()
    again = call()[1]
    assert "4 runs, 4 done, 0 to do" in again
    assert again.partition("Fake, main")[2] == printed.partition("Fake, main")[2]
    assert len(fake.history()) == 4
    code, printed = call("--seeds", 0, 1, 2, "--rows", "B")
    assert fake.history()[4:] == ["B 2 overwrite None"]
    assert "41.00 ± 1.00 (3, best 42.00)" in printed


def test_tables_of_ones_own(fake, call, tmp_path):
    own = tmp_path / "own.toml"
    own.write_text(
        '[table.main]\nfeatures = ["F.npy"]\nsplit = "test"\nseeds = [7]\nclock = "gameTime"\n'
        '[[table.main.row]]\nname = "mine"\narguments = "--pool A"\n'
    )
    code, printed = call("--tables", own)
    assert code == 0
    assert "57.00 (1)" in printed
    assert fake.history() == ["A 7 overwrite None"]


def test_the_record_says_what_ran(fake, call):
    call("--rows", "A", "--seeds", 1, "--extra-args=--device cpu")
    (run,) = (fake.out / "Fake" / "models").iterdir()
    record = json.loads((run / RECORD).read_text())
    assert record["state"] == DONE
    assert record["arguments"] == [
        "--features", "F.npy", "--pool", "A", "--gt-time", "gameTime", "--device", "cpu"
    ]  # fmt: skip
    assert (record["seed"], record["exit_code"], record["baseline"]) == (1, 0, "Fake")
    assert run.name.endswith(f"_seed1_{record['key']}")
    assert record["seconds"] > 0


def test_other_code_means_other_runs_unless_any_code_will_do(fake, call):
    call("--rows", "B", "--seeds", 0)
    (fake.root / "Fake" / "score.py").write_text('VALUES = {"A": 0.5, "B": 0.3}\n')
    code, printed = call("--rows", "B", "--seeds", 0, "--any-code")
    assert code == 0
    assert "40.00" in printed
    assert len(fake.history()) == 1
    # Python takes a module for the one that it has compiled if size and second are the same.
    os.utime(fake.root / "Fake" / "score.py", (0, 0))
    code, printed = call("--rows", "B", "--seeds", 0)
    assert "30.00" in printed
    assert len(fake.history()) == 2


def test_a_run_whose_code_was_changed_while_it_waited_is_not_begun(fake):
    run = runs_of(fake)[0]
    (fake.root / "Fake" / "score.py").write_text('VALUES = {"A": 0.6, "B": 0.4}\n')
    (complaint,) = work_off([run], begin_here(1), 1).values()
    assert "code was changed since the command was given" in complaint
    (fake.root / "Fake" / "score.py").write_text("VALUES = {")  # somebody is just writing it
    assert work_off([run], begin_here(1), 1) == {run: complaint}
    assert not fake.history()


def test_code_is_read_once_and_where_it_cannot_be_read_nothing_begins(fake, monkeypatch):
    run = runs_of(fake)[0]
    digests = iter(["another", run.workspace.code])  # somebody has just written it
    monkeypatch.setattr("common.reproduce.attempts.code_digest", lambda *_: next(digests))
    (complaint,) = work_off([run], begin_here(1), 1).values()
    assert "code was changed since the command was given" in complaint

    def damaged(*_):
        raise OSError(errno.EIO, "Input/output error", "main.py")

    monkeypatch.setattr("common.reproduce.attempts.code_digest", damaged)
    with pytest.raises(OSError, match=r"main\.py"):
        work_off([run], begin_here(1), 1)
    assert not fake.history()


def test_a_run_that_fails_is_told_and_tried_again(fake, call):
    fake.set("break")
    code, printed = call("--rows", "A", "--seeds", 0)
    assert code == 1
    assert re.search(r"run 1 of 1: A, seed 0: failed after .* s: exit code 2: it broke\n", printed)
    assert "failed: A, seed 0: exit code 2: it broke" in printed
    assert "not run" in printed
    fake.set("break", False)
    code, printed = call("--rows", "A", "--seeds", 0)
    assert code == 0
    assert fake.history() == ["A 0 overwrite None"] * 2
    (log,) = (fake.out / "Fake" / "logs").iterdir()
    assert log.read_text().count("main.py") == 2  # both attempts


def test_a_run_is_finished_only_if_its_results_are_there(fake, call):
    fake.set("idle")
    code, printed = call("--rows", "A", "--seeds", 0)
    assert code == 1
    assert "failed: A, seed 0: it ended well and left no results of test in " in printed
    fake.set("idle", False)
    code, printed = call("--rows", "A", "--seeds", 0)
    assert "1 run, 0 done, 1 to do" in printed
    assert (code, "50.00" in printed) == (0, True)
    (results,) = fake.out.rglob("results_test.json")
    results.unlink()
    code, printed = call("--rows", "A", "--seeds", 0, "--any-code")
    assert "1 run, 0 done, 1 to do" in printed
    assert (code, "50.00" in printed) == (0, True)
    assert [line.split()[2] for line in fake.history()] == ["overwrite", "overwrite", "resume"]


def test_it_tells_what_it_is_at(fake, call):
    printed = call("--rows", "B", "--jobs", 2)[1]
    for number in (1, 2):
        begun = f"run {number} of 2: B, seed {number - 1}: begun; it prints to {fake.out}"
        assert begun in printed
        assert f"run {number} of 2: B, seed {number - 1}: done after " in printed
    assert "1 run to go, about " in call("--rows", "A")[1]


def test_jobs_and_devices(fake, call):
    call("--devices", "one", "two")
    assert sorted(line.split()[-1] for line in fake.history()) == ["one", "one", "two", "two"]


def test_several_at_once(fake):
    fake.set("hold")
    process = start(fake, "--jobs", 3)
    wait_for(lambda: len(fake.history()) == 3)
    time.sleep(0.5)
    assert len(fake.history()) == 3
    fake.set("hold", False)
    printed, complaint = process.communicate(timeout=WAIT)
    assert process.returncode == 0, complaint
    assert len(fake.history()) == 4
    assert "50.50 ± 0.71" in printed


# Stopping and going on.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_table_that_is_stopped_is_taken_up_again(fake, call, number):
    call("--rows", "B", "--seeds", 0)
    fake.set("hold")
    process = start(fake, "--jobs", 2)
    wait_for(lambda: len(list(fake.out.rglob("last.pth.tar"))) == 3)
    process.send_signal(number)
    _, complaint = process.communicate(timeout=WAIT)
    assert process.returncode == 130
    assert "error: stopped by" in complaint
    assert "0 of 3 runs are done; the same command goes on" in complaint
    assert "Traceback" not in complaint
    records = [read_record(path.parent) for path in fake.out.rglob(RECORD)]
    assert sorted(record["state"] for record in records) == [DONE, "stopped", "stopped"]
    for record in records:
        with pytest.raises(ProcessLookupError):
            os.kill(record["pid"], 0)
    assert sorted(run.state() for run in runs_of(fake)) == [DONE, NEW, STOPPED, STOPPED]
    fake.set("hold", False)
    assert call()[0] == 0
    assert sorted(line.split()[2] for line in fake.history()) == ["overwrite"] * 4 + ["resume"] * 2


def test_programs_outlive_a_command_that_is_killed_and_the_next_one_waits(fake, call):
    fake.set("hold")
    process = start(fake, "--rows", "A", "--seeds", 0)
    wait_for(lambda: list(fake.out.rglob("last.pth.tar")))
    process.kill()
    process.communicate(timeout=WAIT)
    (run,) = [run for run in runs_of(fake, seeds=[0]) if run.label == "A"]
    assert lock_run(run) is None
    second = start(fake, "--rows", "A", "--seeds", 0)
    assert any("waiting for process" in line for line in second.stdout)
    assert len(fake.history()) == 1
    fake.set("hold", False)
    printed, _ = second.communicate(timeout=WAIT)
    assert second.returncode == 0
    assert "50.00" in printed
    assert fake.history() == ["A 0 overwrite None", "A 0 resume None"]


def test_a_program_that_is_killed_is_resumed(fake, call):
    fake.set("hold")
    process = start(fake, "--rows", "A", "--seeds", 0)
    wait_for(lambda: list(fake.out.rglob("last.pth.tar")))
    (record,) = fake.out.rglob(RECORD)
    wait_for(lambda: "pid" in json.loads(record.read_text()))
    os.kill(json.loads(record.read_text())["pid"], signal.SIGKILL)
    printed, _ = process.communicate(timeout=WAIT)
    assert process.returncode == 1
    assert "exit code -9" in printed
    fake.set("hold", False)
    assert call("--rows", "A", "--seeds", 0)[0] == 0
    assert fake.history() == ["A 0 overwrite None", "A 0 resume None"]


def test_a_run_that_somebody_else_has_finished_meanwhile(fake):
    run = runs_of(fake)[0]
    begin = begin_here(1)
    assert work_off([run], begin, 1) == {}
    assert work_off([run], begin, 1) == {}
    assert len(fake.history()) == 1


def test_an_interruption_while_runs_wait(fake):
    class Stuck:
        def __init__(self, run):
            self.run, self.stopped = run, False

        def over(self):
            raise KeyboardInterrupt

        def stop(self, why):
            assert why == "Ctrl-C"
            self.stopped = True

        def wait(self):
            assert all(each.stopped for each in stuck)  # all are asked before one is waited for

    stuck = []

    def begin(run, device):
        stuck.append(Stuck(run))
        return stuck[-1]

    with pytest.raises(Interrupted, match="0 of 4 runs are done"):
        work_off(runs_of(fake), begin, 2)
    assert [each.stopped for each in stuck] == [True, True]


# What can be wrong.


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--rows", "C"], "table main has no row 'C'; choose of A, A, visible, B, A again"),
        (["--table", "none"], "no table 'none'; choose of main"),
        (["--extra-args=--seed 3"], "--extra-args: --seed is set by the command"),
        (["--extra-args=--x --gt-time=position"], "--extra-args: --gt-time is set by the command"),
        (["--extra-args=--x --help"], "--extra-args: --help prints help and runs nothing"),
        (["--extra-args=-h"], "--extra-args: -h prints help and runs nothing"),
        (["--tables", "none.toml"], "expected tables at none.toml, found no such file"),
        (
            ["--launcher", "submitit-local", "--cluster", "gpus"],
            "expected NAME=VALUE, found 'gpus'",
        ),
    ],
)
def test_errors(call, more, sentence):
    if "--cluster" in more:
        pytest.importorskip("submitit", reason="needs the optional package submitit")
    with pytest.raises(UserError, match=sentence):
        call(*more)


def test_a_program_that_is_not_there(fake, call):
    (fake.root / "Fake" / "main.py").unlink()
    with pytest.raises(UserError, match=r"expected the program .*Fake/main.py"):
        call()


def test_without_submitit(call, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(UserError, match=r"pip install -e '\.\[cluster\]'"):
        call("--launcher", "slurm")


def test_where_there_is_no_fcntl_another_lock_is_taken(fake, call, monkeypatch):
    class Locks:
        """Of Windows: the first to ask for a file gets it until it is closed."""

        LK_NBLCK = 2
        held: ClassVar[list[int]] = []

        def locking(self, number, mode, size):
            for other in self.held:
                with contextlib.suppress(OSError):  # closed
                    same = os.path.samestat(os.fstat(other), os.fstat(number))
                    if same and other != number:  # a number is given again after closing
                        break
            else:
                return self.held.append(number)
            raise PermissionError(errno.EACCES, "locked")

    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", Locks())
    run = runs_of(fake)[0]
    with lock_run(run):
        assert lock_run(run) is None
    assert call("--rows", "A", "--seeds", 0)[0] == 0
    assert fake.history() == ["A 0 overwrite None"]


def test_where_there_are_no_locks_nothing_is_trained(fake, monkeypatch):
    for name in ("fcntl", "msvcrt"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match="cannot be locked; give --out on a file system"):
        lock_run(runs_of(fake)[0])


# On a cluster.


def test_jobs_of_submitit(fake, call):
    pytest.importorskip("submitit", reason="needs the optional package submitit")
    code, printed = call("--launcher", "submitit-local", "--rows", "A", "B", "--seeds", 0)
    assert code == 0
    assert "50.00" in printed
    assert sorted(fake.history()) == ["A 0 overwrite None", "B 0 overwrite None"]
    fake.set("break")
    code, printed = call("--launcher", "submitit-local", "--rows", "B", "--seeds", 1)
    assert code == 1
    assert "exit code 2: it broke" in printed


def test_jobs_of_submitit_end_with_the_command(fake):
    pytest.importorskip("submitit", reason="needs the optional package submitit")
    fake.set("hold")
    process = start(fake, "--launcher", "submitit-local", "--rows", "A", "--seeds", 0)
    wait_for(lambda: list(fake.out.rglob("last.pth.tar")))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=WAIT)
    assert process.returncode == 130
    (record,) = fake.out.rglob(RECORD)
    wait_for(lambda: read_record(record.parent)["state"] == "stopped")


def test_a_cluster_that_is_not_there(call, monkeypatch):
    pytest.importorskip("submitit", reason="needs the optional package submitit")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match="submitit cannot submit to slurm"):
        call("--launcher", "slurm")


# A real table.


def test_a_tiny_table_from_end_to_end(tmp_path, monkeypatch, capsys):
    data, out = tmp_path / "data", tmp_path / "out"
    write_data_set(data, games=(2, 1, 2, 1), minutes=3, dim=16)
    words = [
        "TemporallyAwarePooling", "--SoccerNet_path", data, "--out", out, "--seeds", 0, 1,
        "--rows", "MaxPool", "--extra-args", "--max_epochs 1 --batch_size 8 --device cpu",
    ]  # fmt: skip
    words = [*map(str, words)]
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "table embedded: 2 runs, 0 done, 2 to do" in printed
    assert "not comparable" in printed
    assert "no interval" not in printed
    scores = {}
    for run in (out / "TemporallyAwarePooling" / "models").iterdir():
        settings = json.loads((run / "settings_train.json").read_text())["settings"]
        results = json.loads((run / "results_test.json").read_text())
        assert settings["pool"] == "MAX"
        scores[settings["seed"]] = 100 * results["metrics"]["loose"]["a_mAP"]
    (row,) = csv.DictReader((out / "TemporallyAwarePooling" / "embedded.csv").open())
    assert float(row["mean"]) == pytest.approx((scores[0] + scores[1]) / 2)
    assert float(row["best"]) == max(scores.values())
    assert 0 < float(row["low"]) < float(row["high"]) < 100
    assert main(words) == 0
    assert "2 done, 0 to do" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("--maxepochs 2", "unrecognized arguments: --maxepochs 2"),
        ("--max_epochs two", "argument --max_epochs: "),
        ("--NMS_threshold 30", "argument --NMS_threshold: "),
    ],
)
def test_flags_that_the_program_does_not_take_change_nothing(tmp_path, extra, said):
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    (data / "splits.json").write_text(json.dumps({"test": []}))
    table = out / "TemporallyAwarePooling" / "embedded.md"
    table.parent.mkdir(parents=True)
    table.write_text("finished\n")
    words = ["TemporallyAwarePooling", "--SoccerNet_path", data, "--out", out, "--dry-run"]
    with pytest.raises(
        UserError, match=r"TemporallyAwarePooling/main\.py does not take the "
    ) as error:
        main([*map(str, words), "--extra-args", extra])
    assert said in str(error.value) and "correct --extra-args or the table" in str(error.value)
    assert [path for path in out.rglob("*") if path.is_file()] == [table]
    assert main([*map(str, words), "--extra-args", "--max_epochs 2"]) == 0


@pytest.mark.parametrize(
    "baseline", sorted(path.parent.name for path in ROOT.glob("*/tables.toml"))
)
def test_each_program_takes_the_flags_of_its_tables(repo_root, tmp_path, baseline):
    tables = find_tables(baseline, repo_root).values()
    space = workspace_of(baseline, data=tmp_path, folder=tmp_path / "out", root=repo_root)
    runs = [run for table in tables for run in plan(table.rows, space, [], None)]
    check_flags(runs, [])
    with pytest.raises(UserError, match=r"unrecognized arguments: --none; correct the table"):
        check_flags([replace(runs[-1], arguments=("--none",))], [])


@pytest.mark.parametrize("text", ["", "[]", "null", '{"seconds": "long"}', '{"seconds": -1}'])
def test_a_record_that_is_none_is_named(tmp_path, text):
    (tmp_path / RECORD).write_text(text)
    with pytest.raises(UserError, match=r"reproduce\.json"):
        read_record(tmp_path)
