"""How a broker is reached: in which version of MQTT, and with how much patience."""

import logging
from dataclasses import dataclass

from edge_agent.common.errors import BrokerError
from edge_agent.mqtt.endpoint import Broker
from edge_agent.mqtt.session import ANSWER_TIMEOUT_S, WINDOW, Session, unique_id
from edge_agent.mqtt.values import (
    Acked,
    ConnectionLost,
    Event,
    Identity,
    NotAllowedError,
    Options,
    Received,
    Refused,
    SilenceError,
    Version,
    VersionError,
    Wake,
    Will,
)

__all__ = [
    "ANSWER_TIMEOUT_S",
    "WINDOW",
    "Acked",
    "ConnectionLost",
    "Dialer",
    "Event",
    "Identity",
    "NotAllowedError",
    "Options",
    "Received",
    "Refused",
    "Session",
    "Version",
    "VersionError",
    "Wake",
    "Will",
    "unique_id",
]

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
# Some brokers that do not know v5 neither answer nor hang up (amqtt): so long is waited first.
V5_ANSWER_TIMEOUT_S = 2.0
# So often in a row v5 must seem not to be understood, where the broker does not say so: after a
# link that broke at that moment, a sound broker would be spoken to in 3.1.1 until it fails.
V5_DOUBTS = 2
# Silence proves nothing that was no longer than twice what the other version's answer took.
PROOF = 2.0


@dataclass(frozen=True)
class _Patience:
    """How long a broker may take to answer: in MQTT v5, and then in 3.1.1.

    Args:
        v5_s, old_s: in each.
        last: whether it is not asked again with more of it.
    """

    v5_s: float
    old_s: float
    last: bool


class _HastyError(SilenceError):
    """It answered in 3.1.1, in `answered_s`, but had not been given that much time in MQTT v5."""

    def __init__(self, message: str, answered_s: float) -> None:
        super().__init__(message)
        self.answered_s = answered_s


class Dialer:
    """Opens sessions with one broker: MQTT v5, or 3.1.1 where v5 is not understood.

    What does not answer soon is asked again with all the patience that a slow link needs, and
    from then on at once so.

    Args:
        broker, identity: whom to reach, as whom.
        version: of MQTT, that is tried first.
    """

    def __init__(self, broker: Broker, identity: Identity, version: Version = "5") -> None:
        self.broker, self.identity = broker, identity
        self._version = version
        self._doubts = 0  # how often in a row v5 seemed not to be understood, and 3.1.1 was
        self._slow = False

    def dial(self) -> Session:
        """A connected session.

        Raises:
            BrokerError: out of reach, or it refuses this client; the message says why.
        """
        v5_s = ANSWER_TIMEOUT_S
        if not self._slow:
            try:
                return self._dial(_Patience(V5_ANSWER_TIMEOUT_S, CONNECT_TIMEOUT_S, False))
            except SilenceError as error:
                log.info("%s; asking again, with patience for a slow link", error)
                if isinstance(error, _HastyError):
                    v5_s = min(v5_s, 2 * PROOF * error.answered_s)
        self._slow = False
        session = self._dial(_Patience(v5_s, ANSWER_TIMEOUT_S, True))
        self._slow = PROOF * session.answered_s > V5_ANSWER_TIMEOUT_S
        return session

    def _dial(self, patience: _Patience) -> Session:
        if self._version == "5":
            return self._dial_5(patience)
        try:
            return Session(self.broker, self.identity, self._version, patience.old_s)
        except BrokerError:
            # Another broker may stand there now: begin anew.
            self._version, self._doubts = "5", 0
            raise

    def _dial_5(self, patience: _Patience) -> Session:
        said, waited_s = False, float("inf")
        try:
            session = Session(self.broker, self.identity, "5", patience.v5_s)
            self._doubts = 0
            return session
        except VersionError as error:
            said = error.said
        except SilenceError as error:
            if error.waited_s is None:
                raise
            waited_s = error.waited_s
        session = Session(self.broker, self.identity, "3.1.1", patience.old_s)
        if PROOF * session.answered_s > waited_s and not patience.last:
            session.close()
            raise _HastyError(
                f"{session.place}: took {session.answered_s:.1f} s to answer in MQTT 3.1.1, "
                f"and was waited for {waited_s:g} s in MQTT 5",
                session.answered_s,
            )
        self._doubts += 1
        if said or self._doubts >= V5_DOUBTS:
            self._version = "3.1.1"
        return session
