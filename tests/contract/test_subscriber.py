"""`Subscriber` and a broker that goes away."""

import logging
import time

import pytest
from support.brokers import Mosquitto, wait_until

from edge_agent.client import Subscriber


def test_a_broker_that_is_away_is_not_asked_more_often_by_the_impatient(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    """However short the timeout of `receive`: the pauses between attempts grow; then it is back."""
    caplog.set_level(logging.WARNING, "edge_agent")
    with Subscriber(mosquitto.url, "gate") as subscriber:
        mosquitto.kill()
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            assert subscriber.receive(0.01) is None
        attempts = [text for text in caplog.messages if "trying again" in text]
        # The first three pauses are at least 0.25, 0.5 and 1 s.
        assert 1 <= len(attempts) <= 3
        mosquitto.start()

        def returned() -> bool:
            subscriber.receive(0.05)
            return subscriber.connected

        wait_until(returned, "it is back")
