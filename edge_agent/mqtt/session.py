"""One MQTT connection from its start to its loss: the only module that imports paho.

A `Session` is used once. What must outlive it (results, retained states) is its owner's
to keep: paho's own queue lives in memory and would be lost with the process.
"""

import math
import queue
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, cast

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_agent.common.errors import BrokerError
from edge_agent.mqtt.endpoint import Broker
from edge_agent.mqtt.tls import tls_context
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
)

# The longest that a link may take to answer: satellites and congested mobile networks take seconds.
ANSWER_TIMEOUT_S = 30.0
# How many messages may wait for their acknowledgement at once; a broker may allow fewer.
WINDOW = 20
# So many times as many may wait in paho, which sends them as acknowledgements come, from its
# own thread: that costs half of what sending each from ours does.
AHEAD = 5
# A broker keeps a persistent subscriber's messages for a week of absence (MQTT v5; a
# 3.1.1 broker decides for itself).
SESSION_EXPIRY_S = 7 * 24 * 3600
QOS = 1
# What a message is longer than its topic, payload and correlation, at the most: 21 bytes of
# header, lengths, id and expiry, and some to spare.
OVERHEAD_BYTES = 32

# A DISCONNECT that has the broker speak the last will (MQTT v5).
WITH_WILL = 0x04
# The broker's DISCONNECT where another client has connected under this one's id (MQTT v5).
TAKEN_OVER = 0x8E

_PROTOCOLS = {"5": paho.MQTTv5, "3.1.1": paho.MQTTv311}


