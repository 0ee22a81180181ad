"""From the outbox to the broker, in order, each message forgotten only once acknowledged."""

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from edge_agent.backoff import Backoff
from edge_agent.errors import BrokerError
from edge_agent.mqtt import Acked, Dialer, Lost, Refused, Session
from edge_agent.outbox import Outbox, Queued
from edge_agent.retained import RetainedStates, State

log = logging.getLogger(__name__)

# How long leaving may take; what is not delivered by then stays in the outbox.
CLOSE_TIMEOUT_S = 1.0


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
        """Take over the stream's next message, to be delivered at least once, in order.

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
    """

    def __init__(
        self,
        dialer: Dialer,
        outbox: Outbox,
        failed: Callable[[BaseException], None],
        backoff: Backoff | None = None,
    ) -> None:
        self._dialer, self._outbox, self._failed = dialer, outbox, failed
        self._backoff = backoff or Backoff()
        self._closing = threading.Event()
        self._states = RetainedStates()
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
        self._wake()
        return seq

    def retain(self, topic: str, payload: bytes) -> None:
        """As `Publisher.retain`: sent now, and again after every reconnection."""
        self._states.put(topic, payload)
        self._wake()

    def flush(self, timeout_s: float) -> bool:
        """As `Publisher.flush`."""
        with self._changed:
            return self._changed.wait_for(self._settled, timeout_s)

    @property
    def connections(self) -> int:
        """As `Publisher.connections`."""
        return self._connections

    def _settled(self) -> bool:
        return not self._states.unsettled() and self._outbox.state().depth == 0

    def _wake(self) -> None:
        with self._changed:
            if self._session is not None:
                self._session.wake()

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                try:
                    self._serve_once()
                except BrokerError as error:
                    delay = self._backoff.next()
                    log.warning("%s; trying again in %.1f s", error, delay)
                    self._closing.wait(delay)
        except BaseException as error:
            self._failed(error)

    def _serve_once(self) -> None:
        session = self._dialer.dial()
        try:
            self._states.renew()
            with self._changed:
                self._session = session
                self._connections += 1
            log.info("connected to %s, MQTT %s", self._dialer.broker.endpoint, session.version)
            drain = _Drain(session, self._outbox, self._states)
            while not self._closing.is_set():
                if drain.step():
                    self._backoff.reset()
                    with self._changed:
                        self._changed.notify_all()
        finally:
            with self._changed:
                self._session = None
            session.close()


class _Drain:
    """What one session has in flight; dies with it, so that all of it is sent again."""

    def __init__(self, session: Session, outbox: Outbox, states: RetainedStates) -> None:
        self._session, self._outbox, self._states = session, outbox, states
        self._inflight: dict[int, Queued | State] = {}  # by message id
        self._sent: dict[str, State] = {}  # by topic
        self._cursor = 0

    def step(self) -> bool:
        """Send what there is, wait for something to happen; whether any was acknowledged.

        Raises:
            BrokerError: the session is lost, or the broker refuses a message.
        """
        self._send()
        acked: list[Queued | State] = []
        problem: BrokerError | None = None
        for event in self._session.events():
            match event:
                case Acked(mid):
                    acked.append(self._inflight.pop(mid))
                case Refused(mid, reason):
                    # Forgetting it would be a silent loss: keep it, and keep complaining.
                    topic = self._inflight[mid].topic
                    problem = BrokerError(f"the broker refuses a message on {topic}: {reason}")
                case Lost(reason):
                    problem = problem or BrokerError(reason)
                case _:
                    pass
        self._settle(acked)
        if problem is not None:
            raise problem
        return bool(acked)

    def _send(self) -> None:
        # States first: a subscriber learns who speaks before it hears results.
        for state in self._states.unsettled():
            if self._free() and self._sent.get(state.topic) is not state:
                self._publish(state, retain=True)
                self._sent[state.topic] = state
        for queued in self._outbox.pending(self._cursor, self._free()):
            self._publish(queued)
            self._cursor = queued.id

    def _free(self) -> int:
        return self._session.window - len(self._inflight)

    def _publish(self, item: Queued | State, *, retain: bool = False) -> None:
        self._inflight[self._session.publish(item.topic, item.payload, retain=retain)] = item

    def _settle(self, acked: list[Queued | State]) -> None:
        self._outbox.delete(item.id for item in acked if isinstance(item, Queued))
        for item in acked:
            if isinstance(item, State):
                self._states.settle(item)
