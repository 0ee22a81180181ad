"""What a broker keeps of streams and regions that are no more: remembered beside the outbox.

Not every broker can be asked: RabbitMQ hands out what it keeps to a subscriber of that very topic,
and nothing to one of a pattern.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from edge_agent.common.memory_file import recall, remember
from edge_agent.contract.topics import Topics

# Each is cleared again at every connection, which costs an empty message.
MAX_REMEMBERED = 64
# What a stream's retained topics look like behind the device's own.
KEPT = re.compile(r"/stream/[\w.-]{1,200}/(availability|snapshot|state(/[\w.-]{1,200})?)", re.ASCII)


def kept_path(outbox: Path) -> Path:
    """The file of an agent whose outbox is at `outbox`: `outbox.kept.json` of `outbox.db`."""
    return outbox.with_suffix(".kept.json")


def gone_topics(
    path: Path, topics: Topics, streams: Mapping[str, Sequence[str]]
) -> tuple[str, ...]:
    """The retained topics of streams and regions that were there before and are no more.

    Args:
        path: where they are remembered; those of `streams` are from now on.
        topics: the device's; others are nobody's business here.
        streams: those of now: the keys of what their answers are about, by their names.
    """
    now = tuple(topic for each in streams.items() for topic in kept_topics(topics, *each))
    remembered = recall(path, str, "topics that the broker keeps")
    ours = (t for t in remembered if t.startswith(topics.root) and t not in now)
    gone = tuple(t for t in ours if KEPT.fullmatch(t.removeprefix(topics.root)))[-MAX_REMEMBERED:]
    if remembered != (*gone, *now):
        remember(path, (*gone, *now), "what the broker keeps of a former stream may stay")
    return gone


def kept_topics(topics: Topics, stream: str, keys: Sequence[str]) -> tuple[str, ...]:
    """The topics that a broker keeps of one stream.

    Args:
        topics: the device's.
        stream: its name.
        keys: of what its answers are about; none where that is the whole frame.
    """
    states = (topics.state(stream, key) for key in keys or ("",))
    return (topics.availability(stream), topics.snapshot(stream), *states)