class Session:
    """One connection to a broker, alive from its construction until `ConnectionLost` or `close`.

    What happens arrives as events, in order, from `events()`.

    Args:
        broker, identity: whom to reach, as whom.
        version: of MQTT.
        patience_s: how long the broker may take to be reached, and to answer CONNECT.

    Raises:
        BrokerError: as `Dialer.dial`.
    """

    def __init__(
        self,
        broker: Broker,
        identity: Identity,
        version: Version,
        patience_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        self.version = version
        self.answered_s = 0.0  # how long the broker took to answer CONNECT
        self.window = WINDOW
        self.max_packet_bytes: int | None = None  # longer ones the broker hangs up on, it said
        self.place = str(broker.endpoint)
        self._queue: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._answered = threading.Event()
        self._ended = threading.Event()
        self._subscribed = threading.Event()
        self._grants: Sequence[ReasonCode] = ()
        self._problem: BrokerError | None = None
        self._connected = False
        self._keepalive_s = broker.keepalive_s
        self._woken = False
        self.busy = False
        self._client = _client(broker, identity, version)
        self._client.connect_timeout = patience_s
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message
        self._client.on_subscribe = self._on_subscribe
        self._connect(broker, identity, patience_s)

    def publish(self, topic: str, payload: bytes, options: Options | None = None) -> int:
        """Send at QoS 1, soon; the id that `Acked` will carry.

        At most `window` may be unanswered.
        """
        if options is None:
            return self._client.publish(topic, payload, QOS).mid
        properties = _properties(options) if self.version == "5" else None
        return self._client.publish(topic, payload, QOS, options.retain, properties).mid

    def fits(self, topic: str, payload: bytes, correlation: bytes | None = None) -> bool:
        """Whether the broker takes a message this long, as far as it said (MQTT v5 only)."""
        if self.max_packet_bytes is None:
            return True
        found = len(topic.encode()) + len(payload) + len(correlation or b"")
        return found + OVERHEAD_BYTES <= self.max_packet_bytes

    def subscribe(self, filters: Sequence[str], *, echo: bool = False) -> None:
        """Subscribe at QoS 1 and wait for the broker's consent.

        Args:
            filters: topics, `+` for a level.
            echo: whether what we say there ourselves comes back; 3.1.1 always brings it.

        Raises:
            NotAllowedError: it refuses one of `filters`; the others are subscribed to.
            BrokerError: it does not answer.
        """
        self._subscribed.clear()
        if self.version == "5":
            wanted = SubscribeOptions(QOS, noLocal=not echo)
            self._client.subscribe([(name, wanted) for name in filters])
        else:
            self._client.subscribe([(name, QOS) for name in filters])
        # A connection that was lost before has woken nobody.
        if not self._ended.is_set() and not self._subscribed.wait(ANSWER_TIMEOUT_S):
            raise BrokerError(f"{self.place}: expected an answer to SUBSCRIBE, found none")
        if self._ended.is_set():
            raise BrokerError(f"{self.place}: connection lost on SUBSCRIBE")
        for name, grant in zip(filters, self._grants, strict=True):
            if grant.is_failure:
                raise NotAllowedError(f"{self.place}: may not subscribe to {name}: {grant}")

    def ack(self, message: Received) -> None:
        """Tell the broker that `message` has been dealt with; harmless if the session is lost."""
        if message.qos:
            self._client.ack(message.mid, message.qos)

    def wake(self, *, now: bool = True) -> None:
        """Make `events` return; cheap to call often, from any thread.

        Not if it can wait (`now` false) and the owner is `busy` until something happens.
        """
        if not self._woken and (now or not self.busy):
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

    def close(self, *, will: bool = False) -> None:
        """Leave in good order: no last will, unless asked for. Takes a second at most.

        Args:
            will: whether the broker shall speak the last will, after its delay.
        """
        if not will:
            self._client.disconnect()
        elif self.version == "5":
            self._client.disconnect(ReasonCode(PacketTypes.DISCONNECT, identifier=WITH_WILL))
        else:
            self.drop()  # 3.1.1 knows no goodbye that keeps the will
        if not self._ended.wait(1.0):
            # A goodbye stuck behind what nobody reads would hold paho's thread for a keepalive.
            self.drop()
        self._client.loop_stop()
        self._forget()

    def drop(self) -> None:
        """Break the connection without a goodbye, as a link fails; `ConnectionLost` follows."""
        sock = self._client.socket()
        if sock is not None:
            # Closing it would pull it from under paho's select; this wakes that. It may be gone.
            with suppress(OSError):
                cast("socket.socket", sock).shutdown(socket.SHUT_RDWR)

    def _forget(self) -> None:
        # Break the reference cycle with paho's client now: the garbage collector may take hours,
        # and until then the client keeps three files open.
        self._client.on_connect = self._client.on_disconnect = None
        self._client.on_publish = self._client.on_message = self._client.on_subscribe = None

    def _connect(self, broker: Broker, identity: Identity, patience_s: float) -> None:
        options: dict[str, Any] = {}
        if self.version == "5":
            expiry_s = _session_expiry_s(identity)
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = expiry_s
            properties.ReceiveMaximum = WINDOW
            if identity.max_packet_bytes is not None:
                properties.MaximumPacketSize = identity.max_packet_bytes
            # A clean start would end the session whose will is being delayed, and speak it.
            options = {"clean_start": expiry_s == 0, "properties": properties}
        endpoint = broker.endpoint
        try:
            self._client.connect(endpoint.host, endpoint.port, broker.keepalive_s, **options)
        except TimeoutError as error:
            self._forget()
            raise SilenceError(f"{self.place}: cannot be reached: {error}") from error
        except (OSError, ValueError) as error:
            self._forget()
            raise BrokerError(f"{self.place}: cannot be reached: {error}") from error
        # paho would hang up on a broker that takes longer than that to answer CONNECT.
        self._client._keepalive = max(broker.keepalive_s, math.ceil(2 * patience_s))
        asked_s = time.monotonic()
        self._client.loop_start()
        if not self._answered.wait(patience_s):
            self._problem = SilenceError(
                f"{self.place}: expected an answer to CONNECT, found none", waited_s=patience_s
            )
            self._answered.set()
        self.answered_s = time.monotonic() - asked_s
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
        self._client._keepalive = self._keepalive_s
        if not reason.is_failure:
            self._connected = True
            self.max_packet_bytes = getattr(properties, "MaximumPacketSize", None)
            allowed = getattr(properties, "ReceiveMaximum", WINDOW)
            self.window = AHEAD * WINDOW if allowed >= WINDOW else allowed
        elif reason == "Unsupported protocol version":
            self._problem = VersionError(f"{self.place}: {reason}", said=True)
        else:
            self._problem = BrokerError(f"{self.place}: refuses this client: {reason}")
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
            self._problem = VersionError(f"{self.place}: hung up on CONNECT: {reason}")
        self._ended.set()
        self._answered.set()
        self._subscribed.set()
        self._queue.put(
            ConnectionLost(f"{self.place}: connection lost: {reason}", reason.value == TAKEN_OVER)
        )

    def _on_publish(
        self, client: paho.Client, data: Any, mid: int, reason: ReasonCode, properties: Properties
    ) -> None:
        refused = reason.is_failure
        self._queue.put(Refused(mid, str(reason)) if refused else Acked(mid))

    def _on_message(self, client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        with_it = message.properties
        self._queue.put(
            Received(
                message.mid,
                message.qos,
                message.topic,
                bytes(message.payload),
                message.retain,
                getattr(with_it, "ResponseTopic", None),
                getattr(with_it, "CorrelationData", None),
            )
        )

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
    client.on_socket_open = _send_at_once
    client.max_inflight_messages_set(WINDOW)
    if broker.credentials is not None:
        client.username_pw_set(broker.credentials.user, broker.credentials.password)
    if broker.endpoint.tls:
        client.tls_set_context(tls_context(broker))
    if identity.will is not None:
        with_it = None
        if version == "5" and identity.will.delay_s:
            with_it = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]
            with_it.WillDelayInterval = identity.will.delay_s
        client.will_set(identity.will.topic, identity.will.payload, QOS, True, with_it)
    return client


def _send_at_once(client: paho.Client, data: Any, sock: Any) -> None:
    # What is held back until the broker has acknowledged, it may take 40 ms to acknowledge.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _session_expiry_s(identity: Identity) -> int:
    """A session that ends speaks its will: it must outlive the delay."""
    if identity.persistent:
        return SESSION_EXPIRY_S
    return identity.will.delay_s if identity.will is not None else 0


def _properties(options: Options) -> Properties | None:
    found = {
        "MessageExpiryInterval": options.expires_s,
        "ResponseTopic": options.response_topic,
        "CorrelationData": options.correlation,
    }
    if all(value is None for value in found.values()):
        return None
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    for name, value in found.items():
        if value is not None:
            setattr(properties, name, value)
    return properties
