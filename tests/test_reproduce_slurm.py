"""Jobs of Slurm as `common.reproduce` sees them, with commands that only pretend."""

import json
import multiprocessing
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fake_baseline import Fake
from fake_slurm import FakeSlurm
from shell import WAIT

pytest.importorskip("submitit", reason="needs the optional package submitit")

from common.errors import EXIT_INTERRUPTED, Interrupted, UserError
from common.reproduce import slurm, slurm_jobs
from common.reproduce.cluster import begin_on_cluster
from common.reproduce.job import Job
from common.reproduce.launch import work_off
from common.reproduce.runs import DONE, plan, workspace_of, write_record
from common.reproduce.tables import find_tables

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Slurm's commands are sh scripts")


@pytest.fixture
def fake(tmp_path):
    return Fake(tmp_path)


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    pretended = FakeSlurm(tmp_path / "slurm")
    monkeypatch.setenv("PATH", pretended.path)
    monkeypatch.setattr(slurm, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(slurm_jobs, "LATE_SECONDS", 0.0)
    return pretended


def runs_of(fake):
    workspace = workspace_of("Fake", data=fake.data, folder=fake.out / "Fake", root=fake.root)
    return plan(find_tables("Fake", fake.root)["main"].rows, workspace, [], None)


def command(fake, *parameters):
    """What a command begins runs with; another one is another command."""
    folder = fake.out / "Fake" / "jobs"
    return begin_on_cluster("slurm", folder=folder, root=fake.root, parameters=parameters)


# Submitting, and finding again.


def test_a_later_command_finds_the_job_and_submits_no_other(fake, cluster):
    first, second = (command(fake)(runs_of(fake)[0], None) for _ in range(2))
    assert cluster.states() == ["PENDING"]
    command(fake)(runs_of(fake)[1], None)
    assert len(cluster.states()) == 2
    cluster.finish(fake.out / "Fake" / "jobs", 1)
    for each in (first, second):
        assert each.over()
        assert each.complaint() == ""


def test_commands_at_once_submit_one_job(fake, cluster):
    commands, run = [command(fake) for _ in range(4)], runs_of(fake)[0]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda begin: begin(run, None), commands))
    assert len(cluster.states()) == 1


def test_the_same_run_in_another_folder_is_another_job(fake, cluster):
    command(fake)(runs_of(fake)[0], None)
    fake.out = fake.out.with_name("elsewhere")
    command(fake)(runs_of(fake)[0], None)
    assert len(cluster.states()) == 2


def test_a_comment_of_ones_own_stays(fake, cluster):
    begin = command(fake, "slurm_comment=project 7")
    begin(runs_of(fake)[0], None)
    assert "|project 7 reproduce-" in (cluster.folder / "queue").read_text()
    command(fake)(runs_of(fake)[0], None)
    assert len(cluster.states()) == 1


def test_a_job_that_is_ending_is_waited_for(fake, cluster, monkeypatch):
    monkeypatch.setattr(slurm_jobs, "AGAIN_SECONDS", 0.0)
    command(fake)(runs_of(fake)[0], None)
    cluster.set(1, "COMPLETING")
    begin = command(fake)
    assert begin(runs_of(fake)[0], None) == "waiting for job 1, which is ending"
    cluster.set(1, "CANCELLED")
    assert not isinstance(begin(runs_of(fake)[0], None), str)
    assert cluster.states() == ["CANCELLED", "PENDING"]


def test_a_run_that_is_done_meanwhile_is_not_submitted(fake, cluster):
    run = runs_of(fake)[0]
    run.folder.mkdir(parents=True)
    write_record(run, state=DONE)
    (run.folder / "results_test.json").write_text("{}")
    attempt = command(fake)(run, None)
    assert attempt.over()
    assert attempt.complaint() == ""
    assert cluster.states() == []


def test_what_sbatch_refuses_is_a_sentence(fake, cluster):
    cluster.file("refuse", "sbatch: error: Batch job submission failed: Invalid partition name\n")
    sentence = r"Slurm takes no job \(Batch job submission failed: Invalid partition name\); see"
    with pytest.raises(UserError, match=sentence):
        command(fake)(runs_of(fake)[0], None)


