"""Output that lasts, whatever becomes of it, and a home for users without one."""

import os
import subprocess
import sys

import pytest
from shell import environment

PROGRAM = """
import sys
from pathlib import Path
from rich.console import Console
from tqdm import tqdm
from common.errors import run_cli

def main():
    for number in tqdm(range(3)):
        print("Tor \\u2013 K\\u00f6ln \\u2026 \\udcff" * 3000, flush=True)
        Console().print("K\\u00f6ln \\u2026")
    Path("results").write_text("all of them")
    return 1

run_cli(main)
"""


def run(folder, shell, program=PROGRAM, **env):
    """The program behind `shell`, in which $PROGRAM starts it: (exit code, stdout, stderr)."""
    (folder / "program.py").write_text(program)
    line = shell.replace("$PROGRAM", f"'{sys.executable}' program.py")
    done = subprocess.run(
        ["bash", "-c", line], cwd=folder, env=environment() | env, capture_output=True, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp932", "utf-8", "ascii:strict"])
def test_text_comes_out_in_any_encoding(tmp_path, encoding):
    code, out, err = run(tmp_path, "$PROGRAM", PYTHONIOENCODING=encoding)
    assert (code, b"Traceback" in err) == (1, False)
    assert b"Tor " in out
    assert b"\\udcff" in out  # of a name that no encoding has
    assert (rb"\u2026" in out) == (encoding not in ("utf-8", "cp932"))


@pytest.mark.parametrize(
    "shell",
    ["$PROGRAM >&-", "$PROGRAM 2>&-", "$PROGRAM <&- >&- 2>&-", "$PROGRAM > >(head -c 5)",
     "$PROGRAM 2> >(true)", "$PROGRAM > >(true) 2>&1"],
)  # fmt: skip
def test_nobody_need_read(tmp_path, shell):
    code, _, err = run(tmp_path, shell)
    assert (code, (tmp_path / "results").read_text()) == (1, "all of them")
    assert b"Error" not in err
    assert b"ignored" not in err  # at the interpreter's end


def test_a_file_is_never_opened_in_the_place_of_standard_output(tmp_path):
    program = PROGRAM.replace(
        "    return 1", "    with open('other', 'w') as file:\n        return file.fileno()"
    )
    assert run(tmp_path, "$PROGRAM <&- >&- 2>&-", program)[0] > 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
@pytest.mark.parametrize("text", ["short", "long" * 10_000])
def test_a_full_disk_is_told(tmp_path, text):
    program = f"from common.errors import run_cli\nrun_cli(lambda: print({text!r}))\n"
    code, _, err = run(tmp_path, "$PROGRAM > /dev/full", program)
    assert code == 2
    assert err.decode().startswith("error: the disk is full")
    assert err.count(b"\n") == 1


def test_the_streams_of_who_calls_are_given_back():
    program = """
import io, sys
from common.surroundings import lasting_streams
sys.stdout = mine = io.StringIO()
with lasting_streams():
    print("inside")
    closed = sys.stdout
assert sys.stdout is mine and mine.getvalue() == "inside\\n"
mine.close()
closed.write("nobody reads")
closed.flush()
"""
    done = subprocess.run([sys.executable, "-c", program], env=environment(), capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


HOMELESS = """
import pwd, sys
from pathlib import Path
from common.errors import run_cli
def nobody(number):
    raise KeyError(number)
pwd.getpwuid = nobody
def main():
    import matplotlib.pyplot
    print(Path.home())
    return 0 if Path.home().is_dir() else 1
run_cli(main)
"""


def test_a_user_without_a_home_gets_an_empty_one_for_the_time(tmp_path):
    pytest.importorskip("pwd")
    code, out, err = run(tmp_path, "env -u HOME $PROGRAM", HOMELESS)
    assert (code, err) == (0, b"")
    assert not os.path.exists(out.decode().strip())  # noqa: PTH110
    home = tmp_path / "mine"
    home.mkdir()
    code, out, _ = run(tmp_path, "$PROGRAM", HOMELESS, HOME=str(home))
    assert (code, out.decode().strip()) == (0, str(home))
    assert home.is_dir()
