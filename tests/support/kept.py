"""What a broker keeps: its retained messages."""

import time

import pytest

from edge_agent.mqtt.dialer import Dialer, unique_id
from edge_agent.mqtt.endpoint import Broker, parse_endpoint
from edge_agent.mqtt.values import Identity, Received

# What is kept comes before this, which is said once all of it has been asked for.
LAST = "kept/all-of-it"
PATIENCE_S = 60.0


def kept(url: str, topic: str = "#") -> dict[str, bytes]:
    """What the broker at `url` keeps on the topics of a filter, by topic."""
    session = Dialer(Broker(parse_endpoint(url)), Identity(unique_id("viewer"))).dial()
    try:
        session.subscribe([topic, LAST], echo=True)
        session.publish(LAST, b"")
        found: dict[str, bytes] = {}
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            for event in session.events(1):
                if isinstance(event, Received):
                    session.ack(event)  # or the broker sends no more than a window of them
                    if event.topic == LAST:
                        return found
                    if event.retained:
                        found[event.topic] = event.payload
        pytest.fail(f"the broker did not answer within {PATIENCE_S:g} s")
    finally:
        session.close()
