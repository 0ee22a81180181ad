"""What goes in and out of an MQTT session: who connects, what is sent, what happens."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from edge_agent.common.errors import BrokerError

Version: TypeAlias = Literal["5", "3.1.1"]


@dataclass(frozen=True)
class Will:
    """What the broker shall say, retained, when this client is gone without a word.

    Args:
        topic, payload: what it says.
        delay_s: how long the broker waits for this client to return before it says so
            (MQTT v5 only; 3.1.1 brokers say it at once).
    """

    topic: str
    payload: bytes
    delay_s: int = 0


@dataclass(frozen=True)
class Identity:
    """Who connects.

    Args:
        client_id: unique at the broker: a second client of the same id drives out the first.
        will: the last will.
        persistent: whether the broker keeps subscriptions and messages while away.
        max_packet_bytes: longer packets the broker must not send (MQTT v5 only).
    """

    client_id: str
    will: Will | None = None
    persistent: bool = False
    max_packet_bytes: int | None = None


@dataclass(frozen=True)
class Options:
    """What may go with a message; what MQTT 3.1.1 does not know, it leaves out.

    Args:
        retain: whether the broker keeps it as the state of its topic.
        expires_s: how long the broker keeps it for those who are away.
        response_topic: where an answer shall go.
        correlation: what an answer shall carry, or what this answer answers.
    """

    retain: bool = False
    expires_s: int | None = None
    response_topic: str | None = None
    correlation: bytes | None = None


@dataclass(frozen=True)
class Acked:
    """The broker has taken over message `mid`."""

    mid: int


@dataclass(frozen=True)
class Refused:
    """The broker answered message `mid` with a failure (MQTT v5 only)."""

    mid: int
    reason: str


@dataclass(frozen=True)
class Received:
    """A message arrived; `ack` it once it has been dealt with.

    Args:
        mid, qos: for the acknowledgement.
        topic, payload: what it says.
        retained: whether it is a state that the broker had kept, rather than news.
        response_topic, correlation: where an answer shall go, and what it shall carry
            (MQTT v5 only).
    """

    mid: int
    qos: int
    topic: str
    payload: bytes
    retained: bool = False
    response_topic: str | None = None
    correlation: bytes | None = None


@dataclass(frozen=True)
class ConnectionLost:
    """The connection is gone.

    Args:
        reason: why.
        taken_over: whether another client has connected under this one's id (MQTT v5 only).
    """

    reason: str
    taken_over: bool = False


@dataclass(frozen=True)
class Wake:
    """Somebody called `Session.wake`."""


Event: TypeAlias = Acked | Refused | Received | ConnectionLost | Wake


class VersionError(BrokerError):
    """The broker does not speak the MQTT version offered, or so it seems.

    Args:
        message: what happened.
        said: whether the broker said so; a link that breaks at that moment looks the same.
    """

    def __init__(self, message: str, *, said: bool = False) -> None:
        super().__init__(message)
        self.said = said


class SilenceError(BrokerError):
    """Nothing came from the broker for as long as was waited: it is slow, or will never answer.

    Args:
        message: what happened.
        waited_s: for an answer to CONNECT; None where not even a connection came about.
    """

    def __init__(self, message: str, *, waited_s: float | None = None) -> None:
        super().__init__(message)
        self.waited_s = waited_s


class TakenOverError(BrokerError):
    """Another client has connected under this one's id."""


class NotAllowedError(BrokerError):
    """The broker does not let this client subscribe; the connection is sound."""
