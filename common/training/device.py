"""Where to compute: CPU, CUDA or MPS, chosen once, named in the log; and with how many bits."""

import ctypes
import os
import sys
import warnings
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from common.errors import UserError

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # from malloc.h
_KEPT_BYTES = 1 << 30


def choose_device(name: str = "auto", gpu: int = -1, local_rank: int = 0) -> torch.device:
    """Device for "auto", "cpu", "cuda", "cuda:N" or "mps".

    Args:
        gpu: the published --GPU flag: a number from 0 on asks for that card, counted as the
            original did: in the order of nvidia-smi.
        local_rank: number of this process on its machine; with "cuda" each takes its own card.

    Raises:
        UserError: the name is unknown or the device is not there.
    """
    if gpu >= 0 and name == "auto":
        # CUDA counts the fastest card first unless told otherwise before it is first used.
        os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
        name = f"cuda:{gpu}"
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if _has_mps() else "cpu"
    try:
        device = torch.device(name)
        known = device.type in ("cpu", "cuda", "mps")
    except RuntimeError:
        known = False
    if not known:
        raise UserError(f"unknown device {name!r}; choose auto, cpu, cuda, cuda:N or mps")
    if device.type == "cuda":
        cards = torch.cuda.device_count()
        device = torch.device("cuda", local_rank if device.index is None else device.index)
        if device.index >= cards:
            raise UserError(f"device {device} was asked for, {cards} CUDA cards are here")
        torch.cuda.set_device(device)
        _compute_exactly()
    elif device.type == "mps" and not _has_mps():
        raise UserError("device mps was asked for, but this machine has no Apple GPU")
    elif device.type == "cpu":
        _keep_freed_memory()
    return device


def describe(device: torch.device) -> str:
    """Name of a device for people, such as "cuda:0 (NVIDIA H200)"."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"cpu ({torch.get_num_threads()} threads)" if device.type == "cpu" else str(device)


def require_precision(device: torch.device, precision: str) -> None:
    """Raises UserError if a device does not compute at a precision, "fp32" or "bf16"."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # else torch would go on in fp32
            autocast(device, precision)
    except (RuntimeError, UserWarning) as error:
        raise UserError(
            f"device {device} does not compute in {precision} ({error}); pass --device cpu, or "
            "--precision fp32, whose numbers are others"
        ) from None


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """Context in which matrix products run at the precision: "fp32" or "bf16"."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def at_least_single(tensor: Tensor) -> Tensor:
    """The tensor in single precision or better: half precision is widened, double stays."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def _compute_exactly() -> None:
    """Single precision that is single on CUDA cards, and the same bits from the same seed.

    Convolutions would be rounded to TF32, their algorithms chosen by a stopwatch, and products of
    several streams could share a workspace.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


def _has_mps() -> bool:
    return torch.backends.mps.is_available()


def _keep_freed_memory() -> None:
    """Lets glibc keep large freed blocks for the next step instead of giving them back.

    By default each large tensor is mapped anew and zeroed page by page by the kernel, which costs
    more than the arithmetic on it. So it goes in the pools that threads have of their own, too:
    one pool serves them all. Elsewhere than on Linux with glibc this does nothing.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            libc.mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
            libc.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
            libc.mallopt(_M_ARENA_MAX, 1)