def test_a_queue_that_is_full_is_asked_again(fake, cluster, monkeypatch):
    begin, (first, second, *_) = command(fake), runs_of(fake)
    begin(first, None)
    cluster.file("refuse", "sbatch: error: job submit limit")
    told = begin(second, None)
    assert (
        told == "Slurm takes no job (job submit limit); see --cluster; it is asked again every 60 s"
    )
    (cluster.folder / "refuse").unlink()
    assert begin(second, None) == told  # not yet
    later = time.monotonic() + 61
    monkeypatch.setattr(slurm_jobs.time, "monotonic", lambda: later)
    assert not isinstance(begin(second, None), str)
    assert len(cluster.states()) == 2


@pytest.mark.parametrize("wrong", ["timeout_min=soon", "mem_gb=much", "nodes=1.5", "gpus=1"])
def test_parameters_that_submitit_does_not_take(fake, cluster, wrong):
    with pytest.raises(UserError, match="submitit cannot submit to slurm"):
        command(fake, wrong)


def test_numbers_among_the_parameters(fake, cluster):
    command(fake, "mem_gb=1.5", "timeout_min=7")(runs_of(fake)[0], None)
    (script,) = (fake.out / "Fake" / "jobs").glob("*_submission.sh")
    assert "--mem=1536MB\n" in script.read_text()
    assert "--time=7\n" in script.read_text()


# Watching.


def test_a_job_that_is_put_back_has_not_ended(fake, cluster):
    attempt = command(fake)(runs_of(fake)[0], None)
    told = []
    for state, nodes, reason in (
        ("PENDING", "", "Priority"), ("PENDING", "", "Resources"), ("RUNNING", "n7", "None"),
        ("COMPLETING", "n7", "None"), ("PENDING", "", "BeginTime"), ("RUNNING", "n8", "None"),
        ("PENDING", "", "PartitionDown"),
    ):  # fmt: skip
        cluster.set(1, state, nodes, reason)
        assert not attempt.over()
        told.append(attempt.news())
    assert told == [
        "job 1 waits", "", "job 1 runs on n7", "", "job 1 waits", "job 1 runs on n8",
        "job 1 waits (PartitionDown)",
    ]  # fmt: skip
    assert attempt.standing() == "job 1 waits (PartitionDown)"


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("CANCELLED", "job 1 has ended: it was cancelled"),
        ("NODE_FAIL", "job 1 has ended: its node failed"),
        ("OUT_OF_MEMORY", "its memory did not suffice; give more to --cluster mem_gb="),
        ("TIMEOUT", "its time was over before it had saved its state"),
        ("FAILED", "it left no result; its last words: no space"),
        ("COMPLETED", "it left no result; its last words: no space"),
        (None, "it left no result; its last words: no space"),  # Slurm has forgotten it
    ],
)
def test_a_job_that_ends_without_a_result_is_told(fake, cluster, state, sentence):
    attempt = command(fake)(runs_of(fake)[0], None)
    (fake.out / "Fake" / "jobs" / "1_0_log.err").write_text("some line\nno space\n")
    if state:
        cluster.set(1, state)
    else:
        (cluster.folder / "queue").write_text("")
    assert attempt.over()
    assert sentence in attempt.complaint()
    cluster.finish(fake.out / "Fake" / "jobs", 1, ("success", "exit code 2: it broke"))
    assert attempt.complaint() == "exit code 2: it broke"


def test_an_error_of_a_job_is_its_last_line(fake, cluster):
    attempt = command(fake)(runs_of(fake)[0], None)
    trace = "Traceback (most recent call last):\n  File x\ncommon.errors.UserError: it cannot\n"
    cluster.finish(fake.out / "Fake" / "jobs", 1, ("error", trace))
    assert attempt.over()
    assert attempt.complaint() == "job 1 failed: it cannot"


def test_a_controller_that_does_not_answer_is_waited_for(fake, cluster):
    attempt = command(fake)(runs_of(fake)[0], None)
    cluster.file("broken")
    for expected in ("squeue does not answer (slurm_load_jobs error: Unable to contact)", ""):
        assert not attempt.over()
        assert attempt.news() == expected
    with pytest.raises(UserError, match="Slurm does not tell of its jobs"):
        command(fake)(runs_of(fake)[1], None)
    (cluster.folder / "broken").unlink()
    assert not attempt.over()
    assert attempt.news() == "job 1 waits"


def test_a_preempted_job_that_is_not_put_back_is_submitted_anew(fake, cluster):
    attempt = command(fake)(runs_of(fake)[0], None)
    cluster.set(1, "PREEMPTED")
    assert not attempt.over()
    assert cluster.states() == ["PREEMPTED", "PENDING"]
    assert not attempt.over()
    cluster.finish(fake.out / "Fake" / "jobs", 2)
    assert attempt.over()
    assert attempt.complaint() == ""


