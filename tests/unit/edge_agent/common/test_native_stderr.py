"""One known line is kept off standard error; everything else passes."""

import os

import pytest

from edge_agent.common.native_stderr import STDERR, without_lines


def test_only_the_named_line_is_dropped(capfd: pytest.CaptureFixture[str]) -> None:
    """Must fire for the line, and must not fire for those before and after it."""
    with without_lines(b"INFO: Created"):
        os.write(STDERR, b"WARNING: first\nINFO: Created a delegate\nERROR: last\n")
    assert capfd.readouterr().err == "WARNING: first\nERROR: last\n"


def test_what_was_written_before_an_error_is_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    """The reason of a failure, written by native code, reaches the reader."""

    def fail() -> None:
        with without_lines(b"INFO"):
            os.write(STDERR, b"ERROR: no memory\n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    os.write(STDERR, b"after\n")
    assert capfd.readouterr().err == "ERROR: no memory\nafter\n"
