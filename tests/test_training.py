"""The training loop: what it writes, the best weights, bits that survive interruptions."""

import csv
import math
import os
import signal

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from common.errors import Interrupted, UserError
from common.training.batches import shuffled
from common.training.checkpoints import BEST_FILE, LAST_FILE, read_checkpoint, save_checkpoint
from common.training.distributed import Processes
from common.training.optimisation import adam, seed_everything
from common.training.progress import TrainingSettings
from common.training.run import Run
from common.training.training import Training

DEFAULTS = {
    "batch_size": 4, "max_epochs": 4, "patience": 10, "evaluation_frequency": 10, "seed": 3
}  # fmt: skip


pytestmark = pytest.mark.usefixtures("one_thread")


class Points:
    """Random points and their targets: 26 of them make six batches of 4 and one of 2."""

    def __init__(self, length=26, seed=0):
        generator = torch.Generator().manual_seed(seed)
        self.points = torch.randn(length, 5, generator=generator)
        self.targets = torch.randn(length, 2, generator=generator)

    def __len__(self):
        return len(self.points)

    def batch(self, indices):
        index = torch.from_numpy(indices)
        return self.points[index], self.targets[index]


class Trial:
    """A tiny network with dropout, trained as a baseline's loop does it."""

    def __init__(
        self, folder, resume=False, processes=None, train=None, valid=None, rate=0.01,
        select_by=None, fused=False, **settings
    ):  # fmt: skip
        folder.mkdir(exist_ok=True)
        self.folder, self.rate = folder, rate
        self.train, self.valid = train or Points(), valid or Points(9, seed=1)
        seed_everything(3)
        self.model = nn.Sequential(nn.Linear(5, 8), nn.Dropout(0.4), nn.Linear(8, 2))
        self.optimizer = adam(self.model, rate, fused=fused)
        run = Run(folder=folder, resume=resume, processes=processes or Processes())
        settings = TrainingSettings(learning_rate=rate, **DEFAULTS | settings)
        self.training = Training(run, self.model, self.optimizer, settings, select_by)
        self.steps = 0
        self.stop_after = math.inf  # steps of this run
        self.thorough = []

    @property
    def progress(self):
        return self.training.progress

    def train_epoch(self, epoch):
        self.model.train()
        order = shuffled(len(self.train), 3, epoch.number)
        for points, targets in epoch.training(self.train, order):
            loss = epoch.record({"square": F.mse_loss(self.model(points), targets)})
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.steps += 1
            if self.steps >= self.stop_after:
                self.training.stop.signal = "SIGTERM"

    @torch.inference_mode()
    def validate(self, epoch):
        self.model.eval()
        for points, targets in epoch.validation(self.valid):
            epoch.record({"square": F.mse_loss(self.model(points), targets)})
        return {"slow": 0.5} if epoch.thorough else {}

    def run(self, stop_after=math.inf):
        self.stop_after = stop_after
        with self.training as training:
            for epoch in training.epochs():
                self.train_epoch(epoch)
                further = self.validate(epoch)
                self.thorough.append(epoch.thorough)
                epoch.close(**further)
        return self


class Scripted(Trial):
    """A run with these validation losses. The network never learns."""

    def __init__(self, folder, losses, **settings):
        settings = {"max_epochs": len(losses)} | settings
        super().__init__(folder, train=Points(1), valid=Points(1), rate=1e-3, **settings)
        self.losses = iter(losses)

    def train_epoch(self, epoch):
        for _ in epoch.training(self.train):
            epoch.record({"loss": torch.tensor(1.0)})

    def validate(self, epoch):
        for _ in epoch.validation(self.valid):
            epoch.record({"loss": torch.tensor(next(self.losses), dtype=torch.float64)})
        return {}


def curves(folder):
    with (folder / "curves.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def tensors_of(content):
    """All tensors of a checkpoint by path; everything else as it is, apart from the clock."""
    found = {}

    def walk(value, path):
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, f"{path}/{key}")
        elif isinstance(value, list | tuple):
            for key, inner in enumerate(value):
                walk(inner, f"{path}/{key}")
        elif not path.endswith("/seconds"):
            found[path] = value

    walk(content, "")
    return found


def assert_same(one, another, but=()):
    one, another = tensors_of(one), tensors_of(another)
    assert one.keys() == another.keys()
    for path, value in one.items():
        if path not in but:
            equal = torch.equal if isinstance(value, torch.Tensor) else lambda a, b: a == b
            assert equal(value, another[path]), path


