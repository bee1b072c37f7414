import numpy as np
import pytest

from common.errors import UserError
from common.results.training_curves import best_epoch, read_curves
from common.training.run_folder import write_curves


def written(tmp_path, *rows):
    write_curves(tmp_path, list(rows))
    return read_curves(tmp_path)


def test_empty_cells_are_no_numbers(tmp_path):
    curves = written(
        tmp_path,
        {"epoch": 1, "train_loss": 3.5, "valid_loss": 4},
        {"epoch": 2, "train_loss": 2, "valid_loss": 5, "valid_a_mAP": 0.25},
    )
    assert curves["epoch"].tolist() == [1, 2]
    assert curves["train_loss"].tolist() == [3.5, 2]
    np.testing.assert_array_equal(curves["valid_a_mAP"], [np.nan, 0.25])
    assert best_epoch(curves) == 1  # the score, not the loss, chose


def test_without_scores_the_lowest_loss_is_best(tmp_path):
    losses = [4, np.nan, 3, 5]
    rows = [{"epoch": n, "train_loss": 1, "valid_loss": loss} for n, loss in enumerate(losses)]
    assert best_epoch(written(tmp_path, *rows)) == 2


def test_a_run_without_epochs_has_no_curves(tmp_path):
    assert read_curves(tmp_path) is None
    (tmp_path / "curves.csv").write_text("epoch,train_loss,valid_loss\n")
    assert read_curves(tmp_path) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epoch,train_loss,valid_loss\n1,x,2\n", "numbers"),
        ("epoch,train_loss\n1,2\n", "valid_loss"),
    ],
)
def test_other_files_are_refused(tmp_path, text, said):
    (tmp_path / "curves.csv").write_text(text)
    with pytest.raises(UserError, match=said) as error:
        read_curves(tmp_path)
    assert str(tmp_path / "curves.csv") in str(error.value)


@pytest.mark.parametrize(
    "content",
    [b"epoch,train_loss,valid_loss\n\xff,1,1\n", b"epoch,train_loss,valid_loss\n,1,1\n",
     b"epoch,train_loss,valid_loss\ninf,1,1\n", b"epoch,train_loss\n1,1\n",
     b"epoch,train_loss,valid_loss\n1,a,1\n", b"\x00\x00\x00\nab\n",
     b"epoch,train_loss,valid_loss\n1," + b"9" * 200_000 + b",1\n", b"<html>\n<body>\n"],
    ids=range(8),
)  # fmt: skip
def test_a_table_that_does_not_read_is_named(tmp_path, content):
    (tmp_path / "curves.csv").write_bytes(content)
    with pytest.raises(UserError, match=r"curves\.csv"):
        read_curves(tmp_path)


def test_tables_that_a_spreadsheet_saved_are_read(tmp_path):
    text = "epoch,train_loss,valid_loss\n1,2,3\n"
    (tmp_path / "curves.csv").write_text(text, encoding="utf-8-sig")
    assert read_curves(tmp_path)["epoch"] == [1]


def test_numbers_that_no_figure_can_hold_are_named(tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text("epoch,train_loss,valid_loss\n1,3e38,inf\n")
    assert read_curves(tmp_path)["train_loss"] == [3e38]
    path.write_text("epoch,train_loss,valid_loss\n1,1,-1e308\n")
    with pytest.raises(UserError, match=r"drawn as valid_loss, found -1e\+308"):
        read_curves(tmp_path)
