"""Messages: their JSON, their schemas, and what is refused."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from edge_agent.common.errors import MessageError
from edge_agent.contract.commands import decode_reply
from edge_agent.contract.messages import (
    AvailabilityMessage,
    BundleRef,
    HealthMessage,
    Message,
    OutboxHealth,
    ResultMessage,
    StateMessage,
    StatusMessage,
    StreamHealth,
    decode_message,
    encode_message,
    mark_late,
)
from edge_agent.tasks.classify.answer import Classification, LabelScore
from edge_agent.tasks.ocr.answer import CharacterScore, Line, Page, Reading
from edge_agent.tasks.regress.answer import Measurement

# A result that an older agent has put into its outbox has none of them.
ADDED = {"trigger", "snapshot", "clock_set", "late"}
SCHEMAS = Path(__file__).parents[4] / "docs" / "schemas"
MOMENT = datetime(2026, 11, 21, 12, 30, 15, 250000, tzinfo=UTC)
RESULT = ResultMessage(
    device="gate",
    stream="front",
    boot="6c4bc75930a1",
    seq=7,
    frame=9,
    captured_at=MOMENT,
    latency_ms=1.5,
    bundle=BundleRef(name="digits", id="0123456789ab"),
    result=Classification(
        label="3", index=3, confidence=0.75, sure=True, top=(LabelScore("3", 0.75),)
    ),
)
BOX = ((1.5, 2.0), (41.5, 2.0), (41.5, 12.0), (1.5, 12.0))
READING = msgspec.structs.replace(
    RESULT,
    result=Reading(
        region="water",
        state="held",
        why="1 of 3 readings agree",
        text="12",
        confidence=0.75,
        characters=(CharacterScore("1", 0.875), CharacterScore("2", 0.75)),
        box=BOX,
        value=1.1,
        unit="m³",
    ),
)
PAGE = msgspec.structs.replace(
    RESULT,
    result=Page(
        region="label",
        lines=(
            Line(
                state="accepted",
                text="1",
                confidence=0.75,
                characters=(CharacterScore("1", 0.875),),
                box=BOX,
            ),
        ),
    ),
)
EVERY: tuple[Message, ...] = (
    RESULT,
    READING,
    PAGE,
    StateMessage(
        device="gate",
        stream="cellar",
        boot="b",
        seq=7,
        captured_at=MOMENT,
        bundle=RESULT.bundle,
        result=READING.result,
    ),
    StatusMessage(device="gate", boot="b", state="offline", version="1", streams=("front",)),
    AvailabilityMessage(device="gate", stream="front", boot="b", state="online", since=MOMENT),
    HealthMessage(
        device="gate",
        boot="b",
        at=MOMENT,
        uptime_s=1.0,
        streams=(StreamHealth(name="front", frames=3, dropped=1, results=2),),
        outbox=OutboxHealth(depth=0, bytes=0, evicted=0),
        connections=1,
    ),
)


@pytest.mark.parametrize("message", EVERY, ids=lambda m: type(m).__name__)
def test_messages_survive_the_wire(message: Message) -> None:
    """What is encoded decodes to the same value, and its schema comes first."""
    payload = encode_message(message)
    assert payload.startswith(b'{"schema":"edgeward.')
    assert decode_message(payload, "t") == message


def test_a_result_looks_as_documented() -> None:
    """Subscribers in other languages depend on these names."""
    assert json.loads(encode_message(RESULT)) == {
        "schema": "edgeward.result/1",
        "device": "gate",
        "stream": "front",
        "boot": "6c4bc75930a1",
        "seq": 7,
        "frame": 9,
        "captured_at": "2026-11-21T12:30:15.250000Z",
        "latency_ms": 1.5,
        "bundle": {"name": "digits", "id": "0123456789ab"},
        "result": {
            "kind": "classification",
            "label": "3",
            "index": 3,
            "confidence": 0.75,
            "sure": True,
            "top": [{"label": "3", "confidence": 0.75}],
        },
        "trigger": "frame",
        "snapshot": None,
        "clock_set": True,
        "late": False,
    }


def test_what_an_older_agent_stored_is_still_a_result() -> None:
    """It waits in an outbox while the agent is updated."""
    document = json.loads(encode_message(RESULT))
    for name in ADDED:
        del document[name]
    assert decode_message(json.dumps(document).encode(), "t") == RESULT


def test_an_encoded_result_can_be_marked_late() -> None:
    """It waited: nothing else of it changes, and what is no result is left alone."""
    late = mark_late(encode_message(RESULT))
    assert decode_message(late, "t") == msgspec.structs.replace(RESULT, late=True)
    assert mark_late(late) == late
    for message in EVERY[3:]:
        assert mark_late(encode_message(message)) == encode_message(message)


def test_a_result_from_before_late_was_known_is_none() -> None:
    """Agents and outboxes of an older version did not say it."""
    document = json.loads(encode_message(RESULT))
    del document["late"]
    payload = json.dumps(document, separators=(",", ":")).encode()
    assert decode_message(payload, "t") == RESULT
    assert mark_late(payload) == payload


def test_a_reading_looks_as_documented() -> None:
    """Of a meter: what was read, and beside it what is confirmed."""
    assert json.loads(encode_message(READING))["result"] == {
        "kind": "reading",
        "region": "water",
        "state": "held",
        "why": "1 of 3 readings agree",
        "text": "12",
        "confidence": 0.75,
        "characters": [
            {"character": "1", "confidence": 0.875},
            {"character": "2", "confidence": 0.75},
        ],
        "box": [[1.5, 2.0], [41.5, 2.0], [41.5, 12.0], [1.5, 12.0]],
        "value": 1.1,
        "unit": "m³",
        "value_at": None,
        "rate_per_h": None,
        "value_from": None,
        "accepted_text": None,
        "accepted_at": None,
    }


def test_a_page_looks_as_documented() -> None:
    """Its lines have what a reading has, without a meter."""
    assert json.loads(encode_message(PAGE))["result"] == {
        "kind": "page",
        "region": "label",
        "lines": [
            {
                "state": "accepted",
                "why": "",
                "text": "1",
                "confidence": 0.75,
                "characters": [{"character": "1", "confidence": 0.875}],
                "box": [[1.5, 2.0], [41.5, 2.0], [41.5, 12.0], [1.5, 12.0]],
            }
        ],
        "why": "",
    }


def test_unknown_fields_are_ignored() -> None:
    """A newer agent may say more than this subscriber understands."""
    document = json.loads(encode_message(RESULT))
    document["weather"] = "fine"
    assert decode_message(json.dumps(document).encode(), "t") == RESULT


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"schema": "edgeward.result/2"}, "t: Invalid value 'edgeward.result/2' - at `$.schema`"),
        ({"schema": None}, "t: Expected `str` - at `$.schema`"),
        ({"seq": 0}, "t: Expected `int` >= 1 - at `$.seq`"),
        ({"seq": "1"}, "t: Expected `int`, got `str` - at `$.seq`"),
        ({"captured_at": "2026-11-21T12:30:15"}, "t: Expected `datetime` with a timezone"),
    ],
)
def test_wrong_messages_are_refused(change: dict[str, object], expected: str) -> None:
    """The error names the topic, the field, what was expected and what was found."""
    document = json.loads(encode_message(RESULT)) | change
    with pytest.raises(MessageError) as caught:
        decode_message(json.dumps(document).encode(), "t")
    assert str(caught.value).startswith(expected)


@pytest.mark.parametrize("payload", [b"", b"online", b"[]", b"{}", b'{"schema":', b"\xff\xff"])
def test_other_payloads_are_refused(payload: bytes) -> None:
    """Whatever comes over the wire, the answer is a `MessageError`."""
    with pytest.raises(MessageError, match=r"^t: "):
        decode_message(payload, "t")


def test_a_missing_field_is_never_guessed() -> None:
    """Must fire for each required field in turn; those added later are not required."""
    whole = json.loads(encode_message(RESULT))
    for name in set(whole) - ADDED:
        part = {key: value for key, value in whole.items() if key != name}
        with pytest.raises(MessageError, match=f"missing required field `{name}`"):
            decode_message(json.dumps(part).encode(), "t")


def test_the_examples_in_docs_are_messages() -> None:
    """Every JSON example in docs/reference/mqtt.md decodes, and every kind of message is shown."""
    text = (SCHEMAS.parent / "reference" / "mqtt.md").read_text()
    blocks = "\n\n".join(re.findall(r"```json\n(.*?)```", text, re.DOTALL))
    examples = [part for part in re.split(r"\n\n+", blocks) if part.strip()]
    replies = [example for example in examples if "edgeward.reply/" in example]
    assert {decode_reply(reply.encode(), "docs").ok for reply in replies} == {True, False}
    said = [decode_message(e.encode(), "docs") for e in examples if e not in replies]
    assert {type(message) for message in said} == {type(message) for message in EVERY}
    answers = {type(m.result) for m in said if isinstance(m, ResultMessage)}
    assert answers == {Classification, Reading, Page, Measurement}
