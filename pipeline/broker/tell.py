"""`edgeward tell`: a command from the command line's options, and its answer for a reader."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from edge_agent.client.remote import Remote
from edge_agent.common.atomic import write_whole
from edge_agent.common.errors import printable
from edge_agent.contract.commands import (
    Command,
    Description,
    ReplyMessage,
    StreamDescription,
    decode_command,
)


def command_of(verb: str, **fields: str | float | bool | None) -> Command:
    """The command that `verb` and the `fields` that are not None make.

    Raises:
        MessageError: as the device itself would say it: no such verb, a field that the verb
            does not have, or a value out of range.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    return decode_command(verb, msgspec.json.encode(given))


def reply_lines(reply: ReplyMessage) -> Iterator[str]:
    """What `reply` says, a line for each thing, with nothing that a terminal would obey."""
    if not reply.ok:
        yield printable(f"{reply.device}: refused: {reply.error}")
        return
    if reply.description is None and not reply.snapshots:
        yield printable(f"{reply.device}: {reply.verb}: done")
    for taken in reply.snapshots:
        yield printable(
            f"{reply.device}/{taken.stream}: {taken.bytes:,} bytes on {taken.topic}, "
            f"taken {taken.captured_at:%Y-%m-%d %H:%M:%S} UTC"
        )
    if reply.description is not None:
        yield from _described(reply.device, reply.description)


def save_pictures(
    remote: Remote, reply: ReplyMessage, folder: Path, timeout_s: float
) -> Iterator[Path]:
    """Write the pictures that `reply` tells of into `folder`, made if it is missing.

    Raises:
        BrokerError: the broker does not hand one over.
        OSError: it cannot be written.
    """
    for taken in reply.snapshots:
        folder.mkdir(parents=True, exist_ok=True)
        # The name comes from outside; only its last part may name a file.
        path = folder / f"{printable(Path(taken.stream).name)}.jpg"
        write_whole(path, remote.picture(taken, timeout_s))
        yield path


def _described(device: str, said: Description) -> Iterator[str]:
    yield printable(f"{device}: edgeward {said.version}, {said.runtime}")
    for stream in said.streams:
        yield printable(f"{device}/{stream.name}: {_stream(stream)}")
    yield printable(f"{device}: obeys {', '.join(said.commands)}")


def _stream(stream: StreamDescription) -> str:
    pace = f"every {stream.interval_s:g} s" if stream.interval_s else "as fast as it can"
    parts = [
        f"{stream.task} by {stream.bundle.name} {stream.bundle.id}",
        f"of {stream.place or stream.source}",
        "paused" if stream.paused else pace,
    ]
    if stream.regions:
        parts.append(f"regions {', '.join(stream.regions)}")
    return ", ".join(parts)
