"""Commands as messages, where they arrive, and what is refused there."""

import json
import logging
from typing import Any

import msgspec
import pytest
from support.publishers import MemoryPublisher

from edge_agent.common.errors import MessageError
from edge_agent.common.rate import RateLimit
from edge_agent.contract.commands import (
    COMMANDS,
    Command,
    DescribeCommand,
    PauseCommand,
    ReplyMessage,
    SetCommand,
    SnapshotCommand,
    decode_command,
    decode_reply,
    encode_command,
    encode_reply,
)
from edge_agent.mqtt.values import Received
from edge_agent.publish.sender import Sender
from edge_agent.remote.inbox import CommandInbox, Request

EVERY: tuple[Command, ...] = (
    SnapshotCommand(stream="door"),
    PauseCommand(),
    SetCommand(stream="door", interval_s=0.5, log_level="debug"),
    SetCommand(stream="cellar", region="water", value=1234.5),
    SetCommand(stream="cellar", region="water", reset=True),
    DescribeCommand(),
)


@pytest.mark.parametrize("command", EVERY, ids=lambda c: type(c).__name__)
def test_commands_survive_the_wire(command: Command) -> None:
    """What is encoded for a verb is what that verb decodes."""
    verb, payload = encode_command(command)
    assert decode_command(verb, payload) == command
    assert json.loads(payload)["schema"] == f"edgeward.{verb}/1"


def test_a_command_typed_by_hand_needs_neither_schema_nor_object() -> None:
    """`mosquitto_pub -n`, and what a person would write."""
    assert decode_command("pause", b"") == PauseCommand()
    assert decode_command("pause", b'{"stream": "door"}') == PauseCommand(stream="door")
    assert decode_command("describe", b"{}") == DescribeCommand()


@pytest.mark.parametrize(
    ("verb", "payload", "expected"),
    [
        ("reboot", b"{}", "expected one of snapshot, pause, resume, set, restart, describe, "),
        ("pause", b"now!", "pause: JSON is malformed: "),
        ("pause", b"[]", "pause: Expected `object`, got `array`"),
        ("pause", b"\xff\xfe", "pause: "),
        ("pause", b'{"stream":7}', "pause: Expected `str | null`, got `int` - at `$.stream`"),
        ("pause", b'{"steam":"door"}', "pause: Object contains unknown field `steam`"),
        ("pause", b'{"stream":""}', "pause: Expected `str` of length >= 1 - at `$.stream`"),
        ("pause", b'{"schema":"edgeward.resume/1"}', "pause: Invalid value 'edgeward.resume/1'"),
        ("set", b"", "set: expected interval_s or log_level, found neither"),
        ("set", b'{"value":1}', "set: expected stream and region with value or reset"),
        ("set", b'{"region":"a","reset":true}', "set: expected stream and region with value or"),
        (
            "set",
            b'{"stream":"s","region":"a"}',
            "set: expected value or reset with region, found neither",
        ),
        (
            "set",
            b'{"stream":"s","region":"a","value":1,"reset":true}',
            "set: expected value or reset, found both",
        ),
        ("set", b'{"stream":"s","region":"a","value":1e16}', "set: Expected `float` <= 10"),
        ("set", b'{"interval_s":-1}', "set: Expected `float` >= 0.0 - at `$.interval_s`"),
        ("set", b'{"interval_s":1e400}', "set: "),
        ("set", b'{"interval_s":NaN}', "set: JSON is malformed"),
        ("set", b'{"log_level":"loud"}', "set: Invalid enum value 'loud' - at `$.log_level`"),
        ("restart", b'{"stream":"door"}', "restart: Object contains unknown field `stream`"),
        ("pause", b" " * 4097, "pause: expected at most 4096 bytes, found 4097"),
        ("pause", b"[" * 4096, "pause: "),
    ],
)
def test_wrong_commands_are_refused(verb: str, payload: bytes, expected: str) -> None:
    """The error names the verb and the key, what was expected and what was found."""
    with pytest.raises(MessageError) as caught:
        decode_command(verb, payload)
    assert str(caught.value).startswith(expected)


def test_replies_survive_the_wire() -> None:
    """And what is none is refused by the place where it came."""
    reply = ReplyMessage(device="gate", boot="b", verb="pause", ok=False, error="no")
    assert decode_reply(encode_reply(reply), "t") == reply
    with pytest.raises(MessageError, match=r"^t: "):
        decode_reply(b"{}", "t")


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_rate_is_kept() -> None:
    """Five at once, then one every two seconds; silence saves up five, not more."""
    clock = Clock()
    limit = RateLimit(per_minute=30, burst=5, clock=clock)
    assert [limit.take() for _ in range(7)] == [True] * 5 + [False] * 2
    clock.now_s += 2
    assert [limit.take() for _ in range(2)] == [True, False]
    clock.now_s += 3600
    assert [limit.take() for _ in range(7)] == [True] * 5 + [False] * 2


