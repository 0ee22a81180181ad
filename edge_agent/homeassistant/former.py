"""Where the device was announced to Home Assistant before: remembered beside the outbox.

A new prefix or name leaves the old announcement at the broker, where nobody else takes it away.
"""

import re
from pathlib import Path

from edge_agent.common.memory_file import recall, remember

# Where versions before remembered it, whatever the outbox was called.
SHARED_FILE = "announced.json"
# Each is cleared again at every connection, which costs an empty message.
MAX_REMEMBERED = 8
WHAT = "topics of former announcements"
# What `discovery_topic` makes: whoever writes to the file must not have others cleared.
ANNOUNCEMENT = re.compile(r"[^+#\0]{1,200}/device/edgeward-([\w-]{1,200})/config", re.ASCII)


def announced_path(outbox: Path) -> Path:
    """The file of an agent whose outbox is at `outbox`: `outbox.announced.json` of `outbox.db`."""
    return outbox.with_suffix(".announced.json")


def former_topics(path: Path, topic: str) -> tuple[str, ...]:
    """The topics of former announcements; `topic` is remembered as one from now on.

    Args:
        path: where they are remembered; see `announced_path`.
        topic: where the device is announced now.
    """
    remembered = recall(path, str, WHAT)
    known = remembered or _shared(path.parent / SHARED_FILE, announced_device(topic))
    sound = (t for t in known if ANNOUNCEMENT.fullmatch(t) and t != topic)
    former = tuple(sound)[-MAX_REMEMBERED + 1 :]
    if remembered != (*former, topic):
        remember(path, (*former, topic), "a former announcement may stay")
    return former


def _shared(path: Path, device: str | None) -> tuple[str, ...]:
    """What is `device`'s in the file that agents in one folder shared: others' is not ours."""
    return tuple(t for t in recall(path, str, WHAT) if announced_device(t) == device)


def announced_device(topic: str) -> str | None:
    """The name of the device that is announced on `topic`; None where that is no announcement."""
    found = ANNOUNCEMENT.fullmatch(topic)
    # As `device_id` writes what a topic may not hold there: only a dot, of what names may.
    return None if found is None else found[1].replace("_2e_", ".")
