"""Ctrl-C, SIGTERM and a closed terminal as a wish that is granted between two batches."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from common.errors import STOP_SIGNALS, stop_word
from common.training.distributed import Processes

_BURST_SECONDS = 1.0  # signals so near to each other are one wish


class StopRequest:
    """Remembers that a signal to stop came; another, a second later or more, stops at once."""

    def __init__(self) -> None:
        self.signal: str | None = None
        self._last = 0.0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Takes over the signals inside the block, but for those that are ignored (nohup, &)."""
        heard = [s for s in STOP_SIGNALS if signal.getsignal(s) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self._note) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        name, now = stop_word(number), time.monotonic()
        # Launchers and terminals send several for one wish, some milliseconds apart.
        echo, self._last = now - self._last < _BURST_SECONDS, now
        if self.signal is None:
            self.signal = name
        elif not echo:
            raise KeyboardInterrupt(name)

    def asked(self, processes: Processes) -> bool:
        """Whether a signal came to any process. All must ask at the same place.

        So all leave before the same batch, and none waits for the others' gradients.
        """
        return processes.sum(self.signal is not None)[0] > 0
