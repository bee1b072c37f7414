"""Choice of the device by name, by number and by what is there; precision."""

import os
import sys
import warnings
from pathlib import Path

import pytest
import torch

from common.errors import UserError
from common.training import device as module
from common.training.device import (
    at_least_single,
    autocast,
    choose_device,
    describe,
    require_precision,
)
from common.training.run import Run


@pytest.fixture
def cards(monkeypatch):
    """Pretends that there are so many CUDA cards and an Apple GPU or none; notes the card set."""
    chosen = []

    monkeypatch.setenv("CUDA_DEVICE_ORDER", "")  # so that it is as it was afterwards
    monkeypatch.delenv("CUDA_DEVICE_ORDER")

    def pretend(cuda, mps=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        return chosen

    return pretend


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(0, False, "cpu"), (0, True, "mps"), (1, False, "cuda:0"), (2, True, "cuda:0")],
)
def test_auto_takes_the_fastest_that_is_there(cards, cuda, mps, expected):
    cards(cuda, mps)
    assert choose_device("auto") == torch.device(expected)


def test_each_process_takes_its_own_card_unless_one_is_named(cards):
    chosen = cards(4)
    assert choose_device("auto", local_rank=3) == torch.device("cuda:3")
    assert choose_device("cuda", local_rank=2) == torch.device("cuda:2")
    assert choose_device("cuda:1", local_rank=2) == torch.device("cuda:1")
    assert [each.index for each in chosen] == [3, 2, 1]


def test_the_published_flag_names_a_card_but_gives_way_to_a_named_device(cards):
    cards(4)
    assert choose_device("auto", gpu=2) == torch.device("cuda:2")
    assert choose_device("auto", gpu=-1) == torch.device("cuda:0")
    assert choose_device("cpu", gpu=2) == torch.device("cpu")
    assert choose_device("cuda:3", gpu=2) == torch.device("cuda:3")


def test_the_published_flag_counts_cards_in_the_published_order(cards, monkeypatch):
    cards(4)
    for how in ({}, {"gpu": -1}, {"name": "cuda:1"}, {"name": "cuda:1", "gpu": 2}):
        choose_device(**how)
        assert "CUDA_DEVICE_ORDER" not in os.environ
    orders = []
    monkeypatch.setattr(
        torch.cuda, "device_count", lambda: orders.append(os.environ["CUDA_DEVICE_ORDER"]) or 4
    )
    choose_device(gpu=2)
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")  # what the user says goes before
    choose_device(gpu=2)
    assert orders == ["PCI_BUS_ID", "FASTEST_FIRST"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"name": "cuda"}, "device cuda:0 was asked for, 0 CUDA cards are here"),
        ({"gpu": 0}, "device cuda:0 was asked for, 0 CUDA cards are here"),
        ({"name": "cuda:7"}, "device cuda:7 was asked for"),
        ({"name": "mps"}, "no Apple GPU"),
    ],
)
def test_a_device_that_is_not_there_is_refused(cards, settings, sentence):
    cards(0)
    with pytest.raises(UserError, match=sentence):
        choose_device(**settings)


@pytest.mark.parametrize("name", ["gpu", "CPU", "cuda:x", "cuda:-1", "", "meta", "xpu"])
def test_an_unknown_name_is_refused_with_the_choice(name):
    with pytest.raises(UserError, match=r"unknown device .* choose auto, cpu, cuda, cuda:N or mps"):
        choose_device(name)


def test_description_for_the_log(cards, monkeypatch):
    cards(1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"Card {device.index}")
    assert describe(torch.device("cuda:0")) == "cuda:0 (Card 0)"
    assert describe(torch.device("cpu")) == f"cpu ({torch.get_num_threads()} threads)"
    assert describe(torch.device("mps")) == "mps"


def test_matrix_products_run_at_the_precision_and_no_longer():
    one = torch.ones(2, 2)
    with autocast(torch.device("cpu"), "fp32"):
        assert (one @ one).dtype == torch.float32
    with autocast(torch.device("cpu"), "bf16"):
        assert (one @ one).dtype == torch.bfloat16
    assert (one @ one).dtype == torch.float32


@pytest.mark.parametrize("warns", [True, False])
def test_a_device_that_does_not_compute_at_the_precision_is_told(monkeypatch, warns):
    def autocast(kind, dtype):
        if not warns:
            raise RuntimeError("it lacks bfloat16")
        warnings.warn("it lacks bfloat16", stacklevel=2)  # and goes on in single precision

    for precision in ("fp32", "bf16"):
        require_precision(torch.device("cpu"), precision)
    monkeypatch.setattr(torch, "autocast", autocast)
    require_precision(torch.device("mps"), "fp32")
    with pytest.raises(UserError, match=r"mps does not compute in bf16 \(it lacks.* --device cpu"):
        Run(folder=Path("nowhere"), device=torch.device("mps"), precision="bf16")


def test_half_precision_is_widened_and_double_stays():
    for dtype in (torch.bfloat16, torch.float16, torch.float32):
        assert at_least_single(torch.ones(2, dtype=dtype)).dtype == torch.float32
    double = torch.ones(2, dtype=torch.float64)
    assert at_least_single(double) is double


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_memory_is_left_to_other_systems_than_linux(monkeypatch, platform):
    def refuse(name):
        raise AssertionError("loaded a C library")

    monkeypatch.setattr(module.ctypes, "CDLL", refuse)
    monkeypatch.setattr(sys, "platform", platform)
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA card")
def test_a_real_card_is_chosen_and_named():
    device = choose_device("auto")
    assert device == torch.device("cuda:0")
    assert torch.cuda.get_device_name(0) in describe(device)
    assert torch.ones(2, device=device).sum().item() == 2
