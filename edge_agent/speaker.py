"""`Speaker`: whose words they are, and where they go."""

from dataclasses import dataclass

from edge_agent.publisher import Publisher
from edge_agent.topics import Topics


@dataclass(frozen=True)
class Speaker:
    """Who speaks: goes into every message.

    Args:
        device: the device's name.
        boot: this start of the agent.
        publisher: where the messages go.
    """

    device: str
    boot: str
    publisher: Publisher

    @property
    def topics(self) -> Topics:
        """The topics of the device."""
        return Topics(self.device)
