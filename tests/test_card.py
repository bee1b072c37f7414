"""The script for a card: its parts, their limits, what is counted. CI runs the script itself."""

import importlib
import json
import time
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

PARTS = """
import subprocess, time
def well(setting, notes, word):
    notes.row(word=word, seconds=setting.seconds)
def wrong(setting, notes):
    notes.check("one", True)
    notes.check("two", False, "a | b")
def broken(setting, notes):
    raise RuntimeError
def slow(setting, notes):
    child = subprocess.Popen(["sleep", "300"])
    notes.row(child=child.pid)
    time.sleep(300)
"""


@pytest.fixture
def card(repo_root, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(repo_root / "benchmarks"))
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "invented_parts.py").write_text(PARTS)
    import card

    return card


@pytest.fixture
def run(card, tmp_path):
    def start(function, seconds=60.0, argument=""):
        part = card.Part(function, "invented_parts", function, seconds, argument)
        trouble, took = card.start(part, card.Setting("cpu", True, tmp_path, seconds))
        return card.read_notes(tmp_path / f"{function}.json", function, trouble, took)

    return start


def test_parts_that_end_say_how(run):
    assert run("well", 60.0, "x")["trouble"] == ""
    assert run("well", 60.0, "x")["rows"] == [{"word": "x", "seconds": 60.0}]
    assert run("broken")["trouble"] == "ended with a traceback"
    wrong = run("wrong")
    assert wrong["trouble"] == "something is wrong"
    assert [check["right"] for check in wrong["checks"]] == [True, False]


def test_a_slow_part_is_ended_with_its_children_and_keeps_what_it_found(run):
    found = run("slow", 5.0)
    assert found["trouble"] == "took longer than 5 s"
    assert found["seconds"] < 60
    status = Path(f"/proc/{found['rows'][0]['child']}/stat")
    for _ in range(600):
        if has_ended(status):
            return
        time.sleep(0.1)
    pytest.fail("the child of a slow part goes on")


def has_ended(status: Path) -> bool:
    """Whether a process is gone, or nobody has asked for its exit code yet."""
    try:
        return status.read_text().split(") ")[1][0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_the_report_has_each_part_in_both_forms(card, run, tmp_path):
    from card_report import machine, write_report

    parts = [run("well", 60.0, "x"), run("wrong")]
    write_report(tmp_path, parts, machine("cpu"))
    assert json.loads((tmp_path / "card.json").read_text())["parts"] == parts
    text = (tmp_path / "card.md").read_text()
    assert "| wrong | " in text
    assert "| two | **wrong** | a / b |" in text
    assert torch.__version__ in text


def test_parts_name_functions_that_are_there(card):
    for part in card.PARTS:
        assert callable(getattr(importlib.import_module(part.module), part.function))


# Operations by formula against those that torch counts in a step.


def counted_by_torch(model, inputs):
    with FlopCounterMode(display=False) as counter:
        outputs = model.train()(*inputs)
        outputs = [outputs] if isinstance(outputs, torch.Tensor) else outputs
        sum(output.sum() for output in outputs).backward()
    return counter.get_total_flops()


@pytest.mark.parametrize("features", [512, 2048])
def test_operations_of_netvlad(card, one_thread, features):
    from card_counts import of_vlad

    from TemporallyAwarePooling.model import TemporallyAwareModel

    counts = of_vlad(
        batch=16, frames=30, features=features, reduced=512, clusters=64, seen=32, outputs=18,
        parameters=0,
    )  # fmt: skip
    model = TemporallyAwareModel(features, 17, 30)
    found = counted_by_torch(model, [torch.randn(16, 30, features)])
    found += 2 * 16 * 64 * 512 * 18  # the classifier's gradient is added in place: not counted
    assert counts.cast + counts.exact == pytest.approx(found, rel=0.02)


def test_operations_of_calf(card, one_thread, monkeypatch):
    from card_counts import of_chunks

    from CALF.model import ContextAwareModel
    from common.calf import pyramid
    from common.calf.chunk_shape import ChunkShape
    from common.calf.fourier import direct_convolutions

    monkeypatch.setattr(pyramid, "fourier_convolutions", direct_convolutions)  # as on a card
    counts = of_chunks(
        batch=2, frames=240, features=512, classes=17, width=2, branches=1, parameters=0
    )
    model = ContextAwareModel(512, 17, ChunkShape(240, 80))
    found = counted_by_torch(model, [torch.randn(2, 240, 512)])
    found += 4 * (2 * 2 * 240 * 152 * 272)  # products that are added in place: not counted
    assert counts.cast == pytest.approx(found, rel=0.1)


def test_what_binds_a_step_is_the_longer_one(card):
    from card_counts import Ceilings, Counts

    ceilings = Ceilings(bandwidth=100, fp32=10, bf16=1000)
    assert ceilings.shortest(Counts(200, 10, 5), "fp32") == (2.0, "bytes")
    assert ceilings.shortest(Counts(100, 10, 5), "fp32") == (1.5, "flops")
    assert ceilings.shortest(Counts(10, 1000, 5), "bf16") == (1.5, "flops")


def test_programs_know_the_flags_of_the_script(card, tmp_path):
    from card_programs import FEW
    from card_shell import call_of, flags_of

    calls = flags_of(card.Setting("cpu", True, tmp_path, 60.0))
    assert {*FEW} < {*calls}
    for name, flags in calls.items():
        _, module, *words = map(str, call_of(name, tmp_path, *flags))
        args = importlib.import_module(module).parse_arguments(words)
        assert args.features == ["Synthetic.npy"]
