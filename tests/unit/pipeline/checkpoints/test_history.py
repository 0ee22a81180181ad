"""Epochs on record: which was the best, and the table of them."""

import csv
from pathlib import Path

import pytest

from pipeline.checkpoints.history import EpochRecord, best_epoch, history_csv, read_history
from pipeline.common.errors import RunError


def epoch(number: int, accuracy: float, loss: float, balanced: float | None = None) -> EpochRecord:
    """An epoch with these figures on the validation split."""
    return EpochRecord(number, 0.5, loss, accuracy, 0.1, 2.0, val_balanced=balanced)


def test_the_best_epoch_knows_the_classes_best() -> None:
    """Balanced accuracy decides where there is one: always the common class is no merit."""
    blind, seeing = epoch(1, 0.95, 0.2, balanced=0.5), epoch(2, 0.9, 0.3, balanced=0.9)
    assert best_epoch([blind, seeing]) is seeing
    assert best_epoch([epoch(1, 0.95, 0.2), epoch(2, 0.9, 0.1)]).epoch == 1


def test_of_equal_epochs_the_one_of_less_loss_and_then_the_first() -> None:
    """Small validation splits have many that are equally right."""
    records = [epoch(1, 0.9, 0.3), epoch(2, 0.9, 0.2), epoch(3, 0.9, 0.2)]
    assert best_epoch(records).epoch == 2


def test_the_table_is_read_by_any_reader_of_csv() -> None:
    """One line per epoch; what was not measured is empty; figures keep all their digits."""
    table = history_csv([epoch(1, 0.9, 1 / 3, balanced=0.25), epoch(2, 0.95, 0.2)])
    rows = list(csv.DictReader(table.splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert list(rows[0]) == [
        *("epoch", "lr", "train_loss", "val_loss"),
        *("val_accuracy", "val_balanced", "val_cer", "seconds"),
    ]
    assert float(rows[0]["val_loss"]) == 1 / 3
    assert (rows[0]["val_balanced"], rows[1]["val_balanced"], rows[0]["val_cer"]) == (
        "0.25",
        "",
        "",
    )
    assert float(rows[1]["val_accuracy"]) == pytest.approx(0.95)


def test_of_numbers_the_least_error_is_the_best() -> None:
    """Answers that are not right or wrong have an error, in words and in a column of its own."""
    far, near = (
        EpochRecord(number, 0.5, loss, None, 0.1, 2.0, val_error=error)
        for number, loss, error in ((1, 0.1, 0.4), (2, 0.3, 0.25))
    )
    assert best_epoch([far, near]) is near
    assert near.measures == "error 0.25"
    rows = list(csv.DictReader(history_csv([far, near]).splitlines()))
    assert [row["val_error"] for row in rows] == ["0.4", "0.25"]
    assert [row["val_accuracy"] for row in rows] == ["", ""]


def test_a_table_reads_back_as_the_epochs_it_was_made_of(tmp_path: Path) -> None:
    """Bit for bit, with what was not measured; a table of an earlier version has fewer columns."""
    records = [epoch(1, 0.9, 1 / 3, balanced=0.25), epoch(2, 0.95, 0.2)]
    path = tmp_path / "history.csv"
    path.write_text(history_csv(records))
    assert read_history(path) == tuple(records)
    path.write_text("epoch,lr,train_loss,val_loss,val_accuracy,seconds\n1,0.1,0.5,0.25,0.75,2\n")
    (old,) = read_history(path)
    assert (old.val_accuracy, old.val_cer, old.seconds) == (0.75, None, 2.0)


@pytest.mark.parametrize("text", [b"epoch,lr\n1,0.1\n", b"epoch\nfirst\n", b"epoch\n\xff\n"])
def test_what_is_no_history_is_refused(tmp_path: Path, text: bytes) -> None:
    """By its path: columns that are missing, words for numbers, or bytes that are no text."""
    path = tmp_path / "history.csv"
    path.write_bytes(text)
    with pytest.raises(RunError, match=r"history\.csv: expected a history of epochs, found"):
        read_history(path)
    with pytest.raises(RunError, match="No such file"):
        read_history(tmp_path / "gone.csv")
