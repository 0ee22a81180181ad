"""Where the device was announced to Home Assistant before: remembered beside the outbox.

A new prefix or name leaves the old announcement at the broker, where nobody else takes it away.
"""

import logging
import re
from pathlib import Path

import msgspec

from edge_agent.atomic import write_whole

log = logging.getLogger(__name__)

MEMORY_FILE = "announced.json"
# Each is cleared again at every connection, which costs an empty message.
MAX_REMEMBERED = 8
# What `discovery_topic` makes: whoever writes to the file must not have others cleared.
ANNOUNCEMENT = re.compile(r"[^+#\0]{1,200}/device/edgeward-[\w-]{1,200}/config", re.ASCII)


def former_topics(folder: Path, topic: str) -> tuple[str, ...]:
    """The topics of former announcements; `topic` is remembered as one from now on.

    Args:
        folder: where they are remembered, and looked for.
        topic: where the device is announced now.
    """
    path = folder / MEMORY_FILE
    remembered = _read(path)
    sound = (t for t in remembered if ANNOUNCEMENT.fullmatch(t) and t != topic)
    former = tuple(sound)[-MAX_REMEMBERED + 1 :]
    if remembered != (*former, topic):
        _write(path, (*former, topic))
    return former


def _read(path: Path) -> tuple[str, ...]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[str, ...])
    except FileNotFoundError:
        return ()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        log.warning("%s: expected topics of former announcements, found: %s", path, error)
        return ()


def _write(path: Path, topics: tuple[str, ...]) -> None:
    try:
        write_whole(path, msgspec.json.encode(topics) + b"\n")
    except OSError as error:
        log.warning("%s: cannot be written, a former announcement may stay: %s", path, error)
