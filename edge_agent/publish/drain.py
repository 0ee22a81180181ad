"""`Drain`: what one session has sent and not yet had acknowledged."""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from edge_agent.common.errors import BrokerError
from edge_agent.contract.messages import mark_late
from edge_agent.mqtt.dialer import WINDOW, Session
from edge_agent.mqtt.values import Acked, ConnectionLost, Options, Received, Refused, TakenOverError
from edge_agent.outbox.outbox import Outbox, StoredMessage
from edge_agent.publish.retained import RetainedState, RetainedStates
from edge_agent.publish.schedule import Schedule

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class OneShot:
    """Something to be sent once."""

    topic: str
    payload: bytes
    correlation: bytes | None


class Drain:
    """What one session has in flight; dies with it, so that all of it is sent again.

    Args:
        session: connected.
        outbox: results; forgotten there once acknowledged.
        states: retained states; settled there once acknowledged.
        said: what is to be said once.
        receive: told of what arrives.
        schedule: which result is next.
    """

    def __init__(
        self,
        session: Session,
        outbox: Outbox,
        states: RetainedStates,
        said: "deque[OneShot]",
        receive: Callable[[Received], None],
        schedule: Schedule,
    ) -> None:
        self._session, self._outbox, self._states = session, outbox, states
        self._said, self._receive, self._schedule = said, receive, schedule
        self._inflight: dict[int, StoredMessage | RetainedState | OneShot] = {}  # by message id
        self._sent: dict[str, RetainedState] = {}  # by topic
        self._acked: list[int] = []  # in the outbox, to be forgotten there
        self._batch = min(session.window, WINDOW)

    def step(self) -> bool:
        """Send what there is, wait for something to happen; whether the broker does its work.

        It does if it acknowledges a result, or, where none waits, anything else: one that takes
        states and refuses results does not. What is longer than it takes is given up: then
        nothing is waited for.

        Raises:
            BrokerError: the session is lost, or the broker refuses a result.
        """
        # In this order: what is stored after we have looked must find us not busy.
        self._session.busy = False
        if self._send():
            return False
        # Whatever is new has to wait for an acknowledgement, which wakes us anyway.
        self._session.busy = not self._free()
        done: list[StoredMessage | RetainedState | OneShot] = []
        problem: BrokerError | None = None
        for event in self._session.events():
            match event:
                case Acked(mid):
                    done.append(self._inflight.pop(mid))
                case Refused(mid, reason):
                    item = self._inflight.pop(mid)
                    complaint = f"the broker refuses a message on {item.topic}: {reason}"
                    if isinstance(item, StoredMessage):
                        # Forgetting it would be a silent loss: keep it, and keep complaining.
                        problem = BrokerError(complaint)
                    else:
                        # Results must not wait for what is only said beside them.
                        log.warning("%s", complaint)
                        done.append(item)
                case Received():
                    self._session.ack(event)
                    self._receive(event)
                case ConnectionLost(reason, taken_over):
                    problem = problem or (TakenOverError if taken_over else BrokerError)(reason)
                case _:
                    pass
        self._settle(done)
        if problem is not None:
            raise problem
        return any(isinstance(item, StoredMessage) for item in done) or (
            bool(done) and self._outbox.state().depth == 0
        )

    def _send(self) -> bool:
        """Send what there is room for; whether anything had to be given up."""
        sent = True
        # States first: a subscriber learns who speaks before it hears results.
        for state in self._states.unsettled():
            if self._free() and self._sent.get(state.topic) is not state:
                sent &= self._offer(state, state.payload, Options(retain=True))
                self._sent[state.topic] = state
        while self._said and self._free():
            said = self._said.popleft()
            sent &= self._offer(said, said.payload, Options(correlation=said.correlation))
        while self._free() and (turn := self._schedule.next()) is not None:
            queued = turn.queued
            payload = mark_late(queued.payload) if turn.late else queued.payload
            expires_s = queued.expires_s
            options = None if expires_s is None else Options(expires_s=expires_s)
            sent &= self._offer(queued, payload, options)
        return not sent

    def _offer(
        self, item: StoredMessage | RetainedState | OneShot, payload: bytes, options: Options | None
    ) -> bool:
        """Publish `item`, unless it is longer than the broker takes; whether it is sent.

        The broker would hang up on it, again and again, and get nothing behind it.
        """
        correlation = None if options is None else options.correlation
        if self._session.fits(item.topic, payload, correlation):
            self._inflight[self._session.publish(item.topic, payload, options)] = item
            return True
        complaint = (
            f"{item.topic}: expected packets of at most {self._session.max_packet_bytes} bytes, "
            f"as the broker says, found a payload of {len(payload)}"
        )
        if not isinstance(item, StoredMessage):
            log.warning("%s; it is not sent", complaint)
            if isinstance(item, RetainedState):
                self._states.settle(item)  # until the next connection
        elif self._outbox.give_up(item.id):
            self._schedule.forgotten([item.id])
            log.error("%s; the result is given up", complaint)
        else:
            log.error("%s; the disk is full: the result stays until the next connection", complaint)
        return False

    def _free(self) -> int:
        return self._session.window - len(self._inflight)

    def _settle(self, done: list[StoredMessage | RetainedState | OneShot]) -> None:
        for item in done:
            if isinstance(item, RetainedState):
                self._states.settle(item)
            elif isinstance(item, StoredMessage):
                self._acked.append(item.id)
                self._schedule.acknowledged(item.id)
        # Together, as one transaction costs what one deletion costs; a crash repeats these few
        # beside what is in flight anyway. When nothing is in flight, none is left.
        if self._acked and (len(self._acked) >= self._batch or not self._inflight):
            self._outbox.delete(self._acked)
            self._schedule.forgotten(self._acked)
            self._acked = []
