"""Which pictures are kept on disk, and how many: tables of agent.toml."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec

from edge_agent.common.strict import LEAST, Seconds, Strict

# What was answered is new; or nobody should rely on it.
Event: TypeAlias = Literal["changed", "unsure"]


class CropsConfig(Strict, frozen=True):
    """Where pictures of readings that were held or rejected are kept, to be labelled.

    Args:
        folder: for them; made if it is missing. One agent a folder.
        max_count, max_mb: how many, and how much, at most; beyond it the oldest go.
        interval_s: the least time between two of the same region.
    """

    folder: Path
    max_count: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 500
    max_mb: Annotated[float, msgspec.Meta(ge=LEAST, le=100_000)] = 50
    interval_s: Seconds = 60


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
