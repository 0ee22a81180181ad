"""What benchmarks keep, and the page that is made of it."""

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")


@pytest.fixture(name="results")
def _results(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("record.results")


@pytest.fixture(name="page")
def _page(results: ModuleType) -> ModuleType:
    del results  # for its path
    return importlib.import_module("record.page")


def test_every_benchmark_is_on_the_page(results: ModuleType, page: ModuleType) -> None:
    """Each file that is kept belongs to a subject, and says when, where and how it came about."""
    kept = {path.stem for path in results.RESULTS.glob("*.json")}
    assert kept == {name for names in page.SUBJECTS.values() for name in names}
    for name in kept:
        for run in results.runs(name):
            assert run.figures
            assert run.machine.cpu
            assert f"`{run.command}`" in PAGE


def test_every_script_keeps_what_it_measures() -> None:
    """A benchmark whose figures would have to be copied by hand is not done."""
    scripts = {path.stem for path in (ROOT / "benchmarks").glob("*.py")} - {"bundles"}
    for name in scripts:
        text = (ROOT / "benchmarks" / f"{name}.py").read_text(encoding="utf-8")
        assert f'record("{name}", ' in text or f'record(\n        "{name}",' in text, name


def test_a_command_replaces_what_it_gave_before(
    results: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The same command's last run goes, another's stays; no figure writes no file."""
    figure = importlib.import_module("daemon.figures").Figure
    for value, arguments in ((1.0, []), (2.0, ["--quick"]), (3.0, [])):
        monkeypatch.setattr(sys, "argv", [str(ROOT / "benchmarks" / "soak.py"), *arguments])
        results.record("soak", [figure("a", value, "s", at_most=2)], tmp_path)
    kept = results.runs("soak", tmp_path)
    assert [(run.command, run.figures[0].value) for run in kept] == [
        ("python benchmarks/soak.py --quick", 2.0),
        ("python benchmarks/soak.py", 3.0),
    ]
    assert json.loads((tmp_path / "soak.json").read_text())[1]["machine"]["cores"] >= 1
    results.record("other", [], tmp_path)
    assert not (tmp_path / "other.json").exists()


def test_what_misses_its_target_stands_out(
    results: ModuleType, page: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Must fire: a target that is missed; what is only told has none, and stays off the page."""
    figure = importlib.import_module("daemon.figures").Figure
    monkeypatch.setattr(sys, "argv", ["soak.py"])
    figures = [figure("a", 3.0, "s", at_most=2), figure("b", 1.0, at_least=1), figure("c", 7.0)]
    results.record("soak", figures, tmp_path)
    text = page.text(tmp_path)
    assert text.startswith("1 of 2 targets are met")
    assert "| a | **3 s** | at most 2 s | **not met** | soak |" in text
    assert "| b | **1** | at least 1 | met | soak |" in text
    assert "| c |" not in text
