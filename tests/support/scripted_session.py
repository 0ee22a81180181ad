"""`ScriptedSession`: a session of which a test says what happens, and sees what is sent."""

import queue
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from edge_agent.mqtt.dialer import Session
from edge_agent.mqtt.values import Event, NotAllowedError, Options, Received, Wake


@dataclass(frozen=True)
class Sent:
    """What was published, and the id that its acknowledgement carries."""

    mid: int
    topic: str
    payload: bytes
    options: Options | None


class ScriptedSession:
    """Publishes into a list; events are those that a test puts.

    Args:
        window: how many may be unanswered.
        longest: the longest payload that fits.
        closed_topics: filters that may not be subscribed to.
    """

    version = "5"

    def __init__(
        self, window: int = 20, longest: int = 1000, closed_topics: Sequence[str] = ()
    ) -> None:
        self.window, self.max_packet_bytes, self.busy = window, longest, False
        self.sent: list[Sent] = []
        self.acked: list[Received] = []
        self.subscribed: list[str] = []
        self.closed: list[bool] = []  # whether with the will, for each time
        self._closed_topics = closed_topics
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def as_session(self) -> Session:
        """This, as the type it stands in for."""
        return cast("Session", self)

    def happen(self, *events: Event) -> None:
        """What `events` gives next."""
        for event in events:
            self._events.put(event)

    def publish(self, topic: str, payload: bytes, options: Options | None = None) -> int:
        """As `Session.publish`."""
        self.sent.append(Sent(len(self.sent) + 1, topic, payload, options))
        return len(self.sent)

    def fits(self, topic: str, payload: bytes, correlation: bytes | None = None) -> bool:
        """As `Session.fits`, of payload and correlation."""
        return len(payload) + len(correlation or b"") <= self.max_packet_bytes

    def subscribe(self, filters: Sequence[str], *, echo: bool = False) -> None:
        """As `Session.subscribe`."""
        assert not echo
        self.subscribed += filters
        for name in filters:
            if name in self._closed_topics:
                raise NotAllowedError(f"may not subscribe to {name}")

    def ack(self, message: Received) -> None:
        """As `Session.ack`."""
        self.acked.append(message)

    def wake(self, *, now: bool = True) -> None:
        """As `Session.wake`."""
        if now or not self.busy:
            self._events.put(Wake())

    def events(self, timeout_s: float | None = 5) -> Iterator[Event]:
        """As `Session.events`; what a test forgot to put ends it after five seconds."""
        try:
            event = self._events.get(timeout=timeout_s)
            while True:
                yield event
                event = self._events.get_nowait()
        except queue.Empty:
            return

    def close(self, *, will: bool = False) -> None:
        """As `Session.close`."""
        self.closed.append(will)
