"""50,000 messages and commands that mean harm: refused with a word, or as documented."""

import copy
import json
import math
import random
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.hostile import bounded_memory, draw, hurt, judged, numbers, report
from support.json_schema import valid

from edge_agent.client.ledger import MAX_NUMBERINGS, Ledger
from edge_agent.client.numbering import MAX_BOOTS, MAX_GAPS
from edge_agent.common.errors import MessageError
from edge_agent.contract.commands import (
    COMMANDS,
    MAX_PAYLOAD_BYTES,
    ReplyMessage,
    SetCommand,
    SnapshotCommand,
    decode_command,
    decode_reply,
    encode_command,
    encode_reply,
)
from edge_agent.contract.messages import (
    AvailabilityMessage,
    BundleRef,
    HealthMessage,
    OutboxHealth,
    ResultMessage,
    StatusMessage,
    StreamHealth,
    decode_message,
    encode_message,
)
from edge_agent.tasks.classify.answer import Classification, LabelScore
from edge_agent.tasks.ocr.answer import CharacterScore, Reading

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
COUNT = 25_000
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BUNDLE = BundleRef(name="digits", id="0123456789ab")
FIRST = LabelScore(label="a", confidence=0.75)
CLASS = Classification(label="a", index=0, confidence=0.75, sure=True, top=(FIRST,))
READING = Reading(
    region="water",
    state="accepted",
    why="",
    text="12",
    confidence=0.9,
    characters=(CharacterScore(character="1", confidence=0.9),),
    box=((0, 0), (9, 0), (9, 9), (0, 9)),
    value=1.2,
    unit="m³",
)


def result(answer: Classification | Reading, seq: int = 7) -> ResultMessage:
    return ResultMessage(
        device="gate",
        stream="door",
        boot="b1",
        seq=seq,
        frame=3,
        captured_at=AT,
        latency_ms=1.5,
        bundle=BUNDLE,
        result=answer,
    )


MESSAGES = [
    encode_message(result(CLASS)),
    encode_message(result(READING)),
    encode_message(
        StatusMessage(device="gate", boot="b1", state="online", version="1", streams=("door",))
    ),
    encode_message(
        AvailabilityMessage(device="gate", stream="door", boot="b", state="offline", since=AT)
    ),
    encode_message(
        HealthMessage(
            device="gate",
            boot="b1",
            at=AT,
            uptime_s=1.0,
            streams=(StreamHealth(name="door", frames=1, dropped=0, results=1),),
            outbox=OutboxHealth(depth=1, bytes=2, evicted=0),
            connections=1,
        )
    ),
    encode_reply(ReplyMessage(device="gate", boot="b1", verb="set", ok=False, error="no")),
]
VERBS = [
    encode_command(SetCommand(stream="door", interval_s=0.25, log_level="debug")),
    encode_command(SnapshotCommand(stream="door")),
    *((verb, b"{}") for verb in COMMANDS),
]
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 2**53, 2**63, 2**64, 10**30, 0.5, -0.0, 1e308, 1e-320),
    *("", "x", "x" * 300, "\x00", "\ud800", "é", "2026-01-01", "2026-01-02T03:04:05Z", "1"),
    *([], [1], [[]], {}, {"x": 1}, "edgeward.status/1", "edgeward.result/2", "online"),
]
PIECES = [
    *(b'"', b"{", b"}", b"[", b"]", b",", b":", b"null", b"NaN", b"-Infinity", b"1e999", b"-1"),
    *(b"\\u0000", b"\\ud800", b"\xff", b"\xed\xa0\x80", b"\x00", b"9" * 400, b"[" * 3000),
    *(b'{"a":' * 2000, b'"schema":"edgeward.health/1",', b'"seq":1,', b" " * 5000),
]


def tree_hurt(payload: bytes, rng: random.Random) -> bytes:
    """A document with values exchanged, keys left out or added."""
    document = json.loads(payload)
    for _ in range(rng.choice((1, 1, 2, 3))):
        node = document
        while isinstance(node, dict | list) and node:
            key: Any = (
                rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
            )
            if not isinstance(node[key], dict | list) or rng.random() < 0.3:
                break
            node = node[key]
        if not node:
            node, key = document, "x"
        if rng.random() < 0.2 and key != "x":
            del node[key]
        else:
            node[key] = copy.deepcopy(rng.choice(VALUES))
        if rng.random() < 0.1 and isinstance(node, dict):
            node["more"] = copy.deepcopy(rng.choice(VALUES))
    return json.dumps(document).encode()


