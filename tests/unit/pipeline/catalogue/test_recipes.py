"""`edgeward recipes`: what can be built, with which data, and what is missing."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.catalogue.folder import recipe_folder
from pipeline.catalogue.measured import measured
from pipeline.catalogue.recipes import closing, entries, lines
from pipeline.cli import app
from pipeline.common.errors import DataError
from pipeline.data.readers.download import mnist_files

SHIPPED = recipe_folder()


def test_every_recipe_that_ships_has_all_figures() -> None:
    """One row a recipe, none without a recipe, no cell empty, each with the day it was measured."""
    figures = measured(SHIPPED)
    assert figures.keys() == {path.stem for path in SHIPPED.glob("*.toml")}
    for row in figures.values():
        cells = [getattr(row, field) for field in row.__struct_fields__]
        assert all(cells)
        assert row.date.startswith("2026-")


def test_what_needs_no_data_is_ready_without_any(tmp_path: Path) -> None:
    """Embedded and downloaded sets can be built from nothing; others say where to put theirs."""
    found = {entry.path.stem: entry for entry in entries(SHIPPED, tmp_path)}
    assert {name for name, entry in found.items() if entry.ready} >= {
        "digits", "mnist", "fashion-mnist", "ocr-dates",
    }  # fmt: skip
    assert not found["ocr-meter"].ready
    text = " ".join(" ".join(lines(found["ocr-meter"])).split())
    for name in ("meter-digits", "gaspump-7seg"):
        assert f"data: {name}: missing; put it at {tmp_path / name}, or set EDGEWARD_DATA" in text
    assert "data: nothing to fetch" in " ".join(lines(found["digits"]))
    assert "mnist: downloaded by the build" in " ".join(lines(found["mnist"]))


def test_data_that_is_there_is_found(tmp_path: Path) -> None:
    """A set in its folder, a file at its path; an empty folder holds no set."""
    (tmp_path / "sroie").mkdir()
    for file in mnist_files("mnist"):
        path = tmp_path / "mnist" / file
        path.parent.mkdir(exist_ok=True)
        path.touch()
    found = {entry.path.stem: entry for entry in entries(SHIPPED, tmp_path)}
    assert not found["ocr-lines"].ready
    assert f"mnist: at {tmp_path / 'mnist'}" in " ".join(" ".join(lines(found["mnist"])).split())
    (tmp_path / "sroie" / "train_labels.tsv").touch()
    path.unlink()
    found = {entry.path.stem: entry for entry in entries(SHIPPED, tmp_path)}
    assert found["ocr-lines"].ready
    assert "mnist: downloaded by the build" in " ".join(lines(found["mnist"]))


def test_own_recipes_are_listed_without_figures(tmp_path: Path) -> None:
    """A folder of one's own: each recipe says whether it can be built, and what with first."""
    source = (SHIPPED / "image-folder.toml").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(source, encoding="utf-8")
    (entry,) = entries(tmp_path, tmp_path / "root")
    assert next(iter(lines(entry))).endswith("mine.toml: classify, data missing")
    assert closing([entry]) == "0 of 1 ready"
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "cat").mkdir()
    assert closing(entries(tmp_path, tmp_path / "root")) == (
        f"1 of 1 ready; next: edgeward build {tmp_path / 'mine.toml'}"
    )


def test_the_command_lists_those_that_ship_and_refuses_an_empty_folder(tmp_path: Path) -> None:
    """Every name, then how to begin; a folder without recipes is an error."""
    shown = CliRunner().invoke(app, ["recipes", "--data-root", str(tmp_path)]).stdout
    for path in SHIPPED.glob("*.toml"):
        assert path.name in shown
    assert shown.splitlines()[-1].endswith("digits.toml")
    assert max(map(len, shown.splitlines())) <= max(79, len(str(tmp_path)) + 60)
    failed = CliRunner().invoke(app, ["recipes", str(tmp_path)])
    assert isinstance(failed.exception, DataError)


def test_a_row_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    """A file of figures without one of its cells is a mistake, not an empty cell."""
    (tmp_path / "measured.json").write_text('{"a": {"reads": "x"}}', encoding="utf-8")
    with pytest.raises(Exception, match="missing required field"):
        measured(tmp_path)
