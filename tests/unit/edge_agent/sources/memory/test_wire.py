"""The words between the two processes, and how a connection ends."""

import math
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.sources.config import CameraConfig, PicameraConfig, StillConfig
from edge_agent.sources.memory.wire import (
    Begin,
    CameraLost,
    CameraOpened,
    CameraOpening,
    Captured,
    Corrupt,
    FromCamera,
    GoneError,
    Link,
    LookPace,
    LookRequest,
    Passing,
    Release,
    Reopen,
    ToCamera,
    pair,
)


@pytest.fixture(name="ends")
def _ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    agent, camera = pair()
    with agent, camera:
        yield agent, camera


def test_every_message_arrives_as_it_was(ends: tuple[socket.socket, socket.socket]) -> None:
    """Both ways, in order, borders kept; paths are paths again."""
    agent: Link[FromCamera] = Link(ends[0], FromCamera)
    camera: Link[ToCamera] = Link(ends[1], ToCamera)
    down: list[ToCamera] = [
        Begin(CameraConfig(device=Path("/dev/v4l/by-id/x"), width=640, height=480)),
        Begin(PicameraConfig(fps=2)),
        Release(3),
        LookRequest(),
        LookPace(math.inf),
        Begin(StillConfig(url="http://c/x", credentials_file=Path("/c"))),
        Reopen(),
    ]
    up: list[FromCamera] = [
        CameraOpening(),
        CameraOpened(480, 640),
        Captured(0, 7, 2, 123, 1.5, 2.5, 3.5),
        Passing(8, 3),
        Corrupt(8, "why"),
        CameraLost("gone", over=True),
    ]
    for to_camera in down:
        agent.send(to_camera)
    for from_camera in up:
        camera.send(from_camera)
    assert [camera.receive(5) for _ in down] == down
    assert [agent.receive(5) for _ in up] == up
    assert agent.receive(0) is None


def test_waiting_ends_when_the_other_side_is_gone(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    """What it has said before is still heard."""
    agent: Link[FromCamera] = Link(ends[0], FromCamera)
    camera: Link[ToCamera] = Link(ends[1], ToCamera)
    camera.send(CameraOpening())
    ends[1].close()
    assert agent.receive(5) == CameraOpening()
    with pytest.raises(GoneError):
        agent.receive(None)
    with pytest.raises(GoneError):
        agent.send(Reopen())


def test_hanging_up_wakes_whoever_waits(ends: tuple[socket.socket, socket.socket]) -> None:
    """From another thread, on either side; twice is once."""
    agent: Link[FromCamera] = Link(ends[0], FromCamera)
    woken = threading.Event()

    def wait() -> None:
        with pytest.raises(GoneError):
            agent.receive(None)
        woken.set()

    threading.Thread(target=wait, daemon=True).start()
    time.sleep(0.05)
    agent.hang_up()
    agent.hang_up()
    assert woken.wait(60)


@pytest.mark.parametrize(
    "packet", [b"\x00", b"junk", b"\x92\xa7Release\x09", b"\x92\xa6Opened\x01", b"\x91\xa4Boom"]
)
def test_what_is_no_message_ends_the_connection(
    packet: bytes, ends: tuple[socket.socket, socket.socket]
) -> None:
    """The other side is broken; nothing it says is guessed at."""
    for kind in (FromCamera, ToCamera):
        agent, camera = pair()
        with agent, camera:
            camera.send(packet)
            with pytest.raises(GoneError):
                Link[FromCamera](agent, kind).receive(5)
