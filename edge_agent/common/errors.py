"""The exceptions of the device package.

Every message names the place, what was expected and what was found. Only `cli.py`
turns an exception into an exit status (`exit_codes.py`).
"""


def one_line(error: BaseException) -> str:
    """What `error` says, for a terminal: one line, whatever a file's name or a label holds.

    The system's own errors carry their place and what was found apart from their text.
    """
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename is not None else ""
        text = f"{place}the system refuses: {error.strerror}"
    else:
        text = str(error) or type(error).__name__
    return printable(text)


def printable(text: str) -> str:
    """`text` with control characters and halves of characters as Python escapes."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


class AgentError(Exception):
    """Base of every error this package raises on purpose."""


class ConfigError(AgentError):
    """The agent's configuration file is missing or wrong."""


class BundleError(AgentError):
    """A bundle is missing, damaged, or disagrees with its own manifest."""


class TaskError(BundleError):
    """A sound bundle, but for another task than the one asked for."""


class RuntimeUnavailableError(AgentError):
    """No TFLite interpreter can run on this machine."""


class SourceError(AgentError):
    """A frame source cannot be opened or read."""


class BrokerError(AgentError):
    """The MQTT broker is out of reach or refuses this client."""


class MessageError(AgentError):
    """A message does not follow its schema."""


class OutboxError(AgentError):
    """The durable outbox cannot be opened or written."""


class DiskFullError(OutboxError):
    """The durable outbox has no room on its disk; nothing that it has is lost."""


class CropError(AgentError):
    """The folder of crops to be labelled cannot be used."""
