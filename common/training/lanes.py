"""Work split into lanes that run on threads of their own, each with single-threaded tensor ops.

torch runs each operation on all cores and meets after it. For chains of small operations the
meetings cost more than the work, and far more when another program holds one of the cores. Lanes
meet once, at the end. Their number is fixed, so that sums over lanes do not depend on the machine.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Barrier
from typing import TypeVar

import torch

LANES = 8

Item = TypeVar("Item")


def in_lanes(
    work: Callable[[int, Sequence[Item]], None], items: Sequence[Item], device: torch.device
) -> None:
    """Calls `work(lane, items of that lane)` for each lane that has items; returns after all.

    Item i belongs to lane i mod LANES and comes in order. On another device than the CPU, or with
    one core, lanes run one by one. No gradients are recorded inside.
    """
    bf16, inference = torch.is_autocast_enabled("cpu"), torch.is_inference_mode_enabled()

    def run(lane: int) -> None:
        # These are states of a thread, and lanes run in those of the caller.
        with (
            torch.inference_mode(inference),
            torch.no_grad(),
            torch.autocast("cpu", torch.bfloat16, enabled=bf16),
        ):
            work(lane, items[lane::LANES])

    lanes = range(min(LANES, len(items)))
    threads = torch.get_num_threads()
    if device.type != "cpu" or min(threads, len(lanes)) <= 1:
        for lane in lanes:
            run(lane)
    else:
        list(_pool(threads).map(run, lanes))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads whose tensor operations run on one core each; the caller's own keep theirs."""
    all_started = Barrier(threads + 1)

    def start() -> None:
        torch.get_num_threads()  # torch sets a thread up at its first question, not before
        torch.set_num_threads(1)
        all_started.wait()

    pool = ThreadPoolExecutor(threads, "lane", initializer=start)
    for _ in range(threads):
        pool.submit(int)
    all_started.wait()
    torch.set_num_threads(threads)  # the threads also changed what later ones start with
    return pool