# Schedule.


def test_a_constant_loss_stops_after_66_epochs_with_five_reductions(tmp_path):
    run = Scripted(tmp_path, [0.7] * 200).run()
    assert run.progress.finished
    rates = [float(row["learning_rate"]) for row in curves(tmp_path)]
    assert len(rates) == 66
    # A reduction at the end of epoch 12 shows in epoch 13.
    assert [n for n in range(1, 66) if rates[n] < rates[n - 1]] == [12, 23, 34, 45, 56]
    expected = [10.0 ** -(3 + sum(n >= r for r in (12, 23, 34, 45, 56))) for n in range(66)]
    assert rates == pytest.approx(expected)


def test_max_epochs_ends_a_run_that_still_learns(tmp_path):
    run = Scripted(tmp_path, [1 / n for n in range(1, 6)]).run()
    assert run.progress.epoch == 5
    assert not run.progress.finished


def test_slow_validations_come_after_each_so_many_epochs_but_not_in_the_first(tmp_path):
    run = Scripted(tmp_path, [1.0] * 9, evaluation_frequency=3).run()
    assert [epoch for epoch, slow in enumerate(run.thorough, 1) if slow] == [4, 7]


class Alone(Processes):
    """One process of several that never meets the others."""

    def sum(self, *numbers):
        return list(numbers)


def draws(folder, rank=0, seed=3, resume=False, stop_after=math.inf):
    """A random number from each batch of two epochs."""
    found = []

    class Drawing(Trial):
        def train_epoch(self, epoch):
            for _ in epoch.training(self.train, shuffled(26, seed, epoch.number)):
                found.append(float(torch.rand(())))
                epoch.record({"loss": torch.tensor(1.0)})
                if len(found) == stop_after:
                    self.training.stop.signal = "SIGINT"

    try:
        Drawing(folder, resume, Alone(rank, rank, 1), max_epochs=2, seed=seed).run()
    except Interrupted:
        assert len(found) == stop_after
    return found


def test_each_batch_of_each_process_draws_numbers_of_its_own_again_the_same(tmp_path):
    first = draws(tmp_path / "first")
    others = draws(tmp_path / "rank", rank=1) + draws(tmp_path / "seed", seed=4)
    assert len(set(first + others)) == 3 * 2 * 7
    torch.rand(5)
    assert draws(tmp_path / "again") == first
    before = draws(tmp_path / "stopped", stop_after=9)
    assert before + draws(tmp_path / "stopped", resume=True) == first


# What a run writes.


def test_the_best_checkpoint_is_that_of_the_lowest_validation_loss(tmp_path):
    losses = [0.9, 0.5, 0.7, 0.49999, 0.6, 0.49999]  # a gain of less than 1e-4 counts, a tie not
    seen = {}

    class Watched(Trial):
        def validate(self, epoch):
            for _ in epoch.validation(self.valid):
                epoch.record({"loss": torch.tensor(losses[epoch.number]).double()})
            seen[epoch.number + 1] = {k: v.clone() for k, v in self.model.state_dict().items()}
            return {}

    Watched(tmp_path, max_epochs=6, valid=Points(1)).run()
    content = torch.load(tmp_path / BEST_FILE, weights_only=True)
    assert list(content) == ["epoch", "state_dict", "best_loss", "optimizer"]
    assert content["epoch"] == 4
    assert content["best_loss"] == pytest.approx(0.49999)
    assert_same(content["state_dict"], seen[4])
    assert list(content["state_dict"]) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert int(content["optimizer"]["state"][0]["step"]) == 4 * 7
    last = torch.load(tmp_path / LAST_FILE, weights_only=True)
    assert last["epoch"] == 6
    assert last["best_loss"] == content["best_loss"]
    assert_same(last["state_dict"], seen[6])


