"""Training steps that are recorded once and launched again as a whole: CUDA graphs.

A step of the smaller baselines is some hundred kernels that a card finishes faster than Python can
launch them. Recorded, they are one launch. A record takes the same kernels, addresses and numbers
each time: that is why inputs are copied to where the recorded step reads them, and why a record
holds for one shape of batch and one learning rate.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

import torch
from torch import Tensor

from common.errors import UserError
from common.training.batches import Batch

_WARM_UP = 3  # steps before the record: libraries choose and allocate in the first ones


class Tape(Protocol):
    """Records what a device is told to do."""

    def working(self) -> AbstractContextManager:
        """Around all steps, recorded or not."""
        ...

    def recording(self) -> AbstractContextManager:
        """Around a step that is written down and not carried out. Anew each time."""
        ...

    def replay(self) -> None:
        """Carries out what was recorded last."""
        ...


class CudaTape:
    """A CUDA graph, recorded in a stream of its own."""

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device)
        self._graph: torch.cuda.CUDAGraph | None = None

    @contextmanager
    def working(self) -> Iterator[None]:
        """In the stream of the record: gradients would else meet work of another stream."""
        outside = torch.cuda.current_stream()
        self._stream.wait_stream(outside)
        try:
            with torch.cuda.stream(self._stream):
                yield
        finally:
            outside.wait_stream(self._stream)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """See `Tape`."""
        self._graph = None  # its memory serves the next one
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self._stream):
            yield
        self._graph = graph

    def replay(self) -> None:
        """See `Tape`."""
        assert self._graph is not None, "nothing was recorded"
        self._graph.replay()


class RecordedSteps:
    """The training steps of a run: the first ones as they are, then one recorded, then its record.

    Args:
        tape: None: all steps as they are.
        setting: what is fixed in a record beside shapes; where it changes, a step is recorded anew.
    """

    def __init__(self, tape: Tape | None, setting: Callable[[], object] = lambda: None) -> None:
        self._tape, self._setting = tape, setting
        self._warm = 0
        self._inputs: tuple[Tensor, ...] = ()
        self._recorded: object = None  # shapes and setting of the record

    def working(self) -> AbstractContextManager:
        """Around all steps of a pass."""
        return nullcontext() if self._tape is None else self._tape.working()

    def tensors_of(
        self, batch: Batch, seed: Callable[[], None], *, regular: bool
    ) -> Iterator[tuple[Tensor, ...]]:
        """The batch's tensors, for a step on them; none where the record took the step instead.

        Args:
            seed: makes dropout follow from where we are.
            regular: whether it is one of the many batches of the same shape.
        """
        seed()
        if self._tape is None or not regular or self._warm < _WARM_UP:
            self._warm += 1
            yield batch.tensors
            return
        wanted = ([(part.shape, part.dtype) for part in batch.inputs], self._setting())
        if wanted == self._recorded:
            for place, part in zip(self._inputs, batch.inputs, strict=True):
                place.copy_(part)
            self._tape.replay()
            return
        self._recorded = None
        self._inputs = tuple(part.clone() for part in batch.inputs)
        with self._tape.recording():
            yield batch.made_of(self._inputs)
        self._recorded = wanted
        seed()  # the record took numbers of its own
        self._tape.replay()


def tape_for(device: torch.device, choice: str, processes: int, varying: str = "") -> Tape | None:
    """What records steps on this device, or None.

    Args:
        choice: auto, on or off; auto: on a CUDA card, where it can be done.
        processes: that train together.
        varying: why steps are not alike, if they are not.

    Raises:
        UserError: it should record and cannot.
    """
    reason = varying
    if device.type != "cuda":
        reason = f"the device is {device.type}, and CUDA records"
    elif processes > 1:
        reason = f"{processes} processes train together"
    if choice == "on" and reason:
        raise UserError(f"--capture on: steps cannot be recorded here ({reason}); use auto or off")
    return None if choice == "off" or reason else CudaTape(device)
