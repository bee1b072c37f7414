"""Memory that does not suffice, and a card that is taken: one sentence each, and no traceback."""

import resource
import subprocess
import sys

from card_notes import Notes, Setting
from card_shell import Ended, call_of, environment, python, write_games

_ADDRESSES = 12 << 30  # bytes that a program may map where there is no card
# A batch of 221 GB: chunks of 14,400 frames, of which most lie behind their half.
_HUGE = ["--chunk_size", "7200", "--batch_size", "60000", "--chunks_per_epoch", "60000",
         "--receptive_field", "10", "--max_epochs", "1"]  # fmt: skip
_FILL = """
import sys, torch
taken, size = [], 1 << 32
torch.zeros(1, device="cuda")
while size >= 1 << 21:
    try:
        taken.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
    except torch.OutOfMemoryError:
        size //= 2
print("full", flush=True)
sys.stdin.read()
"""


def failures(setting: Setting, notes: Notes) -> None:
    """Starts programs that cannot do what they are asked for."""
    data = write_games(setting.folder, setting.tiny)
    call = call_of("CALF", data, *_HUGE, "--device", setting.device, "--model_name", "huge")
    how = {"preexec_fn": _limit} if setting.device == "cpu" else {}
    _check(notes, "out of memory", python(setting.folder, *call, **how))
    call = call_of("CALF", data, "--device", setting.device, "--model_name", "taken",
                   "--chunk_size", 30, "--receptive_field", 10, "--max_epochs", 1)  # fmt: skip
    if setting.device == "cpu":
        notes.skip("a card whose memory is taken", "the device is the CPU")
        return
    with subprocess.Popen(
        [sys.executable, "-c", _FILL], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, env=environment(),
    ) as filler:  # fmt: skip
        told = filler.stdout.readline().strip()
        ended = python(setting.folder, *call)
        filler.stdin.close()
    notes.check("another process fills the card", told == "full", told)
    _check(notes, "a card whose memory is taken", ended)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESSES, _ADDRESSES))


def _check(notes: Notes, what: str, ended: Ended) -> None:
    """One sentence on stderr that begins with "error:" and speaks of memory, and a code for it."""
    errors = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    right = (
        ended.code == 2
        and len(errors) == 1
        and "memory" in errors[0]
        and "Traceback" not in ended.err
    )
    notes.check(what, right, f"code {ended.code}: {errors[0] if errors else ended.last_words}")
