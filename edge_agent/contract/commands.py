"""What the agent can be told over MQTT, and what it answers: frozen values, strictly decoded.

A command is a JSON object on `edgeward/<device>/command/<verb>`; the verb says which. Its
`schema` may be left out, and so may the whole object where nothing in it is required: people
type these. A key that is unknown is refused, never ignored.
"""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias, get_args

import msgspec

from edge_agent.common.errors import MessageError
from edge_agent.common.strict import Moment
from edge_agent.contract.messages import BundleRef
from edge_agent.contract.topics import Channel

# No command comes near; what is longer is not even looked at.
MAX_PAYLOAD_BYTES = 4096

StreamName: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Interval: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]


class _Command(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="schema"
):
    """Base of every command."""


class SnapshotCommand(_Command, frozen=True, tag="edgeward.snapshot/1"):
    """Publish a fresh picture of `stream`; of every stream if it is left out."""

    stream: StreamName | None = None


class PauseCommand(_Command, frozen=True, tag="edgeward.pause/1"):
    """Look no more at `stream`, or at any stream, until `resume` or a restart."""

    stream: StreamName | None = None


class ResumeCommand(_Command, frozen=True, tag="edgeward.resume/1"):
    """Look again at `stream`, or at every stream."""

    stream: StreamName | None = None


class SetCommand(_Command, frozen=True, tag="edgeward.set/1"):
    """Change a setting until the next restart.

    Args:
        stream: whose; every stream's if left out.
        interval_s: the least time between two answers of a stream.
        log_level: how much the agent says in its log.
        region: of `stream`: the meter whose value is set. It is kept over restarts.
        value: what that meter shows, in its unit: it was exchanged, or read wrong.
        reset: whether to forget what it showed, so that its next readings make its value.
    """

    stream: StreamName | None = None
    interval_s: Interval | None = None
    log_level: LogLevel | None = None
    region: StreamName | None = None
    value: Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)] | None = None
    reset: bool = False

    def __post_init__(self) -> None:
        named = self.stream is not None and self.region is not None
        if self.reset and self.value is not None:
            raise ValueError("expected value or reset, found both")
        meant = self.reset or self.value is not None
        if meant and not named:
            raise ValueError("expected stream and region with value or reset")
        if self.region is not None and not meant:
            raise ValueError("expected value or reset with region, found neither")
        if self.interval_s is None and self.log_level is None and not meant:
            raise ValueError(
                "expected interval_s or log_level, found neither, nor value or reset of a region"
            )


class RestartCommand(_Command, frozen=True, tag="edgeward.restart/1"):
    """End in good order and start anew, reading the configuration again."""


class DescribeCommand(_Command, frozen=True, tag="edgeward.describe/1"):
    """Say what runs here and what it can be told."""


Command: TypeAlias = (
    SnapshotCommand | PauseCommand | ResumeCommand | SetCommand | RestartCommand | DescribeCommand
)
# What each is called in its topic: its schema, without name and version.
COMMANDS: dict[str, type[Command]] = {
    str(kind.__struct_config__.tag).removeprefix("edgeward.").partition("/")[0]: kind
    for kind in get_args(Command)
}
if TYPE_CHECKING:
    Verb: TypeAlias = str
else:
    Verb = Literal[tuple(COMMANDS)]


class SnapshotTaken(msgspec.Struct, frozen=True, kw_only=True):
    """One picture that was published.

    Args:
        stream: of which stream.
        topic: where it is, as a JPEG.
        captured_at: when the frame was taken.
        bytes: its size.
    """

    stream: str
    topic: str
    captured_at: Moment
    bytes: int


class StreamDescription(msgspec.Struct, frozen=True, kw_only=True):
    """A stream as it is configured, and set, now.

    Args:
        name: the stream.
        task: what its model does.
        source: the kind of its source.
        place: where that is: a camera, an address, a path; without what may be secret.
        bundle: what answers.
        interval_s: the least time between two answers.
        paused: whether it looks.
        regions: the names of its regions with text.
    """

    name: str
    task: str
    source: str
    bundle: BundleRef
    interval_s: float
    paused: bool
    regions: tuple[str, ...] = ()
    place: str = ""


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """What runs on a device.

    Args:
        version: of the agent.
        runtime: the interpreter and its version.
        streams: what it looks at.
        commands: the verbs it obeys.
    """

    version: str
    runtime: str
    streams: tuple[StreamDescription, ...]
    commands: tuple[str, ...]


class ReplyMessage(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="edgeward.reply/1"
):
    """What became of a command.

    Args:
        device, boot: who answers.
        verb: what was asked for.
        ok: whether it was done.
        error: why not; empty if it was.
        snapshots: of `snapshot`: what was published.
        description: of `describe`.
    """

    channel: ClassVar = Channel(lambda topics: topics.reply("{verb}"), retained=False)

    device: str
    boot: str
    verb: str
    ok: bool
    error: str = ""
    snapshots: tuple[SnapshotTaken, ...] = ()
    description: Description | None = None


class _Said(msgspec.Struct, frozen=True):
    """Only the schema: of a lone type msgspec lets it be left out, and a reply must have it."""

    schema: str


_DECODERS = {verb: msgspec.json.Decoder(kind) for verb, kind in COMMANDS.items()}
_SAID = msgspec.json.Decoder(_Said)
_REPLIES = msgspec.json.Decoder(ReplyMessage)


def decode_command(verb: str, payload: bytes) -> Command:
    """The command in `payload`, sent to `verb`; an empty one is `{}`.

    Raises:
        MessageError: no such verb, too long, not JSON, or a key that is missing, unknown,
            or of the wrong type or range; the message names the key.
    """
    if verb not in COMMANDS:
        raise MessageError(f"expected one of {', '.join(COMMANDS)}, found {verb[:64]!r}")
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise MessageError(
            f"{verb}: expected at most {MAX_PAYLOAD_BYTES} bytes, found {len(payload)}"
        )
    try:
        return _DECODERS[verb].decode(payload or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError(f"{verb}: {error}") from error


def encode_command(command: Command) -> tuple[Verb, bytes]:
    """The verb to send `command` to, and its payload."""
    verb = next(verb for verb, kind in COMMANDS.items() if isinstance(command, kind))
    return verb, msgspec.json.encode(command)


def encode_reply(reply: ReplyMessage) -> bytes:
    """`reply` as JSON."""
    return msgspec.json.encode(reply)


def decode_reply(payload: bytes, topic: str) -> ReplyMessage:
    """The reply in `payload`.

    Raises:
        MessageError: it is none; the message names `topic`.
    """
    try:
        text = payload.decode()
        _SAID.decode(text)
        return _REPLIES.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError(f"{topic}: {error}") from error
