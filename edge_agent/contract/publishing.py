"""A stream's `publish` and `snapshot` tables: what is said and kept of its answers."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec

from edge_agent.common.strict import LEAST, Seconds, Strict

# What was answered is new; or nobody should rely on it.
Event: TypeAlias = Literal["changed", "unsure"]


class PublishConfig(Strict, frozen=True):
    """Which of a stream's answers are published.

    Args:
        when: `always`: every one; `changed`: one that is news, and those that are due.
        settle: how often in a row something new must be seen to be news.
        margin: how much more probable than the class that stands a new one must be; with less
            the answer counts as the same. Classification only.
        at_least_every_s: with `changed`: so long after the last one, the next answer that says
            the same is published too, and after twice as long any; 0 never.

    Raises:
        ValueError: a field has no meaning beside another.
    """

    when: Literal["always", "changed"] = "always"
    settle: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1
    margin: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0
    at_least_every_s: Seconds = 0

    def __post_init__(self) -> None:
        if self.when == "always" and self.at_least_every_s:
            raise ValueError('at_least_every_s: expected it with when = "changed" only')


class SnapshotsConfig(Strict, frozen=True):
    """Where the snapshots of all streams are kept.

    Args:
        folder: for them; made if it is missing. One agent a folder.
        max_count, max_mb: how many, and how much, at most; beyond it the oldest go.
    """

    folder: Path
    max_count: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 500
    max_mb: Annotated[float, msgspec.Meta(ge=LEAST, le=100_000)] = 50


class SnapshotConfig(Strict, frozen=True):
    """Of which published results a stream keeps the frame.

    Args:
        on: of those that are news, of those that are not sure, or both.
        max_kb: how large a picture may be; it is made poorer, then smaller, until it fits.
        interval_s: the least time between two.
    """

    on: Annotated[tuple[Event, ...], msgspec.Meta(min_length=1)] = ("changed", "unsure")
    max_kb: Annotated[int, msgspec.Meta(ge=16, le=10_000)] = 100
    interval_s: Seconds = 60
