"""One MQTT connection from its start to its loss: the only module that imports paho.

A `Session` is used once. What must outlive it (results, retained states) is its owner's
to keep: paho's own queue lives in memory and would be lost with the process.
"""

import queue
import socket
import ssl
import threading
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge_agent.endpoint import Broker
from edge_agent.errors import BrokerError

Version: TypeAlias = Literal["5", "3.1.1"]

CONNECT_TIMEOUT_S = 5.0
# Some brokers that do not know v5 neither answer nor hang up (amqtt); one that does know it
# and is this slow is spoken to in 3.1.1.
V5_ANSWER_TIMEOUT_S = 2.0
# How many messages may wait for their acknowledgement at once; a broker may allow fewer.
WINDOW = 20
# A broker keeps a persistent subscriber's messages for a week of absence (MQTT v5; a
# 3.1.1 broker decides for itself).
SESSION_EXPIRY_S = 7 * 24 * 3600
QOS = 1

_PROTOCOLS = {"5": paho.MQTTv5, "3.1.1": paho.MQTTv311}


@dataclass(frozen=True)
class Will:
    """What the broker shall say, retained, when this client is gone without a word."""

    topic: str
    payload: bytes


@dataclass(frozen=True)
class Identity:
    """Who connects.

    Args:
        client_id: unique at the broker: a second client of the same id drives out the first.
        will: the last will.
        persistent: whether the broker keeps subscriptions and messages while away.
    """

    client_id: str
    will: Will | None = None
    persistent: bool = False


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
    """A message arrived; `ack` it once it has been dealt with."""

    mid: int
    qos: int
    topic: str
    payload: bytes


@dataclass(frozen=True)
class Lost:
    """The connection is gone."""

    reason: str


@dataclass(frozen=True)
class Wake:
    """Somebody called `Session.wake`."""


Event: TypeAlias = Acked | Refused | Received | Lost | Wake


class VersionError(BrokerError):
    """The broker does not speak the MQTT version offered."""


class Dialer:
    """Opens sessions with one broker: MQTT v5, or 3.1.1 where v5 is not understood."""

    def __init__(self, broker: Broker, identity: Identity) -> None:
        self.broker, self.identity = broker, identity
        self._version: Version = "5"

    def dial(self) -> "Session":
        """A connected session.

        Raises:
            BrokerError: out of reach, or it refuses this client; the message says why.
        """
        if self._version == "5":
            try:
                return Session(self.broker, self.identity, "5")
            except VersionError:
                session = Session(self.broker, self.identity, "3.1.1")
                self._version = "3.1.1"
                return session
        try:
            return Session(self.broker, self.identity, self._version)
        except BrokerError:
            # Another broker may stand there now: begin anew.
            self._version = "5"
            raise


