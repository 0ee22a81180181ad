"""What failed beside other suites is tried alone: `scripts/second_try.py`, over small suites."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/second_try.py"
FIRST = """
import pathlib
import pytest

def test_sound():
    pass

def test_first_time_only():
    tried = pathlib.Path("tried")
    before = tried.exists()
    tried.touch()
    assert before
"""
ALWAYS = """
def test_never():
    assert False
"""
SKIPPED = """
import pathlib
import pytest

def test_one():
    tried = pathlib.Path("tried-one")
    if tried.exists():
        pytest.skip("not now")
    tried.touch()
    assert False
"""
BROKEN = "import no_such_module\n"
FIXTURE = """
import pathlib
import pytest

@pytest.fixture
def broker():
    tried = pathlib.Path("tried-fixture")
    if not tried.exists():
        tried.touch()
        raise OSError("busy")

@pytest.mark.parametrize("kind", ["a b", "c::d"])
def test_with(broker, kind):
    pass
"""


def script(folder: Path, *arguments: str, beside: bool = True) -> tuple[int, str]:
    """The exit status of a run of the script in `folder`, and what it printed."""
    left_out = ("PYTEST", "EDGEWARD_SECOND_TRY")
    environment = {name: text for name, text in os.environ.items() if not name.startswith(left_out)}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # none is needed, and each takes its time
    environment |= {"EDGEWARD_SECOND_TRY": str(folder / "build/noted")} if beside else {}
    done = subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    return done.returncode, done.stdout


def suites(folder: Path, *, beside: bool = True, **tests: str) -> tuple[int, int, str]:
    """The statuses of a suite and of the second tries; and what these printed.

    Args:
        folder: for it all.
        beside: whether other suites run beside it.
        tests: the text of each test module, by its folder in `tests`.
    """
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\n")
    for room, text in tests.items():
        (folder / "tests" / room).mkdir(parents=True)
        (folder / "tests" / room / "test_it.py").write_text(text)
    pytest_command = (sys.executable, "-m", "pytest", "-q", "tests")
    status, _ = script(folder, "run", "suite", "tests/fault", "--", *pytest_command, beside=beside)
    return status, *script(folder, "alone", "build/noted")


def test_what_fails_the_first_time_only_is_told_of_and_no_failure(tmp_path: Path) -> None:
    """Both outcomes are printed and kept."""
    status, again, said = suites(tmp_path, fault=FIRST)
    line = (
        "failed beside other suites, passed alone: "
        "tests/fault/test_it.py::test_first_time_only (suite)"
    )
    assert (status, again) == (0, 0)
    assert said.count(line) == 1
    assert "test_sound" not in said
    assert line in (tmp_path / "build/second-tries.txt").read_text()


def test_what_fails_twice_is_a_failure(tmp_path: Path) -> None:
    """One that passes beside it changes nothing, and is still told of."""
    status, again, said = suites(tmp_path, fault=FIRST + ALWAYS)
    assert (status, again) == (0, 1)
    assert "FAILED ALONE TOO: tests/fault/test_it.py::test_never (suite)" in said
    assert "passed alone: tests/fault/test_it.py::test_first_time_only (suite)" in said


def test_a_suite_of_which_nothing_fails_has_no_second_try(tmp_path: Path) -> None:
    """And nothing is printed."""
    assert suites(tmp_path, fault="def test_sound():\n    pass\n") == (0, 0, "")


@pytest.mark.parametrize("text", [FIRST, ALWAYS])
def test_what_calculates_has_no_second_try(text: str, tmp_path: Path) -> None:
    """A function that fails at times has a fault, whatever the machine does."""
    assert suites(tmp_path, unit=text, fault=FIRST.replace("tried", "other"))[:2] == (1, 0)


def test_a_suite_alone_has_no_second_try(tmp_path: Path) -> None:
    """Nothing disturbed it."""
    assert suites(tmp_path, beside=False, fault=FIRST) == (1, 0, "")


def test_a_second_try_that_is_skipped_has_not_passed(tmp_path: Path) -> None:
    """Whatever pytest's cache thinks of it."""
    assert suites(tmp_path, fault=SKIPPED)[:2] == (0, 1)


def test_a_module_that_does_not_load_is_a_failure_at_once(tmp_path: Path) -> None:
    """As pytest's other statuses are."""
    assert suites(tmp_path, fault=BROKEN)[:2] == (2, 0)


def test_a_fixture_that_fails_is_tried_again_with_its_test(tmp_path: Path) -> None:
    """Whatever stands in the test's parameters."""
    status, again, said = suites(tmp_path, fault=FIXTURE)
    assert (status, again) == (0, 0)
    assert "passed alone: tests/fault/test_it.py::test_with[a b] (suite)" in said
