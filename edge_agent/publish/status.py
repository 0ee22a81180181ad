"""What the agent says about itself as a whole: its status and its health."""

import threading
import time
import uuid

from msgspec.structs import replace

from edge_agent import __version__
from edge_agent.contract.messages import (
    HealthMessage,
    OutboxHealth,
    State,
    StatusMessage,
    StreamHealth,
    encode_message,
)
from edge_agent.contract.topics import Topics
from edge_agent.inference.runtime import runtime_name
from edge_agent.outbox.outbox import Outbox
from edge_agent.publish.publisher import Publisher
from edge_agent.system.machine import machine_health
from edge_agent.system.wall_clock import WallClock


class AgentStatus:
    """What the agent says about itself as a whole.

    Args:
        device: its name.
        streams: their names.
        outbox: for its counters, and the disk it is on.
        clock: what its times are by.
    """

    def __init__(
        self, device: str, streams: tuple[str, ...], outbox: Outbox, clock: WallClock
    ) -> None:
        self._device, self._streams, self._outbox, self._clock = device, streams, outbox, clock
        self.boot = uuid.uuid4().hex[:12]
        self.topics = Topics(device)
        self._started_s = time.monotonic()
        self._runtime = runtime_name()
        self._lock = threading.Lock()  # guards what follows
        self._trouble = ""
        self._publisher: Publisher | None = None  # while it is said that we are online

    def say_status(self, publisher: Publisher, state: State, reason: str = "") -> None:
        """Have `publisher` say how we are; while online, in what trouble."""
        with self._lock:
            self._publisher = publisher if state == "online" else None
            said = self.status(state, reason or (self._trouble if state == "online" else ""))
            publisher.retain(self.topics.status, said)

    def trouble(self, reason: str) -> None:
        """Say in what trouble we are though online; "" for none."""
        with self._lock:
            self._trouble = reason
            if self._publisher is not None:
                self._publisher.retain(self.topics.status, self.status("online", reason))

    def status(self, state: State, reason: str = "") -> bytes:
        """The payload for the status topic."""
        return encode_message(
            StatusMessage(
                device=self._device,
                boot=self.boot,
                state=state,
                reason=reason,
                version=__version__,
                streams=self._streams,
            )
        )

    def health(self, streams: tuple[StreamHealth, ...], connections: int) -> HealthMessage:
        """The message for the health topic; the evictions of each stream are added here."""
        box, evicted = self._outbox.state(), self._outbox.evictions()
        return HealthMessage(
            device=self._device,
            boot=self.boot,
            at=self._clock.now(),
            uptime_s=round(time.monotonic() - self._started_s, 3),
            streams=tuple(replace(s, evicted=evicted.get(s.name, 0)) for s in streams),
            outbox=OutboxHealth(
                depth=box.depth, bytes=box.bytes, evicted=box.evicted, thinned=box.thinned
            ),
            connections=connections,
            machine=machine_health(self._outbox.path.parent),
            runtime=self._runtime,
            version=__version__,
            clock_set=self._clock.is_set(),
        )
