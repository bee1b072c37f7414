"""A run from start to end: replaced, resumed, locked, killed at any write, tampered with."""

import csv
import errno
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from common.errors import Interrupted, UserError
from common.files import LOCK_FILE, locked
from common.results.run_record import TESTED, TRAINED, read_record
from common.training import run_folder
from common.training.batches import shuffled
from common.training.checkpoints import BEST_FILE, LAST_FILE, read_checkpoint, save_checkpoint
from common.training.optimisation import adam
from common.training.progress import TrainingSettings
from common.training.run import Run, load_best, start_run
from common.training.training import Training

pytestmark = pytest.mark.usefixtures("one_thread")
CLASSES = ("Goal", "Foul")


class Points:
    """Ten random points and their targets: three batches of 4."""

    def __init__(self, length=10):
        generator = torch.Generator().manual_seed(0)
        self.points = torch.randn(length, 5, generator=generator)
        self.targets = torch.randn(length, 2, generator=generator)

    def __len__(self):
        return len(self.points)

    def batch(self, indices):
        index = torch.from_numpy(indices)
        return self.points[index], self.targets[index]


class Killed(BaseException):
    """Stands for `kill -9`."""


def network():
    torch.manual_seed(3)
    return nn.Linear(5, 2)


def train(folder, *, epochs=3, resume=False, overwrite=False, classes=CLASSES, stop_in=None,
          fail_in=None, weights=None, rate=0.01, **more):  # fmt: skip
    """What a baseline does: starts a run, trains, ends it. The loss rises in the 2nd epoch only."""
    run = Run(folder=folder, resume=resume, classes=classes)
    model = network()
    settings = {"max_epochs": epochs, "resume": resume, "split_test": ["test"], **more}
    with start_run(run, model, about="linear", settings=settings, training=True,
                   overwrite=overwrite, load_weights_from=weights):  # fmt: skip
        schedule = TrainingSettings(
            learning_rate=rate, batch_size=4, max_epochs=epochs, patience=10,
            evaluation_frequency=10, seed=1,
        )  # fmt: skip
        with Training(run, model, adam(model, rate), schedule) as training:
            for epoch in training.epochs():
                if epoch.number == fail_in:
                    raise UserError("labels are malformed")
                for points, targets in epoch.training(Points(), shuffled(10, 1, epoch.number)):
                    loss = epoch.record({"square": F.mse_loss(model(points), targets)})
                    training.optimizer.zero_grad()
                    loss.backward()
                    training.optimizer.step()
                    if epoch.number == stop_in:
                        training.stop.signal = "SIGTERM"
                for _ in epoch.validation(Points(1)):
                    worse = 5.0 if epoch.number == 1 else 0.0
                    epoch.record({"square": torch.tensor(1.0 - epoch.number / 10 + worse)})
                epoch.close()
    return model


def only_test(folder, *, classes=CLASSES, weights=None, **more):
    run, model = Run(folder=folder, classes=classes), network()
    with start_run(run, model, about="linear", settings={"split_test": ["test"], **more},
                   training=False, load_weights_from=weights):  # fmt: skip
        if weights is None:
            load_best(run, model)
    return model


