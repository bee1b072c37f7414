"""What the machine does not give a program, and what to do about it, in one sentence."""

import errno
import re
from collections.abc import Sequence

from common.little_memory import address_space, told_of_limit

_NO_MEMORY = re.compile(
    "(can't|cannot|tried to|unable to) allocate|out of memory|not enough memory|bad_alloc|"
    "invalid buffer size|ALLOC_FAILED|failed to map segment",
    re.IGNORECASE,
)
_NO_THREAD = re.compile(
    "can't start new thread|(cannot|failed to) create (a )?thread", re.IGNORECASE
)
_ON_A_CARD = re.compile(r"\b(CUDA|CUBLAS|CUDNN|CUFFT|MPS)", re.IGNORECASE)
# Without memory for their own needs, the card's libraries say no more than that they did not begin.
_CARD_TAKEN = re.compile("busy or unavailable|(CUBLAS|CUDNN)_STATUS_NOT_INITIALIZED", re.IGNORECASE)
_TOO_LARGE = re.compile(
    "overflow|integer is too large|too large to convert|array is too big|infinity to integer|"
    "allowed (dimension|size) exceeded|out of bounds for int",
    re.IGNORECASE,
)


def limit_that_was_met(error: BaseException, words: Sequence[str]) -> str:
    """A sentence if memory, disk, threads, a card or whole numbers did not suffice, else nothing.

    Args:
        words: of the command line; the largest numbers among them are shown, for what Python,
            numpy and torch say names no flag.
    """
    if isinstance(error, RuntimeError) and _NO_THREAD.search(str(error)):
        return (
            "the system lets this program start no more threads (ulimit -u, or the limit of a "
            "container); set OMP_NUM_THREADS=1, pass --max_num_worker 0, or end other programs"
        )
    if sentence := _taken_card(error) or _too_large(error, words):
        return sentence
    return _of_the_system(error) if isinstance(error, OSError) else ""


def _too_large(error: BaseException, words: Sequence[str]) -> str:
    """A sentence if memory or whole numbers did not suffice, which is told in many ways."""
    text = str(error)
    if (
        isinstance(error, MemoryError)
        or (isinstance(error, RuntimeError | ImportError) and _NO_MEMORY.search(text))
        or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
        or (isinstance(error, SystemError) and address_space() is not None)  # an import's end
    ):
        what = f"there is not enough memory{_amount(text)}{told_of_limit()}"
        if isinstance(error, RuntimeError) and _ON_A_CARD.search(text):
            what += " on the card, of which others may have a part (nvidia-smi)"
    elif isinstance(error, OverflowError) or (
        isinstance(error, RuntimeError | ValueError | TypeError) and _TOO_LARGE.search(text)
    ):
        what = f"a number is too large to compute with ({text.partition(chr(10))[0]})"
    else:
        return ""
    largest = _largest_numbers(words)
    advice = f"; the largest given: {largest}" if largest else ""
    return f"{what}; give smaller numbers, or less data at once{advice}"


def _taken_card(error: BaseException) -> str:
    """A sentence if a card is there and does not take us, else nothing."""
    text = str(error)
    if not isinstance(error, RuntimeError) or not _CARD_TAKEN.search(text):
        return ""
    return (
        f"the card does not take this program ({text.partition(chr(10))[0]}); see with nvidia-smi "
        "who has it or its memory, then wait or choose another --device"
    )


def _amount(text: str) -> str:
    """How much memory was asked for, as far as an error says it."""
    found = re.search(r"allocate ([\d.]+) ?(bytes|[KMGTPE]i?B)", text)
    if not found:
        return ""
    number, unit = found.groups()
    return f" for {float(number) / 2**30:,.1f} GiB" if unit == "bytes" else f" for {number} {unit}"


def _largest_numbers(words: Sequence[str], most: int = 3) -> str:
    """The flags with the largest numbers from 100 on: "--vocab_size 1000000, --window_size 900"."""
    found: list[tuple[float, str]] = []
    flag = ""
    for word in words:
        name, equals, value = word.partition("=")
        if word.startswith("--"):
            flag = name
        try:
            number = abs(float(value if equals else word))
        except ValueError:
            continue
        if flag and number >= 100:
            found.append((number, f"{flag} {value if equals else word}"))
    return ", ".join(text for _, text in sorted(found, reverse=True)[:most])


_WRITTEN_IN_PART = re.compile(r"\d+ requested and \d+ written")


def _of_the_system(error: OSError) -> str:
    if error.errno is None and _WRITTEN_IN_PART.fullmatch(str(error)):  # numpy, on a full disk
        error = OSError(errno.ENOSPC, "")
    path = error.filename2 or error.filename  # of a renaming its end: what it begins with is gone
    where = f" ({path})" if path else ""
    again = (
        "free some space and run the same command again (a training that has a checkpoint goes on "
        "with --resume)"
    )
    advice = {
        errno.ENOSPC: f"the disk is full; {again}",
        errno.EDQUOT: f"the disk quota is used up; {again}",
        errno.EFBIG: "a file would be larger than is allowed here; raise the limit (ulimit -f) or "
        "choose another file system",
        errno.EMFILE: "too many files are open; raise the limit (ulimit -n)",
        errno.ENFILE: "too many files are open on this machine; end other programs",
        errno.ENAMETOOLONG: "a name is too long for this file system; choose a shorter one",
        errno.EISDIR: "a folder is where a file should be; move it, or choose another folder",
        errno.EACCES: "permission denied; choose a folder you may read and write",
        errno.EPERM: "not permitted; choose a folder you may read and write",
        errno.EROFS: "this file system is read-only; choose another folder",
        errno.ENOENT: "no such file or folder; check the path",
        errno.ENOTDIR: "a file is where a folder should be; move it, or choose another folder",
        errno.ENOTEMPTY: "a folder with files is there by now; choose another name",
        errno.EEXIST: "a file is where a folder should be; move it, or choose another folder",
    }.get(error.errno or 0, error.strerror or str(error))
    return f"{advice}{where}"
