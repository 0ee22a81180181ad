"""The newest retained state of every topic, and which of them the broker has yet to confirm."""

import threading
from dataclasses import dataclass

from edge_agent.contract.messages import mark_again


@dataclass(frozen=True, eq=False)
class RetainedState:
    """One retained payload; each is itself only, even if another says the same."""

    topic: str
    payload: bytes


class RetainedStates:
    """Safe to use from several threads; as large as the number of topics."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[str, RetainedState] = {}
        self._unsettled: dict[str, RetainedState] = {}

    def put(self, topic: str, payload: bytes) -> None:
        """`payload` is what `topic` says from now on."""
        state = RetainedState(topic, payload)
        with self._lock:
            self._newest[topic] = self._unsettled[topic] = state

    def unsettled(self) -> list[RetainedState]:
        """The newest states that are not confirmed, oldest topic first."""
        with self._lock:
            return list(self._unsettled.values())

    def settle(self, state: RetainedState) -> None:
        """The broker has confirmed `state`; nothing happens if there is a newer one."""
        with self._lock:
            if self._unsettled.get(state.topic) is state:
                del self._unsettled[state.topic]

    def renew(self) -> None:
        """Say all of them again: a broker may have forgotten, or spoken our last will.

        What was confirmed before is marked as repeated, where it has a word for that.
        """
        with self._lock:
            for topic, state in self._newest.items():
                known = topic not in self._unsettled
                payload = mark_again(state.payload) if known else state.payload
                self._newest[topic] = RetainedState(topic, payload)
            self._unsettled = dict(self._newest)
