"""How a program ends: exit codes, one sentence, signals."""

import errno
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from shell import WAIT, environment

from common.errors import STOP_SIGNALS, Interrupted, UserError, counted, run_cli


@pytest.fixture
def end(monkeypatch, capsys):
    """Runs `main` with these words on the command line: (exit code, stderr)."""

    def run(main, *words):
        monkeypatch.setattr(sys, "argv", ["program", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            run_cli(main)
        return stop.value.code, capsys.readouterr().err

    return run


def raising(error):
    def main():
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (UserError("wrong"), 2, "wrong"),
        (Interrupted("saved"), 130, "saved"),
        (KeyboardInterrupt(), 130, "stopped by Ctrl-C"),
        (KeyboardInterrupt("SIGTERM"), 130, "stopped by SIGTERM"),
        (KeyboardInterrupt("SIGHUP"), 130, "stopped by SIGHUP"),
        (OSError(errno.ENOSPC, "", "f"), 2, "the disk is full; free some space and run the same "
         "command again (a training that has a checkpoint goes on with --resume) (f)"),
        (OSError(errno.ENOTEMPTY, "", ".f.tmp", None, "f"), 2, "a folder with files is there by "
         "now; choose another name (f)"),
        (OSError(errno.EISDIR, "", ".f.tmp", None, "f"), 2, "a folder is where a file should be; "
         "move it, or choose another folder (f)"),
        (OSError(errno.EFBIG, ""), 2, "a file would be larger than is allowed here; raise the "
         "limit (ulimit -f) or choose another file system"),
        (OSError(errno.EMFILE, "", "f"), 2, "too many files are open; raise the limit (ulimit -n) "
         "(f)"),
        (OSError(errno.ENAMETOOLONG, "", "f"), 2, "a name is too long for this file system; "
         "choose a shorter one (f)"),
        (RuntimeError("can't start new thread"), 2, "the system lets this program start no more "
         "threads (ulimit -u, or the limit of a container); set OMP_NUM_THREADS=1, pass "
         "--max_num_worker 0, or end other programs"),
        (FileNotFoundError(errno.ENOENT, "", "f"), 2, "no such file or folder; check the path (f)"),
    ],
)  # fmt: skip
def test_what_ends_a_program_is_one_sentence(end, error, code, sentence):
    assert end(raising(error)) == (code, f"error: {sentence}\n")


def test_a_package_that_is_needed_late_is_named(end):
    code, told = end(raising(ModuleNotFoundError("No module named 'torch'", name="torch")))
    assert code == 2
    assert told.startswith(f"error: torch is not installed in this Python ({sys.executable}): ")
    with pytest.raises(ModuleNotFoundError):
        end(raising(ModuleNotFoundError("No module named 'common.x'", name="common.x")))


def test_a_working_folder_that_is_gone_is_told_before_anything_else(end, tmp_path, monkeypatch):
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    begun = []
    code = end(lambda: begun.append(1))
    assert code == (2, "error: the working folder is gone; cd to one that is there\n")
    assert not begun


def test_exit_codes(end):
    assert end(lambda: None) == (0, "")
    assert end(lambda: 1) == (1, "")


@pytest.mark.parametrize(
    "error", [ValueError("x"), RuntimeError("mat1 and mat2 do not fit"), KeyError("x")]
)
def test_a_defect_keeps_its_traceback(error):
    with pytest.raises(type(error)):
        run_cli(raising(error))


@pytest.mark.parametrize(
    "main",
    [
        lambda: np.empty(10**15),
        lambda: torch.empty(10**14),
        lambda: [0] * 10**15,
        raising(torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")),
        raising(OSError(errno.ENOMEM, "Cannot allocate memory")),
    ],
)  # fmt: skip
def test_memory_that_does_not_suffice_is_told_with_the_largest_numbers(end, main):
    code, complaint = end(main, "--seed", 7, "--vocab_size", 10**6, "--a=20000000", "--b", "x")
    assert code == 2
    assert complaint.startswith("error: there is not enough memory")
    assert complaint.endswith("the largest given: --a 20000000, --vocab_size 1000000\n")
    assert complaint.count("\n") == 1


CUDA_TELLS = [
    torch.cuda.OutOfMemoryError(
        "CUDA out of memory. Tried to allocate 9.00 GiB. GPU 0 has a total capacity of 79.11 GiB "
        "of which 2.12 GiB is free.\nProcess 7 has 70.00 GiB memory in use."
    ),
    RuntimeError(
        "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported at some "
        "other API call"
    ),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
]


@pytest.mark.parametrize("error", CUDA_TELLS, ids=str)
def test_memory_of_a_card_that_does_not_suffice_is_told_as_such(end, error):
    code, complaint = end(raising(error), "--batch_size", 4096)
    assert code == 2
    amount = " for 9.00 GiB" if "9.00" in str(error) else ""
    assert complaint == (
        f"error: there is not enough memory{amount} on the card, of which others may have a part "
        "(nvidia-smi); give smaller numbers, or less data at once; the largest given: "
        "--batch_size 4096\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "CUDA error: all CUDA-capable devices are busy or unavailable",
        "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED",
    ],
)
def test_a_card_that_is_taken_is_told(end, text):
    code, complaint = end(raising(RuntimeError(f"{text}\nCompile with TORCH_USE_CUDA_DSA")))
    assert code == 2
    assert complaint == (
        f"error: the card does not take this program ({text}); see with nvidia-smi who has it or "
        "its memory, then wait or choose another --device\n"
    )


