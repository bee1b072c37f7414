"""What this Python lacks to run the programs, in one sentence: as a rule it is the system's own.

`common` imports this before all else, and Pythons that are too old have to read it: it keeps to
their syntax and to the standard library.
"""

import shlex
import sys
from pathlib import Path
from typing import Any

OLDEST = (3, 10)
# By the name that is imported; whatever else is not found is a defect of ours. The packages of
# extras have sentences of their own: `needs_extra` in common/errors.py.
REQUIRED = (
    "SoccerNet", "huggingface_hub", "matplotlib", "numpy", "orjson", "rich", "tensorboardX",
    "tomli", "torch", "tqdm",
)  # fmt: skip
ROOT = Path(__file__).resolve().parents[1]
_EXIT_USER_ERROR = 2  # as in `common.errors`, which imports this file


def require_python() -> None:
    """Ends a program of ours under a Python that is too old; ImportError where it is a library."""
    if sys.version_info[:2] >= OLDEST:
        return
    found, oldest = (".".join(map(str, each)) for each in (sys.version_info[:3], OLDEST))
    sentence = (
        f"this is Python {found} ({sys.executable}), and {oldest} or a newer one is needed: "
        f"{_advice(f'start it with python{oldest}')}"
    )
    if not _is_program():
        raise ImportError(sentence)
    _end(sentence)


def tell_what_is_missing() -> None:
    """Has a program of ours end in the sentence of `missing_package`, also while it is imported.

    Nothing changes where somebody's own program imports us. All else keeps its traceback.
    """
    before = sys.excepthook
    if not _is_program() or hasattr(before, "tells_what_is_missing"):
        return

    def hook(kind: Any, error: Any, trace: Any) -> None:
        sentence = missing_package(error)
        if sentence:
            _end(sentence)
        before(kind, error, trace)

    hook.tells_what_is_missing = True  # type: ignore[attr-defined]
    sys.excepthook = hook


def missing_package(error: BaseException) -> str:
    """A sentence if an import found one of the required packages nowhere, else nothing."""
    name = error.name if isinstance(error, ModuleNotFoundError) else None
    if name not in REQUIRED:
        return ""
    advice = _advice(f"pip install -e {'.' if _here() else shlex.quote(str(ROOT))}")
    return f"{name} is not installed in this Python ({sys.executable}): {advice}"


def _is_program() -> bool:
    """Whether Python was started with a file in one of our folders, or with `-m` and a module."""
    if sys.argv[:1] == ["-m"]:  # until the packages above the module are imported
        words = getattr(sys, "orig_argv", [])  # -m, the module, and what follows -m in argv
        name = words[-len(sys.argv)].partition(".")[0] if words else "common"
        return (ROOT / name / "__init__.py").is_file()
    started = getattr(sys.modules.get("__main__"), "__file__", None)
    return started is not None and Path(started).resolve().parent.parent == ROOT


def _advice(otherwise: str) -> str:
    """To activate the environment that `make` makes, if it is there and not this one; or else."""
    environment = ROOT / ".venv"
    activate = environment / "bin" / "activate"
    if not activate.is_file() or Path(sys.prefix).resolve() == environment.resolve():
        return otherwise
    shown = ".venv/bin/activate" if _here() else shlex.quote(str(activate))
    return f"source {shown}, or {otherwise}"


def _here() -> bool:
    """Whether the folder of this code is the one we work in, which may be gone."""
    try:
        return ROOT.samefile(".")
    except OSError:
        return False


def _end(sentence: str) -> None:
    print(f"error: {sentence}", file=sys.stderr)
    sys.exit(_EXIT_USER_ERROR)