# Stopping.


@pytest.mark.parametrize(
    ("name", "left"), [("", 0), ("SIGTERM", 0), ("SIGHUP", 1)]
)  # Ctrl-C has no name
def test_jobs_end_with_the_command_but_not_with_its_terminal(fake, cluster, capsys, name, left):
    first, second = runs_of(fake)[:2]
    command(fake)(first, None)  # of another command, which has its own way to end it
    begin = command(fake)

    def stopped(run, device):
        if len(cluster.states()) == 2:
            raise KeyboardInterrupt(name)
        return begin(run, device)

    runs = [first, second, runs_of(fake)[2]]
    with pytest.raises(Interrupted, match="0 of 3 runs are done"):
        work_off(runs, stopped, 3)
    assert cluster.states() == ["PENDING", "PENDING" if left else "CANCELLED"]
    said = capsys.readouterr().err
    assert "job 1 goes on; scancel 1 ends it" in said
    assert ("job 2 goes on" in said) == bool(left)


def test_a_job_that_cannot_be_cancelled_is_told_and_the_others_are_cancelled(
    fake, cluster, capsys
):  # fmt: skip
    attempt = command(fake)(runs_of(fake)[0], None)
    cluster.file("broken")
    attempt.stop("Ctrl-C")
    assert "job 1 could not be cancelled: scancel: error: Unable to" in capsys.readouterr().err


# The job itself.


def start_job(run, path):
    """The job of a run as a process, in the surroundings that Slurm and submitit give it."""

    def be_job():
        os.environ |= {"SUBMITIT_EXECUTOR": "slurm", "SLURM_JOB_ID": "7", "PATH": path}
        result = Job(run)()
        (run.workspace.folder / "result").write_text(f"it said {result!r}")

    job = multiprocessing.get_context("fork").Process(target=be_job)
    job.start()
    return job


def wait_for(condition):
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


@pytest.mark.parametrize("told", ["both", "program", "both, in a time of grace"])
def test_a_job_that_has_to_go_saves_and_leaves_no_result(fake, cluster, told):
    run = runs_of(fake)[0]
    record, result = run.folder / "reproduce.json", fake.out / "Fake" / "result"
    grace = told.endswith("grace")
    cluster.file("warned", "RUNNING\n" if grace else "COMPLETING\n")
    fake.set("hold")
    job = start_job(run, cluster.path)
    wait_for(lambda: list(fake.out.rglob("last.pth.tar")))
    wait_for(record.is_file)
    program = json.loads(record.read_text())["pid"]
    os.kill(program, signal.SIGUSR2)  # for the job, and Slurm sends it to both
    if told == "program":  # which ends before the job hears of it
        os.kill(program, signal.SIGTERM)
        wait_for(lambda: json.loads(record.read_text())["state"] == "stopped")
    job.terminate()
    if grace:  # it asks to be put back, until it is
        wait_for(lambda: cluster.calls("scontrol"))
        cluster.file("warned", "COMPLETING\n")
    job.join(WAIT)
    assert job.exitcode == EXIT_INTERRUPTED
    assert not result.exists()
    assert run.log.read_text().endswith("saved\n")
    assert set(cluster.calls("scontrol")) == ({"requeue 7"} if grace else set())
    fake.set("hold", False)
    job = start_job(run, cluster.path)  # put back
    job.join(WAIT)
    assert result.read_text() == "it said ''"
    assert fake.history() == ["A 0 overwrite None", "A 0 resume None"]
    assert run.state() == DONE


def test_a_job_does_not_run_other_code_than_was_submitted(fake, cluster):
    run = runs_of(fake)[0]
    (fake.root / "Fake" / "score.py").write_text('VALUES = {"A": 0.6, "B": 0.4}\n')
    assert "code was changed since" in Job(run)()
    assert not fake.history()


def test_a_job_is_put_back_as_long_as_it_gets_on(fake):
    run = runs_of(fake)[0]
    run.folder.mkdir(parents=True)
    curves = run.folder / "curves.csv"
    curves.write_text("epoch,seconds\n")
    job = Job(run)
    for epoch in range(9):  # each gets to the end of one
        with curves.open("a") as file:
            file.write(f"{epoch},1\n")
        job = job.checkpoint().function
    for _ in range(3):
        job = job.checkpoint().function
    with pytest.raises(UserError, match="put back 5 times within one epoch; give more to"):
        job.checkpoint()
