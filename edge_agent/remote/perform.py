"""`CommandPerformer`: performs commands, one after the other, in a thread of its own.

A thread of its own: a snapshot may wait seconds for a frame, and neither the publisher nor the
end of the agent waits with it.
"""

import json
import logging
import queue
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Self

import msgspec

from edge_agent import __version__
from edge_agent.common.errors import AgentError, MessageError, SourceError, one_line
from edge_agent.common.rate import RateLimit
from edge_agent.contract.commands import (
    Command,
    DescribeCommand,
    Description,
    PauseCommand,
    ReplyMessage,
    RestartCommand,
    ResumeCommand,
    SetCommand,
    SnapshotCommand,
    SnapshotTaken,
)
from edge_agent.inference.runtime import runtime_name
from edge_agent.pictures.encode import encode_snapshot
from edge_agent.publish.sender import Sender
from edge_agent.remote.inbox import CommandInbox, Request
from edge_agent.stream.config import StreamConfig
from edge_agent.stream.stream import Stream

log = logging.getLogger(__name__)

# How long a snapshot waits for a fresh frame.
FRESH_FRAME_S = 2.0
# Asked for faster than they can be performed, commands are refused, not piled up.
MAX_WAITING = 16
# How many may come at once however low the rate is.
BURST = 10


class CommandPerformer:
    """Everything that commands can do; a context manager.

    Args:
        sender: who answers.
        streams: whom commands are about.
        allowed: the verbs that may be performed.
        per_minute: how many commands are taken.
        snapshot_bytes: how large a picture may be.
        restart: called when a restart is to begin, from this class's thread.
    """

    def __init__(
        self,
        sender: Sender,
        streams: Sequence[Stream],
        allowed: Collection[str],
        per_minute: float,
        snapshot_bytes: int,
        restart: Callable[[], None],
    ) -> None:
        self._sender, self._restart = sender, restart
        self._streams = {stream.config.name: stream for stream in streams}
        self._allowed, self._snapshot_bytes = allowed, snapshot_bytes
        self._requests: queue.Queue[Request | None] = queue.Queue(MAX_WAITING)
        self._inbox = CommandInbox(sender, allowed, RateLimit(per_minute, BURST), self._take)
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)
        self._closed = False
        self.receive = self._inbox.receive

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # What waits is not performed any more; the thread ends with what it is about, or with us.
        self._closed = True
        with suppress(queue.Full):
            self._requests.put_nowait(None)

    def perform(self, verb: str, command: Command) -> ReplyMessage:
        """Do what `command` says; what became of it."""
        try:
            return self._perform(verb, command)
        except AgentError as error:
            log.warning("%s: %s", verb, error)
            return self._reply(verb, error=str(error))
        # Whatever it is (OpenCV has errors of its own, memory may be short), the next command
        # must find somebody here.
        except Exception as error:
            log.exception("%s", verb)
            return self._reply(verb, error=f"{type(error).__name__}: {one_line(error)}")

    def _take(self, request: Request) -> None:
        try:
            self._requests.put_nowait(request)
        except queue.Full:
            error = f"{request.verb}: too many commands wait: ask later"
            self._inbox.answer(request.back, self._reply(request.verb, error=error))

    def _run(self) -> None:
        while (request := self._requests.get()) is not None and not self._closed:
            log.info("command: %s", _words(request.verb, request.command))
            reply = self.perform(request.verb, request.command)
            self._inbox.answer(request.back, reply)
            if isinstance(request.command, RestartCommand):
                self._restart()

    def _perform(self, verb: str, command: Command) -> ReplyMessage:
        match command:
            case SnapshotCommand():
                taken = tuple(self._snapshot(stream) for stream in self._meant(verb, command))
                return self._reply(verb, snapshots=taken)
            case PauseCommand() | ResumeCommand():
                for stream in self._meant(verb, command):
                    stream.pause(isinstance(command, PauseCommand))
            case SetCommand():
                self._set(verb, command)
            case DescribeCommand():
                return self._reply(verb, description=self._describe())
            case RestartCommand():
                pass  # after the answer
        return self._reply(verb)

    def _meant(
        self, verb: str, command: SnapshotCommand | PauseCommand | ResumeCommand | SetCommand
    ) -> list[Stream]:
        if command.stream is None:
            return list(self._streams.values())
        if command.stream not in self._streams:
            names = ", ".join(self._streams)
            raise MessageError(
                f"{verb}: expected a stream of {names}, found {command.stream!r} - at `$.stream`"
            )
        return [self._streams[command.stream]]

    def _set(self, verb: str, command: SetCommand) -> None:
        meant = self._meant(verb, command)
        # First all that may be refused: what is refused has changed nothing.
        for stream in meant:
            if command.interval_s is not None:
                _check_interval(verb, stream.config, command.interval_s)
            if command.region is not None:
                stream.check_value(command.region, command.value)
        if command.interval_s is not None:
            for stream in meant:
                stream.controls.set_interval(command.interval_s)
        if command.log_level is not None:
            logging.getLogger("edge_agent").setLevel(command.log_level.upper())
        if command.region is not None:
            for stream in meant:
                stream.set_value(command.region, command.value)

    def _snapshot(self, stream: Stream) -> SnapshotTaken:
        name = stream.config.name
        frame = stream.controls.fresh(FRESH_FRAME_S)
        if frame is None:
            raise SourceError(f"snapshot: stream {name!r} gives no frame")
        data = encode_snapshot(frame.image, frame.order, self._snapshot_bytes)
        topic = self._sender.topics.snapshot(name)
        self._sender.publisher.retain(topic, data)
        return SnapshotTaken(
            stream=name, topic=topic, captured_at=frame.captured_at, bytes=len(data)
        )

    def _describe(self) -> Description:
        return Description(
            version=__version__,
            runtime=runtime_name(),
            streams=tuple(stream.describe() for stream in self._streams.values()),
            commands=tuple(self._allowed),
        )

    def _reply(
        self,
        verb: str,
        *,
        error: str = "",
        snapshots: tuple[SnapshotTaken, ...] = (),
        description: Description | None = None,
    ) -> ReplyMessage:
        return ReplyMessage(
            device=self._sender.device,
            boot=self._sender.boot,
            verb=verb,
            ok=not error,
            error=error,
            snapshots=snapshots,
            description=description,
        )


def _words(verb: str, command: Command) -> str:
    """A command for people: `set stream "door", interval_s 5`."""
    said = msgspec.to_builtins(command)
    said.pop("schema", None)
    parts = [f"{key} {json.dumps(value)}" for key, value in said.items() if value not in (None, "")]
    if isinstance(command, SetCommand) and not command.reset:
        parts = [part for part in parts if not part.startswith("reset ")]
    return " ".join([verb, ", ".join(parts)]).rstrip()


def _check_interval(verb: str, stream: StreamConfig, interval_s: float) -> None:
    """Refuse what the configuration would.

    Raises:
        MessageError: the stream cannot run at that interval.
    """
    try:
        msgspec.structs.replace(stream, interval_s=interval_s, frames_per_s=None)
    except ValueError as error:
        raise MessageError(
            f"{verb}: stream {stream.name!r}: {error} - at `$.interval_s`"
        ) from error