def test_the_loss_of_an_epoch_is_the_mean_over_items_not_over_batches(tmp_path):
    train = Points()
    train.targets = torch.arange(26.0)[:, None].expand(-1, 2)

    class Measured(Trial):
        def train_epoch(self, epoch):
            for _, targets in epoch.training(self.train, shuffled(26, 3, 0)):
                epoch.record({"a": targets[:, 0].mean(), "b": torch.tensor(0.25)})

    trial = Measured(tmp_path, train=train, max_epochs=1).run()
    row = trial.progress.history[0]
    assert row["train_loss"] == pytest.approx(12.5 + 0.25)
    trial.model.eval()
    points, targets = trial.valid.batch(np.arange(9))
    loss = float(F.mse_loss(trial.model(points), targets).detach())
    assert row["valid_loss"] == pytest.approx(loss, rel=1e-6)


def test_curves_have_a_row_per_epoch_and_empty_cells_where_there_is_no_number(tmp_path):
    run = Trial(tmp_path, max_epochs=5, evaluation_frequency=2).run()
    rows = curves(tmp_path)
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert [row["slow"] for row in rows] == ["", "", "0.5", "", "0.5"]
    for row, kept in zip(rows, run.progress.history, strict=True):
        assert float(row["train_loss"]) == kept["train_loss"]
        assert float(row["valid_loss"]) == kept["valid_loss"]
        assert float(row["learning_rate"]) == 0.01
    assert list((tmp_path / "tensorboard").glob("events.*"))


def scored(folder, losses, scores):
    """Runs with these validation losses, and a score where there is one; epochs that were best."""
    best = []

    class Scored(Trial):
        def validate(self, epoch):
            for _ in epoch.validation(self.valid):
                loss = torch.tensor(losses[epoch.number], dtype=torch.float64)
                epoch.record({"loss": loss})
            written = (folder / BEST_FILE).exists()
            best.append(written and read_checkpoint(folder / BEST_FILE)["epoch"])
            return {} if scores[epoch.number] is None else {"score": scores[epoch.number]}

    few = {"train": Points(1), "valid": Points(1), "max_epochs": len(losses)}
    Scored(folder, rate=1e-3, select_by="score", **few).run()
    return [*best[1:], read_checkpoint(folder / BEST_FILE)["epoch"]]


def test_the_highest_score_marks_the_best_weights_and_until_there_is_one_the_lowest_loss(tmp_path):
    losses = [5.0, 3.0, 4.0, 2.0, 9.0, 1.0, 8.0]
    scores = [None, None, 0.1, None, 0.3, None, 0.2]
    assert scored(tmp_path, losses, scores) == [1, 2, 3, 3, 5, 5, 5]


def test_equal_scores_keep_the_first_and_a_score_of_zero_counts(tmp_path):
    assert scored(tmp_path, [5.0, 4.0, 3.0, 2.0], [None, 0.0, 0.0, None]) == [1, 2, 2, 2]


def test_the_best_score_survives_a_resumption(tmp_path):
    scored(tmp_path, [5.0, 4.0], [None, 0.5])
    content = read_checkpoint(tmp_path / LAST_FILE)
    assert content["progress"]["best_score"] == 0.5
    resumed = Trial(tmp_path, resume=True, select_by="score", rate=1e-3)
    assert resumed.progress.best_score == 0.5


def test_only_the_first_process_writes(tmp_path):
    Trial(tmp_path / "second", processes=Alone(1, 1, 2), max_epochs=2).run()
    assert [path.name for path in (tmp_path / "second").rglob("*") if path.is_file()] == []


def test_only_the_first_process_removes_results(tmp_path):
    class Better(Trial):
        def validate(self, epoch):
            for _ in epoch.validation(self.valid):
                epoch.record({"loss": torch.tensor(1 / (1 + epoch.number))})
            return {}

    Better(tmp_path, max_epochs=1).run()
    for processes, there in ((Alone(1, 1, 2), True), (Processes(), False)):
        (tmp_path / "results_test.json").write_text("{}")
        trial = Better(tmp_path, resume=True, max_epochs=2, processes=processes).run()
        assert trial.progress.best_epoch == 2
        assert (tmp_path / "results_test.json").exists() is there


