"""The lists of `make mutants` name what there is."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "mutants"


def listed(name: str) -> dict[str, Any]:
    with (FOLDER / name).open("rb") as file:
        return tomllib.load(file)


@pytest.mark.parametrize("module", listed("modules.toml")["tests"])
def test_a_module_and_its_tests_exist(module: str) -> None:
    """A module that moves takes its line in modules.toml along."""
    assert (ROOT / module).is_file()
    tests = listed("modules.toml")["tests"][module]
    assert tests
    assert [test for test in tests if not (ROOT / test).exists()] == []


def test_what_is_equivalent_stands_in_its_module_with_a_reason() -> None:
    """An entry whose line is gone goes with it."""
    for entry in listed("equivalent.toml").get("equivalent", []):
        text = " ".join((ROOT / entry["module"]).read_text(encoding="utf-8").split())
        assert entry["was"] in text, entry
        assert entry["reason"]
