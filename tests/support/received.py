"""What a session hears, however long a busy broker takes to pass it on."""

import time

from edge_agent.mqtt.dialer import Session
from edge_agent.mqtt.values import Received

PATIENCE_S = 60.0


def received(session: Session, count: int = 0, quiet_s: float = 0.2) -> list[tuple[str, bytes]]:
    """What comes until it is `count` messages or more, and then nothing for `quiet_s`.

    However long those take: a broker acknowledges before it passes on.
    """
    found: list[tuple[str, bytes]] = []
    end = time.monotonic() + PATIENCE_S
    while True:
        missing = len(found) < count and time.monotonic() < end
        events = list(session.events(0.5 if missing else quiet_s))
        for event in events:
            if isinstance(event, Received):
                found.append((event.topic, event.payload))
                session.ack(event)
        if not events and not missing:
            return found