@pytest.mark.parametrize("where", ["train", "valid"])
def test_a_loss_that_is_not_finite_names_epoch_and_batch_and_leaves_the_last_checkpoints(
    tmp_path, where
):
    Trial(tmp_path, max_epochs=1).run()
    files = {path: path.read_bytes() for path in sorted(tmp_path.glob("*.*"))}
    run = Trial(tmp_path, resume=True)
    source, order = {  # of epoch 2
        "train": (run.train, np.random.default_rng([3, 1]).permutation(26)),
        "valid": (run.valid, np.arange(9)),
    }[where]
    source.points[order[5]] = math.nan
    with pytest.raises(UserError, match=f"epoch 2 {where}: the loss of batch 2 is not finite"):
        run.run()
    assert {path: path.read_bytes() for path in sorted(tmp_path.glob("*.*"))} == files
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_disk_that_fills_up_leaves_the_last_checkpoints(tmp_path, monkeypatch):
    Trial(tmp_path, max_epochs=1).run()
    files = {path: path.read_bytes() for path in tmp_path.glob("*.*")}

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(os, "fsync", full)
        Trial(tmp_path, resume=True).run()
    assert {path: path.read_bytes() for path in tmp_path.glob("*.*")} == files
    assert not list(tmp_path.rglob("*.tmp"))
    Trial(tmp_path, resume=True).run()
    assert_same(
        read_checkpoint(tmp_path / LAST_FILE),
        read_checkpoint(Trial(tmp_path / "left alone").run().folder / LAST_FILE),
    )


# Interruptions.


@pytest.fixture(scope="module")
def left_alone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("left alone")
    torch.set_num_threads(1)
    Trial(folder).run()
    return folder


def stopped(folder, after, **settings):
    with pytest.raises(Interrupted) as error:
        Trial(folder, resume=True, **settings).run(stop_after=after)
    return str(error.value)


@pytest.mark.parametrize("workers", [0, 4])
@pytest.mark.parametrize("after", [1, 3, 6, 7, 8, 20, 21, 27])
def test_a_run_stopped_and_resumed_ends_with_the_same_bits(tmp_path, left_alone, after, workers):
    sentence = stopped(tmp_path, after, workers=workers)
    epoch, batch = divmod(after, 7)
    assert f"stopped by SIGTERM in epoch {epoch + 1} after batch {batch};" in sentence
    assert "--resume" in sentence
    assert not list(tmp_path.rglob("*.tmp"))
    Trial(tmp_path, resume=True, workers=4 - workers).run()
    for name in (BEST_FILE, LAST_FILE):
        one, another = (read_checkpoint(folder / name) for folder in (tmp_path, left_alone))
        assert_same(one, another, but=("/settings/workers",))
    assert [row | {"seconds": ""} for row in curves(tmp_path)] == [
        row | {"seconds": ""} for row in curves(left_alone)
    ]


def test_a_run_that_is_stopped_again_and_again_ends_with_the_same_bits(tmp_path, left_alone):
    for after in (2, 2, 1, 5, 1, 9):
        stopped(tmp_path, after)
    Trial(tmp_path, resume=True).run()
    assert_same(read_checkpoint(tmp_path / LAST_FILE), read_checkpoint(left_alone / LAST_FILE))


def test_a_run_that_was_killed_goes_on_from_its_last_complete_epoch(tmp_path, left_alone):
    class Killed(BaseException):
        pass

    run = Trial(tmp_path, resume=True)  # nothing is there yet: starts from the beginning
    step = run.optimizer.step

    def die_in_epoch_3():
        if run.steps == 2 * 7 + 3:
            raise Killed
        step()

    run.optimizer.step = die_in_epoch_3
    with pytest.raises(Killed):
        run.run()
    resumed = Trial(tmp_path, resume=True)
    assert resumed.progress.epoch == 2
    resumed.run()
    assert resumed.steps == 2 * 7
    for name in (BEST_FILE, LAST_FILE):
        assert_same(read_checkpoint(tmp_path / name), read_checkpoint(left_alone / name))


@pytest.mark.parametrize("stop_after", [28, 26])
def test_a_stop_in_the_last_epoch_does_not_go_unheard(tmp_path, left_alone, stop_after):
    # After the last batch there is no further one before which to stop.
    stopped(tmp_path, stop_after)
    Trial(tmp_path, resume=True).run()
    assert_same(read_checkpoint(tmp_path / LAST_FILE), read_checkpoint(left_alone / LAST_FILE))


def test_resuming_a_finished_run_does_nothing(tmp_path, left_alone):
    Trial(tmp_path).run()
    before = {path: path.read_bytes() for path in tmp_path.glob("*.*")}
    run = Trial(tmp_path, resume=True).run()
    assert run.steps == 0
    assert {path: path.read_bytes() for path in tmp_path.glob("*.*")} == before


