"""Where a training stands, and whether it may go on with its settings."""

from dataclasses import asdict, replace

import pytest

from common.errors import UserError
from common.training.progress import Progress, TrainingSettings

SETTINGS = TrainingSettings(
    learning_rate=0.1, batch_size=4, max_epochs=3, patience=2, evaluation_frequency=5, seed=1
)


def test_progress_takes_the_lowest_loss_until_there_is_a_score():
    progress = Progress()
    assert progress.improves(3.0, None)
    assert not progress.improves(3.0, None)
    assert progress.improves(4.0, 0.0)
    assert not progress.improves(1.0, None)
    assert not progress.improves(1.0, 0.0)
    assert progress.improves(5.0, 0.1)
    assert (progress.best_loss, progress.best_score) == (1.0, 0.1)


def test_a_closed_epoch_forgets_what_was_done_of_it():
    progress = Progress(epoch=2, batch=3, items=12, sums={"loss": 1.0})
    progress.close_epoch({"epoch": 3})
    assert progress == Progress(epoch=3, history=[{"epoch": 3}])


def test_what_decides_the_result_may_not_change(tmp_path):
    then = asdict(SETTINGS)
    replace(SETTINGS, max_epochs=9, workers=3).refuse_others(then, tmp_path)
    for name in ("learning_rate", "batch_size", "patience", "evaluation_frequency", "seed"):
        with pytest.raises(UserError, match=f"was trained with {name} .*, found 7; resume with"):
            replace(SETTINGS, **{name: 7}).refuse_others(then, tmp_path)
