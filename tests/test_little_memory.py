"""Under a limit of the address space each program ends in a sentence, whoever ended it."""

import resource
import signal
import subprocess
import sys

import pytest
from shell import WAIT

LIMIT = 1 << 32
PROGRAM = """
import os, signal, sys, time
from common.errors import UserError, run_cli

def main():
    {body}

run_cli(main)
"""


def start(repo_root, body="", limit=LIMIT, program=""):
    program = [sys.executable, "-c", program or PROGRAM.format(body=body)]
    limits = None if limit is None else lambda: resource.setrlimit(resource.RLIMIT_AS, (limit,) * 2)
    return subprocess.Popen(
        program, cwd=repo_root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=limits,
    )  # fmt: skip


def end_of(process):
    printed, complaint = process.communicate(timeout=WAIT)
    return process.returncode, printed, complaint


@pytest.mark.parametrize(
    "body", ["os.abort()", "os.kill(os.getpid(), signal.SIGSEGV)", "os._exit(127)"]
)
def test_an_end_without_a_word_is_told(repo_root, body):
    code, printed, complaint = end_of(start(repo_root, body))
    assert (code, printed) == (2, "")
    assert complaint.startswith("error: a library ended without a word, for want of memory")
    assert "(ulimit -v allows 4096 MiB)" in complaint
    assert complaint.count("\n") == 1


@pytest.mark.parametrize(
    ("body", "code", "printed", "complaint"),
    [
        ("print('done')", 0, "done\n", ""),
        ("return 1", 1, "", ""),
        ("raise UserError('it is wrong')", 2, "", "error: it is wrong\n"),
    ],
)
def test_other_ends_are_as_without_a_limit(repo_root, body, code, printed, complaint):
    for limit in (LIMIT, None):
        assert end_of(start(repo_root, body, limit)) == (code, printed, complaint)


@pytest.mark.parametrize(
    "error",
    [
        "MemoryError()",
        "RuntimeError('std::bad_alloc')",
        "ImportError('libtorch_cpu.so: failed to map segment from shared object')",
        "ImportError('libx.so: cannot allocate memory in static TLS block')",
        "SystemError('error return without exception set')",
    ],
)
def test_what_fails_for_want_of_memory_names_the_limit(repo_root, error):
    code, _, complaint = end_of(start(repo_root, f"raise {error}"))
    assert code == 2
    assert complaint.startswith("error: there is not enough memory (ulimit -v allows 4096 MiB);")


def test_a_program_without_memory_for_its_sentence_is_spoken_for(repo_root):
    body = (
        "import common.errors as e; e._explain = lambda error: [0] * (1 << 60); raise MemoryError"
    )
    code, _, complaint = end_of(start(repo_root, body))
    assert code == 2
    assert complaint.startswith("error: a library ended without a word, for want of memory")
    assert complaint.count("\n") == 1
    code, _, complaint = end_of(start(repo_root, body, limit=None))
    assert code == 1 and "Traceback" in complaint


def test_there_is_memory_for_the_sentence_of_a_program_that_took_all(repo_root):
    body = """
    taken = []
    size = 1 << 28
    while size:
        try:
            taken.append(bytearray(size))
        except MemoryError:
            size >>= 1
    bytearray(1 << 20)
    """
    code, _, complaint = end_of(start(repo_root, body.strip(), limit=1 << 29))
    assert code == 2
    assert complaint.startswith("error: there is not enough memory (ulimit -v allows 512 MiB);")


def test_a_package_that_is_missing_keeps_its_traceback(repo_root):
    code, _, complaint = end_of(start(repo_root, "import no_such_package"))
    assert code == 1 and "Traceback" in complaint


def test_without_a_limit_the_program_is_one_process(repo_root):
    code, _, _ = end_of(start(repo_root, "os.abort()", limit=None))
    assert code == -signal.SIGABRT


def test_signals_reach_the_work(repo_root):
    process = start(repo_root, "print('begun', flush=True); time.sleep(600)")
    assert process.stdout.readline() == "begun\n"
    process.terminate()
    code, _, complaint = end_of(process)
    assert (code, complaint) == (130, "error: stopped by SIGTERM\n")


@pytest.mark.parametrize("who", ["child", "not child"])
def test_a_signal_between_the_fork_and_the_listening_is_not_lost(repo_root, who):
    program = f"""
import os, signal
fork = os.fork

def fork_and_signal():
    child = fork()
    if {who}:
        os.kill(os.getpid(), signal.SIGTERM)
    return child

os.fork = fork_and_signal
""" + PROGRAM.format(body="time.sleep(600)")
    assert end_of(start(repo_root, program=program)) == (130, "", "error: stopped by SIGTERM\n")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_the_work_ends_with_the_process_that_was_killed(repo_root):
    process = start(repo_root, "print(os.getpid(), flush=True); time.sleep(600)")
    child = int(process.stdout.readline())
    assert child != process.pid
    process.kill()
    process.communicate(timeout=WAIT)  # comes back when nobody has the streams any more