def files(folder):
    """All files of a folder that are not logs, by name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".log"
    }


def checkpoints(folder):
    contents = [read_checkpoint(folder / name) for name in (BEST_FILE, LAST_FILE)]
    for content in contents:
        for row in content.get("progress", {}).get("history", []):
            row["seconds"] = 0.0
    return str(contents)


def epochs_of_curves(folder):
    with (folder / "curves.csv").open(newline="") as file:
        return [int(row["epoch"]) for row in csv.DictReader(file)]


# An earlier run of the name.


@pytest.mark.parametrize("fail_in", [0, 1])
def test_an_overwriting_run_that_fails_before_its_first_checkpoint_leaves_the_earlier_one(
    tmp_path, fail_in
):
    train(tmp_path, pool="MAX")
    before = files(tmp_path)
    with pytest.raises(UserError, match="malformed"):
        train(tmp_path, overwrite=True, pool="AVG", fail_in=fail_in)
    after = {name: b for name, b in files(tmp_path).items() if "events" not in name}
    if fail_in == 0:
        assert after == {name: b for name, b in before.items() if "events" not in name}
    else:
        assert read_record(tmp_path / TRAINED)["settings"]["pool"] == "AVG"
        assert read_checkpoint(tmp_path / LAST_FILE)["epoch"] == 1
        assert epochs_of_curves(tmp_path) == [1]


def test_an_overwriting_run_ends_as_one_in_an_empty_folder(tmp_path):
    train(tmp_path / "a", epochs=2)
    train(tmp_path / "a", overwrite=True)
    train(tmp_path / "b")
    assert checkpoints(tmp_path / "a") == checkpoints(tmp_path / "b")
    assert epochs_of_curves(tmp_path / "a") == [1, 2, 3]
    assert len(list((tmp_path / "a/tensorboard").iterdir())) == 1


def test_an_overwriting_run_that_is_stopped_in_its_first_epoch_can_be_resumed(tmp_path):
    train(tmp_path / "a", epochs=2)
    with pytest.raises(Interrupted):
        train(tmp_path / "a", overwrite=True, stop_in=0)
    assert not (tmp_path / "a" / BEST_FILE).exists()
    train(tmp_path / "a", resume=True)
    train(tmp_path / "b")
    assert checkpoints(tmp_path / "a") == checkpoints(tmp_path / "b")


def test_an_earlier_run_is_not_trained_over(tmp_path):
    train(tmp_path)
    before = files(tmp_path)
    with pytest.raises(UserError, match="already holds a trained run"):
        train(tmp_path)
    assert files(tmp_path) == before


# Killed at any write.


def changing_calls(monkeypatch, *further):
    """Counts what changes files; `die_at` says before which of them the process is killed."""
    counter = {"calls": 0, "die_at": -1}

    def wrap(owner, name):
        original = getattr(owner, name)

        def wrapped(*args, **kwargs):
            if counter["calls"] == counter["die_at"]:
                raise Killed
            counter["calls"] += 1
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, wrapped)

    for owner, name in ((Path, "replace"), (Path, "rmdir"), *further):
        wrap(owner, name)
    return counter


def killed_in_each_place(monkeypatch, make, program, check):
    """Kills `program` before each of its changes, in a folder that `make` makes; then `check`."""
    with monkeypatch.context() as patch:
        # Nobody tidies up after a process that was killed.
        patch.setattr("common.training.run_folder._bring_back", _killed_too)
        counter = changing_calls(patch)
        folder = make(-1)
        counter["calls"] = 0
        program(folder)
        places = counter["calls"]
    assert places > 4
    for place in range(places):
        folder = make(place)
        with monkeypatch.context() as patch:
            counter = changing_calls(patch)
            patch.setattr("common.training.run_folder._bring_back", _killed_too)
            patch.setattr(Path, "unlink", lambda *args, **kwargs: None)
            counter["die_at"] = place
            with pytest.raises(Killed):
                program(folder)
        check(folder)


def _killed_too(folder):
    raise Killed


def test_a_run_killed_before_any_write_and_resumed_ends_as_one_left_alone(tmp_path, monkeypatch):
    train(tmp_path / "alone")

    def check(folder):
        train(folder, resume=True)
        assert checkpoints(folder) == checkpoints(tmp_path / "alone")
        assert epochs_of_curves(folder) == [1, 2, 3]
        assert not list(folder.rglob("*.tmp"))
        assert not (folder / LOCK_FILE).exists()

    killed_in_each_place(monkeypatch, lambda n: tmp_path / f"run {n}", train, check)


def test_an_overwriting_run_killed_before_any_write_leaves_the_old_run_or_the_new(
    tmp_path, monkeypatch
):
    def make(number):
        train(tmp_path / f"run {number}", epochs=2, pool="old")
        return tmp_path / f"run {number}"

    make("alone")
    train(tmp_path / "new", epochs=1)
    seen = set()

    def check(folder):
        only_test(folder)  # whatever the next program is, it tidies up
        which = read_record(folder / TRAINED)["settings"].get("pool", "new")
        alone = tmp_path / {"old": "run alone", "new": "new"}[which]
        assert checkpoints(folder) == checkpoints(alone)
        seen.add(which)
        train(folder, resume=True, epochs=1 if which == "new" else 2)
        assert epochs_of_curves(folder) == epochs_of_curves(alone)

    killed_in_each_place(
        monkeypatch, make, lambda folder: train(folder, epochs=1, overwrite=True), check
    )
    assert seen == {"old", "new"}


@pytest.mark.parametrize("place", range(5))
def test_an_earlier_run_is_whole_if_the_process_died_while_it_was_brought_back(
    tmp_path, monkeypatch, place
):
    """Died in any place between the files: those that lay aside yet must not be thrown away."""
    for name in ("run", "alone"):
        train(tmp_path / name, epochs=2)
    with monkeypatch.context() as patch:
        bring_back = run_folder._bring_back

        def killed_while_bringing_back(folder):
            counter = changing_calls(patch)
            counter["die_at"] = place
            bring_back(folder)

        def full(*_):
            raise OSError(errno.ENOSPC, "no space left")

        patch.setattr(run_folder, "_bring_back", killed_while_bringing_back)
        patch.setattr("common.training.training.save_checkpoint", full)
        with pytest.raises(Killed):
            train(tmp_path / "run", epochs=1, overwrite=True)
    only_test(tmp_path / "run")
    assert checkpoints(tmp_path / "run") == checkpoints(tmp_path / "alone")
    assert epochs_of_curves(tmp_path / "run") == [1, 2]


# Results of weights that others take the place of.


def publish(folder, names=("results_valid.json", "operating_point.json", "scores_test/game")):
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    return dict.fromkeys(names, b"{}")


def results(folder):
    return {name: b for name, b in files(folder).items() if b == b"{}"}


def test_results_stay_until_a_resumed_run_has_better_weights(tmp_path):
    train(tmp_path, epochs=1)
    there = publish(tmp_path)
    train(tmp_path, epochs=2, resume=True)  # no better
    assert results(tmp_path) == there
    assert "are removed" not in logged(tmp_path)
    train(tmp_path, epochs=4, resume=True)  # better twice
    assert results(tmp_path) == {}
    assert logged(tmp_path).count("are removed") == 1
    assert "removed: operating_point.json, results_valid.json, scores_test" in logged(tmp_path)
    there = publish(tmp_path)
    train(tmp_path, epochs=4, resume=True)  # nothing left to do
    assert results(tmp_path) == there


def logged(folder):
    return "".join(log.read_text() for log in folder.glob("*.log"))


def test_results_of_a_pair_are_of_either_model(tmp_path):
    for name in ("visual", "other"):
        folder = tmp_path / name / "visual"
        train(folder, epochs=1)
        there = publish(folder.parent)
        if name == "visual":
            train(folder, epochs=3, resume=True)
            assert results(folder.parent) == there  # of whoever they are: there is no pair
            (folder.parent / TRAINED).write_text("[]")
            train(folder, epochs=4, resume=True)
            assert results(folder.parent) == {}
        else:
            (folder.parent / TRAINED).write_text("[]")
            (folder.parent / BEST_FILE).write_text("a run of its own")
            train(folder, epochs=3, resume=True)
            assert results(folder.parent) == there


def test_a_resumed_run_killed_anywhere_has_no_results_of_other_weights(tmp_path, monkeypatch):
    place, died, ends = 0, True, set()
    while died:
        folder = tmp_path / f"run {place}"
        train(folder, epochs=2)
        there = publish(folder)
        with monkeypatch.context() as patch:
            counter = changing_calls(patch, (shutil, "rmtree"), (run_folder, "sync_folder"))
            counter["die_at"], died = place, False
            try:
                train(folder, epochs=3, resume=True)
            except Killed:
                died = True
        for tidy in (False, True):
            if tidy:
                only_test(folder)
            epoch = read_checkpoint(folder / BEST_FILE)["epoch"]
            assert epoch == 1 or results(folder) == {}
            ends.add((epoch, results(folder) == there))
        place += 1
    assert ends == {(1, True), (1, False), (3, False)}


def test_best_weights_that_did_not_get_there_have_no_results_of_earlier_ones(tmp_path):
    train(tmp_path, epochs=1)
    best = (tmp_path / BEST_FILE).read_bytes()
    train(tmp_path, epochs=3, resume=True)
    (tmp_path / BEST_FILE).write_bytes(best)
    publish(tmp_path)
    only_test(tmp_path)
    assert read_checkpoint(tmp_path / BEST_FILE)["epoch"] == 3
    assert results(tmp_path) == {}


def test_a_run_does_not_begin_among_the_results_of_other_weights(tmp_path):
    train(tmp_path / "other", epochs=1)
    only_test(tmp_path / "run", weights=tmp_path / "other" / BEST_FILE)  # a record, no results
    train(tmp_path / "run", epochs=1)
    only_test(tmp_path / "mean", weights=tmp_path / "other" / BEST_FILE)
    there = publish(tmp_path / "mean")
    with pytest.raises(UserError, match=r"not its own \(operating_point\.json, .* --overwrite"):
        train(tmp_path / "mean")
    assert results(tmp_path / "mean") == there
    train(tmp_path / "mean", overwrite=True)
    assert results(tmp_path / "mean") == {}


def test_a_split_with_the_name_of_a_file_that_was_spotted_in_is_refused(tmp_path):
    train(tmp_path, epochs=1)
    (tmp_path / "outputs_test").mkdir()
    (tmp_path / "settings_file_test.json").write_text('{"settings": {"features_path": "/x.npy"}}')
    before = files(tmp_path)
    for start in (lambda: only_test(tmp_path), lambda: train(tmp_path, resume=True)):
        with pytest.raises(UserError, match=r"outputs_test holds the detections of /x\.npy, and"):
            start()
    assert files(tmp_path) == before
    only_test(tmp_path, split_test=["valid"])
    train(tmp_path, overwrite=True)  # they go with the earlier run
    assert not (tmp_path / "outputs_test").exists()


def test_a_run_is_tested_with_its_own_weights_alone(tmp_path):
    for name, rate in (("run", 0.01), ("other", 0.02)):
        train(tmp_path / name, epochs=1, rate=rate)
    run, other, copy = tmp_path / "run", tmp_path / "other" / BEST_FILE, tmp_path / "copy"
    copy.write_bytes((run / BEST_FILE).read_bytes())
    for weights in (copy, run / BEST_FILE, None):
        only_test(run, weights=weights)
    only_test(tmp_path / "elsewhere", weights=other)
    (tmp_path / "pair/visual").mkdir(parents=True)
    (tmp_path / "pair/visual" / LAST_FILE).write_text("")
    (tmp_path / "stopped").mkdir()
    (tmp_path / "stopped" / LAST_FILE).write_text("")
    before = files(tmp_path)
    for name in ("run", "pair", "stopped"):
        with pytest.raises(
            UserError, match=f"{name} is a trained run, and .* another --model_name"
        ):
            only_test(tmp_path / name, weights=other)
    assert files(tmp_path) == before
    train(run, overwrite=True, weights=other)  # which begins with them


# Records.


def test_the_record_is_that_of_the_first_start_with_what_changed_since(tmp_path):
    train(tmp_path, epochs=1, pool="MAX")
    first = read_record(tmp_path / TRAINED)
    assert first["classes"] == list(CLASSES)
    assert first["threads"] == 1
    train(tmp_path, epochs=2, resume=True, pool="MAX")
    record = read_record(tmp_path / TRAINED)
    assert record["settings"]["max_epochs"] == 2
    assert (record["command"], record["started"]) == (first["command"], first["started"])
    assert len(record["resumed"]) == 1
    train(tmp_path, epochs=2, resume=True, pool="MAX")
    assert len(read_record(tmp_path / TRAINED)["resumed"]) == 2
    logged = "".join(log.read_text() for log in tmp_path.glob("*.log"))
    assert logged.count("settings as recorded, but for: --max_epochs 2 (was 1)") == 1


def test_a_run_that_began_with_weights_goes_on_without_them(tmp_path):
    train(tmp_path / "a", epochs=1)
    weights = tmp_path / "w.pth.tar"
    (tmp_path / "a" / BEST_FILE).rename(weights)
    more = {"weights": weights, "load_weights": str(weights)}
    train(tmp_path / "b", epochs=1, **more)
    first = read_record(tmp_path / "b" / TRAINED)
    weights.unlink()
    train(tmp_path / "b", epochs=2, resume=True, **more)
    record = read_record(tmp_path / "b" / TRAINED)
    assert (record["started"], record["threads"]) == (first["started"], first["threads"])
    assert len(record["resumed"]) == 1


def test_another_number_of_processes_is_told(tmp_path):
    train(tmp_path, epochs=1)
    record = read_record(tmp_path / TRAINED)
    (tmp_path / TRAINED).write_text(json.dumps({**record, "processes": 2}))
    train(tmp_path, epochs=2, resume=True)
    logged = "".join(log.read_text() for log in tmp_path.glob("*.log"))
    assert "1 processes (was 2)" in logged


def test_a_run_without_best_weights_yet_is_sent_to_resume(tmp_path):
    with pytest.raises(Interrupted):
        train(tmp_path, stop_in=0)
    with pytest.raises(UserError, match=r"before it had a model\.pth\.tar .* --resume"):
        only_test(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK", None])
def test_best_weights_that_are_the_last_ones_are_written_again(tmp_path, content):
    train(tmp_path, epochs=1)
    best = tmp_path / BEST_FILE
    before = best.read_bytes()
    best.unlink()
    if content is not None:
        best.write_bytes(content)
    only_test(tmp_path)
    assert best.read_bytes() == before


@pytest.mark.parametrize("damage", ["cut", "classes", "rate"])
def test_a_refused_resumption_leaves_all_as_it_was(tmp_path, damage):
    train(tmp_path, epochs=1)
    last = tmp_path / LAST_FILE
    if damage == "cut":
        last.write_bytes(last.read_bytes()[:-50])
    before = files(tmp_path)
    more = {"classes": CLASSES[::-1]} if damage == "classes" else {}
    with pytest.raises(UserError):
        train(tmp_path, epochs=2, resume=True, rate=0.5 if damage == "rate" else 0.01, **more)
    assert files(tmp_path) == before


@pytest.mark.parametrize("weights", [None, BEST_FILE])
@pytest.mark.parametrize(
    ("classes", "words"),
    [
        (("Foul", "Goal"), "'Goal' as class 1, now 'Foul'"),
        (("Goal", "Corner"), "'Foul' as class 2, now 'Corner'"),
    ],
)
def test_classes_turned_round_since_the_training_are_refused(tmp_path, classes, words, weights):
    model = train(tmp_path)
    weights = weights and tmp_path / weights
    with pytest.raises(UserError, match=words):
        only_test(tmp_path, classes=classes, weights=weights)
    with pytest.raises(UserError, match=words):
        train(tmp_path, resume=True, classes=classes, epochs=4)
    assert not (tmp_path / TESTED).exists()
    assert only_test(tmp_path).weight.shape == model.weight.shape


def test_checkpoints_and_records_of_earlier_versions_have_no_classes(tmp_path):
    train(tmp_path)
    for name in (BEST_FILE, LAST_FILE):
        content = read_checkpoint(tmp_path / name)
        assert list(content)[:4] == ["epoch", "state_dict", "best_loss", "optimizer"]
        assert content.pop("classes") == list(CLASSES)
        content.get("progress", {}).pop("best_epoch", None)
        save_checkpoint(tmp_path / name, content)
    record = read_record(tmp_path / TRAINED)
    for name in ("classes", "threads", "processes"):
        record.pop(name)
    (tmp_path / TRAINED).write_text(json.dumps(record))
    only_test(tmp_path, classes=("A", "B"))
    train(tmp_path, resume=True, epochs=4)
    assert epochs_of_curves(tmp_path) == [1, 2, 3, 4]


def test_the_number_of_threads_is_kept(tmp_path):
    torch.set_num_threads(2)
    train(tmp_path, epochs=1)
    torch.set_num_threads(1)
    seen = []

    class Watched(Points):
        def batch(self, indices):
            seen.append(torch.get_num_threads())
            return super().batch(indices)

    run, model = Run(folder=tmp_path, resume=True), network()
    with start_run(run, model, about="", settings={}, training=True):
        Watched().batch(torch.arange(2).numpy())
    assert seen == [2]
    assert torch.get_num_threads() == 1
    assert read_record(tmp_path / TRAINED)["threads"] == 2


def test_what_stays_of_dead_processes_is_removed(tmp_path):
    train(tmp_path, epochs=1)
    (tmp_path / "outputs_test/game").mkdir(parents=True)
    for name in (".last.pth.tar.1234.tmp", "outputs_test/game/.results_spotting.json.1.tmp"):
        (tmp_path / name).write_text("half")
    only_test(tmp_path)
    assert not list(tmp_path.rglob("*.tmp"))


# Locks.


def test_a_folder_in_use_is_refused_and_says_by_whom(tmp_path):
    train(tmp_path, epochs=1)
    script = f"""
