"""A typed client for commands: what a Python program needs to tell an agent what to do.

As in::

    with Remote("mqtt://localhost:1883", "garage-pi") as remote:
        print(remote.ask(DescribeCommand()).description)
"""

import math
import time
import uuid
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from edge_agent.common.errors import BrokerError
from edge_agent.contract.commands import (
    Command,
    ReplyMessage,
    SnapshotTaken,
    decode_reply,
    encode_command,
)
from edge_agent.contract.topics import Topics
from edge_agent.mqtt.dialer import Dialer, Session, unique_id
from edge_agent.mqtt.endpoint import Broker, parse_endpoint
from edge_agent.mqtt.values import ConnectionLost, Event, Identity, Options, Received, Refused


class Remote:
    """Tells one device what to do, and hears what became of it; a context manager.

    On MQTT v5 an answer comes to this client alone and carries the question's number. On
    3.1.1 the first answer to the same verb counts.

    Args:
        broker: a URL, mqtt://HOST[:PORT], or a `Broker` with credentials and TLS.
        device: whom to tell.

    Raises:
        BrokerError: on entering, if the broker is out of reach or refuses us.
        ValueError: for a URL of another kind.
    """

    def __init__(self, broker: Broker | str, device: str) -> None:
        if isinstance(broker, str):
            broker = Broker(parse_endpoint(broker))
        self._name = unique_id("edgeward-remote")
        self._dialer = Dialer(broker, Identity(self._name))
        self._topics = Topics(device)
        self._session: Session | None = None

    def __enter__(self) -> Self:
        self._session = self._dialer.dial()
        try:
            self._session.subscribe([self._topics.reply("+")])
        except BrokerError:
            self._session.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            self._session.close()

    def ask(self, command: Command, timeout_s: float = 10.0) -> ReplyMessage:
        """Send `command` and wait for what became of it.

        Raises:
            BrokerError: the connection is lost, the broker does not let us, or no answer
                comes: the device is away, or takes no commands.
            MessageError: what came is no reply.
        """
        verb, payload = encode_command(command)
        return self.ask_raw(verb, payload, timeout_s)

    def picture(self, taken: SnapshotTaken, timeout_s: float = 10.0) -> bytes:
        """The JPEG that `taken` tells of, as the broker keeps it; or one taken since.

        Raises:
            BrokerError: the connection is lost, the broker does not let us read it, or it is
                not there.
        """
        session = self._entered()
        session.subscribe([taken.topic])
        for event in _until(session, timeout_s):
            if isinstance(event, Received) and event.topic == taken.topic:
                session.ack(event)
                return event.payload
        raise BrokerError(f"{taken.topic}: expected a picture within {timeout_s:g} s, found none")

    def ask_raw(self, verb: str, payload: bytes, timeout_s: float = 10.0) -> ReplyMessage:
        """As `ask`, for a payload that may be anything."""
        session = self._entered()
        topic, number = self._topics.reply(self._name), uuid.uuid4().bytes
        # Nobody waits for what it would do later, once a link moves again.
        expires_s = max(1, math.ceil(timeout_s))
        options = Options(response_topic=topic, correlation=number, expires_s=expires_s)
        session.publish(self._topics.command(verb), payload, options)
        wanted = (topic, number) if session.version == "5" else (self._topics.reply(verb), None)
        for event in _until(session, timeout_s):
            match event:
                case Received():
                    session.ack(event)
                    if (event.topic, event.correlation) == wanted:
                        return decode_reply(event.payload, event.topic)
                case Refused(_, reason):
                    raise BrokerError(f"may not send {verb}: {reason}")
                case _:
                    pass
        raise BrokerError(f"{verb}: expected an answer within {timeout_s:g} s, found none")

    def _entered(self) -> Session:
        if self._session is None:
            raise BrokerError("a Remote must be entered before it asks")
        return self._session


def _until(session: Session, timeout_s: float) -> Iterator[Event]:
    """What happens in the next `timeout_s`.

    Raises:
        BrokerError: the connection is lost.
    """
    deadline = time.monotonic() + timeout_s
    while (left_s := deadline - time.monotonic()) > 0:
        for event in session.events(left_s):
            if isinstance(event, ConnectionLost):
                raise BrokerError(event.reason)
            yield event
