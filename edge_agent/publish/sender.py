"""`Sender`: who sends the messages of an agent, and where they go."""

from dataclasses import dataclass, field

from edge_agent.contract.topics import Topics
from edge_agent.publish.publisher import Publisher
from edge_agent.system.wall_clock import WallClock


@dataclass(frozen=True)
class Sender:
    """Who sends: goes into every message.

    Args:
        device: the device's name.
        boot: this start of the agent.
        publisher: where the messages go.
        clock: what their times are by.
    """

    device: str
    boot: str
    publisher: Publisher
    clock: WallClock = field(default_factory=WallClock)

    @property
    def topics(self) -> Topics:
        """The topics of the device."""
        return Topics(self.device)
