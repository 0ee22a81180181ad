"""`Availability`: whether a stream gives results, and if not, why; published when it changes."""

import threading
from datetime import UTC, datetime

from edge_agent.contract.messages import AvailabilityMessage, encode_message
from edge_agent.publish.sender import Sender


class Availability:
    """Three things can be in the way: the source, the outbox's disk, and a pause.

    Any thread may report; the newest state is also the last that is said.

    Args:
        stream: whose it is.
        sender: who sends it.
    """

    def __init__(self, stream: str, sender: Sender) -> None:
        self._stream, self._sender = stream, sender
        self._lock = threading.Lock()  # guards what follows, and the order of what is said
        self._source = (False, "starting")
        self._no_room = ""  # why results cannot be stored; empty while they can
        self._paused = False

    def source(self, available: bool, reason: str) -> None:
        """The source came or went; what has been said is not said again."""
        with self._lock:
            if (available, reason) != self._source:
                self._source = available, reason
                self._say()

    def storing(self, possible: bool, reason: str) -> None:
        """Results can be stored, or cannot: said when it changes, not when the reason does."""
        with self._lock:
            before, self._no_room = self._no_room, "" if possible else reason
            if bool(before) != bool(self._no_room):
                self._say()

    def pause(self, paused: bool) -> None:
        """The stream was told to look no more, or again."""
        with self._lock:
            if paused != self._paused:
                self._paused = paused
                self._say()

    def _say(self) -> None:
        available, reason = self._source
        if self._no_room:
            available, reason = False, self._no_room
        elif self._paused and available:
            available, reason = False, "paused"
        message = AvailabilityMessage(
            device=self._sender.device,
            stream=self._stream,
            boot=self._sender.boot,
            state="online" if available else "offline",
            reason=reason,
            since=datetime.now(UTC),
        )
        topic = self._sender.topics.availability(self._stream)
        self._sender.publisher.retain(topic, encode_message(message))
