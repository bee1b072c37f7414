"""A Python without the packages, or too old: a program says so in a sentence."""

import ast
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from test_help import COMMANDS
from test_house import BASELINES

from common import missing
from common.missing import OLDEST, REQUIRED, missing_package, require_python
from common.reproduce.tables import tomllib

BARE = (sys.executable, "-S", "-E")  # no site-packages, no PYTHONPATH
SMALLER = ("CALF.fit_k_params", "CALF.loss_figure", "CALF_Calibration.extract_top_view",
           "common.convert_checkpoint")  # fmt: skip
PROGRAMS = [
    *([f"{baseline}/main.py"] for baseline in BASELINES),
    *(["-m", f"{baseline}.main"] for baseline in BASELINES),
    *(["-m", f"common.{command}"] for command in COMMANDS),
    *(["-m", name] for name in SMALLER),
]


def run(cwd, *words, **settings):
    return subprocess.run(
        [*map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=60, **settings
    )


@pytest.mark.parametrize("program", PROGRAMS, ids=" ".join)
def test_a_program_names_the_package_and_the_python(repo_root, program):
    done = run(repo_root, *BARE, *program, "--help")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    name = done.stderr.removeprefix("error: ").partition(" ")[0]
    assert name in REQUIRED
    assert f"is not installed in this Python ({sys.executable}): " in done.stderr
    assert done.stderr.endswith("pip install -e .\n")


def test_the_environment_beside_the_code_is_named_if_it_is_there(tmp_path, monkeypatch):
    absent = ModuleNotFoundError("No module named 'tqdm'", name="tqdm")
    monkeypatch.setattr(missing, "ROOT", tmp_path / "the code")
    activate = tmp_path / "the code" / ".venv" / "bin" / "activate"
    activate.parent.mkdir(parents=True)
    assert missing_package(absent).endswith(f": pip install -e '{tmp_path}/the code'")
    activate.touch()
    told = f": source '{activate}', or pip install -e '{tmp_path}/the code'"
    assert missing_package(absent).endswith(told)
    monkeypatch.chdir(tmp_path / "the code")
    assert missing_package(absent).endswith(": source .venv/bin/activate, or pip install -e .")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "the code" / ".venv"))
    assert missing_package(absent).endswith(": pip install -e .")


@pytest.mark.parametrize("name", ["common.nothing", "CALF", "nump", "rich.nothing", "cv2", None])
def test_what_is_no_missing_requirement_is_a_defect(name):
    assert missing_package(ModuleNotFoundError("No module named …", name=name)) == ""
    assert missing_package(ImportError("cannot import name …", name="numpy")) == ""


def test_a_program_of_somebody_else_keeps_its_tracebacks(repo_root, tmp_path):
    package = tmp_path / "theirs"
    package.mkdir()
    way = f"import sys\nsys.path.append({str(repo_root)!r})\n"
    (package / "__init__.py").write_text(f"{way}import common\n")
    (package / "tool.py").write_text("import common.evaluate\n")
    (tmp_path / "tool.py").write_text(f"{way}import common.evaluate\n")
    for words in (["tool.py"], ["-m", "theirs.tool"], ["-c", f"{way}import common.evaluate"]):
        done = run(tmp_path, *BARE, *words)
        assert done.returncode == 1
        assert done.stderr.startswith("Traceback") and "ModuleNotFoundError" in done.stderr


def test_a_defect_of_a_program_keeps_its_traceback(repo_root):
    code = (
        "import sys\nsys.argv, sys.orig_argv = ['-m'], ['python', '-m', 'common.evaluate']\n"
        "import common\nassert hasattr(sys.excepthook, 'tells_what_is_missing')\n"
        "import common.nothing_of_this_name"
    )
    done = run(repo_root, *BARE, "-c", code)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback") and "common.nothing_of_this_name" in done.stderr


def test_a_program_takes_the_code_beside_it(repo_root, tmp_path):
    other = tmp_path / "common"
    other.mkdir()
    (other / "__init__.py").write_text("raise SystemExit('the code of another checkout')\n")
    words = [sys.executable, "-S", repo_root / "Pooling" / "main.py", "--help"]
    done = run(tmp_path, *words, env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 2 and "is not installed" in done.stderr


def test_the_required_packages_are_those_of_pyproject(repo_root):
    project = tomllib.loads((repo_root / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={OLDEST[0]}.{OLDEST[1]}"
    declared = {canonicalize_name(Requirement(each).name) for each in project["dependencies"]}
    known = packages_distributions()
    found = {canonicalize_name(known.get(name, [name])[0]) for name in REQUIRED}
    assert found == declared


def test_a_python_that_is_too_old(monkeypatch, capsys):
    require_python()  # this one
    monkeypatch.setattr(sys, "version_info", (3, 9, 18, "final", 0))
    with pytest.raises(ImportError, match=r"this is Python 3\.9\.18 .* 3\.10 or a newer one"):
        require_python()
    monkeypatch.setattr(sys, "argv", ["-m", "--help"])
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "common.evaluate", "--help"])
    with pytest.raises(SystemExit) as end:
        require_python()
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("error: this is Python 3.9.18 (")


@pytest.mark.parametrize("baseline", [*BASELINES, "common"])
def test_older_pythons_read_what_comes_before_they_are_told(repo_root, baseline):
    files = [repo_root / baseline / name for name in ("__init__.py", "main.py")]
    for path in [*filter(Path.exists, files), repo_root / "common" / "missing.py"]:
        assert ast.parse(path.read_text(), feature_version=(3, 7)).body
