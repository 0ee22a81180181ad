"""How right a bundle is on labelled pictures, and what that is beside its proof."""

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
import typer
from support.scores import accuracy_of

from edge_agent.bundle.archive import Bundle, bundle_files, write_bundle
from edge_agent.bundle.metrics import Metrics
from pipeline.common.errors import DataError, GateError
from pipeline.evaluation.evaluation import Evaluation, compare
from pipeline.measure.evaluate import wilson
from pipeline.predict.commands import evaluate_command
from pipeline.predict.evaluate import evaluate


def silent(_: str) -> None:
    """Nobody reads."""


def test_classes_are_scored_by_their_folders(bright_path: Path, photos: Path) -> None:
    """Two of three dark ones and one of two bright ones are answered rightly."""
    found = evaluate(bright_path, photos, silent)
    assert found.accuracy == wilson(3, 5)
    assert found.balanced_accuracy == pytest.approx((2 / 3 + 1 / 2) / 2)
    dark, bright = found.classes
    assert (dark.label, dark.recall, dark.precision) == ("dark", wilson(2, 3), wilson(2, 3))
    assert (bright.label, bright.recall, bright.precision) == ("bright", wilson(1, 2), wilson(1, 2))
    assert found.confusion == ((2, 1), (1, 1))
    assert (found.comparison, found.proven) == ("unproven", None)


def test_the_surest_mistakes_are_named(bright_path: Path, photos: Path) -> None:
    """With the file, what was answered and what is right."""
    lines: list[str] = []
    evaluate(bright_path, photos, lines.append)
    assert "the surest of 2 mistakes:" in lines
    assert any("bright/1.png" in line and line.endswith("'bright' is right") for line in lines)
    assert any(line.startswith("proven by verify    nothing") for line in lines)


def test_a_folder_may_lack_classes_but_not_bring_others(bright_path: Path, photos: Path) -> None:
    """Photographs of one class alone can be measured; unknown names cannot."""
    only = photos.parent / "only"
    only.mkdir()
    (photos / "dark").rename(only / "dark")
    found = evaluate(bright_path, only, silent)
    assert found.accuracy == wilson(2, 3)
    assert found.balanced_accuracy == pytest.approx(2 / 3)
    assert found.classes[1].recall is None
    (only / "dark").rename(only / "dusk")
    with pytest.raises(DataError, match=r"the bundle's classes \('dark', 'bright'\), found 'dusk'"):
        evaluate(bright_path, only, silent)


def test_of_a_folder_with_splits_the_test_part_is_measured(
    bright_path: Path, photos: Path, tmp_path: Path
) -> None:
    """What was trained on is no proof of anything."""
    split = tmp_path / "split"
    split.mkdir()
    photos.rename(split / "train")
    with pytest.raises(DataError, match="expected a folder of images, found nothing"):
        evaluate(bright_path, split / "none", silent)
    (split / "val").mkdir()
    (split / "val" / "dark").mkdir()
    with pytest.raises(DataError, match="or a test part, found the parts train, val"):
        evaluate(bright_path, split, silent)
    (split / "test" / "dark").mkdir(parents=True)
    assert cv2.imwrite(str(split / "test" / "dark" / "a.png"), np.zeros((8, 8, 3), np.uint8))
    lines: list[str] = []
    found = evaluate(bright_path, split, lines.append)
    assert (found.accuracy, found.part) == (wilson(1, 1), "test")
    assert lines[0].endswith("split, of which only the test part is measured")


