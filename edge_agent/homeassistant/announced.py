"""Where the device was announced to Home Assistant before: remembered beside the outbox.

A new prefix or name leaves the old announcement at the broker, where nobody else takes it away.
"""

import re
from pathlib import Path

from edge_agent.common.memory_file import recall, remember

MEMORY_FILE = "announced.json"
# Each is cleared again at every connection, which costs an empty message.
MAX_REMEMBERED = 8
# What `discovery_topic` makes: whoever writes to the file must not have others cleared.
ANNOUNCEMENT = re.compile(r"[^+#\0]{1,200}/device/edgeward-([\w-]{1,200})/config", re.ASCII)


def former_topics(folder: Path, topic: str) -> tuple[str, ...]:
    """The topics of former announcements; `topic` is remembered as one from now on.

    Args:
        folder: where they are remembered, and looked for.
        topic: where the device is announced now.
    """
    path = folder / MEMORY_FILE
    remembered = recall(path, str, "topics of former announcements")
    sound = (t for t in remembered if ANNOUNCEMENT.fullmatch(t) and t != topic)
    former = tuple(sound)[-MAX_REMEMBERED + 1 :]
    if remembered != (*former, topic):
        remember(path, (*former, topic), "a former announcement may stay")
    return former


def announced_device(topic: str) -> str | None:
    """The name of the device that is announced on `topic`; None where that is no announcement."""
    found = ANNOUNCEMENT.fullmatch(topic)
    # As `device_id` writes what a topic may not hold there: only a dot, of what names may.
    return None if found is None else found[1].replace("_2e_", ".")
