"""`RegressOptions`: what a stream of numbers says of the frames it looks at."""

from edge_agent.tasks.whole import PartOptions


class RegressOptions(PartOptions, frozen=True, tag="regress"):
    """The part of every frame to look at; see `PartOptions`."""