def test_other_errors_of_a_card_are_defects():
    with pytest.raises(RuntimeError, match="illegal memory access"):
        run_cli(raising(RuntimeError("CUDA error: an illegal memory access was encountered")))


def test_how_much_memory_was_asked_for(end):
    assert "memory for 7.11 PiB;" in end(lambda: np.empty(10**15))[1]
    assert "memory for 372,529.0 GiB;" in end(lambda: torch.empty(10**14))[1]


@pytest.mark.parametrize(
    "main",
    [
        lambda: np.empty(10**20),
        lambda: np.empty((10**10, 10**10)),
        lambda: np.arange(10**20),
        lambda: np.int64(10**30),
        lambda: torch.empty(10**20),
        lambda: torch.empty(10**10, 10**10),
        lambda: torch.tensor(10**30),
        lambda: torch.nn.Conv1d(1, 1, 10**20),
        lambda: int(float("inf")),
        lambda: len(range(10**30)),
    ],
)
def test_numbers_that_are_too_large_are_told(end, main):
    code, complaint = end(main, "--window_size", 10**20)
    assert code == 2
    assert complaint.startswith("error: a number is too large to compute with (")
    assert complaint.endswith(f"the largest given: --window_size {10**20}\n")
    assert complaint.count("\n") == 1


TIDY = """
import sys, time
from common.errors import run_cli

def main():
    try:
        print("up", flush=True)
        time.sleep(60)
    finally:
        time.sleep(0.3)
        print("tidied", flush=True)

if __name__ == "__main__":
    run_cli(main)
"""


@pytest.mark.parametrize("first", STOP_SIGNALS)
def test_several_signals_within_milliseconds_are_one(tmp_path, first):
    (tmp_path / "program.py").write_text(TIDY)
    process = subprocess.Popen(
        [sys.executable, "program.py"], cwd=tmp_path, env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout.readline() == "up\n"
    process.send_signal(first)
    while process.poll() is None:  # until it has ended, also while the interpreter goes down
        time.sleep(0.002)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=WAIT)
    name = "Ctrl-C" if first == signal.SIGINT else first.name
    assert (process.returncode, out, err) == (130, "tidied\n", f"error: stopped by {name}\n")


def test_a_program_that_does_not_come_to_its_end_can_still_be_stopped(tmp_path):
    (tmp_path / "program.py").write_text(
        "import threading, time\nfrom common.errors import run_cli\n"
        "def main():\n    threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "    print('up', flush=True)\nrun_cli(main)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "program.py"], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE
    )
    process.stdout.readline()
    time.sleep(2)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM


def test_the_handlers_of_who_calls_are_given_back(end):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    during = []

    def main():
        during.extend(signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM))

    end(main)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert all(handler not in before for handler in during)


def test_a_signal_that_is_ignored_stays_so(end):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        end(lambda: int(signal.getsignal(signal.SIGINT) is not signal.SIG_IGN))
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_numbers_and_their_nouns():
    assert [counted(n, "game") for n in (0, 1, 2)] == ["0 games", "1 game", "2 games"]
    assert [counted(n, "class", "classes") for n in (1, 2)] == ["1 class", "2 classes"]


def test_a_full_disk_is_told_also_where_numpy_gives_no_number(capsys):
    def main():
        raise OSError("39552 requested and 5088 written")

    with pytest.raises(SystemExit) as end:
        run_cli(main)
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("error: the disk is full; free some space")
