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
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Processes()
        return
    on_gpu = torch.cuda.is_available() and device_name not in ("cpu", "mps")
    distributed.init_process_group("nccl" if on_gpu else "gloo")
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
    return int(os.environ.get("RANK", "0")) == 0


def _collective_device() -> str:
    return "cuda" if distributed.get_backend() == "nccl" else "cpu"
