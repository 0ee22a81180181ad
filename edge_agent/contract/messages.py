"""What goes over MQTT: frozen messages, each naming its schema and version.

A change that old subscribers would misread gets a new number. Subscribers may ignore
fields they do not know; none is ever guessed.
"""

from typing import Annotated, ClassVar, Literal, TypeAlias, get_args

import msgspec

from edge_agent.common.errors import MessageError
from edge_agent.common.strict import Moment
from edge_agent.contract.topics import Channel
from edge_agent.system.machine import MachineHealth
from edge_agent.tasks.kinds import Answer

State: TypeAlias = Literal["online", "offline"]
# Why a result is published: every one is, it says something new, or it was time for one.
Trigger: TypeAlias = Literal["frame", "change", "heartbeat"]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]


class BundleRef(msgspec.Struct, frozen=True, kw_only=True):
    """Which bundle answered: its name and the first twelve digits of its SHA-256."""

    name: str
    id: str


class SnapshotRef(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of the frame, on the device.

    Args:
        file: its name in the folder of snapshots; a record of the same number is beside it.
        bytes: its size.
    """

    file: str
    bytes: Count


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
        trigger: why it is published: every answer is (`frame`), it says something new
            (`change`), or it was time to say that nothing is (`heartbeat`).
        snapshot: a picture that was kept of the frame.
        clock_set: whether the device's clock was right when the frame was taken, as far as can
            be told: else `captured_at` is when the device thought it was.
        late: whether it waited before it was sent: for long, or for a restart. The last
            field, so that it can be told of a message that is encoded already.
    """

    channel: ClassVar = Channel(lambda topics: topics.result("{stream}"), retained=False)

    device: str
    stream: str
    boot: str
    seq: Annotated[int, msgspec.Meta(ge=1)]
    frame: Count
    captured_at: Moment
    latency_ms: float
    bundle: BundleRef
    result: Answer
    trigger: Trigger = "frame"
    snapshot: SnapshotRef | None = None
    clock_set: bool = True
    late: bool = False


class StateMessage(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="edgeward.state/1"
):
    """What stands now: the newest answer of a stream, or of one region of it; retained.

    It is for who shows things as they are. Who counts, or must have all, takes the results:
    this one is replaced by the next, however many results there were in between.

    Args:
        device, stream: where it was seen.
        boot: the agent start that saw it.
        seq: of the result that said it; not a number of its own.
        captured_at: when the frame was taken, UTC.
        bundle: what answered.
        result: the answer.
        clock_set: as in the result.
        again: whether it is only repeated, to who may have come since: after a new connection,
            or a restart of Home Assistant. The last field, so that it can be told of a message
            that is encoded already.
    """

    channel: ClassVar = Channel(lambda topics: topics.state("{stream}"), retained=True)

    device: str
    stream: str
    boot: str
    seq: Annotated[int, msgspec.Meta(ge=1)]
    captured_at: Moment
    bundle: BundleRef
    result: Answer
    clock_set: bool = True
    again: bool = False


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

    channel: ClassVar = Channel(lambda topics: topics.status, retained=True)

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

    channel: ClassVar = Channel(lambda topics: topics.availability("{stream}"), retained=True)

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
        corrupt: damaged frames, which no model has looked at.
        frozen: frames that had not changed for too long, which none has looked at either.
        reopened: how often the camera was opened again.
        respawned: how often the process that captures was replaced.
        capture_rss_mb: its memory, what it shares with the agent included; null without one.
        evicted: results dropped unacknowledged since the outbox was made.
        per_s: results a second, lately.
        latency_p50_ms, latency_p95_ms: from the capture of a frame to its answer, lately;
            null without results.
        paused: whether it was told not to look.
        bundle: what answers; null from agents that did not say.
    """

    name: str
    frames: Count
    dropped: Count
    results: Count
    corrupt: Count = 0
    frozen: Count = 0
    reopened: Count = 0
    respawned: Count = 0
    capture_rss_mb: float | None = None
    evicted: Count = 0
    per_s: float = 0.0
    latency_p50_ms: float | None = None
    latency_p95_ms: float | None = None
    paused: bool = False
    bundle: BundleRef | None = None


class OutboxHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What waits to be acknowledged, and what was dropped to stay within bounds.

    Args:
        depth: results waiting.
        bytes: their size.
        evicted: results dropped unacknowledged since the outbox was made.
        thinned: of those, how many to keep a coarse history of what is old.
    """

    depth: Count
    bytes: Count
    evicted: Count
    thinned: Count = 0


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
        machine: how the machine fares; null from agents that did not say.
        runtime: the interpreter and its version.
        version: the agent's.
        clock_set: whether the device's clock is right, as far as can be told.
    """

    channel: ClassVar = Channel(lambda topics: topics.health, retained=True)

    device: str
    boot: str
    at: Moment
    uptime_s: float
    streams: tuple[StreamHealth, ...]
    outbox: OutboxHealth
    connections: Count
    machine: MachineHealth | None = None
    runtime: str = ""
    version: str = ""
    clock_set: bool = True


Message: TypeAlias = (
    ResultMessage | StateMessage | StatusMessage | AvailabilityMessage | HealthMessage
)

MESSAGES: tuple[type[Message], ...] = get_args(Message)

_NOT_LATE, _LATE = b',"late":false}', b',"late":true}'
_FIRST, _AGAIN = b',"again":false}', b',"again":true}'
_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def encode_message(message: Message) -> bytes:
    """`message` as JSON."""
    return _ENCODER.encode(message)


def mark_late(payload: bytes) -> bytes:
    """An encoded result as one that is late; anything else as it is."""
    if not payload.endswith(_NOT_LATE):
        return payload
    return payload.removesuffix(_NOT_LATE) + _LATE


def mark_again(payload: bytes) -> bytes:
    """An encoded `StateMessage` as one that is repeated; anything else as it is."""
    if not payload.endswith(_FIRST):
        return payload
    return payload.removesuffix(_FIRST) + _AGAIN


def decode_message(payload: bytes, topic: str) -> Message:
    """The message in `payload`; its `schema` says which.

    Raises:
        MessageError: not JSON, a schema this version does not know, or a field missing
            or of the wrong type; the message names `topic` and the field.
    """
    try:
        # Of a field that it does not know msgspec would take bytes that are no text.
        return _DECODER.decode(payload.decode())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError(f"{topic}: {error}") from error
