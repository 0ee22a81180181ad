"""Whatever comes on the command topics: no crash, and nothing wrong is taken for right."""

import json
import random

import msgspec
import pytest
from support.publishers import MemoryPublisher

from edge_agent.common.errors import MessageError
from edge_agent.common.rate import RateLimit
from edge_agent.contract.commands import (
    COMMANDS,
    Command,
    PauseCommand,
    SetCommand,
    SnapshotCommand,
    decode_command,
    decode_reply,
    encode_command,
)
from edge_agent.mqtt.values import Received
from edge_agent.publish.sender import Sender
from edge_agent.remote.inbox import CommandInbox, Request

# By any text, as what comes may name no command.
KINDS: dict[str, type[Command]] = {str(verb): kind for verb, kind in COMMANDS.items()}
SEEDS: list[tuple[str, bytes]] = [
    *(encode_command(c) for c in (PauseCommand(stream="door"), SnapshotCommand())),
    encode_command(SetCommand(stream="door", interval_s=0.25, log_level="debug")),
    encode_command(SetCommand(stream="door", region="water", value=1234.5)),
    encode_command(SetCommand(stream="door", region="water", reset=True)),
    ("set", b'{"interval_s": 1e3}'),
    ("describe", b"{}"),
]
PIECES = [
    b'"',
    b"{",
    b"}",
    b"[",
    b"null",
    b"-1",
    b"1e999",
    b"\\u0000",
    b"\xff",
    b"\xed\xa0\x80",
    b",",
]


def mutated(payload: bytes, rng: random.Random) -> bytes:
    """A few bytes changed, left out, repeated, or pieces of JSON put in."""
    data = bytearray(payload)
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(4):
            case 0 if data:
                data[at % len(data)] = rng.randrange(256)
            case 1:
                del data[at : at + rng.randrange(4)]
            case 2:
                data[at:at] = rng.choice(PIECES)
            case _:
                data[at:at] = data[: rng.randrange(20)]
    return bytes(data)


@pytest.mark.parametrize("seed", range(4))
def test_a_mutated_command_is_refused_or_means_what_it_says(seed: int) -> None:
    """Of 25,000: an error of ours, or a command that is the JSON that came, key for key."""
    rng = random.Random(seed)
    taken = 0
    for _ in range(25_000):
        verb, payload = rng.choice(SEEDS)
        verb = rng.choice((verb, verb, rng.choice(list(COMMANDS)), "re\x00start", ""))
        payload = mutated(payload, rng)
        try:
            command = decode_command(verb, payload)
        except MessageError:
            continue
        taken += 1
        said = json.loads(payload or b"{}")
        meant = msgspec.to_builtins(command)
        assert type(command) is KINDS[verb]
        assert said.keys() <= meant.keys()
        assert all(meant[key] == pytest.approx(value) for key, value in said.items() if value)
    assert taken > 100, "the mutations must not all be hopeless"


def test_a_desk_answers_each_of_thousands_of_hostile_messages_once() -> None:
    """Random topics, payloads and properties: each answer is a reply, where it may go."""
    rng = random.Random(9)
    publisher, requests = MemoryPublisher(), list[Request]()
    desk = CommandInbox(
        Sender("gate", "b", publisher), tuple(COMMANDS), RateLimit(1e9, 10**6), requests.append
    )
    topics = ["back", "edgeward/gate/status", "a/#", "", "\x00", "edgeward/gate/reply/x", None]
    for count in range(1, 5001):
        verb, payload = rng.choice(SEEDS)
        verb = rng.choice((verb, "", "+", "ü", verb * 500))
        desk.receive(
            Received(
                1,
                1,
                f"edgeward/gate/command/{verb}",
                mutated(payload, rng),
                False,
                rng.choice(topics),
                rng.choice((None, b"", rng.randbytes(20), rng.randbytes(1000))),
            )
        )
        assert len(publisher.said) + len(requests) == count
    for topic, payload, correlation in publisher.said:
        assert not decode_reply(payload, topic).ok
        assert topic == "back" or topic.startswith("edgeward/gate/reply/")
        assert len(payload) < 1000
        assert correlation is None or len(correlation) <= 256