import sys, time
from pathlib import Path
from common.files import locked
with locked(Path({str(tmp_path)!r})):
    print("has it", flush=True)
    time.sleep(600)
"""
    holder = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "has it\n"
        before = files(tmp_path)
        for start in (
            lambda: only_test(tmp_path),
            lambda: train(tmp_path, resume=True),
            lambda: train(tmp_path, overwrite=True),
        ):
            with pytest.raises(UserError, match=f"is in use by process {holder.pid} on "):
                start()
        assert files(tmp_path) == before
    finally:
        holder.kill()
        holder.wait()
    assert (tmp_path / LOCK_FILE).exists()
    train(tmp_path, resume=True)  # a lock left by a dead process is no lock
    assert not (tmp_path / LOCK_FILE).exists()


def test_without_the_systems_locks_the_file_itself_is_one(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    refused = pytest.raises(UserError, match=f"in use by process {os.getpid()}")
    with locked(tmp_path), refused, locked(tmp_path):
        pass
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for left in (f"{dead.pid} {socket.gethostname()}\n", "", "nonsense", "1 2 3", "-1 x", "9" * 30):
        (tmp_path / LOCK_FILE).write_text(left)
        with locked(tmp_path):
            assert str(os.getpid()) in (tmp_path / LOCK_FILE).read_text()
    train(tmp_path / "run", epochs=1)


# Files that were tampered with.


def changed(content, keys, value):
    if not keys:
        return value
    key, *others = keys
    inner = content[key] if others else None
    copy = list(content) if isinstance(content, list) else dict(content)
    copy[key] = changed(inner, others, value)
    return copy


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (["scheduler"], []),
        (["scheduler"], {}),
        (["scheduler"], {"step": 3}),
        (["scheduler"], None),
        (["scheduler", "best"], "low"),
        (["scheduler", "num_bad_epochs"], -1),
        (["optimizer"], {}),
        (["optimizer", "state"], [1, 2]),
        (["optimizer", "param_groups"], []),
        (["optimizer", "param_groups", 0, "lr"], float("nan")),
        (["optimizer", "param_groups", 0, "params"], [0]),
        (["optimizer", "state", 0, "exp_avg"], torch.zeros(7)),
        (["optimizer", "state", 0, "exp_avg"], 3),
        (["optimizer", "state", 0, "exp_avg_sq"], torch.zeros(2, 5).to_sparse()),
        (["optimizer", "state", 0], {}),
        (["optimizer", "state", 9], {}),
        (["progress"], []),
        (["progress", "data"], ["x"]),
        (["progress", "epoch"], "3"),
        (["progress", "epoch"], 10**30),
        (["progress", "epoch"], 7),
        (["progress", "history"], [1]),
        (["progress", "history"], [{"epoch": []}] * 3),
        (["progress", "batch"], -4),
        (["progress", "sums"], {"loss": "x"}),
        (["progress", "best_loss"], float("nan")),
        (["settings"], {}),
        (["settings"], 3),
        (["settings", "seed"], 2),
        (["settings", "learning_rate"], 0.1),
        (["state_dict", "weight"], torch.zeros(2, 5).to_sparse()),
        (["state_dict", "weight"], torch.zeros(2, 5, device="meta")),
        (["state_dict", "weight"], torch.zeros(2, 5, dtype=torch.complex64)),
        (["state_dict", "weight"], torch.full((2, 5), float("nan"))),
        (["state_dict", "bias"], torch.zeros(2, 1)),
        (["classes"], ["Foul", "Goal"]),
    ],
    ids=str,
)
def test_a_last_checkpoint_that_was_tampered_with_is_named(tmp_path, keys, value):
    train(tmp_path)
    path = tmp_path / LAST_FILE
    torch.save(changed(read_checkpoint(path), keys, value), path)
    before = files(tmp_path)
    with pytest.raises(UserError, match=str(path)) as error:
        train(tmp_path, resume=True, epochs=4)
    assert "\n" not in str(error.value)
    assert {n: b for n, b in files(tmp_path).items() if "events" not in n} == {
        n: b for n, b in before.items() if "events" not in n
    }


def test_weights_are_as_free_of_the_rest_of_the_file_as_before(tmp_path):
    train(tmp_path)
    path = tmp_path / BEST_FILE
    state = read_checkpoint(path)["state_dict"]
    save_checkpoint(path, {"state_dict": state, "epoch": None, "more": [1]})
    assert torch.equal(only_test(tmp_path).weight, state["weight"])


# A clock that is wrong.


def test_a_clock_that_jumps_back_by_years_stops_nothing(tmp_path, monkeypatch):
    now = time.time
    jumps = iter(range(10**6))
    monkeypatch.setattr(time, "time", lambda: now() - 10**9 * (next(jumps) % 2))
    train(tmp_path, epochs=2)
    assert epochs_of_curves(tmp_path) == [1, 2]
