"""What goes over MQTT: frozen messages, each naming its schema and version.

A change that old subscribers would misread gets a new number. Subscribers may ignore
fields they do not know; none is ever guessed.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from edge_agent.descriptions import with_clean_descriptions
from edge_agent.errors import MessageError
from edge_agent.results import Answer

State: TypeAlias = Literal["online", "offline"]
Moment: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]


class BundleRef(msgspec.Struct, frozen=True, kw_only=True):
    """Which bundle answered: its name and the first twelve digits of its SHA-256."""

    name: str
    id: str


class ResultMessage(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="edgeward.result/1"
):
    """One answer about one frame; of regions with text, one message each.

    Args:
        device, stream: where it was seen.
        boot: the agent start that saw it.
        seq: counts the stream's results from 1, across restarts, with no number left
            out or used twice: a gap is a loss, a repetition a duplicate.
        frame: the source's own frame number, from 0; live sources skip some.
        captured_at: when the frame was taken, UTC.
        latency_ms: from the capture of the frame to the finished answer.
        bundle: what answered.
        result: the answer.
    """

    device: str
    stream: str
    boot: str
    seq: Annotated[int, msgspec.Meta(ge=1)]
    frame: Count
    captured_at: Moment
    latency_ms: float
    bundle: BundleRef
    result: Answer


class StatusMessage(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="edgeward.status/1"
):
    """Whether an agent is there; `offline` is also what its last will says.

    Args:
        device: who.
        boot: the agent start that speaks.
        state: `online` while connected.
        reason: why it is offline: `stopped`, `done`, `connection lost`, or the error.
        version: the agent's version.
        streams: the names of its streams.
    """

    device: str
    boot: str
    state: State
    reason: str = ""
    version: str
    streams: tuple[str, ...]


class AvailabilityMessage(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="edgeward.availability/1"
):
    """Whether a stream's source gives frames, and if not, why."""

    device: str
    stream: str
    boot: str
    state: State
    reason: str = ""
    since: Moment


class StreamHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One stream's counters since the agent started.

    Args:
        name: the stream.
        frames: taken from the source.
        dropped: overwritten by a fresher one before the model was free; live sources only.
        results: handed to the outbox.
    """

    name: str
    frames: Count
    dropped: Count
    results: Count


class OutboxHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What waits to be acknowledged, and what was dropped to stay within bounds.

    Args:
        depth: results waiting.
        bytes: their size.
        evicted: results dropped unacknowledged since the outbox was made.
    """

    depth: Count
    bytes: Count
    evicted: Count


class HealthMessage(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="edgeward.health/1"
):
    """The agent's counters at one moment.

    Args:
        device, boot: who.
        at: when, UTC.
        uptime_s: since the agent started.
        streams: per stream.
        outbox: what waits.
        connections: how often the broker was reached; above 1 it was lost in between.
    """

    device: str
    boot: str
    at: Moment
    uptime_s: float
    streams: tuple[StreamHealth, ...]
    outbox: OutboxHealth
    connections: Count


Message: TypeAlias = ResultMessage | StatusMessage | AvailabilityMessage | HealthMessage

MESSAGES: tuple[type[msgspec.Struct], ...] = (
    ResultMessage,
    StatusMessage,
    AvailabilityMessage,
    HealthMessage,
)

_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def encode_message(message: Message) -> bytes:
    """`message` as JSON."""
    return _ENCODER.encode(message)


def decode_message(payload: bytes, topic: str) -> Message:
    """The message in `payload`; its `schema` says which.

    Raises:
        MessageError: not JSON, a schema this version does not know, or a field missing
            or of the wrong type; the message names `topic` and the field.
    """
    try:
        return _DECODER.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MessageError(f"{topic}: {error}") from error


def schemas() -> dict[str, dict[str, Any]]:
    """The JSON Schema of every message, by file name: `result-1.schema.json` and so on."""
    found = {}
    for kind in MESSAGES:
        tag = str(kind.__struct_config__.tag)  # "edgeward.result/1"
        name = tag.removeprefix("edgeward.").replace("/", "-")
        found[f"{name}.schema.json"] = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": tag,
            **with_clean_descriptions(msgspec.json.schema(kind)),
        }
    return found