def mutated(payload: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.5:
        return hurt(payload, rng, PIECES)
    return tree_hurt(payload, rng)


@cache
def schema(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((SCHEMAS / f"{name}-1.schema.json").read_text())
    return document


def as_documented(payload: bytes, name: str) -> bool:
    """Whether JSON that was accepted is of the published schema."""
    return valid(json.loads(payload), schema(name), schema(name))


def test_a_mutated_message_is_refused_or_of_its_schema() -> None:
    """As the client reads them: a `MessageError`, or what docs/schemas says and means the same."""
    ledger, taken = Ledger(), 0
    with bounded_memory():
        for number in numbers(COUNT):
            rng = draw("message", number)
            payload = mutated(rng.choice(MESSAGES), rng)
            with judged("message", number, payload):
                try:
                    message = decode_message(payload, "t")
                except MessageError as refusal:
                    said = str(refusal)
                    assert said.startswith("t: ")
                    decoded_reply(payload)
                    continue
                taken += 1
                name = str(json.loads(payload)["schema"])
                assert as_documented(payload, name.removeprefix("edgeward.").removesuffix("/1"))
                assert decode_message(encode_message(message), "t") == message
                if isinstance(message, ResultMessage):
                    ledger.record(message)
    report("messages", taken, len(numbers(COUNT)))
    assert len(numbers(COUNT)) / 50 < taken < len(numbers(COUNT)) * 0.9
    assert ledger.total().received


def decoded_reply(payload: bytes) -> None:
    """That a reply is refused, or of its schema."""
    try:
        reply = decode_reply(payload, "t")
    except MessageError:
        return
    assert as_documented(payload, "reply")
    assert decode_reply(encode_reply(reply), "t") == reply


def test_a_mutated_command_is_refused_or_of_its_schema() -> None:
    """As the agent hears them: a `MessageError`, or what docs/schemas says, key for key."""
    taken = 0
    with bounded_memory():
        for number in numbers(COUNT):
            rng = draw("command", number)
            verb, payload = rng.choice(VERBS)
            payload = mutated(payload, rng)
            verb = rng.choice((verb, verb, verb, *COMMANDS))
            with judged("command", number, payload):
                try:
                    command = decode_command(verb, payload)
                except MessageError as refusal:
                    words = str(refusal)
                    assert words.startswith(f"{verb}: ")
                    continue
                taken += 1
                assert len(payload) <= MAX_PAYLOAD_BYTES
                said = json.loads(payload or b"{}")
                assert valid(said, schema(verb), schema(verb))
                meant = msgspec.to_builtins(command)
                assert all(meant[key] == value for key, value in said.items())
    report("commands", taken, len(numbers(COUNT)))
    assert len(numbers(COUNT)) / 50 < taken < len(numbers(COUNT)) * 0.9


def test_a_ledger_stays_small_whatever_the_numbers_are() -> None:
    """Random sequence numbers and boots of a stream: its account adds up, its memory is bounded."""
    rng, ledger = draw("ledger", 0), Ledger()
    with bounded_memory():
        for count in range(1, len(numbers(COUNT)) + 1):
            seq = rng.choice((rng.randrange(1, 50), rng.randrange(1, 2**63), count))
            message = msgspec.structs.replace(result(CLASS, seq), boot=str(rng.randrange(3000)))
            ledger.record(message)
            (stream,) = ledger._streams.values()
            assert len(stream.numberings) <= MAX_NUMBERINGS
            for numbering in stream.numberings:
                assert len(numbering.gaps) <= MAX_GAPS + 1
                assert len(numbering.boots) <= MAX_BOOTS + 1
            account = ledger.total()
            assert account.received + account.duplicated == count
            assert account.lost >= 0


@pytest.mark.parametrize(
    ("value", "part", "expected"),
    [
        (3, {"type": "integer", "minimum": 3}, True),
        (2, {"type": "integer", "minimum": 3}, False),
        (True, {"type": "integer"}, False),
        (3.0, {"type": "integer"}, True),
        ({"a": 1}, {"type": "object", "required": ["b"]}, False),
        ({"a": 1}, {"type": "object", "properties": {}, "additionalProperties": False}, False),
        ([1, "x"], {"type": "array", "prefixItems": [{"type": "string"}]}, False),
        ([1, 2], {"type": "array", "items": {"enum": [1]}}, False),
        ("yes", {"anyOf": [{"type": "null"}, {"enum": ["yes"]}]}, True),
        ("no", {"anyOf": [{"type": "null"}, {"enum": ["yes"]}]}, False),
        ("2026-01-01", {"type": "string", "format": "date-time"}, False),
        (math.inf, {"type": "number", "maximum": 1}, False),
    ],
)
def test_the_judge_of_schemas_judges(value: object, part: dict[str, Any], expected: bool) -> None:
    """Must fire, and must not: on each of the keywords."""
    assert valid(value, part, {}) is expected
