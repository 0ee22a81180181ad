"""Pictures of what was answered, kept on disk when something happens.

A `PictureFolder`: `0000000042.jpg` is the frame, `0000000042.json` its `SnapshotRecord`.
"""

import time
from collections.abc import Callable
from typing import Annotated

import msgspec

from edge_agent.common.strict import Moment, Name
from edge_agent.contract.messages import BundleRef, SnapshotRef
from edge_agent.pictures.config import Event, SnapshotConfig, SnapshotsConfig
from edge_agent.pictures.encode import encode_snapshot
from edge_agent.pictures.folder import PictureFolder, picture_path
from edge_agent.sources.base import Frame
from edge_agent.tasks.kinds import Answer

KB = 1024


class SnapshotRecord(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="edgeward.picture/1"
):
    """What is known of a snapshot.

    Args:
        number: its place in the folder; its files are named by it.
        device, stream, frame: where and what it was taken of.
        captured_at: when, UTC.
        clock_set: whether the clock was right then, as far as can be told.
        why: what happened.
        bundle: what answered.
        result: the answer.
    """

    number: Annotated[int, msgspec.Meta(ge=0)]
    device: Name
    stream: Name
    frame: Annotated[int, msgspec.Meta(ge=0)]
    captured_at: Moment
    why: tuple[Event, ...]
    bundle: BundleRef
    result: Answer
    clock_set: bool = True


class SnapshotStore:
    """Writes snapshots to a folder, within its bounds; any thread may.

    Args:
        config: where, and how much.
        clock: seconds that never go back.

    Raises:
        CropError: the folder cannot be made or read.
    """

    def __init__(
        self, config: SnapshotsConfig, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = config.folder
        self._pictures = PictureFolder(config.folder, "jpg", config.max_count, config.max_mb, clock)

    def keep(
        self, frame: Frame, record: SnapshotRecord, config: SnapshotConfig
    ) -> SnapshotRef | None:
        """Keep a frame; None if its stream had one a moment ago, or the disk fails.

        Args:
            frame: what was looked at.
            record: what is known of it; the number is given here.
            config: how large, and how often.
        """

        def describe(number: int) -> bytes:
            return msgspec.json.encode(msgspec.structs.replace(record, number=number)) + b"\n"

        kept = self._pictures.keep(
            record.stream,
            config.interval_s,
            lambda: encode_snapshot(frame.image, frame.order, config.max_kb * KB),
            describe,
        )
        if kept is None:
            return None
        name = picture_path(self._folder, kept.number, "jpg").name
        return SnapshotRef(file=name, bytes=kept.picture_bytes)


def events(answer: Answer, changed: bool) -> tuple[Event, ...]:
    """What a published answer gives occasion for."""
    return (*(("changed",) if changed else ()), *(("unsure",) if not answer.sure else ()))
