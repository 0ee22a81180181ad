"""Progress: bars on a terminal, plain lines in a log, nothing where nobody looks."""

import io

import pytest
from rich.console import Console

from pipeline.common.progress import Bars, Lines, Silent, open_progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_stream_decides() -> None:
    """A terminal gets bars, anything else lines."""
    assert isinstance(open_progress(Terminal()), Bars)
    assert isinstance(open_progress(io.StringIO()), Lines)


def test_lines_come_every_ten_seconds_with_the_time_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A task of 100 steps at 4 seconds each speaks at the third and counts what is left."""
    now = 0.0
    monkeypatch.setattr("pipeline.common.progress.time.monotonic", lambda: now)
    stream = io.StringIO()
    with Lines(stream).task("train", 100) as task:
        for _ in range(6):
            now += 4.0
            task.advance()
    assert stream.getvalue().splitlines() == [
        "train: 3/100, 388 s left",
        "train: 6/100, 376 s left",
    ]


def test_steps_done_before_do_not_speed_up_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resumed task reckons the time left by the steps of this process alone."""
    now = 0.0
    monkeypatch.setattr("pipeline.common.progress.time.monotonic", lambda: now)
    stream = io.StringIO()
    with Lines(stream).task("train", 100, done=90) as task:
        now = 10.0
        task.advance()
    assert stream.getvalue() == "train: 91/100, 90 s left\n"


def test_what_is_said_stands_in_a_log() -> None:
    """A line is written as it is, at once."""
    stream = io.StringIO()
    Lines(stream).say("val [bold]93 %[/bold]")
    assert stream.getvalue() == "val [bold]93 %[/bold]\n"


def test_a_terminal_shows_bar_and_lines() -> None:
    """The bar names the task and its steps; lines stand above it as they are."""
    stream = Terminal()
    bars = Bars(Console(file=stream, force_terminal=True, width=120))
    with bars.task("train", 4, done=1) as task:
        task.advance(2)
        bars.say("epoch [1]: 93 %")
    shown = stream.getvalue()
    assert "epoch [1]: 93 %" in shown
    assert "train" in shown
    assert "3/4" in shown


def test_silence() -> None:
    """The silent one takes everything and shows nothing."""
    with Silent().task("train", 3) as task:
        task.advance(3)
    Silent().say("nothing")
