"""How the agent's log looks: for people, for the journal, or for programs; one line each time."""

import json
import logging
import os
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from edge_agent.common.errors import printable

Format: TypeAlias = Literal["auto", "text", "journal", "json"]

# What systemd makes of `<N>` at the start of a line: sd-daemon(3), syslog's levels.
PRIORITIES = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
DEBUG_PRIORITY = 7


def log_to_stderr(level: str, form: Format = "auto") -> None:
    """Send what the package logs to stderr.

    Args:
        level: `debug`, `info`, `warning` or `error`, and what is worse.
        form: `text` is a level and a message; `journal` what systemd's journal reads:
            `<priority>`, the message, and key=value; `json` an object a line. `auto` is
            `journal` where stderr is the journal, else `text`.
    """
    chosen = ("journal" if under_systemd() else "text") if form == "auto" else form
    handler = logging.StreamHandler()
    handler.setFormatter(FORMATTERS[chosen]())
    package = logging.getLogger("edge_agent")
    package.handlers = [handler]
    package.setLevel(level.upper())


def under_systemd(descriptor: int = 2) -> bool:
    """Whether stderr goes to the journal: JOURNAL_STREAM names the file it is (systemd.exec(5))."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return (device, inode) == (str(found.st_dev), str(found.st_ino))


class TextFormatter(logging.Formatter):
    """`WARNING what happened`."""

    def format(self, record: logging.LogRecord) -> str:
        """As the class says."""
        return printable(f"{record.levelname} {_message(record)}")


class JournalFormatter(logging.Formatter):
    """`<4>what happened thread=publisher source=edge_agent.publish.publisher`."""

    def format(self, record: logging.LogRecord) -> str:
        """As the class says."""
        worse = (number for level, number in PRIORITIES if record.levelno >= level)
        priority = next(worse, DEBUG_PRIORITY)
        where = f"thread={_quoted(record.threadName or '')} source={record.name}"
        return f"<{priority}>{printable(_message(record))} {where}"


class JsonFormatter(logging.Formatter):
    """`{"time": ..., "level": "warning", "message": ..., "thread": ..., "source": ...}`."""

    def format(self, record: logging.LogRecord) -> str:
        """As the class says."""
        return json.dumps(
            {
                "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
                "level": record.levelname.lower(),
                "message": _message(record),
                "thread": record.threadName,
                "source": record.name,
            },
            ensure_ascii=False,
        )


FORMATTERS = {"text": TextFormatter, "journal": JournalFormatter, "json": JsonFormatter}


def _message(record: logging.LogRecord) -> str:
    text = record.getMessage()
    if record.exc_info:
        text += f"\n{logging.Formatter().formatException(record.exc_info)}"
    return text


def _quoted(value: str) -> str:
    """As a key's value: in quotes where it would not be one word."""
    plain = value.isprintable() and value and not any(c in value for c in ' "=')
    return value if plain else json.dumps(value)