class Session:
    """One connection to a broker, alive from its construction until `Lost` or `close`.

    What happens arrives as events, in order, from `events()`.

    Raises:
        BrokerError: as `Dialer.dial`.
    """

    def __init__(self, broker: Broker, identity: Identity, version: Version) -> None:
        self.version = version
        self.window = WINDOW
        self._place = str(broker.endpoint)
        self._queue: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._answered = threading.Event()
        self._ended = threading.Event()
        self._subscribed = threading.Event()
        self._grants: Sequence[ReasonCode] = ()
        self._problem: BrokerError | None = None
        self._connected = False
        self._woken = False
        self._client = _client(broker, identity, version)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message
        self._client.on_subscribe = self._on_subscribe
        self._connect(broker, identity)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Send at QoS 1; the id that `Acked` will carry. At most `window` may be unanswered."""
        return self._client.publish(topic, payload, QOS, retain).mid

    def subscribe(self, filters: Sequence[str]) -> None:
        """Subscribe at QoS 1 and wait for the broker's consent.

        Raises:
            BrokerError: it refuses one of `filters`, or does not answer.
        """
        self._subscribed.clear()
        self._client.subscribe([(name, QOS) for name in filters])
        if not self._subscribed.wait(CONNECT_TIMEOUT_S):
            raise BrokerError(f"{self._place}: expected an answer to SUBSCRIBE, found none")
        if self._ended.is_set():
            raise BrokerError(f"{self._place}: connection lost on SUBSCRIBE")
        for name, grant in zip(filters, self._grants, strict=True):
            if grant.is_failure:
                raise BrokerError(f"{self._place}: may not subscribe to {name}: {grant}")

    def ack(self, message: Received) -> None:
        """Tell the broker that `message` has been dealt with; harmless if the session is lost."""
        if message.qos:
            self._client.ack(message.mid, message.qos)

    def wake(self) -> None:
        """Make `events` return; cheap to call often, from any thread."""
        if not self._woken:
            self._woken = True
            self._queue.put(Wake())

    def events(self, timeout_s: float | None = None) -> Iterator[Event]:
        """The next event, waiting up to `timeout_s` (None: for ever), and all that are there."""
        try:
            event = self._queue.get(timeout=timeout_s)
            while True:
                if isinstance(event, Wake):
                    self._woken = False
                yield event
                event = self._queue.get_nowait()
        except queue.Empty:
            return

    def close(self) -> None:
        """Leave in good order: no last will. Takes a second at most."""
        self._client.disconnect()
        if not self._ended.wait(1.0):
            # A goodbye stuck behind what nobody reads would hold paho's thread for a keepalive.
            sock = self._client.socket()
            if sock is not None:
                # Closing it would pull it from under paho's select; this wakes that.
                cast("socket.socket", sock).shutdown(socket.SHUT_RDWR)
        self._client.loop_stop()

    def _connect(self, broker: Broker, identity: Identity) -> None:
        options: dict[str, Any] = {}
        if self.version == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = SESSION_EXPIRY_S if identity.persistent else 0
            properties.ReceiveMaximum = WINDOW
            options = {"clean_start": not identity.persistent, "properties": properties}
        endpoint = broker.endpoint
        try:
            self._client.connect(endpoint.host, endpoint.port, broker.keepalive_s, **options)
        except (OSError, ValueError) as error:
            raise BrokerError(f"{self._place}: cannot be reached: {error}") from error
        self._client.loop_start()
        patience_s = V5_ANSWER_TIMEOUT_S if self.version == "5" else CONNECT_TIMEOUT_S
        if not self._answered.wait(patience_s):
            self._problem = VersionError(
                f"{self._place}: expected an answer to CONNECT, found none"
            )
            self._answered.set()
        if self._problem is not None:
            self.close()
            raise self._problem

    # paho's thread calls what follows.

    def _on_connect(
        self,
        client: paho.Client,
        data: Any,
        flags: paho.ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if not reason.is_failure:
            self._connected = True
            self.window = min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW))
        elif reason == "Unsupported protocol version":
            self._problem = VersionError(f"{self._place}: {reason}")
        else:
            self._problem = BrokerError(f"{self._place}: refuses this client: {reason}")
        self._answered.set()

    def _on_disconnect(
        self,
        client: paho.Client,
        data: Any,
        flags: paho.DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if not self._answered.is_set():
            # Others that do not know v5 hang up without a word.
            self._problem = VersionError(f"{self._place}: hung up on CONNECT: {reason}")
        self._ended.set()
        self._answered.set()
        self._subscribed.set()
        self._queue.put(Lost(f"{self._place}: connection lost: {reason}"))

    def _on_publish(
        self, client: paho.Client, data: Any, mid: int, reason: ReasonCode, properties: Properties
    ) -> None:
        refused = reason.is_failure
        self._queue.put(Refused(mid, str(reason)) if refused else Acked(mid))

    def _on_message(self, client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        self._queue.put(Received(message.mid, message.qos, message.topic, bytes(message.payload)))

    def _on_subscribe(
        self, client: paho.Client, data: Any, mid: int, grants: list[ReasonCode], properties: Any
    ) -> None:
        self._grants = grants
        self._subscribed.set()


def unique_id(prefix: str) -> str:
    """A client id that no other client uses."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def _client(broker: Broker, identity: Identity, version: Version) -> paho.Client:
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=identity.client_id,
        # v5 says the same with clean_start, when it connects.
        clean_session=None if version == "5" else not identity.persistent,
        protocol=_PROTOCOLS[version],
        reconnect_on_failure=False,
        manual_ack=True,
    )
    client.connect_timeout = CONNECT_TIMEOUT_S
    client.max_inflight_messages_set(WINDOW)
    if broker.credentials is not None:
        client.username_pw_set(broker.credentials.user, broker.credentials.password)
    if broker.endpoint.tls:
        client.tls_set_context(tls_context(broker))
    if identity.will is not None:
        client.will_set(identity.will.topic, identity.will.payload, QOS, retain=True)
    return client


def tls_context(broker: Broker) -> ssl.SSLContext:
    """How to speak TLS with `broker`: whom to believe, and what to show.

    Raises:
        BrokerError: one of its TLS files cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=broker.ca_file)
        if broker.cert_file is not None:
            context.load_cert_chain(broker.cert_file, broker.key_file)
    except (OSError, ssl.SSLError) as error:
        raise BrokerError(f"{broker.endpoint}: the TLS files cannot be used: {error}") from error
    return context
