"""Several processes started by torchrun, or one: who am I, and sums over all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel


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

    def wait_for_all(self) -> None:
        """Returns when every process has come here."""
        if self.world_size > 1:
            distributed.barrier()

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


def _collective_device() -> str:
    return "cuda" if distributed.get_backend() == "nccl" else "cpu"
