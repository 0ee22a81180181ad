"""A real mosquitto on loopback, and waiting for things to happen."""

import time
from collections.abc import Callable

import pytest

from pipeline.broker.mosquitto import Mosquitto, find_mosquitto, free_endpoint

__all__ = ["Mosquitto", "free_port", "mosquitto_binary", "wait_until"]


def free_port() -> int:
    """A loopback port that nothing listens on."""
    return free_endpoint().port


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = 60) -> None:
    """Return once `condition` holds; fail the test, naming `what`, if it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {timeout_s:g} s")
        time.sleep(0.01)


def mosquitto_binary() -> str:
    """Where mosquitto is; skips the test where it is not."""
    found = find_mosquitto()
    if found is None:
        pytest.skip("needs mosquitto: install the system's package `mosquitto`")
    return found
