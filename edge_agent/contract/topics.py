"""Every MQTT topic name, in one place; `docs/reference/mqtt.md` says what is on them."""

from collections.abc import Callable
from dataclasses import dataclass

ROOT = "edgeward"
# Where `edgeward-agent doctor` tries what it may: no command, and no stream's.
PROBE = "doctor"


@dataclass(frozen=True)
class Topics:
    """The topics of one device."""

    device: str

    @property
    def root(self) -> str:
        """What all topics of the device start with."""
        return f"{ROOT}/{self.device}"

    @property
    def status(self) -> str:
        """Retained: whether the agent is connected; the last will."""
        return f"{self.root}/status"

    @property
    def health(self) -> str:
        """Retained: counters."""
        return f"{self.root}/health"

    @property
    def check(self) -> str:
        """Where `edgeward-agent check` proves that it may publish."""
        return f"{self.root}/check"

    def command(self, verb: str) -> str:
        """Where the agent is told what to do."""
        return f"{self.root}/command/{verb}"

    def reply(self, verb: str) -> str:
        """Where it answers if the command does not say where."""
        return f"{self.root}/reply/{verb}"

    def snapshot(self, stream: str) -> str:
        """Retained: the last picture that was asked for, a JPEG."""
        return f"{self.root}/stream/{stream}/snapshot"

    def availability(self, stream: str) -> str:
        """Retained: whether a stream's source gives frames."""
        return f"{self.root}/stream/{stream}/availability"

    def result(self, stream: str) -> str:
        """The answers of a stream, QoS 1, in order."""
        return f"{self.root}/stream/{stream}/result"

    def state(self, stream: str, region: str = "") -> str:
        """Retained: what stands now, of a stream of classes or of one region of another."""
        return f"{self.root}/stream/{stream}/state" + (f"/{region}" if region else "")


@dataclass(frozen=True)
class Channel:
    """Where a message goes.

    Args:
        address: its topic among those of a device; names in it are written as `{stream}`.
        retained: whether the broker keeps it.
    """

    address: Callable[[Topics], str]
    retained: bool


def subscriptions(device: str | None = None) -> tuple[str, ...]:
    """The topic filters for all that `device`, or every device, says."""
    topics = Topics(device or "+")
    return (topics.status, topics.health, topics.availability("+"), topics.result("+"))


def matches(pattern: str, topic: str) -> bool:
    """Whether a filter with `+` for single levels has `topic`."""
    wanted, found = pattern.split("/"), topic.split("/")
    return len(wanted) == len(found) and all(
        want in ("+", level) for want, level in zip(wanted, found, strict=True)
    )
