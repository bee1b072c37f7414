"""A stop that is asked for by a signal: noted, shared by all processes, a later one at once."""

import signal
import time

import pytest

from common.errors import STOP_SIGNALS, run_cli
from common.training.distributed import Processes
from common.training.stopping import StopRequest

EACH = pytest.mark.parametrize("number", STOP_SIGNALS)


@EACH
def test_the_first_signal_is_noted_and_a_later_one_stops_at_once(number, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    stop = StopRequest()
    with stop.listening():
        assert not stop.asked(Processes())
        signal.raise_signal(number)
        assert stop.signal == ("Ctrl-C" if number == signal.SIGINT else number.name)
        assert stop.asked(Processes())
        for _ in range(5):  # launchers and terminals send several for one wish
            clock[0] += 0.004
            signal.raise_signal(signal.SIGTERM)
        clock[0] += 2
        with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
            signal.raise_signal(signal.SIGTERM)
    assert stop.asked(Processes())


@EACH
@pytest.mark.parametrize("error", [None, ZeroDivisionError])
def test_behind_the_block_signals_mean_what_they_meant_before(number, error):
    before = signal.getsignal(number)
    try:
        with StopRequest().listening():
            assert signal.getsignal(number) != before
            if error:
                raise error
    except ZeroDivisionError:
        assert error
    assert signal.getsignal(number) == before


@EACH
def test_a_signal_that_is_ignored_is_no_wish(number):
    before = signal.signal(number, signal.SIG_IGN)  # nohup, or a job that a script put behind &
    try:
        stop = StopRequest()
        with stop.listening():
            signal.raise_signal(number)
            assert not stop.asked(Processes())
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_a_signal_to_another_process_stops_all():
    class Pair(Processes):
        def sum(self, *numbers):
            return [number + 1 for number in numbers]  # the other one was asked to stop

    stop = StopRequest()
    assert stop.asked(Pair(0, 0, 2))
    assert stop.signal is None
    assert not stop.asked(Processes())


@EACH
def test_several_signals_within_milliseconds_end_a_program_once(number, capsys):
    tidied = []

    def main():
        try:
            signal.raise_signal(number)
        finally:
            for other in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
                signal.raise_signal(other)
            tidied.append(True)

    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    for turn in (1, 2):  # a program starts afresh
        with pytest.raises(SystemExit) as end:
            run_cli(main)
        assert end.value.code == 130
        name = "Ctrl-C" if number == signal.SIGINT else number.name
        assert capsys.readouterr().err == f"error: stopped by {name}\n"
        assert len(tidied) == turn
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before
