"""Steps that are recorded and replayed: the same bits as steps that are taken.

CUDA graphs need a card. Here operations on the CPU are written down and told again instead, which
holds the order of things, and shows what does not follow from tensors.
"""

from contextlib import contextmanager

import pytest
import torch
from test_training import Trial, assert_same, curves
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from common.errors import Interrupted, UserError
from common.training.batches import Batch
from common.training.checkpoints import LAST_FILE, read_checkpoint
from common.training.loss_meter import QueuedLosses
from common.training.recorded_steps import RecordedSteps, tape_for

pytestmark = pytest.mark.usefixtures("one_thread")


class Operations(TorchDispatchMode):
    """Writes down each operation with its tensors, and what it was about to change."""

    def __init__(self):
        super().__init__()
        self.done, self.before = [], []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        names = [argument.name for argument in func._schema.arguments]
        given = dict(zip(names, args, strict=False)) | kwargs
        for argument in func._schema.arguments:
            if argument.alias_info is not None and argument.alias_info.is_write:
                for tensor in tree_leaves(given.get(argument.name)):
                    if isinstance(tensor, torch.Tensor):
                        self.before.append((tensor, tensor.clone()))
        result = func(*args, **kwargs)
        self.done.append((func, args, kwargs, result))
        return result


class OperationTape:
    """A tape for the CPU: what was recorded is undone, and carried out when it is replayed."""

    def __init__(self):
        self.recorded = self.replayed = 0

    @contextmanager
    def working(self):
        yield

    @contextmanager
    def recording(self):
        with Operations() as operations:
            yield
        with torch.no_grad():
            for tensor, content in reversed(operations.before):
                tensor.copy_(content)
        self._done = operations.done
        self.recorded += 1

    @torch.no_grad()
    def replay(self):
        for func, args, kwargs, result in self._done:
            again = func(*args, **kwargs)
            for old, new in zip(tree_leaves(result), tree_leaves(again), strict=True):
                if isinstance(old, torch.Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)
        self.replayed += 1


class Taken(Trial):
    """A run whose steps are taken one by one."""

    def __init__(self, folder, **how):
        super().__init__(folder, fused=True, **how)  # which counts its steps in a tensor


class Recorded(Taken):
    """The same run with its steps recorded, and losses that nobody looks at inside a pass."""

    def __init__(self, folder, **how):
        super().__init__(folder, **how)
        self.tape = OperationTape()
        optimizer = self.optimizer
        self.training.steps = RecordedSteps(self.tape, lambda: optimizer.param_groups[0]["lr"])
        self.training.queued = {
            name: QueuedLosses(torch.device("cpu")) for name in ("train", "valid")
        }


def state(folder):
    return read_checkpoint(folder / LAST_FILE)


def without_seconds(folder):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in curves(folder)]


def test_recorded_steps_end_with_the_same_bits_and_curves(tmp_path):
    plain, recorded = Taken(tmp_path / "plain").run(), Recorded(tmp_path / "recorded").run()
    assert_same(state(plain.folder), state(recorded.folder), but=("seconds",))
    assert without_seconds(plain.folder) == without_seconds(recorded.folder)
    # Six full batches and a short one in each of four epochs; three full ones run first.
    assert (recorded.tape.recorded, recorded.tape.replayed) == (1, 4 * 6 - 3)
    assert plain.steps == 4 * 7
    assert recorded.steps == 3 + 1 + 4


def test_another_learning_rate_is_recorded_anew(tmp_path):
    how = {"patience": 0, "max_epochs": 12, "rate": 0.3}
    plain = Taken(tmp_path / "plain", **how).run()
    recorded = Recorded(tmp_path / "recorded", **how).run()
    assert_same(state(plain.folder), state(recorded.folder), but=("seconds",))
    rates = {row["learning_rate"] for row in curves(plain.folder)}
    assert recorded.tape.recorded == len(rates) > 1


def test_a_run_stopped_between_replays_and_resumed_ends_with_the_same_bits(tmp_path):
    whole, parts = Taken(tmp_path / "whole").run(), Recorded(tmp_path / "parts")
    replay = parts.tape.replay

    def stop_at_the_sixth():
        replay()
        if parts.tape.replayed == 6:
            parts.training.stop.signal = "SIGTERM"

    parts.tape.replay = stop_at_the_sixth
    with pytest.raises(Interrupted, match="stopped by SIGTERM in epoch 2 after batch 3"):
        parts.run()
    Recorded(tmp_path / "parts", resume=True).run()
    assert_same(state(whole.folder), state(tmp_path / "parts"), but=("seconds",))


def test_a_loss_that_is_not_finite_is_told_after_the_pass_with_its_batch(tmp_path):
    trial = Recorded(tmp_path / "run")
    trial.train.targets[8] = torch.nan
    with pytest.raises(UserError, match=r"epoch 1 train: the loss of batch \d is not finite"):
        trial.run()
    assert not (trial.folder / LAST_FILE).exists()


def test_a_number_that_python_looks_at_is_not_recorded():
    """What the tape is for: a step that depends on more than its tensors shows."""
    tape = OperationTape()
    steps, total = RecordedSteps(tape), torch.zeros(())
    for number in range(6):
        batch = Batch((torch.full((2,), float(number)),), 2, 2)
        for (values,) in steps.tensors_of(batch, lambda: None, regular=True):
            total += float(values[0])
    assert float(total) == 0 + 1 + 2 + 3 * 3  # frozen at the fourth


def test_irregular_batches_are_never_recorded():
    tape = OperationTape()
    steps = RecordedSteps(tape)
    for number in range(8):
        batch = Batch((torch.ones(2 + number % 3),), 2, 2)
        assert len(list(steps.tensors_of(batch, lambda: None, regular=False))) == 1
    assert tape.recorded == 0


def test_on_other_devices_nothing_is_recorded_and_to_ask_for_it_is_a_mistake():
    cpu = torch.device("cpu")
    assert tape_for(cpu, "auto", 1) is None
    assert tape_for(cpu, "off", 1) is None
    with pytest.raises(UserError, match=r"--capture on: .*the device is cpu"):
        tape_for(cpu, "on", 1)
    cuda = torch.device("cuda", 0)
    assert tape_for(cuda, "auto", 2) is None
    assert tape_for(cuda, "auto", 1, "graphs have sizes of their own") is None
    with pytest.raises(UserError, match="graphs have sizes of their own"):
        tape_for(cuda, "on", 1, "graphs have sizes of their own")
