"""`MemoryPublisher`: a publisher whose broker is a list."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Self

import pytest

from edge_agent.mqtt.values import Received


def fail(error: BaseException) -> None:
    """What a publisher under test calls with what must not happen."""
    pytest.fail(repr(error))


class MemoryPublisher:
    """Delivers at once, to `published` (topic, payload), `retained` (topic: payload) and `said`.

    Tell it of a message with `heard`.
    """

    connections = 1

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = Counter[str]()
        self.published: list[tuple[str, bytes]] = []
        self.retained: dict[str, bytes] = {}
        self.renewals = 0
        self.said: list[tuple[str, bytes, bytes | None]] = []
        self.filters: tuple[str, ...] = ()
        self.heard: Callable[[Received], None] = lambda received: None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def publish(self, stream: str, topic: str, encode: Callable[[int], bytes]) -> int:
        """Append the stream's next message."""
        with self._lock:
            seq = self._last[stream] + 1
            self.published.append((topic, encode(seq)))
            self._last[stream] = seq
            return seq

    def retain(self, topic: str, payload: bytes) -> None:
        """Replace the topic's state."""
        self.retained[topic] = payload

    def renew(self) -> None:
        """Count it: everybody has heard everything."""
        self.renewals += 1

    def say(self, topic: str, payload: bytes, correlation: bytes | None = None) -> None:
        """Append to `said`."""
        self.said.append((topic, payload, correlation))

    def listen(self, filters: Sequence[str], receive: Callable[[Received], None]) -> None:
        """Remember who listens."""
        self.filters, self.heard = (*self.filters, *filters), receive

    def flush(self, timeout_s: float) -> bool:
        """Everything is delivered already."""
        return True
