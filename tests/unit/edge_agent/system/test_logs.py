"""The log: one line each time, for people, the journal or programs."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from edge_agent.system.logs import FORMATTERS, Format, log_to_stderr, under_systemd


@pytest.fixture(autouse=True)
def _package() -> Iterator[None]:
    package = logging.getLogger("edge_agent")
    handlers, level = package.handlers, package.level
    yield
    package.handlers = handlers
    package.setLevel(level)


def lines(level: int, text: str, error: BaseException | None = None) -> dict[str, str]:
    """One record in every format."""
    info = (type(error), error, error.__traceback__) if error is not None else None
    made = logging.LogRecord("edge_agent.stream.stream", level, __file__, 1, text, (), info)
    made.threadName = "front door"
    return {name: kind().format(made) for name, kind in FORMATTERS.items()}


def test_each_format_says_it_in_its_own_way() -> None:
    """Level, message, and for programs where it came from."""
    said = lines(logging.WARNING, "camera 0: lost")
    assert said["text"] == "WARNING camera 0: lost"
    source = "edge_agent.stream.stream"
    assert said["journal"] == f'<4>camera 0: lost thread="front door" source={source}'
    document = json.loads(said["json"])
    assert document.pop("time").endswith("+00:00")
    assert document == {
        "level": "warning",
        "message": "camera 0: lost",
        "thread": "front door",
        "source": "edge_agent.stream.stream",
    }


@pytest.mark.parametrize(
    ("level", "priority"),
    [(logging.DEBUG, 7), (logging.INFO, 6), (logging.WARNING, 4), (logging.CRITICAL, 3)],
)
def test_the_journal_knows_how_bad_it_is(level: int, priority: int) -> None:
    """By syslog's levels."""
    assert lines(level, "x")["journal"].startswith(f"<{priority}>x ")


def test_a_message_is_one_line_whatever_it_holds() -> None:
    """A line break would make a second entry, of whatever priority it claims."""
    try:
        raise ValueError("first\nsecond")
    except ValueError as error:
        said = lines(logging.ERROR, "a\n<0>b\x1b[31m", error)
    for text in said.values():
        assert "\n" not in text
        assert "\x1b" not in text
        assert "second" in text


def test_the_journal_is_known_by_its_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is inherited by what systemd starts for others: it must be this stderr."""
    read, write = os.pipe()
    found = os.fstat(write)
    monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
    assert under_systemd(write)
    assert not under_systemd(read if os.fstat(read).st_ino != found.st_ino else 0)
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    assert not under_systemd(write)
    monkeypatch.delenv("JOURNAL_STREAM")
    assert not under_systemd(write)
    os.close(read)
    os.close(write)
    assert not under_systemd(write)


def test_the_format_is_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    """`auto` is text here; other packages' logs are not ours to show."""
    starts: dict[Format, str] = {"auto": "INFO x", "journal": "<6>x ", "json": '{"time"'}
    for form, start in starts.items():
        log_to_stderr("info", form)
        logging.getLogger("edge_agent.x").info("x")
        logging.getLogger("edge_agent.x").debug("y")
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(start)


def test_the_command_line_takes_a_format() -> None:
    """Before the command, as the level."""
    command = [sys.executable, "-m", "edge_agent.cli", "--log-format", "loud", "run"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "invalid choice: 'loud'" in done.stderr
