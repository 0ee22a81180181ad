"""`Announcer`: tells Home Assistant of the device, and clears away what is no more.

What was there before is read back from the broker, which alone knows: the configuration may
have changed while the agent was off, and the outbox may be another.
"""

import json
import logging
from collections.abc import Collection

from edge_agent.config import HomeAssistantConfig, StreamConfig
from edge_agent.discovery import Json, discovery, discovery_topic, without
from edge_agent.mqtt_values import Received
from edge_agent.publisher import Publisher
from edge_agent.topics import Topics

log = logging.getLogger(__name__)


class Announcer:
    """What the broker keeps about this device, in step with its configuration.

    Args:
        config: whether and where to announce.
        device: its name.
        streams: what it looks at.
        allowed: the commands it obeys.
        publisher: where it is said.
        former: topics of former announcements, which are cleared.
    """

    def __init__(
        self,
        config: HomeAssistantConfig,
        device: str,
        streams: Collection[StreamConfig],
        allowed: Collection[str],
        publisher: Publisher,
        former: Collection[str] = (),
    ) -> None:
        self._topics, self._publisher, self._former = Topics(device), publisher, former
        self._names = {stream.name for stream in streams}
        self._topic = discovery_topic(config.prefix, device)
        self._message = discovery(device, list(streams), allowed) if config.enabled else None

    def announce(self) -> None:
        """Say it, and listen for what was said before."""
        filters = [self._topic, self._topics.availability("+")]
        self._publisher.listen(filters, self.receive)
        for topic in self._former:
            self._publisher.retain(topic, b"")
        if self._message is not None:
            self._publisher.retain(self._topic, _encode(self._message))

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
