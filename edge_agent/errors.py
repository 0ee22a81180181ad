"""The exceptions of the device package.

Every message names the place, what was expected and what was found. Only `cli.py`
turns an exception into an exit status (`exit_codes.py`).
"""


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
