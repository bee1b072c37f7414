"""Several processes started by torchrun, or one: who am I, and sums over all."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from common.errors import UserError

_NUMBERS = ("RANK", "LOCAL_RANK", "MASTER_PORT")
_COMPANIONS = (*_NUMBERS, "MASTER_ADDR")  # of WORLD_SIZE, set by torchrun


@dataclass(frozen=True)
class Processes:
    """This process among all: rank 0…world_size - 1. Rank 0 logs and writes what is common."""

    rank: int = 0
    local_rank: int = 0
    world_size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is rank 0."""
        return self.rank == 0

    def share_gradients(self, model: nn.Module) -> nn.Module:
        """The model whose backward pass averages gradients over all processes."""
        return DistributedDataParallel(model) if self.world_size > 1 else model

    def share_buffers(self, model: nn.Module) -> None:
        """Gives all processes the buffers of rank 0: running statistics of its own batches."""
        if self.world_size > 1:
            for buffer in model.buffers():
                distributed.broadcast(buffer, 0)

    def wait_for_all(self) -> None:
        """Returns when every process has come here."""
        if self.world_size > 1:
            distributed.barrier()

    def deal_out(self, games: Sequence[str], title: str) -> Iterator[str]:
        """Our share of the games, with a progress bar on rank 0."""
        ours = games[self.rank :: self.world_size]
        quiet = None if self.is_main else True
        yield from tqdm(ours, desc=title, unit="game", delay=2, leave=False, disable=quiet)

    def sum(self, *numbers: float) -> list[float]:
        """Sums over all processes, in double precision."""
        if self.world_size == 1:
            return list(numbers)
        total = torch.tensor(numbers, dtype=torch.float64, device=_collective_device())
        distributed.all_reduce(total)
        return total.tolist()

    def gather(self, value: Any) -> list[Any]:
        """The values of all processes, in rank order, on every process."""
        if self.world_size == 1:
            return [value]
        values: list[Any] = [None] * self.world_size
        distributed.all_gather_object(values, value)
        return values


@contextmanager
def joined_processes(device_name: str = "auto") -> Iterator[Processes]:
    """Joins the group that torchrun describes in the environment, if it does."""
    if _world_size() == 1:
        yield Processes()
        return
    on_gpu = torch.cuda.is_available() and device_name not in ("cpu", "mps")
    try:
        distributed.init_process_group("nccl" if on_gpu else "gloo")
    except (RuntimeError, ValueError, OSError) as error:
        first = (str(error).splitlines() or ["?"])[0]
        raise UserError(
            f"the {_world_size()} processes of WORLD_SIZE did not find each other ({first}); start "
            "them with torchrun, or unset WORLD_SIZE"
        ) from error
    try:
        yield Processes(
            distributed.get_rank(),
            int(os.environ["LOCAL_RANK"]),
            distributed.get_world_size(),
        )
    finally:
        distributed.destroy_process_group()


def is_first_process() -> bool:
    """Whether this is the only process, or the first that torchrun started; needs no group."""
    return _world_size() == 1 or int(os.environ["RANK"]) == 0


def _world_size() -> int:
    """How many processes the environment speaks of, with all that they need to meet.

    Raises UserError if it speaks of some but not well.
    """
    text = os.environ.get("WORLD_SIZE", "").strip() or "1"
    size = int(text) if _is_number(text) else 0
    if not 1 <= size < 1 << 20:
        wrong = f"WORLD_SIZE is {text!r}, which is no number of processes"
    elif size == 1:
        return 1
    elif missing := [name for name in _COMPANIONS if not os.environ.get(name)]:
        wrong = f"WORLD_SIZE is {size}, but {', '.join(missing)} is not set"
    elif odd := [name for name in _NUMBERS if not _is_number(os.environ[name])]:
        wrong = f"{odd[0]} is {os.environ[odd[0]]!r}, which is no number"
    elif int(os.environ["RANK"]) >= size:
        wrong = f"RANK is {os.environ['RANK']}, which is not below WORLD_SIZE {size}"
    else:
        return size
    raise UserError(f"the environment is odd: {wrong}; start with torchrun, or unset WORLD_SIZE")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


def _collective_device() -> str:
    return "cuda" if distributed.get_backend() == "nccl" else "cpu"
