"""`Announcer`: tells Home Assistant of the device, and clears away what is no more.

What was there before is read back from the broker, where it can be asked: the configuration may
have changed while the agent was off, and the outbox, beside which it is remembered too, may be
another.

A Home Assistant that has started knows nothing of before, and a broker need not tell it: its own
subscription to announcements is a pattern. So all that stands is said again when it says that it
is there, and once more when it has had the time to subscribe to what was announced.
"""

import json
import logging
import threading
from collections.abc import Collection
from functools import partial

from edge_agent.common.errors import MessageError
from edge_agent.contract.messages import StatusMessage, decode_message
from edge_agent.contract.topics import Topics
from edge_agent.homeassistant.config import HomeAssistantConfig
from edge_agent.homeassistant.discovery import (
    SpecifiedStream,
    discovery,
    discovery_topic,
    without,
)
from edge_agent.homeassistant.former import announced_device
from edge_agent.mqtt.values import Received
from edge_agent.publish.publisher import Publisher
from edge_agent.tasks.task import Json

log = logging.getLogger(__name__)

# Home Assistant subscribes to what it is told of within a second or two.
SETTLED_S = 5.0


class Announcer:
    """What the broker keeps about this device, in step with its configuration.

    Args:
        config: whether and where to announce.
        device: its name.
        streams: what it looks at, and what the outputs of each one's bundle mean.
        allowed: the commands it obeys.
        publisher: where it is said.
        former: topics of former announcements, and of what is no more; they are cleared.
        settled_s: how long after Home Assistant's start all is said once more.
    """

    def __init__(
        self,
        config: HomeAssistantConfig,
        device: str,
        streams: Collection[SpecifiedStream],
        allowed: Collection[str],
        publisher: Publisher,
        former: Collection[str] = (),
        settled_s: float = SETTLED_S,
    ) -> None:
        self._topics, self._publisher, self._former = Topics(device), publisher, former
        self._names = {stream.name for stream, _ in streams}
        self._topic = discovery_topic(config.prefix, device)
        # Its birth topic does not follow its discovery prefix; who sets one may set the other.
        self._births = {config.birth_topic, f"{config.prefix}/status"}
        self._once_more: threading.Timer | None = None
        self._birth, self._settled_s = config.birth_payload.encode(), settled_s
        self._message = discovery(device, list(streams), allowed) if config.enabled else None

    def announce(self) -> None:
        """Say it, and listen for what was said before."""
        filters = [self._topic, self._topics.availability("+")]
        self._publisher.listen(filters, self.receive)
        self._clear_former()
        if self._message is not None:
            self._publisher.listen(sorted(self._births), self.greet)
            self._publisher.retain(self._topic, _encode(self._message))

    def _clear_former(self) -> None:
        """At once what is ours; of another name, once it is known that nobody bears it now.

        A machine copied with its folder and given a new name remembers the other's announcement.
        """
        elsewhere: dict[str, list[str]] = {}
        for topic in self._former:
            name = announced_device(topic)
            if name is None or name == self._topics.device:
                self._publisher.retain(topic, b"")
            else:
                elsewhere.setdefault(name, []).append(topic)
        for name, topics in elsewhere.items():
            self._publisher.listen([Topics(name).status], partial(self._clear_unborne, topics))

    def _clear_unborne(self, topics: list[str], received: Received) -> None:
        """Clear former announcements, if the status that the broker keeps of their name is over."""
        if not received.retained or not received.payload:
            return
        try:
            status = decode_message(received.payload, received.topic)
        except MessageError:
            return
        if isinstance(status, StatusMessage) and status.state == "offline":
            for topic in topics:
                self._publisher.retain(topic, b"")
        else:
            log.warning("%s: another device has the former name now", received.topic)

    def greet(self, received: Received) -> None:
        """Home Assistant has started, unless it says something else."""
        # One that the broker kept is old: all has just been said to whoever is there.
        if received.retained or received.payload != self._birth:
            return
        if self._once_more is not None and self._once_more.is_alive():
            return  # all is about to be said: whoever may write there may not make it a flood
        log.info("Home Assistant has started: what stands is said again")
        self._publisher.renew()
        self._once_more = threading.Timer(self._settled_s, self._publisher.renew)
        self._once_more.daemon = True
        self._once_more.start()

    def receive(self, received: Received) -> None:
        """The broker has kept something: is it still so?"""
        if not received.retained or not received.payload:
            return
        if received.topic == self._topic:
            self._renew(received.payload)
            return
        stream = received.topic.split("/")[-2]
        if stream not in self._names:
            log.info("stream %s is no more: clearing what the broker keeps of it", stream)
            self._publisher.retain(self._topics.availability(stream), b"")
            self._publisher.retain(self._topics.snapshot(stream), b"")
            self._publisher.retain(self._topics.state(stream), b"")

    def _renew(self, payload: bytes) -> None:
        if self._message is None:
            log.info("clearing the announcement to Home Assistant")
            self._publisher.retain(self._topic, b"")
            return
        try:
            before = json.loads(payload)
        except (ValueError, RecursionError):
            return  # somebody else's; ours replaces it
        message = without(self._message, before) if isinstance(before, dict) else self._message
        if message is not self._message:
            self._publisher.retain(self._topic, _encode(message))


def _encode(message: Json) -> bytes:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
