"""Curves for TensorBoard, written where we are: no thread that a wrong clock can stop."""

import secrets
import time
from collections.abc import Mapping
from pathlib import Path

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.summary import scalar

FOLDER = "tensorboard"  # in that of a run


class EventFile:
    """One file of events in the folder of a run.

    Args:
        first_step: epoch from where on TensorBoard forgets what earlier files hold.
    """

    def __init__(self, folder: Path, first_step: int) -> None:
        (folder / FOLDER).mkdir(parents=True, exist_ok=True)
        # Two starts within a second write two files.
        suffix = f".{secrets.token_hex(4)}"
        self._file = EventsWriter(str(folder / FOLDER / "events"), suffix)
        self._file.write_event(
            Event(step=first_step, session_log=SessionLog(status=SessionLog.START))
        )
        self._file.flush()

    def add(self, row: Mapping[str, float], step: int) -> None:
        """Adds the numbers of an epoch."""
        for name, value in row.items():
            summary = scalar(name, value)
            self._file.write_event(Event(step=step, summary=summary, wall_time=time.time()))
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
