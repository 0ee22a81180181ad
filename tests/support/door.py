"""Results of a stream `door`, and an archive that hears them."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from edge_agent.client import Ledger, Subscriber
from edge_agent.contract.messages import BundleRef, ResultMessage, encode_message
from edge_agent.tasks.classify.answer import Classification


def result(seq: int, boot: str) -> bytes:
    """A result of usual length."""
    return encode_message(
        ResultMessage(
            device="gate",
            stream="door",
            boot=boot,
            seq=seq,
            frame=seq,
            captured_at=datetime.now(UTC),
            latency_ms=1.0,
            bundle=BundleRef(name="digits", id="0" * 12),
            result=Classification(label="a", index=0, confidence=1.0, sure=True, top=()),
        )
    )


class Archive:
    """A subscriber in a thread of its own: each result, and when it came."""

    def __init__(self, url: str) -> None:
        self.ledger, self.came = Ledger(), list[tuple[ResultMessage, float]]()
        self._subscriber, self._ended = Subscriber(url, "gate"), threading.Event()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Connected, until the block ends."""
        with self._subscriber:
            thread = threading.Thread(target=self._listen)
            thread.start()
            try:
                yield
            finally:
                self._ended.set()
                thread.join()

    def _listen(self) -> None:
        while not self._ended.is_set():
            delivery = self._subscriber.receive(0.05)
            if delivery is not None and isinstance(delivery.message, ResultMessage):
                self.came.append((delivery.message, time.monotonic()))
                self.ledger.record(delivery.message)
