"""`Announcer`: tells Home Assistant of the device, and clears away what is no more.

What was there before is read back from the broker, which alone knows: the configuration may
have changed while the agent was off, and the outbox may be another.
"""

import json
import logging
from collections.abc import Collection

from edge_agent.config import HomeAssistantConfig, StreamConfig
from edge_agent.discovery import Json, any_prefix, discovery, discovery_topic, without
from edge_agent.mqtt_values import Received
from edge_agent.publisher import Publisher
from edge_agent.topics import Topics, matches

log = logging.getLogger(__name__)


class Announcer:
    """What the broker keeps about this device, in step with its configuration.

    Args:
        config: whether and where to announce.
        device: its name.
        streams: what it looks at.
        allowed: the commands it obeys.
        publisher: where it is said.
    """

    def __init__(
        self,
        config: HomeAssistantConfig,
        device: str,
        streams: Collection[StreamConfig],
        allowed: Collection[str],
        publisher: Publisher,
    ) -> None:
        self._topics, self._publisher = Topics(device), publisher
        self._names = {stream.name for stream in streams}
        self._topic, self._any_topic = discovery_topic(config.prefix, device), any_prefix(device)
        self._message = discovery(device, list(streams), allowed) if config.enabled else None

    def announce(self) -> None:
        """Say it, and listen for what was said before."""
        # Each by itself: a broker may forbid the last, and refuses no other with it.
        filters = [self._topic, self._topics.availability("+"), self._any_topic]
        self._publisher.listen(filters, self.receive)
        if self._message is not None:
            self._publisher.retain(self._topic, _encode(self._message))

    def receive(self, received: Received) -> None:
        """The broker has kept something: is it still so?"""
        if not received.retained or not received.payload:
            return
        if received.topic == self._topic:
            self._renew(received.payload)
            return
        if matches(self._any_topic, received.topic):
            log.info("%s: clearing an announcement below another prefix", received.topic)
            self._publisher.retain(received.topic, b"")
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
