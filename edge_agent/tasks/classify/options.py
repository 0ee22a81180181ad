"""`ClassifyOptions`: what a stream of classes says of the frames it looks at."""

from edge_agent.tasks.whole import PartOptions


class ClassifyOptions(PartOptions, frozen=True, tag="classify"):
    """The part of every frame to look at; see `PartOptions`."""
