"""What last.pth.tar holds beside weights, checked before it is put in place."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau

from common.errors import UserError

_ADAM_STATE = {"step", "exp_avg", "exp_avg_sq"}
_COUNTS = ("num_bad_epochs", "last_epoch", "cooldown_counter")


@contextmanager
def told_of(path: Path) -> Iterator[None]:
    """Around what takes up a state: what does not read becomes a UserError naming the file."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # a file that was tampered with can make anything fail
        raise UserError(
            f"{path} holds no state that training can go on from ({error!r}); use it with "
            "--load_weights and another --model_name, or train anew with --overwrite"
        ) from error


def checked_last(content: Mapping[str, Any], path: Path) -> None:
    """Raises UserError naming the file if its content is not what a run goes on from."""
    if "progress" not in content:
        raise UserError(f"{path} has no state to resume from; use it with --load_weights")
    with told_of(path):
        checked_progress(content["progress"])
        for name in ("settings", "scheduler", "optimizer"):
            if not isinstance(content[name], dict):
                raise ValueError(f"its {name} is a {type(content[name]).__name__}")


def restore_optimizer(optimizer: torch.optim.Optimizer, saved: Mapping[str, Any]) -> None:
    """Gives an optimiser the moments and the learning rate of a saved one of the same weights."""
    groups = optimizer.state_dict()["param_groups"]
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    if [group["params"] for group in saved["param_groups"]] != [g["params"] for g in groups]:
        raise ValueError("the optimizer is of another network")
    for number, values in saved["state"].items():
        if isinstance(optimizer, torch.optim.Adam) and set(values) != _ADAM_STATE:
            raise ValueError("the optimizer is no Adam")
        for name, value in values.items():
            shape = () if name == "step" else weights[number].shape
            if not isinstance(value, Tensor) or value.shape != shape or _is_odd(value):
                raise ValueError(f"the optimizer's {name} of weight {number} is of another kind")
    rates = [_number(group["lr"], least=0.0) for group in saved["param_groups"]]
    groups = [{**ours, "lr": rate} for ours, rate in zip(groups, rates, strict=True)]
    optimizer.load_state_dict({"state": saved["state"], "param_groups": groups})


def restore_schedule(schedule: ReduceLROnPlateau, saved: Mapping[str, Any]) -> None:
    """Gives a schedule the losses and the bad epochs that a saved one has seen."""
    seen: dict[str, Any] = {name: _count(saved[name]) for name in _COUNTS}
    seen["best"] = _number(saved["best"], infinite=True)
    if "_last_lr" in saved:
        seen["_last_lr"] = [_number(rate, least=0.0) for rate in saved["_last_lr"]]
    schedule.load_state_dict({**schedule.state_dict(), **seen})


def checked_progress(saved: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a saved `Progress`, each of the right type."""
    history, sums = saved["history"], saved["sums"]
    checked = {
        "epoch": _count(saved["epoch"]),
        "best_loss": _number(saved["best_loss"]),
        "best_score": saved["best_score"],
        "best_epoch": _count(saved.get("best_epoch", 0)),
        "finished": saved["finished"],
        "history": [dict(row) for row in history],
        "length": _count(saved.get("length", 0)),
        "data": {str(name): str(digest) for name, digest in saved.get("data", {}).items()},
        "batch": _count(saved["batch"]),
        "items": _count(saved["items"]),
        "sums": {str(name): _number(value) for name, value in sums.items()},
    }
    kept = [checked["best_score"] or 0, *(number for row in history for number in row.values())]
    if not all(isinstance(number, int | float) for number in kept):  # a score may be NaN
        raise ValueError("its curves hold something else than numbers")
    if not isinstance(checked["finished"], bool) or len(history) != checked["epoch"]:
        raise ValueError("its progress contradicts itself")
    return checked


def _number(value: Any, *, least: float = -math.inf, infinite: bool = False) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= least:
        raise ValueError(f"expected a number, found {value!r}")
    if not (infinite or math.isfinite(value)):
        raise ValueError(f"expected a finite number, found {value!r}")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 53:
        raise ValueError(f"expected a number from 0 on, found {value!r}")
    return value


def _is_odd(value: Tensor) -> bool:
    """Whether a tensor is none of plain finite numbers."""
    if value.is_meta or value.is_quantized or value.layout != torch.strided or value.is_nested:
        return True
    return value.is_complex() or not bool(torch.isfinite(value).all())