class Told:
    """A desk of device `gate`, what it handed on, and what it answered."""

    def __init__(self, *, allowed: tuple[str, ...] = tuple(COMMANDS), burst: int = 100) -> None:
        self.publisher, self.requests, self.clock = MemoryPublisher(), list[Request](), Clock()
        rate = RateLimit(60, burst, self.clock)
        sender = Sender("gate", "boot1", self.publisher)
        self.desk = CommandInbox(sender, allowed, rate, self.requests.append)

    def hear(self, verb: str, payload: bytes = b"", **properties: Any) -> None:
        self.desk.receive(Received(1, 1, f"edgeward/gate/command/{verb}", payload, **properties))

    @property
    def replies(self) -> list[tuple[str, ReplyMessage, bytes | None]]:
        return [(topic, decode_reply(p, topic), c) for topic, p, c in self.publisher.said]


def test_a_right_command_is_handed_on() -> None:
    """With where its answer goes; nothing is answered yet."""
    told = Told()
    told.hear("pause", b'{"stream":"door"}', response_topic="answers/1", correlation=b"7")
    (request,) = told.requests
    assert (request.verb, request.command) == ("pause", PauseCommand(stream="door"))
    assert (request.back.topic, request.back.correlation) == ("answers/1", b"7")
    assert told.replies == []


def test_a_wrong_command_is_answered_with_what_is_wrong() -> None:
    """To the asker, with the asker's number; nothing is handed on."""
    told = Told()
    told.hear("pause", b'{"steam":1}', response_topic="answers/1", correlation=b"7")
    error = "pause: Object contains unknown field `steam`"
    reply = ReplyMessage(device="gate", boot="boot1", verb="pause", ok=False, error=error)
    assert told.replies == [("answers/1", reply, b"7")]
    assert told.requests == []


def test_a_verb_that_is_not_allowed_is_refused() -> None:
    """The owner of the device decides, not whoever may write to the broker."""
    told = Told(allowed=("describe",))
    told.hear("restart")
    told.hear("describe")
    assert [request.verb for request in told.requests] == ["describe"]
    ((_, reply, _),) = told.replies
    assert reply.error == "restart: not allowed here; see [commands] in agent.toml"


def test_without_a_response_topic_the_answer_goes_to_ours() -> None:
    """MQTT 3.1.1 has none; a verb that is none does not choose our topic either."""
    told = Told()
    told.hear("pause", b"?")
    told.hear("a/b", b"?")
    told.hear("ü§", b"?")
    assert [topic for topic, _, _ in told.replies] == [
        "edgeward/gate/reply/pause",
        "edgeward/gate/reply/unknown",
        "edgeward/gate/reply/unknown",
    ]


@pytest.mark.parametrize(
    "topic",
    [
        "edgeward/gate/stream/door/result",
        "edgeward/gate/command/restart",
        "edgeward/gate/status",
        "answers/+",
        "#",
        "$SYS/broker",
        "",
        "x" * 257,
    ],
)
def test_an_answer_cannot_be_made_to_look_like_a_result(topic: str) -> None:
    """Whoever may command must not gain the device's right to publish as itself."""
    told = Told()
    told.hear("pause", b"?", response_topic=topic)
    assert [topic for topic, _, _ in told.replies] == ["edgeward/gate/reply/pause"]


def test_an_answer_may_go_below_our_replies() -> None:
    """Must not fire: there the agent is allowed to write, whatever the broker's rules."""
    told = Told()
    told.hear("pause", b"?", response_topic="edgeward/gate/reply/me")
    assert [topic for topic, _, _ in told.replies] == ["edgeward/gate/reply/me"]


def test_a_huge_number_is_not_repeated() -> None:
    """An answer is not to be larger than its question's worth."""
    told = Told()
    told.hear("pause", b"?", response_topic="answers", correlation=b"x" * 257)
    assert [c for _, _, c in told.replies] == [None]


def test_a_retained_command_is_ignored(caplog: pytest.LogCaptureFixture) -> None:
    """A retained `restart` would restart for ever."""
    told = Told()
    with caplog.at_level(logging.WARNING, "edge_agent"):
        told.hear("restart", retained=True)
    assert (told.requests, told.replies) == ([], [])
    assert "ignored a command that the broker had kept" in caplog.text


def test_a_flood_is_answered_once(caplog: pytest.LogCaptureFixture) -> None:
    """The first beyond the rate hears why, the others nothing; later commands work again."""
    told = Told(burst=3)
    with caplog.at_level(logging.WARNING, "edge_agent"):
        for _ in range(1000):
            told.hear("describe")
    assert len(told.requests) == 3
    assert [reply.error for _, reply, _ in told.replies] == ["too many commands: ask later"]
    assert caplog.text.count("too many commands") == 2  # the log line and the refusal
    told.clock.now_s += 10
    told.hear("describe")
    assert len(told.requests) == 4


def test_no_command_has_a_field_that_is_required() -> None:
    """An empty payload is a command wherever that makes sense: all but `set`."""
    for verb, kind in COMMANDS.items():
        required = [f.name for f in msgspec.structs.fields(kind) if f.required]
        assert required == [], verb
