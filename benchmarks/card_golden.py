"""The tests that take a device, run on the card: recordings, printed numbers, plain formulas."""

import importlib.util
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from card_notes import Notes, Setting

ROOT = Path(__file__).resolve().parents[1]
FILES = (
    "test_calf_model", "test_calf_losses", "test_temporally_aware_pooling", "test_pooling",
    "test_calibration_model", "test_graph_networks", "test_vlad", "test_vlad_layers",
)  # fmt: skip
FEW = ("test_pooling",)


def golden(setting: Setting, notes: Notes) -> None:
    """Runs the tests with TEST_DEVICE and notes each that failed."""
    report = setting.folder / "golden.xml"
    words = [sys.executable, "-m", "pytest", "-q", "--tb=line", "-p", "no:cacheprovider",
             f"--junitxml={report}"]  # fmt: skip
    if importlib.util.find_spec("xdist"):
        processes = max(1, min(4, len(os.sched_getaffinity(0)) // 2))
        words += ["-n", str(processes)] if processes > 1 else []
    if setting.tiny:
        words += ["-k", "recorded"]
    files = FEW if setting.tiny and setting.device == "cpu" else FILES  # the suite has them all
    words += [f"tests/{name}.py" for name in files]
    environment = os.environ | {"TEST_DEVICE": setting.device, "OMP_NUM_THREADS": "1"}
    code = subprocess.run(words, cwd=ROOT, env=environment, check=False).returncode
    cases = list(ElementTree.parse(report).getroot().iter("testcase")) if report.exists() else []
    skipped = [case for case in cases if case.find("skipped") is not None]
    failed = [case for case in cases if case.find("failure") is not None]
    failed += [case for case in cases if case.find("error") is not None]
    for case in failed:
        trouble = case.find("failure")
        trouble = case.find("error") if trouble is None else trouble
        notes.check(
            f"{case.get('classname')}: {case.get('name')}", False, trouble.get("message", "")[:300]
        )
    passed = len(cases) - len(skipped) - len(failed)
    detail = f"{passed} passed, {len(failed)} failed, {len(skipped)} skipped (no recordings)"
    notes.check("tests that take a device", code == 0 and passed > 0, detail)