@pytest.mark.parametrize("loose", [True, False])
def test_a_folder_of_which_only_train_is_left_is_not_measured(
    bright_path: Path, photos: Path, tmp_path: Path, loose: bool
) -> None:
    """Neither where the test part has no labels, nor where there is none."""
    split = tmp_path / "split"
    split.mkdir()
    photos.rename(split / "Training")
    if loose:
        (split / "test").mkdir()
        assert cv2.imwrite(str(split / "test" / "a.png"), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(DataError) as error:
        evaluate(bright_path, split, silent)
    assert "a test part, found the parts train: name the folder of one of them" in str(error.value)
    assert ("test left out: 1 images" in str(error.value)) is loose
    lines: list[str] = []
    found = evaluate(bright_path, split / "Training", lines.append)
    assert (found.accuracy, found.part) == (wilson(3, 5), None)


def test_how_a_folder_was_understood_is_said(
    bright_path: Path, photos: Path, tmp_path: Path
) -> None:
    """Before the figures: a user sees what was taken for the test part."""
    for part in ("Training", "Testing"):
        shutil.copytree(photos, tmp_path / "split" / part)
    lines: list[str] = []
    assert evaluate(bright_path, tmp_path / "split", lines.append).part == "test"
    assert lines[:2] == ["Training was taken for train", "Testing was taken for test"]


def test_of_texts_the_part_that_is_learnt_from_is_not_measured(
    stripes_path: Path, lines: Path
) -> None:
    """Must fire: a table for training, and none for the test."""
    (lines / "labels.tsv").rename(lines / "train_labels.tsv")
    with pytest.raises(DataError, match=r"expected a table test_labels.tsv, found only what is"):
        evaluate(stripes_path, lines, silent)
    (lines / "train_labels.tsv").rename(lines / "labels.tsv")
    assert evaluate(stripes_path, lines, silent).part is None


def test_texts_are_scored_by_their_table(stripes_path: Path, lines: Path) -> None:
    """Whole texts, and edits per character: one of nine is wrong."""
    found = evaluate(stripes_path, lines, silent)
    assert found.accuracy == wilson(2, 3)
    assert found.texts is not None
    assert found.texts.error_rate == pytest.approx(1 / 9)
    assert (found.classes, found.balanced_accuracy) == ((), None)


def test_the_files_hold_what_was_measured(bright_path: Path, photos: Path, tmp_path: Path) -> None:
    """The table has the right answer in its last column; the JSON decodes into the value."""
    table, figures = tmp_path / "new" / "rows.csv", tmp_path / "new" / "figures.json"
    found = evaluate(bright_path, photos, silent, csv=table, json=figures)
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["truth"] for row in rows] == ["bright"] * 2 + ["dark"] * 3
    assert msgspec.json.decode(figures.read_bytes(), type=Evaluation) == found


def test_a_least_accuracy_is_a_gate(bright_path: Path, photos: Path, tmp_path: Path) -> None:
    """It fires below, with both figures, and leaves the files for whoever asks why."""
    evaluate(bright_path, photos, silent, min_accuracy=0.6)
    out = tmp_path / "rows.csv"
    with pytest.raises(GateError, match=r"expected at least 90.00 %, measured 60.0 %"):
        evaluate(bright_path, photos, silent, csv=out, min_accuracy=0.9)
    assert out.exists()


def test_unreadable_files_are_counted_and_left_out(bright_path: Path, photos: Path) -> None:
    """They are no wrong answers."""
    (photos / "dark" / "9.png").write_bytes(b"")
    found = evaluate(bright_path, photos, silent)
    assert found.accuracy is not None
    assert found.accuracy.samples == 5
    assert len(found.unreadable) == 1


def test_unreadable_files_end_the_command_with_the_status_of_data(
    bright_path: Path, photos: Path, tmp_path: Path
) -> None:
    """As `predict` does, after everything was said and written."""
    out = tmp_path / "rows.csv"
    evaluate_command(bright_path, photos, csv=out)
    (photos / "dark" / "9.png").write_bytes(b"")
    out.unlink()
    with pytest.raises(typer.Exit) as ended:
        evaluate_command(bright_path, photos, csv=out)
    assert ended.value.exit_code == 21
    assert out.exists()


def test_what_was_proven_stands_beside_it(
    bright_bundle: Bundle, photos: Path, tmp_path: Path
) -> None:
    """A bundle proven at 98 % that gets three of five right is told to be worse."""
    proven = Metrics(
        float_score=accuracy_of(490, 500),
        int8_score=accuracy_of(490, 500),
        agreement=1.0,
        macs=1,
        latency_ms=1.0,
        measured_on="test",
    )
    manifest = msgspec.structs.replace(bright_bundle.manifest, metrics=proven)
    bundle = replace(bright_bundle, manifest=manifest)
    path = tmp_path / "proven.edgeward"
    write_bundle(bundle_files(bundle.manifest, bundle.model, bundle.golden), path)
    for number in range(2, 22):
        (photos / "bright" / f"{number}.png").write_bytes(
            (photos / "bright" / "1.png").read_bytes()
        )
    lines: list[str] = []
    found = evaluate(path, photos, lines.append)
    assert found.comparison == "worse than proven"
    assert any("of 500 held-out pictures: here it is worse than proven" in row for row in lines)


def test_two_figures_differ_only_where_their_intervals_do_not_meet() -> None:
    """Must fire and must not fire."""
    assert compare(wilson(98, 100), wilson(490, 500)) == "as proven"
    assert compare(wilson(60, 100), wilson(490, 500)) == "worse than proven"
    assert compare(wilson(499, 500), wilson(60, 100)) == "better than proven"
    assert compare(wilson(1, 2), None) == "unproven"
