"""`Control`: what a command does, and that nothing it meets ends the thread that obeys."""

import pytest
from support.publishers import MemoryPublisher

from edge_agent.contract.commands import DescribeCommand, PauseCommand
from edge_agent.publish.speaker import Speaker
from edge_agent.remote.control import Control


def control() -> Control:
    speaker = Speaker("gate", "boot", MemoryPublisher())
    return Control(speaker, [], ("describe", "pause"), 60, 1000, lambda: None)


def test_an_error_nobody_thought_of_is_an_answer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Must not end the thread: the next command finds somebody there; the log has where it was."""
    obeys = control()

    def broken(self: Control) -> None:
        raise MemoryError("no room for a picture")

    monkeypatch.setattr(Control, "_describe", broken)
    with caplog.at_level("ERROR", "edge_agent"):
        reply = obeys.perform("describe", DescribeCommand())
    assert (reply.ok, reply.error) == (False, "MemoryError: no room for a picture")
    assert "Traceback" in caplog.text
    assert obeys.perform("pause", PauseCommand()).ok
