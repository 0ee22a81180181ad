"""What the process that captures and the one that infers say to each other.

Packets over a socket pair, one message each. Images do not go this way: `ring.py`.
"""

import select
import socket
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Generic, TypeAlias, TypeVar

import msgspec

from edge_agent.sources.config import LiveConfig
from edge_agent.sources.memory.ring import SLOTS

MAX_PACKET = 64 * 1024
# Reasons that go into a message are a line; the rest of a longer one says nothing more.
MAX_REASON = 1000

Slot: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=SLOTS)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]


class _Packet(msgspec.Struct, frozen=True, tag=True, array_like=True, forbid_unknown_fields=True):
    """Base of every message between the two."""


class Begin(_Packet, frozen=True):
    """To the camera's process, once: which camera.

    Args:
        config: the camera.
    """

    config: LiveConfig


class Release(_Packet, frozen=True):
    """To it: a slot may be filled again."""

    slot: Slot


class LookRequest(_Packet, frozen=True):
    """To it: the next sound frame is wanted."""


class LookPace(_Packet, frozen=True):
    """To it: so far apart are the looks that will be asked for; at 0 all frames are wanted."""

    interval_s: float


class Reopen(_Packet, frozen=True):
    """To it, after `CameraLost`: try again."""


class CameraOpening(_Packet, frozen=True):
    """From it: it has started, and opens the camera."""


class CameraOpened(_Packet, frozen=True):
    """From it: the camera gives frames of this shape."""

    height: Annotated[int, msgspec.Meta(ge=1)]
    width: Annotated[int, msgspec.Meta(ge=1)]


class Captured(_Packet, frozen=True):
    """From it: a slot holds a frame.

    Args:
        slot: which.
        number: counts what the camera gave since the process started, from 0.
        passed_over: of those before, how many sound ones were not handed over.
        content: the same for the same picture; None if it differs from the one before.
        monotonic_s: when it was captured; the system's monotonic clock is everybody's.
        wall_s: the same moment by the wall clock, in seconds since 1970.
        came_s: when it came here, by the monotonic clock; a still may be old by then.
        answered_s: of a still, when the camera has answered: from then on we take our time.
    """

    slot: Slot
    number: Count
    passed_over: Count
    content: int | None
    monotonic_s: float
    wall_s: float
    came_s: float
    answered_s: float | None = None


class Passing(_Packet, frozen=True):
    """From it, now and then while frames come, or would if asked for, and none is wanted.

    Args:
        number: of the last one.
        passed_over: as in `Captured`.
    """

    number: Count
    passed_over: Count


class Corrupt(_Packet, frozen=True):
    """From it: a frame came that is not as it was taken."""

    number: Count
    reason: str


class CameraLost(_Packet, frozen=True):
    """From it: the camera cannot be opened, or has no more frames; it waits for `Reopen`.

    Args:
        reason: why.
        over: whether only another process can help; this one ends.
        wait_s: how long the camera asks to be left alone.
    """

    reason: str
    over: bool = False
    wait_s: float = 0.0


ToCamera: TypeAlias = Begin | Release | LookRequest | LookPace | Reopen
FromCamera: TypeAlias = CameraOpening | CameraOpened | Captured | Passing | Corrupt | CameraLost
Received = TypeVar("Received")


class GoneError(Exception):
    """The other side has hung up."""


class Link(Generic[Received]):
    """One end; any thread may send, one receives.

    Args:
        end: of a pair made by `pair`.
        kind: what comes in.
    """

    def __init__(self, end: socket.socket, kind: Any) -> None:
        self._end = end
        self._encoder = msgspec.msgpack.Encoder(enc_hook=str)  # of a path
        self._decoder = msgspec.msgpack.Decoder(kind, dec_hook=_path)
        self._poll = select.poll()
        self._poll.register(end, select.POLLIN)

    def send(self, message: ToCamera | FromCamera) -> None:
        """Send `message`; waits while the other side has not read earlier ones.

        Raises:
            GoneError: nobody will read it.
        """
        try:
            self._end.send(self._encoder.encode(message))
        except OSError as error:
            raise GoneError from error

    def receive(self, timeout_s: float | None) -> Received | None:
        """The next message; None after `timeout_s` without one. None as time waits for ever.

        Raises:
            GoneError: the other side has hung up, or said what is no message.
        """
        try:
            if not self._poll.poll(None if timeout_s is None else max(0.0, timeout_s) * 1000):
                return None
            packet = self._end.recv(MAX_PACKET)
        except OSError as error:
            raise GoneError from error
        if not packet:
            raise GoneError
        try:
            message: Received = self._decoder.decode(packet)
        except msgspec.DecodeError as error:
            raise GoneError(str(error)) from error
        return message

    def hang_up(self) -> None:
        """Wake whoever receives, here and there; safe from any thread, and twice."""
        with suppress(OSError):  # it has been before
            self._end.shutdown(socket.SHUT_RDWR)


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected ends; packets keep their borders, and closing one ends the other."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def _path(kind: type[Any], value: object) -> Path:
    if kind is not Path or not isinstance(value, str):
        raise ValueError(f"expected a path, found {value!r}")
    return Path(value)