def test_a_finished_run_can_be_given_more_epochs(tmp_path, left_alone):
    Trial(tmp_path, max_epochs=2).run()
    run = Trial(tmp_path, resume=True).run()
    assert run.steps == 2 * 7
    one, another = (read_checkpoint(folder / LAST_FILE) for folder in (tmp_path, left_alone))
    assert_same(one, another)


def test_a_schedule_that_ended_stays_ended(tmp_path):
    Scripted(tmp_path, [0.7] * 100, patience=0).run()
    epochs = len(curves(tmp_path))
    assert epochs < 100
    more = {"max_epochs": 100, "patience": 0, "rate": 1e-3}
    run = Trial(tmp_path, resume=True, train=Points(1), **more).run()
    assert run.steps == 0
    assert len(curves(tmp_path)) == epochs


@pytest.mark.parametrize(("name", "value"), [("seed", 4), ("batch_size", 5)])
def test_resuming_with_another_seed_or_batch_size_is_refused(tmp_path, name, value):
    Trial(tmp_path, max_epochs=1).run()
    then = 3 if name == "seed" else 4
    with pytest.raises(UserError, match=f"was trained with {name} {then}, found {value}"):
        Trial(tmp_path, resume=True, **{name: value})


@pytest.mark.parametrize("after", [3, 7])  # half-way, and between two epochs
def test_resuming_on_another_number_of_items_is_refused(tmp_path, after):
    with pytest.raises(Interrupted):
        Trial(tmp_path / "run").run(stop_after=after)
    before = (tmp_path / "run" / LAST_FILE).read_bytes()
    with pytest.raises(UserError, match="trained on 26 items per epoch so far, and here are 25"):
        Trial(tmp_path / "run", resume=True, train=Points(25)).run()
    assert (tmp_path / "run" / LAST_FILE).read_bytes() == before
    assert Trial(tmp_path / "run", resume=True).run().progress.epoch == 4


def test_a_checkpoint_without_progress_cannot_be_resumed(tmp_path):
    run = Trial(tmp_path / "other", max_epochs=1).run()
    content = read_checkpoint(run.folder / BEST_FILE)
    save_checkpoint(tmp_path / LAST_FILE, content)
    with pytest.raises(UserError, match="no state to resume from; use it with --load_weights"):
        Trial(tmp_path, resume=True)


def test_a_damaged_last_checkpoint_is_refused(tmp_path):
    Trial(tmp_path, max_epochs=1).run()
    path = tmp_path / LAST_FILE
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="is damaged"):
        Trial(tmp_path, resume=True)


def test_all_processes_sum_the_same_numbers_when_stopped_again_at_once(tmp_path):
    # Or one would wait for ever for numbers that the other does not send.
    stopped(tmp_path, 3)
    lengths = {}

    for rank in (0, 1):

        class Recorded(Processes):
            def sum(self, *numbers):
                lengths.setdefault(self.rank, []).append(len(numbers))
                return list(numbers)

        run = Trial(tmp_path, resume=True, processes=Recorded(rank, rank, 2))
        run.training.stop.signal = "SIGTERM"
        with pytest.raises(Interrupted):
            run.run()
    assert lengths[0] == lengths[1]


# What the iterators promise.


def test_without_an_order_all_items_come_as_they_are(tmp_path):
    trial = Trial(tmp_path, max_epochs=1)
    with trial.training as training:
        epoch = next(training.epochs())
        for what, source in (("training", trial.train), ("validation", trial.valid)):
            batches, items = [], []
            for points, _ in getattr(epoch, what)(source):
                batches.append(points)
                items.append(epoch.items)
                epoch.record({"loss": points.mean()})
            assert torch.equal(torch.cat(batches), source.points)
            assert items == [len(batch) for batch in batches]
        epoch.close()
    assert trial.progress.epoch == 1


def test_a_loss_is_recorded_inside_an_iteration(tmp_path):
    with Trial(tmp_path).training as training:
        epoch = next(training.epochs())
        with pytest.raises(AssertionError, match="inside an iteration"):
            epoch.record({"loss": torch.tensor(1.0)})


def test_an_error_in_the_loop_gives_the_signals_back(tmp_path):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    trial = Trial(tmp_path)
    with pytest.raises(ZeroDivisionError), trial.training:
        during = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        raise ZeroDivisionError
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert all(one != another for one, another in zip(before, during, strict=True))
