"""`CommandPerformer`: what a command does, and that nothing it meets ends the thread that obeys."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from support.publishers import MemoryPublisher

from edge_agent.common.stop import Stop
from edge_agent.contract.commands import (
    Command,
    DescribeCommand,
    PauseCommand,
    SetCommand,
)
from edge_agent.contract.messages import BundleRef
from edge_agent.light.config import GpioLight, HttpLight, LightConfig
from edge_agent.publish.sender import Sender
from edge_agent.remote.inbox import Request, Return
from edge_agent.remote.perform import CommandPerformer
from edge_agent.sources.base import Frame
from edge_agent.sources.config import CameraConfig
from edge_agent.stream.config import StreamConfig
from edge_agent.stream.stream import Stream
from edge_agent.tasks.task import Settable, Sighting


def control() -> CommandPerformer:
    sender = Sender("gate", "boot", MemoryPublisher())
    return CommandPerformer(sender, [], ("describe", "pause"), 60, 1000, lambda: None)


def test_an_error_nobody_thought_of_is_an_answer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Must not end the thread: the next command finds somebody there; the log has where it was."""
    obeys = control()

    def broken(self: CommandPerformer) -> None:
        raise MemoryError("no room for a picture")

    monkeypatch.setattr(CommandPerformer, "_describe", broken)
    with caplog.at_level("ERROR", "edge_agent"):
        reply = obeys.perform("describe", DescribeCommand())
    assert (reply.ok, reply.error) == (False, "MemoryError: no room for a picture")
    assert "Traceback" in caplog.text
    assert obeys.perform("pause", PauseCommand()).ok


class Blind:
    """A looker that sees nothing, and has nothing to be set."""

    values: ClassVar[dict[str, Settable]] = {}

    def prepare(self, frame: Frame) -> None:
        pass

    def answers(self, frame: Frame, prepared: None) -> Iterator[Sighting]:
        return iter(())


def lit_stream(name: str, light: LightConfig | None, interval_s: float = 60) -> Stream:
    source = CameraConfig(index=0)
    config = StreamConfig(
        name=name, bundle=Path("b"), source=source, light=light, interval_s=interval_s
    )
    sender = Sender("gate", "boot", MemoryPublisher())
    return Stream(config, BundleRef(name="n", id="i"), Blind(), sender, Stop())


def obeying(*streams: Stream) -> CommandPerformer:
    sender = Sender("gate", "boot", MemoryPublisher())
    return CommandPerformer(sender, streams, ("set",), 60, 1000, lambda: None)


LAMPS = [GpioLight(line=4, settle_s=2), HttpLight(on="http://l/1", off="http://l/0", settle_s=2)]


@pytest.mark.parametrize("lamp", LAMPS, ids=["gpio", "http"])
def test_an_interval_that_the_configuration_refuses_is_refused(lamp: LightConfig) -> None:
    """A lamp that settles for two seconds: at 2 s and less it would never be off."""
    dark, lamped = lit_stream("dark", None), lit_stream("lamped", lamp)
    control = obeying(dark, lamped)
    for interval_s in (0, 2):
        reply = control.perform("set", SetCommand(interval_s=interval_s))
        assert reply.error == (
            "set: stream 'lamped': light: expected an interval_s above its settle_s, 2, "
            f"found {interval_s} - at `$.interval_s`"
        )
        assert (dark.controls.interval_s, lamped.controls.interval_s) == (60, 60)
    assert control.perform("set", SetCommand(interval_s=2.5)).ok
    assert (dark.controls.interval_s, lamped.controls.interval_s) == (2.5, 2.5)
    assert control.perform("set", SetCommand(stream="dark", interval_s=0)).ok


def test_a_set_that_is_refused_has_changed_nothing() -> None:
    """Interval and log level are right, the region is not."""
    stream, logger = lit_stream("front", None), logging.getLogger("edge_agent")
    before = logger.level
    command = SetCommand(stream="front", interval_s=5, log_level="debug", region="water", value=1.0)
    reply = obeying(stream).perform("set", command)
    assert reply.error == (
        "set: expected a region with a meter of none, found 'water' - at `$.region`"
    )
    assert (stream.controls.interval_s, logger.level) == (60, before)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (SetCommand(stream="front", interval_s=5), 'set stream "front", interval_s 5'),
        (
            SetCommand(stream="front", region="water", reset=True),
            'set stream "front", region "water", reset true',
        ),
        (SetCommand(log_level="debug"), 'set log_level "debug"'),
        (DescribeCommand(), "describe"),
    ],
)
def test_the_log_says_a_command_in_plain_words(
    command: Command, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As it was sent, without what was left out."""
    caplog.set_level("INFO", "edge_agent")
    verb = words.partition(" ")[0]
    with obeying(lit_stream("front", None)) as control:
        control._take(Request(verb, command, Return("t")))
        control._requests.put(None)
        control._thread.join(60)
    assert f"command: {words}" in [record.message for record in caplog.records]
