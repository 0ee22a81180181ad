"""A typed subscriber: what a Python program needs to use the results.

As in::

    with Subscriber("mqtt://localhost:1883") as subscriber:
        for delivery in subscriber:
            print(delivery.topic, delivery.message)
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from edge_agent.common.backoff import Backoff
from edge_agent.common.errors import BrokerError, MessageError
from edge_agent.contract.messages import Message, decode_message
from edge_agent.contract.topics import subscriptions
from edge_agent.mqtt.dialer import (
    ConnectionLost,
    Dialer,
    Event,
    Identity,
    Received,
    Session,
    unique_id,
)
from edge_agent.mqtt.endpoint import Broker, parse_endpoint

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Delivery:
    """One message as it came."""

    topic: str
    message: Message


class Subscriber:
    """All that one device, or every device, says; a context manager and an iterator.

    A message is acknowledged when the next one is asked for, so that a program that dies
    over a message gets it again (`client_id` given, so that the broker remembers it).
    Once connected, a lost broker is waited for, for ever.

    Args:
        broker: a URL, mqtt://HOST[:PORT], or a `Broker` with credentials and TLS.
        device: whose messages; None for all.
        client_id: with it the broker keeps what comes while this subscriber is away;
            unique at the broker. None: a passing subscriber.
        backoff: the delays between attempts.

    Raises:
        BrokerError: on entering, if the broker is out of reach or refuses us.
        ValueError: for a URL of another kind.
    """

    def __init__(
        self,
        broker: Broker | str,
        device: str | None = None,
        *,
        client_id: str | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        if isinstance(broker, str):
            broker = Broker(parse_endpoint(broker))
        identity = Identity(
            client_id or unique_id("edgeward-watch"), persistent=client_id is not None
        )
        self._dialer = Dialer(broker, identity)
        self._filters = subscriptions(device)
        self._backoff = backoff or Backoff()
        self._delay_s = 0.0  # the last pause
        self._since_s = 0.0  # when the session began
        self._session: Session | None = None  # None before entering, and while lost
        self._lost = ""  # why, while lost
        self._due_s = 0.0  # when it is looked for again, while lost
        self._events: Iterator[Event] = iter(())
        self._unacked: Received | None = None
        self.malformed = 0  # messages that followed no schema, so far

    def __enter__(self) -> Self:
        self._connect()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._acknowledge()
        if self._session is not None:
            self._session.close()

    def __iter__(self) -> Iterator[Delivery]:
        """Messages as they come, without end."""
        while True:
            delivery = self.receive()
            if delivery is not None:
                yield delivery

    @property
    def connected(self) -> bool:
        """Whether the broker was there when it was last looked at, which `receive` does."""
        return self._session is not None

    def receive(self, timeout_s: float | None = None) -> Delivery | None:
        """The next message; None if there is none for `timeout_s` seconds."""
        self._acknowledge()
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left < 0:
                return None
            if self._session is None:
                self._try_again(left)
                continue
            match self._next_event(self._session, left):
                case Received() as received:
                    delivery = self._decode(received)
                    if delivery is not None:
                        return delivery
                case ConnectionLost(reason):
                    self._session.close()
                    self._session = None
                    # Two of one client id drive each other out: only what lasts is a success.
                    if time.monotonic() - self._since_s > 10 * self._delay_s:
                        self._backoff.reset()
                    self._lose(reason)
                case _:
                    pass

    def _next_event(self, session: Session, timeout_s: float | None) -> Event | None:
        event = next(self._events, None)
        if event is None:
            self._events = session.events(timeout_s)
            event = next(self._events, None)
        return event

    def _decode(self, received: Received) -> Delivery | None:
        self._unacked = received
        if not received.payload:
            # Nothing is said by it: a retained state was cleared, or a doctor tried the ACL.
            self._acknowledge()
            return None
        try:
            return Delivery(received.topic, decode_message(received.payload, received.topic))
        except MessageError as error:
            self.malformed += 1
            log.warning("ignored a message: %s", error)
            self._acknowledge()
            return None

    def _acknowledge(self) -> None:
        if self._unacked is not None and self._session is not None:
            self._session.ack(self._unacked)
        self._unacked = None

    def _connect(self) -> None:
        session = self._dialer.dial()
        try:
            session.subscribe(self._filters)
        except BrokerError:
            session.close()
            raise
        self._session, self._events = session, iter(())
        self._unacked = None
        self._since_s = time.monotonic()

    def _lose(self, reason: str) -> None:
        """There is no broker; when to look for it again."""
        delay = self._delay_s = self._backoff.next()
        log.warning("%s; trying again in %.1f s", reason, delay)
        self._lost, self._due_s = reason, time.monotonic() + delay

    def _try_again(self, left_s: float | None) -> None:
        """Wait for a moment, at most `left_s` seconds; connect if it is time and the broker there.

        However short the caller's patience is: a broker that is away is not asked more often.
        """
        if not self._lost:
            raise BrokerError("a Subscriber must be entered before it receives")
        wait_s = max(0.0, self._due_s - time.monotonic())
        if left_s is not None and left_s < wait_s:
            time.sleep(left_s)
            return
        time.sleep(wait_s)
        try:
            self._connect()
        except BrokerError as error:
            self._lose(str(error))
