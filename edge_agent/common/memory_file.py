"""What is remembered between starts, in a JSON file beside the outbox, and may be lost.

Nothing of it is worth ending for: a file that is damaged or cannot be written is said in the log.
"""

import logging
from pathlib import Path
from typing import TypeVar

import msgspec

from edge_agent.common.atomic import write_whole

log = logging.getLogger(__name__)

T = TypeVar("T")


def recall(path: Path, kind: type[T], what: str) -> tuple[T, ...]:
    """What `remember` wrote to `path`; nothing if it is missing or damaged.

    Args:
        path: the file.
        kind: of each value, as msgspec decodes it.
        what: it is, for the log.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[kind, ...])  # type: ignore[valid-type]
    except FileNotFoundError:
        return ()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        log.warning("%s: expected %s, found: %s", path, what, error)
        return ()


def remember(path: Path, values: tuple[object, ...], loss: str) -> None:
    """Write `values` to `path`, whole or not at all.

    Args:
        path: the file.
        values: that msgspec can encode.
        loss: what it means that they could not be written, for the log.
    """
    try:
        write_whole(path, msgspec.json.format(msgspec.json.encode(values)) + b"\n")
    except OSError as error:
        log.warning("%s: cannot be written, %s: %s", path, loss, error)
