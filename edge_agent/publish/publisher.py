"""From the outbox to the broker, each message forgotten only once acknowledged."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol, Self

from edge_agent.common.backoff import Backoff
from edge_agent.common.errors import BrokerError
from edge_agent.contract.topics import matches
from edge_agent.mqtt.dialer import Dialer, NotAllowedError, Session
from edge_agent.mqtt.values import Received, TakenOverError
from edge_agent.outbox.outbox import Outbox
from edge_agent.publish.drain import Drain, OneShot
from edge_agent.publish.retained import RetainedStates
from edge_agent.publish.rivalry import Rivalry
from edge_agent.publish.schedule import Order, schedule

log = logging.getLogger(__name__)

# How long leaving may take; what is not delivered by then stays in the outbox.
CLOSE_TIMEOUT_S = 1.0
# Answers that wait to be sent; beyond it the oldest are forgotten.
MAX_SAID = 64


class Publisher(Protocol):
    """Where an agent's words go; used as a context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def publish(self, stream: str, topic: str, encode: Callable[[int], bytes]) -> int:
        """Take over the stream's next message, to be delivered at least once.

        In the order of publishing, but for what is late: that comes beside what is new.

        Args:
            stream: whose sequence numbers to use.
            topic: where it goes.
            encode: makes the payload from its sequence number.

        Returns:
            The sequence number.
        """
        ...

    def retain(self, topic: str, payload: bytes) -> None:
        """Make `payload` the retained state of `topic`; only the newest state counts."""
        ...

    def renew(self) -> None:
        """Say every retained state again, marked as repeated where it has a word for that."""
        ...

    def say(self, topic: str, payload: bytes, correlation: bytes | None = None) -> None:
        """Send `payload` soon, once; it is forgotten if the broker is away or refuses it.

        Args:
            topic: where.
            payload: what.
            correlation: what the answer to a question must carry.
        """
        ...

    def listen(self, filters: Sequence[str], receive: Callable[[Received], None]) -> None:
        """Hear what comes on `filters`, from the next connection on; may be called again.

        Args:
            filters: topic filters, `+` for a level.
            receive: told of each message, from the publisher's thread; must be quick.
        """
        ...

    def flush(self, timeout_s: float) -> bool:
        """Wait until all is delivered, at most `timeout_s`; whether it is."""
        ...

    @property
    def connections(self) -> int:
        """How often the broker has been reached."""
        ...


class MqttPublisher:
    """Drains an outbox over MQTT from a thread of its own, reconnecting for ever.

    Args:
        dialer: how to reach the broker.
        outbox: where messages wait; still the caller's to close.
        failed: told, from the publisher's thread, what broke it (the outbox's disk).
        backoff: the delays between attempts.
        order: whether what is new waits for all that is older.
        rivalry: what is known of another agent of the same name.
    """

    def __init__(
        self,
        dialer: Dialer,
        outbox: Outbox,
        failed: Callable[[BaseException], None],
        backoff: Backoff | None = None,
        order: Order = "live-first",
        rivalry: Rivalry | None = None,
    ) -> None:
        self._dialer, self._outbox, self._failed = dialer, outbox, failed
        self._backoff, self._schedule = backoff or Backoff(), schedule(order)
        self._rivalry = rivalry
        self._closing = threading.Event()
        self._states = RetainedStates()
        self._said: deque[OneShot] = deque(maxlen=MAX_SAID)
        self._listeners: list[tuple[str, Callable[[Received], None]]] = []
        self._changed = threading.Condition()  # guards `_session`; notified of every progress
        self._session: Session | None = None
        self._connections = 0
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._wake()
        # A broker that swallows packets may hold the thread in a connect: it dies with us.
        self._thread.join(CLOSE_TIMEOUT_S)

    def publish(self, stream: str, topic: str, encode: Callable[[int], bytes]) -> int:
        """As `Publisher.publish`: durable once this returns.

        Raises:
            OutboxError: it could not be stored.
        """
        seq = self._outbox.append(stream, topic, encode)
        self._wake(now=False)
        return seq

    def retain(self, topic: str, payload: bytes) -> None:
        """As `Publisher.retain`: sent now, and again after every reconnection."""
        self._states.put(topic, payload)
        self._wake()

    def renew(self) -> None:
        """As `Publisher.renew`; a connection that is new has it anyway."""
        self._states.renew()
        self._wake()

    def say(self, topic: str, payload: bytes, correlation: bytes | None = None) -> None:
        """As `Publisher.say`."""
        if self._session is not None:
            self._said.append(OneShot(topic, payload, correlation))
            self._wake()

    def listen(self, filters: Sequence[str], receive: Callable[[Received], None]) -> None:
        """As `Publisher.listen`."""
        self._listeners += [(pattern, receive) for pattern in filters]

    def flush(self, timeout_s: float) -> bool:
        """As `Publisher.flush`."""
        with self._changed:
            return self._changed.wait_for(self._settled, timeout_s)

    @property
    def connections(self) -> int:
        """As `Publisher.connections`."""
        return self._connections

    @property
    def session(self) -> Session | None:
        """The session that is open now; None while the broker is away."""
        return self._session

    @property
    def running(self) -> bool:
        """Whether the publisher's thread is at work; leaving does not wait for all of it."""
        return self._thread.is_alive()

    def _settled(self) -> bool:
        waits = self._states.unsettled() or self._said
        return not waits and self._outbox.state().depth == 0

    def _wake(self, *, now: bool = True) -> None:
        with self._changed:
            if self._session is not None:
                self._session.wake(now=now)

    def _subscribe(self, session: Session) -> None:
        if not self._listeners:
            return
        try:
            session.subscribe([pattern for pattern, _ in self._listeners])
        except NotAllowedError as error:
            # Commands are a convenience; results are what we are here for.
            log.warning("%s: what comes there is not heard", error)

    def _hear(self, received: Received) -> None:
        for pattern, receive in self._listeners:
            if matches(pattern, received.topic):
                receive(received)
                return

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                try:
                    self._serve_once()
                except BrokerError as error:
                    self._closing.wait(self._pause_s(error))
        except BaseException as error:
            self._failed(error)

    def _pause_s(self, error: BrokerError) -> float:
        if self._rivalry is not None:
            pause_s = self._rivalry.lost(taken_over=isinstance(error, TakenOverError))
            if pause_s is not None:
                log.debug("%s; trying again in %.0f s", error, pause_s)
                return pause_s
        delay_s = self._backoff.next()
        log.warning("%s; trying again in %.1f s", error, delay_s)
        return delay_s

    def _serve_once(self) -> None:
        session = self._dialer.dial()
        in_order = False
        try:
            if self._rivalry is not None:
                self._rivalry.let_in()
            self._subscribe(session)
            self._states.renew()
            self._said.clear()
            with self._changed:
                self._session = session
                self._connections += 1
            log.info("connected to %s, MQTT %s", self._dialer.broker.endpoint, session.version)
            turns = self._schedule(self._outbox, session.window)
            drain = Drain(session, self._outbox, self._states, self._said, self._hear, turns)
            while not self._closing.is_set():
                if drain.step():
                    self._backoff.reset()
                if self._rivalry is not None:
                    self._rivalry.tick(spoken=not self._states.unsettled())
                with self._changed:
                    self._changed.notify_all()
            in_order = not self._states.unsettled()
        finally:
            with self._changed:
                self._session = None
            # What the broker still says of us may be wrong from now on: the last will is not.
            session.close(will=not in_order)
